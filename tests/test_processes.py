"""Worker processes end with their caller, however it ends and whatever they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simcore.processes import Child
from simcore.tape.synth import preset_spec, synth
from tests.blackbox.command import ROOT, start
from tests.endless import WAYS

AT_ONCE_S = 3.0
CALLER = "from simcore.processes import Child; child = Child('tests.endless'); print(child.pipe.recv(), flush=True); child.process.wait()"
FORKING = f"import os, time; {CALLER.replace('child.process.wait()', 'os.fork() or time.sleep(30); child.process.wait()')}"
LOOPING = """\
import os
from pathlib import Path


class Strategy:
    def on_tick(self, context):
        Path(__file__).with_name(f"{os.getpid()}.pid").touch()
        while True:
            sum(range(1000))
"""


def runs(pid: int) -> bool:
    """Return whether a process is there, and is not only a name that nobody has asked after."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@contextmanager
def caller_of(code: str, way: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a process that has a worker; give it, and the worker's number."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "ENDLESS": way}
    ) as caller:
        assert caller.stdout is not None
        worker = int(caller.stdout.readline())
        assert runs(worker)
        yield caller, worker


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("way", WAYS)
def test_a_worker_ends_with_its_caller(way: str, number: int) -> None:
    with caller_of(CALLER, way) as (caller, worker):
        caller.send_signal(number)
    assert wait_for(lambda: not runs(worker), AT_ONCE_S)


def test_a_worker_ends_though_a_fork_of_its_caller_lives() -> None:
    """The fork holds what the caller held; the worker's parent is gone all the same."""
    with caller_of(FORKING, "loops") as (caller, worker):
        caller.kill()
        caller.wait()
        assert wait_for(lambda: not runs(worker), AT_ONCE_S)


def test_a_worker_never_hears_of_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even while its Python starts: the caller decides, and nothing shows a traceback."""
    monkeypatch.setenv("ENDLESS", "sleeps")
    child = Child("tests.endless")
    child.process.send_signal(signal.SIGINT)
    assert child.pipe.recv() == child.process.pid
    child.process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert child.process.poll() is None
    child.end(0.1)
    assert child.how_it_died() == "killed by SIGKILL"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("tapes")
    return [synth(preset_spec(seed=5, duration_s=60, symbol=symbol), folder)[0].path for symbol in ("ONE", "TWO")]


@pytest.mark.parametrize("command", ["replay", "calibrate"])
@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_no_worker_outlives_a_command(command: str, number: int, tapes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed or interrupted while the strategy loops in two workers."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    path = tmp_path / "mine.py"
    path.write_text(LOOPING)
    (tmp_path / "grid.yaml").write_text("node.tick_interval_ms: [100, 200, 300, 400]\n")
    words = {
        "replay": ("replay", *tapes, "--strategy", path, "--jobs", "2"),
        "calibrate": ("calibrate", tmp_path / "grid.yaml", tapes[0], "--strategy", path, "--jobs", "2"),
    }[command]
    process = start(*words, "--out", tmp_path / "out")
    assert wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2 or process.poll() is not None, 60.0)
    workers = [int(file.stem) for file in tmp_path.glob("*.pid")]
    assert process.poll() is None, process.communicate()
    assert [runs(worker) for worker in workers] == [True, True]
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == ((-signal.SIGKILL, "") if number == signal.SIGKILL else (130, ""))
    assert "Traceback" not in err
    assert wait_for(lambda: not any(map(runs, workers)), AT_ONCE_S)
