"""Both arms of a unit, simulated on its tape: as two lanes of one pass where they may share one, else one after the other.

What a lane leaves is seen as a run folder that was never written, so that each figure is the one of docs/reports.md, from the same code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path

import numpy as np

from simcore import engine, manifest
from simcore.calibrate.ab_units import Unit
from simcore.config.model import Config
from simcore.engine import Outcome, ProgressCallback
from simcore.errors import MmsimError
from simcore.lanes import shared_key
from simcore.link import link
from simcore.params import instrument_scale, lane_params, queue_file
from simcore.records import IntArray, Record
from simcore.report.folder import Money, RunFolder
from simcore.tape.schema import Instrument

ARMS = ("a", "b")


@dataclass(frozen=True)
class LaneFolder(RunFolder):
    """One lane's run, in memory. streams: its rows of the journal by name. stages: names of the strategy's stages."""

    streams: Mapping[str, Record] = field(default_factory=dict)
    stages: tuple[str, ...] = ()

    def requests_of(self, order_ids: IntArray) -> Record:
        """Requests for these orders, in order of sending."""
        rows = self.streams["requests"]
        return rows[np.isin(rows["order_id"], order_ids)]

    def reports_of(self, kinds: Sequence[int]) -> Record:
        """Reports of these kinds, in order of arrival."""
        rows = self.streams["reports"]
        return rows[np.isin(rows["kind"], kinds)]

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

    @cached_property
    def features(self) -> Record:
        """What the Node has measured, in time order."""
        return self.streams["features"]


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
            outcome = engine.simulate(unit.tape, [a, b], progress=progress)
        return _folder(unit, a, outcome, 0, "a"), _folder(unit, b, outcome, 1, "b")
    outcomes = []
    for arm, config in (("A", a), ("B", b)):
        with _named(f"{arm}, {where}"):
            outcomes.append(engine.simulate(unit.tape, [config], progress=progress))
    return _folder(unit, a, outcomes[0], 0, "a"), _folder(unit, b, outcomes[1], 0, "b")


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


def money_of(instrument: Instrument) -> Money:
    """Return how an instrument's ticks and lots become money."""
    scale = instrument_scale(instrument)
    return Money(
        instrument.kind_code, scale.value_scale, scale.unit, Decimal(instrument.tick_size), Decimal(instrument.lot_size),
        Decimal(instrument.contract_size), instrument.base, instrument.quote,
    )  # fmt: skip


def _traced(config: Config, trace_every: int) -> Config:
    if config.node.trace_every > 0:
        return config
    return config.model_copy(update={"node": config.node.model_copy(update={"trace_every": trace_every})})


def _folder(unit: Unit, config: Config, outcome: Outcome, lane: int, arm: str) -> LaneFolder:
    names = ("requests", "reports", "fills", "markouts", "samples", "features", "traces")
    every = {name: outcome.journal.rows(name) for name in names}
    streams = {name: rows[rows["lane"] == lane] for name, rows in every.items()}
    start_ts, end_ts = engine.window(unit.tape, config)
    note = {"instrument": asdict(unit.tape.instrument), "start_ts": start_ts, "end_ts": end_ts, "status": "done"}
    counts = manifest.counts(outcome.state, lane, outcome.rows, outcome.wall_s)
    stages = tuple(stage.name for stage in link(config.strategy.name, queue_file(config.venue.queue_model)).stages)
    path = Path(f"{unit.name}-{unit.day}-{arm}")
    return LaneFolder(path, note, counts, "", money_of(unit.tape.instrument), streams, stages)
