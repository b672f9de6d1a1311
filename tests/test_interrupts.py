"""Ctrl-C and SIGTERM end the command whatever the strategy does, with exit code 130 and one word on stderr."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simcore import interrupts
from simcore.errors import CODES
from tests.blackbox.command import SAMPLE, names_under, start
from tests.blackbox.processes import assert_whole, wait_until

CLASS = """\
import hashlib
import time
from pathlib import Path

import simcore.files


class Strategy:
    def on_tick(self, context):
        simcore.files.begin(Path(__file__).with_name("unfinished"))
        Path(__file__).with_name("looping").touch()
"""
LOOP = "        while True:\n            sum(range(1000))\n"
MACHINE_CODE = "        hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)\n"  # a loop of minutes, which holds no lock of Python's
CATCHES_ALL = "        while True:\n            try:\n                sum(range(1000))\n            except BaseException:\n                pass\n"
TIDIES_UP = "        try:\n            while True:\n                sum(range(1000))\n        finally:\n            time.sleep(1.0)\n            Path(__file__).with_name('tidy').touch()\n"
STAGE = """\
import time
from pathlib import Path

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext


@kernel
def look(context: QuoteContext) -> QuoteContext:
    Path(__file__).with_name("looping").touch()
    while True:
        sum(range(1000))


STAGES = {"look": look}
"""
COMPILED = """\
from simcore.jit import kernel
from simcore.kernels.context import QuoteContext


@kernel
def look(context: QuoteContext) -> QuoteContext:
    number = 1
    while number > 0:
        number = number * 3 % 1000003
    return context


STAGES = {"look": look}
"""
TITLE, REMEDY = CODES["ENG-010"]
REFUSAL = f"error ENG-010: {TITLE}: {{}}, and no end within {{}} s\nremedy: {REMEDY}"


class Looping:
    """A command whose strategy loops."""

    def __init__(self, folder: Path, text: str, signs: str) -> None:
        self.folder = folder
        path = folder / "mine.py"
        path.write_text(text)
        self.process = start("replay", SAMPLE, "--strategy", path, "--out", folder / "out")
        wait_until(lambda: bool(list(folder.glob(signs))) or bool(list(folder.glob(f"out/{signs}"))), self.process)
        self.begun = time.monotonic()

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def assert_ends(self, said: str, within_s: float) -> None:
        """It ends with 130, says one thing, and leaves nothing half-written."""
        out, err = self.process.communicate(timeout=60)
        took_s = time.monotonic() - self.begun
        assert (self.process.returncode, out, err.strip()) == (interrupts.EXIT_CODE, "", said)
        assert took_s < within_s
        assert_whole(self.folder)
        assert [name for name in names_under(self.folder) if name.endswith(".part")] == []
        assert json.loads((self.folder / "out" / "run.json").read_text())["status"] == "running"


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch the compiler off: nothing here depends on it, and it would take a minute."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_class_that_loops_ends_at_once(number: int, tmp_path: Path) -> None:
    looping = Looping(tmp_path, CLASS + LOOP, "looping")
    looping.send(number)
    looping.assert_ends("interrupted", interrupts.ANSWER_S)


@pytest.mark.usefixtures("plain")
def test_a_stage_that_loops_as_plain_python_ends_at_once(tmp_path: Path) -> None:
    cached = STAGE.replace("Path(__file__)", f"Path({str(tmp_path / 'mine.py')!r})")  # the file that runs is a copy
    looping = Looping(tmp_path, cached, "looping")
    looping.send(signal.SIGINT)
    looping.assert_ends("interrupted", interrupts.ANSWER_S)


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_machine_code_that_loops_ends_at_the_second_signal(number: int, tmp_path: Path) -> None:
    """Python takes no step there: a thread ends the process."""
    looping = Looping(tmp_path, CLASS + MACHINE_CODE, "looping")
    looping.send(number)
    time.sleep(2 * interrupts.AGAIN_S)
    assert looping.process.poll() is None
    looping.send(number)
    looping.assert_ends("interrupted", interrupts.ANSWER_S)


@pytest.mark.usefixtures("plain")
def test_machine_code_that_loops_ends_after_a_while(tmp_path: Path) -> None:
    """ENG-010 says so."""
    looping = Looping(tmp_path, CLASS + MACHINE_CODE, "looping")
    looping.send(signal.SIGTERM)
    looping.assert_ends(REFUSAL.format("SIGTERM", "5"), interrupts.ANSWER_S + 5.0)


@pytest.mark.slow
@pytest.mark.usefixtures("plain")
def test_a_class_that_catches_everything_ends_all_the_same(tmp_path: Path) -> None:
    looping = Looping(tmp_path, CLASS + CATCHES_ALL, "looping")
    looping.send(signal.SIGINT)
    looping.assert_ends(REFUSAL.format("SIGINT", "15"), interrupts.LEAVE_S + 5.0)


@pytest.mark.usefixtures("plain")
def test_a_signal_that_is_sent_twice_does_not_interrupt_the_tidying_up(tmp_path: Path) -> None:
    """`timeout` sends it to the process, and then to its group."""
    looping = Looping(tmp_path, CLASS + TIDIES_UP, "looping")
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        looping.send(number)
        time.sleep(0.1)
    looping.assert_ends("interrupted", interrupts.ANSWER_S)
    assert (tmp_path / "tidy").exists()


@pytest.mark.slow
def test_a_compiled_stage_that_loops_ends(tmp_path: Path) -> None:
    """Compiled: after a while, or at the second signal."""
    looping = Looping(tmp_path, COMPILED, "run.json")
    time.sleep(1.0)
    looping.send(signal.SIGINT)
    looping.assert_ends(REFUSAL.format("SIGINT", "5"), interrupts.ANSWER_S + 5.0)


def test_what_a_script_runs_in_the_background_does_not_hear_of_ctrl_c() -> None:
    """SIGINT was ignored at the start, and stays so; SIGTERM is heard."""
    code = (
        "import os, signal, time; from simcore.interrupts import Watch; Watch(); os.kill(os.getpid(), signal.SIGINT); print('on', flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=SAMPLE.parents[1],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip
    assert done.stdout == "on\n"
    assert "Interrupted" in done.stderr


def test_a_signal_after_the_end_changes_nothing() -> None:
    """In a process of its own, which shows no trace of it: the exit code stands."""
    code = "import os, signal, time; from simcore.interrupts import Watch; w = Watch(); w.end(); os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.2); print('done')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=SAMPLE.parents[1])
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_what_counts_as_asked_for() -> None:
    """Where Python's handler is in place its exception is Ctrl-C; elsewhere it is whoever raised it."""
    assert interrupts.is_asked(interrupts.Interrupted())
    assert interrupts.is_asked(KeyboardInterrupt()) == (signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert not interrupts.is_asked(KeyboardInterrupt())
    finally:
        signal.signal(signal.SIGINT, before)
    assert not any(map(interrupts.is_asked, (SystemExit(), ValueError(), None)))
