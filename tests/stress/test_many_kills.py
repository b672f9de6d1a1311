"""Commands that are stopped at many moments, from the start of their process to its end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.blackbox.command import SAMPLE, assert_refused, mmsim_here, start
from tests.blackbox.processes import (
    RUN,
    assert_convert_leaves_a_whole_tape,
    assert_synth_leaves_whole_tapes,
    assert_whole,
    moments,
    stop_after,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]

RUNS, TAPES = 25, 50


def test_runs_go_on_to_the_same_digest(whole_digest: str, tmp_path: Path) -> None:
    """kill -9 at every part of a run, then --resume."""
    for i, seconds in enumerate(moments(3.5, RUNS)):
        out = tmp_path / f"run{i}"
        stop_after(start("replay", SAMPLE, "--out", out, *RUN), 0.2 + seconds, signal.SIGKILL)
        assert_whole(out)
        done = mmsim_here("replay", SAMPLE, "--out", out, *RUN, "--resume", "--json")
        if done.returncode:
            assert_refused(done, "JRNL-002", "mmsim report")
            done = mmsim_here("report", out, "--json")
        assert json.loads(done.stdout)["digest"] == whole_digest, seconds


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_synth_leaves_whole_tapes(number: int, tmp_path: Path) -> None:
    assert_synth_leaves_whole_tapes(number, tmp_path, TAPES)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_convert_leaves_a_whole_tape_or_none(number: int, tmp_path: Path) -> None:
    assert_convert_leaves_a_whole_tape(number, tmp_path, TAPES)
