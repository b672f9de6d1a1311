"""A symbol's budget of position (`Control.budget_lots`), kept whatever the strategy wants.

What a side of the lane's live orders may still fill is counted in full, cancels under way included, and so are fills that
the Node has not heard of: until their reports come they are open orders here. Nothing is sent that could take the
position beyond the budget, so it stays within the larger of the budget and what it could have become when that came.
"""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.context import Quote
from simcore.kernels.orders_live import is_protective
from simcore.kernels.reasons import BLOCKED
from simcore.kernels.state import AMENDING, State
from simcore.records import BID, UNITS_MAX, Record


@kernel
def blocked(quote: Quote) -> Quote:
    """Return a quote without lots, as the allocator wants it; protective orders stand, they only reduce the position."""
    return Quote(
        quote.bid_ticks, 0, quote.ask_ticks, 0, quote.levels, quote.step_ticks, quote.lots_factor, quote.tif, quote.display_lots,
        quote.stop_ticks, quote.take_profit_ticks, quote.far_ticks, quote.max_batch, quote.reasons | BLOCKED,
    )  # fmt: skip


@kernel
def room_lots(state: State, lane: int, side: int) -> int:
    """Return how many lots more may be sent on a side; negative if its orders could exceed the budget as they are."""
    record = at.lanes(state)[lane]
    if record.control_budget < 0:
        return UNITS_MAX
    position = record.node_position_lots
    return record.control_budget - (position if side == BID else -position) - side_lots(state, lane, side)


@kernel
def side_lots(state: State, lane: int, side: int) -> int:
    """Return what the live orders of a side could fill; protective ones only reduce the position."""
    total = 0
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.side == side and not is_protective(order):
            total += worst_leaves(order)
    return total


@kernel
def worst_leaves(order: Record) -> int:
    """Return what an order could still fill, whether or not the amend under way comes first."""
    if order.pending == AMENDING:
        return max(order.leaves_lots, order.want_lots - (order.qty_lots - order.leaves_lots))
    return order.leaves_lots
