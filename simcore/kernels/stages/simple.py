"""Three simple stages, enough for a market maker: spread from volatility, linear skew, two-sided quotes."""

from __future__ import annotations

import math
from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import (
    InventoryAdjustment,
    QuoteContext,
    allowed_levels,
    bounded,
    ladder_quote,
    whole_lots,
    with_half_spread,
    with_inventory,
    with_quote,
)

BPS = 1e-4


class SpreadParams(NamedTuple):
    """half_spread_ticks and half_spread_bps add up; vol_factor multiplies the EMA of |mid change| a tick in bps.

    vol_window_ticks    window of that average, ticks.
    """

    half_spread_ticks: float = 0.0
    half_spread_bps: float = 1.0
    vol_factor: float = 0.0
    vol_window_ticks: float = 600.0


class SpreadMemory(NamedTuple):
    """last_mid_ticks: mid of the last tick, 0 before the first; volatility_bps: EMA."""

    last_mid_ticks: float = 0.0
    volatility_bps: float = 0.0


@kernel
def volatility_spread(
    context: QuoteContext, params: SpreadParams, memory: SpreadMemory
) -> tuple[QuoteContext, SpreadMemory]:
    """Decide the half-spread: ticks + bps of mid + vol_factor x EMA of |mid change| (alpha = 2 / (window + 1))."""
    mid = context.market.mid_ticks
    volatility = memory.volatility_bps
    if memory.last_mid_ticks > 0.0:
        move_bps = abs(mid - memory.last_mid_ticks) / memory.last_mid_ticks / BPS
        volatility += 2.0 / (params.vol_window_ticks + 1.0) * (move_bps - volatility)
    half_bps = params.half_spread_bps + params.vol_factor * volatility
    half_ticks = params.half_spread_ticks + half_bps * BPS * mid
    return with_half_spread(context, half_ticks, volatility), SpreadMemory(mid, volatility)


class SkewParams(NamedTuple):
    """max_position_lots limits the position on either side; skew_ticks_per_lot and skew_bps (at the limit) add up."""

    max_position_lots: float = 100.0
    skew_ticks_per_lot: float = 0.0
    skew_bps: float = 1.0


@kernel
def linear_skew(context: QuoteContext, params: SkewParams) -> QuoteContext:
    """Shift both quotes by -(skew_ticks_per_lot x position + skew_bps x position / limit)."""
    position = context.position_lots
    limit = whole_lots(params.max_position_lots)
    share = position / params.max_position_lots if params.max_position_lots > 0.0 else 0.0
    shift = -(params.skew_ticks_per_lot * position + params.skew_bps * BPS * context.market.mid_ticks * share)
    return with_inventory(
        context,
        InventoryAdjustment(shift, shift, max(limit - position, 0), max(limit + position, 0), 100.0 * share, -1e4 * shift / context.market.mid_ticks),
    )


class QuoteParams(NamedTuple):
    """order_lots a level; levels prices a side, level_step_ticks apart."""

    order_lots: float = 1.0
    levels: float = 1.0
    level_step_ticks: float = 1.0


@kernel
def two_sided(context: QuoteContext, params: QuoteParams) -> QuoteContext:
    """Quote around mid + shift: bid = floor, ask = ceil, joined to the best quotes where they would improve them."""
    view = context.market
    half = context.spread.half_ticks
    bid_at = view.mid_ticks + context.inventory.bid_shift_ticks - half
    ask_at = view.mid_ticks + context.inventory.ask_shift_ticks + half
    bid = min(int(math.floor(bounded(bid_at))), view.bid_ticks)
    ask = max(int(math.ceil(bounded(ask_at))), view.ask_ticks)
    lots = int(bounded(params.order_lots))
    if lots > 0 and context.control.weight != 1.0:  # what an allocator makes of the size is at least a lot
        lots = max(int(bounded(params.order_lots * context.control.weight)), 1)
    levels = allowed_levels(params.levels, context.control)
    bid_lots = lots if context.inventory.room_bid_lots > 0 else 0
    ask_lots = lots if context.inventory.room_ask_lots > 0 else 0
    step = max(int(bounded(params.level_step_ticks)), 1)
    return with_quote(context, ladder_quote(bid, bid_lots, ask, ask_lots, levels, step))
