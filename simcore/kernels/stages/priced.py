"""Quotes at given prices: what a strategy with a formula of its own ends with."""

from __future__ import annotations

import math
from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import (
    GUARD_HARD,
    InventoryAdjustment,
    Quote,
    QuoteContext,
    allowed_levels,
    bounded,
    no_quote,
    whole_lots,
    with_half_spread,
    with_inventory,
    with_quote,
)
from simcore.kernels.reasons import ASK_LIMIT, BID_LIMIT, BLOCKED
from simcore.records import POST_ONLY
from simcore.units import BPS


class Size(NamedTuple):
    """order_lots a level; max_position_lots: limit on either side; levels prices a side, step_ticks apart.

    Prices are multiples of step_ticks: with more than 1, quotes stay in place, and in the queue, while the wanted prices move
    less than that. What is in flight counts for no limit: node.wait_cancel makes the limit a strict one.
    """

    order_lots: float = 1.0
    max_position_lots: float = 20.0
    levels: float = 1.0
    step_ticks: float = 1.0


@kernel
def quote_between(context: QuoteContext, bid_at: float, ask_at: float, size: Size) -> QuoteContext:
    """Decide spread, inventory and quote from two prices in ticks; they may be anywhere.

    The guards' spread_scale widens around the middle of the two. The bid is rounded down and stays below the best ask, the
    ask up and above the best bid, so that both rest. A side is quoted while all its levels fit into what the position
    limit leaves (with one level: an order of what is left). Guards and allocator (context.control) scale the size.
    """
    view = context.market
    centre = 0.5 * (bid_at + ask_at)
    half = 0.5 * (ask_at - bid_at) * context.guards.spread_scale
    context = with_half_spread(context, half, context.spread.volatility_bps)
    context = _with_room(context, centre - view.mid_ticks, size)
    if context.guards.level == GUARD_HARD:
        return with_quote(context, no_quote(context.guards.hard))
    if context.control.blocked != 0:
        return with_quote(context, no_quote(BLOCKED))
    step = max(int(bounded(size.step_ticks)), 1)
    levels = allowed_levels(size.levels, context.control)
    bid = int(math.floor(bounded(min(centre - half, view.ask_ticks - 1.0)) / step)) * step
    ask = int(math.ceil(bounded(max(centre + half, view.bid_ticks + 1.0)) / step)) * step
    lots = int(bounded(size.order_lots * context.guards.size_scale * context.control.weight))
    bid_lots = lots_within(lots, levels, context.inventory.room_bid_lots)
    ask_lots = lots_within(lots, levels, context.inventory.room_ask_lots)
    reasons = context.guards.soft
    if bid_lots == 0 and lots > 0:
        reasons |= BID_LIMIT
    if ask_lots == 0 and lots > 0:
        reasons |= ASK_LIMIT
    return with_quote(context, Quote(bid, bid_lots, ask, ask_lots, levels, step, 1.0, POST_ONLY, 0, 0, 0, 0.0, 0, reasons))


@kernel
def step_of(step_bps: float, mid_ticks: float) -> float:
    """Return a distance of prices in whole ticks, at least one."""
    return max(float(round(bounded(step_bps * BPS * mid_ticks))), 1.0)


@kernel
def lots_within(lots: int, levels: int, room_lots: int) -> int:
    """Return the lots of each level of a side: as wanted if all fit into the room, what is left if there is one level, else 0."""
    if lots * levels <= room_lots:
        return lots
    return max(room_lots, 0) if levels == 1 else 0


@kernel
def _with_room(context: QuoteContext, shift_ticks: float, size: Size) -> QuoteContext:
    limit = whole_lots(size.max_position_lots)
    if context.control.budget_lots >= 0:
        limit = min(limit, context.control.budget_lots)
    position = context.position_lots
    percent = 100.0 * position / limit if limit > 0 else 0.0
    skew_bps = 1e4 * shift_ticks / context.market.mid_ticks
    return with_inventory(
        context,
        InventoryAdjustment(shift_ticks, shift_ticks, max(limit - position, 0), max(limit + position, 0), percent, skew_bps),
    )


@kernel
def with_sides(context: QuoteContext, bids: bool, asks: bool) -> QuoteContext:
    """Return the context with the bids and the asks of its quote, or without."""
    had = context.quote
    return with_quote(
        context,
        Quote(
            had.bid_ticks, had.bid_lots if bids else 0, had.ask_ticks, had.ask_lots if asks else 0, had.levels, had.step_ticks,
            had.lots_factor, had.tif, had.display_lots, had.stop_ticks, had.take_profit_ticks, had.far_ticks, had.max_batch,
            had.reasons,
        ),
    )  # fmt: skip
