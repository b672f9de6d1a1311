"""Stop and take-profit orders that wait at the Venue for a trade at their trigger price (docs/semantics.md 4.7).

A waiting order is NEW and keeps its type; one that has fired is a MARKET or a GTC order.
"""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.book import NO_ASK, NO_BID
from simcore.kernels.feed import EXCH_KIND_MASK
from simcore.kernels.state import EXCH_ROW, IS_L3, LAST_TRADE, TRIGGER_HI, TRIGGER_LO, TRIGGERS_CHANGED, State
from simcore.records import BID, EXCH_BIT, L3_EXEC, NEW, STOP_LIMIT, STOP_MARKET, TAKE_PROFIT_MARKET, TRADE, Record


@kernel
def is_conditional(tif: int) -> bool:
    """Return whether an order of this type waits for a trigger price."""
    return tif >= STOP_MARKET


@kernel
def is_at_market(tif: int) -> bool:
    """Return whether a conditional order becomes a market order: else it has a limit."""
    return tif == STOP_MARKET or tif == TAKE_PROFIT_MARKET


@kernel
def waits(order: Record) -> bool:
    """Return whether an order waits for its trigger."""
    return order.state == NEW and is_conditional(order.tif)


@kernel
def fires_upwards(tif: int, side: int) -> bool:
    """Return whether trades at the trigger or above fire the order: stops that buy, take-profits that sell."""
    return (side == BID) == (tif == STOP_MARKET or tif == STOP_LIMIT)


@kernel
def is_reached(tif: int, side: int, trigger: int, price: int) -> bool:
    """Return whether a trade at price fires an order."""
    return price >= trigger if fires_upwards(tif, side) else price <= trigger


@kernel
def renew(state: State) -> None:
    """Set the prices up to which, and from which on, a trade fires an order: what the loop over rows compares."""
    lo = NO_BID
    hi = NO_ASK
    slots = at.node_orders(state).shape[1]
    for lane in range(at.lanes(state).shape[0]):
        if at.lanes(state)[lane].waiting_orders == 0:
            continue
        for index in range(lane * slots, lane * slots + slots):
            order = at.venue_orders(state)[index]
            if waits(order):
                if fires_upwards(order.tif, order.side):
                    hi = min(hi, order.trigger_ticks)
                else:
                    lo = max(lo, order.trigger_ticks)
    at.clock(state)[TRIGGER_LO] = lo
    at.clock(state)[TRIGGER_HI] = hi
    at.clock(state)[TRIGGERS_CHANGED] = 0


@kernel
def next_fired(state: State, price: int) -> int:
    """Return the index of the first order, by lane and place time, that a trade at price fires; -1 if there is none."""
    slots = at.node_orders(state).shape[1]
    for lane in range(at.lanes(state).shape[0]):
        if at.lanes(state)[lane].waiting_orders == 0:
            continue
        found = -1
        for index in range(lane * slots, lane * slots + slots):
            order = at.venue_orders(state)[index]
            if waits(order) and is_reached(order.tif, order.side, order.trigger_ticks, price):
                if found < 0 or order.order_id < at.venue_orders(state)[found].order_id:
                    found = index
        if found >= 0:
            return found
    return -1


@kernel
def last_trade(state: State) -> int:
    """Return the price of the last trade that the Venue has seen, NO_PRICE if there was none.

    Looking back when an order comes is cheaper than noting each trade: few rows lie between.
    """
    wanted = EXCH_BIT | (L3_EXEC if at.clock(state)[IS_L3] == 1 else TRADE)
    i = min(at.clock(state)[EXCH_ROW], at.ev(state.exch_rows).shape[0]) - 1
    while i >= 0:
        if at.ev(state.exch_rows)[i] & EXCH_KIND_MASK == wanted:
            return at.price_ticks(state.exch_rows)[i]
        i -= 1
    return at.clock(state)[LAST_TRADE]


@kernel
def keep_last_trade(state: State) -> None:
    """Note the last trade before the exchange's chunk is left."""
    at.clock(state)[LAST_TRADE] = last_trade(state)
