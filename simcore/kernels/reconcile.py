"""The order manager: sends what it takes to make a lane's live orders match the wanted quotes (docs/semantics.md section 5)."""

from __future__ import annotations

import math

from simcore.jit import kernel
from simcore.kernels import at, budget
from simcore.kernels import orders  # LINK
from simcore.kernels.book import BEST_ASK, BEST_BID, NO_ASK, NO_BID
from simcore.kernels.context import Quote, bounded
from simcore.kernels.orders_live import is_protective, live_price
from simcore.kernels.reasons import ACTION_SHIFT, MOVED, NOT_WANTED, OVER_BUDGET, PROTECTED, QUOTED, TOO_FAR, UNPROTECTED
from simcore.kernels.state import CANCELLING, IDLE, P_SLOTS, P_USE_AMEND, P_WAIT_CANCEL, State
from simcore.records import ASK, BID, MARKET, STOP_MARKET, TAKE_PROFIT_MARKET, Record


@kernel
def reconcile(state: State, lane: int, quote: Quote, mid2: int, now_ns: int) -> None:
    """Send cancels and amends of both sides, then places, then protective orders; mid2 = best bid + best ask, 0 if unknown."""
    at.lanes(state)[lane].batch_used = 0
    for side in range(2):
        _withdraw(state, lane, quote, side, mid2, now_ns)
    _unprotect(state, lane, quote, now_ns)
    for side in range(2):
        _place_missing(state, lane, quote, side, mid2, now_ns)
    if quote.stop_ticks > 0:
        _protect(state, lane, quote, STOP_MARKET, quote.stop_ticks, now_ns)
    if quote.take_profit_ticks > 0:
        _protect(state, lane, quote, TAKE_PROFIT_MARKET, quote.take_profit_ticks, now_ns)


@kernel
def is_settled(state: State, lane: int, quote: Quote, mid2: int) -> bool:
    """Return whether nothing is to be sent for a quote: it was so for the same one, and no report has come since.

    Triggers depend on the book too, so quotes with protective orders are looked at each time; so is what may be too far.
    """
    if at.lanes(state)[lane].settled == 0 or quote.stop_ticks > 0 or quote.take_profit_ticks > 0:
        return False
    last = at.quotes(state)[lane]
    if quote.far_ticks > 0.0 and (last.high_ticks * 2 - mid2 > 2.0 * quote.far_ticks or mid2 - last.low_ticks * 2 > 2.0 * quote.far_ticks):
        return False
    return (
        quote.bid_ticks == last.bid_ticks and quote.ask_ticks == last.ask_ticks
        and quote.bid_lots == last.bid_lots and quote.ask_lots == last.ask_lots
        and quote.levels == last.levels and quote.step_ticks == last.step_ticks and quote.tif == last.tif
        and quote.display_lots == last.display_lots and quote.max_batch == last.max_batch
        and quote.lots_factor == last.lots_factor
    )  # fmt: skip


@kernel
def settle(state: State, lane: int, quote: Quote, mid2: int, sent: int) -> None:
    """Keep a quote that needed no request; sent: the lane's requests before it was looked at."""
    record = at.lanes(state)[lane]
    if record.request_seq != sent:
        record.settled = 0
        return
    record.settled = 1
    last = at.quotes(state)[lane]
    last.bid_ticks = quote.bid_ticks
    last.ask_ticks = quote.ask_ticks
    last.bid_lots = quote.bid_lots
    last.ask_lots = quote.ask_lots
    last.levels = quote.levels
    last.step_ticks = quote.step_ticks
    last.tif = quote.tif
    last.display_lots = quote.display_lots
    last.max_batch = quote.max_batch
    last.lots_factor = quote.lots_factor
    last.low_ticks, last.high_ticks = _span(state, lane, quote, mid2)


@kernel
def _span(state: State, lane: int, quote: Quote, mid2: int) -> tuple[int, int]:
    """Return the lowest and the highest price of wanted quotes, live ones and the mid."""
    away = max(quote.levels - 1, 0) * quote.step_ticks
    low, high = mid2 // 2, (mid2 + 1) // 2
    if quote.bid_lots > 0:
        low, high = min(low, quote.bid_ticks - away), max(high, quote.bid_ticks)
    if quote.ask_lots > 0:
        low, high = min(low, quote.ask_ticks), max(high, quote.ask_ticks + away)
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if not is_protective(order):
            low, high = min(low, order.price_ticks), max(high, order.price_ticks)
    return low, high


@kernel
def wanted_price(quote: Quote, side: int, level: int) -> int:
    """Return the price of a wanted level, best first; 0 if the quote has no such level."""
    if level >= quote.levels:
        return 0
    if side == BID:
        return max(quote.bid_ticks - level * quote.step_ticks, 0) if quote.bid_lots > 0 else 0
    return quote.ask_ticks + level * quote.step_ticks if quote.ask_lots > 0 else 0


@kernel
def wanted_lots(quote: Quote, side: int, level: int) -> int:
    """Return the lots of a wanted level: floor(lots x lots_factor^level), at least 1."""
    lots = float(quote.bid_lots if side == BID else quote.ask_lots)
    for _ in range(level):
        lots *= quote.lots_factor
    return max(int(math.floor(bounded(lots))), 1)


@kernel
def is_wanted(quote: Quote, side: int, price: int) -> bool:
    """Return whether a price is one of the wanted levels."""
    away = quote.bid_ticks - price if side == BID else price - quote.ask_ticks
    lots = quote.bid_lots if side == BID else quote.ask_lots
    return lots > 0 and 0 <= away < quote.levels * quote.step_ticks and away % quote.step_ticks == 0


@kernel
def is_too_far(quote: Quote, mid2: int, price: int) -> bool:
    """Return whether a price is farther from the mid than the quote lets live orders be."""
    return quote.far_ticks > 0.0 and mid2 > 0 and abs(2 * price - mid2) > 2.0 * quote.far_ticks


@kernel
def has_order_at(state: State, lane: int, side: int, price: int) -> bool:
    """Return whether a live quote of the side has, or is about to have, this price."""
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.side == side and live_price(order) == price and not is_protective(order):
            return True
    return False


@kernel
def _reason(quote: Quote, action: int) -> int:
    return quote.reasons | (action << ACTION_SHIFT)


@kernel
def _may_send(state: State, lane: int, quote: Quote) -> bool:
    """Return whether this tick's batch has a place left."""
    return quote.max_batch == 0 or at.lanes(state)[lane].batch_used < quote.max_batch


@kernel
def _batched(quote: Quote) -> int:
    return 1 if quote.max_batch > 0 else 0


@kernel
def _withdraw(state: State, lane: int, quote: Quote, side: int, mid2: int, now_ns: int) -> None:
    over = budget.room_lots(state, lane, side) < 0
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.side != side or order.pending != IDLE or is_protective(order):
            continue
        far = over or is_too_far(quote, mid2, order.price_ticks)
        if (not far and is_wanted(quote, side, order.price_ticks)) or not _may_send(state, lane, quote):
            continue
        if at.ints(state)[lane, P_USE_AMEND] == 1 and not far:
            level = _free_level(state, lane, quote, side)
            if level >= 0:
                room = budget.room_lots(state, lane, side) + order.leaves_lots
                lots = min(wanted_lots(quote, side, level), room) + order.qty_lots - order.leaves_lots
                price = wanted_price(quote, side, level)
                orders.amend(state, lane, now_ns, order, price, lots, _batched(quote), _reason(quote, MOVED))
                continue
        action = OVER_BUDGET if over else TOO_FAR if far else NOT_WANTED
        orders.cancel(state, lane, now_ns, order, _batched(quote), _reason(quote, action))


@kernel
def _free_level(state: State, lane: int, quote: Quote, side: int) -> int:
    """Return the best wanted level that no live order works, -1 if all are worked."""
    for level in range(quote.levels):
        price = wanted_price(quote, side, level)
        if price > 0 and not has_order_at(state, lane, side, price):
            return level
    return -1


@kernel
def _place_missing(state: State, lane: int, quote: Quote, side: int, mid2: int, now_ns: int) -> None:
    if at.ints(state)[lane, P_WAIT_CANCEL] == 1 and _is_cancelling(state, lane, side):
        return
    for level in range(quote.levels):
        price = wanted_price(quote, side, level)
        if price == 0 or _is_full(state, lane) or not _may_send(state, lane, quote):
            break
        if not is_too_far(quote, mid2, price) and not has_order_at(state, lane, side, price):
            lots = min(wanted_lots(quote, side, level), budget.room_lots(state, lane, side))
            if lots < 1:
                break
            shown = quote.display_lots if quote.display_lots < lots else 0
            wanted = orders.Wanted(side, quote.tif, price, lots, 0, shown, 0)
            orders.place(state, lane, now_ns, wanted, _batched(quote), _reason(quote, QUOTED))


@kernel
def _protective(state: State, lane: int, tif: int) -> int:
    """Return the slot of the lane's live protective order of a kind, -1 if there is none."""
    for i in range(at.lanes(state)[lane].live_count):
        slot = at.live(state)[lane, i]
        if at.node_orders(state)[lane, slot].tif == tif:
            return slot
    return -1


@kernel
def _is_right(state: State, lane: int, quote: Quote, order: Record) -> bool:
    """Return whether a protective order is the one that the quote wants for the present position."""
    position = at.lanes(state)[lane].node_position_lots
    trigger = quote.stop_ticks if order.tif == STOP_MARKET else quote.take_profit_ticks
    side = ASK if position > 0 else BID
    return position != 0 and order.side == side and order.trigger_ticks == trigger and order.leaves_lots == abs(position)


@kernel
def _is_reached(state: State, tif: int, side: int, trigger: int) -> bool:
    """Return whether a protective order would trigger at once by the local book: an exchange refuses such a one."""
    bid, ask = at.meta(state.local)[BEST_BID], at.meta(state.local)[BEST_ASK]
    price = bid if side == ASK else ask
    if bid == NO_BID or ask == NO_ASK:
        return False
    return price <= trigger if (tif == STOP_MARKET) == (side == ASK) else price >= trigger


@kernel
def _unprotect(state: State, lane: int, quote: Quote, now_ns: int) -> None:
    """Cancel protective orders that the position or the quote has made wrong."""
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.tif >= STOP_MARKET and order.pending == IDLE and not _is_right(state, lane, quote, order):
            if _may_send(state, lane, quote):
                orders.cancel(state, lane, now_ns, order, _batched(quote), _reason(quote, UNPROTECTED))


@kernel
def _protect(state: State, lane: int, quote: Quote, tif: int, trigger: int, now_ns: int) -> None:
    """Place the protective order of a kind for the position, if there is one and none is live; at market if it is due."""
    position = at.lanes(state)[lane].node_position_lots
    if position == 0 or _is_full(state, lane) or not _may_send(state, lane, quote):
        return
    if _protective(state, lane, tif) >= 0 or _protective(state, lane, MARKET) >= 0:
        return
    side = ASK if position > 0 else BID
    wanted = orders.Wanted(side, tif, trigger, abs(position), trigger, 0, 1)
    if _is_reached(state, tif, side, trigger):
        wanted = orders.Wanted(side, MARKET, 0, abs(position), 0, 0, 1)
    orders.place(state, lane, now_ns, wanted, _batched(quote), _reason(quote, PROTECTED))


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
