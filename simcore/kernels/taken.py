"""What a lane has taken of the tape's levels: it is not there for that lane again until the tape sets the level."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.state import TAKEN_COUNT, State


@kernel
def take(state: State, lane: int, side: int, price: int, lots: int) -> None:
    """Remember that a lane took lots of a level, until the tape refreshes it."""
    count = at.clock(state)[TAKEN_COUNT]
    for i in range(count):
        entry = at.taken(state)[i]
        if entry.lane == lane and entry.side == side and entry.price_ticks == price:
            entry.taken_lots += lots
            return
    entry = at.taken(state)[count]
    entry.lane = lane
    entry.side = side
    entry.price_ticks = price
    entry.taken_lots = lots
    at.clock(state)[TAKEN_COUNT] = count + 1


@kernel
def taken_lots(state: State, lane: int, side: int, price: int) -> int:
    """Return the lots of a level that a lane has taken since the tape last set it."""
    for i in range(at.clock(state)[TAKEN_COUNT]):
        entry = at.taken(state)[i]
        if entry.lane == lane and entry.side == side and entry.price_ticks == price:
            return entry.taken_lots
    return 0


@kernel
def refresh(state: State, side: int, lo: int, hi: int) -> None:
    """Forget what was taken from the levels of a side between the prices lo and hi: the tape has set them."""
    i = 0
    while i < at.clock(state)[TAKEN_COUNT]:
        entry = at.taken(state)[i]
        if entry.side == side and lo <= entry.price_ticks <= hi:
            last = at.taken(state)[at.clock(state)[TAKEN_COUNT] - 1]
            entry.lane = last.lane
            entry.side = last.side
            entry.price_ticks = last.price_ticks
            entry.taken_lots = last.taken_lots
            at.clock(state)[TAKEN_COUNT] -= 1
        else:
            i += 1
