"""Processes that are stopped at some moment, and what they may leave behind."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from simcore.tape.read import Tape
from tests.blackbox.command import mmsim, names_under, start
from tests.blackbox.sources import write_lobster

# About two seconds, with twenty checkpoints.
RUN = ("--repeat", "60", "--set", "node.tick_interval_ms=5000", "--set", "run.checkpoint_s=0.02")


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
