"""Stage Emit: prices, sizes, levels and order type of the wanted quotes, and every reason why they are as they are."""

from __future__ import annotations

import math

from simcore.jit import kernel
from simcore.kernels.context import (
    GUARD_HARD,
    LEVELS_MAX,
    Quote,
    QuoteContext,
    allowed_levels,
    bounded,
    whole_lots,
    with_quote,
)
from simcore.kernels.reasons import (
    ASK_LIMIT,
    BAD_BOOK,
    BID_LIMIT,
    BLOCKED,
    COOL_DOWN,
    FEED_GAP,
    HELD,
    SMALL_NOTIONAL,
    STALE_BOOK,
    TAKER_CAP,
)
from simcore.kernels.stages import ladder, protection
from simcore.kernels.stages.cooling import cool_until_ns
from simcore.kernels.stages.emit_params import EmitMemory, EmitParams
from simcore.kernels.stages.taker_cap import may_take
from simcore.records import GTC, POST_ONLY, UNITS_MAX

BPS = 1e-4
NS_PER_MS = 1e6


@kernel
def quotes(context: QuoteContext, params: EmitParams, memory: EmitMemory) -> tuple[QuoteContext, EmitMemory]:
    """Decide the quotes. Protective orders stand whatever the guards say: they only reduce the position."""
    if context.fetch.wait_ns > 0:
        return context, memory
    memory = _observed(context, params, memory)
    position = float(context.position_lots)
    stop = protection.stop_ticks(memory.entry_ticks, position, params.stop_bps)
    profit = protection.take_profit_ticks(memory.entry_ticks, position, params.take_profit_bps)
    batch = max(int(bounded(params.max_batch)), 0)
    reasons = context.guards.soft | context.guards.hard
    refused = refusals(context)
    if refused != 0 or context.guards.level >= GUARD_HARD:
        nothing = Quote(0, 0, 0, 0, 0, 1, 1.0, POST_ONLY, 0, stop, profit, 0.0, batch, reasons | refused)
        return with_quote(context, nothing), _quoted(memory, 0, 0, 0.0, 0.0, memory.far_ticks)
    bid, ask, since, is_held = _prices(context, params, memory)
    levels = level_count(context, params)
    step = max(int(bounded(params.level_step_ticks)), 1)
    depth = max(levels - 1, 0) * step  # ticks from the best level to the farthest
    now, mid, room = float(context.market.elapsed_ns), context.market.mid_ticks, context.inventory
    bid_lots, bid_why = _side_lots(
        context, params, levels, room.room_bid_lots, BID_LIMIT, (bid - depth) / mid, now < memory.bid_cool_ns
    )
    ask_lots, ask_why = _side_lots(
        context, params, levels, room.room_ask_lots, ASK_LIMIT, mid / (ask + depth), now < memory.ask_cool_ns
    )
    tif = POST_ONLY
    if params.post_only == 0.0:
        if may_take(context.signals, params, 2 * levels):
            tif = GTC
        else:
            reasons |= TAKER_CAP
    far = far_ticks(params.fast_cancel_bps * BPS * mid, mid - (bid - depth) if bid_lots > 0 else 0.0, (ask + depth) - mid if ask_lots > 0 else 0.0)
    quote = Quote(
        bid if bid_lots > 0 else 0, bid_lots, ask if ask_lots > 0 else 0, ask_lots, levels, step, params.lots_factor, tif,
        max(int(bounded(params.display_lots)), 0), stop, profit, far, batch,
        reasons | bid_why | ask_why | (HELD if is_held else 0),
    )  # fmt: skip
    return with_quote(context, quote), _quoted(memory, bid, ask, since, float(context.guards.level), far)


@kernel
def refusals(context: QuoteContext) -> int:
    """Return the reasons of this stage for no quotes at all."""
    market, bits = context.market, 0
    if market.bid_ticks <= 0 or market.bid_ticks >= market.ask_ticks:
        bits |= BAD_BOOK
    if context.fetch.invalid != 0:
        bits |= STALE_BOOK if context.fetch.stale != 0 else FEED_GAP
    if context.control.blocked != 0 or context.control.max_quotes <= 0 or context.control.weight <= 0.0:
        bits |= BLOCKED
    return bits


@kernel
def fresh_prices(context: QuoteContext, params: EmitParams) -> tuple[int, int]:
    """Return bid and ask of what the stages have decided: rounded away from the market, bid < mid < ask.

    A nudge takes a price neither past the best one nor past fair value (mid and microprice).
    """
    market, shift, nudge = context.market, context.inventory, context.nudge
    mid, micro = market.mid_ticks, market.microprice_ticks
    reference = micro if params.use_microprice != 0.0 else mid
    half = max(context.spread.half_ticks, 0.0) * max(context.guards.spread_scale, 1.0)
    bid_at = reference - half + shift.bid_shift_ticks
    ask_at = reference + half + shift.ask_shift_ticks
    bid_at = min(bid_at + nudge.bid_nudge_ticks, max(bid_at, min(float(market.bid_ticks), min(mid, micro))))
    ask_at = max(ask_at - nudge.ask_nudge_ticks, min(ask_at, max(float(market.ask_ticks), max(mid, micro))))
    bid = min(int(math.floor(bounded(bid_at))), int(math.ceil(mid)) - 1)
    ask = max(int(math.ceil(bounded(ask_at))), int(math.floor(mid)) + 1)
    return bid, ask


@kernel
def _prices(context: QuoteContext, params: EmitParams, memory: EmitMemory) -> tuple[int, int, float, bool]:
    """Return bid, ask, since when they stand, and whether they are those of an earlier tick.

    Prices stand for the refresh interval, unless the market has come to them or gone away from them. A guard that has
    become stricter may move them at once, but only away from the market.
    """
    bid, ask = fresh_prices(context, params)
    now, mid = float(context.market.elapsed_ns), context.market.mid_ticks
    interval = max(params.refresh_ms, 0.0) * NS_PER_MS * math.sqrt(max(context.control.weight, 0.0))
    is_safe = 0.0 < memory.bid_ticks < mid < memory.ask_ticks
    is_near = memory.far_ticks == 0.0 or max(mid - memory.bid_ticks, memory.ask_ticks - mid) <= memory.far_ticks
    if not (is_safe and is_near and now - memory.quoted_ns < interval):
        return bid, ask, now, False
    had_bid, had_ask = int(memory.bid_ticks), int(memory.ask_ticks)
    if context.guards.level > memory.level:
        return min(bid, had_bid), max(ask, had_ask), memory.quoted_ns, bid >= had_bid and ask <= had_ask
    return had_bid, had_ask, memory.quoted_ns, True


@kernel
def level_count(context: QuoteContext, params: EmitParams) -> int:
    """Return the levels a side: those wanted and allowed, no more than the position has room for, or an order's size."""
    levels = allowed_levels(params.levels, context.control)
    levels = min(levels, max(max(context.inventory.room_bid_lots, context.inventory.room_ask_lots), 0))
    for _ in range(LEVELS_MAX):
        if levels <= 1 or ladder.factor_at(params.lots_factor, levels - 1) <= largest_order(params):
            break
        levels -= 1
    return levels


@kernel
def largest_order(params: EmitParams) -> int:
    """Return the most lots that an order may have."""
    return int(bounded(params.max_order_lots)) if params.max_order_lots > 0.0 else UNITS_MAX


@kernel
def wanted_lots(context: QuoteContext, params: EmitParams) -> int:
    """Return order_lots x the guards' scale x the allocator's weight: at least 1, unless order_lots or the scale is 0."""
    whole = whole_lots(params.order_lots)
    scale = min(max(context.guards.size_scale, 0.0), 1.0) * max(context.control.weight, 0.0)
    if whole == 0 or scale == 0.0:
        return 0
    return max(int(math.floor(bounded(whole * scale))), 1)


@kernel
def _side_lots(
    context: QuoteContext, params: EmitParams, levels: int, room_lots: int, no_room: int, price_ratio: float, is_cooling: bool
) -> tuple[int, int]:
    """Return the lots of a side's best level, and why they are none.

    price_ratio: of the farthest level's price to the mid, or the reverse: what a lot is at least worth there.
    """
    lots = wanted_lots(context, params)
    if is_cooling:
        return 0, COOL_DOWN
    if lots == 0 or levels == 0 or price_ratio <= 0.0:
        return 0, no_room if levels == 0 and room_lots <= 0 else SMALL_NOTIONAL
    lots = ladder.fit_order(lots, params.lots_factor, levels, largest_order(params))
    if lots == 0:
        return 0, SMALL_NOTIONAL
    lots = ladder.fit_room(lots, params.lots_factor, levels, room_lots)
    if lots == 0:
        return 0, no_room
    smallest = min(ladder.level_lots(lots, params.lots_factor, levels - 1), float(lots))
    if smallest * context.market.lot_value * price_ratio < params.min_notional:
        return 0, SMALL_NOTIONAL
    return lots, 0


@kernel
def far_ticks(wanted_ticks: float, bid_ticks: float, ask_ticks: float) -> float:
    """Return how far from the mid an order may be: never less than the farthest that is wanted; 0 if there is no limit."""
    if wanted_ticks <= 0.0:
        return 0.0
    return max(wanted_ticks, max(bid_ticks, ask_ticks))


@kernel
def _observed(context: QuoteContext, params: EmitParams, memory: EmitMemory) -> EmitMemory:
    """Return the memory with what is new: cool-downs, and where the position was built."""
    m, queue = memory, context.queue
    now, mid, position = float(context.market.elapsed_ns), context.market.mid_ticks, float(context.position_lots)
    far = 0.0
    if params.cooldown_bps > 0.0:
        far = max(params.cooldown_bps * BPS * mid, m.far_ticks)
    return EmitMemory(
        m.bid_ticks, m.ask_ticks, m.quoted_ns, m.level, m.far_ticks,
        cool_until_ns(m.bid_cool_ns, now, queue.worst_bid_ticks, mid, far, params.cooldown_ms),
        cool_until_ns(m.ask_cool_ns, now, queue.worst_ask_ticks, mid, far, params.cooldown_ms),
        protection.entry_ticks(m.entry_ticks, m.position_lots, position, mid), position,
    )  # fmt: skip


@kernel
def _quoted(memory: EmitMemory, bid: int, ask: int, since_ns: float, level: float, far: float) -> EmitMemory:
    m = memory
    return EmitMemory(
        float(bid), float(ask), since_ns, level, far, m.bid_cool_ns, m.ask_cool_ns, m.entry_ticks, m.position_lots
    )
