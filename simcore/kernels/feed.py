"""What both ends share in reading tape rows: which rows are due, and how late the feed is."""

from __future__ import annotations

from simcore.jit import inlined, kernel, unsigned
from simcore.kernels import at
from simcore.records import BEST, EXCH_BIT, KIND_MASK, LOCAL_BIT, SNAPSHOT, TRADE, IntArray, Record

# What the plain loops tell apart: the flag of their clock with the kind.
EXCH_KIND_MASK, LOCAL_KIND_MASK = EXCH_BIT | KIND_MASK, LOCAL_BIT | KIND_MASK
PLAIN_EXCH, PLAIN_LOCAL = EXCH_BIT | SNAPSHOT, LOCAL_BIT | SNAPSHOT
BEST_EXCH, BEST_LOCAL = EXCH_BIT | BEST, LOCAL_BIT | BEST
TRADE_EXCH, TRADE_LOCAL = EXCH_BIT | TRADE, LOCAL_BIT | TRADE

# Rows whose times are looked at in one go.
BLOCK_ROWS = 128


@inlined
def first_after(times: IntArray, lo: int, hi: int, until_ts: int) -> int:
    """Return the first index in [lo, hi) whose time is after until_ts, hi if none; times are non-decreasing."""
    # Not a search by halves: rows are read in order, as the memory likes it.
    while lo + 8 <= hi and times[unsigned(lo + 7)] <= until_ts:
        lo += 8
    while lo < hi and times[unsigned(lo)] <= until_ts:
        lo += 1
    return lo


@kernel
def feed_latency(rows: Record, bit: int, first: int, stop: int, before: int) -> int:
    """Return the feed latency of the last row in [first, stop) that has the bit, `before` if there is none."""
    i = stop - 1
    while i >= first:
        if at.ev(rows)[i] & bit:
            return at.local_ts(rows)[i] - at.exch_ts(rows)[i]
        i -= 1
    return before
