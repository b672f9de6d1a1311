"""Workers that die or fail: a coded error with symbol and time, the others stopped, folders left readable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from simcore import manifest
from simcore.engine import Progress
from simcore.errors import PortfolioError, StrategyError
from simcore.portfolio import run as portfolio
from simcore.portfolio import workers
from simcore.portfolio.folder import part, parts
from simcore.portfolio.members import group_tapes, linked_groups, members_of
from simcore.portfolio.team import StopWorkingError, Task, Troupe
from tests.blackbox.command import ROOT
from tests.portfolio.runs import BARRIERS, busy, digests

FAILING = str(Path(__file__).parent / "failing.py")


def failing(*more: str) -> Any:
    return busy(f"instruments.BBB.strategy.name={FAILING}", "instruments.BBB.strategy.params.fail.fail_s=1.5", *more)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("barriers", [False, True])
def test_a_strategy_that_fails_stops_all(tapes: list[Path], tmp_path: Path, jobs: int, barriers: bool) -> None:
    """The error names symbol and time; the journal of the failed symbol is kept up to there."""
    with pytest.raises(StrategyError, match=r"STRAT-004.*BBB.*at 2023-11-14T22:13:2\d") as caught:
        portfolio.replay(tapes, failing(*(BARRIERS if barriers else ())), tmp_path / "run", jobs=jobs)
    note = manifest.read(tmp_path / "run", finished=False)
    assert (note["status"], note["error"]["code"]) == ("failed", caught.value.code)
    failed = part(tmp_path / "run", "BBB").folder
    assert manifest.read(failed, finished=False)["status"] == "failed"
    assert len(list((failed / "journal").glob("*.parquet"))) > 4


def test_a_killed_worker_is_named(tapes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller sees the end of its pipe, stops the others, and says who it was and how it ended."""
    started: list[workers.Worker] = []
    start = workers.Worker.__init__

    def note(self: workers.Worker, tasks: Any) -> None:
        start(self, tasks)
        started.append(self)

    hear = workers.WorkerTeam._hear
    killed: list[int] = []

    def kill_first(self: workers.WorkerTeam, worker: workers.Worker) -> Any:
        if not killed:
            killed.append(started[0].process.pid)
            os.kill(killed[0], signal.SIGKILL)
        return hear(self, worker)

    monkeypatch.setattr(workers.Worker, "__init__", note)
    monkeypatch.setattr(workers.WorkerTeam, "_hear", kill_first)
    with pytest.raises(PortfolioError, match=r"PORT-002.*(AAA|BBB|CCC).*SIGKILL"):
        portfolio.replay(tapes, busy(*BARRIERS), tmp_path / "run", jobs=2)
    assert [worker.process.poll() is not None for worker in started] == [True, True]
    assert manifest.read(tmp_path / "run", finished=False)["status"] == "failed"
    assert [own.name for own in parts(tmp_path / "run", finished=False)] == ["AAA", "BBB", "CCC"]


def test_a_fault_of_ours_in_a_worker_is_said(tapes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no user error comes back under a code of its own, with what was raised."""
    monkeypatch.setattr(workers.WorkerTeam, "finish", lambda team: team._ask("dance"))
    with pytest.raises(PortfolioError, match=r"PORT-001.*(AAA|BBB|CCC).*dance"):
        portfolio.replay(tapes, busy(), tmp_path / "run", jobs=2)


def test_a_run_whose_worker_was_killed_resumes(tapes: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without barriers: what is finished is kept, the rest is run; the digest is that of a run that went through."""
    start = workers.Worker.__init__

    def kill_first(self: workers.Worker, tasks: Any) -> None:
        start(self, tasks)
        if tasks[0].members[0].name == "AAA":
            self.process.kill()

    with monkeypatch.context() as patched:
        patched.setattr(workers.Worker, "__init__", kill_first)
        with pytest.raises(PortfolioError, match=r"PORT-002.*AAA.*SIGKILL"):
            portfolio.replay(tapes, busy(), tmp_path / "run", jobs=2)
    resumed = digests(portfolio.replay(tapes, busy(), tmp_path / "run", jobs=2, resume=True))
    assert resumed == digests(portfolio.replay(tapes, busy(), tmp_path / "through", jobs=1))


def test_workers_end_with_their_caller(tapes: list[Path], tmp_path: Path) -> None:
    """A caller that is killed leaves no worker behind: each finds its pipe closed."""
    code = (
        "import sys; from simcore.portfolio import run, workers; from simcore.config.load import load_config\n"
        "start = workers.Worker.__init__\n"
        "def note(self, tasks):\n start(self, tasks); print(self.process.pid, flush=True)\n"
        "workers.Worker.__init__ = note\n"
        "run.replay(sys.argv[2:], load_config(None, ['run.repeat=100000']), sys.argv[1], jobs=2)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run"), *map(str, tapes[:2])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}) as caller:
        assert caller.stdout is not None
        pids = [int(caller.stdout.readline()) for _ in range(2)]
        caller.kill()
    deadline_s = time.monotonic() + 60
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline_s:
        time.sleep(0.2)
    assert not any(is_running(pid) for pid in pids)


def is_running(pid: int) -> bool:
    """Return whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_whoever_is_told_to_stop_keeps_a_checkpoint(tapes: list[Path], tmp_path: Path) -> None:
    """Between chunks; the run then goes on from there, to the same digest."""
    config = busy("run.repeat=3", "run.checkpoint_s=0")
    member = members_of(group_tapes(tapes[:1]), config)[0]
    seen: list[Progress] = []

    def stop(_: Any, now: Progress) -> None:
        seen.append(now)
        if now.rows:
            raise StopWorkingError

    (tmp_path / "run").mkdir()
    task = Task((member,), tmp_path / "run", {})
    with pytest.raises(StopWorkingError):
        Troupe([task], stop).finish()
    assert (tmp_path / "run" / member.folder / ".checkpoint.npz").exists()
    again = Troupe([Task((member,), tmp_path / "run", {}, resume=True)], lambda _, now: None).finish()
    (tmp_path / "whole").mkdir()
    assert again == Troupe([Task((member,), tmp_path / "whole", {})], lambda _, now: None).finish()


def test_tasks_are_shared_out_by_rows(tapes: list[Path]) -> None:
    """The longest first, each to whoever has the fewest rows; linked symbols stay together."""
    members = members_of(group_tapes(tapes), busy())
    tasks = [Task(tuple(group), None, {}) for group in linked_groups(members)]
    names = [[task.members[0].name for task in share] for share in workers.shared_out(tasks, 2)]
    assert names == [["AAA"], ["BBB", "CCC"]]
    assert len(workers.shared_out(tasks, 8)) == 3
    linked = members_of(group_tapes(tapes), busy("links=[{follower: CCC, leader: AAA}]"))
    assert [[member.name for member in group] for group in linked_groups(linked)] == [["AAA", "CCC"], ["BBB"]]


def test_short_work_needs_no_workers(tapes: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes take seconds to start; they are used from there on, one a core and group at most."""
    monkeypatch.setattr(portfolio.jit, "JIT", True)
    monkeypatch.setattr(portfolio, "cpus", lambda: 4)

    def chosen(*sets: str) -> int:
        return portfolio.useful_jobs([Task((member,), None, {}) for member in members_of(group_tapes(tapes), busy(*sets))])

    assert chosen() == 1
    assert chosen("run.repeat=100000") == 3
    assert chosen("node.tick_interval_ms=0.001") == 3


def test_progress_is_that_of_all(tapes: list[Path], tmp_path: Path) -> None:
    """Rows of all symbols, of the rows of all; never fewer than before."""
    seen: list[Progress] = []
    lock = threading.Lock()

    def note(now: Progress) -> None:
        with lock:
            seen.append(now)

    portfolio.replay(tapes, busy(), tmp_path / "run", jobs=1, progress=note)
    rows = [now.rows for now in seen if not now.compiling]
    assert rows == sorted(rows)
    assert rows[-1] == seen[-1].total_rows == json.loads((tmp_path / "run" / "run.json").read_text())["rows"]
