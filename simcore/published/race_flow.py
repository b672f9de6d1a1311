"""The flow of queue races as tape rows: episodes from given queues until the mid moves or all our orders have filled.

The simulated market has our orders in its queues, as the model's has; the tape shows what all others do. A market order
that hits ours is shown, on a tape of single orders, as one that joins behind everyone and executes at once; on a tape of
levels as a trade that leaves the level as it is. Where nothing of ours rests, a tape may show queue lengths only.
"""

from __future__ import annotations

import numpy as np

from simcore.jit import JIT, entry, kernel
from simcore.records import ASK, ASK_BIT, BID, BOTH_BITS, DEPTH, L3_ADD, L3_EXEC, L3_REDUCE, TRADE, Record
from simcore.rng import draw

QUEUE_MAX = 512  # orders that a queue of single orders can hold
ROWS_MAX = 1 << 18
ROOM = QUEUE_MAX * 2 + 16  # rows that one step may write
EVENTS_MAX = 1_000_000  # of an episode: one that has no end by then is given up
EVENT_NS = 10  # between two events: only their order matters
BID_TICKS, ASK_TICKS = 1_000, 1_001  # the best prices; one tick further are the quotes that the mid moves to
SLOT_NS = 200_000_000  # an episode: rows that prepare it, our orders at half time, its events after that
SETUP_NS = 10_000_000
LENGTHS, ORDERS, TRADES = range(3)  # what a tape shows: lengths of queues, single orders, or lengths and trades
OURS = 0  # the id of our orders; others count from 1

# How an episode ended: bits.
BID_FILLED, ASK_FILLED, BID_GONE, ASK_GONE = 1, 2, 4, 8

# Parameters and state of a run, and its output.
WORLD = np.dtype(
    [(name, "<f8") for name in ("limit", "market", "cancel_each", "cancel_any")]
    + [(name, "<i8") for name in ("seed", "draws", "shows", "episodes", "episode", "events", "next_id", "start_ns")]
    + [(name, "<i8", (2,)) for name in ("own", "orders", "first")]  # a side: whether ours is in it, orders, where it begins
    + [("ids", "<i8", (2, QUEUE_MAX)), ("used", "<i8")]
    + [(name, "<i8", (ROWS_MAX,)) for name in ("ts", "price_ticks", "qty_lots", "order_id")]
    + [("ev", "u1", (ROWS_MAX,))]
)


def new_world() -> Record:
    """Return one zeroed WORLD; as a recarray with the JIT off, since only those have attributes in Python."""
    made = np.zeros(1, WORLD)
    return made[0] if JIT else made.view(np.recarray)[0]


@entry
def run_episodes(world: Record, starts: Record, ends: Record) -> int:
    """Fill world's rows until they may overflow or all episodes are done; return the episodes done.

    starts : int64 [cells, 4], orders at bid and ask, and whether the last of each is ours; taken in turn.
    ends   : int64 [episodes] (mutated), bits of how each ended; 0: undecided after EVENTS_MAX events.
    """
    while world.episode < world.episodes and world.used + ROOM < ROWS_MAX:
        if world.events == 0:
            _set_up(world, starts[world.episode % starts.shape[0]])
        _event(world)
        ended = _end_of(world, starts[world.episode % starts.shape[0]])
        if ended != 0 or world.events == EVENTS_MAX:
            ends[world.episode] = ended
            world.episode += 1
            world.events = 0
    return int(world.episode)


@kernel
def _set_up(world: Record, start: Record) -> None:
    """Remove what the last episode has left, and let the queues of the next one form."""
    now = world.start_ns + world.episode * SLOT_NS + (SETUP_NS if world.episode > 0 else 0)
    for side in range(2):
        if world.episode == 0:
            away = BID_TICKS - 1 if side == BID else ASK_TICKS + 1
            _write(world, now, L3_ADD if world.shows == ORDERS else DEPTH, side, away, 1_000_000, 1 + side)
            world.next_id = 3
        while world.orders[side] > 0 and world.shows != LENGTHS:
            _leave(world, now, side, 0)
        world.orders[side] = 0
        world.own[side] = 0
    for side in range(2):
        others = start[side] - start[2 + side]
        if world.shows == LENGTHS:
            world.orders[side] = others
            _write(world, now, DEPTH, side, _price(side), others, 0)
            continue
        for _ in range(others):
            _join(world, now, side)
        if start[2 + side] == 1:
            _push(world, side, OURS)
            world.own[side] = 1


@kernel
def _event(world: Record) -> None:
    """Let one event happen: an order joins, a market order executes, or an order is cancelled."""
    world.events += 1
    now = world.start_ns + world.episode * SLOT_NS + SLOT_NS // 2 + world.events * EVENT_NS
    each_bid = world.cancel_each * (world.orders[BID] - world.own[BID])
    each_ask = world.cancel_each * (world.orders[ASK] - world.own[ASK])
    rate = world.limit + world.market + world.cancel_any
    at = draw(world.seed, 0, world.draws) * (rate + each_bid + rate + each_ask)
    world.draws += 1
    side = BID
    if at >= rate + each_bid:
        at -= rate + each_bid
        side = ASK
    if world.shows == LENGTHS:
        world.orders[side] += 1 if at < world.limit else -1
        _write(world, now, DEPTH, side, _price(side), world.orders[side], 0)
    elif at < world.limit:
        _join(world, now, side)
    elif at < world.limit + world.market:
        _execute(world, now, side)
    else:
        others = world.orders[side] - world.own[side]
        _cancel(world, now, side, min(int((at - world.limit - world.market) / world.cancel_each), others - 1))


@kernel
def _end_of(world: Record, start: Record) -> int:
    """Return the bits of an episode's end, 0 while it goes on: ours have all filled, or a queue is empty."""
    ended = 0
    if start[2] == 1 and world.own[BID] == 0:
        ended |= BID_FILLED
    if start[3] == 1 and world.own[ASK] == 0:
        ended |= ASK_FILLED
    gone = 0
    if world.orders[BID] == 0:
        gone |= BID_GONE
    if world.orders[ASK] == 0:
        gone |= ASK_GONE
    ours = start[2] + start[3]
    done = ours > 0 and world.own[BID] + world.own[ASK] == 0
    return ended | gone if done or gone != 0 else 0


@kernel
def _join(world: Record, now: int, side: int) -> None:
    order_id = world.next_id
    world.next_id += 1
    _push(world, side, order_id)
    _show(world, now, L3_ADD, side, order_id)


@kernel
def _leave(world: Record, now: int, side: int, place: int) -> None:
    """Take an order out of its queue, and show it if it is not ours."""
    order_id = _take(world, side, place)
    if order_id != OURS:
        _show(world, now, L3_REDUCE, side, order_id)
    else:
        world.own[side] = 0


@kernel
def _execute(world: Record, now: int, side: int) -> None:
    """A market order takes the first order of a queue."""
    order_id = _take(world, side, 0)
    if world.shows == TRADES:
        _write(world, now, TRADE, 1 - side, _price(side), 1, 0)  # its side is the aggressor's
    if order_id == OURS:
        world.own[side] = 0
        if world.shows == TRADES:
            return
        order_id = world.next_id
        world.next_id += 1
        _show(world, now, L3_ADD, side, order_id)
    _show(world, now, L3_EXEC, side, order_id)


@kernel
def _cancel(world: Record, now: int, side: int, which: int) -> None:
    """Cancel one order: the which-th of those that are not ours."""
    place = 0
    seen = -1
    while place < world.orders[side]:
        if _id_at(world, side, place) != OURS:
            seen += 1
            if seen == which:
                break
        place += 1
    _leave(world, now, side, place)


@kernel
def _price(side: int) -> int:
    return BID_TICKS if side == BID else ASK_TICKS


@kernel
def _id_at(world: Record, side: int, place: int) -> int:
    return int(world.ids[side, (world.first[side] + place) % QUEUE_MAX])


@kernel
def _push(world: Record, side: int, order_id: int) -> None:
    assert world.orders[side] < QUEUE_MAX, "queues of the model stay short"
    world.ids[side, (world.first[side] + world.orders[side]) % QUEUE_MAX] = order_id
    world.orders[side] += 1


@kernel
def _take(world: Record, side: int, place: int) -> int:
    """Remove the order at a place of a queue; return its id."""
    order_id = _id_at(world, side, place)
    for i in range(place, 0, -1):
        world.ids[side, (world.first[side] + i) % QUEUE_MAX] = _id_at(world, side, i - 1)
    world.first[side] = (world.first[side] + 1) % QUEUE_MAX
    world.orders[side] -= 1
    return order_id


@kernel
def _show(world: Record, now: int, kind: int, side: int, order_id: int) -> None:
    """Show what happened to an order, or how many of others the queue now holds."""
    if world.shows == ORDERS:
        _write(world, now, kind, side, _price(side), 1, order_id)
    else:
        _write(world, now, DEPTH, side, _price(side), world.orders[side] - world.own[side], 0)


@kernel
def _write(world: Record, ts: int, kind: int, side: int, price: int, lots: int, order_id: int) -> None:
    row = world.used
    world.ts[row] = ts
    world.ev[row] = kind | (ASK_BIT if side == ASK else 0) | BOTH_BITS
    world.price_ticks[row] = price
    world.qty_lots[row] = lots
    world.order_id[row] = order_id
    world.used = row + 1
