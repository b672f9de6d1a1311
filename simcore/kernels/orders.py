"""The Node's order manager: what it knows of its orders, and how it makes them follow the wanted quotes."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at, ledger, wire
from simcore.kernels.context import Quote
from simcore.kernels.state import (
    O_REPORTS,
    O_REQUESTS,
    ORIGIN,
    P_KIND,
    P_SCALE,
    P_SLOTS,
    P_USE_AMEND,
    P_WAIT_CANCEL,
    SLOT_BITS,
    SLOT_MASK,
    State,
)
from simcore.records import (
    ACKED,
    AMEND,
    AMENDED,
    ASK,
    BID,
    CANCEL,
    CONTROL,
    ENDED,
    FUNDED,
    NEW,
    NONE,
    PLACE,
    POST_ONLY,
    REFUSED,
    TRADED,
    Record,
)

# What is in flight for an order.
IDLE, PLACING, AMENDING, CANCELLING = range(4)


@kernel
def apply_report(state: State, lane: int, message: Record) -> None:
    """Book a report that has arrived; message.ts counts from ORIGIN."""
    _journal_report(state, lane, message)
    record = at.lanes(state)[lane]
    kind = message.kind
    if kind == FUNDED:
        record.node_cash_units -= message.fee_units
        record.node_funding_units += message.fee_units
        return
    if kind == CONTROL:
        record.control_weight = message.price_ticks
        record.control_budget = message.qty_lots
        record.control_quotes = message.leaves_lots
        record.control_blocked = message.state
        return
    if kind == TRADED:
        value = ledger.notional(
            at.ints(state)[lane, P_KIND], at.ints(state)[lane, P_SCALE], message.price_ticks, message.qty_lots
        )
        record.node_cash_units += ledger.cash_change(at.ints(state)[lane, P_KIND], message.side, value)
        record.node_fee_units += message.fee_units
        record.node_position_lots += message.qty_lots if message.side == BID else -message.qty_lots
    slot = message.order_id & SLOT_MASK
    if slot >= at.node_orders(state).shape[1] or at.node_orders(state)[lane, slot].order_id != message.order_id:
        record.late_reports += 1
        return
    order = at.node_orders(state)[lane, slot]
    if order.state == NONE:
        record.late_reports += 1
        return
    if kind == TRADED:
        order.leaves_lots = message.leaves_lots
        order.state = message.state
        if message.leaves_lots == 0:
            _release(state, lane, slot)
    elif kind == ENDED or kind == REFUSED:
        _release(state, lane, slot)
    else:
        order.pending = IDLE
        if kind == ACKED:
            order.state = NEW
        elif kind == AMENDED:
            order.price_ticks = message.price_ticks
            order.qty_lots = message.qty_lots
            order.leaves_lots = message.leaves_lots


@kernel
def _journal_report(state: State, lane: int, message: Record) -> None:
    if at.lanes(state)[lane].journal == 0:
        return
    row = at.out_reports(state)[at.counts(state)[O_REPORTS]]
    at.counts(state)[O_REPORTS] += 1
    row.ts = message.ts + at.clock(state)[ORIGIN]
    row.exch_ts = message.exch_ts
    row.lane = lane
    row.seq = message.seq
    row.kind = message.kind
    row.order_id = message.order_id
    row.side = message.side
    row.price_ticks = message.price_ticks
    row.qty_lots = message.qty_lots
    row.leaves_lots = message.leaves_lots
    row.state = message.state
    row.liquidity = message.liquidity
    row.fee_units = message.fee_units
    row.reason = message.reason


@kernel
def _release(state: State, lane: int, slot: int) -> None:
    """Free an order's slot and close the gap in the list of live orders."""
    record = at.lanes(state)[lane]
    at.node_orders(state)[lane, slot].state = NONE
    count = record.live_count
    place = 0
    while at.live(state)[lane, place] != slot:
        place += 1
    for i in range(place, count - 1):
        at.live(state)[lane, i] = at.live(state)[lane, i + 1]
    record.live_count = count - 1
    at.free(state)[lane, at.free(state).shape[1] - count] = slot


@kernel
def reconcile(state: State, lane: int, quote: Quote, now_ns: int) -> None:
    """Send what it takes to make live orders match the wanted quotes (docs/semantics.md section 5)."""
    _withdraw(state, lane, quote, BID, now_ns)
    _withdraw(state, lane, quote, ASK, now_ns)
    _place_missing(state, lane, quote, BID, now_ns)
    _place_missing(state, lane, quote, ASK, now_ns)


@kernel
def wanted_price(quote: Quote, side: int, level: int) -> int:
    """Return the price of a wanted level, best first; 0 if the quote has no such level."""
    if level >= quote.levels:
        return 0
    if side == BID:
        return max(quote.bid_ticks - level * quote.step_ticks, 0) if quote.bid_lots > 0 else 0
    return quote.ask_ticks + level * quote.step_ticks if quote.ask_lots > 0 else 0


@kernel
def is_wanted(quote: Quote, side: int, price: int) -> bool:
    """Return whether a price is one of the wanted levels."""
    away = quote.bid_ticks - price if side == BID else price - quote.ask_ticks
    lots = quote.bid_lots if side == BID else quote.ask_lots
    return lots > 0 and 0 <= away < quote.levels * quote.step_ticks and away % quote.step_ticks == 0


@kernel
def live_price(order: Record) -> int:
    """Return the price that an order has, or will have once its amend is through."""
    if order.pending == AMENDING:
        return order.want_price
    return order.price_ticks


@kernel
def has_order_at(state: State, lane: int, side: int, price: int) -> bool:
    """Return whether a live order of the side has, or is about to have, this price."""
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.side == side and live_price(order) == price:
            return True
    return False


@kernel
def _withdraw(state: State, lane: int, quote: Quote, side: int, now_ns: int) -> None:
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.side != side or order.pending != IDLE or is_wanted(quote, side, order.price_ticks):
            continue
        if at.ints(state)[lane, P_USE_AMEND] == 1:
            price = _free_level(state, lane, quote, side)
            if price > 0:
                order.pending = AMENDING
                order.want_price = price
                lots = quote.bid_lots if side == BID else quote.ask_lots
                order.want_lots = lots + order.qty_lots - order.leaves_lots
                at.lanes(state)[lane].amends += 1
                send(state, lane, now_ns, AMEND, order.order_id, side, order.tif, price, order.want_lots)
                continue
        order.pending = CANCELLING
        at.lanes(state)[lane].cancels += 1
        send(state, lane, now_ns, CANCEL, order.order_id, side, order.tif, order.price_ticks, order.qty_lots)


@kernel
def _free_level(state: State, lane: int, quote: Quote, side: int) -> int:
    """Return the best wanted price that no live order works, 0 if all are worked."""
    for level in range(quote.levels):
        price = wanted_price(quote, side, level)
        if price > 0 and not has_order_at(state, lane, side, price):
            return price
    return 0


@kernel
def _place_missing(state: State, lane: int, quote: Quote, side: int, now_ns: int) -> None:
    if at.ints(state)[lane, P_WAIT_CANCEL] == 1 and _is_cancelling(state, lane, side):
        return
    lots = quote.bid_lots if side == BID else quote.ask_lots
    for level in range(quote.levels):
        price = wanted_price(quote, side, level)
        if price > 0 and not _is_full(state, lane) and not has_order_at(state, lane, side, price):
            place_order(state, lane, now_ns, side, POST_ONLY, price, lots)


@kernel
def _is_full(state: State, lane: int) -> bool:
    """Return whether the lane has all the live orders that it may have; the table may hold more, for other lanes."""
    slots = at.ints(state)[lane, P_SLOTS]
    if slots == 0:
        slots = at.node_orders(state).shape[1]
    return at.lanes(state)[lane].live_count >= slots


@kernel
def _is_cancelling(state: State, lane: int, side: int) -> bool:
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.side == side and order.pending == CANCELLING:
            return True
    return False


@kernel
def place_order(
    state: State, lane: int, now_ns: int, side: int, tif: int, price: int, lots: int
) -> int:
    """Open a new order; return its id = serial << SLOT_BITS | slot. Needs a free slot."""
    record = at.lanes(state)[lane]
    count = record.live_count
    slot = at.free(state)[lane, at.free(state).shape[1] - count - 1]
    at.live(state)[lane, count] = slot
    record.live_count = count + 1
    order_id = (record.order_serial << SLOT_BITS) + slot
    record.order_serial += 1
    order = at.node_orders(state)[lane, slot]
    order.order_id = order_id
    order.side = side
    order.tif = tif
    order.price_ticks = price
    order.qty_lots = lots
    order.leaves_lots = lots
    order.state = NEW
    order.pending = PLACING
    order.sent_ts = now_ns
    record.orders += 1
    send(state, lane, now_ns, PLACE, order_id, side, tif, price, lots)
    return order_id


@kernel
def send(
    state: State, lane: int, now_ns: int, kind: int, order_id: int, side: int, tif: int, price: int,
    lots: int,
) -> None:  # fmt: skip
    """Journal a request and hand it to the wire."""
    record = at.lanes(state)[lane]
    if record.journal == 1:
        row = at.out_requests(state)[at.counts(state)[O_REQUESTS]]
        at.counts(state)[O_REQUESTS] += 1
        row.ts = now_ns + at.clock(state)[ORIGIN]
        row.lane = lane
        row.seq = record.request_seq
        row.kind = kind
        row.order_id = order_id
        row.side = side
        row.tif = tif
        row.price_ticks = price
        row.qty_lots = lots
        row.trigger_ticks = 0
        row.display_lots = 0
        row.reduce_only = 0
        row.bid_ticks = 0
        row.ask_ticks = 0
        row.reason = 0
    record.request_seq += 1
    wire.send_request(state, lane, now_ns, kind, order_id, side, tif, price, lots, 0, 0, 0, 0)
