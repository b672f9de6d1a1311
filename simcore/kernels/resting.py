"""How market rows fill our resting orders: trades through and at our price, and the book crossing us."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import account, at, queue
from simcore.kernels import queue_custom  # LINK
from simcore.kernels.levels import first_at, next_at, next_own
from simcore.kernels.state import (
    F_QUEUE_N,
    OWN_BEST_ASK,
    OWN_BEST_BID,
    P_CROSS_WHOLE,
    P_FILL_WHOLE,
    P_PRO_RATA_MIN,
    P_QUEUE,
    STAMP,
    TAKEN_COUNT,
    State,
)
from simcore.records import ASK, BID, FILL_CROSS, FILL_PRO_RATA, FILL_QUEUE, FILL_THROUGH, MAKER, UNITS_MAX



@kernel
def join_level(state: State, index: int, level_lots: int) -> None:
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
    """Move our orders in the queue of a level that went from previous to new lots."""
    link = first_at(state, side, price)
    while link != 0:
        order = at.venue_orders(state)[link - 1]
        model = at.ints(state)[order.lane, P_QUEUE]
        n = at.floats(state)[order.lane, F_QUEUE_N]
        if model == queue.CUSTOM:
            order.ahead_lots = _position(queue_custom.after_change(order.ahead_lots, previous, new, order.traded_lots, n))
        elif model != queue.FIFO:
            order.ahead_lots = queue.after_change(model, n, order.ahead_lots, previous, new, order.traded_lots)
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
            account.fill(state, link - 1, leaves, own, MAKER, FILL_THROUGH, now_ns, True)
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
    leaves = order.leaves_lots
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
        if reached > 0:
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
    order = at.venue_orders(state)[index]
    at.lanes(state)[order.lane].used_lots += lots
    account.fill(state, index, lots, order.price_ticks, MAKER, reason, now_ns, True)


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
            lots = min(order.leaves_lots, shown - lots_used(state, lane))
            if lots > 0:
                at.lanes(state)[lane].used_lots += lots
                take(state, lane, side, price, lots)
            if at.ints(state)[lane, P_CROSS_WHOLE] == 1:
                lots = order.leaves_lots
            if lots > 0:
                account.fill(state, link - 1, lots, own, MAKER, FILL_CROSS, now_ns, True)
            link = following
        own = next_own(state, resting, own, price)


@kernel
def take(state: State, lane: int, side: int, price: int, lots: int) -> None:
    """Remember that a lane took lots of a level, until the tape refreshes it."""
    count = at.clock(state)[TAKEN_COUNT]
    for i in range(count):
        entry = at.taken(state)[i]
        if entry.lane == lane and entry.side == side and entry.price_ticks == price:
            entry.taken_lots += lots
            return
    entry = at.taken(state)[count]
    entry.lane = lane
    entry.side = side
    entry.price_ticks = price
    entry.taken_lots = lots
    at.clock(state)[TAKEN_COUNT] = count + 1


@kernel
def taken_lots(state: State, lane: int, side: int, price: int) -> int:
    """Return the lots of a level that a lane has taken since the tape last set it."""
    for i in range(at.clock(state)[TAKEN_COUNT]):
        entry = at.taken(state)[i]
        if entry.lane == lane and entry.side == side and entry.price_ticks == price:
            return entry.taken_lots
    return 0


@kernel
def refresh(state: State, side: int, lo: int, hi: int) -> None:
    """Forget what was taken from the levels of a side between the prices lo and hi: the tape has set them."""
    i = 0
    while i < at.clock(state)[TAKEN_COUNT]:
        entry = at.taken(state)[i]
        if entry.side == side and lo <= entry.price_ticks <= hi:
            last = at.taken(state)[at.clock(state)[TAKEN_COUNT] - 1]
            entry.lane = last.lane
            entry.side = last.side
            entry.price_ticks = last.price_ticks
            entry.taken_lots = last.taken_lots
            at.clock(state)[TAKEN_COUNT] -= 1
        else:
            i += 1
