"""Both arms of a unit, simulated on its tape: as two lanes of one pass where they may share one, else one after the other.

What a lane leaves is seen as a run folder that was never written, so that each figure is the one of docs/reports.md, from the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from simcore import engine, manifest
from simcore.calibrate.ab.units import Unit
from simcore.config.model import Config
from simcore.engine import ProgressCallback
from simcore.errors import MmsimError
from simcore.journal.store import STREAMS, JournalStore
from simcore.lanes import shared_key
from simcore.link import link
from simcore.params import lane_params, queue_file
from simcore.records import AMEND, PLACE, IntArray, Record
from simcore.report.folder import RunFolder, money_of

KEPT = ("requests", "fills", "markouts", "samples", "traces")  # what is measured; reports and features are not


@dataclass(frozen=True)
class LaneFolder(RunFolder):
    """One lane's run, in memory. streams: its rows of the journal by name, of KEPT. stages: names of the strategy's stages."""

    streams: Mapping[str, Record] = field(default_factory=dict)
    stages: tuple[str, ...] = ()

    def requests_of(self, order_ids: IntArray) -> Record:
        """Requests for these orders, in order of sending."""
        rows = self.streams["requests"]
        return rows[np.isin(rows["order_id"], order_ids)]

    @cached_property
    def fills(self) -> Record:
        """Fills in exchange order."""
        return self.streams["fills"]

    @cached_property
    def markouts(self) -> Record:
        """Exchange mids after fills."""
        return self.streams["markouts"]

    @cached_property
    def samples(self) -> Record:
        """The Node's ledger in time order."""
        return self.streams["samples"]


class LaneStore(JournalStore):
    """Keeps the rows of KEPT in memory, lane by lane, and of requests those that set a price; no digest."""

    def __init__(self, lanes: int) -> None:
        super().__init__(None)
        self._kept: list[dict[str, list[Record]]] = [{name: [] for name in KEPT} for _ in range(lanes)]

    def add(self, stream: str, rows: Record) -> None:
        """Take the next rows of a stream (those that are kept are copied)."""
        if stream not in KEPT:
            return
        wanted = (rows["kind"] == PLACE) | (rows["kind"] == AMEND) if stream == "requests" else np.ones(len(rows), bool)
        for lane, kept in enumerate(self._kept):
            mine = rows[wanted & (rows["lane"] == lane)]
            if len(mine):
                kept[stream].append(mine)

    def streams(self, lane: int) -> dict[str, Record]:
        """Return a lane's rows by stream; they are not kept any longer."""
        found = {name: np.concatenate([np.zeros(0, STREAMS[name]), *parts]) for name, parts in self._kept[lane].items()}
        self._kept[lane] = {name: [] for name in KEPT}
        return found


def play(unit: Unit, trace_every: int, progress: ProgressCallback | None = None) -> tuple[LaneFolder, LaneFolder]:
    """Simulate a unit with both configurations; return A's run and B's. Ticks are traced, at least every so many-th.

    Raises MmsimError.
    """
    a, b = (_traced(config, trace_every) for config in (unit.a, unit.b))
    where = f"{unit.name} on {unit.day}"
    for arm, config in (("A", a), ("B", b)):
        with _named(f"{arm}, {where}"):
            check_arm(config, unit)
    if may_share(a, b):
        with _named(f"{where}, lane 0 is A and lane 1 is B"):
            first, second = _simulated(unit, (a, b), progress)
        return first, second
    alone = []
    for arm, config in (("A", a), ("B", b)):
        with _named(f"{arm}, {where}"):
            alone += _simulated(unit, (config,), progress)
    return alone[0], alone[1]


def check_arm(config: Config, unit: Unit) -> None:
    """Refuse what is wrong with one configuration on a unit, before the other is played. Raises MmsimError."""
    linked = link(config.strategy.name, queue_file(config.venue.queue_model))
    lane_params(config, unit.tape.instrument, linked, unit.tape.level == "l3", [])


@contextmanager
def _named(words: str) -> Iterator[None]:
    """Put words before the cause of what a user did wrong."""
    try:
        yield
    except MmsimError as exc:
        raise type(exc)(exc.code, f"{words}: {exc.cause}") from exc


def may_share(a: Config, b: Config) -> bool:
    """Whether two configurations may be lanes of one pass: the same strategy, books and custom queue model."""
    return shared_key(a) == shared_key(b)


def _traced(config: Config, trace_every: int) -> Config:
    if config.node.trace_every > 0:
        return config
    return config.model_copy(update={"node": config.node.model_copy(update={"trace_every": trace_every})})


def _simulated(unit: Unit, configs: Sequence[Config], progress: ProgressCallback | None) -> list[LaneFolder]:
    """Play configurations over a unit's tape in one pass; return the run of each."""
    linked = link(configs[0].strategy.name, queue_file(configs[0].venue.queue_model))
    store = LaneStore(len(configs))
    done = engine.simulate(unit.tape, configs, progress=progress, store=store)
    start_ts, end_ts = engine.window(unit.tape, configs[0])
    note = {"instrument": asdict(unit.tape.instrument), "start_ts": start_ts, "end_ts": end_ts, "status": "done"}
    stages = tuple(stage.name for stage in linked.stages)
    money = money_of(unit.tape.instrument)
    return [
        LaneFolder(Path(f"{unit.name}-{unit.day}"), note, manifest.counts(done.state, lane, done.rows, done.wall_s), "", money, store.streams(lane), stages)
        for lane in range(len(configs))
    ]
