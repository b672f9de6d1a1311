"""Worker processes: fresh interpreters of one module that talk to their caller over a pipe.

A worker is `python -m MODULE FD`, so that it runs nothing of the program that called. It loads compiled code from the
cache, which the caller has filled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from multiprocessing.connection import Connection, Pipe
from typing import Any

STOP_WAIT_S = 5.0


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
        path = os.pathsep.join(part for part in sys.path if part)
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno())],
            pass_fds=[theirs.fileno()], env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()

    def send(self, name: str, *values: Any) -> None:
        """Send an order; a worker that is gone is found by what it does not answer."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send((name, *values))

    def how_it_died(self) -> str:
        """Wait for the end of a worker that went without a word; return what it was."""
        code = self.process.wait()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def end(self) -> None:
        """End the process: kindly if it listens."""
        self.send("stop")
        try:
            self.process.wait(STOP_WAIT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self.pipe.close()

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.wait()
