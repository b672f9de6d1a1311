"""Where cancels came from: every cancel of an L3 tape, seen from the orders that wait at its price.

An L3 tape tells of each cancelled lot whether it stood ahead of a waiting order or behind it. That is what a queue model
guesses, so its formula can be fitted to cancels themselves, of which there are far more than fills; they also say whether
anything else that a tape of levels shows (`KNOWN`) would help the guess.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simcore.calibrate.fidelity.shadow import ADD, CLEAR, EXECUTE, REDUCE, Orders, View
from simcore.jit import entry, kernel
from simcore.kernels import queue_matched
from simcore.records import FloatArray, IntArray

KNOWN = ("queue size", "imbalance", "spread", "age of level", "trade rate")
PAIRS_MAX = 30_000  # pairs of a cancel and an order that waits; of more an even share is kept
NEAR = 3  # levels behind the best that count: far from it cancels are of another kind, and no fill depends on them
_COLUMNS = 6 + len(KNOWN)
RATE_NS = 10_000_000_000  # trades count for so long in the trade rate


class Cancels(NamedTuple):
    """Pairs of a cancel and an order that waits at its price, with lots on both sides of it; [pairs].

    row      of the cancel.  front, back: lots ahead of and behind the order.  lots: that were cancelled.
    matched  whether they are as many as in one of the last joins behind the order (`queue_matched`).  ahead: where they stood.
    known    [KNOWN, pairs]: lots of the level; lots of the best level of the other side over those of this one, plus one each;
             slots between the best levels; ns since the level came to be; lots that traded in RATE_NS.
    """

    row: IntArray
    front: FloatArray
    back: FloatArray
    lots: FloatArray
    matched: IntArray
    ahead: IntArray
    known: FloatArray

    def part(self, chosen: IntArray) -> Cancels:
        """Return chosen pairs."""
        columns = (self.front, self.back, self.lots)
        front, back, lots = (column[chosen] for column in columns)
        return Cancels(self.row[chosen], front, back, lots, self.matched[chosen], self.ahead[chosen], self.known[:, chosen])


class _Market(NamedTuple):
    """The book of the slots, and who waits where."""

    lots: IntArray  # [slots]
    born_ts: IntArray  # [slots] ns
    head: IntArray  # [slots] first order + 1
    after: IntArray  # [orders] next order + 1
    before: IntArray
    own: IntArray  # [orders] lots of the order itself
    front: IntArray  # [orders] lots ahead of it
    sizes: IntArray  # [orders] last joins behind it, as `queue_matched` codes them
    best: IntArray  # [2] no slot of bids, of asks, before this one has lots


def cancels_of(view: View, orders: Orders, bids: IntArray, asks: IntArray) -> Cancels:
    """Return the pairs of a view in which every row's owner is one of the orders. bids, asks: keys of the slots (`Slots`).

    Thinned to PAIRS_MAX, always the same ones.
    """
    keys = np.concatenate([bids, asks]).astype(np.int64)
    count = _walk(view, orders, keys, len(bids), 1, np.zeros((_COLUMNS, 0)))
    every = max(-(-count // PAIRS_MAX), 1)
    found = np.zeros((_COLUMNS, -(-count // every)))
    kept = _walk(view, orders, keys, len(bids), every, found)
    row, front, back, lots, matched, ahead, *known = found[:, :kept]
    return Cancels(row.astype(np.int64), front, back, lots, matched.astype(np.int64), ahead.astype(np.int64), np.array(known))


@entry
def _walk(view: View, orders: Orders, keys: IntArray, bids: int, every: int, found: FloatArray) -> int:
    """Walk through a view; fill found [columns, pairs] with one pair of `every`, and return how many there are."""
    slots, count = keys.shape[0], orders.join.shape[0]
    at = _Market(
        np.zeros(slots, np.int64), np.zeros(slots, np.int64), np.zeros(slots, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64),
        np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, np.int64), np.array([0, bids], np.int64),
    )  # fmt: skip
    traded, oldest, pairs, kept = 0, 0, 0, 0
    for row in range(view.op.shape[0]):
        op, slot, lots, owner, ts = view.op[row], view.slot[row], view.lots[row], view.owner[row], view.ts[row]
        while oldest < row and view.ts[oldest] < ts - RATE_NS:
            if view.op[oldest] == EXECUTE:
                traded -= view.lots[oldest]
            oldest += 1
        if op == CLEAR:
            for gone in range(view.lo[row], view.hi[row]):
                at.lots[gone] = 0
                at.head[gone] = 0
        if slot < 0:
            continue
        if op == ADD:
            _added(at, slot, owner, lots, ts, bids)
            continue
        if op == EXECUTE:
            traded += lots
        elif op == REDUCE and slot - _best(at, 1 if slot >= bids else 0, slots if slot >= bids else bids) <= NEAR:
            link = at.head[slot]
            while link != 0:
                order = link - 1
                link = at.after[order]
                back = at.lots[slot] - at.own[order] - at.front[order]
                if order != owner and at.front[order] > 0 and back > 0 and lots <= at.front[order] + back:
                    if pairs % every == 0:
                        if found.shape[1] > 0:
                            _note(at, keys, bids, slot, row, ts, order, owner, lots, traded, found[:, kept])
                        kept += 1
                    pairs += 1
        _left(at, slot, owner, lots, op == REDUCE)
    return kept


@kernel
def _added(at: _Market, slot: int, owner: int, lots: int, ts: int, bids: int) -> None:
    """Put an order behind its level; the others remember its size."""
    link = at.head[slot]
    while link != 0:
        at.sizes[link - 1] = queue_matched.remembered(at.sizes[link - 1], lots)
        link = at.after[link - 1]
    if at.lots[slot] == 0:
        at.born_ts[slot] = ts
    if owner >= 0:
        at.own[owner], at.front[owner] = lots, at.lots[slot]
        at.after[owner] = at.head[slot]
        if at.head[slot] != 0:
            at.before[at.head[slot] - 1] = owner + 1
        at.before[owner] = 0
        at.head[slot] = owner + 1
    at.lots[slot] += lots
    side = 1 if slot >= bids else 0
    at.best[side] = min(at.best[side], slot)


@kernel
def _left(at: _Market, slot: int, owner: int, lots: int, is_cancel: bool) -> None:
    """Take lots of an order off its level, and off what is ahead of all that joined later."""
    link = at.head[slot]
    while link != 0:
        order = link - 1
        link = at.after[order]
        if order == owner:
            at.own[order] -= lots
            if at.own[order] <= 0:
                _unlink(at, slot, order)
            continue
        if 0 <= owner < order:
            at.front[order] = max(at.front[order] - lots, 0)
        if is_cancel:
            place = queue_matched.place_of(at.sizes[order], lots)
            if place >= 0:
                at.sizes[order] = queue_matched.forgotten(at.sizes[order], place)
    at.lots[slot] = max(at.lots[slot] - lots, 0)


@kernel
def _unlink(at: _Market, slot: int, order: int) -> None:
    """Take an order out of the list of its level."""
    if at.before[order] != 0:
        at.after[at.before[order] - 1] = at.after[order]
    else:
        at.head[slot] = at.after[order]
    if at.after[order] != 0:
        at.before[at.after[order] - 1] = at.before[order]


@kernel
def _note(
    at: _Market, keys: IntArray, bids: int, slot: int, row: int, ts: int, order: int, owner: int, lots: int, traded: int, into: FloatArray
) -> None:  # fmt: skip
    """Write down a pair, and what a tape of levels shows beside it."""
    slots = keys.shape[0]
    bid, ask = _best(at, 0, bids), _best(at, 1, slots)
    here, there = (bid, ask) if slot < bids else (ask, bid)
    mine = at.lots[here] if here < slots else 0
    other = at.lots[there] if there < slots and (there >= bids or slot >= bids) else 0
    into[0], into[1], into[2], into[3] = row, at.front[order], at.lots[slot] - at.own[order] - at.front[order], lots
    into[4] = 1.0 if queue_matched.place_of(at.sizes[order], lots) >= 0 else 0.0
    into[5] = 1.0 if 0 <= owner < order else 0.0
    into[6] = at.lots[slot] - at.own[order]
    into[7] = (other + 1) / (mine + 1)
    into[8] = keys[ask] + keys[bid] if bid < bids and ask < slots else 0
    into[9] = ts - at.born_ts[slot]
    into[10] = traded


@kernel
def _best(at: _Market, side: int, end: int) -> int:
    """Return the first slot of a side that has lots, `end` if none has."""
    slot = at.best[side]
    while slot < end and at.lots[slot] == 0:
        slot += 1
    at.best[side] = slot
    return int(slot)
