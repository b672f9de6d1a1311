"""Tape rows at the Node: the local book."""

from __future__ import annotations

from simcore.jit import kernel, unsigned
from simcore.kernels import at
from simcore.kernels.book import (
    BASE,
    BEST_ASK,
    BEST_BID,
    MOVE_WANTED,
    NO_ASK,
    NO_BID,
    clear_side,
    drop_better,
    has_room,
    level_lots,
    renew_best_ask,
    renew_best_bid,
    set_far,
    set_level,
)
from simcore.kernels.feed import (
    BEST_LOCAL,
    LOCAL_KIND_MASK,
    PLAIN_LOCAL,
    TRADE_LOCAL,
    feed_latency,
)
from simcore.kernels.state import (
    CHANGED,
    FEED_LOCAL_NS,
    LOCAL_LAST,
    LOCAL_ROW,
    MOVE_BOOK,
    NEED_LOCAL,
    ORIGIN,
    REACHED,
    ROOM,
    State,
)
from simcore.records import (
    ASK,
    BEST,
    BID,
    CLEAR,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    NO_SIDE_BIT,
    SNAPSHOT,
)


@kernel
def advance_node(state: State, until_ns: int) -> int:
    """Show the Node its rows up to until_ns (since ORIGIN), inclusive; REACHED, NEED_LOCAL, ROOM or MOVE_BOOK."""
    clock = at.clock(state)
    times = at.local_ts(state.local_rows)
    until_ts = until_ns + clock[ORIGIN]
    first = clock[LOCAL_ROW]
    code = CHANGED
    while code == CHANGED:
        i = _plain_node_rows(state, until_ts)
        clock[LOCAL_ROW] = i
        if at.meta(state.local)[MOVE_WANTED] == 1:
            code = MOVE_BOOK
        elif i == times.shape[0]:
            code = REACHED if clock[LOCAL_LAST] == 1 else NEED_LOCAL
        elif times[i] > until_ts:
            code = REACHED
        elif not has_room(state.local):
            code = ROOM
        else:
            _node_row(state, i)
            clock[LOCAL_ROW] = i + 1
            if at.meta(state.local)[MOVE_WANTED] == 1:
                code = MOVE_BOOK
    clock[FEED_LOCAL_NS] = feed_latency(state.local_rows, LOCAL_BIT, first, clock[LOCAL_ROW], clock[FEED_LOCAL_NS])
    return code


@kernel
def _plain_node_rows(state: State, until_ts: int) -> int:
    """Apply level rows up to until_ts, skip trades; return the first later or other row. Compare _plain_venue_rows."""
    meta = at.meta(state.local)
    lots_at = at.lots(state.local)
    times, ev_column = at.local_ts(state.local_rows), at.ev(state.local_rows)
    prices, quantities = at.price_ticks(state.local_rows), at.qty_lots(state.local_rows)
    width = unsigned(lots_at.shape[1])
    base = meta[BASE]
    best_bid, best_ask = meta[BEST_BID], meta[BEST_ASK]
    i = at.clock(state)[LOCAL_ROW]
    count = times.shape[0]
    while i < count:
        row = unsigned(i)
        ev = ev_column[row]
        if times[row] > until_ts and ev & LOCAL_BIT:
            break
        kind = ev & LOCAL_KIND_MASK
        if kind <= PLAIN_LOCAL and kind >= LOCAL_BIT:
            price = prices[row]
            side = (ev >> 4) & 1
            column = unsigned(price - base)
            lots = quantities[row]
            if column < width:
                lots_at[side, column] = lots
            elif price >= best_bid if side == BID else price <= best_ask:
                break
            else:
                if not has_room(state.local):
                    break
                set_far(state.local, int(side), price, lots)
            if side == BID:
                if price > best_bid or (price == best_bid and lots == 0):
                    renew_best_bid(state.local, price, lots)
                    best_bid = meta[BEST_BID]
                    if meta[MOVE_WANTED] == 1:
                        return i + 1
            elif price < best_ask or (price == best_ask and lots == 0):
                renew_best_ask(state.local, price, lots)
                best_ask = meta[BEST_ASK]
                if meta[MOVE_WANTED] == 1:
                    return i + 1
        elif kind == BEST_LOCAL:
            price = prices[row]
            side = (ev >> 4) & 1
            column = unsigned(price - base)
            if price != (best_bid if side == BID else best_ask) or column >= width or quantities[row] == 0:
                break
            lots_at[side, column] = quantities[row]
        elif kind >= LOCAL_BIT and kind != TRADE_LOCAL:
            break
        i += 1
    return i


@kernel
def _node_row(state: State, i: int) -> None:
    """Apply a row of any kind to the local book."""
    book = state.local
    rows = state.local_rows
    ev = at.ev(rows)[i]
    side = int((ev >> 4) & 1)
    price = at.price_ticks(rows)[i]
    lots = at.qty_lots(rows)[i]
    kind = ev & KIND_MASK
    if kind <= SNAPSHOT:
        set_level(book, side, price, lots)
    elif kind == BEST:
        drop_better(book, side, price)
        set_level(book, side, price, lots)
    elif kind == CLEAR:
        if ev & NO_SIDE_BIT:
            clear_side(book, BID, NO_BID if lots == 0 else price)
            clear_side(book, ASK, NO_ASK if lots == 0 else price)
        elif side == BID:
            clear_side(book, BID, NO_BID if lots == 0 else price)
        else:
            clear_side(book, ASK, NO_ASK if lots == 0 else price)
    elif kind == L3_ADD:
        set_level(book, side, price, level_lots(book, side, price) + lots)
    elif kind == L3_REDUCE or kind == L3_EXEC:
        set_level(book, side, price, max(level_lots(book, side, price) - lots, 0))
