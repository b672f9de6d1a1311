"""The tapes and runs of the black-box tests."""

from tests.blackbox.conftest import compiled, finished_run, tape, whole_digest

__all__ = ["compiled", "finished_run", "tape", "whole_digest"]
