"""Worker processes: fresh interpreters of one module that talk to their caller over a pipe.

A worker is `python -m MODULE PIPE LIFELINE`, so that it runs nothing of the program that called. It loads compiled code from
the cache, which the caller has filled.

A worker ends at once when its caller is gone, however that ended and whatever the worker does: the caller holds the other end
of LIFELINE, which a thread waits on. On Linux the kernel sees to it as well, for when no thread gets a turn.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any

from simcore import files

STOP_WAIT_S = 5.0
_LOOK_S = 0.5
_PR_SET_PDEATHSIG = 1


def cpus() -> int:
    """Return how many processors this process may use: what Python can tell on this system and version, at least 1."""
    if hasattr(os, "process_cpu_count"):  # Python 3.13; knows -X cpu_count, too
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux; macOS has none
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Child:
    """A worker process, as its caller sees it. Raises OSError if it cannot be started."""

    def __init__(self, module: str) -> None:
        ours, theirs = Pipe()
        self.pipe: Connection = ours
        lifeline, self._lifeline = Pipe(duplex=False)
        path = os.pathsep.join(part for part in sys.path if part)
        with theirs, lifeline, _no_interrupts():
            ends = (theirs.fileno(), lifeline.fileno())
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *map(str, ends)],
                pass_fds=ends, env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def send(self, name: str, *values: Any) -> None:
        """Send an order; a worker that is gone is found by what it does not answer."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send((name, *values))

    def how_it_died(self) -> str:
        """Wait for the end of a worker that went without a word; return what it was."""
        code = self.process.wait()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def end(self, wait_s: float = STOP_WAIT_S) -> None:
        """End the process: kindly if it listens within wait_s."""
        self.send("stop")
        try:
            self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._let_go()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self._let_go()

    def _let_go(self) -> None:
        self.process.wait()
        self.pipe.close()
        self._lifeline.close()


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """Let a process that is started here never hear of Ctrl-C, which goes to all of a terminal: its caller decides."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- inside the worker ---------------------------------------------------------------------------------


def follow_caller(lifeline: int) -> None:
    """Let this process end as soon as its caller has, in the middle of whatever it does. Files are then whole or not there."""
    caller = os.getppid()
    if sys.platform == "linux":
        # It would strike, too, when the thread that started this process ends: that waits for it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    threading.Thread(target=_wait_and_end, args=(lifeline, caller), daemon=True).start()


def _wait_and_end(lifeline: int, caller: int) -> None:
    """Wait for the end of the caller: a fork of it that lives on keeps the lifeline open, but is not our parent."""
    while not select.select([lifeline], [], [], _LOOK_S)[0] and os.getppid() == caller:
        pass
    files.remove_unfinished()
    os._exit(1)
