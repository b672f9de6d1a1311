"""What a lane has taken of the tape's levels: it is not there for that lane again until the tape sets the level.

Entries of all lanes stand in one table, without gaps; those of a level form a list (links are place + 1, 0 ends it), those
outside the window of the exchange book one list a side.
"""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.book import BASE, NO_ASK, NO_BID
from simcore.kernels.state import TAKEN_COUNT, TAKEN_ON, TAKEN_WORST_ASK, TAKEN_WORST_BID, State
from simcore.records import BID


@kernel
def take(state: State, lane: int, side: int, price: int, lots: int) -> None:
    """Remember that a lane took lots of a level, until the tape refreshes it. Needs a free place in the table."""
    link = _find(state, lane, side, price)
    if link != 0:
        at.taken(state)[link - 1].taken_lots += lots
        return
    clock = at.clock(state)
    count = clock[TAKEN_COUNT]
    entry = at.taken(state)[count]
    entry.lane = lane
    entry.side = side
    entry.price_ticks = price
    entry.taken_lots = lots
    _put_first(state, count)
    clock[TAKEN_COUNT] = count + 1
    clock[TAKEN_ON + side] += 1
    if side == BID:
        clock[TAKEN_WORST_BID] = min(clock[TAKEN_WORST_BID], price)
    else:
        clock[TAKEN_WORST_ASK] = max(clock[TAKEN_WORST_ASK], price)


@kernel
def taken_lots(state: State, lane: int, side: int, price: int) -> int:
    """Return the lots of a level that a lane has taken since the tape last set it."""
    if at.clock(state)[TAKEN_ON + side] == 0:
        return 0
    link = _find(state, lane, side, price)
    return at.taken(state)[link - 1].taken_lots if link != 0 else 0


@kernel
def refresh_level(state: State, side: int, price: int) -> None:
    """Forget what was taken from a level: the tape has set it."""
    if at.clock(state)[TAKEN_ON + side] == 0:
        return
    link = _first(state, side, price)
    while link != 0:
        _remove(state, link - 1)
        link = _first(state, side, price)


@kernel
def refresh(state: State, side: int, lo: int, hi: int) -> None:
    """Forget what was taken from the levels of a side between the prices lo and hi: the tape has cleared them."""
    i = 0
    while i < at.clock(state)[TAKEN_COUNT]:
        entry = at.taken(state)[i]
        if entry.side == side and lo <= entry.price_ticks <= hi:
            _remove(state, i)
        else:
            i += 1


@kernel
def _first(state: State, side: int, price: int) -> int:
    """Return the link of the first entry of a level, 0 if there is none."""
    column = price - at.meta(state.exch)[BASE]
    if 0 <= column < at.taken_heads(state).shape[1]:
        return at.taken_heads(state)[side, column]
    link = at.taken_far(state)[side]
    while link != 0 and at.taken(state)[link - 1].price_ticks != price:
        link = at.taken(state)[link - 1].next_link
    return link


@kernel
def _find(state: State, lane: int, side: int, price: int) -> int:
    """Return the link of a lane's entry of a level, 0 if there is none."""
    link = _first(state, side, price)
    while link != 0:
        entry = at.taken(state)[link - 1]
        if entry.lane == lane and entry.price_ticks == price:
            break
        link = entry.next_link
    return link


@kernel
def _put_first(state: State, place: int) -> None:
    """Make an entry the first of its list."""
    entry = at.taken(state)[place]
    side = entry.side
    column = entry.price_ticks - at.meta(state.exch)[BASE]
    inside = 0 <= column < at.taken_heads(state).shape[1]
    entry.prev_link = 0
    entry.next_link = at.taken_heads(state)[side, column] if inside else at.taken_far(state)[side]
    if entry.next_link != 0:
        at.taken(state)[entry.next_link - 1].prev_link = place + 1
    if inside:
        at.taken_heads(state)[side, column] = place + 1
    else:
        at.taken_far(state)[side] = place + 1


@kernel
def _leave_list(state: State, place: int) -> None:
    entry = at.taken(state)[place]
    if entry.next_link != 0:
        at.taken(state)[entry.next_link - 1].prev_link = entry.prev_link
    if entry.prev_link != 0:
        at.taken(state)[entry.prev_link - 1].next_link = entry.next_link
        return
    column = entry.price_ticks - at.meta(state.exch)[BASE]
    if 0 <= column < at.taken_heads(state).shape[1]:
        at.taken_heads(state)[entry.side, column] = entry.next_link
    else:
        at.taken_far(state)[entry.side] = entry.next_link


@kernel
def _remove(state: State, place: int) -> None:
    """Take an entry out; the last one moves into its place."""
    clock = at.clock(state)
    entry = at.taken(state)[place]
    side = entry.side
    _leave_list(state, place)
    last = clock[TAKEN_COUNT] - 1
    if place != last:
        moved = at.taken(state)[last]
        _leave_list(state, last)
        entry.lane = moved.lane
        entry.side = moved.side
        entry.price_ticks = moved.price_ticks
        entry.taken_lots = moved.taken_lots
        _put_first(state, place)
    clock[TAKEN_COUNT] = last
    clock[TAKEN_ON + side] -= 1
    if clock[TAKEN_ON + side] == 0:
        if side == BID:
            clock[TAKEN_WORST_BID] = NO_ASK
        else:
            clock[TAKEN_WORST_ASK] = NO_BID
