"""Who plays the groups: this process, or workers that it talks to (`simcore.portfolio.workers`). Both give the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from simcore import engine, manifest
from simcore.engine import Progress, ProgressCallback
from simcore.journal import checkpoint
from simcore.journal import note as notes
from simcore.journal.store import JournalStore
from simcore.portfolio.group import Control, Group, Player, Snapshot
from simcore.portfolio.measure import MeasuredStore
from simcore.portfolio.members import Member

MemberProgress = Callable[[Member, Progress], None]


class StopWorkingError(Exception):
    """Whoever asked for a run wants no more of it."""


class Finished(NamedTuple):
    """A symbol at its end.  first_difference: from the folder that it was compared with, None if there is none."""

    digest: str
    rows: int
    first_difference: str | None = None


@dataclass(frozen=True)
class Task:
    """Members that share a timeline, and how they are to be played.

    folder    where each member's own run folder goes; None: nothing is written.
    first     what members are told at their start.
    measured  whether barriers will ask for snapshots.
    against   a finished portfolio folder that the members' runs are compared with.
    """

    members: tuple[Member, ...]
    folder: Path | None
    first: Mapping[str, Control]
    measured: bool = False
    resume: bool = False
    against: Path | None = None

    @property
    def rows(self) -> int:
        """Rows to be played."""
        return sum(member.tape.rows * member.config.run.repeat for member in self.members)


class Team(Protocol):
    """Plays tasks; every call raises MmsimError of the member that failed, with all others stopped."""

    def advance(self, ts: int) -> dict[str, Snapshot]:
        """Run all members to after the ticks of a time; return what those that have begun are like."""
        ...

    def tell(self, ts: int, controls: Mapping[str, Control]) -> None:
        """Send controls at the time that all were advanced to last."""
        ...

    def finish(self) -> dict[str, Finished]:
        """Run all members to their ends and write what is left."""
        ...

    def stop(self) -> None:
        """Let go of everything, whether finished or not."""
        ...


class Troupe:
    """The groups of one process; progress is told of each member's run."""

    def __init__(self, tasks: Sequence[Task], progress: MemberProgress) -> None:
        self._tasks = tasks
        self._progress = progress
        self._playing: list[Playing] | None = None

    def advance(self, ts: int) -> dict[str, Snapshot]:
        """See `Team`."""
        found: dict[str, Snapshot] = {}
        for playing in self._start():
            found.update(playing.group.advance(ts))
        return found

    def tell(self, ts: int, controls: Mapping[str, Control]) -> None:
        """See `Team`."""
        for playing in self._start():
            playing.group.tell(ts, controls)

    def finish(self) -> dict[str, Finished]:
        """See `Team`: without barriers one task at a time, each from its start to its end."""
        found: dict[str, Finished] = {}
        for playing in self._playing or (Playing(task, self._progress) for task in self._tasks):
            found.update(playing.finish())
        return found

    def stop(self) -> None:
        """See `Team`: nothing is held here."""
        self._playing = None

    def _start(self) -> list[Playing]:
        if self._playing is None:
            self._playing = [Playing(task, self._progress) for task in self._tasks]
        return self._playing


class Playing:
    """A task on its way."""

    def __init__(self, task: Task, progress: MemberProgress) -> None:
        self.task = task
        self._progress = progress
        self._runs: dict[str, engine.Run] = {}
        self._done: dict[str, Finished] = {}
        players = []
        for member in task.members:
            done = _finished_before(task, member)
            if done is not None:
                self._done[member.key] = done
                continue
            run = self._runs[member.key] = _open(task, member, self._progress_of(member))
            players.append(Player(member, run.session, run.until, task.first.get(member.key)))
        self.group = Group(players)

    def finish(self) -> dict[str, Finished]:
        """Run all members to their ends; write, or compare, what they did."""
        self.group.run_out()
        for key, run in self._runs.items():
            digest = run.finish()
            difference = None
            if self.task.against is not None:
                member = self.group.players[key].member
                folder = self.task.against / member.folder
                difference = engine.compare(folder, manifest.read(folder), member.config, run.session.journal).first_difference
            self._done[key] = Finished(digest, run.session.rows_played, difference)
        return self._done

    def _progress_of(self, member: Member) -> ProgressCallback:
        def tell(now: Progress) -> None:
            try:
                self._progress(member, now)
            except StopWorkingError:
                if member.key in self._runs:
                    self._runs[member.key].keep()
                raise

        return tell


def _open(task: Task, member: Member, progress: ProgressCallback) -> engine.Run:
    folder = None if task.folder is None else task.folder / member.folder
    if folder is not None:
        folder.mkdir(exist_ok=True)
    store: JournalStore = MeasuredStore(folder) if task.measured else JournalStore(folder)
    return engine.Run(member.tape, member.config, folder, store, resume=task.resume, progress=progress, more=_more(task, member))


def _more(task: Task, member: Member) -> dict[str, Any]:
    """Return what a member's manifest says of the others, if they act on it."""
    more: dict[str, Any] = {}
    if member.key in task.first:
        more["controlled"] = True
    if member.leader is not None:
        more["leader"] = member.leader
    return more


def _finished_before(task: Task, member: Member) -> Finished | None:
    """Return what a member that is to be resumed has finished already."""
    if not (task.resume and task.folder is not None and (task.folder / member.folder / "run.json").is_file()):
        return None
    folder = task.folder / member.folder
    note = manifest.read(folder, finished=False)
    if note["status"] != "done":
        return None
    checkpoint.remove(folder)
    rows = notes.read_json(folder, notes.COUNTS, note)["rows"]
    return Finished(str(note["digest"]), int(rows))
