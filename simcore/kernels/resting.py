"""How market rows fill our resting orders: trades through and at our price, and the book crossing us."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import account, at, queue, taken
from simcore.kernels import queue_custom  # LINK
from simcore.kernels.book import level_lots
from simcore.kernels.levels import first_at, link_order, next_at, next_own, unlink_order
from simcore.kernels.state import (
    F_QUEUE_N,
    OWN_BEST_ASK,
    OWN_BEST_BID,
    P_CROSS_WHOLE,
    P_FILL_WHOLE,
    P_PRO_RATA_MIN,
    P_QUEUE,
    PRIORITY,
    REFILL_FIRST,
    REFILL_LAST,
    STAMP,
    State,
)
from simcore.records import ASK, BID, FILL_CROSS, FILL_PRO_RATA, FILL_QUEUE, FILL_THROUGH, MAKER, REDUCE_ONLY, UNITS_MAX, Record


@kernel
def rest(state: State, index: int) -> None:
    """Let an order join its level at the back; of an iceberg, its next part."""
    order = at.venue_orders(state)[index]
    order.priority = at.clock(state)[PRIORITY]
    order.shown_lots = min(order.display_lots, order.leaves_lots)
    _join_level(state, index, level_lots(state.exch, order.side, order.price_ticks))
    link_order(state, index)


@kernel
def shown_lots(order: Record) -> int:
    """Return the lots that an order has in the queue of its level."""
    return order.leaves_lots if order.display_lots == 0 else order.shown_lots


@kernel
def refill(state: State) -> None:
    """After a row: let the next part of each iceberg whose shown part was used up join its level at the back."""
    link = at.clock(state)[REFILL_FIRST]
    while link != 0:
        following = at.venue_orders(state)[link - 1].refill_next
        unlink_order(state, link - 1)
        rest(state, link - 1)
        link = following
    at.clock(state)[REFILL_FIRST] = 0


@kernel
def _await_refill(state: State, index: int) -> None:
    clock = at.clock(state)
    at.venue_orders(state)[index].refill_next = 0
    if clock[REFILL_FIRST] == 0:
        clock[REFILL_FIRST] = index + 1
    else:
        at.venue_orders(state)[clock[REFILL_LAST] - 1].refill_next = index + 1
    clock[REFILL_LAST] = index + 1


@kernel
def _execute(state: State, index: int, lots: int, reason: int, now_ns: int) -> int:
    """Fill a resting order with lots, or what a reduce-only one may have of them; return the lots."""
    order = at.venue_orders(state)[index]
    lots = account.allowed_lots(state, index, lots)
    if lots > 0:
        account.fill(state, index, lots, order.price_ticks, MAKER, reason, now_ns, True)
    if account.is_open(order.state):
        if account.allowed_lots(state, index, order.leaves_lots) == 0:
            account.end_order(state, index, now_ns, REDUCE_ONLY)
        elif order.display_lots > 0 and order.shown_lots == 0:
            _await_refill(state, index)
    return lots


@kernel
def _join_level(state: State, index: int, level_lots: int) -> None:
    """Set the queue position of an order that joins a level of level_lots."""
    order = at.venue_orders(state)[index]
    model = at.ints(state)[order.lane, P_QUEUE]
    ahead = float(level_lots)
    if model == queue.FRONT:
        ahead = 0.0
    elif model == queue.CUSTOM:
        ahead = _position(queue_custom.join(level_lots, at.floats(state)[order.lane, F_QUEUE_N]))
    order.ahead_lots = ahead
    order.ahead_entry_lots = ahead
    order.traded_lots = 0.0


@kernel
def _position(ahead: float) -> float:
    """Return what a user's queue model said; ValueError if that is no place in a queue (NaN compares false)."""
    if not 0.0 <= ahead <= float(UNITS_MAX):
        raise ValueError("the queue model's lots ahead are not between 0 and 2^52")
    return ahead


@kernel
def level_changed(state: State, side: int, price: int, previous: int, new: int) -> None:
    """Move our orders in the queue of a level that went from previous to new lots.

    Orders of several lanes often stand in one place: what came out for the last one is used again where all is the same.
    """
    link = first_at(state, side, price)
    last_model, last_n, last_ahead, last_traded, moved = -1, 0.0, 0.0, 0.0, 0.0
    while link != 0:
        order = at.venue_orders(state)[link - 1]
        model = at.ints(state)[order.lane, P_QUEUE]
        n = at.floats(state)[order.lane, F_QUEUE_N]
        if model == queue.CUSTOM:
            order.ahead_lots = _position(queue_custom.after_change(order.ahead_lots, previous, new, order.traded_lots, n))
        elif model != queue.FIFO:
            ahead, traded = order.ahead_lots, order.traded_lots
            if model != last_model or n != last_n or ahead != last_ahead or traded != last_traded:
                moved = queue.after_change(model, n, ahead, previous, new, traded)
                last_model, last_n, last_ahead, last_traded = model, n, ahead, traded
            order.ahead_lots = moved
        order.traded_lots = 0.0
        link = next_at(state, link, side, price)


@kernel
def order_reduced(state: State, side: int, price: int, lots: int, priority: int) -> None:
    """FIFO: an order of this priority lost lots; ours behind it move up."""
    link = first_at(state, side, price)
    while link != 0:
        order = at.venue_orders(state)[link - 1]
        if at.ints(state)[order.lane, P_QUEUE] == queue.FIFO and priority <= order.priority:
            order.ahead_lots = max(order.ahead_lots - lots, 0.0)
        link = next_at(state, link, side, price)


@kernel
def traded(
    state: State, side: int, price: int, lots: int, level_lots: int, priority: int, now_ns: int
) -> None:
    """A trade of lots at price against resting orders of `side`.

    level_lots  the tape's lots at that level before it shrinks.
    priority    of the executed order on L3 tapes; -1 for a trade that names no order.
    """
    best = OWN_BEST_BID if side == BID else OWN_BEST_ASK
    own = at.clock(state)[best]
    while (side == BID and own > price) or (side == ASK and own < price):
        link = first_at(state, side, own)
        while link != 0:
            following = next_at(state, link, side, own)
            leaves = at.venue_orders(state)[link - 1].leaves_lots
            _execute(state, link - 1, leaves, FILL_THROUGH, now_ns)
            link = following
        own = at.clock(state)[best]
    if own != price:
        return
    at.clock(state)[STAMP] += 1
    link = first_at(state, side, price)
    while link != 0:
        following = next_at(state, link, side, price)
        _traded_at(state, link - 1, lots, level_lots, priority, now_ns)
        link = following


@kernel
def lots_used(state: State, lane: int) -> int:
    """Return the lots of the present row that orders of this lane have had already."""
    record = at.lanes(state)[lane]
    if record.used_stamp != at.clock(state)[STAMP]:
        record.used_stamp = at.clock(state)[STAMP]
        record.used_lots = 0
    return record.used_lots


@kernel
def _traded_at(
    state: State, index: int, lots: int, level_lots: int, priority: int, now_ns: int
) -> None:
    order = at.venue_orders(state)[index]
    lane = order.lane
    model = at.ints(state)[lane, P_QUEUE]
    left = max(lots - lots_used(state, lane), 0)
    leaves = shown_lots(order)
    if model == queue.FIFO:
        if priority < 0:
            return
        if priority <= order.priority:
            order.ahead_lots = max(order.ahead_lots - lots, 0.0)
        elif order.ahead_lots <= 0.0 and left > 0:
            _fill_queue(state, index, min(left, leaves), FILL_QUEUE, now_ns)
        return
    if model == queue.PRO_RATA:
        share = (lots * leaves) // (level_lots + leaves)
        if share < at.ints(state)[lane, P_PRO_RATA_MIN]:
            share = 0
        share = min(share, min(left, leaves))
        ahead = order.ahead_lots - (left - share)
        reached = min(min(queue.reached_lots(ahead), leaves - share), left - share)
        if reached > 0 and at.ints(state)[lane, P_FILL_WHOLE] == 1:
            reached = leaves - share
        if share > 0:
            _fill_queue(state, index, share, FILL_PRO_RATA, now_ns)
        if reached > 0 and account.is_open(order.state):
            _fill_queue(state, index, reached, FILL_QUEUE, now_ns)
        order.ahead_lots = max(ahead, 0.0)
        return
    ahead = order.ahead_lots - left
    order.traded_lots += left
    reached = queue.reached_lots(ahead)
    if reached > 0:
        if at.ints(state)[lane, P_FILL_WHOLE] == 1:
            reached = leaves
        _fill_queue(state, index, min(reached, leaves), FILL_QUEUE, now_ns)
        ahead = 0.0
    order.ahead_lots = ahead


@kernel
def _fill_queue(state: State, index: int, lots: int, reason: int, now_ns: int) -> None:
    lane = at.venue_orders(state)[index].lane
    at.lanes(state)[lane].used_lots += _execute(state, index, lots, reason, now_ns)


@kernel
def crossed(state: State, side: int, price: int, shown: int, now_ns: int) -> None:
    """A level of `side` shows lots at a price that reaches own orders of the other side."""
    resting = ASK if side == BID else BID
    at.clock(state)[STAMP] += 1
    own = at.clock(state)[OWN_BEST_BID if resting == BID else OWN_BEST_ASK]
    while (resting == BID and own >= price) or (resting == ASK and own <= price):
        link = first_at(state, resting, own)
        while link != 0:
            following = next_at(state, link, resting, own)
            order = at.venue_orders(state)[link - 1]
            lane = order.lane
            left = max(shown - lots_used(state, lane), 0)
            lots = order.leaves_lots if at.ints(state)[lane, P_CROSS_WHOLE] == 1 else min(order.leaves_lots, left)
            seen = account.allowed_lots(state, link - 1, min(order.leaves_lots, left))
            if seen > 0:
                at.lanes(state)[lane].used_lots += seen
                taken.take(state, lane, side, price, seen)
            if lots > 0:
                _execute(state, link - 1, lots, FILL_CROSS, now_ns)
            link = following
        own = next_own(state, resting, own, price)
