"""One file order for two views: exchange order for the Venue, local order for the Node.

Where a capture's two orders agree, a row is written once and both see it. Where they differ, the message is
written twice, once for each view. The messages written once are a longest (by rows) subsequence of the local
order that is also in exchange order, so as few rows as possible are doubled.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.jit import entry
from simcore.records import BOTH_BITS, EXCH_BIT, LOCAL_BIT


def merge_views(exch_order: Any, local_ts: Any, ev: Any, line: Any) -> tuple[Any, Any]:
    """Return (row : int64 [m], bits : uint8 [m]): the rows in file order, and the view bits of each.

    Arguments, each [n], are in arrival order; local_ts is non-decreasing over rows with the LOCAL bit; ev holds the
    view bits of each row. Rows of equal line, order and time next to each other are one message and stay together.
    The exchange order is by exch_order (exchange times, or places in the exchange's own order), then arrival.
    """
    n = len(ev)
    view = ev & np.uint8(BOTH_BITS)
    seen = exch_order[(view & EXCH_BIT) != 0]
    if not len(seen) or not (seen[1:] < seen[:-1]).any():
        return np.arange(n), view
    is_start = np.ones(n, dtype=bool)
    is_start[1:] = (line[1:] != line[:-1]) | (exch_order[1:] != exch_order[:-1]) | (local_ts[1:] != local_ts[:-1])
    starts = np.flatnonzero(is_start)
    sizes = np.diff(starts, append=n)
    message_view = np.bitwise_or.reduceat(view, starts)
    at = exch_order[starts]
    both = np.flatnonzero(message_view == BOTH_BITS)
    _, ranks = np.unique(at[both], return_inverse=True)
    is_anchor = np.zeros(len(starts), dtype=bool)
    is_anchor[both[heaviest_rise(ranks.astype(np.int64), sizes[both].astype(np.int64))]] = True

    in_exch = np.flatnonzero(message_view & EXCH_BIT)
    in_exch = in_exch[np.argsort(at[in_exch], kind="stable")]
    in_local = np.flatnonzero(message_view & LOCAL_BIT)
    # Sort key: how many anchors come before, then Venue's own rows, Node's own rows, the anchor itself.
    parts = []
    for order, bit, first in ((in_exch, EXCH_BIT, 0), (in_local, LOCAL_BIT, 1)):
        is_shared = is_anchor[order]
        passed = np.cumsum(is_shared) - is_shared
        own = np.flatnonzero(~is_shared)
        parts.append((order[own], np.full(len(own), bit), passed[own], np.full(len(own), first), own))
    anchors = np.flatnonzero(is_anchor)
    parts.append((anchors, np.full(len(anchors), BOTH_BITS), np.arange(len(anchors)), np.full(len(anchors), 2), anchors))
    message, bits, before, rank, place = (np.concatenate(column) for column in zip(*parts, strict=True))
    sequence = np.lexsort((place, rank, before))
    message, bits = message[sequence], bits[sequence]
    size = sizes[message]
    row = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size) + np.repeat(starts[message], size)
    shown = view[row] & np.repeat(bits, size).astype(np.uint8)
    return row[shown != 0], shown[shown != 0]


@entry
def heaviest_rise(ranks: Any, weights: Any) -> Any:
    """Return the positions of a heaviest non-decreasing subsequence, ascending.

    ranks : int64 [n], 0 <= rank < n.  weights : int64 [n], > 0. Ties are decided for the earlier predecessor.
    A Fenwick tree holds, for each rank, the heaviest chain that ends at or below it (Fredman 1975, with weights).
    """
    n = len(ranks)
    best = np.zeros(n + 1, dtype=np.int64)  # tree over ranks: weight of the heaviest chain
    last = np.full(n + 1, -1, dtype=np.int64)  # and the position where it ends
    before = np.full(n, -1, dtype=np.int64)
    top = -1
    top_weight = 0
    for i in range(n):
        weight = 0
        k = int(ranks[i]) + 1
        while k > 0:
            if best[k] > weight:
                weight = int(best[k])
                before[i] = last[k]
            k -= k & -k
        weight += int(weights[i])
        k = int(ranks[i]) + 1
        while k <= n:
            if weight > best[k]:
                best[k] = weight
                last[k] = i
            k += k & -k
        if weight > top_weight:
            top_weight = weight
            top = i
    length = 0
    i = top
    while i >= 0:
        length += 1
        i = int(before[i])
    found = np.empty(length, dtype=np.int64)
    i = top
    for k in range(length - 1, -1, -1):
        found[k] = i
        i = int(before[i])
    return found
