"""What the Venue does with a request: checks in order, matching, resting (docs/semantics.md 4.1)."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import account, at, ledger
from simcore.kernels import resting  # LINK
from simcore.kernels.book import BEST_ASK, BEST_BID, NO_ASK, NO_BID, level_lots, next_ask, next_bid
from simcore.kernels.levels import link_order, unlink_order
from simcore.kernels.state import (
    OPEN_ORDERS,
    ORIGIN,
    OWN_COUNT,
    P_BALANCE,
    P_KIND,
    P_LEVERAGE,
    P_MAX_OPEN,
    P_MAX_ORDER,
    P_MIN_NOTIONAL,
    P_RATE_COUNT,
    P_RATE_WINDOW,
    P_SCALE,
    P_SELF_TRADE,
    PRIORITY,
    SLOT_MASK,
    TAKEN_COUNT,
    State,
)
from simcore.records import (
    ACKED,
    AMEND,
    AMEND_REFUSED,
    AMENDED,
    ASK,
    BID,
    BY_REQUEST,
    CANCEL,
    CANCEL_REFUSED,
    ENDED,
    EXPIRED,
    FILL_TAKE,
    FOK,
    GTC,
    IOC,
    MARGIN,
    MARKET,
    MAX_QTY,
    MIN_NOTIONAL,
    NEW,
    NO_LIQUIDITY,
    NONE,
    OFF_GRID,
    PARTIALLY_FILLED,
    PLACE,
    POST_ONLY,
    RATE_LIMIT,
    REFUSED,
    REJECTED,
    SELF_TRADE,
    TAKER,
    TOO_MANY_ORDERS,
    UNKNOWN_ORDER,
    WOULD_CROSS,
    Record,
)

SELF_REFUSE, SELF_CANCEL_RESTING, SELF_IGNORE = 0, 1, 2


@kernel
def handle_request(state: State, lane: int, message: Record, now_ns: int) -> None:
    """Process one request at the Venue; now_ns counts from ORIGIN. Needs `sweep_levels` places in the tables."""
    account.note_book(state)
    limited = _over_rate(state, lane, now_ns)
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
        _cancel_all(state, lane, now_ns)


@kernel
def _over_rate(state: State, lane: int, now_ns: int) -> bool:
    allowed = at.ints(state)[lane, P_RATE_COUNT]
    if allowed == 0:
        return False
    record = at.lanes(state)[lane]
    window = (now_ns + at.clock(state)[ORIGIN]) // at.ints(state)[lane, P_RATE_WINDOW]
    if window != record.rate_window:
        record.rate_window = window
        record.rate_used = 0
    record.rate_used += 1
    return record.rate_used > allowed


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
def _cancel_all(state: State, lane: int, now_ns: int) -> None:
    slots = at.node_orders(state).shape[1]
    while at.lanes(state)[lane].open_orders > 0:
        oldest = -1
        for index in range(lane * slots, lane * slots + slots):
            order = at.venue_orders(state)[index]
            if account.is_open(order.state) and (oldest < 0 or order.order_id < at.venue_orders(state)[oldest].order_id):
                oldest = index
        account.end_order(state, oldest, now_ns, BY_REQUEST)


@kernel
def _place(state: State, lane: int, message: Record, now_ns: int, limited: bool) -> None:
    side = message.side
    tif = message.tif
    price = message.price_ticks
    lots = message.qty_lots
    reason = RATE_LIMIT if limited else _refusal(state, lane, side, tif, price, lots)
    final = REJECTED
    if reason == 0 and at.lanes(state)[lane].open_orders >= at.ints(state)[lane, P_MAX_OPEN]:
        reason = TOO_MANY_ORDERS
    if reason == 0:
        reason = _over_margin(state, lane, side, tif, price, lots)
    if reason == 0:
        reason = _self_trade(state, lane, side, tif, price, now_ns, True)
    if reason == 0 and tif == POST_ONLY and _reaches(side, price, best_opposite(state, lane, side)):
        reason = WOULD_CROSS
        final = EXPIRED
    if reason == 0 and tif == FOK and _available(state, lane, side, price, lots) < lots:
        reason = NO_LIQUIDITY
        final = EXPIRED
    if reason != 0:
        at.lanes(state)[lane].refused += 1
        account.send_report(
            state, lane, now_ns, REFUSED, message.order_id, side, price, lots, lots, final, 0, 0, reason
        )
        return
    index = lane * at.node_orders(state).shape[1] + (message.order_id & SLOT_MASK)
    order = at.venue_orders(state)[index]
    order.order_id = message.order_id
    order.lane = lane
    order.side = side
    order.tif = tif
    order.price_ticks = price
    order.qty_lots = lots
    order.leaves_lots = lots
    order.state = NEW
    order.entry_ts = now_ns
    order.ahead_lots = 0.0
    order.ahead_entry_lots = 0.0
    order.traded_lots = 0.0
    record = at.lanes(state)[lane]
    record.open_orders += 1
    at.clock(state)[OPEN_ORDERS] += 1
    if side == BID:
        record.open_buy_lots += lots
    else:
        record.open_sell_lots += lots
    account.send_order_report(state, index, now_ns, ACKED, 0)
    if tif != POST_ONLY:
        _match(state, index, now_ns)
    if order.state == NEW or order.state == PARTIALLY_FILLED:
        if tif == IOC or tif == MARKET:
            account.close_order(state, index, EXPIRED)
            record.expired += 1
            account.send_order_report(state, index, now_ns, ENDED, NO_LIQUIDITY)
        else:
            _rest(state, index)


@kernel
def _rest(state: State, index: int) -> None:
    order = at.venue_orders(state)[index]
    order.priority = at.clock(state)[PRIORITY]
    resting.join_level(state, index, level_lots(state.exch, order.side, order.price_ticks))
    link_order(state, index)


@kernel
def _refusal(state: State, lane: int, side: int, tif: int, price: int, lots: int) -> int:
    """Return the first reason of the order's own values to refuse it, 0 if none."""
    ints = at.ints(state)[lane]
    if lots <= 0 or (price <= 0 and tif != MARKET):
        return OFF_GRID
    if ints[P_MAX_ORDER] > 0 and lots > ints[P_MAX_ORDER]:
        return MAX_QTY
    if ints[P_MIN_NOTIONAL] > 0:
        if tif == MARKET:
            price = best_opposite(state, lane, side)
        if price != NO_BID and price != NO_ASK:
            if ledger.notional(ints[P_KIND], ints[P_SCALE], price, lots) < ints[P_MIN_NOTIONAL]:
                return MIN_NOTIONAL
    return 0


@kernel
def _over_margin(state: State, lane: int, side: int, tif: int, price: int, lots: int) -> int:
    ints = at.ints(state)[lane]
    if ints[P_BALANCE] <= 0:
        return 0
    if tif == MARKET:
        price = best_opposite(state, lane, side)
        if price == NO_BID or price == NO_ASK:
            return 0
    record = at.lanes(state)[lane]
    buys = record.open_buy_lots + (lots if side == BID else 0)
    sells = record.open_sell_lots + (lots if side == ASK else 0)
    worst = max(abs(record.position_lots + buys), abs(record.position_lots - sells))
    if worst <= abs(record.position_lots):
        return 0
    value = ledger.notional(ints[P_KIND], ints[P_SCALE], price, worst)
    if value > ints[P_LEVERAGE] * account.equity_units(state, lane, price):
        return MARGIN
    return 0


@kernel
def _reaches(side: int, price: int, opposite: int) -> bool:
    """Return whether a limit price reaches an opposite price (NO_BID and NO_ASK are never reached)."""
    if side == BID:
        return price >= opposite
    return opposite != NO_BID and price <= opposite


@kernel
def _self_trade(state: State, lane: int, side: int, tif: int, price: int, now_ns: int, may_cancel: bool) -> int:
    """Return SELF_TRADE when the order reaches an own opposite order and the policy refuses it."""
    policy = at.ints(state)[lane, P_SELF_TRADE]
    if policy == SELF_IGNORE or at.clock(state)[OWN_COUNT + 1 - side] == 0:
        return 0
    slots = at.node_orders(state).shape[1]
    while True:
        found = -1
        for index in range(lane * slots, lane * slots + slots):
            order = at.venue_orders(state)[index]
            if account.is_open(order.state) and order.side != side:
                if tif == MARKET or _reaches(side, price, order.price_ticks):
                    if found < 0 or _goes_first(order, at.venue_orders(state)[found]):
                        found = index
        if found < 0:
            return 0
        if policy == SELF_REFUSE or not may_cancel:
            return SELF_TRADE
        account.end_order(state, found, now_ns, SELF_TRADE)


@kernel
def _goes_first(order: Record, other: Record) -> bool:
    """Return whether a resting order has price priority over another of its side, then the older."""
    if order.price_ticks != other.price_ticks:
        return (order.price_ticks > other.price_ticks) == (order.side == BID)
    return order.link_serial < other.link_serial


@kernel
def best_opposite(state: State, lane: int, side: int) -> int:
    """Return the best opposite price that still has lots for this lane; NO_ASK or NO_BID if none."""
    price = at.meta(state.exch)[BEST_ASK] if side == BID else at.meta(state.exch)[BEST_BID]
    if at.clock(state)[TAKEN_COUNT] == 0:
        return price
    while price != NO_BID and price != NO_ASK and _free_lots(state, lane, side, price) <= 0:
        price = _worse(state, side, price)
    return price


@kernel
def _worse(state: State, side: int, price: int) -> int:
    """Return the next opposite price behind `price` for an order of `side`."""
    if side == BID:
        return next_ask(state.exch, price + 1)
    return next_bid(state.exch, price - 1)


@kernel
def _free_lots(state: State, lane: int, side: int, price: int) -> int:
    opposite = ASK if side == BID else BID
    return level_lots(state.exch, opposite, price) - resting.taken_lots(state, lane, opposite, price)


@kernel
def _available(state: State, lane: int, side: int, price: int, wanted: int) -> int:
    """Return the lots up to `wanted` that an order could take down to its limit."""
    total = 0
    level = best_opposite(state, lane, side)
    while total < wanted and level != NO_BID and level != NO_ASK and _reaches(side, price, level):
        total += max(_free_lots(state, lane, side, level), 0)
        level = _worse(state, side, level)
    return min(total, wanted)


@kernel
def sweep_levels(state: State, lane: int, message: Record) -> int:
    """Return how many levels a request could take from: so much room it may need in the tables."""
    if message.kind != PLACE and message.kind != AMEND:
        return 0
    if message.tif == POST_ONLY:
        return 0
    count = 0
    left = message.qty_lots
    level = best_opposite(state, lane, message.side)
    while left > 0 and level != NO_BID and level != NO_ASK:
        if message.tif != MARKET and not _reaches(message.side, message.price_ticks, level):
            break
        left -= max(_free_lots(state, lane, message.side, level), 0)
        count += 1
        level = _worse(state, message.side, level)
    return count


@kernel
def _match(state: State, index: int, now_ns: int) -> None:
    """Take opposite liquidity level by level, best first, up to the limit."""
    order = at.venue_orders(state)[index]
    lane = order.lane
    side = order.side
    opposite = ASK if side == BID else BID
    level = best_opposite(state, lane, side)
    while order.leaves_lots > 0 and level != NO_BID and level != NO_ASK:
        if order.tif != MARKET and not _reaches(side, order.price_ticks, level):
            break
        lots = min(order.leaves_lots, _free_lots(state, lane, side, level))
        if lots > 0:
            resting.take(state, lane, opposite, level, lots)
            account.fill(state, index, lots, level, TAKER, FILL_TAKE, now_ns, False)
        level = _worse(state, side, level)


@kernel
def _amend(state: State, lane: int, index: int, message: Record, now_ns: int) -> None:
    order = at.venue_orders(state)[index]
    price = message.price_ticks
    lots = message.qty_lots
    executed = order.qty_lots - order.leaves_lots
    if lots <= executed:
        account.end_order(state, index, now_ns, BY_REQUEST)
        return
    reason = _refusal(state, lane, order.side, order.tif, price, lots)
    if reason == 0:
        reason = _over_margin(state, lane, order.side, order.tif, price, lots - order.qty_lots)
    if reason == 0:
        reason = _self_trade(state, lane, order.side, order.tif, price, now_ns, False)
    if reason == 0 and order.tif == POST_ONLY and _reaches(order.side, price, best_opposite(state, lane, order.side)):
        reason = WOULD_CROSS
    if reason != 0:
        _refuse_change(state, lane, index, message, now_ns, AMEND_REFUSED, reason)
        return
    keeps = price == order.price_ticks and lots <= order.qty_lots
    record = at.lanes(state)[lane]
    if order.side == BID:
        record.open_buy_lots += lots - order.qty_lots
    else:
        record.open_sell_lots += lots - order.qty_lots
    if not keeps:
        unlink_order(state, index)
        order.price_ticks = price
        order.ahead_lots = 0.0
        order.ahead_entry_lots = 0.0
    order.qty_lots = lots
    order.leaves_lots = lots - executed
    account.send_order_report(state, index, now_ns, AMENDED, 0)
    if keeps:
        return
    if order.tif == GTC:
        _match(state, index, now_ns)
    if account.is_open(order.state):
        _rest(state, index)

