"""Where the Node thinks its orders stand: followed through the local book, at each change of a level that holds one.

The Node sees levels, not queues. It applies the queue model that it is configured with (docs/semantics.md 4.2) to its own
book, as late as its feed is; the Venue's truth is another matter. An order is followed from its acknowledgement on.
State.marks counts followed orders by level, so that all other rows pass untouched.
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
    State,
)
from simcore.records import ASK, BID, Record


@kernel
def follow(state: State, order: Record) -> None:
    """Begin to follow an order that has joined its level: all lots there are ahead of it."""
    side, price = order.side, order.price_ticks
    order.level_lots = level_lots(state.local, side, price)
    order.ahead_lots = float(order.level_lots)
    order.traded_lots = 0.0
    order.tracked = 1
    _mark(state, side, price, 1)
    clock = at.clock(state)
    clock[NODE_COUNT + side] += 1
    if side == BID:
        clock[NODE_BEST_BID] = max(clock[NODE_BEST_BID], price)
        clock[NODE_WORST_BID] = min(clock[NODE_WORST_BID], price)
    else:
        clock[NODE_BEST_ASK] = min(clock[NODE_BEST_ASK], price)
        clock[NODE_WORST_ASK] = max(clock[NODE_WORST_ASK], price)


@kernel
def leave(state: State, order: Record) -> None:
    """Stop following an order; its price must still be that of its level."""
    if order.tracked == 0:
        return
    order.tracked = 0
    side = order.side
    _mark(state, side, order.price_ticks, -1)
    clock = at.clock(state)
    clock[NODE_COUNT + side] -= 1
    if clock[NODE_COUNT + side] == 0:
        if side == BID:
            clock[NODE_BEST_BID], clock[NODE_WORST_BID] = NO_BID, NO_ASK
        else:
            clock[NODE_BEST_ASK], clock[NODE_WORST_ASK] = NO_ASK, NO_BID
    elif clock[NODE_FAR] == 0:
        _tighten(state, side)


@kernel
def _mark(state: State, side: int, price: int, change: int) -> None:
    column = price - at.meta(state.local)[BASE]
    if 0 <= column < at.marks(state).shape[1]:
        at.marks(state)[side, column] += change
    else:
        at.clock(state)[NODE_FAR] += change


@kernel
def _tighten(state: State, side: int) -> None:
    """Bring the best and worst followed prices of a side to levels that hold an order; all are in the window."""
    clock = at.clock(state)
    base = at.meta(state.local)[BASE]
    marks = at.marks(state)[side]
    best, worst = (NODE_BEST_BID, NODE_WORST_BID) if side == BID else (NODE_BEST_ASK, NODE_WORST_ASK)
    inwards = -1 if side == BID else 1
    while marks[clock[best] - base] == 0:
        clock[best] += inwards
    while marks[clock[worst] - base] == 0:
        clock[worst] -= inwards


@kernel
def level_changed(state: State, side: int, price: int) -> None:
    """Move the followed orders of a side at price, all of them with price 0, after their levels have changed."""
    if at.clock(state)[NODE_COUNT + side] == 0:
        return
    for lane in range(at.lanes(state).shape[0]):
        model = at.ints(state)[lane, P_NODE_QUEUE]
        n = at.floats(state)[lane, F_NODE_QUEUE_N]
        for i in range(at.lanes(state)[lane].live_count):
            order = at.node_orders(state)[lane, at.live(state)[lane, i]]
            if order.tracked == 1 and order.side == side and (price == 0 or order.price_ticks == price):
                new = level_lots(state.local, side, order.price_ticks)
                if new != order.level_lots:
                    order.ahead_lots = queue.after_change(
                        model, n, order.ahead_lots, order.level_lots, new, order.traded_lots
                    )
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
    for lane in range(at.lanes(state).shape[0]):
        for i in range(at.lanes(state)[lane].live_count):
            order = at.node_orders(state)[lane, at.live(state)[lane, i]]
            if order.tracked == 0 or order.side != side:
                continue
            if order.price_ticks == price:
                order.ahead_lots = max(order.ahead_lots - lots, 0.0)
                order.traded_lots += lots
            elif (order.price_ticks > price) == (side == BID):
                order.ahead_lots = 0.0


@kernel
def hit_side(state: State, price: int, is_sell: bool, has_no_side: bool) -> int:
    """Return the side that a trade hit, -1 if that cannot be said; the aggressor of one without side by the best prices."""
    if not has_no_side:
        return BID if is_sell else ASK
    if price <= at.meta(state.local)[BEST_BID]:
        return BID
    return ASK if price >= at.meta(state.local)[BEST_ASK] else -1


@kernel
def place_of(state: State, lane: int, side: int, price: int) -> tuple[int, float]:
    """Return (order id, lots ahead) of the lane's first followed order at a price, (0, 0) if there is none."""
    if price > 0:
        for i in range(at.lanes(state)[lane].live_count):
            order = at.node_orders(state)[lane, at.live(state)[lane, i]]
            if order.tracked == 1 and order.side == side and order.price_ticks == price:
                return order.order_id, order.ahead_lots
    return 0, 0.0
