"""The Node's orders: what reports say of them, and how requests for them are sent."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels import at, features, ledger, own_queue, signals, wire
from simcore.kernels import chain  # LINK
from simcore.kernels.book import BEST_ASK, BEST_BID, NO_ASK, NO_BID
from simcore.kernels.state import (
    AMENDING,
    CANCELLING,
    IDLE,
    O_REPORTS,
    O_REQUESTS,
    ORIGIN,
    P_KIND,
    P_SCALE,
    PLACING,
    SLOT_BITS,
    SLOT_MASK,
    State,
)
from simcore.records import (
    ACKED,
    AMEND,
    AMENDED,
    BID,
    BY_REQUEST,
    CANCEL,
    CONTROL,
    ENDED,
    FUNDED,
    MARKET,
    NEW,
    NO_PRICE,
    NONE,
    PLACE,
    REFUSED,
    TAKER,
    TRADED,
    TRIGGERED,
    Record,
)


class Wanted(NamedTuple):
    """What a new order should be; trigger_ticks, display_lots, reduce_only: 0 for a plain order."""

    side: int
    tif: int
    price_ticks: int
    qty_lots: int
    trigger_ticks: int
    display_lots: int
    reduce_only: int


@kernel
def apply_report(state: State, lane: int, message: Record) -> None:
    """Book a report that has arrived; message.ts counts from ORIGIN."""
    _journal_report(state, lane, message)
    record = at.lanes(state)[lane]
    record.settled = 0
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
    slot = message.order_id & SLOT_MASK
    known = slot < at.node_orders(state).shape[1]
    if known:
        order = at.node_orders(state)[lane, slot]
        known = order.order_id == message.order_id and order.state != NONE
    if kind == TRADED:
        _book_fill(state, lane, message, at.node_orders(state)[lane, slot].price_ticks if known else NO_PRICE)
    if not known:
        record.late_reports += message.order_id != 0  # 0: a liquidation
        return
    order = at.node_orders(state)[lane, slot]
    if (chain.USES_SIGNALS or record.journal == 1) and order.pending != IDLE and kind != TRADED and (kind != ENDED or message.reason == BY_REQUEST):
        signals.note_latency(state, lane, message.ts - order.sent_ts)
    if kind == TRADED:
        order.leaves_lots = message.leaves_lots
        order.state = message.state
        if message.leaves_lots == 0:
            _release(state, lane, slot)
    elif kind == ENDED or kind == REFUSED:
        _release(state, lane, slot)
    elif kind != TRIGGERED:
        _apply_answer(state, lane, slot, message)


@kernel
def _apply_answer(state: State, lane: int, slot: int, message: Record) -> None:
    """Take an acknowledgement, an amend or a refusal of a change: nothing is in flight for the order any more."""
    order = at.node_orders(state)[lane, slot]
    order.pending = IDLE
    if message.kind == ACKED:
        order.state = NEW
        if chain.USES_QUEUE and order.tif < MARKET:
            own_queue.follow(state, lane, slot)
    elif message.kind == AMENDED:
        keeps = message.price_ticks == order.price_ticks and message.qty_lots <= order.qty_lots
        if chain.USES_QUEUE and not keeps:
            own_queue.leave(state, order)
        order.price_ticks = message.price_ticks
        order.qty_lots = message.qty_lots
        order.leaves_lots = message.leaves_lots
        if chain.USES_QUEUE and not keeps:
            own_queue.follow(state, lane, slot)


@kernel
def _book_fill(state: State, lane: int, message: Record, quoted: int) -> None:
    """Book a fill's position, cash and fee, and take it into what the Node measures; quoted: the order's price, 0 if unknown."""
    record = at.lanes(state)[lane]
    kind = at.ints(state)[lane, P_KIND]
    value = ledger.notional(kind, at.ints(state)[lane, P_SCALE], message.price_ticks, message.qty_lots)
    record.node_cash_units += ledger.cash_change(kind, message.side, value)
    record.node_fee_units += message.fee_units
    record.node_position_lots += message.qty_lots if message.side == BID else -message.qty_lots
    record.node_turnover_units += value
    is_taker = message.liquidity == TAKER
    bid, ask = at.meta(state.local)[BEST_BID], at.meta(state.local)[BEST_ASK]
    mid2 = bid + ask if bid != NO_BID and ask != NO_ASK else 0
    features.note_fill(state, lane, message.side, message.qty_lots, message.price_ticks, quoted, is_taker, mid2)
    if chain.USES_SIGNALS:
        signals.note_fill(state, lane, message.ts, is_taker)


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
    order = at.node_orders(state)[lane, slot]
    if chain.USES_QUEUE:
        own_queue.leave(state, order)
    order.state = NONE
    count = record.live_count
    place = 0
    while at.live(state)[lane, place] != slot:
        place += 1
    for i in range(place, count - 1):
        at.live(state)[lane, i] = at.live(state)[lane, i + 1]
    record.live_count = count - 1
    at.free(state)[lane, at.free(state).shape[1] - count] = slot


@kernel
def place(state: State, lane: int, now_ns: int, wanted: Wanted, batched: int, reason: int) -> int:
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
    order.side = wanted.side
    order.tif = wanted.tif
    order.price_ticks = wanted.price_ticks
    order.qty_lots = wanted.qty_lots
    order.leaves_lots = wanted.qty_lots
    order.trigger_ticks = wanted.trigger_ticks
    order.state = NEW
    order.pending = PLACING
    order.sent_ts = now_ns
    order.tracked = 0
    record.orders += 1
    _send(state, lane, now_ns, PLACE, order_id, wanted, batched, reason)
    return order_id


@kernel
def amend(state: State, lane: int, now_ns: int, order: Record, price: int, lots: int, batched: int, reason: int) -> None:
    """Ask for another price and total quantity of a working order."""
    order.pending = AMENDING
    order.want_price = price
    order.want_lots = lots
    order.sent_ts = now_ns
    at.lanes(state)[lane].amends += 1
    _send(state, lane, now_ns, AMEND, order.order_id, Wanted(order.side, order.tif, price, lots, 0, 0, 0), batched, reason)


@kernel
def cancel(state: State, lane: int, now_ns: int, order: Record, batched: int, reason: int) -> None:
    """Ask for the end of a working order."""
    order.pending = CANCELLING
    order.sent_ts = now_ns
    at.lanes(state)[lane].cancels += 1
    wanted = Wanted(order.side, order.tif, order.price_ticks, order.qty_lots, 0, 0, 0)
    _send(state, lane, now_ns, CANCEL, order.order_id, wanted, batched, reason)


@kernel
def _send(
    state: State, lane: int, now_ns: int, kind: int, order_id: int, wanted: Wanted, batched: int, reason: int
) -> None:
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
        row.side = wanted.side
        row.tif = wanted.tif
        row.price_ticks = wanted.price_ticks
        row.qty_lots = wanted.qty_lots
        row.trigger_ticks = wanted.trigger_ticks
        row.display_lots = wanted.display_lots
        row.reduce_only = wanted.reduce_only
        bid, ask = at.meta(state.local)[BEST_BID], at.meta(state.local)[BEST_ASK]
        row.bid_ticks = NO_PRICE if bid == NO_BID else bid
        row.ask_ticks = NO_PRICE if ask == NO_ASK else ask
        row.reason = reason
    record.request_seq += 1
    record.batch_used += 1
    wire.send_request(
        state, lane, now_ns, kind, order_id, wanted.side, wanted.tif, wanted.price_ticks, wanted.qty_lots,
        wanted.trigger_ticks, wanted.display_lots, wanted.reduce_only, batched,
    )  # fmt: skip
