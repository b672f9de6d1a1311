"""What both ends share in reading tape rows: kinds with flags, and how late the feed is."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.records import BEST, EXCH_BIT, KIND_MASK, LOCAL_BIT, SNAPSHOT, TRADE, Record

# What the plain loops tell apart: the flag of their clock with the kind.
EXCH_KIND_MASK, LOCAL_KIND_MASK = EXCH_BIT | KIND_MASK, LOCAL_BIT | KIND_MASK
PLAIN_EXCH, PLAIN_LOCAL = EXCH_BIT | SNAPSHOT, LOCAL_BIT | SNAPSHOT
BEST_EXCH, BEST_LOCAL = EXCH_BIT | BEST, LOCAL_BIT | BEST
TRADE_EXCH, TRADE_LOCAL = EXCH_BIT | TRADE, LOCAL_BIT | TRADE


@kernel
def feed_latency(rows: Record, bit: int, first: int, stop: int, before: int) -> int:
    """Return the feed latency of the last row in [first, stop) that has the bit, `before` if there is none."""
    i = stop - 1
    while i >= first:
        if at.ev(rows)[i] & bit:
            return at.local_ts(rows)[i] - at.exch_ts(rows)[i]
        i -= 1
    return before
