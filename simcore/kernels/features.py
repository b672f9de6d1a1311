"""The ten features of an instrument, once a sample, as exponential averages with weight ALPHA (docs/metrics.md)."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at, signals
from simcore.kernels.state import F_CASH_UNIT, O_FEATURES, ORIGIN, State
from simcore.records import BID

ALPHA = 0.1
ETA_MS_MAX = 600_000.0  # a queue that hardly moves has no end worth averaging


@kernel
def note_fill(state: State, lane: int, side: int, lots: int, price: int, quoted: int, is_taker: bool, mid2: int) -> None:
    """Take a fill, as its report arrives, into the sums of the running sample.

    quoted  the order's price, 0 for a market order.  mid2  best bid + best ask of the local book, 0 without a mid.
    """
    record = at.lanes(state)[lane]
    record.node_fills += 1
    record.node_takers += 1 if is_taker else 0
    record.node_makers += 0 if is_taker else 1
    signed = lots if side == BID else -lots
    if quoted > 0:
        cost = price - quoted if side == BID else quoted - price
        record.slip_sum_bps += 1e4 * cost / quoted
    if mid2 > 0:
        record.fill_lots += signed
        record.fill_value += float(signed) * float(mid2)
        record.fill_size += lots


@kernel
def renew(state: State, lane: int, now_ns: int, mid2: int, depth_lots: float, equity: int) -> None:
    """Renew the averages at a sample and journal them; equity in cash units, mid2 = best bid + best ask."""
    record = at.lanes(state)[lane]
    first = record.marks_seen == 0
    record.marks_seen += 1
    fills = record.node_fills - record.mark_fills
    orders = record.orders - record.mark_orders
    moved_bps = 1e4 * abs(mid2 - record.mark_mid2) / record.mark_mid2 if record.mark_mid2 > 0 else 0.0
    gained = (equity - record.mark_equity_units) * at.floats(state)[lane, F_CASH_UNIT]
    record.ema_vol = _average(record.ema_vol, moved_bps, first)
    record.ema_depth = _average(record.ema_depth, depth_lots, first)
    record.ema_pnl_dev = _average(record.ema_pnl_dev, abs(gained - record.ema_pnl_mean), first)
    record.ema_pnl_mean = _average(record.ema_pnl_mean, gained, first)
    absorbed = 0.5 * (record.absorb_bid + record.absorb_ask)
    record.ema_absorb = _average(record.ema_absorb, absorbed, first)
    ahead = 0.5 * (record.ahead_bid + record.ahead_ask)
    eta_ms = min(1e3 * ahead / absorbed, ETA_MS_MAX) if absorbed > 0.0 else 0.0
    record.ema_eta_ms = _average(record.ema_eta_ms, eta_ms, first)
    if orders > 0:
        record.ema_fill_rate = _average(record.ema_fill_rate, fills / float(orders), record.mark_orders == 0)
    if fills > 0:
        takers = record.node_takers - record.mark_takers
        record.ema_taker_share = _average(record.ema_taker_share, takers / float(fills), record.mark_fills == 0)
        record.ema_slippage = _average(record.ema_slippage, record.slip_sum_bps / fills, record.mark_fills == 0)
    if record.fill_size_before > 0:
        against = record.fill_value_before - float(record.fill_lots_before) * float(mid2)
        moved_against = 1e4 * against / (float(mid2) * record.fill_size_before)
        record.ema_adverse = _average(record.ema_adverse, moved_against, record.adverse_seen == 0)
        record.adverse_seen = 1
    record.mark_fills, record.mark_takers, record.mark_orders = record.node_fills, record.node_takers, record.orders
    record.mark_mid2, record.mark_equity_units, record.slip_sum_bps = mid2, equity, 0.0
    record.fill_lots_before, record.fill_value_before = record.fill_lots, record.fill_value
    record.fill_size_before = record.fill_size
    record.fill_lots, record.fill_value, record.fill_size = 0, 0.0, 0
    _journal(state, lane, now_ns)


@kernel
def _average(before: float, now: float, first: bool) -> float:
    return now if first else before + ALPHA * (now - before)


@kernel
def _journal(state: State, lane: int, now_ns: int) -> None:
    record = at.lanes(state)[lane]
    row = at.out_features(state)[at.counts(state)[O_FEATURES]]
    at.counts(state)[O_FEATURES] += 1
    row.ts = now_ns + at.clock(state)[ORIGIN]
    row.lane = lane
    row.fills_total = record.node_fills
    row.fills_maker = record.node_makers
    row.fills_taker = record.node_takers
    row.vol_realized = record.ema_vol
    row.liq_top_depth = record.ema_depth
    row.latency_p95_ms = signals.latency_p95_ns(state, lane) / signals.NS_PER_MS
    row.pnl_dev = record.ema_pnl_dev
    row.fill_rate = record.ema_fill_rate
    row.taker_share = record.ema_taker_share
    row.queue_absorb_rate = record.ema_absorb
    row.queue_eta_ms = record.ema_eta_ms
    row.slippage_bps = record.ema_slippage
    row.adverse_move_bps = record.ema_adverse
