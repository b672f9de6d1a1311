"""Processes that are killed: no final file is half-written, a run can go on, and its digest is that of a whole run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simcore.tape.read import Tape
from tests.blackbox.command import SAMPLE, assert_refused, mmsim, mmsim_here, names_under, start
from tests.blackbox.sources import write_lobster
from tests.blackbox.tapes import write_sample

pytestmark = pytest.mark.usefixtures("compiled")

RUN = ("--repeat", "20", "--set", "node.tick_interval_ms=5000", "--set", "run.checkpoint_s=0.02")  # two seconds, 20 checkpoints
KILLS = int(os.environ.get("MMSIM_KILLS", "2"))
MANY_KILLS = 25


@pytest.fixture(scope="module")
def whole_digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("whole") / "run"
    done = mmsim_here("replay", SAMPLE, "--out", out, *RUN, "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["digest"])


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that a process does, or for its end."""
    while not condition() and process.poll() is None:
        time.sleep(0.005)


def wait_until_it_listens(process: subprocess.Popen[str]) -> None:
    """Wait until a process has its handler of SIGTERM: before that, Python itself starts."""
    status = Path(f"/proc/{process.pid}/status")

    def listens() -> bool:
        lines = status.read_text().splitlines() if status.exists() else []
        caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)

    wait_until(listens, process)


def stop_after(process: subprocess.Popen[str], seconds: float, number: int) -> subprocess.CompletedProcess[str]:
    """Send a signal after a while, unless the process ends before; return how it ended."""
    if number != signal.SIGKILL:
        wait_until_it_listens(process)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def moments(seconds: float, count: int) -> Iterator[float]:
    """Yield moments spread over a duration, each somewhere in its part of it; the same in each run of the tests."""
    chance = random.Random(7)
    for i in range(count):
        yield seconds * (i + chance.random()) / count


def assert_whole(folder: Path) -> None:
    """Every file with its final name is complete."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.name.startswith("."):
            content = path.read_bytes()
            if path.suffix == ".parquet":
                assert content[:4] == content[-4:] == b"PAR1", path
            elif path.suffix == ".json":
                json.loads(content)
            elif path.suffix == ".png":
                assert content.endswith(b"IEND\xaeB`\x82"), path
            elif path.suffix == ".html":
                assert content.rstrip().endswith(b"</html>"), path


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
    assert_resumes(whole_digest, tmp_path / "run", KILLS)


@pytest.mark.slow
def test_runs_that_are_killed_often_go_on_to_the_same_digest(whole_digest: str, tmp_path: Path) -> None:
    """The same at many moments: one kill each, from the start of the process to the report."""
    for i, seconds in enumerate(moments(3.5, MANY_KILLS)):
        out = tmp_path / f"run{i}"
        stop_after(start("replay", SAMPLE, "--out", out, *RUN), 0.2 + seconds, signal.SIGKILL)
        assert_whole(out)
        done = mmsim_here("replay", SAMPLE, "--out", out, *RUN, "--resume", "--json")
        if done.returncode:
            assert_refused(done, "JRNL-002", "mmsim report")
            done = mmsim_here("report", out, "--json")
        assert json.loads(done.stdout)["digest"] == whole_digest, seconds


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
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


def assert_synth_leaves_whole_tapes(number: int, folder: Path, times: int) -> None:
    words = ("tape", "synth", "--out", folder, "--duration", "20000", "--seed", "5")
    for seconds in moments(1.2, times):
        done = stop_after(start(*words), 0.3 + seconds, number)
        if number == signal.SIGTERM and done.returncode:
            assert (done.returncode, done.stderr.strip()) == (130, "interrupted")
            assert not [name for name in names_under(folder) if name.startswith(".")]
        for path in folder.glob("*.parquet"):
            Tape.open(path).verify()
    assert mmsim(*words).returncode == 0
    assert [name for name in names_under(folder) if name.startswith(".")] == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_stopped_synth_leaves_whole_tapes_only(number: int, tmp_path: Path) -> None:
    """A tape is there whole or not at all; SIGTERM leaves no temporary file, and the next run removes those of a kill."""
    assert_synth_leaves_whole_tapes(number, tmp_path, KILLS)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_synth_may_be_stopped_at_any_moment(number: int, tmp_path: Path) -> None:
    """The same at many moments, those between two steps of the writer among them."""
    assert_synth_leaves_whole_tapes(number, tmp_path, 2 * MANY_KILLS)


def assert_convert_leaves_a_whole_tape(number: int, folder: Path, times: int) -> None:
    source = write_lobster(folder / "AMZN_2021-04-12_message_10.csv", 60_000)
    words = ("tape", "convert", source, "--format", "lobster", "--out", folder / "out")
    for seconds in moments(1.2, times):
        done = stop_after(start(*words), 0.3 + seconds, number)
        if number == signal.SIGINT and done.returncode:
            assert (done.returncode, done.stderr.strip()) == (130, "interrupted")
            assert names_under(folder / "out") == []
        for path in (folder / "out").glob("*.parquet"):
            Tape.open(path).verify()
            path.unlink()
    assert mmsim(*words).returncode == 0
    assert len(names_under(folder / "out")) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_convert_leaves_a_whole_tape_or_none(number: int, tmp_path: Path) -> None:
    """The same for conversions."""
    assert_convert_leaves_a_whole_tape(number, tmp_path, KILLS)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_convert_may_be_stopped_at_any_moment(number: int, tmp_path: Path) -> None:
    """At many moments."""
    assert_convert_leaves_a_whole_tape(number, tmp_path, 2 * MANY_KILLS)


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
    """Tape, config or checkpoint changed since: JRNL-003, and the run is left as it is."""
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
    assert_refused(mmsim_here("replay", own, "--out", out, *RUN, "--resume"), "JRNL-003", ".checkpoint.npz")
