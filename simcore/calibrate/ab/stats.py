"""The six metrics of an A/B test: each arm's value, the difference B − A with its interval, and a verdict.

A metric is a ratio of sums over cells, so that it is the figure of docs/reports.md and not a mean of means. For the interval, cells of one time
window are added up over all symbols first (symbols move together), and windows are drawn in blocks of neighbours (a position lives through
many). A and B are drawn with the same blocks, so what moves both cancels.

Six metrics are six looks: verdicts hold p values against Holm's limits (Holm 1979, "A simple sequentially rejective multiple test procedure"), so
that the chance of any false verdict in the table is at most 1 − level, however the metrics depend on each other. Intervals are not corrected.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from simcore.calibrate.ab.cells import MONEY_FIELDS, Cells
from simcore.calibrate.ab.settings import AbSettings
from simcore.calibrate.intervals import block_means, interval_block, widening
from simcore.records import FloatArray

BETTER, WORSE, NO_DIFFERENCE, NOT_JUDGED = "better", "worse", "no difference shown", "not judged"
_HALVINGS = 24  # of the search for a p value, which is then known to 1e-7
_BPS = 10_000.0


class Metric(NamedTuple):
    """top / low × scale. sign: +1 where more is better, −1 where less is. unit: as in simcore.report.wording."""

    key: str
    label: str
    unit: str
    top: str
    low: str
    scale: float
    sign: int


METRICS = (
    Metric("net_bps", "Net edge", "bps", "pnl", "turnover", _BPS, 1),
    Metric("fill_ratio", "Orders with a fill", "share", "orders_filled", "orders", 1.0, 1),
    Metric("taker_share", "Taker share", "share", "taker_fills", "fills", 1.0, -1),
    Metric("adverse_bps_1s", "Adverse move, 1 s", "bps", "moved", "marked", _BPS, -1),
    Metric("slippage_bps", "Slippage", "bps", "slipped", "priced", _BPS, -1),
    Metric("drawdown_bps", "Drawdown", "bps", "drawdown", "both_turnover", _BPS, -1),
)


@dataclass(frozen=True)
class Judged:
    """A metric of both arms. None where there is none; why says so.

    low, high  interval of the difference B − A.  p: of no difference, two-sided; p_holm: times Holm's factor.
    block      windows a block.  windows_a, windows_b: windows in which the arm has something to measure.
    """

    metric: Metric
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    block: int | None
    windows_a: int
    windows_b: int
    verdict: str
    why: str = ""


def judge(cells: Cells, use_a: Any, use_b: Any, settings: AbSettings) -> list[Judged]:
    """Return the six metrics with verdicts. use_a, use_b: masks [n] of the cells that count for each arm."""
    found = [measured(metric, cells, use_a, use_b, settings) for metric in METRICS]
    return _with_verdicts(found, 1.0 - settings.level)


def values(cells: Cells, arms: Any) -> dict[str, float | None]:
    """Return the six metrics of what was live. arms: mask [n], True where B is."""
    found = {}
    for metric in METRICS:
        tops, lows = (np.where(arms, column(cells, "b", name), column(cells, "a", name)) for name in (metric.top, metric.low))
        found[metric.key] = _ratio(float(tops.sum()), float(lows.sum()), metric.scale)
    return found


def one_sided(cells: Cells, arm: str, use: Any) -> dict[str, float | None]:
    """Return the six metrics of one arm over the cells of a mask."""
    return {
        metric.key: _ratio(float(column(cells, arm, metric.top)[use].sum()), float(column(cells, arm, metric.low)[use].sum()), metric.scale)
        for metric in METRICS
    }


def column(cells: Cells, arm: str, name: str) -> FloatArray:
    """Return a field [n] of an arm, money in what may be added up. both_turnover: the mean turnover of the two arms."""
    if name == "both_turnover":
        return (cells.a.values["turnover"] + cells.b.values["turnover"]) * 0.5 * cells.money
    chosen = cells.a if arm == "a" else cells.b
    return chosen.values[name] * cells.money if name in MONEY_FIELDS else chosen.values[name]


def _ratio(top: float, low: float, scale: float) -> float | None:
    return scale * top / low if low else None


def measured(metric: Metric, cells: Cells, use_a: Any, use_b: Any, settings: AbSettings) -> Judged:
    """Return one metric with its interval and p, without a verdict."""
    places = np.unique(cells.window, return_inverse=True)[1]
    series = [
        np.bincount(places[use], column(cells, arm, name)[use], int(places.max()) + 1).astype(np.float64)
        for arm, use in (("a", use_a), ("b", use_b))
        for name in (metric.top, metric.low)
    ]
    return compare(metric, series, settings)


def compare(metric: Metric, series: Sequence[FloatArray], settings: AbSettings) -> Judged:
    """Return a metric with its interval and p, without a verdict. series: A's tops and lows, then B's, each [windows] in time order."""
    totals = [float(each.sum()) for each in series]
    a, b = _ratio(totals[0], totals[1], metric.scale), _ratio(totals[2], totals[3], metric.scale)
    seen = (int(np.count_nonzero(series[1])), int(np.count_nonzero(series[3])))
    blank = Judged(metric, a, b, None, None, None, None, None, None, *seen, NOT_JUDGED)
    if a is None or b is None:
        return replace(blank, why=f"{' and '.join(arm for arm, value in (('A', a), ('B', b)) if value is None)}: nothing to measure")
    blank = replace(blank, difference=b - a)
    if min(seen) < settings.min_windows:
        return replace(blank, why=f"only {min(seen)} windows to measure; {settings.min_windows} are needed")
    pull = (series[2] - b / metric.scale * series[3]) / totals[3] - (series[0] - a / metric.scale * series[1]) / totals[1]
    block = min(settings.block, len(pull)) or verdict_block(pull)
    away = metric.scale * _away(np.stack(series, axis=1), block, settings)
    if 2 * len(away) < settings.repetitions:
        return replace(blank, why="what there is to measure is in too few of the windows")
    low, high = _ends(b - a, away, settings.level, block, len(pull))
    return replace(blank, low=low, high=high, p=_p(b - a, away, block, len(pull)), block=block)


def verdict_block(pull: FloatArray) -> int:
    """Return the windows of a block: those of an interval, and at least 2.44 n^(1/3) of n, but for a quarter of them.

    That is 0.41 n^(2/3) blocks, the rule of Lazarus, Lewis, Stock & Watson 2018 (see `simcore.calibrate.intervals`): the smallest of six p values
    lies farther out than the ends of one interval, where blocks that are too short do more harm.
    """
    count = len(pull)
    return max(interval_block(pull), min(math.ceil(2.44 * math.cbrt(count)), count // 4))


def _away(series: FloatArray, block: int, settings: AbSettings) -> FloatArray:
    """Return how far the difference of the ratios of each resample is from that of the data; one with nothing to measure is left out."""
    means = block_means(series, block, settings.repetitions, settings.seed)
    least = 1e-12 * series.mean(axis=0)
    kept = means[(means[:, 1] > least[1]) & (means[:, 3] > least[3])]
    totals = series.sum(axis=0)
    return np.asarray(kept[:, 2] / kept[:, 3] - kept[:, 0] / kept[:, 1] - (totals[2] / totals[3] - totals[0] / totals[1]))


def _ends(difference: float, away: FloatArray, level: float, block: int, count: int) -> tuple[float, float]:
    """Return the ends of the interval at a level."""
    low, high = np.quantile(away, [0.5 - 0.5 * level, 0.5 + 0.5 * level]) * widening(block, count, level)
    return difference + float(low), difference + float(high)


def _p(difference: float, away: FloatArray, block: int, count: int) -> float:
    """Return 1 less the highest level at which the interval leaves out 0; never below what so many resamples can show."""
    ordered = np.sort(away)
    least, most = 2.0 / (1 + len(away)), 1.0
    for _ in range(_HALVINGS):
        p = 0.5 * (least + most)
        low, high = _ends(difference, ordered, 1.0 - p, block, count)
        if low > 0.0 or high < 0.0:
            most = p
        else:
            least = p
    return most


def _with_verdicts(found: Sequence[Judged], error: float) -> list[Judged]:
    """Return the metrics with Holm's p values and verdicts; those that cannot be judged are no looks."""
    order = sorted((i for i, each in enumerate(found) if each.p is not None), key=lambda i: (found[i].p or 0.0, i))
    results = list(found)
    reached = 0.0
    for rank, i in enumerate(order):
        reached = min(max(reached, (found[i].p or 0.0) * (len(order) - rank)), 1.0)
        results[i] = replace(found[i], p_holm=reached, verdict=_verdict(found[i], reached <= error))
    return results


def _verdict(one: Judged, is_shown: bool) -> str:
    if not is_shown or not one.difference:
        return NO_DIFFERENCE
    return BETTER if one.difference * one.metric.sign > 0 else WORSE
