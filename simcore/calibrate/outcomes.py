"""What every trial left on every day: exact counts that add up over days, and equity curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simcore.calibrate.plateau import classes_of
from simcore.lanes import LaneRun
from simcore.records import IntArray, Record
from simcore.report.folder import Money

# Fields of a lane's final record (`simcore.kernels.state.LANE`) that are kept.
LANE_FIELDS = (
    "ticks", "skipped_ticks", "orders", "amends", "cancels", "refused", "fills", "maker_fills", "taker_fills", "partial_fills",
    "volume_lots", "turnover_units", "fee_units", "funding_units", "cash_units", "position_lots", "drawdown_max",
    "markout0", "markout1", "markout2", "markout3", "marked0", "marked1", "marked2", "marked3",
)  # fmt: skip
# net_units: profit in cash units, as a report's `pnl`; valued: 0 if there is no mid to value the last position at.
FIELDS = (*LANE_FIELDS, "net_units", "valued")
COUNTS = np.dtype([(name, "<i8") for name in FIELDS])
WAITING, DONE, LOST = range(3)


def counts_of(run: LaneRun, money: Money) -> Record:
    """Return the counts [K] of a pass; net_units is cash - fees + the position at the last mid, as the report's `pnl`."""
    counts = np.zeros(len(run.lanes), COUNTS)
    for name in LANE_FIELDS:
        counts[name] = run.lanes[name]
    counts["valued"] = (run.mid2 != 0) | (counts["position_lots"] == 0)
    for lane, mid2 in enumerate(run.mid2.tolist()):
        own = counts[lane]
        held = money.position_units(int(own["position_lots"]), mid2) if mid2 and own["position_lots"] else 0
        own["net_units"] = int(own["cash_units"]) - int(own["fee_units"]) + held
    return counts


@dataclass(frozen=True)
class Part:
    """Results of some trials on one day: [k] trials, their counts and curves [k, n]; causes: why trials were lost, "" if not."""

    day: int
    trials: IntArray
    counts: Record
    causes: tuple[str, ...]
    equity_units: IntArray
    position_lots: IntArray

    @property
    def states(self) -> IntArray:
        """DONE or LOST [k]."""
        return np.array([LOST if cause else DONE for cause in self.causes], np.int64)

    def among(self, trials: int) -> Part:
        """Return the results of the trials below a number."""
        kept = np.flatnonzero(self.trials < trials)
        arrays = (self.equity_units[kept], self.position_lots[kept])
        return Part(self.day, self.trials[kept], self.counts[kept], tuple(self.causes[place] for place in kept), *arrays)


def joined(parts: Sequence[Part]) -> Part:
    """Return several parts of one day as one."""
    trials, counts, equity, position = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("trials", "counts", "equity_units", "position_lots")
    )
    return Part(parts[0].day, trials, counts, tuple(cause for part in parts for cause in part.causes), equity, position)


@dataclass
class Results:
    """What is known so far: T trials on D days. It grows as trials are proposed and parts come in.

    states   [T, D] WAITING, DONE or LOST; counts [T, D] of COUNTS.
    causes   why a trial was lost, by (trial, day).
    equity   by day: [T, n] cash units at the ends of the intervals; position: lots there.
    """

    lengths: tuple[int, ...]  # intervals of each day
    states: IntArray = field(init=False)
    counts: Record = field(init=False)
    causes: dict[tuple[int, int], str] = field(default_factory=dict)
    equity: list[IntArray] = field(init=False)
    position: list[IntArray] = field(init=False)

    def __post_init__(self) -> None:
        days = len(self.lengths)
        self.states, self.counts = np.zeros((0, days), np.int64), np.zeros((0, days), COUNTS)
        self.equity, self.position = ([np.zeros((0, length), np.int64) for length in self.lengths] for _ in range(2))

    def grow(self, trials: int) -> None:
        """Make room for so many trials."""
        more = trials - len(self.states)
        if more > 0:
            self.states, self.counts = _longer(self.states, more), _longer(self.counts, more)
            self.equity, self.position = ([_longer(curves, more) for curves in each] for each in (self.equity, self.position))

    def take(self, part: Part) -> None:
        """Enter a part."""
        self.states[part.trials, part.day] = part.states
        self.counts[part.trials, part.day] = part.counts
        self.equity[part.day][part.trials] = part.equity_units
        self.position[part.day][part.trials] = part.position_lots
        self.causes.update({(int(trial), part.day): cause for trial, cause in zip(part.trials, part.causes, strict=True) if cause})

    def waiting(self, trials: Sequence[int], day: int) -> list[int]:
        """Return which of these trials have no result of a day yet."""
        return [trial for trial in trials if self.states[trial, day] == WAITING]

    def outcomes(self) -> IntArray:
        """Return the number of each trial's outcome [T]: trials with the same equity over all days have the same one."""
        whole = self.complete(range(len(self.lengths)))
        texts = (
            b"".join(np.ascontiguousarray(day[trial]).tobytes() for day in self.equity) if whole[trial] else b""
            for trial in range(len(self.states))
        )
        return classes_of(texts)

    def complete(self, days: Sequence[int]) -> Any:
        """Return whether each trial [T] has come to its end on all of these days."""
        return np.all(self.states[:, list(days)] == DONE, axis=1)


def _longer(array: Any, more: int) -> Any:
    return np.concatenate([array, np.zeros((more, *array.shape[1:]), array.dtype)])
