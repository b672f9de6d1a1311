"""Binance messages to rows: update ids kept in order, snapshots placed, bookTicker fused with depth.

Each message carries the update id of the matching engine up to which it is right. The exchange's order is the
order of these ids. Two views are made from the same messages, because the streams overtake each other: the
Node sees them as they arrived, the Venue in order of their exchange time. A row that would undo something newer
in one of the views is not shown to that view (its EXCH or LOCAL bit stays off):

* a bookTicker is stale if a message with its id or a later one came before it;
* of a depth message, rows at or better than the worst best quote of all bookTickers that came before it with a
  later id are superseded: each of those tickers says what stands there at its own, later id.

Streams of the best levels only (depth5, depth10, depth20) are books of their own: each message replaces everything.

At one exchange time the Venue sees fundings, then trades, which cause the changes of the book, then the book by update
ids. docs/tapes.md, "Binance", is the same for users.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import Counter, deque
from typing import Any, NamedTuple

import numpy as np

from simcore.records import (
    ASK_BIT,
    BEST,
    CLEAR,
    DEPTH,
    EXCH_BIT,
    FUNDING,
    GAP,
    LOCAL_BIT,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
)
from simcore.tape.convert.base import SourceRows
from simcore.units import NS_PER_S

# What a message is. PARTIAL_BOOK: the best levels, first_id is how many at most. NOT_MARKET: a trade of which only the id
# counts, prev_id is PRINT or AGG_TRADE.
DIFF, SNAP, BBO, PRINT, AGG_TRADE, WIPE, HOLE, UNUSED, PARTIAL_BOOK, NOT_MARKET, FUND = range(11)
NO_SIDE = -3  # prev_id of a trade whose aggressor is not known
_EV = np.array(
    [DEPTH, SNAPSHOT, BEST, TRADE, TRADE, CLEAR, GAP | NO_SIDE_BIT, 0, SNAPSHOT, 0, FUNDING | NO_SIDE_BIT], dtype=np.uint8
)
_BOOK = (DIFF, SNAP, BBO, PARTIAL_BOOK)
_BOTH = EXCH_BIT | LOCAL_BIT


class Messages(NamedTuple):
    """Columns of messages, int64 [n]: what it is, times in ns (exch NO_TIME: none), update ids, bid and ask levels, line.

    levels : float64 [sum of bids + asks, 2], price and quantity; a message's bids, then its asks.
    """

    kind: Any
    local: Any
    exch: Any
    first_id: Any
    last_id: Any
    prev_id: Any
    bids: Any
    asks: Any
    line: Any
    levels: Any


def book_rows(messages: Messages, counts: Counter[str]) -> tuple[SourceRows, Any, list[str]]:
    """Return rows in arrival order, each with the bits of the views that see it, the place of each in the exchange's order,
    and warnings; counts is added to. All messages have exchange times.
    """
    sync = _Sync(messages, counts)
    sync.run()
    warnings = sync.warnings()
    messages = sync.grown()
    shown = np.array(sync.shown(), dtype=np.int64).reshape(-1, 3)
    shown = shown[shown[:, 1] != 0]
    rows, exch_rank = _rows(messages, shown[:, 0], shown[:, 1], shown[:, 2], counts)
    return rows, exch_rank, warnings


class _Sync:
    """Follows the update ids as the exchange documents it, in arrival order."""

    def __init__(self, messages: Messages, counts: Counter[str]) -> None:
        self.messages = messages
        self.counts = counts
        kind = messages.kind
        self.bits = np.where(kind == UNUSED, 0, np.where(kind == FUND, EXCH_BIT, _BOTH))
        self._ends = np.cumsum(messages.bids + messages.asks)
        self._tickers = np.flatnonzero(kind == BBO)
        self._newest_ticker = np.maximum.accumulate(messages.last_id[self._tickers])
        self._has_diffs = bool((kind == DIFF).any())
        self._extra_at, self._extra = array("q"), array("q")  # position, before which message; message, bits, local time
        self._made: list[tuple[int, ...]] = []  # messages made here: GAP and CLEAR rows
        self._made_levels: list[tuple[float, float]] = []
        self._accepted: list[int] = []  # depth messages, by ascending last id
        self._accepted_ids: list[int] = []
        self._last = -1  # update id of the book
        self._is_whole = True  # no gap since the last snapshot
        self._late_start_ns = -1

    def run(self) -> None:
        """Decide for every message to whom it is shown, and what is shown besides."""
        kind, last_id = self.messages.kind, self.messages.last_id
        events = np.flatnonzero(np.isin(kind, (DIFF, SNAP, PARTIAL_BOOK)))
        snaps = np.flatnonzero((kind == SNAP) | (kind == PARTIAL_BOOK))
        first = int(snaps[0]) if len(snaps) else -1
        self.counts["snapshots"] = int((kind == SNAP).sum())
        for i, is_diff, u in zip(events.tolist(), (kind[events] == DIFF).tolist(), last_id[events].tolist(), strict=True):
            if not is_diff:
                if self._has_diffs or u > self._last:
                    self._snapshot(i, i == first)
                else:
                    self.bits[i] = 0
                    self.counts["snapshots_not_newer"] += 1
            elif u <= self._last:
                self.bits[i] = 0
                self.counts["depth_not_newer" if self._accepted_ids and u <= self._accepted_ids[-1] else "depth_before_snapshot"] += 1
            else:
                if i > first:
                    self._check_gap(i, i, _BOTH, is_new=True)
                self._accepted.append(i)
                self._accepted_ids.append(u)
                if i > first:
                    self._last = u

    def _snapshot(self, i: int, is_first: bool) -> None:
        """Show CLEAR rows before the snapshot, and after it once more what is newer than it and came before it."""
        m = self.messages
        base, exch = int(m.last_id[i]), int(m.exch[i])
        if is_first:
            self._start_at(i, base, exch)
        if m.kind[i] == SNAP:
            self._wipe(i, is_whole=is_first or not self._is_whole or not self._has_diffs)
        self._last, self._is_whole = base, True
        replay = self._accepted[bisect_right(self._accepted_ids, base) :]
        upto = max(base, int(m.last_id[replay[-1]])) if replay else base
        tickers = self._tickers_before(i, upto)
        for j in replay:
            bits = LOCAL_BIT | (EXCH_BIT if m.exch[j] <= exch else 0)
            self._check_gap(j, i + 1, bits, is_new=is_first)
            self._show(i + 1, j, bits, i)
            self._last = max(self._last, int(m.last_id[j]))
        for j in tickers[np.argsort(m.last_id[tickers], kind="stable")].tolist():
            self._show(i + 1, j, LOCAL_BIT | (EXCH_BIT if m.exch[j] <= exch else 0), i)
        self.counts["depth_shown_again_after_snapshot"] += len(replay)

    def _wipe(self, i: int, is_whole: bool) -> None:
        """Show CLEAR rows before snapshot i: of the whole book, or of the prices that the snapshot covers."""
        m = self.messages
        bids, size = int(m.bids[i]), int(m.bids[i] + m.asks[i])
        levels = m.levels[self._ends[i] - size : self._ends[i]]
        if not is_whole and 0 < bids < size:
            bounds = [(levels[:bids, 0].min(), 1.0), (levels[bids:, 0].max(), 1.0)]
            self._show(i, self._make(WIPE, i, bounds, 1), _BOTH, i)
        else:
            self._show(i, self._make(WIPE, i, [(0.0, 0.0)], 0), _BOTH, i)

    def _tickers_before(self, i: int, upto: int) -> Any:
        """Return the tickers that came before message i and have an id above upto."""
        count = int(np.searchsorted(self._tickers, i))
        first = int(np.searchsorted(self._newest_ticker[:count], upto, "right"))
        tickers = self._tickers[first:count]
        return tickers[self.messages.last_id[tickers] > upto]

    def _start_at(self, i: int, base: int, exch: int) -> None:
        """Drop what came before the first snapshot, but what happened after it: the Venue sees that in its time."""
        m = self.messages
        before = np.arange(len(m.kind)) < i
        newer = np.where((m.kind == DIFF) | (m.kind == BBO), m.last_id > base, True) & (m.exch > exch)
        used = before & (self.bits != 0)
        for kind, name in ((DIFF, "depth"), (BBO, "ticker"), (PRINT, "trades"), (AGG_TRADE, "trades"), (FUND, "fundings")):
            self.counts[f"{name}_before_snapshot"] += int((used & ~newer & (m.kind == kind)).sum())
        self.bits[used] = np.where(newer[used], EXCH_BIT, 0)
        if i:
            self._late_start_ns = int(m.local[i] - m.local[0])

    def _check_gap(self, i: int, position: int, bits: int, is_new: bool) -> None:
        """Show a GAP row before depth message i if it does not continue the book."""
        m = self.messages
        has_prev = int(m.prev_id[i]) >= 0
        start = int(m.prev_id[i]) if has_prev else int(m.first_id[i]) - 1
        if self._last < 0 or start <= self._last:
            return
        missing = 0 if has_prev else start - self._last  # futures ids are shared by all symbols: no count
        self._show(position, self._make(HOLE, i, [(0.0, float(missing))], 0), bits, i if position == i else position - 1)
        self._is_whole = False
        if is_new:
            self.counts["gaps"] += 1
            self.counts["updates_missing"] += missing

    def _make(self, kind: int, like: int, levels: list[tuple[float, float]], asks: int) -> int:
        """Make a message of times and line of another one; return its index."""
        m = self.messages
        self._made.append((kind, m.local[like], m.exch[like], m.last_id[like], m.last_id[like], -1, len(levels) - asks, asks, m.line[like]))
        self._made_levels += levels
        return len(m.kind) + len(self._made) - 1

    def _show(self, position: int, message: int, bits: int, arrival: int) -> None:
        self._extra_at.append(position)
        self._extra.extend((message, bits, int(self.messages.local[arrival])))

    def grown(self) -> Messages:
        """Return the messages with those made here."""
        m = self.messages
        if not self._made:
            return m
        made = np.array(self._made, dtype=np.int64).T
        columns = [np.concatenate((old, new)) for old, new in zip(m[:9], made, strict=True)]
        columns.append(np.concatenate((m.levels, np.array(self._made_levels, dtype=np.float64))))
        return Messages(*columns)

    def shown(self) -> Any:
        """Return int64 [n, 3], in arrival order: message, to whom it is shown (EXCH and LOCAL bits), when the Node receives it."""
        m = self.messages
        plain = np.column_stack((np.arange(len(m.kind)), self.bits, m.local))
        if not self._extra_at:
            return plain
        return np.insert(plain, np.array(self._extra_at), np.array(self._extra).reshape(-1, 3), axis=0)

    def warnings(self) -> list[str]:
        """Return what the user should know."""
        found = []
        if not self.counts["snapshots"] and self._has_diffs:
            found.append("no snapshot: the book starts empty and fills as levels change (right if the source continues another)")
        if self._late_start_ns >= 0:
            trades = self.counts["trades_before_snapshot"]
            lost = f"; {trades} trades before it were left out" if trades else ""
            found.append(f"the tape starts at the first snapshot, {self._late_start_ns / NS_PER_S:.3f} s into the source{lost}")
        if self.counts["depth_not_newer"]:
            found.append(f"{self.counts['depth_not_newer']} depth messages were no newer than the book and were left out (repeats, or out of order)")
        if self.counts["gaps"]:
            found.append(f"{self.counts['gaps']} gaps in the update ids: the book may be wrong until the next snapshot")
        if not self._is_whole:
            found.append("the last gap is not followed by a snapshot: the book may be wrong to the end")
        return found


def _fuse(kind: list[int], ids: list[int], bid: list[float], ask: list[float]) -> tuple[Any, Any, Any]:
    """Apply the rules of the module to messages in the order of one view.

    Returns, each [n]: whether a ticker is fresh; the price from which on (or above) bid rows of a depth message are
    superseded, else inf; the same for asks (or below), else -inf.
    """
    is_fresh = np.ones(len(kind), dtype=bool)
    bid_cap, ask_cap = np.full(len(kind), math.inf), np.full(len(kind), -math.inf)
    newest = -1
    ahead: deque[tuple[int, float, float]] = deque()  # tickers with a later id than any depth message so far
    for k, (what, u) in enumerate(zip(kind, ids, strict=True)):
        if what == BBO:
            if u <= newest:
                is_fresh[k] = False
            else:
                newest = u
                ahead.append((u, bid[k], ask[k]))
        elif what == DIFF:
            newest = max(newest, u)
            while ahead and ahead[0][0] <= u:
                ahead.popleft()
            if ahead:
                bid_cap[k] = min(quote[1] for quote in ahead)
                ask_cap[k] = max(quote[2] for quote in ahead)
        else:
            newest = u
            ahead.clear()
    return is_fresh, bid_cap, ask_cap


def _exch_order(m: Messages, index: Any, exch: Any) -> Any:
    """Return the shown messages in the exchange's order: time, then fundings, trades, book; then ids; then arrival."""
    kind = m.kind[index]
    rank = np.where(kind == FUND, 0, np.where((kind == PRINT) | (kind == AGG_TRADE), 1, 2))
    return np.lexsort((m.last_id[index], rank, exch))


def _rows(m: Messages, index: Any, bits: Any, local: Any, counts: Counter[str]) -> tuple[SourceRows, Any]:
    """Expand shown messages to rows, each with the bits of the views that see it; return also each one's place in the
    exchange's order. A book of the best levels begins with a CLEAR row.
    """
    sizes = m.bids + m.asks
    starts = (np.cumsum(sizes) - sizes)[index]
    kind, exch = m.kind[index], m.exch[index]
    lead = (kind == PARTIAL_BOOK).astype(np.int64)
    size = sizes[index] + lead
    owner = np.repeat(np.arange(len(index)), size)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size) - lead[owner]
    is_lead = place < 0
    is_ask = place >= m.bids[index][owner]
    level = np.where(is_lead, 0, place + starts[owner])
    levels = m.levels if len(m.levels) else np.zeros((1, 2))
    price, qty = (np.where(is_lead, 0.0, levels[level, column]) for column in (0, 1))
    in_exch_order = _exch_order(m, index, exch)
    row_bits = _view_bits(m, index, bits, in_exch_order, (owner, is_ask, price), counts)
    ev = _EV[kind[owner]] | np.where(is_ask, ASK_BIT, 0).astype(np.uint8)
    ev[is_lead | ((kind[owner] == WIPE) & (qty == 0))] = CLEAR | NO_SIDE_BIT
    is_sideless = ((kind == PRINT) | (kind == AGG_TRADE)) & (m.prev_id[index] == NO_SIDE)
    ev[is_sideless[owner]] = TRADE | NO_SIDE_BIT
    is_empty_side = (kind[owner] == BBO) & (price == 0)
    ev[is_empty_side] = ev[is_empty_side] & ~np.uint8(15) | CLEAR
    qty = np.where(is_empty_side, 0.0, qty)
    keep = row_bits != 0
    counts["rows_seen_by_neither"] = int((~keep).sum())
    exch_rank = np.empty(len(index), dtype=np.int64)
    exch_rank[in_exch_order] = np.arange(len(index))
    rows = SourceRows(
        exch[owner][keep], local[owner][keep], (ev | row_bits)[keep], price[keep], qty[keep], np.zeros(0, dtype=np.int64),
        m.line[index][owner][keep],
    )  # fmt: skip
    return rows, exch_rank[owner][keep]


def _view_bits(m: Messages, index: Any, bits: Any, in_exch_order: Any, rows: tuple[Any, Any, Any], counts: Counter[str]) -> Any:
    """Return the bits of the views that see each row (owner, is_ask, price): the rules of the module, once a view."""
    owner, is_ask, price = rows
    kind = m.kind[index]
    first = (np.cumsum(m.bids + m.asks) - m.bids - m.asks)[index]
    is_ticker = kind == BBO
    bid, ask = np.zeros(len(index)), np.zeros(len(index))
    bid[is_ticker] = m.levels[first[is_ticker], 0]
    ask[is_ticker] = m.levels[first[is_ticker] + 1, 0]
    ask[is_ticker & (ask == 0)] = math.inf  # an empty side
    row_bits = np.zeros(len(owner), dtype=np.uint8)
    for bit, order in ((LOCAL_BIT, np.arange(len(index))), (EXCH_BIT, in_exch_order)):
        order = order[((bits[order] & bit) != 0) & np.isin(kind[order], _BOOK)]
        fresh, bid_cap, ask_cap = (np.full(len(index), x) for x in (True, math.inf, -math.inf))
        fresh[order], bid_cap[order], ask_cap[order] = _fuse(
            kind[order].tolist(), m.last_id[index[order]].tolist(), bid[order].tolist(), ask[order].tolist()
        )
        seen = (bits[owner] & bit != 0) & fresh[owner]
        superseded = seen & np.where(is_ask, price <= ask_cap[owner], price >= bid_cap[owner])
        row_bits |= np.where(seen & ~superseded, bit, 0).astype(np.uint8)
        view = "node" if bit == LOCAL_BIT else "venue"
        counts[f"ticker_stale_for_{view}"] = int((~fresh).sum())
        counts[f"depth_rows_superseded_for_{view}"] = int(superseded.sum())
    return row_bits
