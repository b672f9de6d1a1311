"""Tape rows at the Venue: the exchange book, and what rows do to own orders."""

from __future__ import annotations

from simcore.jit import inlined, kernel, unsigned
from simcore.kernels import account, at, taken, triggers, work
from simcore.kernels import resting  # LINK
from simcore.kernels.book import (
    BASE,
    BEST_ASK,
    BEST_BID,
    MOVE_WANTED,
    NO_ASK,
    NO_BID,
    SUM_HI,
    SUM_LO,
    clear_side,
    has_room,
    level_in_window,
    level_lots,
    quote_in_window,
    set_far,
    set_level,
)
from simcore.kernels.feed import BEST_EXCH, EXCH_KIND_MASK, PLAIN_EXCH, TRADE_EXCH, feed_latency
from simcore.kernels.l3 import add_order, find_order, forget_orders, l3_has_room, remove_order
from simcore.kernels.state import (
    CHANGED,
    EXCH_LAST,
    EXCH_ROW,
    FEED_EXCH_NS,
    FILL_FIRST,
    FILL_NEXT,
    FIRED,
    FIRED_NS,
    FIRED_TICKS,
    IS_L3,
    MOVE_BOOK,
    NEED_EXCH,
    ORIGIN,
    OWN_BEST_ASK,
    OWN_BEST_BID,
    OWN_COUNT,
    OWN_WORST_ASK,
    OWN_WORST_BID,
    P_FUNDING_NS,
    PRIORITY,
    REACHED,
    REFILL_FIRST,
    ROOM,
    TAKEN_COUNT,
    TAKEN_WORST_ASK,
    TAKEN_WORST_BID,
    TIGHT,
    TRIGGER_HI,
    TRIGGER_LO,
    TRIGGERS_CHANGED,
    USES_FEED,
    WANTED_FILLS,
    WANTED_LEVELS,
    YIELDED,
    State,
)
from simcore.records import (
    ASK,
    ASK_BIT,
    BEST,
    BID,
    CLEAR,
    EXCH_BIT,
    FUNDING,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
    IntArray,
)


@kernel
def advance_venue(state: State, until_ns: int) -> int:
    """Show the Venue its rows up to until_ns (since ORIGIN), inclusive.

    REACHED: all done. CHANGED: a row made something happen that may come before until_ns. NEED_EXCH: the chunk
    is used up. MOVE_BOOK, ROOM: Python must move the window or make room first. YIELDED: that was work enough.
    """
    clock = at.clock(state)
    times = at.exch_ts(state.exch_rows)
    until_ts = until_ns + clock[ORIGIN]
    if clock[TRIGGERS_CHANGED] == 1:
        triggers.renew(state)
    first = clock[EXCH_ROW]
    code = REACHED
    slow = 0
    while code == REACHED:
        stop = min(clock[EXCH_ROW] + work.PLAIN_ROWS, times.shape[0])
        i = _plain_venue_rows(state, until_ts, stop)
        clock[EXCH_ROW] = i
        if i == times.shape[0]:
            triggers.keep_last_trade(state)
            code = REACHED if clock[EXCH_LAST] == 1 else NEED_EXCH
            break
        elif i == stop:
            code = REACHED if work.spend(state, work.PLAIN_UNITS) else YIELDED
        elif times[i] > until_ts:
            break
        else:
            code = _venue_row(state, i)
            slow += 1
            if slow % work.SLOW_ROWS == 0 and not work.spend(state, work.SLOW_ROWS) and code == REACHED:
                code = YIELDED
    if clock[USES_FEED] == 1:
        clock[FEED_EXCH_NS] = feed_latency(state.exch_rows, EXCH_BIT, first, clock[EXCH_ROW], clock[FEED_EXCH_NS])
    return code


@inlined
def _reach(state: State) -> tuple[int, int, bool]:
    """Return the worst bid and ask that a row may concern an own order or a taken level at, and whether any are outside the window."""
    clock = at.clock(state)
    bid = min(min(clock[OWN_BEST_ASK], clock[OWN_WORST_BID]), clock[TAKEN_WORST_BID])
    ask = max(max(clock[OWN_BEST_BID], clock[OWN_WORST_ASK]), clock[TAKEN_WORST_ASK])
    far, taken_far = at.far_heads(state), at.taken_far(state)
    return bid, ask, far[BID] + far[ASK] + taken_far[BID] + taken_far[ASK] != 0


@kernel
def _plain_venue_rows(state: State, until_ts: int, count: int) -> int:
    """Apply rows up to until_ts, and before row count, that concern neither an own order nor a level that we took from.

    Returns the first row that is later or concerns one, or count.
    """
    clock = at.clock(state)
    meta = at.meta(state.exch)
    bids, asks = at.lots(state.exch)[BID], at.lots(state.exch)[ASK]
    own_bids, own_asks = at.heads(state)[BID], at.heads(state)[ASK]
    times, ev_column = at.exch_ts(state.exch_rows), at.ev(state.exch_rows)
    prices, quantities = at.price_ticks(state.exch_rows), at.qty_lots(state.exch_rows)
    width = unsigned(bids.shape[0])
    base, sum_lo, sum_hi = meta[BASE], meta[SUM_LO], meta[SUM_HI]
    own_bid, own_ask = clock[OWN_BEST_BID], clock[OWN_BEST_ASK]
    trade_lo, trade_hi = max(own_bid, clock[TRIGGER_LO]), min(own_ask, clock[TRIGGER_HI])
    best_bid, best_ask = meta[BEST_BID], meta[BEST_ASK]
    reach_bid, reach_ask, any_far = _reach(state)
    taken_bids, taken_asks, any_taken = at.taken_heads(state)[BID], at.taken_heads(state)[ASK], clock[TAKEN_COUNT] > 0
    i = clock[EXCH_ROW]
    while i < count:
        if not any_taken:
            i = _store_lots(
                times, ev_column, prices, quantities, bids, asks, own_bids, own_asks, i, count, until_ts, base,
                best_bid, best_ask, min(best_bid, reach_bid), max(best_ask, reach_ask), own_bid, own_ask,
                trade_lo, trade_hi,
            )  # fmt: skip
            if i == count:
                break
        row = unsigned(i)
        ev = ev_column[row]
        if times[row] > until_ts and ev & EXCH_BIT:
            break
        kind = ev & EXCH_KIND_MASK
        price, lots = prices[row], quantities[row]
        column = unsigned(price - base)
        ask = ev & ASK_BIT != 0
        if kind <= PLAIN_EXCH and kind >= EXCH_BIT:
            near = price <= max(best_ask, reach_ask) if ask else price >= min(best_bid, reach_bid)
            if column >= width:
                if near or any_far or not has_room(state.exch):
                    break
                set_far(state.exch, ASK if ask else BID, price, lots)
            else:
                if near and (own_asks[column] if ask else own_bids[column]) != 0:
                    break
                if near and any_taken and (taken_asks[column] if ask else taken_bids[column]) != 0:
                    break
                if lots > 0 and (price <= own_bid if ask else price >= own_ask):
                    break
                done, best_bid, best_ask = level_in_window(
                    bids, asks, base, sum_lo, sum_hi, best_bid, best_ask, ask, price, lots
                )
                if not done:
                    break
        elif kind == BEST_EXCH:
            if column >= width or lots == 0 or (own_asks[column] if ask else own_bids[column]) != 0:
                break
            if any_taken and (price != (best_ask if ask else best_bid) or (taken_asks[column] if ask else taken_bids[column]) != 0):
                break
            if price <= own_bid or price > own_ask if ask else price >= own_ask or price < own_bid:
                break
            done, best_bid, best_ask = quote_in_window(
                bids, asks, base, sum_lo, sum_hi, best_bid, best_ask, ask, price, lots
            )
            if not done:
                break
        elif kind >= EXCH_BIT and (kind != TRADE_EXCH or ev & NO_SIDE_BIT or price <= trade_lo or price >= trade_hi):
            break
        i += 1
    meta[BEST_BID], meta[BEST_ASK] = best_bid, best_ask
    return i


@inlined
def _store_lots(
    times: IntArray, ev_column: IntArray, prices: IntArray, quantities: IntArray, bids: IntArray, asks: IntArray,
    own_bids: IntArray, own_asks: IntArray, i: int, count: int, until_ts: int, base: int, best_bid: int, best_ask: int,
    near_bid: int, near_ask: int, own_bid: int, own_ask: int, trade_lo: int, trade_hi: int,
) -> int:  # fmt: skip
    """Apply rows from i on that change lots in the window, but no best price nor a level with own orders.

    Returns the first other or later row, or count. Trades out of reach of own orders and triggers pass. Nearly all rows
    do no more: what is far from the best prices and own orders takes the shortest way, and a loop with nothing else
    keeps what it needs in registers.
    """
    width = unsigned(bids.shape[0])
    while i < count:
        row = unsigned(i)
        ev = ev_column[row]
        if times[row] > until_ts:
            break
        kind = ev & EXCH_KIND_MASK
        price, lots = prices[row], quantities[row]
        column = unsigned(price - base)
        if kind <= PLAIN_EXCH and kind >= EXCH_BIT:
            if column >= width:
                break
            if ev & ASK_BIT:
                if price <= near_ask and (
                    own_asks[column] != 0 or price < best_ask or (price == best_ask and lots == 0) or price <= own_bid
                ):
                    break
                asks[column] = lots
            else:
                if price >= near_bid and (
                    own_bids[column] != 0 or price > best_bid or (price == best_bid and lots == 0) or price >= own_ask
                ):
                    break
                bids[column] = lots
        elif kind == BEST_EXCH:
            if lots == 0 or column >= width:
                break
            if ev & ASK_BIT:
                if price != best_ask or own_asks[column] != 0 or price <= own_bid:
                    break
                asks[column] = lots
            else:
                if price != best_bid or own_bids[column] != 0 or price >= own_ask:
                    break
                bids[column] = lots
        elif kind != TRADE_EXCH or ev & NO_SIDE_BIT or price <= trade_lo or price >= trade_hi:
            break
        i += 1
    return i


@kernel
def _venue_row(state: State, i: int) -> int:
    """Apply row i with all that may follow from it, and move on; REACHED if nothing did."""
    clock = at.clock(state)
    rows = state.exch_rows
    ev = at.ev(rows)[i]
    kind = ev & KIND_MASK
    price = at.price_ticks(rows)[i]
    if not (has_room(state.exch) and l3_has_room(state) and _row_fits(state)):
        return ROOM
    clock[EXCH_ROW] = i + 1
    if ev & EXCH_BIT == 0 or (kind == TRADE and not _may_trade(state, price, ev)):
        return REACHED
    now_ns = at.exch_ts(rows)[i] - clock[ORIGIN]
    if clock[USES_FEED] == 1:
        clock[FEED_EXCH_NS] = at.local_ts(rows)[i] - at.exch_ts(rows)[i]
    account.note_book(state)
    code = REACHED
    side = int((ev >> 4) & 1)
    lots = at.qty_lots(rows)[i]
    if kind <= SNAPSHOT or (kind == BEST and lots > 0 and _is_no_worse(state, side, price)):
        previous = set_level(state.exch, side, price, lots)
        if clock[OWN_COUNT + side] > 0:
            resting.level_changed(state, side, price, previous, lots)
        taken.refresh_level(state, side, price)
        if lots > 0 and (price >= clock[OWN_BEST_ASK] if side == BID else price <= clock[OWN_BEST_BID]):
            resting.crossed(state, side, price, lots, now_ns)
            code = CHANGED
    else:
        _rare_row(state, i, kind, now_ns)
        code = CHANGED
    if clock[REFILL_FIRST] != 0:
        resting.refill(state)
    if (kind == TRADE or kind == L3_EXEC) and (price <= clock[TRIGGER_LO] or price >= clock[TRIGGER_HI]):
        clock[FIRED], clock[FIRED_TICKS], clock[FIRED_NS] = 1, price, now_ns
    return _after_row(state, code)


@kernel
def _row_fits(state: State) -> bool:
    """Return whether the tables that lanes share can hold a fill of every resting order, and what each takes from a level."""
    clock = at.clock(state)
    orders = clock[OWN_COUNT] + clock[OWN_COUNT + 1]
    if (
        at.taken(state).shape[0] - clock[TAKEN_COUNT] >= orders
        and at.fill_ring(state).shape[0] - (clock[FILL_NEXT] - clock[FILL_FIRST]) >= orders
    ):
        return True
    clock[WANTED_FILLS] = clock[WANTED_LEVELS] = orders
    return False


@kernel
def _is_no_worse(state: State, side: int, price: int) -> bool:
    """Return whether a price is at or beyond the best of its side: a best quote there removes no level."""
    if side == BID:
        return price >= at.meta(state.exch)[BEST_BID]
    return price <= at.meta(state.exch)[BEST_ASK]


@kernel
def _after_row(state: State, code: int) -> int:
    """Return the reason to stop: what Python must do first, else the given one."""
    if at.meta(state.exch)[MOVE_WANTED] == 1:
        return MOVE_BOOK
    if at.clock(state)[TIGHT] == 1:
        return ROOM
    return code


@kernel
def _may_trade(state: State, price: int, ev: int) -> bool:
    """Return whether a TRADE row can reach an own order, at or through the best own price of the hit side, or a trigger."""
    clock = at.clock(state)
    if clock[IS_L3] == 1:
        return False
    if price <= clock[TRIGGER_LO] or price >= clock[TRIGGER_HI]:
        return True
    if ev & NO_SIDE_BIT:
        return price <= clock[OWN_BEST_BID] or price >= clock[OWN_BEST_ASK]
    if ev & ASK_BIT:
        return price <= clock[OWN_BEST_BID]
    return price >= clock[OWN_BEST_ASK]


@kernel
def _rare_row(state: State, i: int, kind: int, now_ns: int) -> None:
    rows = state.exch_rows
    ev = at.ev(rows)[i]
    side = (ev >> 4) & 1
    price = at.price_ticks(rows)[i]
    lots = at.qty_lots(rows)[i]
    if kind == TRADE:
        hit = ASK if side == BID else BID
        if ev & NO_SIDE_BIT:
            if price <= at.meta(state.exch)[BEST_BID]:
                hit = BID
            elif price >= at.meta(state.exch)[BEST_ASK]:
                hit = ASK
            else:
                return
        resting.traded(state, hit, price, lots, level_lots(state.exch, hit, price), -1, now_ns)
    elif kind == BEST:
        _best_row(state, side, price, lots, now_ns)
    elif kind == CLEAR:
        if ev & NO_SIDE_BIT:
            _clear(state, BID, price, lots)
            _clear(state, ASK, price, lots)
            if lots == 0:
                forget_orders(state)
        else:
            _clear(state, side, price, lots)
    elif kind == FUNDING:
        for lane in range(at.lanes(state).shape[0]):
            if at.ints(state)[lane, P_FUNDING_NS] == 0:
                account.fund(state, lane, price, lots, now_ns)
    elif kind == L3_ADD or kind == L3_REDUCE or kind == L3_EXEC:
        _l3_row(state, kind, side, price, lots, at.order_id(rows)[i], now_ns)


@kernel
def _clear(state: State, side: int, price: int, lots: int) -> None:
    everything = NO_BID if side == BID else NO_ASK
    bound = everything if lots == 0 else price
    clear_side(state.exch, side, bound)
    if at.clock(state)[TAKEN_COUNT] > 0:
        if side == BID:
            taken.refresh(state, side, bound, NO_ASK)
        else:
            taken.refresh(state, side, NO_BID, bound)


@kernel
def _best_row(state: State, side: int, price: int, lots: int, now_ns: int) -> None:
    """A best quote: better levels go to 0 one by one, so that queues there see it; then the level is set."""
    while True:
        best = at.meta(state.exch)[BEST_BID] if side == BID else at.meta(state.exch)[BEST_ASK]
        better = best > price if side == BID else best < price
        if not better:
            break
        previous = set_level(state.exch, side, best, 0)
        resting.level_changed(state, side, best, previous, 0)
        taken.refresh_level(state, side, best)
    previous = set_level(state.exch, side, price, lots)
    resting.level_changed(state, side, price, previous, lots)
    taken.refresh_level(state, side, price)
    if lots > 0:
        resting.crossed(state, side, price, lots, now_ns)


@kernel
def _l3_row(
    state: State, kind: int, side: int, price: int, lots: int, order_id: int, now_ns: int
) -> None:
    previous = level_lots(state.exch, side, price)
    if kind == L3_ADD:
        at.clock(state)[PRIORITY] += 1
        add_order(state, order_id, lots)
        set_level(state.exch, side, price, previous + lots)
        resting.level_changed(state, side, price, previous, previous + lots)
        taken.refresh_level(state, side, price)
        resting.crossed(state, side, price, lots, now_ns)
        return
    found = find_order(state, order_id)
    priority = at.l3(state)[found].priority if found >= 0 else 0
    new = max(previous - lots, 0)
    if kind == L3_EXEC:
        resting.traded(state, side, price, lots, previous, priority, now_ns)
    else:
        resting.order_reduced(state, side, price, lots, priority)
    if found >= 0:
        at.l3(state)[found].leaves_lots -= lots
        if at.l3(state)[found].leaves_lots <= 0:
            remove_order(state, found)
    set_level(state.exch, side, price, new)
    resting.level_changed(state, side, price, previous, new)
    taken.refresh_level(state, side, price)
