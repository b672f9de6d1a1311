"""Sums over a lane's live orders."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import inlined, kernel
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


class LiveOrders(NamedTuple):
    """A lane's live orders at a glance. Prices are of quotes, NO_PRICE without one; wait_ns: age of the oldest request that has
    no answer yet, 0 if none waits; open_lots: what all quotes have left; *_id: the first followed quote at the best price
    of its side, 0 if there is none; *_ahead: estimated lots ahead of it.
    """

    best_bid: int
    best_ask: int
    worst_bid: int
    worst_ask: int
    bid_id: int
    ask_id: int
    bid_ahead: float
    ask_ahead: float
    wait_ns: int
    open_lots: int


@inlined
def survey(state: State, lane: int, now_ns: int) -> LiveOrders:
    """Look at a lane's live orders once."""
    best_bid, best_ask, worst_bid, worst_ask = NO_PRICE, NO_PRICE, NO_PRICE, NO_PRICE
    bid_id, ask_id, bid_ahead, ask_ahead = 0, 0, 0.0, 0.0
    wait_ns, lots = 0, 0
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.pending != IDLE:
            wait_ns = max(wait_ns, now_ns - order.sent_ts)
        if is_protective(order):
            continue
        lots += order.leaves_lots
        price = live_price(order)
        if order.side == BID:
            if best_bid == NO_PRICE or price > best_bid:
                best_bid, bid_id, bid_ahead = price, 0, 0.0
            worst_bid = price if worst_bid == NO_PRICE else min(worst_bid, price)
        else:
            if best_ask == NO_PRICE or price < best_ask:
                best_ask, ask_id, ask_ahead = price, 0, 0.0
            worst_ask = max(worst_ask, price)
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.tracked == 1:
            if order.side == BID and bid_id == 0 and order.price_ticks == best_bid:
                bid_id, bid_ahead = order.order_id, order.ahead_lots
            elif order.side != BID and ask_id == 0 and order.price_ticks == best_ask:
                ask_id, ask_ahead = order.order_id, order.ahead_lots
    return LiveOrders(best_bid, best_ask, worst_bid, worst_ask, bid_id, ask_id, bid_ahead, ask_ahead, wait_ns, lots)
