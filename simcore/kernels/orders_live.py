"""Sums over a lane's live orders."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.state import AMENDING, IDLE, State
from simcore.records import BID, MARKET, NO_PRICE, Record


@kernel
def is_protective(order: Record) -> bool:
    """Return whether an order is there to close the position, and is no quote: it waits for its trigger, or is at market."""
    return order.tif >= MARKET


@kernel
def live_price(order: Record) -> int:
    """Return the price that an order has, or will have once its amend is through."""
    if order.pending == AMENDING:
        return order.want_price
    return order.price_ticks


@kernel
def best_live(state: State, lane: int, side: int) -> int:
    """Return the best price of the lane's live quotes of a side, NO_PRICE if there is none."""
    best = NO_PRICE
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.side == side and not is_protective(order):
            price = live_price(order)
            if best == NO_PRICE or (price > best) == (side == BID):
                best = price
    return best


@kernel
def worst_live(state: State, lane: int, side: int) -> int:
    """Return the price of the lane's live quote of a side that is farthest from the market, NO_PRICE if there is none."""
    worst = NO_PRICE
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.side == side and not is_protective(order):
            price = live_price(order)
            if worst == NO_PRICE or (price < worst) == (side == BID):
                worst = price
    return worst


@kernel
def oldest_wait_ns(state: State, lane: int, now_ns: int) -> int:
    """Return the age of the oldest request that has no answer yet, 0 if none waits."""
    oldest = 0
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.pending != IDLE:
            oldest = max(oldest, now_ns - order.sent_ts)
    return oldest


@kernel
def open_lots(state: State, lane: int) -> int:
    """Return what all live quotes have left, lots."""
    total = 0
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if not is_protective(order):
            total += order.leaves_lots
    return total
