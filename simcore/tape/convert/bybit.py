"""Bybit historical order book (ob500 zip: one JSON message a line) and public trades (CSV).

Book messages: `type` snapshot or delta, `data` with bids `b` and asks `a` as [price, quantity] strings
(quantity 0 removes the level), update id `u` and sequence `seq`; `cts` is when the matching engine made the
book, `ts` when the push system sent it. A snapshot replaces the whole book; an update id that does not
continue the last one is a gap, good again from the next snapshot. Update ids outrank clocks: where a time goes
back from one message to the next, it is raised.

There is no receive time. `cts` becomes exch_ts and `ts` local_ts: the earliest time at which a client could
have seen the row, so feed latency is understated by the network (add it with a latency or clock option).
Trades carry one time only, the match, cut to the ms of the book's clock; their local_ts is that time plus the median
of ts − cts. In either view trades come before the book rows of their time: they caused them. Trades never move book rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, BOTH_BITS, CLEAR, DEPTH, GAP, KIND_MASK, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert.base import ConvertOptions, Source, SourceRows
from simcore.tape.convert.bybit_market import INVERSE_CONTRACT, Evidence, decide, of_folder, of_quantities, of_topic
from simcore.tape.convert.bybit_trades import TradeFile, floats, read_trades, trade_rows
from simcore.tape.convert.unpacked import lines, members
from simcore.tape.convert.views import merge_views
from simcore.units import NS_PER_MS

_TS_LO = 1_000_000_000_000  # ms: 2001; earlier or later is not a time in ms
_TS_HI = 9_000_000_000_000  # ms: 2255, and the ns still fit int64
_LATE_MAX = 100_000  # update ids left out that are remembered, in case they come late
_SAID = {
    "trades_repeated": "trades were in the files twice and were taken once",
    "trades_without_quantity": "trades of quantity 0 were dropped",
    "trades_of_other_symbols": "trades of other symbols were left out",
    "late_deltas_dropped": "deltas came after later ones and were dropped",
    "exchange_times_raised": "exchange times of the book went back and were raised to the time before them",
    "local_times_raised": "local times of the book went back and were raised to the time before them",
    "rows_written_twice": "rows are out of exchange order and were written twice, once for each clock",
    "book_gaps": "gaps in the update ids; the book is wrong until the next snapshot",
}  # counts that a warning tells of


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read ob500 files and, if given, trade files (told apart by content) as one L2 source.

    Raises ConvertError: CONV-001 no file, CONV-002 no rows, CONV-003 unreadable, CONV-004 bad value,
    CONV-006 several symbols, CONV-010 several markets, CONV-011 book files not in time order.
    """
    counts: Counter[str] = Counter()
    book = _Book(counts)
    files: list[TradeFile] = []
    evidence: list[Evidence] = []
    for path in paths:
        for name, parts in members(path, options):
            first = next((block for block in parts if block.strip()), b"")
            if first.lstrip()[:1] == b"{":
                book.read(f"{path}: {name}", lines(chain([first], parts), f"{path}: {name}"))
                evidence += of_folder(path)
            elif first:
                files.append(read_trades(path, name, b"".join(chain([first], parts)), counts))
    symbol = _symbol(book, files, options.symbol)
    rows = book.columns()
    evidence += [*book.evidence, *of_quantities(rows.qty[(rows.ev & KIND_MASK) != GAP], "book quantities")]
    mine = [file for file in files if symbol in file.symbols or "" in file.symbols]
    market = decide(symbol, [*evidence, *(one for file in mine for one in file.evidence)], options)
    if files:
        rows = _merged(rows, trade_rows(files, symbol, bool(len(rows.ev)), book.median_lag(), counts), counts)
    if not len(rows.ev):
        raise ConvertError("CONV-002", f"{paths[0]}: no order book messages and no trades")
    warnings = [*market.warnings, *(f"{counts[name]} {text}" for name, text in _SAID.items() if counts[name])]
    warnings += [f"{file.where}: no symbol there: taken as {symbol}" for file in mine if "" in file.symbols]
    if not mine:
        warnings.append("no trade file was given: queues move by book changes only, and no trade can fill an order")
    is_inverse = market.kind == "inverse"
    return Source(
        rows=rows, level="l2", venue=market.venue, symbol=symbol, kind=market.kind,
        hints={"contract_size": INVERSE_CONTRACT} if is_inverse else {}, counts=dict(counts), warnings=warnings,
        has_local_clock=book.has_two_clocks, flagged=bool((rows.ev & BOTH_BITS).any()),
        inferred=("kind", "contract_size") if is_inverse else ("kind",),
    )  # fmt: skip


class _Book:
    """Rows of the order book messages read so far."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.symbols: set[str] = set()
        self.evidence: list[Evidence] = []
        self.has_two_clocks = False
        self._last_u: int | None = None
        self._last: tuple[Any, ...] = ()
        self._missing: set[int] = set()  # update ids that were left out and may come late
        self._ended: tuple[str, int] | None = None  # the file before this one, and its last time
        self._times = (0, 0)  # of the last message, as raised
        self._rows: list[tuple[int, int, int, str, str, int]] = []
        self._lags: list[int] = []
        self._line = 0

    def read(self, where: str, found: Iterable[tuple[bytes, bool]]) -> None:
        """Read the lines of one file; a last line that was cut off is counted, any other bad line refused."""
        sent = None
        for number, (line, is_cut) in enumerate(found):
            if not line.strip():
                continue
            self._line += 1
            try:
                message = json.loads(line)
            except (ValueError, RecursionError) as exc:
                if is_cut:
                    self.counts["truncated_last_line"] += 1
                    break
                raise ConvertError("CONV-003", f"{where}: line {number + 1}: not JSON: {exc}") from exc
            try:
                if sent is None:
                    self._check_order(where, message)
                sent = self._message(message)
            except ConvertError as exc:
                raise ConvertError(exc.code, f"{where}: line {number + 1}: {exc.cause}") from exc
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as exc:
                raise ConvertError("CONV-003", f"{where}: line {number + 1}: not an order book message: {exc!r}") from exc
        if sent is not None:
            self._ended = (where, sent)

    def _check_order(self, where: str, message: dict[str, Any]) -> None:
        """Refuse a file that begins before the one before it ended, unless its update ids go on: they outrank clocks."""
        if self._ended is None or (message["type"] == "delta" and self._last_u is not None and int(message["data"]["u"]) == self._last_u + 1):
            return
        first = _ms(message["ts"])
        if first < self._ended[1]:
            raise ConvertError("CONV-011", f"{where} begins at {first} ns, before the end {self._ended[1]} ns of {self._ended[0]}")

    def _message(self, message: dict[str, Any]) -> int:
        """Take a message; return when it was sent, ns."""
        kind, data = message["type"], message["data"]
        if kind not in ("snapshot", "delta"):
            raise ConvertError("CONV-003", f"type {kind!r}; expected snapshot or delta")
        sent = _ms(message["ts"])
        matched = _ms(message.get("cts", message["ts"]))
        symbol, update = str(data["s"]), int(data["u"])
        if symbol not in self.symbols:
            self.symbols.add(symbol)
            self.evidence += of_topic(message.get("topic"))
        if not self._is_news(kind, update, (kind, update, matched, sent, data["b"], data["a"])):
            return sent
        if "cts" in message:
            self.has_two_clocks = True
            self._lags.append(sent - matched)
        for name, time, last in (("exchange_times_raised", matched, self._times[0]), ("local_times_raised", sent, self._times[1])):
            if time < last:
                self.counts[name] += 1
        exch, local = self._times = (max(matched, self._times[0]), max(sent, self._times[1]))
        rows, line = self._rows, self._line
        if kind == "snapshot":
            rows.append((exch, local, CLEAR | NO_SIDE_BIT, "0", "0", line))
            self.counts["snapshots"] += 1
            self._missing.clear()
        elif self._last_u is not None and update != self._last_u + 1:
            self.counts["book_gaps"] += 1
            rows.append((exch, local, GAP | NO_SIDE_BIT, "0", str(update - self._last_u - 1), line))
            self._missing.update(range(self._last_u + 1, min(update, self._last_u + 1 + _LATE_MAX - len(self._missing))))
        self._last_u = update
        code = SNAPSHOT if kind == "snapshot" else DEPTH
        for levels, ev in ((data["b"], code), (data["a"], code | ASK_BIT)):
            for price, qty in levels:
                rows.append((exch, local, ev, price, qty, line))
        return sent

    def _is_news(self, kind: str, update: int, key: tuple[Any, ...]) -> bool:
        """Return whether a message says something new; count it if not. An id that was seen is repeated, one that was not is late."""
        if kind == "delta" and self._last_u is None:
            self.counts["deltas_before_first_snapshot"] += 1
            return False
        if key == self._last or (kind == "delta" and self._last_u is not None and update <= self._last_u):
            is_late = kind == "delta" and update in self._missing
            self._missing.discard(update)
            self.counts["late_deltas_dropped" if is_late else f"repeated_{kind}s_dropped"] += 1
            return False
        self._last = key
        return True

    def median_lag(self) -> int:
        """Return the median of ts - cts, whole ms in ns (0 if unknown)."""
        return int(np.median(self._lags)) // NS_PER_MS * NS_PER_MS if self._lags else 0

    def columns(self) -> SourceRows:
        """Return the rows as columns, in order of the update ids."""
        if not self._rows:
            ints, numbers = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float64)
            return SourceRows(ints, ints, np.zeros(0, dtype=np.uint8), numbers, numbers, ints, ints)
        exch, local, ev, price, qty, line = zip(*self._rows, strict=True)
        number = np.array(line, dtype=np.int64)
        return SourceRows(
            np.array(exch, dtype=np.int64),
            np.array(local, dtype=np.int64),
            np.array(ev, dtype=np.uint8),
            floats(price, number, "price"),
            floats(qty, number, "quantity"),
            np.zeros(0, dtype=np.int64),
            number,
        )


def _merged(book: SourceRows, trades: SourceRows, counts: Counter[str]) -> SourceRows:
    """Put trades among book rows, which keep their order: in either view a trade comes before the book rows of its time.

    Where the orders of the two views differ the rows are in the tape's final order, with the bits of who sees them.
    """
    columns = [np.concatenate([getattr(book, name), getattr(trades, name)]) for name in SourceRows._fields if name != "order_id"]
    is_book = (columns[2] & KIND_MASK) != TRADE
    order = np.lexsort((is_book, columns[1]))
    exch, local, ev, price, qty, line = (column[order] for column in columns)
    if len(book.ev):
        rank = exch // NS_PER_MS * 2 + is_book[order]  # whole ms all of them: the Venue's order
        if (rank[1:] < rank[:-1]).any():
            row, bits = merge_views(rank, local, ev | np.uint8(BOTH_BITS), line)
            if len(row) > len(ev):
                counts["rows_written_twice"] += len(row) - len(ev)
            exch, local, ev, price, qty, line = (column[row] for column in (exch, local, ev, price, qty, line))
            ev = ev | bits
    return SourceRows(exch, local, ev, price, qty, np.zeros(0, dtype=np.int64), line)


def _symbol(book: _Book, files: Sequence[TradeFile], wanted: str | None) -> str:
    """Return the instrument: the one that is there, or the one wanted. CONV-006 if that is not one."""
    symbols = book.symbols | {str(symbol) for file in files for symbol in file.symbols if symbol}
    if wanted and symbols and wanted not in symbols:
        raise ConvertError("CONV-006", f"no {wanted} here; the source is of {', '.join(sorted(symbols))[:200]}")
    if not wanted and len(symbols) > 1:
        raise ConvertError("CONV-006", f"symbols {', '.join(sorted(symbols))[:200]}")
    symbol = wanted or next(iter(symbols), "")
    if book.symbols and book.symbols != {symbol}:
        raise ConvertError("CONV-006", f"the order book is of {', '.join(sorted(book.symbols))}, not only {symbol}")
    return symbol


def _ms(value: Any) -> int:
    """Return ns of a time in ms."""
    number = int(value)
    if not _TS_LO < number < _TS_HI:
        raise ConvertError("CONV-004", f"time {value} is not in ms of our age")
    return number * NS_PER_MS
