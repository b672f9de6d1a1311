"""How the exchange's mid moved after fills: one row a horizon, with standard errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simcore.errors import ReportError
from simcore.records import MARKOUT_NS, NO_PRICE, IntArray
from simcore.report import sums
from simcore.report.findings import NO_FILLS, Findings
from simcore.report.folder import RunFolder
from simcore.report.sums import Column
from simcore.units import NS_PER_S

ONE_SECOND = MARKOUT_NS.index(NS_PER_S)
CLUSTER_NS_MIN = NS_PER_S
_BPS = 10_000


def values_at(run: RunFolder, bid_plus_ask: IntArray, otherwise: Column, known: Any = True) -> Column:
    """Return halves of cash units [n] of each fill's quantity at a mid; `otherwise` where there is none."""
    has_mid = (bid_plus_ask != 0) & known
    safe = np.where(has_mid, bid_plus_ask, 1)
    values = run.money.half_value(safe, run.fills["qty_lots"])
    if values.dtype == object or otherwise.dtype == object:
        values, otherwise = values.astype(object), otherwise.astype(object)
    return np.where(has_mid, values, otherwise)


def mids(run: RunFolder) -> IntArray:
    """Return bid + ask [n] just before each fill, 0 where a side was empty."""
    return _both(run.fills["bid_ticks"], run.fills["ask_ticks"])


def markout_mids(run: RunFolder) -> IntArray:
    """Return bid + ask [horizons, n] after each fill, 0 where there is no markout. REP-001 if one has no fill."""
    fills, markouts = run.fills, run.markouts
    after = np.zeros((len(MARKOUT_NS), len(fills)), np.int64)
    if not len(markouts):
        return after
    order = np.argsort(fills["seq"], kind="stable")
    place = np.searchsorted(fills["seq"][order], markouts["fill_seq"])
    known = place < len(fills)
    known[known] = fills["seq"][order[place[known]]] == markouts["fill_seq"][known]
    known &= (markouts["horizon"] >= 0) & (markouts["horizon"] < len(MARKOUT_NS))
    if not known.all():
        row = markouts[int(np.flatnonzero(~known)[0])]
        raise ReportError("REP-001", f"{run.path}: markout of fill {row['fill_seq']}, horizon {row['horizon']}: no such fill")
    after[markouts["horizon"], order[place]] = _both(markouts["bid_ticks"], markouts["ask_ticks"])
    return after


def markout_curve(run: RunFolder, chosen: Any = None) -> list[dict[str, Any]]:
    """Return one row a horizon, over the fills `chosen` (a mask [n]; None: all) whose mids are known.

    adverse_bps: how far the mid went against us since the fill.  realised_bps: our price against that later mid,
    so gross_bps (over the same fills) - adverse_bps.  *_se_bps: standard errors.  All in bps of the fills' notional.
    """
    before = mids(run)
    after = markout_mids(run)
    mask = np.ones(len(before), bool) if chosen is None else chosen
    at_price = sums.multiply(run.notionals, 2)
    at_mid = values_at(run, before, at_price)
    rows = []
    for horizon, horizon_ns in enumerate(MARKOUT_NS):
        marked = mask & (before != 0) & (after[horizon] != 0)
        later = values_at(run, after[horizon], at_mid)[marked]
        signs = run.money.direction * run.signs[marked]
        weight = at_price[marked]
        bins = run.fills["exch_ts"][marked] // max(horizon_ns, CLUSTER_NS_MIN)
        adverse = sums.multiply(signs, sums.subtract(at_mid[marked], later))
        realised = sums.multiply(signs, sums.subtract(later, weight))
        rows.append(
            {
                "horizon_s": horizon_ns / NS_PER_S,
                "fills": int(np.count_nonzero(marked)),
                "unmarked": int(np.count_nonzero(mask)) - int(np.count_nonzero(marked)),
                "adverse_bps": _mean_bps(adverse, weight),
                "adverse_se_bps": _error_bps(adverse, weight, bins),
                "realised_bps": _mean_bps(realised, weight),
                "realised_se_bps": _error_bps(realised, weight, bins),
            }
        )
    return rows


def markouts(run: RunFolder) -> Findings:
    """Return the markout table, and its figure at one second by name."""
    found = Findings()
    rows = markout_curve(run)
    reason = "no fill has a mid at the fill and at the horizon" if len(run.fills) else NO_FILLS
    few = "fewer than two intervals with fills"
    for row in rows:
        place = f"markouts[{row['horizon_s']:g} s]"
        for key in ("adverse_bps", "realised_bps"):
            if row[key] is None:
                found.missing[f"{place}.{key}"] = reason
        for key in ("adverse_se_bps", "realised_se_bps"):
            if row[key] is None:
                found.missing[f"{place}.{key}"] = few if row["fills"] else reason
    found.put("adverse_bps_1s", rows[ONE_SECOND]["adverse_bps"], reason)
    found.put("markouts", rows)
    return found


def _both(bid: IntArray, ask: IntArray) -> IntArray:
    return np.where((bid != NO_PRICE) & (ask != NO_PRICE), bid + ask, 0)


def _mean_bps(values: Column, weights: Column) -> float | None:
    weight = sums.total(weights)
    return _BPS * sums.total(values) / weight if weight else None


def _error_bps(values: Column, weights: Column, bins: IntArray) -> float | None:
    """Return the standard error of a ratio of sums; fills in one interval share a price move, so they count as one."""
    groups, place = np.unique(bins, return_inverse=True)
    count = len(groups)
    weight = sums.total(weights)
    if count < 2 or not weight:
        return None
    mean = sums.total(values) / weight
    rest = sums.floats(values) - mean * sums.floats(weights)
    per_group = np.bincount(place, weights=rest, minlength=count)
    squares = math.fsum((per_group * per_group).tolist())
    return _BPS * math.sqrt(squares * count / (count - 1)) / weight
