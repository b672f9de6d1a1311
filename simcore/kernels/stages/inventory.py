"""Stage Inventory: lean the quotes against the position, and say how much of it the limits still allow."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import InventoryAdjustment, QuoteContext, whole_lots, with_inventory

BPS = 1e-4


class InventoryParams(NamedTuple):
    """max_position_lots: limit on either side (the allocator's budget, if smaller, takes its place).

    clamp_pct   no skew within so many percent of the limit about target_pct.
    slope_bps   skew a percent beyond; max_skew_bps limits it.
    """

    enabled: float = 1.0
    max_position_lots: float = 100.0
    clamp_pct: float = 5.0
    slope_bps: float = 0.1
    max_skew_bps: float = 0.6
    target_pct: float = 0.0


class InventoryMemory(NamedTuple):
    """skewed_ticks: ticks at which the position has moved the quotes."""

    skewed_ticks: float = 0.0


@kernel
def skew(context: QuoteContext, params: InventoryParams, memory: InventoryMemory) -> tuple[QuoteContext, InventoryMemory]:
    """Shift the quotes: when long, the ask by -skew/2 and the bid by -skew/4; when short, mirrored.

    Adds to shifts of earlier stages; of several limits the smallest room counts.
    """
    if context.fetch.wait_ns > 0:
        return context, memory
    position, had = context.position_lots, context.inventory
    limit = whole_lots(params.max_position_lots)
    if context.control.budget_lots >= 0:
        limit = min(limit, context.control.budget_lots)
    pct = inventory_pct(position, limit)
    skew_bps = wanted_skew_bps(pct, params)
    skew_ticks = skew_bps * BPS * context.market.mid_ticks
    near, far = -0.5 * skew_ticks, -0.25 * skew_ticks  # of the quote that reduces the position, and of the other
    bid_shift, ask_shift = (far, near) if skew_bps > 0.0 else (near, far)
    done = with_inventory(
        context,
        InventoryAdjustment(
            had.bid_shift_ticks + bid_shift, had.ask_shift_ticks + ask_shift,
            min(had.room_bid_lots, max(limit - position, 0)), min(had.room_ask_lots, max(limit + position, 0)), pct, skew_bps,
        ),
    )  # fmt: skip
    return done, InventoryMemory(memory.skewed_ticks + (1.0 if skew_bps != 0.0 else 0.0))


@kernel
def inventory_pct(position_lots: int, limit_lots: int) -> float:
    """Return the position in percent of its limit, -100 to 100; any position is all of a limit of 0."""
    if limit_lots <= 0:
        return 100.0 if position_lots > 0 else (-100.0 if position_lots < 0 else 0.0)
    return min(max(100.0 * position_lots / limit_lots, -100.0), 100.0)


@kernel
def wanted_skew_bps(pct: float, params: InventoryParams) -> float:
    """Return slope x (pct - target), limited; 0 near the target. Positive: the quotes go down."""
    excess = pct - params.target_pct
    if abs(excess) <= params.clamp_pct:
        return 0.0
    most = max(params.max_skew_bps, 0.0)
    return min(max(params.slope_bps * excess, -most), most)
