"""Tape rows at the Node: the local book."""

from __future__ import annotations

from simcore.jit import inlined, kernel, unsigned
from simcore.kernels import at, own_queue, work
from simcore.kernels import chain  # LINK
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
    GAPS,
    IS_L3,
    LAST_LOCAL_EXCH_TS,
    LAST_LOCAL_TS,
    LOCAL_LAST,
    LOCAL_ROW,
    MOVE_BOOK,
    NEED_LOCAL,
    NODE_BEST_ASK,
    NODE_BEST_BID,
    NODE_FAR,
    NODE_WORST_ASK,
    NODE_WORST_BID,
    ORIGIN,
    REACHED,
    ROOM,
    USES_FEED,
    YIELDED,
    State,
)
from simcore.records import (
    ASK,
    ASK_BIT,
    BEST,
    BID,
    CLEAR,
    GAP,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
    IntArray,
)


@kernel
def advance_node(state: State, until_ns: int) -> int:
    """Show the Node its rows up to until_ns (since ORIGIN), inclusive; REACHED, NEED_LOCAL, ROOM, MOVE_BOOK or YIELDED."""
    clock = at.clock(state)
    times = at.local_ts(state.local_rows)
    until_ts = until_ns + clock[ORIGIN]
    first = clock[LOCAL_ROW]
    code = CHANGED
    slow = 0
    while code == CHANGED:
        stop = min(clock[LOCAL_ROW] + work.PLAIN_ROWS, times.shape[0])
        i = _plain_node_rows(state, until_ts, stop)
        clock[LOCAL_ROW] = i
        if i == times.shape[0]:
            code = REACHED if clock[LOCAL_LAST] == 1 else NEED_LOCAL
        elif i == stop:
            code = CHANGED if work.spend(state, work.PLAIN_UNITS) else YIELDED
        elif times[i] > until_ts:
            code = REACHED
        elif not has_room(state.local):
            code = ROOM
        else:
            _node_row(state, i)
            clock[LOCAL_ROW] = i + 1
            if at.meta(state.local)[MOVE_WANTED] == 1:
                code = MOVE_BOOK
            slow += 1
            if code == CHANGED and slow % work.SLOW_ROWS == 0 and not work.spend(state, work.SLOW_ROWS):
                code = YIELDED
    if clock[USES_FEED] == 1:
        clock[FEED_LOCAL_NS] = feed_latency(state.local_rows, LOCAL_BIT, first, clock[LOCAL_ROW], clock[FEED_LOCAL_NS])
    if chain.USES_FEED:
        _note_last_row(state, first)
    return code


@kernel
def _note_last_row(state: State, first: int) -> None:
    """Keep both times of the last row that the Node has seen, if any was in [first, LOCAL_ROW)."""
    i = at.clock(state)[LOCAL_ROW] - 1
    while i >= first and at.ev(state.local_rows)[i] & LOCAL_BIT == 0:
        i -= 1
    if i >= first:
        at.clock(state)[LAST_LOCAL_TS] = at.local_ts(state.local_rows)[i]
        at.clock(state)[LAST_LOCAL_EXCH_TS] = at.exch_ts(state.local_rows)[i]


@kernel
def _plain_node_rows(state: State, until_ts: int, count: int) -> int:
    """Apply level rows and best quotes up to until_ts, and before row count; return the first later or other row, or count.

    Rows that concern an order that the Node follows are others. Compare _plain_venue_rows.
    """
    clock = at.clock(state)
    meta = at.meta(state.local)
    bids, asks = at.lots(state.local)[BID], at.lots(state.local)[ASK]
    times, ev_column = at.local_ts(state.local_rows), at.ev(state.local_rows)
    prices, quantities = at.price_ticks(state.local_rows), at.qty_lots(state.local_rows)
    width = unsigned(bids.shape[0])
    base, sum_lo, sum_hi = meta[BASE], meta[SUM_LO], meta[SUM_HI]
    best_bid, best_ask = meta[BEST_BID], meta[BEST_ASK]
    own_bids, own_asks = at.followed(state)[BID], at.followed(state)[ASK]
    own_bid, own_ask = clock[NODE_BEST_BID], clock[NODE_BEST_ASK]
    worst_bid, worst_ask = clock[NODE_WORST_BID], clock[NODE_WORST_ASK]
    i = clock[LOCAL_ROW]
    while i < count:
        i = _store_lots(
            times, ev_column, prices, quantities, bids, asks, own_bids, own_asks, i, count, until_ts, base, best_bid, best_ask,
            min(best_bid, worst_bid) if chain.USES_QUEUE else best_bid,
            max(best_ask, worst_ask) if chain.USES_QUEUE else best_ask, own_bid, own_ask,
        )  # fmt: skip
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
        if chain.USES_QUEUE and column < width and (own_asks[column] if ask else own_bids[column]) != 0:
            if kind != TRADE_LOCAL and kind >= LOCAL_BIT:
                break
        if kind <= PLAIN_LOCAL and kind >= LOCAL_BIT:
            if column >= width:
                if (price <= best_ask if ask else price >= best_bid) or not has_room(state.local):
                    break
                if chain.USES_QUEUE and clock[NODE_FAR] > 0:
                    break
                set_far(state.local, ASK if ask else BID, price, lots)
            else:
                done, best_bid, best_ask = level_in_window(
                    bids, asks, base, sum_lo, sum_hi, best_bid, best_ask, ask, price, lots
                )
                if not done:
                    break
        elif kind == BEST_LOCAL:
            if column >= width or lots == 0 or (chain.USES_QUEUE and (price > own_ask if ask else price < own_bid)):
                break
            done, best_bid, best_ask = quote_in_window(
                bids, asks, base, sum_lo, sum_hi, best_bid, best_ask, ask, price, lots
            )
            if not done:
                break
        elif kind >= LOCAL_BIT and (kind != TRADE_LOCAL or _is_near(price, own_bid, own_ask)):
            break
        i += 1
    meta[BEST_BID], meta[BEST_ASK] = best_bid, best_ask
    return i


@inlined
def _is_near(price: int, own_bid: int, own_ask: int) -> bool:
    """Return whether a trade may move a followed order: at or through the best of its side."""
    return chain.USES_QUEUE and (price <= own_bid or price >= own_ask)


@inlined
def _store_lots(
    times: IntArray, ev_column: IntArray, prices: IntArray, quantities: IntArray, bids: IntArray, asks: IntArray,
    own_bids: IntArray, own_asks: IntArray, i: int, count: int, until_ts: int, base: int, best_bid: int, best_ask: int,
    near_bid: int, near_ask: int, own_bid: int, own_ask: int,
) -> int:  # fmt: skip
    """Apply rows from i on that change lots in the window but no best price; return the first other or later row, or count.

    Nearly all rows do no more. A loop with nothing else keeps what it needs in registers. Levels that hold a followed
    order are at near_bid, near_ask or better; without any (chain.USES_QUEUE) those are the best prices.
    """
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
                if price <= near_ask and (
                    price < best_ask or (price == best_ask and lots == 0) or (chain.USES_QUEUE and own_asks[column] != 0)
                ):
                    break
                asks[column] = lots
            else:
                if price >= near_bid and (
                    price > best_bid or (price == best_bid and lots == 0) or (chain.USES_QUEUE and own_bids[column] != 0)
                ):
                    break
                bids[column] = lots
        elif kind == BEST_LOCAL:
            if price != (best_ask if ev & ASK_BIT else best_bid) or lots == 0 or column >= width:
                break
            if chain.USES_QUEUE and (own_asks[column] if ev & ASK_BIT else own_bids[column]) != 0:
                break
            if ev & ASK_BIT:
                asks[column] = lots
            else:
                bids[column] = lots
        elif kind != TRADE_LOCAL or _is_near(price, own_bid, own_ask):
            break
        i += 1
    return i


@kernel
def _node_row(state: State, i: int) -> None:
    """Apply a row of any kind to the local book, and to the orders that the Node follows."""
    rows = state.local_rows
    ev = at.ev(rows)[i]
    kind = ev & KIND_MASK
    side = int((ev >> 4) & 1)
    price = at.price_ticks(rows)[i]
    lots = at.qty_lots(rows)[i]
    if kind == TRADE or kind == L3_EXEC:
        if chain.USES_QUEUE and (kind == L3_EXEC) == (at.clock(state)[IS_L3] == 1):
            is_sell = ev & ASK_BIT != 0 if kind == TRADE else side == BID
            hit = own_queue.hit_side(state, price, is_sell, kind == TRADE and ev & NO_SIDE_BIT != 0)
            if hit >= 0:
                own_queue.traded(state, hit, price, lots)
    if kind == GAP:
        at.clock(state)[GAPS] += 1
    elif kind == CLEAR:
        _clear_row(state, side, price, lots, ev & NO_SIDE_BIT != 0)
    else:
        best = at.meta(state.local)[BEST_BID] if side == BID else at.meta(state.local)[BEST_ASK]
        removes = kind == BEST and (price < best if side == BID else price > best)
        if _level_row(state, kind, side, price, lots) and chain.USES_QUEUE:
            if removes:
                own_queue.best_changed(state, side, price)
            else:
                own_queue.level_changed(state, side, price)


@kernel
def _level_row(state: State, kind: int, side: int, price: int, lots: int) -> bool:
    """Apply a row that sets or changes levels of a side; return whether it was one."""
    book = state.local
    if kind <= SNAPSHOT:
        set_level(book, side, price, lots)
    elif kind == BEST:
        drop_better(book, side, price)
        set_level(book, side, price, lots)
    elif kind == L3_ADD:
        set_level(book, side, price, level_lots(book, side, price) + lots)
    elif kind == L3_REDUCE or kind == L3_EXEC:
        set_level(book, side, price, max(level_lots(book, side, price) - lots, 0))
    else:
        return False
    return True


@kernel
def _clear_row(state: State, side: int, price: int, lots: int, both: bool) -> None:
    for cleared in range(2):
        if both or cleared == side:
            everything = NO_BID if cleared == BID else NO_ASK
            clear_side(state.local, cleared, everything if lots == 0 else price)
            if chain.USES_QUEUE:
                own_queue.cleared(state, cleared)
