"""Worker processes: each plays some tasks; only snapshots, controls and digests pass between them and the coordinator."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np

from simcore import errors
from simcore.engine import Progress
from simcore.errors import MmsimError, PortfolioError
from simcore.portfolio.group import Control, Snapshot
from simcore.portfolio.members import Member
from simcore.portfolio.team import Finished, MemberProgress, StopWorkingError, Task, Troupe
from simcore.processes import STOP_WAIT_S, Child, follow_caller


class Worker(Child):
    """One worker process, as its caller sees it."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__("simcore.portfolio.workers")
        self.tasks = tasks
        self.at: tuple[str, int] = (tasks[0].members[0].name, 0)  # symbol and time that it spoke of last
        self.send("tasks", tuple(tasks))

    def died(self) -> PortfolioError:
        """Return the error of a worker that went without a word."""
        symbol, ts = self.at
        when = f", at {np.datetime64(ts, 'ns')} UTC" if ts else ""
        return PortfolioError("PORT-002", f"{symbol}{when}: {self.how_it_died()}")


class WorkerTeam:
    """A team of worker processes."""

    def __init__(self, tasks: Sequence[Task], jobs: int, progress: MemberProgress) -> None:
        self._progress = progress
        self._members = {member.key: member for task in tasks for member in task.members}
        self._workers: list[Worker] = []
        try:
            for share in shared_out(tasks, jobs):
                self._workers.append(Worker(share))
        except OSError as exc:
            self.stop()
            raise PortfolioError("PORT-002", f"cannot start a worker: {exc.strerror}") from exc

    def advance(self, ts: int) -> dict[str, Snapshot]:
        """See `Team`."""
        return self._ask("advance", ts)

    def tell(self, ts: int, controls: Mapping[str, Control]) -> None:
        """See `Team`."""
        if controls:
            self._ask("tell", ts, dict(controls))

    def finish(self) -> dict[str, Finished]:
        """See `Team`."""
        return self._ask("finish")

    def stop(self) -> None:
        """See `Team`."""
        for worker in self._workers:
            worker.send("stop")
        until = time.monotonic() + STOP_WAIT_S
        for worker in self._workers:
            worker.end(max(until - time.monotonic(), 0.0))
        self._workers = []

    def _ask(self, name: str, *values: Any) -> dict[str, Any]:
        """Send an order to all workers and join their answers."""
        for worker in self._workers:
            worker.send(name, *values)
        waiting = {worker.pipe: worker for worker in self._workers}
        answers: dict[str, Any] = {}
        while waiting:
            for pipe in wait(list(waiting)):
                assert isinstance(pipe, Connection)
                answer = self._hear(waiting[pipe])
                if answer is not None:
                    answers.update(answer)
                    del waiting[pipe]
        return answers

    def _hear(self, worker: Worker) -> dict[str, Any] | None:
        """Take a worker's next message; return its answer, None if it only told how far it is."""
        try:
            kind, *values = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            raise worker.died() from None
        if kind == "answer":
            return dict(values[0])
        if kind == "failed":
            name, code, cause = values
            raise getattr(errors, name)(code, cause)
        if kind == "broke":
            raise PortfolioError("PORT-001", f"{worker.at[0]}: {values[0]}")
        key, now = values
        worker.at = (self._members[key].name, now.tape_ts)
        self._progress(self._members[key], now)
        return None


def shared_out(tasks: Sequence[Task], jobs: int) -> list[list[Task]]:
    """Return the tasks of each worker: the longest first, each to whoever has the fewest rows so far."""
    shares: list[list[Task]] = [[] for _ in range(min(jobs, len(tasks)))]
    for task in sorted(tasks, key=lambda task: -task.rows):
        min(shares, key=lambda share: sum(one.rows for one in share)).append(task)
    return shares


# --- inside the worker ---------------------------------------------------------------------------------


def main(descriptor: int, lifeline: int) -> int:
    """Do what is asked over a pipe until told to stop; return the exit code."""
    follow_caller(lifeline)
    pipe = Connection(descriptor)
    try:
        _serve(pipe)
    except (StopWorkingError, EOFError, BrokenPipeError, ConnectionResetError):
        return 0
    except MmsimError as exc:
        pipe.send(("failed", type(exc).__name__, exc.code, exc.cause))
        _await_stop(pipe)
    except BaseException as exc:
        pipe.send(("broke", f"{type(exc).__name__}: {exc}"))
        raise
    return 0


def _serve(pipe: Connection) -> None:
    _, tasks = pipe.recv()

    def progress(member: Member, now: Progress) -> None:
        """Say how far a run is; hear whether the caller wants no more: it asks nothing else before it has an answer."""
        pipe.send(("at", member.key, now))
        if pipe.poll() and pipe.recv()[0] == "stop":
            raise StopWorkingError

    troupe = Troupe(tasks, progress)
    orders: dict[str, Callable[..., Any]] = {"advance": troupe.advance, "tell": troupe.tell, "finish": troupe.finish}
    for name, values in _orders(pipe):
        pipe.send(("answer", orders[name](*values) or {}))


def _orders(pipe: Connection) -> Iterator[tuple[str, list[Any]]]:
    while True:
        name, *values = pipe.recv()
        if name == "stop":
            return
        yield name, values


def _await_stop(pipe: Connection) -> None:
    with contextlib.suppress(EOFError, ConnectionResetError):
        while pipe.recv()[0] != "stop":
            pass


if __name__ == "__main__":
    code = main(*map(int, sys.argv[1:]))
    sys.stdout.flush()
    sys.exit(code)
