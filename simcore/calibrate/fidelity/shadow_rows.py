"""What a tape shows of the levels where given orders rest: rows of a tape become a `View` for `shadow.follow`.

Levels where no order rests are left out, so a day of a hundred million rows becomes what concerns a few prices. Slots are
the levels with orders: those of bids first, each side best first. Prices become keys that grow from best to worst.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from simcore.calibrate.fidelity import shadow
from simcore.calibrate.fidelity.shadow import NEVER, View
from simcore.jit import entry
from simcore.records import (
    ASK,
    BEST,
    BID,
    CLEAR,
    DEPTH,
    EXCH_BIT,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
    Chunk,
    IntArray,
)


@dataclass(frozen=True)
class Slots:
    """Levels with orders: keys of each side, best first; bids are slots 0 to len(bids) - 1, asks follow."""

    bids: IntArray
    asks: IntArray

    @classmethod
    def of(cls, side: IntArray, price_ticks: IntArray) -> Slots:
        """Return the levels of orders of these sides and prices."""
        return cls(np.unique(-price_ticks[side == BID]), np.unique(price_ticks[side == ASK]))

    @property
    def count(self) -> int:
        """Number of slots."""
        return len(self.bids) + len(self.asks)

    def find(self, side: IntArray, price_ticks: IntArray) -> IntArray:
        """Return the slot of each level, -1 where no order rests."""
        found = np.full(len(side), -1, np.int64)
        for which, keys, base, sign in self._sides():
            rows = np.flatnonzero(side == which)
            wanted = sign * price_ticks[rows]
            place = np.searchsorted(keys, wanted)
            there = place < len(keys)
            there[there] = keys[place[there]] == wanted[there]
            found[rows[there]] = base + place[there]
        return found

    def reached(self, side: IntArray, price_ticks: IntArray, *, inclusive: bool) -> tuple[IntArray, IntArray]:
        """Return the slots lo … hi of each row's side that are better than its price, or also at it."""
        lo, hi = np.zeros(len(side), np.int64), np.zeros(len(side), np.int64)
        for which, keys, base, sign in self._sides():
            rows = np.flatnonzero(side == which)
            lo[rows] = base
            hi[rows] = base + np.searchsorted(keys, sign * price_ticks[rows], side="right" if inclusive else "left")
        return lo, hi

    def _sides(self) -> Iterator[tuple[int, IntArray, int, int]]:
        yield BID, self.bids, 0, -1
        yield ASK, self.asks, len(self.bids), 1


@dataclass(frozen=True)
class Lives:
    """Stays of real orders in the queues of an L3 tape, by row of the view; all int64 [lives].

    join, end  rows: it joins at `join`; `end` is the row after the one that ended it, NEVER if it outlives the view.
    side, price_ticks, lots: as it joined.  fill_row: of its first execution, -1 for none.
    """

    join: IntArray
    end: IntArray
    side: IntArray
    price_ticks: IntArray
    lots: IntArray
    fill_row: IntArray


def l3_rows(chunks: Iterable[Chunk]) -> Chunk:
    """Return the rows of single orders that the exchange made, as one chunk; ev holds the kind and the side bit only."""
    parts = []
    for chunk in chunks:
        kind = chunk.ev & KIND_MASK
        kept = ((kind == L3_ADD) | (kind == L3_REDUCE) | (kind == L3_EXEC) | (kind == CLEAR)) & ((chunk.ev & EXCH_BIT) != 0)
        parts.append([column[kept] for column in chunk])
    return Chunk(*(np.ascontiguousarray(np.concatenate(columns)) for columns in zip(*parts, strict=True)))


def l3_lives(rows: Chunk) -> tuple[Lives, IntArray]:
    """Return the lives of all orders of `l3_rows`, by join, and the life of each row (-1: of CLEAR)."""
    kind = (rows.ev & KIND_MASK).astype(np.int64)
    _ids, names = np.unique(rows.order_id, return_inverse=True)
    joins = np.flatnonzero(kind == L3_ADD)
    count = len(joins)
    end, fill = np.full(count, NEVER, np.int64), np.full(count, -1, np.int64)
    owner = np.full(len(kind), -1, np.int64)
    _trace_lives(kind, rows.qty_lots.astype(np.int64), names.astype(np.int64), len(_ids), end, fill, owner)
    side = _side(rows.ev)[joins]
    return Lives(joins, end, side, rows.price_ticks[joins].astype(np.int64), rows.qty_lots[joins].astype(np.int64), fill), owner


@entry
def _trace_lives(
    kind: IntArray, lots: IntArray, name: IntArray, names: int, end: IntArray, fill: IntArray, owner: IntArray
) -> None:
    """Follow every order from its add to its end: fills end, fill [lives] and owner [rows]."""
    life = np.full(names, -1, np.int64)
    left = np.zeros(end.shape[0], np.int64)
    count = 0
    for row in range(kind.shape[0]):
        if kind[row] == CLEAR:
            for each in range(count):
                end[each] = min(end[each], row)
        elif kind[row] == L3_ADD:
            life[name[row]] = count
            left[count] = lots[row]
            owner[row] = count
            count += 1
        elif life[name[row]] >= 0:
            mine = life[name[row]]
            owner[row] = mine
            left[mine] -= lots[row]
            if kind[row] == L3_EXEC and fill[mine] < 0:
                fill[mine] = row
            if left[mine] <= 0:
                end[mine] = min(end[mine], row + 1)


def l3_view(rows: Chunk, owner: IntArray, slots: Slots) -> View:
    """Return what the rows of an L3 tape show as levels and trades: every order's rows, its own named."""
    kind = rows.ev & KIND_MASK
    side = _side(rows.ev)
    op = np.full(len(kind), shadow.CLEAR, np.int64)
    for which, into in ((L3_ADD, shadow.ADD), (L3_REDUCE, shadow.REDUCE), (L3_EXEC, shadow.EXECUTE)):
        op[kind == which] = into
    slot = slots.find(side, rows.price_ticks)
    slot[kind == CLEAR] = -1
    lo, hi = slots.reached(side, rows.price_ticks, inclusive=False)
    crossing = slots.reached(1 - side, rows.price_ticks, inclusive=True)
    for mine, other in zip((lo, hi), crossing, strict=True):
        mine[kind == L3_ADD] = other[kind == L3_ADD]
    hi[kind == L3_REDUCE] = lo[kind == L3_REDUCE]
    _clear_ranges(kind, rows, side, slots, lo, hi)
    return View(rows.exch_ts.astype(np.int64), op, slot, lo, hi, rows.qty_lots.astype(np.int64), owner)


def l2_view(chunks: Iterable[Chunk], slots: Slots) -> tuple[View, int]:
    """Return what the rows of a tape of levels show of these slots, and how many trades are left out since they have no side."""
    parts, sideless = [View(*(np.zeros(0, np.int64) for _ in View._fields))], 0
    for chunk in chunks:
        parts.append(_l2_part(chunk, slots))
        sideless += int((((chunk.ev & KIND_MASK) == TRADE) & ((chunk.ev & NO_SIDE_BIT) != 0)).sum())
    return View(*(np.ascontiguousarray(np.concatenate(columns)) for columns in zip(*parts, strict=True))), sideless


def _l2_part(chunk: Chunk, slots: Slots) -> View:
    """Return the rows of a chunk that concern a slot; a BEST row becomes two: what vanishes, and the level."""
    kind = chunk.ev & KIND_MASK
    side = _side(chunk.ev)
    sided = (chunk.ev & NO_SIDE_BIT) == 0
    is_level = (kind == DEPTH) | (kind == SNAPSHOT) | (kind == BEST)
    is_trade = (kind == TRADE) & sided
    seen = (chunk.ev & EXCH_BIT) != 0
    resting = np.where(is_trade, 1 - side, side)
    slot = np.where(is_level | is_trade, slots.find(resting, chunk.price_ticks), -1)
    better = slots.reached(resting, chunk.price_ticks, inclusive=False)
    crossed = slots.reached(1 - side, chunk.price_ticks, inclusive=True)
    has_lots = chunk.qty_lots > 0
    lo = np.where(is_trade, better[0], crossed[0])
    hi = np.where(is_trade, better[1], np.where(has_lots, crossed[1], crossed[0]))
    op = np.where(is_trade, shadow.TRADE, shadow.SET)
    level = _pieces(np.flatnonzero(seen & (is_level | is_trade) & ((slot >= 0) | (hi > lo))), chunk, op, slot, lo, hi, 1)
    best = _pieces(np.flatnonzero(seen & (kind == BEST) & (better[1] > better[0])), chunk, np.full_like(op, shadow.BEST), np.full_like(slot, -1), *better, 0)
    lo, hi = lo.copy(), hi.copy()
    _clear_ranges(kind, chunk, side, slots, lo, hi)
    clear = _pieces(np.flatnonzero(seen & (kind == CLEAR) & (hi > lo)), chunk, np.full_like(op, shadow.CLEAR), np.full_like(slot, -1), lo, hi, 0)
    rank = np.concatenate([part[0] for part in (level, best, clear)])
    order = np.argsort(rank, kind="stable")
    return View(*(np.concatenate(columns)[order] for columns in list(zip(level, best, clear, strict=True))[1:]))


def _pieces(
    rows: IntArray, chunk: Chunk, op: IntArray, slot: IntArray, lo: IntArray, hi: IntArray, second: int
) -> tuple[IntArray, ...]:
    """Return (place among the rows, columns of the view) of chosen rows; second: 1 for what comes after its row's other."""
    owner = np.full(len(rows), -1, np.int64)
    columns = (chunk.exch_ts, op, slot, lo, hi, chunk.qty_lots)
    return (2 * rows + second, *(np.asarray(column, np.int64)[rows] for column in columns), owner)


def _clear_ranges(kind: IntArray, rows: Chunk, side: IntArray, slots: Slots, lo: IntArray, hi: IntArray) -> None:
    """Set the slots that CLEAR rows empty (lo, hi mutated): of one side or both, all or from the best to a price inclusive."""
    clears = np.flatnonzero(kind == CLEAR)
    first, last = slots.reached(side[clears], rows.price_ticks[clears], inclusive=True)
    whole = rows.qty_lots[clears] == 0
    both = (rows.ev[clears] & NO_SIDE_BIT) != 0
    sides = np.where(side[clears] == BID, len(slots.bids), slots.count)
    lo[clears] = np.where(both, 0, first)
    hi[clears] = np.where(both, slots.count, np.where(whole, sides, last))


def _side(ev: IntArray) -> IntArray:
    return ((ev >> 4) & 1).astype(np.int64)
