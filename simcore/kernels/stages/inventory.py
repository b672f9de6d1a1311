"""Inventory stage: lean both quotes against the position, and stop adding to it at the limit."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import InventoryAdjustment, QuoteContext, bounded, with_inventory


class InventoryParams(NamedTuple):
    """max_position_lots limits the position on either side; skew_ticks_per_lot and skew_bps (at the limit) add up."""

    max_position_lots: float = 100.0
    skew_ticks_per_lot: float = 0.0
    skew_bps: float = 1.0


@kernel
def skew(context: QuoteContext, params: InventoryParams) -> QuoteContext:
    """Shift the reference price by -(skew_ticks_per_lot x position + skew_bps x position / limit)."""
    position = context.position_lots
    limit = int(bounded(params.max_position_lots))
    share = position / params.max_position_lots if params.max_position_lots > 0.0 else 0.0
    shift = -(params.skew_ticks_per_lot * position + params.skew_bps * 1e-4 * context.market.mid_ticks * share)
    return with_inventory(context, InventoryAdjustment(shift, max(limit - position, 0), max(limit + position, 0)))
