"""Processes that are killed: no final file is half-written, a run can go on, and its digest is that of a whole run."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.blackbox.command import SAMPLE, assert_refused, mmsim_here, names_under, start
from tests.blackbox.processes import (
    RUN,
    assert_convert_leaves_a_whole_tape,
    assert_synth_leaves_whole_tapes,
    assert_whole,
    moments,
    stop_after,
    wait_until,
)
from tests.blackbox.tapes import write_sample

pytestmark = pytest.mark.usefixtures("compiled")

KILLS = int(os.environ.get("MMSIM_KILLS", "1"))


def assert_resumes(whole_digest: str, out: Path, kills: int) -> None:
    """Kill a run and its resumed successors, each at a later part of its time; the last one gives the whole digest."""
    killed = 0
    for seconds in moments(3.0, kills):
        done = stop_after(start("replay", SAMPLE, "--out", out, *RUN, "--resume"), 0.3 + seconds, signal.SIGKILL)
        assert_whole(out)
        if done.returncode != -signal.SIGKILL:
            break
        killed += 1
    assert killed
    done = mmsim_here("replay", SAMPLE, "--out", out, *RUN, "--resume", "--json")
    if done.returncode:
        assert_refused(done, "JRNL-002", "mmsim report")
        done = mmsim_here("report", out, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["digest"] == whole_digest
    assert not [name for name in names_under(out) if Path(name).name.startswith(".")]


def test_a_killed_run_goes_on_to_the_same_digest(whole_digest: str, tmp_path: Path) -> None:
    """kill -9 at any moment, again and again, then --resume: the result is that of a run that never stopped."""
    assert_resumes(whole_digest, tmp_path / "run", KILLS + 1)


def test_a_fresh_run_says_that_there_is_one(tmp_path: Path) -> None:
    """Without --resume a stopped run is not overwritten, and the cause names --resume."""
    out = tmp_path / "run"
    process = start("replay", SAMPLE, "--out", out, *RUN)
    wait_until((out / "run.json").exists, process)
    stop_after(process, 0.2, signal.SIGKILL)
    before = names_under(out)
    assert_refused(mmsim_here("replay", SAMPLE, "--out", out, *RUN), "JRNL-002", str(out))
    assert_refused(mmsim_here("verify", out), "JRNL-001", f"--resume --out {out}")
    assert_refused(mmsim_here("report", out), "REP-001", f"--resume --out {out}")
    assert names_under(out) == before


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_a_stopped_run_leaves_nothing_half_written(number: int, whole_digest: str, tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM: exit code 130, one word, whole files; then --resume."""
    out = tmp_path / "run"
    process = start("replay", SAMPLE, "--out", out, *RUN)
    wait_until((out / ".checkpoint.npz").exists, process)
    done = stop_after(process, 0.2, number)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "interrupted")
    assert_whole(out)
    assert not [name for name in names_under(out) if name.endswith(".part")]
    again = mmsim_here("replay", SAMPLE, "--out", out, *RUN, "--resume", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["digest"] == whole_digest


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_synth_leaves_whole_tapes_only(number: int, tmp_path: Path) -> None:
    """A tape is there whole or not at all; SIGTERM leaves no temporary file, and the next run removes those of a kill."""
    assert_synth_leaves_whole_tapes(number, tmp_path, KILLS)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_convert_leaves_a_whole_tape_or_none(number: int, tmp_path: Path) -> None:
    """The same for conversions."""
    assert_convert_leaves_a_whole_tape(number, tmp_path, KILLS)


def test_a_report_that_was_killed_is_built_again(finished_run: Path) -> None:
    """`mmsim report` replaces whole files only."""
    for seconds in moments(1.5, KILLS):
        stop_after(start("report", finished_run), 0.2 + seconds, signal.SIGKILL)
        assert_whole(finished_run)
    done = mmsim_here("report", finished_run)
    assert done.returncode == 0, done.stderr
    assert_whole(finished_run)
    assert not [name for name in names_under(finished_run) if Path(name).name.startswith(".")]


def test_a_run_is_resumed_on_its_own_tape_only(tape: Path, tmp_path: Path) -> None:
    """Tape or config changed since: JRNL-003; a damaged checkpoint: JRNL-008; and the run is left as it is."""
    own = tmp_path / "own.parquet"
    own.write_bytes(SAMPLE.read_bytes())
    out = tmp_path / "run"
    process = start("replay", own, "--out", out, *RUN)
    wait_until((out / ".checkpoint.npz").exists, process)
    stop_after(process, 0.1, signal.SIGKILL)
    before = {name: (out / name).read_bytes() for name in names_under(out)}
    assert_refused(mmsim_here("replay", own, "--out", out, *RUN, "--resume", "--seed", "9"), "JRNL-003", str(out))
    write_sample(own, rows=4000)
    assert_refused(mmsim_here("replay", own, "--out", out, *RUN, "--resume"), "JRNL-003", str(out))
    assert {name: (out / name).read_bytes() for name in names_under(out)} == before
    own.write_bytes(SAMPLE.read_bytes())
    (out / ".checkpoint.npz").write_bytes((out / ".checkpoint.npz").read_bytes()[:1000])
    assert_refused(mmsim_here("replay", own, "--out", out, *RUN, "--resume"), "JRNL-008", ".checkpoint.npz")


# A tick each ns of a second is minutes of work, one each 0.5 us a second or two, all on the first rows of the sample.
FAST = ("--strategy", "demo_maker", "--set", "run.checkpoint_s=0.1", "--set")
ENDLESS = (*FAST, "node.tick_interval_ms=0.000001", "--to", "2024-01-01T00:00:01Z")
SECONDS = (*FAST, "node.tick_interval_ms=0.0005", "--to", "2024-01-01T00:00:01Z")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_tick_interval_far_below_the_markets_can_be_interrupted(number: int, tmp_path: Path) -> None:
    """Within seconds, and with checkpoints on the way, although the run never leaves its first rows."""
    out = tmp_path / "run"
    process = start("replay", SAMPLE, "--out", out, *ENDLESS)
    checkpoint = out / ".checkpoint.npz"
    wait_until(checkpoint.exists, process)
    first = checkpoint.stat().st_mtime_ns
    wait_until(lambda: checkpoint.stat().st_mtime_ns > first, process)
    begun = time.monotonic()
    done = stop_after(process, 0.0, number)
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "interrupted")
    assert time.monotonic() - begun < 5
    assert_whole(out)
    assert not [name for name in names_under(out) if name.endswith(".part")]


def test_a_run_that_is_killed_between_two_rows_goes_on_to_the_same_digest(tmp_path: Path) -> None:
    """A checkpoint that was written in the middle of a chunk of rows is as good as any."""
    out = tmp_path / "run"
    process = start("replay", SAMPLE, "--out", out, *SECONDS)
    wait_until((out / ".checkpoint.npz").exists, process)
    assert stop_after(process, 0.0, signal.SIGKILL).returncode == -signal.SIGKILL
    again = mmsim_here("replay", SAMPLE, "--out", out, *SECONDS, "--resume", "--json")
    assert again.returncode == 0, again.stderr
    whole = mmsim_here("replay", SAMPLE, "--out", tmp_path / "whole", *SECONDS, "--json")
    assert json.loads(again.stdout)["digest"] == json.loads(whole.stdout)["digest"]


def test_ticks_that_cannot_be_played_are_refused_before_the_run(tmp_path: Path) -> None:
    """A day of ticks each us: CONF-011 with their number, and nothing is left behind."""
    done = mmsim_here("replay", SAMPLE, "--out", tmp_path / "run", *FAST, "node.tick_interval_ms=0.001")
    assert_refused(done, "CONF-011", "node.tick_interval_ms: 0.001 makes 86,39", "would do")
    assert not (tmp_path / "run").exists()
