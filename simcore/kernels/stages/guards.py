"""Stage Guards: soft limits make quotes smaller and wider; hard ones withdraw them for a while.

A guard that our own silence would keep shut opens again: when a halt for latency or inventory is over, the same or a better
value is SOFT only, until it is worse than the one that halted, or has been below the hard point in between. (Without
requests no latency is measured; without quotes no position is worked off.) At and beyond the hard point of inventory
only the side that reduces the position has room.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import (
    GUARD_HARD,
    GUARD_NONE,
    GUARD_SOFT,
    GuardAssessment,
    InventoryAdjustment,
    QuoteContext,
    bounded,
    with_guards,
    with_inventory,
)
from simcore.kernels.reasons import (
    BAD_BOOK,
    FEED_GAP,
    HALTED,
    INVENTORY,
    KILL_SWITCH,
    LATENCY,
    LOSS_CAP,
    OPEN_NOTIONAL,
    OPEN_ORDERS,
    PNL,
    RATE_PRESSURE,
    STALE_BOOK,
    TAKER_FILLS,
    TURNOVER_CAP,
    VENUE_OUTAGE,
    VOLATILITY,
)
from simcore.kernels.stages.guard_counts import GuardMemory, GuardState, counted
from simcore.kernels.stages.inventory import inventory_pct

NS_PER_MS = 1e6
NS_PER_DAY = 86_400_000_000_000


class GuardParams(NamedTuple):
    """A limit that is reached triggers; more than max_open_* does. Caps and requests_* of 0 are off, max_position_lots below 1, too.

    pnl_scale          the mean change of equity a tick, in cash, over this is the z that pnl_z_* limit.
    stale_*_ms         silence of the feed; invalid_hard_ms: an invalid view that no refresh mends for so long.
    requests_*         requests in 10 s; outage_*_ms: age of the oldest request without an answer.
    max_day_loss, max_day_turnover, max_open_notional    cash. A cap that was reached in a UTC day stays reached until it ends.
    returns_min, latencies_min, pnl_samples_min    with fewer samples a signal triggers nothing.
    """

    enabled: float = 1.0
    vol_soft_bps: float = 15.0
    vol_hard_bps: float = 25.0
    returns_min: float = 20.0
    latency_soft_ms: float = 300.0
    latency_hard_ms: float = 450.0
    latencies_min: float = 5.0
    pnl_z_soft: float = -1.5
    pnl_z_hard: float = -2.5
    pnl_scale: float = 8.0
    pnl_samples_min: float = 10.0
    max_position_lots: float = 100.0
    inventory_soft_pct: float = 6.0
    inventory_hard_pct: float = 10.0
    taker_fills_soft: float = 12.0
    taker_fills_hard: float = 20.0
    stale_soft_ms: float = 2000.0
    stale_hard_ms: float = 10_000.0
    invalid_hard_ms: float = 1000.0
    requests_soft: float = 0.0
    requests_hard: float = 0.0
    outage_soft_ms: float = 1000.0
    outage_hard_ms: float = 3000.0
    max_open_orders: float = 0.0
    max_open_notional: float = 0.0
    max_day_loss: float = 0.0
    max_day_turnover: float = 0.0
    kill_switch: float = 0.0
    size_scale: float = 0.5
    spread_scale: float = 1.5
    halt_ms: float = 2000.0


@kernel
def assess(context: QuoteContext, params: GuardParams, memory: GuardMemory) -> tuple[QuoteContext, GuardMemory]:
    """Decide level, scales and reasons; a HARD trigger halts for halt_ms. Adds to what an earlier guard stage has decided."""
    if context.fetch.wait_ns > 0:
        return context, memory
    now = float(context.market.elapsed_ns)
    day = float(context.market.now_ns // NS_PER_DAY)
    had = memory.state
    loss, turnover = _caps(context, params, had, day)
    feed_soft, feed_hard, invalid_ns = _feed(context, params, had, now)
    self_soft, self_hard, latency_ms, pct = _own(context, params, had)
    soft = feed_soft | self_soft | _market_soft(context, params)
    hard = feed_hard | self_hard | _hard(context, params, loss, turnover)
    until = now + max(params.halt_ms, 0.0) * NS_PER_MS if hard != 0 else had.halt_until_ns
    if now < until:
        hard |= HALTED
    state = GuardState(until, day, loss, turnover, latency_ms, pct, float(context.market.gaps), float(context.market.rewinds), invalid_ns)
    if pct > 0.0:
        context = _only_reducing(context)
    return with_guards(context, _merged(context.guards, params, soft, hard)), counted(state, memory, soft, hard)


@kernel
def _only_reducing(context: QuoteContext) -> QuoteContext:
    """Return the context with no room on the side that would add to the position."""
    had, position = context.inventory, context.position_lots
    return with_inventory(
        context,
        InventoryAdjustment(
            had.bid_shift_ticks, had.ask_shift_ticks, 0 if position > 0 else had.room_bid_lots,
            0 if position < 0 else had.room_ask_lots, had.inventory_pct, had.skew_bps,
        ),
    )  # fmt: skip


@kernel
def _merged(had: GuardAssessment, params: GuardParams, soft: int, hard: int) -> GuardAssessment:
    """Return the stricter of an earlier assessment and ours. SOFT never enlarges and never narrows, whatever the params."""
    size, wider, level = had.size_scale, had.spread_scale, had.level
    if soft | hard != 0:
        size = min(size, min(max(params.size_scale, 0.0), 1.0))
        wider = max(wider, max(params.spread_scale, 1.0))
        level = max(level, GUARD_SOFT)
    if hard != 0:
        size = 0.0
        level = GUARD_HARD
    return GuardAssessment(max(level, GUARD_NONE), size, wider, had.soft | soft, had.hard | hard)


@kernel
def _market_soft(context: QuoteContext, params: GuardParams) -> int:
    """Return the SOFT reasons that need no memory."""
    signals = context.signals
    bits = 0
    if signals.returns >= params.returns_min and signals.return_std_bps >= params.vol_soft_bps:
        bits |= VOLATILITY
    if signals.pnl_samples >= params.pnl_samples_min and pnl_z(signals.pnl_mean, params) <= params.pnl_z_soft:
        bits |= PNL
    if signals.taker_fills_15m >= params.taker_fills_soft:
        bits |= TAKER_FILLS
    if 0.0 < params.requests_soft <= signals.requests_10s:
        bits |= RATE_PRESSURE
    if signals.waiting_ns >= params.outage_soft_ms * NS_PER_MS:
        bits |= VENUE_OUTAGE
    return bits


@kernel
def _hard(context: QuoteContext, params: GuardParams, loss: float, turnover: float) -> int:
    """Return the HARD reasons that need no memory, and the caps of the day."""
    signals, market = context.signals, context.market
    bits = 0
    if signals.returns >= params.returns_min and signals.return_std_bps >= params.vol_hard_bps:
        bits |= VOLATILITY
    if signals.pnl_samples >= params.pnl_samples_min and pnl_z(signals.pnl_mean, params) <= params.pnl_z_hard:
        bits |= PNL
    if signals.taker_fills_15m >= params.taker_fills_hard:
        bits |= TAKER_FILLS
    if 0.0 < params.requests_hard <= signals.requests_10s:
        bits |= RATE_PRESSURE
    if signals.waiting_ns >= params.outage_hard_ms * NS_PER_MS:
        bits |= VENUE_OUTAGE
    if 0.0 < params.max_open_orders < signals.open_orders:
        bits |= OPEN_ORDERS
    if 0.0 < params.max_open_notional < signals.open_lots * market.lot_value:
        bits |= OPEN_NOTIONAL
    if market.bid_ticks <= 0 or market.bid_ticks >= market.ask_ticks:
        bits |= BAD_BOOK
    if params.kill_switch != 0.0:
        bits |= KILL_SWITCH
    return bits | (LOSS_CAP if loss == 1.0 else 0) | (TURNOVER_CAP if turnover == 1.0 else 0)


@kernel
def pnl_z(pnl_mean: float, params: GuardParams) -> float:
    """Return the mean change of equity over its scale, which is a param: not a measured deviation."""
    if params.pnl_scale <= 0.0:
        raise ValueError("pnl_scale is not above 0")
    return pnl_mean / params.pnl_scale


@kernel
def _caps(context: QuoteContext, params: GuardParams, had: GuardState, day: float) -> tuple[float, float]:
    """Return 1 for each of the day's caps (loss, turnover) that was reached in this UTC day."""
    signals = context.signals
    loss = had.loss_reached if day == had.day else 0.0
    turnover = had.turnover_reached if day == had.day else 0.0
    if 0.0 < params.max_day_loss <= -signals.pnl_day:
        loss = 1.0
    if 0.0 < params.max_day_turnover <= signals.turnover_day:
        turnover = 1.0
    return loss, turnover


@kernel
def _feed(
    context: QuoteContext, params: GuardParams, had: GuardState, now: float
) -> tuple[int, int, float]:
    """Return SOFT and HARD reasons of the feed, and since when the view is invalid (-1: it is not)."""
    market, fetch = context.market, context.fetch
    age = float(market.book_age_ns)
    soft, hard, since = 0, 0, -1.0
    if float(market.gaps) != had.gaps or float(market.rewinds) != had.rewinds:
        soft |= FEED_GAP
    if age >= params.stale_soft_ms * NS_PER_MS:
        soft |= STALE_BOOK
    if age >= params.stale_hard_ms * NS_PER_MS:
        hard |= STALE_BOOK
    if fetch.invalid != 0:
        since = had.invalid_ns if had.invalid_ns >= 0.0 else now
        reason = STALE_BOOK if fetch.stale != 0 else FEED_GAP
        soft |= reason
        if now - since >= params.invalid_hard_ms * NS_PER_MS:
            hard |= reason
    return soft, hard, since


@kernel
def _own(context: QuoteContext, params: GuardParams, had: GuardState) -> tuple[int, int, float, float]:
    """Return SOFT and HARD reasons of latency and inventory, and the values that have halted us (0: none stands)."""
    signals = context.signals
    latency = signals.latency_p95_ms if signals.latencies >= params.latencies_min else 0.0
    limit = int(bounded(params.max_position_lots))
    pct = abs(inventory_pct(context.position_lots, limit)) if limit >= 1 else 0.0
    soft, hard = 0, 0
    if latency >= params.latency_soft_ms:
        soft |= LATENCY
    if pct >= params.inventory_soft_pct:
        soft |= INVENTORY
    latency_was = had.latency_served_ms if latency >= params.latency_hard_ms else 0.0
    pct_was = had.inventory_served_pct if pct >= params.inventory_hard_pct else 0.0
    if latency >= params.latency_hard_ms and latency > latency_was:
        hard |= LATENCY
        latency_was = latency
    if pct >= params.inventory_hard_pct and pct > pct_was:
        hard |= INVENTORY
        pct_was = pct
    return soft, hard, latency_was, pct_was
