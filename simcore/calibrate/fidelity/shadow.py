"""Shadows: orders that are followed through what a tape of levels shows, by any queue model, without an engine.

A shadow joins its level, moves up by trades and by the model's guess where cancels came from, and is filled when a trade
goes past what is ahead of it (docs/semantics.md 4.2 and 4.4, its first lot). It touches nobody, so thousands are followed
at once; a pass over a day costs little, and a fit makes hundreds.

Beside the guess stands its uncertainty. Each cancelled lot was ahead with the model's share p, or it was not: a cancel of
d lots adds d² p (1 − p) to the variance of the lots ahead, which is at most ahead · (level − ahead), that of a quantity
between 0 and the level. `z` is how many standard deviations a trade has gone past the order, the most so far.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from simcore.jit import entry, kernel
from simcore.kernels import queue, queue_matched
from simcore.records import FloatArray, IntArray

SET, ADD, REDUCE, EXECUTE, TRADE, BEST, CLEAR = range(7)
MATCHED = 100  # the code of `queue_matched`, beside those of `queue`
NEVER = (1 << 63) - 1
Z_NONE, Z_SURE = -1e9, 1e9
VARIANCE_LEAST = 1e-3  # lots²: what is certain is a step of a few hundredths of a lot, not a division by 0
OUT_ROW, OUT_SEEN, OUT_CROSSED = range(3)
Z_BEFORE, Z_AT, ENTRY, AHEAD = range(4)


class View(NamedTuple):
    """What a tape shows of the levels where orders rest; all int64 [rows], see `shadow_rows.py`.

    ts     exchange time, ns.  op: SET … CLEAR.  slot: of the row's level, -1 if no order rests there.
    lo, hi slots that the row reaches: a trade goes through them; of a level row, those of the other side that it crosses;
           of BEST and CLEAR, those that vanish.  lots: absolute for SET and BEST, else the change.
    owner  the order whose own row this is, -1 for all others.
    """

    ts: IntArray
    op: IntArray
    slot: IntArray
    lo: IntArray
    hi: IntArray
    lots: IntArray
    owner: IntArray


class Orders(NamedTuple):
    """Orders to shadow; all int64 [orders], sorted by join.

    join, end  an order joins before row `join` and leaves before row `end`; NEVER: stays, as all do that really filled.  slot: its level.
    fill_lo, fill_hi  ns: when it really filled first, between these times; NEVER if it did not.
    """

    join: IntArray
    end: IntArray
    slot: IntArray
    fill_lo: IntArray
    fill_hi: IntArray


class Shadows(NamedTuple):
    """What became of the shadows, [orders] each.

    row        row that filled the shadow, -1 for none.  seen: whether the tape traded at or through the price, or crossed it,
               when the real order filled.  crossed: whether the book was crossed at its price before that.
    z_before, z_at  most standard deviations that trades went past it: before the real fill, and up to it; else up to its end.
    entry_lots, ahead_lots  lots ahead when it joined, and at the end.
    """

    row: IntArray
    seen: IntArray
    crossed: IntArray
    z_before: FloatArray
    z_at: FloatArray
    entry_lots: FloatArray
    ahead_lots: FloatArray


def follow(view: View, orders: Orders, bids: int, asks: int, model: int, params: FloatArray) -> Shadows:
    """Follow all orders through a view by one model.

    bids, asks  number of slots a side.  params: float64 [5]; `queue`'s models use the first, n.
    """
    count = len(orders.join)
    found = np.zeros((3, count), np.int64)
    measured = np.zeros((4, count), np.float64)
    ends = np.argsort(orders.end, kind="stable").astype(np.int64)
    _follow(view, orders, ends, bids, asks, model, np.ascontiguousarray(params, np.float64), found, measured)
    return Shadows(*found, *measured)


class _Place(NamedTuple):
    """Where shadows are: lists by slot, and each one's state."""

    best: IntArray  # [2] no slot of bids, of asks, before this one has a shadow
    lots: IntArray  # [slots] of the tape
    head: IntArray  # [slots] first order + 1
    after: IntArray  # [orders] next order + 1
    before: IntArray
    own: IntArray  # [orders] lots of the real order that the tape's level holds
    ahead: FloatArray
    over: FloatArray  # lots that traded since nothing was ahead
    traded: FloatArray
    variance: FloatArray
    z: FloatArray


@entry
def _follow(
    view: View, orders: Orders, ends: IntArray, bids: int, asks: int, model: int, params: FloatArray, found: IntArray, measured: FloatArray
) -> None:  # fmt: skip
    count = orders.join.shape[0]
    at = _Place(
        np.full(2, bids + asks, np.int64), np.zeros(bids + asks, np.int64), np.zeros(bids + asks, np.int64),
        np.zeros(count, np.int64), np.zeros(count, np.int64),
        np.zeros(count, np.int64), np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count), np.full(count, Z_NONE),
    )  # fmt: skip
    found[OUT_ROW] = -1
    measured[Z_BEFORE] = Z_NONE
    measured[Z_AT] = Z_NONE
    joined, ended = 0, 0
    join, end, order_slot = orders.join, orders.end, orders.slot
    ops, row_slot, los, his, all_lots, owners = view.op, view.slot, view.lo, view.hi, view.lots, view.owner
    level, head, best = at.lots, at.head, at.best  # a field of a tuple costs more than the row
    for row in range(ops.shape[0]):
        while ended < count and end[ends[ended]] <= row:
            if join[ends[ended]] < row:
                _unlink(at, order_slot[ends[ended]], ends[ended])
            ended += 1
        while joined < count and join[joined] <= row:
            if end[joined] > row:
                _join(at, order_slot[joined], joined, bids, model, measured)
            joined += 1
        op, slot, lo, hi, lots = ops[row], row_slot[row], los[row], his[row], all_lots[row]
        if op in (BEST, CLEAR):
            for gone in range(lo, hi):
                if op == BEST and level[gone] != 0 and head[gone] != 0:
                    _level_changed(at, gone, level[gone], 0, -1, model, params)
                level[gone] = 0
            continue
        if lo < hi:
            if op == ADD and owners[row] >= 0:
                _note_cross(level, lo, hi, owners[row], found)
            for reached in range(_first(head, best, lo, hi), hi):
                if head[reached] != 0:
                    _fill_all(view, row, at, orders, reached, found, measured, op in (SET, ADD))
        if slot < 0:
            continue
        if op in (TRADE, EXECUTE) and head[slot] != 0:
            _traded(view, row, at, orders, slot, lots, found, measured)
        if op != TRADE:
            new = lots
            if op != SET:
                new = level[slot] + lots if op == ADD else max(level[slot] - lots, 0)
            if head[slot] != 0:
                _level_changed(at, slot, level[slot], new, owners[row], model, params)
            level[slot] = new
    measured[AHEAD] = at.ahead


@kernel
def _note_cross(level: IntArray, lo: int, hi: int, order: int, found: IntArray) -> None:
    """Note an order that joins at a price where the other side of the book still has lots."""
    for met in range(lo, hi):
        if level[met] > 0:
            found[OUT_CROSSED, order] = 1


@kernel
def _first(head: IntArray, best: IntArray, lo: int, hi: int) -> int:
    """Return the first slot from lo to hi, hi excluded, that has a shadow; hi if none has. lo is where its side begins."""
    side = 1 if lo > 0 else 0
    slot = max(lo, best[side])
    while slot < hi and head[slot] == 0:
        slot += 1
    best[side] = max(best[side], slot)
    return int(slot)


@kernel
def _join(at: _Place, slot: int, order: int, bids: int, model: int, measured: FloatArray) -> None:
    """Put a shadow behind all that its level shows."""
    at.ahead[order] = 0.0 if model == queue.FRONT else float(at.lots[slot])
    measured[ENTRY, order] = at.ahead[order]
    side = 1 if slot >= bids > 0 else 0  # as `_first` tells sides: by where a range of slots begins
    at.best[side] = min(at.best[side], slot)
    at.after[order] = at.head[slot]
    if at.head[slot] != 0:
        at.before[at.head[slot] - 1] = order + 1
    at.head[slot] = order + 1


@kernel
def _unlink(at: _Place, slot: int, order: int) -> None:
    """Take a shadow out of the list of its level."""
    if at.before[order] != 0:
        at.after[at.before[order] - 1] = at.after[order]
    else:
        at.head[slot] = at.after[order]
    if at.after[order] != 0:
        at.before[at.after[order] - 1] = at.before[order]


@kernel
def _fill_all(
    view: View, row: int, at: _Place, orders: Orders, slot: int, found: IntArray, measured: FloatArray, crossing: bool
) -> None:
    """Fill all shadows of a level: a trade went through their price, or the book came to it.

    One whose real order has filled leaves for good: it is followed only until it fills, too.
    """
    link = at.head[slot]
    while link != 0:
        order = link - 1
        link = at.after[order]
        if found[OUT_ROW, order] < 0:
            found[OUT_ROW, order] = row
        if crossing and view.ts[row] < orders.fill_lo[order]:
            found[OUT_CROSSED, order] = 1
        _note(view.ts[row], order, Z_SURE, at, orders, found, measured)
        if view.ts[row] > orders.fill_hi[order]:
            _unlink(at, slot, order)


@kernel
def _traded(
    view: View, row: int, at: _Place, orders: Orders, slot: int, lots: int, found: IntArray, measured: FloatArray
) -> None:
    """Lots traded at a level: they come off what is ahead of each shadow, and reach it when nothing is left."""
    ts = view.ts[row]
    all_ahead, all_over, traded, variance, z, after = at.ahead, at.over, at.traded, at.variance, at.z, at.after
    fill_lo, fill_hi = orders.fill_lo, orders.fill_hi
    link = at.head[slot]
    while link != 0:
        order = link - 1
        link = after[order]
        if found[OUT_ROW, order] >= 0 and ts > fill_hi[order]:
            _unlink(at, slot, order)  # both have filled
            continue
        ahead = all_ahead[order] - lots
        traded[order] += lots
        if ahead < -0.5 and found[OUT_ROW, order] < 0:  # `queue.reached_lots` is above 0
            found[OUT_ROW, order] = row
        all_ahead[order] = max(ahead, 0.0)
        all_over[order] += max(-ahead, 0.0)
        past = all_over[order] - all_ahead[order] - 0.5
        z[order] = max(z[order], past / math.sqrt(variance[order] + VARIANCE_LEAST))
        if ts < fill_lo[order]:
            measured[Z_BEFORE, order] = z[order]
        if ts <= fill_hi[order]:
            measured[Z_AT, order] = z[order]
            if ts >= fill_lo[order]:
                found[OUT_SEEN, order] = 1


@kernel
def _note(
    ts: int, order: int, z: float, at: _Place, orders: Orders, found: IntArray, measured: FloatArray
) -> None:
    """Keep the largest z, and what it was before and at the real fill."""
    at.z[order] = max(at.z[order], z)
    if ts < orders.fill_lo[order]:
        measured[Z_BEFORE, order] = at.z[order]
    if ts <= orders.fill_hi[order]:
        measured[Z_AT, order] = at.z[order]
        if ts >= orders.fill_lo[order]:
            found[OUT_SEEN, order] = 1


@kernel
def _level_changed(
    at: _Place, slot: int, previous: int, new: int, owner: int, model: int, params: FloatArray
) -> None:
    """Move the shadows of a level that went from previous to new lots; of its owner's row only the others see anything."""
    own, ahead, traded, variance, after = at.own, at.ahead, at.traded, at.variance, at.after
    n, second, third, fourth, fifth = params[0], params[1], params[2], params[3], params[4]
    link = at.head[slot]
    while link != 0:
        order = link - 1
        if order == owner:
            own[order] = max(own[order] + new - previous, 0)
        elif ahead[order] > 0.0:
            mine = own[order]
            if model == MATCHED:
                ahead[order], share, cancelled = queue_matched.step(
                    ahead[order], previous - mine, new - mine, traded[order], n, second, third, fourth, fifth
                )
            else:
                share, cancelled = _cancelled(model, n, ahead[order], previous - mine, new - mine, traded[order])
                ahead[order] = queue.after_change(model, n, ahead[order], previous - mine, new - mine, traded[order])
            grown = variance[order] + cancelled * min(cancelled, float(previous - mine)) * share * (1.0 - share)
            left = ahead[order]  # with the memory of `queue_matched`, less than a sixteenth of a lot too much
            variance[order] = min(grown, max(left, 0.0) * max(new - mine - left, 0.0))
        traded[order] = 0.0
        link = after[order]


@kernel
def _cancelled(model: int, n: float, ahead: float, previous: int, new: int, traded: float) -> tuple[float, float]:
    """Return (share of the cancelled lots that a model of `queue` takes for ahead, cancelled lots)."""
    cancelled = max(previous - new - traded, 0.0)
    if cancelled <= 0.0 or model == queue.RISK_AVERSE or model == queue.FRONT:
        return 0.0, cancelled
    behind = queue.behind_probability(model, n, ahead, max(previous - ahead, 0.0))
    return min(max(1.0 - behind, 0.0), 1.0), cancelled
