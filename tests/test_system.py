"""Processors and systems: what Python can tell on each."""

from __future__ import annotations

import os

import pytest

import cli
import simcore
from simcore import system
from simcore.errors import OutputError
from simcore.processes import cpus


def test_processors_are_counted_without_an_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has no `sched_getaffinity`, Python before 3.13 no `process_cpu_count`."""
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cpus() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpus() == 1


def test_processors_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The affinity counts, not the machine; Python 3.13 says both in one."""
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 5}, raising=False)
    assert cpus() == 2
    monkeypatch.setattr(os, "process_cpu_count", lambda: 3, raising=False)
    assert cpus() == 3


def test_windows_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """By the command and from Python, before a module is missing."""
    monkeypatch.setattr(system.os, "name", "nt")
    monkeypatch.setattr(system.platform, "system", lambda: "Windows")
    try:
        code = cli.run_command(["errors", "OUT-005"])
        monkeypatch.delitem(vars(simcore), "replay", raising=False)
        with pytest.raises(OutputError, match="OUT-005 mmsim needs Linux or macOS: this is Windows"):
            _ = simcore.replay
    finally:
        monkeypatch.undo()  # pytest's own paths look at os.name
    assert code == 2
    assert capsys.readouterr().err.startswith("error OUT-005: mmsim needs Linux or macOS: this is Windows\nremedy: on Windows run it in WSL")
