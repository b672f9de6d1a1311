"""The rows of a book of price levels, and the rules that every level source shares.

Every level source (Tardis, Hyperliquid, the exchanges of cryptofeed, NautilusTrader, DBN) has the same needs: a first
snapshot that the tape starts at, gaps, trades that are known by their id, an exchange time that does not undo the order
of the updates. `LevelRows` does that once, and counts what it left out or repaired.

The rules: rows come in arrival order. Updates of one book are in the order in which the exchange made them, so an update
id or the order of a stream outranks a clock: an exchange time before that of an earlier update is raised to it. At one
receive time (for the Node) and at one exchange time (for the Venue) trades come before book changes: they cause them.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Hashable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from simcore.errors import ConvertError
from simcore.records import (
    ASK,
    ASK_BIT,
    BEST,
    BID,
    CLEAR,
    DEPTH,
    GAP,
    KIND_MASK,
    NO_SIDE_BIT,
    SNAPSHOT,
    TIME_END,
    TRADE,
)
from simcore.tape.convert.base import SourceRows
from simcore.units import NS_PER_S, to_decimal

NO_SIDE = -1  # a trade whose aggressor the source does not name
_TIME_START = 946_684_800 * NS_PER_S  # 2000-01-01
_NAMES_MAX = 50  # names of unknown messages that are counted one by one
_NAME_LENGTH = 40
_SIZE_MIN, _SIZE_MAX = Decimal("1e-18"), Decimal("1e18")

Level = tuple[Any, Any]  # price, quantity: decimal strings or numbers


class LevelRows:
    """Collects rows in arrival order, in compact columns.

    counts : what was left out or repaired, by name (mutated).
    """

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.has_snapshot = False
        self.is_whole = True  # no gap since the last snapshot
        self._exch, self._local, self._line = array("q"), array("q"), array("q")
        self._ev = array("B")
        self._price, self._qty = array("d"), array("d")
        self._book_ts = 0  # exchange time of the last update, ns
        self._ids: set[Hashable] = set()
        self._at = (0, 0, 0)

    def at(self, exch_ts: int, local_ts: int, line: int) -> None:
        """Stamp the rows that follow, times in ns. CONV-004 for times that are none of our age."""
        for ts, name in ((exch_ts, "exchange time"), (local_ts, "local time")):
            if not _TIME_START <= ts < TIME_END:
                raise ConvertError("CONV-004", f"line {line}: {name} {ts} ns is not of our age")
        self._at = (exch_ts, local_ts, line)

    def trade(self, side: int, price: Any, qty: Any, trade_id: Hashable = None) -> None:
        """Print a trade; side is the aggressor's: BID, ASK or NO_SIDE. One with an id that was seen is counted only."""
        amount = number(qty)
        if amount == 0:
            self.counts["trades_without_quantity"] += 1
            return
        if trade_id is not None:
            if trade_id in self._ids:
                self.counts["trades_repeated"] += 1
                return
            self._ids.add(trade_id)
        if side == NO_SIDE:
            self.counts["trades_without_side"] += 1
        self._emit(self._at[0], TRADE | (NO_SIDE_BIT if side == NO_SIDE else ASK_BIT if side == ASK else 0), number(price), amount)

    def snapshot(self, bids: Iterable[Level], asks: Iterable[Level], apart: bool = False, goes_on: bool = False) -> None:
        """Replace the book; levels without quantity are none. The tape starts at the first snapshot.

        apart : the snapshot came on a way of its own (REST), so updates that arrived before it may be newer by their
        exchange time; they are shown once more after it. Of what arrived before the first snapshot only these stay,
        and trades that are newer.
        goes_on : these are further levels of the snapshot before, which has cleared the book.
        """
        newer = [] if goes_on else self._newer(apart)
        self.has_snapshot = self.is_whole = True
        exch_ts = self._book_time()
        if not goes_on:
            self.counts["snapshots"] += 1
            self._emit(exch_ts, CLEAR | NO_SIDE_BIT, 0.0, 0.0)
        for levels, ev in ((bids, SNAPSHOT), (asks, SNAPSHOT | ASK_BIT)):
            for price, qty in levels:
                amount = number(qty)
                if amount == 0:
                    self.counts["snapshot_levels_without_quantity"] += 1
                else:
                    self._emit(exch_ts, ev, number(price), amount)
        for old_ts, ev, price_value, qty_value in newer:
            if ev & KIND_MASK != TRADE:
                self._book_ts = max(self._book_ts, old_ts)
                old_ts = self._book_ts
            self._emit(old_ts, ev, price_value, qty_value)

    def levels(self, side: int, changes: Iterable[Level]) -> None:
        """Set levels of a side; quantity 0 removes one."""
        exch_ts = self._book_time()
        ev = DEPTH | ASK_BIT if side == ASK else DEPTH
        for price, qty in changes:
            self._emit(exch_ts, ev, number(price), number(qty))

    def best(self, side: int, price: Any, qty: Any) -> None:
        """State the best quote of a side; without a quantity (or price) the side is empty."""
        bit = ASK_BIT if side == ASK else 0
        amount, at = number(qty), number(price)
        if amount == 0 or at == 0:
            self._emit(self._book_time(), CLEAR | bit, 0.0, 0.0)
        else:
            self._emit(self._book_time(), BEST | bit, at, amount)

    def gap(self, missing: int = 0) -> None:
        """Say that updates are missing here (0: nobody knows how many)."""
        self.is_whole = False
        self.counts["gaps"] += 1
        self.counts["updates_missing"] += missing
        self._emit(self._book_time(), GAP | NO_SIDE_BIT, 0.0, float(missing))

    def lost(self, local_ts: int, line: int) -> None:
        """Say that a connection was lost: updates are missing since the last one, nobody knows how many."""
        self.at(self._book_ts or local_ts, local_ts, line)
        self.gap()

    def note_trade(self, trade_id: Hashable) -> None:
        """Remember a trade that is not taken, so that it is known as repeated when it comes again."""
        self._ids.add(trade_id)

    def missing_trades(self) -> None:
        """Count the trades that are missing in ids that run without holes."""
        ids = [one for one in self._ids if isinstance(one, int)]
        if ids:
            self.counts["trades_missing"] += max(ids) - min(ids) + 1 - len(ids)

    def __len__(self) -> int:
        return len(self._ev)

    def source_rows(self) -> SourceRows:
        """Return the columns in arrival order; trades before book changes of the same receive time."""
        ev = np.array(self._ev, dtype=np.uint8)
        local: Any = np.array(self._local, dtype=np.int64)
        order = trades_first(local, ev)
        order = np.arange(len(ev)) if order is None else order
        return SourceRows(
            np.array(self._exch, dtype=np.int64)[order], local[order], ev[order], np.array(self._price, dtype=np.float64)[order],
            np.array(self._qty, dtype=np.float64)[order], np.zeros(0, np.int64), np.array(self._line, dtype=np.int64)[order],
        )  # fmt: skip

    def warnings(self) -> list[str]:
        """Return what the user should know."""
        found = []
        count = self.counts
        if not self.has_snapshot and any(ev & KIND_MASK == DEPTH for ev in self._ev):
            found.append("no snapshot: the book starts empty and fills as levels change")
        if count["gaps"]:
            found.append(f"{count['gaps']} gaps: the book may be wrong until the next snapshot")
        if not self.is_whole:
            found.append("the last gap is not followed by a snapshot: the book may be wrong to the end")
        for name, text in (
            ("trades_repeated", "trades were there before, by their ids, and were left out"),
            ("trades_without_quantity", "trades have no quantity and were left out"),
            ("trades_before_snapshot", "trades came before the first snapshot and were left out"),
            ("trades_missing", "trades are missing, by their ids"),
        ):
            if count[name]:
                found.append(f"{count[name]} {text}")
        return found + unknown_kinds(count)

    def _book_time(self) -> int:
        """Return the exchange time of the update, raised to that of the update before it."""
        exch_ts = self._at[0]
        if exch_ts < self._book_ts:
            self.counts["exchange_times_raised"] += 1
            return self._book_ts
        self._book_ts = exch_ts
        return exch_ts

    def _emit(self, exch_ts: int, ev: int, price: float, qty: float) -> None:
        self._exch.append(exch_ts)
        self._local.append(self._at[1])
        self._ev.append(ev)
        self._price.append(price)
        self._qty.append(qty)
        self._line.append(self._at[2])

    def _newer(self, apart: bool) -> list[tuple[int, int, float, float]]:
        """Return what is newer than the snapshot that comes now, of the rows so far; forget the rows before the first."""
        exch_ts, is_first = self._at[0], not self.has_snapshot
        found: list[tuple[int, int, float, float]] = []
        if not is_first and not apart:
            return found
        for i in range(0 if is_first else self._first_after(exch_ts), len(self._ev)):
            kind = self._ev[i] & KIND_MASK
            wanted = is_first if kind == TRADE else apart and kind == DEPTH
            if wanted and self._exch[i] > exch_ts:
                found.append((self._exch[i], self._ev[i], self._price[i], self._qty[i]))
            elif is_first and kind != GAP:
                self.counts["trades_before_snapshot" if kind == TRADE else "levels_before_snapshot"] += 1
        if is_first:
            for column in (self._exch, self._local, self._ev, self._price, self._qty, self._line):
                del column[:]
            self._book_ts = 0
        else:
            self.counts["levels_shown_again_after_snapshot"] += len(found)
        return found

    def _first_after(self, exch_ts: int) -> int:
        """Return the position of the first book row after exch_ts."""
        i = len(self._ev)
        while i and (self._ev[i - 1] & KIND_MASK == TRADE or self._exch[i - 1] > exch_ts):
            i -= 1
        return i


class Covered:
    """Full snapshots of the best levels, one after another, as the changes between them.

    A level is gone if a snapshot does not show it although it reaches so deep; deeper levels are not known and stay as
    they were last seen. A snapshot of fewer levels than `depth` shows all of its side.
    """

    def __init__(self, rows: LevelRows, depth: int) -> None:
        self.rows = rows
        self.depth = depth
        self._qty: tuple[dict[float, float], dict[float, float]] = ({}, {})
        self._prices: tuple[list[float], list[float]] = ([], [])  # sorted

    def show(self, bids: Iterable[Level], asks: Iterable[Level]) -> None:
        """Take one snapshot at the time of `rows.at`."""
        shown = [{number(price): number(qty) for price, qty in levels if number(qty)} for levels in (bids, asks)]
        if not self.rows.has_snapshot:
            self.rows.snapshot(shown[BID].items(), shown[ASK].items())
            for side in (BID, ASK):
                self._qty[side].update(shown[side])
                self._prices[side].extend(sorted(shown[side]))
            return
        for side in (BID, ASK):
            self._change(side, shown[side])

    def _change(self, side: int, shown: dict[float, float]) -> None:
        qty, prices = self._qty[side], self._prices[side]
        first, last = 0, len(prices)
        if len(shown) >= self.depth:
            first, last = (first, bisect_right(prices, max(shown))) if side == ASK else (bisect_left(prices, min(shown)), last)
        gone = [price for price in prices[first:last] if price not in shown]
        changed = [(price, amount) for price, amount in shown.items() if qty.get(price) != amount]
        self.rows.counts["levels_unchanged"] += len(shown) - len(changed)
        self.rows.counts["levels_gone"] += len(gone)
        self.rows.levels(side, [*((price, 0.0) for price in gone), *changed])
        prices[first:last] = [price for price in prices[first:last] if price in shown]
        for price in gone:
            del qty[price]
        for price, amount in changed:
            if price not in qty:
                insort(prices, price)
            qty[price] = amount


def trades_first(local_ts: Any, ev: Any) -> Any:
    """Return the order that puts trades first among rows of one receive time, or None if they stand so."""
    is_book = (ev & np.uint8(KIND_MASK)) != TRADE
    late = (local_ts[1:] == local_ts[:-1]) & ~is_book[1:] & is_book[:-1]
    if not late.any():
        return None
    run = np.cumsum(np.concatenate(([True], local_ts[1:] != local_ts[:-1])))
    return np.lexsort((is_book, run))


def exch_rank(rows: SourceRows) -> Any:
    """Return each row's place in the exchange's order, int64 [n]: by time; within one time trades first, as they cause changes."""
    is_book = (rows.ev & np.uint8(KIND_MASK)) != TRADE
    order = np.lexsort((is_book, rows.exch_ts))
    is_later = (np.diff(rows.exch_ts[order]) != 0) | (np.diff(is_book[order].astype(np.int8)) != 0)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.concatenate(([0], np.cumsum(is_later))) if len(order) else 0
    return rank


def stated_sizes(hints: dict[str, str], where: str) -> dict[str, str]:
    """Return the hints of a source. CONV-004 for a tick, lot or contract size that is none."""
    for name in ("tick_size", "lot_size", "contract_size"):
        if name in hints:
            try:
                is_size = _SIZE_MIN <= to_decimal(hints[name]) <= _SIZE_MAX
            except ValueError:
                is_size = False
            if not is_size:
                raise ConvertError("CONV-004", f"{where}: {name} {hints[name]!r:.40}, expected {_SIZE_MIN} to {_SIZE_MAX}")
    return hints


def unknown_kinds(counts: Counter[str]) -> list[str]:
    """Return the warning about messages of unknown kinds, if there are any."""
    names = sorted(name.removeprefix("unknown_") for name in counts if name.startswith("unknown_"))
    total = sum(counts[f"unknown_{name}"] for name in names)
    return [f"{total} messages of unknown kinds were left out: {', '.join(names[:8])}"] if names else []


def count_unknown(counts: Counter[str], name: Any) -> None:
    """Count a message of a kind that no rule knows, by its name; names come from outside and are cut and limited."""
    text = "".join(c if c.isascii() and (c.isalnum() or c in "_-.@") else "?" for c in str(name)[:_NAME_LENGTH])
    key = f"unknown_{text or 'nameless'}"
    if key not in counts and sum(1 for one in counts if one.startswith("unknown_")) >= _NAMES_MAX:
        key = "unknown_others"
    counts[key] += 1


def number(value: Any) -> float:
    """Return the float nearest to a decimal string or number. ValueError, TypeError for anything else."""
    kind = type(value)
    if kind is float or kind is int:
        return float(value)
    if kind is not str:
        raise TypeError(f"{value!r} is not a number")
    if "_" in value:
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def whole(value: Any) -> int:
    """Return a whole number written as such. ValueError, TypeError for anything else."""
    if type(value) is int:
        return value
    if type(value) is not str or "_" in value or len(value) > 20:
        raise TypeError(f"{value!r:.40} is not a whole number")
    return int(value)


def iso_time(text: str) -> int:
    """Return the ns of a time in UTC, `2021-04-17T16:43:37.075687Z` (the Z may be missing), exactly."""
    date, _, fraction = text.removesuffix("Z").partition(".")
    when = datetime.fromisoformat(f"{date}+00:00")
    return int(when.timestamp()) * NS_PER_S + decimal_seconds(f"0.{fraction}" if fraction else "0")


def decimal_seconds(text: str) -> int:
    """Return the ns of a decimal number of seconds, exactly; digits after the ninth are dropped."""
    seconds, _, fraction = text.partition(".")
    if not seconds.isdecimal() or len(seconds) > 12 or (fraction and not fraction.isdecimal()):
        raise ValueError(f"{text!r:.40} is not a time in seconds")
    return int(seconds) * NS_PER_S + int(fraction[:9].ljust(9, "0"))
