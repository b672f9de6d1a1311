"""The demo maker with a stage that remembers all that the Node has measured, for the tests to read after a tick."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext
from simcore.kernels.stages import simple


class Params(NamedTuple):
    """A stage with memory has parameters, too."""

    unused: float = 0.0


class Seen(NamedTuple):
    """What the stage saw at the last tick."""

    return_std_bps: float = 0.0
    returns: float = 0.0
    latency_p95_ms: float = 0.0
    latencies: float = 0.0
    pnl_mean: float = 0.0
    pnl_samples: float = 0.0
    pnl_day: float = 0.0
    turnover_day: float = 0.0
    fills_1h: float = 0.0
    taker_fills_1h: float = 0.0
    taker_fills_15m: float = 0.0
    requests_10s: float = 0.0
    waiting_ns: float = 0.0
    open_orders: float = 0.0
    open_lots: float = 0.0
    bid_ticks: float = 0.0
    ask_ticks: float = 0.0
    worst_bid_ticks: float = 0.0
    worst_ask_ticks: float = 0.0
    bid_ahead_lots: float = 0.0
    ask_ahead_lots: float = 0.0
    bid_better_lots: float = 0.0
    ask_better_lots: float = 0.0
    bid_top_lots: float = 0.0
    ask_top_lots: float = 0.0
    bid_depth_lots: float = 0.0
    ask_depth_lots: float = 0.0
    book_age_ns: float = 0.0
    gaps: float = 0.0
    rewinds: float = 0.0
    lot_value: float = 0.0


@kernel
def watch(context: QuoteContext, params: Params, memory: Seen) -> tuple[QuoteContext, Seen]:
    """Remember what the context holds."""
    s, q, m = context.signals, context.queue, context.market
    return context, Seen(
        s.return_std_bps, float(s.returns), s.latency_p95_ms, float(s.latencies), s.pnl_mean, float(s.pnl_samples),
        s.pnl_day, s.turnover_day, float(s.fills_1h), float(s.taker_fills_1h), float(s.taker_fills_15m),
        float(s.requests_10s), float(s.waiting_ns), float(s.open_orders), float(s.open_lots), float(q.bid_ticks),
        float(q.ask_ticks), float(q.worst_bid_ticks), float(q.worst_ask_ticks), q.bid_ahead_lots, q.ask_ahead_lots,
        q.bid_better_lots, q.ask_better_lots, q.bid_top_lots, q.ask_top_lots, m.bid_depth_lots, m.ask_depth_lots,
        float(m.book_age_ns), float(m.gaps), float(m.rewinds), m.lot_value,
    )  # fmt: skip


STAGES = {
    "watch": watch,
    "spread": simple.volatility_spread,
    "inventory": simple.linear_skew,
    "emit": simple.two_sided,
}
