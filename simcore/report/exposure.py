"""What the run was exposed to: quotes shown, inventory, equity and its drawdown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simcore.records import NO_PRICE, IntArray
from simcore.report import sums
from simcore.report.findings import NO_SAMPLES, Findings
from simcore.report.folder import RunFolder
from simcore.units import NS_PER_S

_BPS = 10_000
SHARPE_INTERVALS_S = (3600, 600, 60, 10, 1)
SHARPE_INTERVALS_MIN = 30
YEAR_S = 365 * 86_400


def exposure(run: RunFolder) -> Findings:
    """Return all figures of this page."""
    found = Findings()
    for part in (_quotes(run), _inventory(run), _equity(run), _sharpe(run)):
        found.update(part)
    return found


def _quotes(run: RunFolder) -> Findings:
    found = Findings()
    samples = run.samples
    bid, ask = samples["quote_bid_ticks"], samples["quote_ask_ticks"]
    two = (bid != NO_PRICE) & (ask != NO_PRICE)
    one = (bid != NO_PRICE) | (ask != NO_PRICE)
    found.put("samples", len(samples))
    found.ratio("quote_uptime", int(np.count_nonzero(one)), len(samples), NO_SAMPLES)
    found.ratio("two_sided_uptime", int(np.count_nonzero(two)), len(samples), NO_SAMPLES)
    none_two = "no sample with quotes on both sides" if len(samples) else NO_SAMPLES
    width = sums.total(ask[two] - bid[two])
    market = sums.total(samples["ask_ticks"] - samples["bid_ticks"])
    found.ratio("quoted_spread_ticks", width, int(np.count_nonzero(two)), none_two)
    for key, top, mask, reason in (
        ("quoted_spread_bps", width, two, none_two),
        ("market_spread_bps", market, np.ones(len(samples), bool), NO_SAMPLES),
    ):
        both = sums.total(sums.add(samples["bid_ticks"][mask], samples["ask_ticks"][mask]))
        found.ratio(key, 2 * _BPS * top, both, reason)
    return found


def positions(run: RunFolder) -> tuple[IntArray, IntArray]:
    """Return (ts [n + 2], lots [n + 1]): the Venue's position between the start, each fill and the end."""
    start, end = run.start_ts, run.end_ts
    fills = run.fills
    times = np.concatenate([[start], np.clip(fills["exch_ts"], start, end), [end]]).astype(np.int64)
    lots = np.concatenate([[0], fills["position_lots"]]).astype(np.int64)
    return times, lots


def _inventory(run: RunFolder) -> Findings:
    """Position by time, exact between fills; in the unit of volume."""
    found = Findings()
    times, lots = positions(run)
    lasts = np.diff(times)
    span = int(times[-1]) - int(times[0])
    unit = run.money.quantity(1)
    reason = "the run has no length"
    found.put("position", run.money.quantity(int(run.counts["position_lots"])))
    found.put("inventory_mean", unit * (sums.dot(lots, lasts) / span) if span else None, reason)
    found.put("inventory_abs_mean", unit * (sums.dot(np.abs(lots), lasts) / span) if span else None, reason)
    found.put("inventory_max", run.money.quantity(int(lots.max())))
    found.put("inventory_min", run.money.quantity(int(lots.min())))
    return found


def drawdown_units(run: RunFolder) -> IntArray:
    """Return cash units [samples] below the highest equity so far; the run starts at equity 0."""
    equity = run.samples["equity_units"]
    highest = np.maximum(np.maximum.accumulate(equity), 0) if len(equity) else equity
    return np.asarray(highest - equity)


def _equity(run: RunFolder) -> Findings:
    found = Findings()
    below = drawdown_units(run)
    worst = run.money.amount(int(below.max())) if len(below) else None
    found.put("max_drawdown", worst, NO_SAMPLES)
    return found


def _sharpe(run: RunFolder) -> Findings:
    """Mean over standard deviation of changes of sampled equity; the interval is the longest that leaves enough of them."""
    found = Findings()
    chosen = _changes(run)
    reason = f"fewer than {SHARPE_INTERVALS_MIN} intervals of at least {SHARPE_INTERVALS_S[-1]} s with samples"
    interval, changes = chosen or (None, np.zeros(0))
    found.put("sharpe_interval_s", interval, reason)
    found.put("sharpe_intervals", len(changes) if interval else None, reason)
    mean = math.fsum(changes.tolist()) / len(changes) if interval else 0.0
    rest = [(x - mean) * (x - mean) for x in changes.tolist()]
    deviation = math.sqrt(math.fsum(rest) / (len(rest) - 1)) if interval else 0.0
    ratio = mean / deviation if deviation else None
    if interval and ratio is None:
        reason = "equity did not change"
    found.put("sharpe_per_interval", ratio, reason)
    found.put("sharpe_annualised", None if ratio is None or interval is None else ratio * math.sqrt(YEAR_S / interval), reason)
    found.put("sharpe_t", None if ratio is None else ratio * math.sqrt(len(changes)), reason)
    return found


def _changes(run: RunFolder) -> tuple[int, Any] | None:
    """Return (interval in s, changes of equity in cash units) on the longest grid with enough intervals."""
    samples = run.samples
    for interval in SHARPE_INTERVALS_S:
        place = samples["ts"] // (interval * NS_PER_S)
        last = np.flatnonzero(np.diff(place)) if len(place) else place
        if len(last) > SHARPE_INTERVALS_MIN:
            ends = samples["equity_units"][last]
            return interval, sums.floats(sums.subtract(ends[1:], ends[:-1]))
    return None
