"""Blocks on this machine: one after another in this process, or side by side in worker processes."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from simcore import errors
from simcore.calibrate.outcomes import Part
from simcore.calibrate.work import Block, play
from simcore.errors import CalibrateError, MmsimError
from simcore.processes import Child, follow_caller

Take = Callable[[Part], None]
Told = Callable[[int, float], None]  # number of a block, share of it that is done
TRIES = 2  # a block whose process dies is tried once more
_TOLD_STEP = 0.02  # a worker speaks of each so large a share


class Runner(Protocol):
    """What plays blocks. Which one does, and how many at a time, changes no result."""

    def run(self, blocks: Sequence[Block], take: Take, told: Told) -> None:
        """Play all blocks and hand over their results as they come. Raises MmsimError."""

    def stop(self) -> None:
        """End what is left running."""


class Here:
    """Plays blocks in this process."""

    def run(self, blocks: Sequence[Block], take: Take, told: Told) -> None:
        """See `Runner`."""
        for block in blocks:
            take(play(block, partial(told, block.number)))

    def stop(self) -> None:
        """See `Runner`."""


class Workers:
    """Plays blocks in processes, as many at a time as there are jobs."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._idle: list[Child] = []
        self._busy: dict[Connection, tuple[Child, Block]] = {}

    def run(self, blocks: Sequence[Block], take: Take, told: Told) -> None:
        """See `Runner`. CAL-022: a block's process died, and the process of the second try, too."""
        waiting = deque(blocks)
        tries: dict[int, int] = {}
        try:
            while waiting or self._busy:
                while waiting and len(self._busy) < self._jobs:
                    block = waiting.popleft()
                    worker = self._idle.pop() if self._idle else _start()
                    worker.send("block", block)
                    self._busy[worker.pipe] = (worker, block)
                for pipe in wait(list(self._busy)):
                    assert isinstance(pipe, Connection)
                    died = self._hear(pipe, take, told)
                    if died is not None:
                        tries[died.number] = tries.get(died.number, 1) + 1
                        waiting.appendleft(died)
                        self._refuse_third(died, tries[died.number])
        finally:
            for worker, _ in self._busy.values():
                worker.kill()
            self._busy = {}

    def stop(self) -> None:
        """See `Runner`."""
        for worker in self._idle:
            worker.end()
        self._idle = []

    def _hear(self, pipe: Connection, take: Take, told: Told) -> Block | None:
        """Take a worker's next message; return its block if it died."""
        worker, block = self._busy[pipe]
        try:
            kind, *values = pipe.recv()
        except (EOFError, ConnectionResetError):
            del self._busy[pipe]
            self._last_words = worker.how_it_died()
            return block
        if kind == "told":
            told(block.number, values[0])
        elif kind == "part":
            del self._busy[pipe]
            self._idle.append(worker)
            take(values[0])
        else:
            _raise(kind, values)
        return None

    def _refuse_third(self, block: Block, tries: int) -> None:
        if tries > TRIES:
            first, last = block.trials[0], block.trials[-1]
            raise CalibrateError("CAL-022", f"trials {first} to {last} on {block.day.label}: {self._last_words}")


def _start() -> Child:
    try:
        return Child("simcore.calibrate.local")
    except OSError as exc:
        raise CalibrateError("CAL-022", f"cannot start a worker: {exc.strerror}") from exc


def _raise(kind: str, values: Sequence[Any]) -> None:
    """Raise what ended a worker: a user's mistake as it was, a fault of ours as one."""
    if kind == "failed":
        name, code, cause = values
        raise getattr(errors, name)(code, cause)
    raise RuntimeError(f"a worker broke off: {values[0]}")


# --- inside the worker ---------------------------------------------------------------------------------


def main(descriptor: int, lifeline: int) -> int:
    """Play the blocks that come over a pipe until told to stop; return the exit code."""
    follow_caller(lifeline)
    pipe = Connection(descriptor)
    try:
        while True:
            name, *values = pipe.recv()
            if name == "stop":
                return 0
            pipe.send(("part", play(values[0], _telling(pipe))))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return 0  # the caller is gone
    except MmsimError as exc:
        pipe.send(("failed", type(exc).__name__, exc.code, exc.cause))
        return 0
    except BaseException as exc:
        pipe.send(("broke", f"{type(exc).__name__}: {exc}"))
        raise


def _telling(pipe: Connection) -> Callable[[float], None]:
    said = 0.0

    def tell(share: float) -> None:
        nonlocal said
        if share >= said + _TOLD_STEP:
            said = share
            pipe.send(("told", share))

    return tell


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
