"""A real limit order book, order by order and first in first out, for the synthetic flow.

Levels live in circular arrays indexed by `price & MASK`; orders in one table, linked per level. Whatever
changes the book writes the L3 row and marks the level, so that `end_message` can write the L2 rows of
exactly the same event.
"""

from __future__ import annotations

from simcore.jit import kernel
from simcore.records import (
    ASK,
    ASK_BIT,
    BID,
    BOTH_BITS,
    CLEAR,
    DEPTH,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
    Record,
)
from simcore.tape.synth_state import LEVELS_MIN, WINDOW

MASK = WINDOW - 1


@kernel
def begin_message(sim: Record, exch_ts: int, book_ts: int, trade_ts: int) -> None:
    """Start an exchange message: all its rows carry exch_ts; its book and trade rows arrive at these times."""
    sim.message += 1
    sim.touched_count = 0
    sim.exch_ts = exch_ts
    sim.book_ts = book_ts
    sim.trade_ts = trade_ts


@kernel
def end_message(sim: Record, l2: Record) -> None:
    """Write the new lots of each level that the message touched, in order of first touch."""
    for i in range(sim.touched_count):
        price = sim.touched[i] >> 1
        side = sim.touched[i] & 1
        write_row(sim, l2, DEPTH | side_bit(side), price, sim.level_lots[side, price & MASK], 0)


@kernel
def write_row(sim: Record, rows: Record, ev: int, price: int, lots: int, order_id: int) -> None:
    """Append a row with the message's times."""
    if rows.wanted == 0:
        return
    i = rows.used
    rows.exch_ts[i] = sim.exch_ts
    rows.local_ts[i] = sim.trade_ts if (ev & 15) == TRADE else sim.book_ts
    rows.ev[i] = ev | BOTH_BITS
    rows.price_ticks[i] = price
    rows.qty_lots[i] = lots
    rows.order_id[i] = order_id
    rows.used = i + 1


@kernel
def side_bit(side: int) -> int:
    return ASK_BIT if side == ASK else 0


@kernel
def add_order(sim: Record, l3: Record, side: int, price: int, lots: int, pool: int) -> None:
    """Append a new order to its level; the price must not cross and the table must have a free place."""
    column = price & MASK
    place = sim.free
    sim.free = sim.order_next[place]
    sim.order_id[place] = sim.next_id
    sim.next_id += 1
    sim.order_side[place] = side
    sim.order_price[place] = price
    sim.order_lots[place] = lots
    sim.order_next[place] = -1
    sim.order_pool[place] = pool
    spot = sim.pool_used[pool]
    sim.order_spot[place] = spot
    sim.pools[pool, spot] = place
    sim.pool_used[pool] = spot + 1
    if sim.level_orders[side, column] == 0:
        sim.level_head[side, column] = place
        sim.order_prev[place] = -1
        _open_level(sim, side, price)
    else:
        last = sim.level_tail[side, column]
        sim.order_prev[place] = last
        sim.order_next[last] = place
    sim.level_tail[side, column] = place
    sim.level_orders[side, column] += 1
    sim.level_lots[side, column] += lots
    _touch(sim, side, price)
    write_row(sim, l3, L3_ADD | side_bit(side), price, lots, sim.order_id[place])


@kernel
def reduce_order(sim: Record, l3: Record, place: int, lots: int, kind: int) -> None:
    """Take lots off an order (kind L3_REDUCE or L3_EXEC); with none left it leaves the book."""
    side = sim.order_side[place]
    price = sim.order_price[place]
    sim.order_lots[place] -= lots
    sim.level_lots[side, price & MASK] -= lots
    _touch(sim, side, price)
    write_row(sim, l3, kind | side_bit(side), price, lots, sim.order_id[place])
    if sim.order_lots[place] == 0:
        _unlink(sim, place)


@kernel
def match(sim: Record, l2: Record, l3: Record, aggressor: int, lots: int, level_count: int) -> int:
    """Execute up to `lots` against the other side, best first, through at most `level_count` levels.

    No level further than sweep_reach_ticks from the first is touched: takers give a worst price.

    Writes a TRADE row a level and, on L3, one L3_EXEC a resting order. Returns the lots left.
    """
    side = 1 - aggressor
    start = sim.best[side]
    for _ in range(level_count):
        price = sim.best[side]
        if lots == 0 or sim.levels[side] <= LEVELS_MIN or abs(price - start) > sim.sweep_reach_ticks:
            break
        column = price & MASK
        taken = min(lots, sim.level_lots[side, column])
        write_row(sim, l2, TRADE | side_bit(aggressor), price, taken, 0)
        write_row(sim, l3, TRADE | side_bit(aggressor), price, taken, 0)
        lots -= taken
        while taken > 0:
            place = sim.level_head[side, column]
            part = min(taken, sim.order_lots[place])
            reduce_order(sim, l3, place, part, L3_EXEC)
            taken -= part
    return lots


@kernel
def may_remove(sim: Record, place: int) -> bool:
    """Whether the order can go without emptying one of the last levels of its side."""
    side = sim.order_side[place]
    return bool(sim.level_orders[side, sim.order_price[place] & MASK] > 1 or sim.levels[side] > LEVELS_MIN)


@kernel
def purge_far(sim: Record, l3: Record, side: int) -> None:
    """Cancel the levels of a side that are half a window away from the other side's best."""
    step = 1 if side == BID else -1
    while abs(sim.best[1 - side] - sim.edge[side]) > WINDOW // 2 and sim.levels[side] > LEVELS_MIN:
        column = sim.edge[side] & MASK
        while sim.level_orders[side, column] > 0:
            place = sim.level_head[side, column]
            reduce_order(sim, l3, place, sim.order_lots[place], L3_REDUCE)
        sim.edge[side] += step


@kernel
def write_snapshot(sim: Record, l2: Record, l3: Record) -> None:
    """Write the whole book: CLEAR, then levels from the best outwards (L3: their orders in FIFO order)."""
    write_row(sim, l2, CLEAR | NO_SIDE_BIT, 0, 0, 0)
    write_row(sim, l3, CLEAR | NO_SIDE_BIT, 0, 0, 0)
    for side in range(2):
        step = -1 if side == BID else 1
        price = sim.best[side]
        for _ in range(abs(sim.edge[side] - price) + 1):
            column = price & MASK
            if sim.level_orders[side, column] > 0:
                write_row(sim, l2, SNAPSHOT | side_bit(side), price, sim.level_lots[side, column], 0)
                place = sim.level_head[side, column]
                while place >= 0:
                    write_row(sim, l3, L3_ADD | side_bit(side), price, sim.order_lots[place], sim.order_id[place])
                    place = sim.order_next[place]
            price += step


@kernel
def _touch(sim: Record, side: int, price: int) -> None:
    column = price & MASK
    if sim.level_stamp[side, column] != sim.message:
        sim.level_stamp[side, column] = sim.message
        sim.touched[sim.touched_count] = 2 * price + side
        sim.touched_count += 1


@kernel
def _open_level(sim: Record, side: int, price: int) -> None:
    if side == BID:
        sim.best[BID] = max(sim.best[BID], price)
        sim.edge[BID] = min(sim.edge[BID], price)
    else:
        sim.best[ASK] = min(sim.best[ASK], price)
        sim.edge[ASK] = max(sim.edge[ASK], price)
    sim.levels[side] += 1


@kernel
def _unlink(sim: Record, place: int) -> None:
    """Take an empty order out of its level and its pool; move the best if the level is empty."""
    side = sim.order_side[place]
    column = sim.order_price[place] & MASK
    before = sim.order_prev[place]
    after = sim.order_next[place]
    if before >= 0:
        sim.order_next[before] = after
    else:
        sim.level_head[side, column] = after
    if after >= 0:
        sim.order_prev[after] = before
    else:
        sim.level_tail[side, column] = before
    pool = sim.order_pool[place]
    sim.pool_used[pool] -= 1
    moved = sim.pools[pool, sim.pool_used[pool]]
    sim.pools[pool, sim.order_spot[place]] = moved
    sim.order_spot[moved] = sim.order_spot[place]
    sim.order_next[place] = sim.free
    sim.free = place
    sim.level_orders[side, column] -= 1
    if sim.level_orders[side, column] == 0:
        sim.levels[side] -= 1
        if sim.order_price[place] == sim.best[side]:
            step = -1 if side == BID else 1
            while sim.level_orders[side, sim.best[side] & MASK] == 0:
                sim.best[side] += step
