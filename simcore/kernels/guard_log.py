"""A row whenever the guards' verdict changes: what held from then on, and the values that it was made of."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.context import QuoteContext
from simcore.kernels.state import O_GUARDS, ORIGIN, State

HARD_SHIFT = 24  # reasons of guards are below bit 24


@kernel
def note(state: State, lane: int, now_ns: int, context: QuoteContext) -> None:
    """Journal the guards of a tick if their reasons differ from those of the last tick; now_ns counts from ORIGIN."""
    guards, signals, market = context.guards, context.signals, context.market
    record = at.lanes(state)[lane]
    key = guards.soft | guards.hard << HARD_SHIFT
    if key == record.guard_key:
        return
    record.guard_key = key
    row = at.out_guards(state)[at.counts(state)[O_GUARDS]]
    at.counts(state)[O_GUARDS] += 1
    row.ts = now_ns + at.clock(state)[ORIGIN]
    row.lane = lane
    row.level, row.soft, row.hard = guards.level, guards.soft, guards.hard
    row.position_lots = context.position_lots
    row.takers_15m, row.requests_10s = signals.taker_fills_15m, signals.requests_10s
    row.open_orders, row.open_lots = signals.open_orders, signals.open_lots
    row.waiting_ns, row.book_age_ns = signals.waiting_ns, market.book_age_ns
    row.size_scale, row.spread_scale = guards.size_scale, guards.spread_scale
    row.return_std_bps, row.latency_p95_ms, row.pnl_mean = signals.return_std_bps, signals.latency_p95_ms, signals.pnl_mean
    row.pnl_day, row.turnover_day = signals.pnl_day, signals.turnover_day
    row.open_notional = signals.open_lots * market.lot_value
