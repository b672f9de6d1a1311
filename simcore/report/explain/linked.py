"""A symbol that follows another one: its leader's Node is run beside it, so that it sees what it saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from simcore import engine, manifest
from simcore.door.files import real
from simcore.errors import ReportError
from simcore.journal.store import read_stream
from simcore.parity import node_session, run_node
from simcore.portfolio.folder import parts
from simcore.portfolio.group import Group, Player
from simcore.portfolio.kind import is_portfolio
from simcore.portfolio.members import Member, members_of
from simcore.report.explain.subject import Subject
from simcore.runner import Session


class Pair:
    """A follower on its way, its leader beside it."""

    def __init__(self, subject: Subject, session: Session, step: Callable[[int], bool]) -> None:
        own, leader, reports = _members(subject)
        other = node_session(leader.tape, [leader.config], reports)
        self.player = Player(own, session, step)
        self._group = Group(
            [Player(replace(leader, leader=None), other, lambda key: run_node(other, key)), self.player]
        )

    def ticks(self, until_ts: int) -> None:
        """Let the follower tick up to a time, each tick with its leader as it was then."""
        self._group.run_linked(until_ts)

    def go(self, ts: int, event: int) -> None:
        """Run the follower until all its events before (ts, class) are done; the class is at most that of its ticks."""
        self.ticks(ts - 1)
        self.player.until(ts, event)


def _members(subject: Subject) -> tuple[Member, Member, object]:
    """Return the follower, its leader, and the reports of the leader's journal. REP-003 without the folder of both."""
    root = subject.run.path.parent
    if not is_portfolio(root):
        raise ReportError(
            "REP-003",
            f"{subject.run.path}: {subject.symbol} follows {subject.run.note['leader']}, whose run is not beside it",
        )
    found = parts(root, finished=False)
    tapes = [engine.load_tapes(part.folder) for part in found]
    members = {member.key: member for member in members_of(tapes, manifest.config_of(root))}
    own = next(part for part in found if real(part.folder) == real(subject.run.path))
    leader = next(part for part in found if part.key == members[own.key].leader)
    return members[own.key], members[leader.key], read_stream(leader.folder, "reports")
