"""A day's fills and ticks of one symbol -> a row an interval, or the reason why there is none."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from simcore.calibrate.datasets.files import Columns
from simcore.records import FloatArray, IntArray
from simcore.units import NS_PER_S

TARGETS = ("net_bps", "slippage_bps", "fill_rate", "taker_share")
FEATURES = ("tick_p95_ms", "cache_hit_ratio", "cache_age_mean_ms", "deadline_miss_rate", "stale_rate")
# What may be missing in a row: it says more about an interval, and does not cost it.
MORE = (
    "net_1s_bps", "gross_bps", "fees_bps", "adverse_bps", "inventory_bps", "latency_p95_ms", "spread_mean_bps", "inventory_mean_pct",
    "guard_soft_share", "guard_hard_share",
)  # fmt: skip
COUNTS = ("fills", "taker_fills", "orders", "ticks", "volume")
DROPS = {
    "few_ticks": "fewer traced ticks than --min-ticks",
    "feed_gap": "longer than --max-gap without a tick, edges of the interval included",
    "deadline_misses": "a larger share of ticks than --max-misses took too long",
    "no_fills": "no fill: the edge of the interval is not known",
    "not_finite": "a target or feature is not a number: no order was placed, or no fill has an edge",
}


class Limits(NamedTuple):
    """What an interval must have: traced ticks, at most so many seconds between two, at most that share of deadline misses."""

    ticks_min: int = 10
    gap_s_max: float = 60.0
    misses_max: float = 0.05


def day_rows(fills: Columns, ticks: Columns, interval_s: int, limits: Limits, drops: dict[str, int]) -> dict[str, Any]:
    """Return rows by column, `ts` (the interval's begin, ns) first, of the intervals with a fill or a tick that are not dropped.

    fills, ticks  in order of time, of one symbol and day; {} where there are none.  drops (mutated) counts by reason.
    """
    step = interval_s * NS_PER_S
    begins = np.unique(np.concatenate([each["ts"] // step for each in (fills, ticks) if each] or [np.zeros(0, np.int64)]))
    found: dict[str, list[float]] = {name: [] for name in ("ts", *TARGETS, *FEATURES, *MORE, *COUNTS)}
    bounds = [_bounds(each, begins, step) for each in (fills, ticks)]
    for i, begin in enumerate(begins):
        own_fills, own_ticks = (
            {name: values[edges[0][i] : edges[1][i]] for name, values in each.items()}
            for each, edges in zip((fills, ticks), bounds, strict=True)
        )
        row = _row(own_fills, own_ticks)
        reason = _reason(row, own_ticks, int(begin) * step, step, limits)
        if reason:
            drops[reason] = drops.get(reason, 0) + 1
            continue
        row["ts"] = int(begin) * step
        for name, values in found.items():
            values.append(row[name])
    kinds = {"ts": np.int64, **dict.fromkeys(("fills", "taker_fills", "orders", "ticks"), np.int64)}
    return {name: np.array(values, kinds.get(name, np.float64)) for name, values in found.items()}


def _bounds(columns: Columns, begins: IntArray, step: int) -> tuple[IntArray, IntArray]:
    place = columns["ts"] // step if columns else np.zeros(0, np.int64)
    return np.searchsorted(place, begins, side="left"), np.searchsorted(place, begins, side="right")


def _row(fills: Columns, ticks: Columns) -> dict[str, Any]:
    count = len(ticks["ts"]) if ticks else 0
    orders = int(ticks["orders"].sum()) if count else 0
    row: dict[str, Any] = {"ticks": count, "orders": orders, **_of_fills(fills, orders)}
    row["tick_p95_ms"] = percentile_95(ticks["tick_total_ms"]) if count else math.nan
    means = {
        "cache_hit_ratio": "cache_hit", "cache_age_mean_ms": "cache_age_ms", "deadline_miss_rate": "deadline_miss", "stale_rate": "used_stale",
        "spread_mean_bps": "spread_bps", "inventory_mean_pct": "inventory_pct",
    }  # fmt: skip
    for name, column in means.items():
        row[name] = _mean(ticks[column]) if count else math.nan
    for level in ("soft", "hard"):
        row[f"guard_{level}_share"] = float(np.count_nonzero(ticks["guard_level"] == level)) / count if count else math.nan
    return row


def _of_fills(fills: Columns, orders: int) -> dict[str, Any]:
    """Return what the fills of an interval say; edges are weighted by value at the mid, as in a run's report."""
    count = len(fills["ts"]) if fills else 0
    takers = int(np.count_nonzero(fills["liquidity"] == "taker")) if count else 0
    row: dict[str, Any] = {
        "fills": count, "taker_fills": takers, "taker_share": takers / count if count else math.nan, "volume": float(fills["qty"].sum()) if count else 0.0,
        "fill_rate": count / orders if orders else math.nan,
    }  # fmt: skip
    edges = {name: name for name in ("net_bps", "gross_bps", "fees_bps", "adverse_bps", "inventory_bps")} | {"slippage_bps": "slip_bps"}
    weight = fills["qty"] * np.where(np.isnan(fills["mid_now"]), fills["price"], fills["mid_now"]) if count else np.zeros(0)
    for name, column in edges.items():
        row[name] = _weighted(fills[column], weight) if count else math.nan
    row["net_1s_bps"] = row["gross_bps"] - row["adverse_bps"] - row["fees_bps"]
    known = fills["latency_ms"][~np.isnan(fills["latency_ms"])] if count else np.zeros(0)
    row["latency_p95_ms"] = percentile_95(known) if len(known) else math.nan
    return row


def _reason(row: dict[str, Any], ticks: Columns, begin_ns: int, step: int, limits: Limits) -> str:
    """Return why an interval is dropped, the first reason of DROPS; nothing if it is not."""
    if row["ticks"] < limits.ticks_min:
        return "few_ticks"
    edges = np.concatenate([[begin_ns], ticks["ts"], [begin_ns + step]])
    if np.diff(edges).max() > limits.gap_s_max * NS_PER_S:
        return "feed_gap"
    if row["deadline_miss_rate"] > limits.misses_max:
        return "deadline_misses"
    if row["fills"] == 0:
        return "no_fills"
    return "" if all(math.isfinite(row[name]) for name in (*TARGETS, *FEATURES)) else "not_finite"


def percentile_95(values: FloatArray) -> float:
    """Return the 95th percentile by nearest rank of at least one value."""
    return float(np.sort(values)[math.ceil(0.95 * len(values)) - 1])


def _mean(values: Any) -> float:
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    return math.fsum(known.tolist()) / len(known) if len(known) else math.nan


def _weighted(values: FloatArray, weight: FloatArray) -> float:
    known = ~np.isnan(values)
    total = math.fsum(weight[known].tolist())
    return math.fsum((values[known] * weight[known]).tolist()) / total if total > 0.0 else math.nan
