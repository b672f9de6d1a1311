"""Tape rows at the Venue and at the Node: the two loops that see every row."""

from __future__ import annotations

from simcore.jit import inlined, kernel
from simcore.kernels import account, at
from simcore.kernels import resting  # LINK
from simcore.kernels.book import (
    BASE,
    BEST_ASK,
    BEST_BID,
    MOVE_WANTED,
    NO_ASK,
    NO_BID,
    clear_side,
    has_room,
    level_lots,
    set_level,
)
from simcore.kernels.l3 import add_order, find_order, l3_has_room, remove_order
from simcore.kernels.state import (
    CHANGED,
    EXCH_LAST,
    EXCH_ROW,
    FEED_EXCH_NS,
    FEED_LOCAL_NS,
    IS_L3,
    LOCAL_LAST,
    LOCAL_ROW,
    MOVE_BOOK,
    NEED_EXCH,
    NEED_LOCAL,
    ORIGIN,
    OWN_BEST_ASK,
    OWN_BEST_BID,
    OWN_COUNT,
    PRIORITY,
    REACHED,
    ROOM,
    TAKEN_COUNT,
    TIGHT,
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
    LOCAL_BIT,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
)


set_level_here = inlined(set_level)


@kernel
def advance_venue(state: State, until_ns: int) -> int:
    """Show the Venue its rows up to until_ns (since ORIGIN), inclusive.

    REACHED: all done. CHANGED: a row made something happen that may come before until_ns. NEED_EXCH: the chunk
    is used up. MOVE_BOOK, ROOM: Python must move the window or make room first.
    """
    clock = at.clock(state)
    meta = at.meta(state.exch)
    exch_ts, ev_column = at.exch_ts(state.exch_rows), at.ev(state.exch_rows)
    prices, quantities = at.price_ticks(state.exch_rows), at.qty_lots(state.exch_rows)
    until_ts = until_ns + clock[ORIGIN]
    own_count = clock[OWN_COUNT], clock[OWN_COUNT + 1]
    own_bid, own_ask = clock[OWN_BEST_BID], clock[OWN_BEST_ASK]
    any_taken = clock[TAKEN_COUNT] > 0
    heads = at.heads(state)
    base = meta[BASE]
    width = heads.shape[1]
    i = clock[EXCH_ROW]
    count = exch_ts.shape[0]
    seen = -1
    code = REACHED
    while i < count:
        ev = ev_column[i]
        if ev & EXCH_BIT == 0:
            i += 1
            continue
        if exch_ts[i] > until_ts:
            break
        kind = ev & KIND_MASK
        if kind <= SNAPSHOT:
            side = int((ev >> 4) & 1)
            price = prices[i]
            lots = quantities[i]
            column = price - base
            outside = column < 0 or column >= width
            if outside and not has_room(state.exch):
                code = ROOM
                break
            previous = set_level_here(state.exch, side, price, lots)
            seen = i
            i += 1
            if own_count[side] > 0 and (outside or heads[side, column] != 0):
                resting.level_changed(state, side, price, previous, lots)
            if any_taken:
                resting.refresh(state, side, price, price)
            if ((side == BID and price >= own_ask) or (side == ASK and price <= own_bid)) and lots > 0:
                clock[FEED_EXCH_NS] = at.local_ts(state.exch_rows)[seen] - exch_ts[seen]
                resting.crossed(state, side, price, lots, exch_ts[seen] - clock[ORIGIN])
                code = CHANGED
                break
            if meta[MOVE_WANTED] == 1:
                break
        elif kind == TRADE and not _may_trade(state, prices[i], ev):
            seen = i
            i += 1
        else:
            if not (has_room(state.exch) and l3_has_room(state)):
                code = ROOM
                break
            clock[FEED_EXCH_NS] = at.local_ts(state.exch_rows)[i] - exch_ts[i]
            _rare_row(state, i, kind, exch_ts[i] - clock[ORIGIN])
            seen = i
            i += 1
            code = CHANGED
            break
    if seen >= 0:
        clock[FEED_EXCH_NS] = at.local_ts(state.exch_rows)[seen] - exch_ts[seen]
    clock[EXCH_ROW] = i
    if meta[MOVE_WANTED] == 1:
        return MOVE_BOOK
    if clock[TIGHT] == 1:
        return ROOM
    if code == REACHED and i >= count and clock[EXCH_LAST] == 0:
        return NEED_EXCH
    return code


@kernel
def _may_trade(state: State, price: int, ev: int) -> bool:
    """Return whether a TRADE row can reach an own order: at or through the best own price of the hit side."""
    clock = at.clock(state)
    if clock[IS_L3] == 1:
        return False
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
            _clear(state, BID, 0, 0)
            _clear(state, ASK, 0, 0)
        else:
            _clear(state, side, price, lots)
    elif kind == FUNDING:
        for lane in range(at.lanes(state).shape[0]):
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
            resting.refresh(state, side, bound, NO_ASK)
        else:
            resting.refresh(state, side, NO_BID, bound)


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
        resting.refresh(state, side, best, best)
    previous = set_level(state.exch, side, price, lots)
    resting.level_changed(state, side, price, previous, lots)
    resting.refresh(state, side, price, price)
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
        resting.refresh(state, side, price, price)
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
    resting.refresh(state, side, price, price)


@kernel
def advance_node(state: State, until_ns: int) -> int:
    """Show the Node its rows up to until_ns (since ORIGIN), inclusive; REACHED, NEED_LOCAL, ROOM or MOVE_BOOK."""
    clock = at.clock(state)
    meta = at.meta(state.local)
    local_ts, ev_column = at.local_ts(state.local_rows), at.ev(state.local_rows)
    prices, quantities = at.price_ticks(state.local_rows), at.qty_lots(state.local_rows)
    base = meta[BASE]
    width = at.lots(state.local).shape[1]
    until_ts = until_ns + clock[ORIGIN]
    i = clock[LOCAL_ROW]
    count = local_ts.shape[0]
    seen = -1
    code = REACHED
    while i < count:
        ev = ev_column[i]
        if ev & LOCAL_BIT == 0:
            i += 1
            continue
        if local_ts[i] > until_ts:
            break
        kind = ev & KIND_MASK
        if kind != TRADE:
            column = prices[i] - base
            if (column < 0 or column >= width) and not has_room(state.local):
                code = ROOM
                break
            if kind <= SNAPSHOT:
                set_level_here(state.local, int((ev >> 4) & 1), prices[i], quantities[i])
            else:
                _node_row(state, i, kind)
        seen = i
        i += 1
        if meta[MOVE_WANTED] == 1:
            code = MOVE_BOOK
            break
    if seen >= 0:
        clock[FEED_LOCAL_NS] = local_ts[seen] - at.exch_ts(state.local_rows)[seen]
    clock[LOCAL_ROW] = i
    if code == REACHED and i >= count and clock[LOCAL_LAST] == 0:
        return NEED_LOCAL
    return code


@kernel
def _node_row(state: State, i: int, kind: int) -> None:
    """Apply a rarer kind of row to the local book."""
    book = state.local
    rows = state.local_rows
    ev = at.ev(rows)[i]
    side = (ev >> 4) & 1
    price = at.price_ticks(rows)[i]
    lots = at.qty_lots(rows)[i]
    if kind == BEST:
        if side == BID and at.meta(book)[BEST_BID] > price:
            clear_side(book, BID, price + 1)
        elif side == ASK and at.meta(book)[BEST_ASK] < price:
            clear_side(book, ASK, price - 1)
        set_level(book, side, price, lots)
    elif kind == CLEAR:
        if ev & NO_SIDE_BIT:
            clear_side(book, BID, NO_BID)
            clear_side(book, ASK, NO_ASK)
        elif side == BID:
            clear_side(book, BID, NO_BID if lots == 0 else price)
        else:
            clear_side(book, ASK, NO_ASK if lots == 0 else price)
    elif kind == L3_ADD:
        set_level(book, side, price, level_lots(book, side, price) + lots)
    elif kind == L3_REDUCE or kind == L3_EXEC:
        set_level(book, side, price, max(level_lots(book, side, price) - lots, 0))
