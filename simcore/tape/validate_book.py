"""The book of a tape as validation sees it: where it crosses itself, and where a snapshot contradicts it.

Levels stand in arrays indexed by price tick over the tape's whole price range. The operating system gives an array
of zeros memory only where it is written, so a range of many millions of ticks with levels in a few places is cheap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.jit import entry, kernel
from simcore.records import (
    ASK_BIT,
    BEST,
    CLEAR,
    DEPTH,
    EXCH_BIT,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    NO_SIDE_BIT,
    SNAPSHOT,
    Chunk,
)

TICKS_MAX = 1 << 28  # range that is followed; levels farther from its lower end are not
SHIFT = 12  # ticks of a block: 4096
BLOCK = 1 << SHIFT

# meta: what is carried from chunk to chunk
BEST_BID, BEST_ASK, LAST_TS, LAST_ROW, META_SIZE = 0, 1, 2, 3, 4


class CheckedBook:
    """Follows one view of a tape. bit: EXCH_BIT or LOCAL_BIT. lo, hi: range of prices, ticks."""

    def __init__(self, bit: int, lo: int, hi: int) -> None:
        ticks = min(max(hi - lo + 1, 1), TICKS_MAX)
        blocks = (ticks >> SHIFT) + 1
        self.bit = bit
        self.base = lo
        self.lots = np.zeros((2, blocks * BLOCK), dtype=np.int64)
        self.used = np.zeros((2, blocks), dtype=np.int64)  # levels in each block
        self.old = np.zeros((2, blocks * BLOCK), dtype=np.int64)  # what the last CLEAR removed
        self.old_used = np.zeros((2, blocks), dtype=np.int64)
        self.old_levels = np.zeros(2, dtype=np.int64)
        self.meta = np.zeros(META_SIZE, dtype=np.int64)
        self.meta[BEST_BID] = -1
        self.meta[BEST_ASK] = blocks * BLOCK
        self.meta[LAST_TS] = -1

    def follow(self, chunk: Chunk, first_row: int) -> tuple[Any, Any]:
        """Apply a chunk; return (rows that end a message with a crossed book, SNAPSHOT rows that contradict the book)."""
        flags = np.zeros(len(chunk.ev), dtype=np.uint8)
        if chunk.ev.size:
            times = chunk.exch_ts if self.bit == EXCH_BIT else chunk.local_ts
            carried = check_rows(
                times, chunk.ev, chunk.price_ticks, chunk.qty_lots, self.bit, self.base, first_row,
                self.lots, self.used, self.old, self.old_used, self.old_levels, self.meta, flags,
            )  # fmt: skip
            crossed = np.flatnonzero(flags & 1) + first_row
            if carried >= 0:
                crossed = np.concatenate(([carried], crossed))
            return crossed, np.flatnonzero(flags & 2) + first_row
        return np.empty(0, np.int64), np.empty(0, np.int64)

    def end(self) -> Any:
        """Return the tape's last row if the book is crossed at its end."""
        is_crossed = self.meta[BEST_BID] >= self.meta[BEST_ASK] and self.meta[LAST_TS] >= 0
        return np.array([self.meta[LAST_ROW]] if is_crossed else [], dtype=np.int64)


@entry
def check_rows(
    times: Any, ev: Any, price: Any, qty: Any, bit: int, base: int, first_row: int,
    lots: Any, used: Any, old: Any, old_used: Any, old_levels: Any, meta: Any, flags: Any,
) -> int:  # fmt: skip
    """Apply the rows of a view to the book (mutated) and flag rows: 1 crossed at a message's end, 2 snapshot differs.

    A message is a run of rows of equal time. Returns the last row of the chunk before if the book was crossed there.
    """
    width = lots.shape[1]
    carried = -1
    previous = -1
    for i in range(len(ev)):
        code = int(ev[i])
        if code & bit == 0:
            continue
        if times[i] != meta[LAST_TS]:
            if meta[BEST_BID] >= meta[BEST_ASK] and meta[LAST_TS] >= 0:
                if previous >= 0:
                    flags[previous] |= 1
                else:
                    carried = int(meta[LAST_ROW])
            meta[LAST_TS] = times[i]
        previous = i
        kind = code & KIND_MASK
        side = 1 if code & ASK_BIT else 0
        column = int(price[i]) - base
        amount = int(qty[i])
        if kind == CLEAR:
            bound = column if amount != 0 else (width if side == 1 else -1)
            if code & NO_SIDE_BIT:
                clear_levels(0, -1, lots, used, old, old_used, old_levels, meta)
                clear_levels(1, width, lots, used, old, old_used, old_levels, meta)
            else:
                clear_levels(side, bound, lots, used, old, old_used, old_levels, meta)
            continue
        is_level = kind in (DEPTH, SNAPSHOT, BEST)
        if not is_level and kind != L3_ADD and kind != L3_REDUCE and kind != L3_EXEC:
            continue
        if column < 0 or column >= width:
            continue
        before = int(lots[side, column])
        if kind == SNAPSHOT:
            if before == 0 and old_levels[side] > 0:
                before = int(old[side, column])
            if amount != before and (before != 0 or old_levels[side] > 0):
                flags[i] |= 2
        elif kind == BEST:
            cut_better(side, column, lots, used, meta)
        elif kind == L3_ADD:
            amount = before + amount
        elif kind in (L3_REDUCE, L3_EXEC):
            amount = max(before - amount, 0)
        set_level(side, column, max(amount, 0), lots, used, meta)
    if previous >= 0:
        meta[LAST_ROW] = first_row + previous
    return carried


@kernel
def set_level(side: int, column: int, amount: int, lots: Any, used: Any, meta: Any) -> None:
    """Set a level and keep the count of its block and the best column right."""
    before = int(lots[side, column])
    lots[side, column] = amount
    if before == 0 and amount != 0:
        used[side, column >> SHIFT] += 1
        if side == 0:
            meta[BEST_BID] = max(int(meta[BEST_BID]), column)
        else:
            meta[BEST_ASK] = min(int(meta[BEST_ASK]), column)
    elif before != 0 and amount == 0:
        used[side, column >> SHIFT] -= 1
        if side == 0 and column == meta[BEST_BID]:
            meta[BEST_BID] = next_down(0, column - 1, lots, used)
        elif side == 1 and column == meta[BEST_ASK]:
            meta[BEST_ASK] = next_up(1, column + 1, lots, used)


@kernel
def cut_better(side: int, column: int, lots: Any, used: Any, meta: Any) -> None:
    """Remove the levels better than column."""
    if side == 0:
        while meta[BEST_BID] > column:
            set_level(0, int(meta[BEST_BID]), 0, lots, used, meta)
    else:
        while meta[BEST_ASK] < column:
            set_level(1, int(meta[BEST_ASK]), 0, lots, used, meta)


@kernel
def clear_levels(
    side: int, bound: int, lots: Any, used: Any, old: Any, old_used: Any, old_levels: Any, meta: Any
) -> None:
    """Remove the levels from the best to bound inclusive; remember them as what a snapshot is compared with."""
    width = lots.shape[1]
    column = next_up(side, 0, old, old_used) if old_levels[side] > 0 else width
    while column < width:
        old[side, column] = 0
        old_used[side, column >> SHIFT] -= 1
        column = next_up(side, column + 1, old, old_used)
    old_levels[side] = 0
    while True:
        column = int(meta[BEST_BID]) if side == 0 else int(meta[BEST_ASK])
        if (side == 0 and (column < 0 or column < bound)) or (side == 1 and (column >= width or column > bound)):
            break
        old[side, column] = lots[side, column]
        old_used[side, column >> SHIFT] += 1
        old_levels[side] += 1
        set_level(side, column, 0, lots, used, meta)


@kernel
def next_down(side: int, column: int, lots: Any, used: Any) -> int:
    """Return the highest used column at or below column, or -1."""
    while column >= 0:
        if used[side, column >> SHIFT] == 0:
            column = ((column >> SHIFT) << SHIFT) - 1
        elif lots[side, column] != 0:
            return column
        else:
            column -= 1
    return -1


@kernel
def next_up(side: int, column: int, lots: Any, used: Any) -> int:
    """Return the lowest used column at or above column, or the width."""
    width = int(lots.shape[1])
    while column < width:
        if used[side, column >> SHIFT] == 0:
            column = ((column >> SHIFT) + 1) << SHIFT
        elif lots[side, column] != 0:
            return column
        else:
            column += 1
    return width
