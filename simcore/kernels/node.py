"""Tape rows at the Node: the local book."""

from __future__ import annotations

from simcore.jit import inlined, kernel, unsigned
from simcore.kernels import at
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
    drop_better,
    has_room,
    level_in_window,
    level_lots,
    quote_in_window,
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
    USES_FEED,
    State,
)
from simcore.records import (
    ASK,
    ASK_BIT,
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
    IntArray,
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
        if i == times.shape[0]:
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
    if clock[USES_FEED] == 1:
        clock[FEED_LOCAL_NS] = feed_latency(state.local_rows, LOCAL_BIT, first, clock[LOCAL_ROW], clock[FEED_LOCAL_NS])
    return code


@kernel
def _plain_node_rows(state: State, until_ts: int) -> int:
    """Apply level rows and best quotes up to until_ts; return the first later or other row, or their number.

    Compare _plain_venue_rows.
    """
    meta = at.meta(state.local)
    bids, asks = at.lots(state.local)[BID], at.lots(state.local)[ASK]
    times, ev_column = at.local_ts(state.local_rows), at.ev(state.local_rows)
    prices, quantities = at.price_ticks(state.local_rows), at.qty_lots(state.local_rows)
    width = unsigned(bids.shape[0])
    base, sum_lo, sum_hi = meta[BASE], meta[SUM_LO], meta[SUM_HI]
    best_bid, best_ask = meta[BEST_BID], meta[BEST_ASK]
    i = at.clock(state)[LOCAL_ROW]
    count = times.shape[0]
    while i < count:
        i = _store_lots(times, ev_column, prices, quantities, bids, asks, i, until_ts, base, best_bid, best_ask)
        if i == count:
            break
        row = unsigned(i)
        ev = ev_column[row]
        if times[row] > until_ts and ev & LOCAL_BIT:
            break
        kind = ev & LOCAL_KIND_MASK
        price, lots = prices[row], quantities[row]
        column = unsigned(price - base)
        ask = ev & ASK_BIT != 0
        if kind <= PLAIN_LOCAL and kind >= LOCAL_BIT:
            if column >= width:
                if (price <= best_ask if ask else price >= best_bid) or not has_room(state.local):
                    break
                set_far(state.local, ASK if ask else BID, price, lots)
            else:
                done, best_bid, best_ask = level_in_window(
                    bids, asks, base, sum_lo, sum_hi, best_bid, best_ask, ask, price, lots
                )
                if not done:
                    break
        elif kind == BEST_LOCAL:
            if column >= width or lots == 0:
                break
            done, best_bid, best_ask = quote_in_window(
                bids, asks, base, sum_lo, sum_hi, best_bid, best_ask, ask, price, lots
            )
            if not done:
                break
        elif kind >= LOCAL_BIT and kind != TRADE_LOCAL:
            break
        i += 1
    meta[BEST_BID], meta[BEST_ASK] = best_bid, best_ask
    return i


@inlined
def _store_lots(
    times: IntArray, ev_column: IntArray, prices: IntArray, quantities: IntArray, bids: IntArray, asks: IntArray,
    i: int, until_ts: int, base: int, best_bid: int, best_ask: int,
) -> int:  # fmt: skip
    """Apply rows from i on that change lots in the window but no best price; return the first other or later row.

    Nearly all rows do no more. A loop with nothing else keeps what it needs in registers.
    """
    count = times.shape[0]
    width = unsigned(bids.shape[0])
    while i < count:
        row = unsigned(i)
        ev = ev_column[row]
        if times[row] > until_ts:
            break
        kind = ev & LOCAL_KIND_MASK
        price, lots = prices[row], quantities[row]
        column = unsigned(price - base)
        if kind <= PLAIN_LOCAL and kind >= LOCAL_BIT:
            if column >= width:
                break
            if ev & ASK_BIT:
                if price <= best_ask and (price < best_ask or lots == 0):
                    break
                asks[column] = lots
            else:
                if price >= best_bid and (price > best_bid or lots == 0):
                    break
                bids[column] = lots
        elif kind == BEST_LOCAL:
            if price != (best_ask if ev & ASK_BIT else best_bid) or lots == 0 or column >= width:
                break
            if ev & ASK_BIT:
                asks[column] = lots
            else:
                bids[column] = lots
        elif kind != TRADE_LOCAL:
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
