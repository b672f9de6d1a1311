"""Binance messages to rows: update ids kept in order, snapshots placed, bookTicker fused with depth.

Each message carries the update id of the matching engine up to which it is right. The exchange's order is the
order of these ids. Two views are made from the same messages, because the streams overtake each other: the
Node sees them as they arrived, the Venue in order of their exchange time. A row that would undo something newer
in one of the views is not shown to that view (its EXCH or LOCAL bit stays off):

* a bookTicker is stale if a message with its id or a later one came before it;
* of a depth message, rows at or better than the worst best quote of all bookTickers that came before it with a
  later id are superseded: each of those tickers says what stands there at its own, later id.

docs/tapes.md, "Binance", is the same for users.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, deque
from typing import Any, NamedTuple

import numpy as np

from simcore.records import ASK_BIT, BEST, CLEAR, DEPTH, EXCH_BIT, GAP, LOCAL_BIT, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert.base import SourceRows
from simcore.units import NS_PER_S

DIFF, SNAP, BBO, PRINT, AGG_TRADE, WIPE, HOLE, UNUSED = range(8)
_EV = np.array([DEPTH, SNAPSHOT, BEST, TRADE, TRADE, CLEAR, GAP | NO_SIDE_BIT, 0], dtype=np.uint8)
_BOTH = EXCH_BIT | LOCAL_BIT
_NO_TIME = -1


class Messages(NamedTuple):
    """Columns of messages, int64 [n]: what it is, times in ns (exch -1: none), update ids, bid and ask levels, line.

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


class _Shown(NamedTuple):
    """A message as it is shown: its index, to whom (EXCH and LOCAL bits), and when the Node receives it."""

    message: int
    bits: int
    local: int


def book_rows(messages: Messages, counts: Counter[str]) -> tuple[SourceRows, list[str]]:
    """Return rows in arrival order, each with the bits of the views that see it; counts is added to."""
    warnings: list[str] = []
    messages = _with_exchange_times(messages, counts, warnings)
    kind = _one_trade_stream(messages, counts)
    sync = _Sync(messages._replace(kind=kind), counts)
    sync.run()
    warnings += sync.warnings()
    messages = sync.grown()
    shown = np.array(sync.shown(), dtype=np.int64).reshape(-1, 3)
    shown = shown[shown[:, 1] != 0]
    return _rows(messages, shown[:, 0], shown[:, 1], shown[:, 2], counts), warnings


def _one_trade_stream(messages: Messages, counts: Counter[str]) -> Any:
    """Return the kinds without aggTrades where single trades exist, and without repeated trades."""
    kind = messages.kind.copy()
    if (kind == PRINT).any():
        counts["ignored_aggTrade"] += int((kind == AGG_TRADE).sum())
        kind[kind == AGG_TRADE] = UNUSED
    trades = np.flatnonzero((kind == PRINT) | (kind == AGG_TRADE))
    if len(trades):
        ids = messages.last_id[trades]
        before = np.concatenate(([ids[0] - 1], np.maximum.accumulate(ids)[:-1]))
        counts["trades_repeated"] += int((ids <= before).sum())
        counts["trades_missing"] += int((ids - before - 1)[ids > before].sum())
        kind[trades[ids <= before]] = UNUSED
    return kind


def _with_exchange_times(messages: Messages, counts: Counter[str], warnings: list[str]) -> Messages:
    """Estimate the exchange time of messages without one (spot bookTicker and snapshots).

    Local time less the median feed delay of the messages that have both, but between the event times of the
    depth messages that end before its update id and at or after it, and never against the order of the ids.
    """
    kind, exch = messages.kind, messages.exch.copy()
    missing = exch == _NO_TIME
    if not missing.any():
        return messages
    counts["exchange_times_estimated"] = int(missing.sum())
    known = ~missing
    delay = int(np.median(messages.local[known] - exch[known])) if known.any() else 0
    exch[missing] = messages.local[missing] - delay
    if not known.any():
        warnings.append("no message has an exchange time: exchange time was set to local time")
    diffs = np.flatnonzero(kind == DIFF)
    diffs = diffs[np.argsort(messages.last_id[diffs], kind="stable")]
    if len(diffs):
        ids, times = messages.last_id[diffs], np.maximum.accumulate(exch[diffs])
        fill = np.flatnonzero(missing)
        after = np.searchsorted(ids, messages.last_id[fill], "left")
        lo = np.where(after > 0, times[after - 1], 0)
        hi = np.where(after < len(ids), times[np.minimum(after, len(ids) - 1)], np.iinfo(np.int64).max)
        exch[fill] = np.clip(exch[fill], lo, hi)
        snaps = fill[kind[fill] == SNAP]
        upto = np.searchsorted(ids, messages.last_id[snaps], "right")
        exch[snaps] = times[np.maximum(upto - 1, 0)]
    tickers = np.flatnonzero(missing & (kind == BBO))
    tickers = tickers[np.argsort(messages.last_id[tickers], kind="stable")]
    exch[tickers] = np.maximum.accumulate(exch[tickers])
    return messages._replace(exch=exch)


class _Sync:
    """Follows the update ids as the exchange documents it, in arrival order."""

    def __init__(self, messages: Messages, counts: Counter[str]) -> None:
        self.messages = messages
        self.counts = counts
        self.bits = np.where(messages.kind == UNUSED, 0, _BOTH)
        self._extra: list[tuple[int, _Shown]] = []  # shown just before the message at this position
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
        events = np.flatnonzero((kind == DIFF) | (kind == SNAP))
        snaps = np.flatnonzero(kind == SNAP)
        first = int(snaps[0]) if len(snaps) else -1
        self.counts["snapshots"] = len(snaps)
        for i, is_snap, u in zip(events.tolist(), (kind[events] == SNAP).tolist(), last_id[events].tolist(), strict=True):
            if is_snap:
                self._snapshot(i, i == first)
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
        levels = m.levels[self._offset(i) : self._offset(i + 1)]
        bids = int(m.bids[i])
        if not is_first and self._is_whole and 0 < bids < len(levels):
            bounds = [(levels[:bids, 0].min(), 1.0), (levels[bids:, 0].max(), 1.0)]
            self._show(i, self._make(WIPE, i, bounds, 1), _BOTH, i)
        else:
            self._show(i, self._make(WIPE, i, [(0.0, 0.0)], 0), _BOTH, i)
        self._last, self._is_whole = base, True
        replay = self._accepted[bisect_right(self._accepted_ids, base) :]
        tickers = np.flatnonzero(m.kind[:i] == BBO)
        upto = max(base, int(m.last_id[replay[-1]])) if replay else base
        tickers = tickers[m.last_id[tickers] > upto]
        for j in replay:
            bits = LOCAL_BIT | (EXCH_BIT if m.exch[j] <= exch else 0)
            self._check_gap(j, i + 1, bits, is_new=is_first)
            self._show(i + 1, j, bits, i)
            self._last = max(self._last, int(m.last_id[j]))
        for j in tickers[np.argsort(m.last_id[tickers], kind="stable")].tolist():
            self._show(i + 1, j, LOCAL_BIT | (EXCH_BIT if m.exch[j] <= exch else 0), i)
        self.counts["depth_shown_again_after_snapshot"] += len(replay)

    def _start_at(self, i: int, base: int, exch: int) -> None:
        """Drop what came before the first snapshot, but what happened after it: the Venue sees that in its time."""
        m = self.messages
        before = np.arange(len(m.kind)) < i
        newer = np.where((m.kind == DIFF) | (m.kind == BBO), m.last_id > base, True) & (m.exch > exch)
        used = before & (self.bits != 0)
        for kind, name in ((DIFF, "depth"), (BBO, "ticker"), (PRINT, "trades"), (AGG_TRADE, "trades")):
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
        self._extra.append((position, _Shown(message, bits, int(self.messages.local[arrival]))))

    def _offset(self, i: int) -> int:
        return int((self.messages.bids[:i] + self.messages.asks[:i]).sum())

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
        """Return int64 [n, 3] of `_Shown`, in arrival order."""
        m = self.messages
        plain = np.column_stack((np.arange(len(m.kind)), self.bits, m.local))
        if not self._extra:
            return plain
        at = [position for position, _ in self._extra]
        return np.insert(plain, at, np.array([one for _, one in self._extra], dtype=np.int64), axis=0)

    def warnings(self) -> list[str]:
        """Return what the user should know."""
        found = []
        m = self.messages
        if not self.counts["snapshots"] and (m.kind == DIFF).any():
            found.append("no snapshot: the book starts empty and fills as levels change (right if the source continues another)")
        if self._late_start_ns >= 0:
            found.append(f"the tape starts at the first snapshot, {self._late_start_ns / NS_PER_S:.3f} s into the source")
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
        elif what == SNAP:
            newest = u
            ahead.clear()
    return is_fresh, bid_cap, ask_cap


def _rows(m: Messages, index: Any, bits: Any, local: Any, counts: Counter[str]) -> SourceRows:
    """Expand shown messages to rows, each with the bits of the views that see it."""
    sizes = m.bids + m.asks
    starts = np.cumsum(sizes) - sizes
    kind, exch, size = m.kind[index], m.exch[index], sizes[index]
    owner = np.repeat(np.arange(len(index)), size)
    level = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size) + starts[index][owner]
    is_ask = level - starts[index][owner] >= m.bids[index][owner]
    price, qty = m.levels[level, 0], m.levels[level, 1]
    is_ticker = kind == BBO
    bid, ask = np.zeros(len(index)), np.zeros(len(index))
    bid[is_ticker] = m.levels[starts[index[is_ticker]], 0]
    ask[is_ticker] = m.levels[starts[index[is_ticker]] + 1, 0]
    ask[is_ticker & (ask == 0)] = math.inf  # an empty side
    row_bits = np.zeros(len(owner), dtype=np.uint8)
    for bit, order in ((LOCAL_BIT, np.arange(len(index))), (EXCH_BIT, np.argsort(exch, kind="stable"))):
        order = order[((bits[order] & bit) != 0) & (kind[order] <= BBO)]
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
    ev = _EV[kind[owner]] | np.where(is_ask, ASK_BIT, 0).astype(np.uint8) | row_bits
    is_whole_wipe = (kind[owner] == WIPE) & (qty == 0)
    ev[is_whole_wipe] |= NO_SIDE_BIT
    is_empty_side = (kind[owner] == BBO) & (price == 0)
    ev[is_empty_side] = ev[is_empty_side] & ~np.uint8(15) | CLEAR
    qty = np.where(is_empty_side, 0.0, qty)
    keep = row_bits != 0
    counts["rows_seen_by_neither"] = int((~keep).sum())
    return SourceRows(
        exch[owner][keep], local[owner][keep], ev[keep], price[keep], qty[keep], np.zeros(0, dtype=np.int64),
        m.line[index][owner][keep],
    )  # fmt: skip
