"""What the Venue does with a request: checks in order, matching, resting, waiting (docs/semantics.md 4.1, 4.7)."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import account, at, limits, taking, triggers
from simcore.kernels import resting  # LINK
from simcore.kernels.levels import unlink_order
from simcore.kernels.state import (
    FIRED,
    FIRED_NS,
    FIRED_TICKS,
    OPEN_ORDERS,
    OWN_BEST_ASK,
    OWN_BEST_BID,
    OWN_COUNT,
    P_AMEND_TO_BACK,
    P_MAX_OPEN,
    P_MAX_TRIGGER,
    P_NO_AMEND,
    P_SELF_TRADE,
    SLOT_MASK,
    TRIGGERS_CHANGED,
    State,
)
from simcore.records import (
    ACKED,
    AMEND,
    AMEND_REFUSED,
    AMENDED,
    BY_REQUEST,
    CANCEL,
    CANCEL_REFUSED,
    CANCELED,
    ENDED,
    EXPIRED,
    FOK,
    GTC,
    IOC,
    MARGIN,
    MARKET,
    NO_LIQUIDITY,
    NO_PRICE,
    NONE,
    NOT_SUPPORTED,
    PLACE,
    POST_ONLY,
    PRICE_BAND,
    RATE_LIMIT,
    REDUCE_ONLY,
    REFUSED,
    REJECTED,
    SELF_TRADE,
    TOO_MANY_ORDERS,
    TRIGGERED,
    UNKNOWN_ORDER,
    WOULD_CROSS,
    WOULD_TRIGGER,
    BID,
    Record,
)

SELF_REFUSE, SELF_CANCEL_RESTING, SELF_IGNORE, SELF_CANCEL_BOTH = range(4)


@kernel
def handle_request(state: State, lane: int, message: Record, now_ns: int) -> None:
    """Process one request at the Venue; now_ns counts from ORIGIN. Needs places in the tables: see `loop`."""
    account.note_book(state)
    limited = limits.is_over_rate(state, lane, now_ns)
    if message.kind == PLACE:
        _place(state, lane, message, now_ns, limited)
        return
    if message.kind == CANCEL or message.kind == AMEND:
        index = _find(state, lane, message.order_id)
        refusal = CANCEL_REFUSED if message.kind == CANCEL else AMEND_REFUSED
        if limited or index < 0:
            reason = RATE_LIMIT if limited else UNKNOWN_ORDER
            _refuse_change(state, lane, index, message, now_ns, refusal, reason)
        elif message.kind == CANCEL:
            account.end_order(state, index, now_ns, BY_REQUEST)
        else:
            _amend(state, lane, index, message, now_ns)
    elif limited:
        _refuse_change(state, lane, -1, message, now_ns, CANCEL_REFUSED, RATE_LIMIT)
    else:
        account.end_all(state, lane, now_ns, BY_REQUEST)


@kernel
def levels_taken(state: State, lane: int, message: Record) -> int:
    """Return how many levels a request could take from."""
    if (message.kind != PLACE and message.kind != AMEND) or message.tif == POST_ONLY or triggers.is_conditional(message.tif):
        return 0
    return taking.levels_within(state, lane, message.side, message.tif == MARKET, message.price_ticks, message.qty_lots)


@kernel
def _find(state: State, lane: int, order_id: int) -> int:
    """Return the index of an open order, -1 if there is none of this id."""
    slots = at.node_orders(state).shape[1]
    slot = order_id & SLOT_MASK
    if slot >= slots:
        return -1
    index = lane * slots + slot
    order = at.venue_orders(state)[index]
    if order.order_id == order_id and account.is_open(order.state):
        return index
    return -1


@kernel
def _refuse_change(
    state: State, lane: int, index: int, message: Record, now_ns: int, kind: int, reason: int
) -> None:
    at.lanes(state)[lane].refused += 1
    if index >= 0:
        account.send_order_report(state, index, now_ns, kind, reason)
    else:
        account.send_report(
            state, lane, now_ns, kind, message.order_id, message.side, message.price_ticks, message.qty_lots,
            0, NONE, 0, 0, reason,
        )  # fmt: skip


@kernel
def _place(state: State, lane: int, message: Record, now_ns: int, limited: bool) -> None:
    side = message.side
    tif = message.tif
    price = message.price_ticks
    lots = message.qty_lots
    reason = RATE_LIMIT
    if not limited:
        reason = limits.refusal(
            state, lane, side, tif, price, lots, message.trigger_ticks, message.display_lots, message.reduce_only
        )  # fmt: skip
    if reason == 0:
        if triggers.is_conditional(tif):
            reason = _waiting_refusal(state, lane, side, tif, message.trigger_ticks)
        else:
            reason = _entry_refusal(state, lane, side, tif, price, lots, message.reduce_only, now_ns)
    if reason != 0:
        final = EXPIRED if reason == WOULD_CROSS or reason == NO_LIQUIDITY else REJECTED
        at.lanes(state)[lane].refused += 1
        account.send_report(
            state, lane, now_ns, REFUSED, message.order_id, side, price, lots, lots, final, 0, 0, reason
        )
        return
    index = lane * at.node_orders(state).shape[1] + (message.order_id & SLOT_MASK)
    account.open_order(state, index, lane, message.order_id, side, tif, price, lots, now_ns)
    order = at.venue_orders(state)[index]
    order.trigger_ticks = message.trigger_ticks
    order.display_lots = message.display_lots
    order.reduce_only = message.reduce_only
    account.send_order_report(state, index, now_ns, ACKED, 0)
    if triggers.is_conditional(tif):
        at.lanes(state)[lane].waiting_orders += 1
        at.clock(state)[TRIGGERS_CHANGED] = 1
    else:
        _enter(state, index, now_ns)


@kernel
def _waiting_refusal(state: State, lane: int, side: int, tif: int, trigger: int) -> int:
    """Return the reason not to let a conditional order wait, 0 if none."""
    if at.lanes(state)[lane].waiting_orders >= at.ints(state)[lane, P_MAX_TRIGGER]:
        return TOO_MANY_ORDERS
    last = triggers.last_trade(state)
    if last != NO_PRICE and triggers.is_reached(tif, side, trigger, last):
        return WOULD_TRIGGER
    return 0


@kernel
def _entry_refusal(
    state: State, lane: int, side: int, tif: int, price: int, lots: int, reduce_only: int, now_ns: int
) -> int:
    """Return the reason not to let an order of allowed values into the book, 0 if none; own resting orders may end."""
    if at.lanes(state)[lane].open_orders >= at.ints(state)[lane, P_MAX_OPEN]:
        return TOO_MANY_ORDERS
    if reduce_only != 0:
        lots = min(lots, account.reducible_lots(state, lane, side))
        if lots == 0:
            return REDUCE_ONLY
    elif limits.is_over_margin(state, lane, side, tif, price, lots):
        return MARGIN
    if _self_trade(state, lane, side, tif, price, now_ns, True):
        return SELF_TRADE
    if tif == POST_ONLY and taking.reaches(side, price, taking.best_opposite(state, lane, side)):
        return WOULD_CROSS
    if tif == FOK and taking.available(state, lane, side, price, lots) < lots:
        return NO_LIQUIDITY
    return 0


@kernel
def _enter(state: State, index: int, now_ns: int) -> None:
    """Let an acknowledged order match, and rest with what is left if it is of a kind that rests."""
    order = at.venue_orders(state)[index]
    record = at.lanes(state)[order.lane]
    record.open_orders += 1
    at.clock(state)[OPEN_ORDERS] += 1
    account.reserve(state, index, order.leaves_lots)
    if order.tif != POST_ONLY:
        taking.match(state, index, now_ns)
    _keep_rest(state, index, now_ns)


@kernel
def _keep_rest(state: State, index: int, now_ns: int) -> None:
    """Let what is left of an order rest, or end it."""
    order = at.venue_orders(state)[index]
    if not account.is_open(order.state):
        return
    if account.allowed_lots(state, index, order.leaves_lots) == 0:
        account.close_order(state, index, CANCELED)
        account.send_order_report(state, index, now_ns, ENDED, REDUCE_ONLY)
    elif order.tif == IOC or order.tif == MARKET:
        account.close_order(state, index, EXPIRED)
        at.lanes(state)[order.lane].expired += 1
        account.send_order_report(state, index, now_ns, ENDED, NO_LIQUIDITY)
    else:
        resting.rest(state, index)


@kernel
def fire_next(state: State) -> None:
    """Send the next order that the last trade has triggered into the book; FIRED is 0 when none is left."""
    clock = at.clock(state)
    index = triggers.next_fired(state, clock[FIRED_TICKS])
    if index < 0:
        clock[FIRED] = 0
        return
    now_ns = clock[FIRED_NS]
    order = at.venue_orders(state)[index]
    lane = order.lane
    record = at.lanes(state)[lane]
    order.tif = MARKET if triggers.is_at_market(order.tif) else GTC
    record.waiting_orders -= 1
    record.triggered += 1
    clock[TRIGGERS_CHANGED] = 1
    account.send_order_report(state, index, now_ns, TRIGGERED, 0)
    reason = PRICE_BAND
    if order.tif == MARKET or not limits.is_out_of_band(state, lane, order.price_ticks):
        reason = _entry_refusal(
            state, lane, order.side, order.tif, order.price_ticks, order.leaves_lots, order.reduce_only, now_ns
        )
    if reason == 0:
        _enter(state, index, now_ns)
    else:
        order.state = EXPIRED
        record.expired += 1
        account.send_order_report(state, index, now_ns, ENDED, reason)


@kernel
def fired_levels(state: State, index: int) -> int:
    """Return how many levels a triggered order could take from."""
    order = at.venue_orders(state)[index]
    return taking.levels_within(
        state, order.lane, order.side, triggers.is_at_market(order.tif), order.price_ticks, order.leaves_lots
    )


@kernel
def _self_trade(state: State, lane: int, side: int, tif: int, price: int, now_ns: int, may_cancel: bool) -> bool:
    """Return whether the order reaches an own opposite order and is refused for it; resting orders may end."""
    policy = at.ints(state)[lane, P_SELF_TRADE]
    if policy == SELF_IGNORE or at.clock(state)[OWN_COUNT + 1 - side] == 0:
        return False
    best = at.clock(state)[OWN_BEST_ASK if side == BID else OWN_BEST_BID]  # of all lanes
    if tif != MARKET and not taking.reaches(side, price, best):
        return False
    slots = at.node_orders(state).shape[1]
    while True:
        found = -1
        for index in range(lane * slots, lane * slots + slots):
            order = at.venue_orders(state)[index]
            if account.is_open(order.state) and order.side != side and not triggers.waits(order):
                if tif == MARKET or taking.reaches(side, price, order.price_ticks):
                    if found < 0 or _goes_first(order, at.venue_orders(state)[found]):
                        found = index
        if found < 0:
            return False
        if policy == SELF_REFUSE or not may_cancel:
            return True
        account.end_order(state, found, now_ns, SELF_TRADE)
        if policy == SELF_CANCEL_BOTH:
            return True


@kernel
def _goes_first(order: Record, other: Record) -> bool:
    """Return whether a resting order has price priority over another of its side, then the older."""
    if order.price_ticks != other.price_ticks:
        return (order.price_ticks > other.price_ticks) == (order.side == BID)
    return order.link_serial < other.link_serial


@kernel
def _amend_refusal(state: State, lane: int, index: int, price: int, lots: int, now_ns: int) -> int:
    """Return the reason not to give an open order this price and quantity, 0 if none."""
    order = at.venue_orders(state)[index]
    side = order.side
    reason = limits.refusal(state, lane, side, order.tif, price, lots, 0, order.display_lots, order.reduce_only)
    if reason != 0:
        return reason
    if order.reduce_only == 0 and limits.is_over_margin(state, lane, side, order.tif, price, lots - order.qty_lots):
        return MARGIN
    if _self_trade(state, lane, side, order.tif, price, now_ns, False):
        return SELF_TRADE
    if order.tif == POST_ONLY and taking.reaches(side, price, taking.best_opposite(state, lane, side)):
        return WOULD_CROSS
    return 0


@kernel
def _amend(state: State, lane: int, index: int, message: Record, now_ns: int) -> None:
    order = at.venue_orders(state)[index]
    price = message.price_ticks
    lots = message.qty_lots
    executed = order.qty_lots - order.leaves_lots
    if at.ints(state)[lane, P_NO_AMEND] == 1 or triggers.waits(order):
        _refuse_change(state, lane, index, message, now_ns, AMEND_REFUSED, NOT_SUPPORTED)
        return
    if lots <= executed:
        account.end_order(state, index, now_ns, BY_REQUEST)
        return
    reason = _amend_refusal(state, lane, index, price, lots, now_ns)
    if reason != 0:
        _refuse_change(state, lane, index, message, now_ns, AMEND_REFUSED, reason)
        return
    keeps = price == order.price_ticks and lots <= order.qty_lots and at.ints(state)[lane, P_AMEND_TO_BACK] == 0
    account.reserve(state, index, lots - order.qty_lots)
    if not keeps:
        unlink_order(state, index)
        order.price_ticks = price
        order.ahead_lots = 0.0
        order.ahead_entry_lots = 0.0
    order.qty_lots = lots
    order.leaves_lots = lots - executed
    order.shown_lots = min(order.shown_lots, order.leaves_lots)
    account.send_order_report(state, index, now_ns, AMENDED, 0)
    if keeps:
        return
    if order.tif == GTC:
        taking.match(state, index, now_ns)
    _keep_rest(state, index, now_ns)
