"""The figures of trials, over one day or several: what objectives and constraints may name. Defined here only.

Counts of days are added up as exact integers and divided once, so that the figures of a single day equal those of
the replay's report bit for bit where the names are the same (docs/calibrate.md says which are, and what differs).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from simcore.calibrate.outcomes import Results
from simcore.records import FloatArray
from simcore.report.folder import Money
from simcore.units import INVERSE

_BPS = 10_000


@dataclass(frozen=True)
class Metric:
    """One figure. better: +1 if more is better, -1 if less is, 0 if it is none to strive for."""

    name: str
    unit: str
    better: int
    words: str


METRICS = {
    metric.name: metric
    for metric in (
        Metric("net", "cash", 1, "profit after fees and funding, with the last position at the mid"),
        Metric("net_bps", "bps", 1, "net ÷ turnover"),
        Metric("before_fees", "cash", 1, "net + fees"),
        Metric("before_fees_bps", "bps", 1, "before_fees ÷ turnover"),
        Metric("fees", "cash", -1, "fees paid; negative: rebates earned"),
        Metric("turnover", "cash", 1, "value traded"),
        Metric("volume", "size", 1, "quantity traded"),
        Metric("fills", "count", 1, "fills"),
        Metric("orders", "count", -1, "orders placed"),
        Metric("cancels", "count", -1, "cancels sent"),
        Metric("fill_rate", "ratio", 1, "fills ÷ orders placed"),
        Metric("maker_share", "ratio", 1, "maker fills ÷ fills"),
        Metric("taker_share", "ratio", -1, "taker fills ÷ fills"),
        Metric("max_drawdown", "cash", -1, "largest fall of sampled equity from its highest; of several days the largest"),
        Metric("sharpe", "ratio", 1, "mean ÷ standard deviation of the changes of equity over the intervals, those of all days together"),
        Metric("position", "size", 0, "position at the end; of several days the one farthest from 0"),
        Metric("position_abs", "size", -1, "its absolute value"),
        Metric("markout_100ms_bps", "bps", 1, "later mid against our price, mean by quantity, 100 ms after fills; positive is good"),
        Metric("markout_1s_bps", "bps", 1, "the same after 1 s"),
        Metric("markout_5s_bps", "bps", 1, "the same after 5 s"),
        Metric("markout_30s_bps", "bps", 1, "the same after 30 s"),
    )
}


class Figures:
    """The figures of all trials of `results` over some days: `figures["net_bps"]` is float64 [T].

    NaN: a trial that was lost or has not come to its end on one of the days, and a figure that it does not have (a ratio
    without fills, say).
    """

    def __init__(self, results: Results, days: Sequence[int], money: Money) -> None:
        self._results, self._days, self._money = results, list(days), money
        self._whole = results.complete(self._days)
        self._cache: dict[str, FloatArray] = {}

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self._cache:
            values = np.asarray(_COMPUTE[name](self), np.float64)
            self._cache[name] = np.where(self._whole, values, np.nan)
        return self._cache[name]

    def of(self, trial: int) -> dict[str, float | None]:
        """Return all figures of a trial by name; None where it has none."""
        found = {name: float(self[name][trial]) for name in METRICS}
        return {name: value if math.isfinite(value) else None for name, value in found.items()}

    def sums(self, field: str) -> list[int]:
        """Return the exact sum of a count over the days, of each trial."""
        return [sum(row) for row in self._results.counts[field][:, self._days].tolist()]

    def net_units(self) -> list[int | None]:
        """Return the profit of each trial in cash units; None where its last position has no value."""
        valued = np.all(self._results.counts["valued"][:, self._days] == 1, axis=1)
        return [net if known else None for net, known in zip(self.sums("net_units"), valued.tolist(), strict=True)]

    def before_fees_units(self) -> list[int | None]:
        """Return profit and fees of each trial in cash units."""
        pairs = zip(self.net_units(), self.sums("fee_units"), strict=True)
        return [None if net is None else net + fees for net, fees in pairs]

    def money(self, units: Sequence[int | None]) -> list[float]:
        """Return cash units as money."""
        return [math.nan if each is None else self._money.amount(each) for each in units]

    def bps(self, units: Sequence[int | None]) -> list[float]:
        """Return cash units in bps of the turnover, as `simcore.report.edge` divides."""
        pairs = zip(units, self.sums("turnover_units"), strict=True)
        return [math.nan if top is None or low == 0 else _BPS * (2 * top) / (2 * low) for top, low in pairs]

    def ratio(self, top: str, low: str) -> list[float]:
        """Return the ratio of two counts."""
        return [a / b if b else math.nan for a, b in zip(self.sums(top), self.sums(low), strict=True)]

    def quantity(self, lots: Sequence[int]) -> list[float]:
        """Return lots as base currency (inverse: contracts)."""
        return [self._money.quantity(each) for each in lots]

    def drawdown(self) -> list[float]:
        """Return the largest drawdown of each trial."""
        return self.money([max(row, default=0) for row in self._results.counts["drawdown_max"][:, self._days].tolist()])

    def last_positions(self) -> list[int]:
        """Return each trial's last position that is farthest from 0, lots."""
        return [max(row, key=abs, default=0) for row in self._results.counts["position_lots"][:, self._days].tolist()]

    def sharpe(self) -> list[float]:
        """Return the Sharpe ratio of each trial, per interval; NaN if its equity does not change."""
        return [sharpe_of(np.concatenate([self._changes(trial, day) for day in self._days])) for trial in range(len(self._whole))]

    def markout_bps(self, horizon: int) -> list[float]:
        """Return the mean gain a lot after a horizon, in bps of the mean price of the fills."""
        columns = (f"markout{horizon}", f"marked{horizon}", "turnover_units", "volume_lots")
        return [self._markout(*row) for row in zip(*(self.sums(name) for name in columns), strict=True)]

    def _markout(self, half_ticks: int, marked_lots: int, turnover_units: int, volume_lots: int) -> float:
        """A price in ticks is turnover ÷ (lots × scale), of inverse contracts lots × scale ÷ turnover."""
        if not marked_lots or not turnover_units:
            return math.nan
        scaled = volume_lots * self._money.value_scale
        low, high = (turnover_units, scaled) if self._money.kind == INVERSE else (scaled, turnover_units)
        return _BPS * half_ticks * low / (2 * marked_lots * high)

    def _changes(self, trial: int, day: int) -> FloatArray:
        changes: FloatArray = np.diff(self._results.equity[day][trial], prepend=0).astype(np.float64)
        return changes


def sharpe_of(changes: FloatArray) -> float:
    """Return mean ÷ standard deviation (n - 1) of changes; NaN without two of them, or if they are all the same."""
    if len(changes) < 2:
        return math.nan
    values = changes.tolist()
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((x - mean) * (x - mean) for x in values) / (len(values) - 1))
    return mean / deviation if deviation > 0 else math.nan


_COMPUTE: dict[str, Callable[[Figures], Sequence[float]]] = {
    "net": lambda each: each.money(each.net_units()),
    "net_bps": lambda each: each.bps(each.net_units()),
    "before_fees": lambda each: each.money(each.before_fees_units()),
    "before_fees_bps": lambda each: each.bps(each.before_fees_units()),
    "fees": lambda each: each.money(each.sums("fee_units")),
    "turnover": lambda each: each.money(each.sums("turnover_units")),
    "volume": lambda each: each.quantity(each.sums("volume_lots")),
    "fills": lambda each: each.sums("fills"),
    "orders": lambda each: each.sums("orders"),
    "cancels": lambda each: each.sums("cancels"),
    "fill_rate": lambda each: each.ratio("fills", "orders"),
    "maker_share": lambda each: each.ratio("maker_fills", "fills"),
    "taker_share": lambda each: each.ratio("taker_fills", "fills"),
    "max_drawdown": lambda each: each.drawdown(),
    "sharpe": lambda each: each.sharpe(),
    "position": lambda each: each.quantity(each.last_positions()),
    "position_abs": lambda each: each.quantity([abs(lots) for lots in each.last_positions()]),
    "markout_100ms_bps": lambda each: each.markout_bps(0),
    "markout_1s_bps": lambda each: each.markout_bps(1),
    "markout_5s_bps": lambda each: each.markout_bps(2),
    "markout_30s_bps": lambda each: each.markout_bps(3),
}
