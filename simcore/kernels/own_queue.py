"""Where the Node thinks its orders stand: followed through the local book, at each change of a level that holds one.

The Node sees levels, not queues. It applies the queue model that it is configured with (docs/semantics.md 4.2) to its own
book, as late as its feed is; the Venue's truth is another matter. An order is followed from its acknowledgement on.
State.followed lists them by level, so that all other rows pass untouched; the few outside the window are looked for.
"""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at, queue
from simcore.kernels.book import BASE, BEST_ASK, BEST_BID, NO_ASK, NO_BID, level_lots
from simcore.kernels.state import (
    F_NODE_QUEUE_N,
    NODE_BEST_ASK,
    NODE_BEST_BID,
    NODE_COUNT,
    NODE_FAR,
    NODE_WORST_ASK,
    NODE_WORST_BID,
    P_NODE_QUEUE,
    SLOT_BITS,
    SLOT_MASK,
    State,
)
from simcore.records import ASK, BID, Record


@kernel
def follow(state: State, lane: int, slot: int) -> None:
    """Begin to follow an order that has joined its level: all lots there are ahead of it."""
    order = at.node_orders(state)[lane, slot]
    side, price = order.side, order.price_ticks
    order.level_lots = level_lots(state.local, side, price)
    order.ahead_lots = float(order.level_lots)
    order.traded_lots = 0.0
    order.tracked = 1
    order.prev_link = 0
    order.next_link = 0
    clock = at.clock(state)
    column = price - at.meta(state.local)[BASE]
    if 0 <= column < at.followed(state).shape[1]:
        link, first = (lane << SLOT_BITS) + slot + 1, at.followed(state)[side, column]
        order.next_link = first
        if first != 0:
            linked(state, first).prev_link = link
        at.followed(state)[side, column] = link
    else:
        clock[NODE_FAR] += 1
    clock[NODE_COUNT + side] += 1
    if side == BID:
        clock[NODE_BEST_BID] = max(clock[NODE_BEST_BID], price)
        clock[NODE_WORST_BID] = min(clock[NODE_WORST_BID], price)
    else:
        clock[NODE_BEST_ASK] = min(clock[NODE_BEST_ASK], price)
        clock[NODE_WORST_ASK] = max(clock[NODE_WORST_ASK], price)


@kernel
def linked(state: State, link: int) -> Record:
    """Return the order of a link, which is its lane << SLOT_BITS | its slot, + 1."""
    return at.node_orders(state)[(link - 1) >> SLOT_BITS, (link - 1) & SLOT_MASK]


@kernel
def leave(state: State, order: Record) -> None:
    """Stop following an order; its price must still be that of its level."""
    if order.tracked == 0:
        return
    order.tracked = 0
    side = order.side
    clock = at.clock(state)
    column = order.price_ticks - at.meta(state.local)[BASE]
    if 0 <= column < at.followed(state).shape[1]:
        if order.next_link != 0:
            linked(state, order.next_link).prev_link = order.prev_link
        if order.prev_link != 0:
            linked(state, order.prev_link).next_link = order.next_link
        else:
            at.followed(state)[side, column] = order.next_link
    else:
        clock[NODE_FAR] -= 1
    clock[NODE_COUNT + side] -= 1
    if clock[NODE_COUNT + side] == 0:
        if side == BID:
            clock[NODE_BEST_BID], clock[NODE_WORST_BID] = NO_BID, NO_ASK
        else:
            clock[NODE_BEST_ASK], clock[NODE_WORST_ASK] = NO_ASK, NO_BID
    elif clock[NODE_FAR] == 0:
        _tighten(state, side)


@kernel
def _tighten(state: State, side: int) -> None:
    """Bring the best and worst followed prices of a side to levels that hold an order; all are in the window.

    The prices themselves may not be: those of orders that stood outside it and have left.
    """
    clock = at.clock(state)
    base = at.meta(state.local)[BASE]
    heads = at.followed(state)[side]
    best, worst = (NODE_BEST_BID, NODE_WORST_BID) if side == BID else (NODE_BEST_ASK, NODE_WORST_ASK)
    inwards = -1 if side == BID else 1
    last = heads.shape[0] - 1
    column = min(max(clock[best] - base, 0), last)
    while heads[column] == 0:
        column += inwards
    clock[best] = base + column
    column = min(max(clock[worst] - base, 0), last)
    while heads[column] == 0:
        column -= inwards
    clock[worst] = base + column


@kernel
def _reach(state: State, side: int, price: int) -> tuple[int, int]:
    """Return the columns [first, last) of the window whose levels are at price or better, and may hold a followed order."""
    clock, base = at.clock(state), at.meta(state.local)[BASE]
    if side == BID:
        first, last = max(price, clock[NODE_WORST_BID]), clock[NODE_BEST_BID] + 1
    else:
        first, last = clock[NODE_BEST_ASK], min(price, clock[NODE_WORST_ASK]) + 1
    return max(first - base, 0), min(last - base, at.followed(state).shape[1])


@kernel
def level_changed(state: State, side: int, price: int) -> None:
    """Move the followed orders of a level that has changed."""
    column = price - at.meta(state.local)[BASE]
    if 0 <= column < at.followed(state).shape[1]:
        _move_level(state, side, column)
    elif at.clock(state)[NODE_FAR] > 0:
        _move_far(state, side, price, price)


@kernel
def best_changed(state: State, side: int, price: int) -> None:
    """Move the followed orders of a side after a best quote has removed the levels better than its price."""
    if at.clock(state)[NODE_COUNT + side] == 0:
        return
    first, last = _reach(state, side, price)
    for column in range(first, last):
        _move_level(state, side, column)
    if at.clock(state)[NODE_FAR] > 0:
        _move_far(state, side, price if side == BID else NO_BID, NO_ASK if side == BID else price)


@kernel
def _move_level(state: State, side: int, column: int) -> None:
    """Move the followed orders of a level; as at the Venue, what came out for the last one is used again where it can be."""
    new = level_lots(state.local, side, at.meta(state.local)[BASE] + column)
    last_model, last_n, last_ahead, last_traded, last_level, moved = -1, 0.0, 0.0, 0.0, 0, 0.0
    link = at.followed(state)[side, column]
    while link != 0:
        order = linked(state, link)
        if new != order.level_lots:
            lane = (link - 1) >> SLOT_BITS
            model, n = at.ints(state)[lane, P_NODE_QUEUE], at.floats(state)[lane, F_NODE_QUEUE_N]
            ahead, traded, level = order.ahead_lots, order.traded_lots, order.level_lots
            if (
                model != last_model or n != last_n or ahead != last_ahead or traded != last_traded or level != last_level
            ):  # fmt: skip
                moved = queue.after_change(model, n, ahead, level, new, traded)
                last_model, last_n, last_ahead, last_traded, last_level = model, n, ahead, traded, level
            order.ahead_lots = moved
            order.level_lots = new
        order.traded_lots = 0.0
        link = order.next_link


@kernel
def _move_far(state: State, side: int, lowest: int, highest: int) -> None:
    """Move the followed orders of a side that stand outside the window between two prices, both included."""
    base, width = at.meta(state.local)[BASE], at.followed(state).shape[1]
    for lane in range(at.lanes(state).shape[0]):
        for i in range(at.lanes(state)[lane].live_count):
            order = at.node_orders(state)[lane, at.live(state)[lane, i]]
            price = order.price_ticks
            if order.tracked == 1 and order.side == side and lowest <= price <= highest and not 0 <= price - base < width:
                new = level_lots(state.local, side, price)
                if new != order.level_lots:
                    order.ahead_lots = queue.after_change(
                        at.ints(state)[lane, P_NODE_QUEUE], at.floats(state)[lane, F_NODE_QUEUE_N], order.ahead_lots,
                        order.level_lots, new, order.traded_lots,
                    )  # fmt: skip
                    order.level_lots = new
                order.traded_lots = 0.0


@kernel
def cleared(state: State, side: int) -> None:
    """Levels of a side were cleared before a snapshot: places in queues stay, what comes is compared with nothing."""
    if at.clock(state)[NODE_COUNT + side] == 0:
        return
    for lane in range(at.lanes(state).shape[0]):
        for i in range(at.lanes(state)[lane].live_count):
            order = at.node_orders(state)[lane, at.live(state)[lane, i]]
            if order.tracked == 1 and order.side == side:
                order.level_lots = level_lots(state.local, side, order.price_ticks)
                order.traded_lots = 0.0


@kernel
def traded(state: State, side: int, price: int, lots: int) -> None:
    """A trade of lots at price against resting orders of a side, as the Node's feed shows it."""
    clock = at.clock(state)
    if clock[NODE_COUNT + side] == 0 or (price > clock[NODE_BEST_BID] if side == BID else price < clock[NODE_BEST_ASK]):
        return
    first, last = _reach(state, side, price)
    for column in range(first, last):
        link = at.followed(state)[side, column]
        while link != 0:
            order = linked(state, link)
            _hit(order, price, lots)
            link = order.next_link
    if clock[NODE_FAR] > 0:
        base, width = at.meta(state.local)[BASE], at.followed(state).shape[1]
        for lane in range(at.lanes(state).shape[0]):
            for i in range(at.lanes(state)[lane].live_count):
                order = at.node_orders(state)[lane, at.live(state)[lane, i]]
                if order.tracked == 1 and order.side == side and not 0 <= order.price_ticks - base < width:
                    _hit(order, price, lots)


@kernel
def _hit(order: Record, price: int, lots: int) -> None:
    """Let a trade at price go through an order's queue: all of it where the order is better placed."""
    if order.price_ticks == price:
        order.ahead_lots = max(order.ahead_lots - lots, 0.0)
        order.traded_lots += lots
    elif (order.price_ticks > price) == (order.side == BID):
        order.ahead_lots = 0.0


@kernel
def hit_side(state: State, price: int, is_sell: bool, has_no_side: bool) -> int:
    """Return the side that a trade hit, -1 if that cannot be said; the aggressor of one without side by the best prices."""
    if not has_no_side:
        return BID if is_sell else ASK
    if price <= at.meta(state.local)[BEST_BID]:
        return BID
    return ASK if price >= at.meta(state.local)[BEST_ASK] else -1
