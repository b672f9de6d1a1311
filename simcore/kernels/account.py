"""What a fill does at the Venue: order, position, cash, fee, report, journal row, pending markout."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at, ledger, triggers, wire
from simcore.kernels.book import BEST_ASK, BEST_BID, NO_ASK, NO_BID
from simcore.kernels.levels import unlink_order
from simcore.kernels.state import (
    CLASS_REPORT,
    EVENT_ASK,
    EVENT_BID,
    FILL_FIRST,
    FILL_NEXT,
    HALT_CODE,
    HALT_LANE,
    HALT_MONEY,
    HALT_TS,
    MARKOUT_DUE,
    MAX_TIERS,
    O_FILLS,
    OPEN_ORDERS,
    ORIGIN,
    P_BALANCE,
    P_FEE_PER_LOT,
    P_KIND,
    P_LIQUIDATION_FEE,
    P_SCALE,
    P_TIER,
    P_TIERS,
    P_TURNOVER_0,
    TIGHT,
    TRIGGERS_CHANGED,
    State,
)
from simcore.records import (
    BID,
    CANCELED,
    ENDED,
    FILL_LIQUIDATION,
    FILLED,
    FUNDED,
    MAKER,
    MARKOUT_NS,
    NEW,
    NO_PRICE,
    PARTIALLY_FILLED,
    TRADED,
)
from simcore.units import INVERSE

FIRST_MARKOUT_NS = MARKOUT_NS[0]
MONEY_MAX = 4.0e18


@kernel
def is_open(order_state: int) -> bool:
    """Return whether an order in this state can still trade."""
    return order_state == NEW or order_state == PARTIALLY_FILLED


@kernel
def shown_bid(state: State) -> int:
    """Return the exchange's best bid in ticks, NO_PRICE if there is none."""
    bid = at.meta(state.exch)[BEST_BID]
    return NO_PRICE if bid == NO_BID else bid


@kernel
def shown_ask(state: State) -> int:
    """Return the exchange's best ask in ticks, NO_PRICE if there is none."""
    ask = at.meta(state.exch)[BEST_ASK]
    return NO_PRICE if ask == NO_ASK else ask


@kernel
def note_book(state: State) -> None:
    """Keep the exchange's best prices as they are before an event; its fills are journalled with them."""
    at.clock(state)[EVENT_BID] = shown_bid(state)
    at.clock(state)[EVENT_ASK] = shown_ask(state)


@kernel
def send_report(
    state: State, lane: int, now_ns: int, kind: int, order_id: int, side: int, price: int, lots: int, leaves: int,
    order_state: int, liquidity: int, fee: int, reason: int,
) -> int:  # fmt: skip
    """Put a report on the wire to the Node; return its arrival, ns since ORIGIN."""
    record = at.lanes(state)[lane]
    arrive = wire.report_arrival_ns(state, lane, now_ns)
    size = at.reports(state).shape[1]
    message = at.reports(state)[lane, wire.place_behind(record.report_head, record.report_count, size)]
    record.report_count += 1
    if record.report_count * 2 > size:
        at.clock(state)[TIGHT] = 1
    message.ts = arrive
    message.exch_ts = now_ns + at.clock(state)[ORIGIN]
    message.lane = lane
    message.seq = record.report_seq
    record.report_seq += 1
    message.kind = kind
    message.order_id = order_id
    message.side = side
    message.price_ticks = price
    message.qty_lots = lots
    message.leaves_lots = leaves
    message.state = order_state
    message.liquidity = liquidity
    message.fee_units = fee
    message.reason = reason
    wire.sooner(state, lane, arrive * 8 + CLASS_REPORT)
    return arrive


@kernel
def send_order_report(state: State, index: int, now_ns: int, kind: int, reason: int) -> None:
    """Report an order as it stands."""
    order = at.venue_orders(state)[index]
    send_report(
        state, order.lane, now_ns, kind, order.order_id, order.side, order.price_ticks, order.qty_lots,
        order.leaves_lots, order.state, 0, 0, reason,
    )  # fmt: skip


@kernel
def fee_units(state: State, lane: int, liquidity: int, value: int, lots: int) -> int:
    """Return the fee of a fill in cash units, by the tier that the turnover before the fill has reached."""
    ints = at.ints(state)[lane]
    turnover = ints[P_TURNOVER_0] + at.lanes(state)[lane].turnover_units
    tier = 0
    for i in range(1, MAX_TIERS):
        if i < ints[P_TIERS] and ints[P_TIER + 3 * i] <= turnover:
            tier = i
    rate = ints[P_TIER + 3 * tier + (1 if liquidity == MAKER else 2)]
    return ledger.proportion(value, rate) + ints[P_FEE_PER_LOT] * lots


@kernel
def open_order(
    state: State, index: int, lane: int, order_id: int, side: int, tif: int, price: int, lots: int, now_ns: int
) -> None:  # fmt: skip
    """Write a plain new order into its place, with no queue position yet."""
    order = at.venue_orders(state)[index]
    order.order_id = order_id
    order.lane = lane
    order.side = side
    order.tif = tif
    order.price_ticks = price
    order.qty_lots = lots
    order.leaves_lots = lots
    order.state = NEW
    order.entry_ts = now_ns
    order.trigger_ticks = 0
    order.display_lots = 0
    order.shown_lots = 0
    order.reduce_only = 0
    order.ahead_lots = 0.0
    order.ahead_entry_lots = 0.0
    order.traded_lots = 0.0


@kernel
def reserve(state: State, index: int, lots: int) -> None:
    """Add to what the lane's open orders may buy or sell; those that only reduce the position do not count."""
    order = at.venue_orders(state)[index]
    if order.reduce_only != 0:
        return
    if order.side == BID:
        at.lanes(state)[order.lane].open_buy_lots += lots
    else:
        at.lanes(state)[order.lane].open_sell_lots += lots


@kernel
def reducible_lots(state: State, lane: int, side: int) -> int:
    """Return the lots by which an order of a side could reduce the lane's position."""
    position = at.lanes(state)[lane].position_lots
    return max(-position if side == BID else position, 0)


@kernel
def allowed_lots(state: State, index: int, lots: int) -> int:
    """Return lots, cut to what reduces the position if that is all that the order may do."""
    order = at.venue_orders(state)[index]
    if order.reduce_only == 0:
        return lots
    return min(lots, reducible_lots(state, order.lane, order.side))


@kernel
def close_order(state: State, index: int, order_state: int) -> None:
    """Give an open order a final state and take it out of the counts; it must be unlinked already."""
    order = at.venue_orders(state)[index]
    order.state = order_state
    if order.order_id != 0:  # else it liquidates, and was never counted
        at.lanes(state)[order.lane].open_orders -= 1
        at.clock(state)[OPEN_ORDERS] -= 1
        reserve(state, index, -order.leaves_lots)


@kernel
def end_order(state: State, index: int, now_ns: int, reason: int) -> None:
    """Cancel a resting or waiting order and report it."""
    order = at.venue_orders(state)[index]
    if triggers.waits(order):
        order.state = CANCELED
        at.lanes(state)[order.lane].waiting_orders -= 1
        at.clock(state)[TRIGGERS_CHANGED] = 1
    else:
        unlink_order(state, index)
        close_order(state, index, CANCELED)
    send_order_report(state, index, now_ns, ENDED, reason)


@kernel
def end_all(state: State, lane: int, now_ns: int, reason: int) -> None:
    """Cancel all resting and waiting orders of a lane, in order of their place time."""
    slots = at.node_orders(state).shape[1]
    while at.lanes(state)[lane].open_orders + at.lanes(state)[lane].waiting_orders > 0:
        oldest = -1
        for index in range(lane * slots, lane * slots + slots):
            order = at.venue_orders(state)[index]
            if is_open(order.state) and (oldest < 0 or order.order_id < at.venue_orders(state)[oldest].order_id):
                oldest = index
        end_order(state, oldest, now_ns, reason)


@kernel
def fill(
    state: State, index: int, lots: int, price: int, liquidity: int, reason: int, now_ns: int, resting: bool
) -> None:
    """Execute lots (1..leaves) of an open order at price; a resting order that is done leaves its level."""
    order = at.venue_orders(state)[index]
    lane = order.lane
    record = at.lanes(state)[lane]
    kind = at.ints(state)[lane, P_KIND]
    scale = at.ints(state)[lane, P_SCALE]
    value = ledger.notional(kind, scale, price, lots)
    fee = fee_units(state, lane, liquidity, value, lots)
    if reason == FILL_LIQUIDATION:
        fee += ledger.proportion(value, at.ints(state)[lane, P_LIQUIDATION_FEE])
    order.leaves_lots -= lots
    order.shown_lots = max(order.shown_lots - lots, 0)
    record.turnover_units += value
    record.cash_units += ledger.cash_change(kind, order.side, value)
    record.fee_units += fee
    record.position_lots += lots if order.side == BID else -lots
    reserve(state, index, -lots)
    size = 1.0 * lots * scale if kind == INVERSE else 1.0 * price * lots * scale
    if size > MONEY_MAX or 1.0 * record.turnover_units > MONEY_MAX:
        at.clock(state)[HALT_CODE] = HALT_MONEY
        at.clock(state)[HALT_LANE] = lane
        at.clock(state)[HALT_TS] = now_ns
    if order.leaves_lots == 0:
        if resting:
            unlink_order(state, index)
        close_order(state, index, FILLED)
    else:
        order.state = PARTIALLY_FILLED
        record.partial_fills += 1
    _count(state, lane, liquidity, lots)
    arrive = send_report(
        state, lane, now_ns, TRADED, order.order_id, order.side, price, lots, order.leaves_lots, order.state,
        liquidity, fee, reason,
    )  # fmt: skip
    _journal_fill(state, index, lots, price, liquidity, reason, fee, now_ns, arrive)
    _await_markouts(state, index, lots, price, now_ns)
    record.fill_seq += 1


@kernel
def _count(state: State, lane: int, liquidity: int, lots: int) -> None:
    record = at.lanes(state)[lane]
    record.fills += 1
    record.volume_lots += lots
    if liquidity == MAKER:
        record.maker_fills += 1
    else:
        record.taker_fills += 1


@kernel
def _journal_fill(
    state: State, index: int, lots: int, price: int, liquidity: int, reason: int, fee: int, now_ns: int,
    arrive: int,
) -> None:  # fmt: skip
    order = at.venue_orders(state)[index]
    record = at.lanes(state)[order.lane]
    if record.journal == 0:
        return
    row = at.out_fills(state)[at.counts(state)[O_FILLS]]
    at.counts(state)[O_FILLS] += 1
    row.exch_ts = now_ns + at.clock(state)[ORIGIN]
    row.ts = arrive + at.clock(state)[ORIGIN]
    row.lane = order.lane
    row.seq = record.fill_seq
    row.order_id = order.order_id
    row.side = order.side
    row.price_ticks = price
    row.qty_lots = lots
    row.leaves_lots = order.leaves_lots
    row.liquidity = liquidity
    row.reason = reason
    row.fee_units = fee
    row.bid_ticks = at.clock(state)[EVENT_BID]
    row.ask_ticks = at.clock(state)[EVENT_ASK]
    row.position_lots = record.position_lots
    row.ahead_entry_lots = order.ahead_entry_lots
    row.ahead_lots = order.ahead_lots
    if at.counts(state)[O_FILLS] * 2 > at.out_fills(state).shape[0]:
        at.clock(state)[TIGHT] = 1


@kernel
def _await_markouts(state: State, index: int, lots: int, price: int, now_ns: int) -> None:
    order = at.venue_orders(state)[index]
    size = at.fill_ring(state).shape[0]
    place = at.fill_ring(state)[at.clock(state)[FILL_NEXT] % size]
    place.fill_ns = now_ns
    place.lane = order.lane
    place.fill_seq = at.lanes(state)[order.lane].fill_seq
    place.side = order.side
    place.price_ticks = price
    place.qty_lots = lots
    at.clock(state)[FILL_NEXT] += 1
    at.clock(state)[MARKOUT_DUE] = min(at.clock(state)[MARKOUT_DUE], now_ns + FIRST_MARKOUT_NS)
    if (at.clock(state)[FILL_NEXT] - at.clock(state)[FILL_FIRST]) * 2 > size:
        at.clock(state)[TIGHT] = 1


@kernel
def fund(state: State, lane: int, mark: int, rate: int, now_ns: int) -> None:
    """Pay or receive funding on the Venue's position; longs pay when rate (1e-8) is positive."""
    record = at.lanes(state)[lane]
    position = record.position_lots
    if position == 0:
        return
    value = ledger.notional(at.ints(state)[lane, P_KIND], at.ints(state)[lane, P_SCALE], mark, abs(position))
    payment = ledger.proportion(value, rate)
    if position < 0:
        payment = -payment
    record.cash_units -= payment
    record.funding_units += payment
    send_report(state, lane, now_ns, FUNDED, 0, 0, mark, abs(position), 0, 0, 0, payment, 0)


@kernel
def equity_units(state: State, lane: int, price: int) -> int:
    """Return the lane's equity at the Venue's mid; at price where the book has no mid."""
    record = at.lanes(state)[lane]
    bid = at.meta(state.exch)[BEST_BID]
    ask = at.meta(state.exch)[BEST_ASK]
    if bid == NO_BID or ask == NO_ASK:
        bid = price
        ask = price
    held = ledger.position_value(at.ints(state)[lane, P_KIND], at.ints(state)[lane, P_SCALE], record.position_lots, bid, ask)
    return at.ints(state)[lane, P_BALANCE] + record.cash_units - record.fee_units + held

