"""Emit stage: prices in ticks, rounded away from the market, never better than the best quote."""

from __future__ import annotations

import math
from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import Quote, QuoteContext, bounded, with_quote


class EmitParams(NamedTuple):
    """order_lots a level; levels prices a side, level_step_ticks apart."""

    order_lots: float = 1.0
    levels: float = 1.0
    level_step_ticks: float = 1.0


@kernel
def two_sided(context: QuoteContext, params: EmitParams) -> QuoteContext:
    """Quote around mid + shift: bid = floor, ask = ceil, joined to the best quotes where they would improve them."""
    view = context.market
    reference = view.mid_ticks + context.inventory.shift_ticks
    bid = min(int(math.floor(bounded(reference - context.spread.half_ticks))), view.bid_ticks)
    ask = max(int(math.ceil(bounded(reference + context.spread.half_ticks))), view.ask_ticks)
    lots = int(bounded(params.order_lots))
    bid_lots = lots if context.inventory.room_bid_lots > 0 else 0
    ask_lots = lots if context.inventory.room_ask_lots > 0 else 0
    return with_quote(
        context, Quote(bid, bid_lots, ask, ask_lots, int(bounded(params.levels)), max(int(bounded(params.level_step_ticks)), 1))
    )
