"""Tardis CSV: incremental_book_L2, book_snapshot_5/10/25, quotes and trades of one instrument.

What a file holds is told by its header, and files are merged by local_timestamp, so their order does not matter; at one
local time trades come first, since they cause book changes. Times are in µs. One kind of file makes the book: the
deepest that is there. Source: Tardis's documents, "Downloadable CSV files".
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from simcore.errors import ConvertError
from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.levels import NO_SIDE, Covered, Level, LevelRows, exch_rank, number, whole
from simcore.tape.convert.text_lines import cut_off, lines
from simcore.units import NS_PER_US

_ALWAYS = ("exchange", "symbol", "timestamp", "local_timestamp")
_HEADERS = {
    "trades": ("id", "side", "price", "amount"),
    "incremental_book_L2": ("is_snapshot", "side", "price", "amount"),
    "quotes": ("ask_amount", "ask_price", "bid_price", "bid_amount"),
}
_LEVEL = re.compile(r"^(asks|bids)\[(\d+)\]\.(price|amount)$")
_BOOK_SIDES = {"bid": BID, "ask": ASK}
_TRADE_SIDES = {"buy": BID, "sell": ASK, "unknown": NO_SIDE, "": NO_SIDE}
_FLAGS = {"true": True, "false": False}
_INSTRUMENTS_MAX = 20  # named in a message
# The exchange's name at Tardis: the venue's name here, kind of contract where all of its instruments have one.
_EXCHANGES = {
    "binance": ("binance_spot", "spot"), "binance-futures": ("binance_usdm", "linear"), "binance-delivery": ("binance_coinm", "inverse"),
    "bybit": ("bybit", None), "bybit-spot": ("bybit", "spot"), "bitstamp": ("bitstamp", "spot"), "coinbase": ("coinbase", "spot"),
    "kraken": ("kraken", "spot"), "okex": ("okx", "spot"), "hyperliquid": ("hyperliquid", None),
}  # fmt: skip


class Row(NamedTuple):
    """A row: its sorting key (local time in µs, book after trades), and where it stands; fields by the file's `places`."""

    local_us: int
    is_book: bool
    file: _File
    number: int
    fields: list[str]


class _File:
    """A file, open at its first row: what it holds, and where its columns stand."""

    def __init__(self, path: Path, counts: Counter[str]) -> None:
        self.path = path
        self._lines = lines(path, counts)
        number_of, header = next(self._lines, (0, ""))
        if not header.strip():
            raise ConvertError("CONV-002", f"{path}: no header and no rows")
        names = [name.strip() for name in header.removeprefix("\ufeff").split(",")]
        self.places = {name: place for place, name in enumerate(names)}
        self.count = len(names)
        self.depth = 0
        self.kind = self._kind(number_of)
        self.levels = {
            side: [(self.places[f"{side}[{i}].price"], self.places[f"{side}[{i}].amount"]) for i in range(self.depth)] for side in ("bids", "asks")
        }
        self._first: Row | None = next(self._rows(), None)
        self.start = self._first.local_us if self._first else 0

    def _kind(self, line: int) -> str:
        for kind, wanted in _HEADERS.items():
            if all(name in self.places for name in (*_ALWAYS, *wanted)) and self.count == len(self.places):
                return kind
        found = [match for name in self.places if (match := _LEVEL.match(name))]
        self.depth = len(found) // 4
        levels = tuple(f"{side}[{i}].{name}" for side in ("bids", "asks") for i in range(self.depth) for name in ("price", "amount"))
        if self.depth and all(name in self.places for name in (*_ALWAYS, *levels)) and self.count == len(self.places):
            return f"book_snapshot_{self.depth}"
        raise ConvertError(
            "CONV-003",
            f"{self.path}: line {line}: not the header of {', '.join(_HEADERS)} or book_snapshot_N: {', '.join(self.places)[:200]}",
        )

    def rows(self) -> Iterator[Row]:
        """Yield the rows. CONV-003 for a row of another length, CONV-021 for a local time that goes back."""
        if self._first is None:
            return
        last = self._first
        yield last
        for row in self._rows():
            if row.local_us < last.local_us:
                raise ConvertError("CONV-021", f"{self.path}: line {row.number}: local_timestamp {row.local_us} is before {last.local_us} of line {last.number}")
            yield row
            last = row

    def _rows(self) -> Iterator[Row]:
        local, is_book = self.places["local_timestamp"], self.kind != "trades"
        for number_of, line in self._lines:
            fields = line.split(",")
            if len(fields) != self.count:
                if not line.strip():
                    continue
                raise ConvertError("CONV-003", f"{self.path}: line {number_of}: {len(fields)} columns, expected {self.count}")
            try:
                local_us = whole(fields[local])
            except (ValueError, TypeError) as exc:
                raise ConvertError("CONV-003", f"{self.path}: line {number_of}: local_timestamp: {exc}") from exc
            yield Row(local_us, is_book, self, number_of, fields)


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read files of one instrument, merged by local time, as one L2 source.

    Raises ConvertError: CONV-001 no file, CONV-002 no rows, CONV-003 bad header or line, CONV-004 bad value, CONV-006
    several instruments, CONV-010 another venue than stated, CONV-011 files that overlap, CONV-021 rows out of
    time order.
    """
    counts: Counter[str] = Counter()
    files = sorted((_File(path, counts) for path in paths), key=lambda file: file.start)
    kinds = {file.kind for file in files} - {"trades"}
    reader = _Reader(options, counts, max(kinds, key=_rank, default=""))
    last: dict[str, _File] = {}
    done: set[_File] = set()
    for row in heapq.merge(*(file.rows() for file in files), key=lambda row: (row.local_us, row.is_book)):
        file = row.file
        if last.get(file.kind) is not file:
            if file in done:
                other = last[file.kind].path
                raise ConvertError("CONV-011", f"{file.path} and {other} are both {file.kind} and overlap in time (line {row.number})")
            done.add(file)
            last[file.kind] = file
        try:
            reader.take(row)
        except (KeyError, TypeError, ValueError, OverflowError) as exc:
            raise ConvertError("CONV-003", f"{file.path}: line {row.number}: not a row of {file.kind}: {exc!r:.200}") from exc
        except ConvertError as exc:
            raise ConvertError(exc.code, f"{file.path}: {exc.cause}") from exc
    return reader.source(paths)


def _rank(kind: str) -> tuple[int, int]:
    """Which kind of file makes the book: changes of all levels before snapshots, deep ones first, before quotes."""
    if kind == "incremental_book_L2":
        return (2, 0)
    return (0, 0) if kind == "quotes" else (1, int(kind.rpartition("_")[2]))


class _Reader:
    """Turns rows into rows of a level book; the rows of a snapshot are gathered while they have one time."""

    def __init__(self, options: ConvertOptions, counts: Counter[str], book_kind: str) -> None:
        self.options = options
        self.counts = counts
        self.book_kind = book_kind
        self.rows = LevelRows(counts)
        self._covered: Covered | None = None
        self._instruments: dict[tuple[str, str], None] = {}
        self._chosen: tuple[str, str] | None = None
        self._gathered: tuple[list[Level], list[Level]] = ([], [])
        self._stamp: tuple[int, int, int] | None = None  # of the gathered rows
        self._in_snapshot = False

    def take(self, row: Row) -> None:
        """Take one row of the chosen instrument."""
        places, fields = row.file.places, row.fields
        instrument = (fields[places["exchange"]], fields[places["symbol"]])
        if instrument != self._chosen and not self._is_ours(instrument):
            self.counts["other_symbol"] += 1
            return
        kind = row.file.kind
        if kind not in ("trades", self.book_kind):
            self.counts[f"ignored_{kind}"] += 1
            return
        stamp = (whole(fields[places["timestamp"]]) * NS_PER_US, row.local_us * NS_PER_US, row.number)
        if kind == "incremental_book_L2":
            self._change(stamp, *(fields[places[name]] for name in _HEADERS[kind]))
            return
        self.flush()
        self.rows.at(*stamp)
        if kind == "trades":
            trade_id, side, price, amount = (fields[places[name]] for name in _HEADERS[kind])
            self.rows.trade(_TRADE_SIDES[side], price, amount, trade_id or None)
        elif kind == "quotes":
            ask_amount, ask_price, bid_price, bid_amount = (fields[places[name]] or "0" for name in _HEADERS[kind])
            self.rows.best(BID, bid_price, bid_amount)
            self.rows.best(ASK, ask_price, ask_amount)
        else:
            self._covered = self._covered or Covered(self.rows, row.file.depth)
            bids, asks = ([(fields[p], fields[a]) for p, a in row.file.levels[side] if fields[p]] for side in ("bids", "asks"))
            self._covered.show(bids, asks)

    def _is_ours(self, instrument: tuple[str, str]) -> bool:
        self._instruments[instrument] = None
        is_wanted = self.options.symbol in (None, instrument[1])
        if self._chosen is None and is_wanted:
            self._chosen = instrument
            return True
        return False

    def _change(self, stamp: tuple[int, int, int], flag: str, side_text: str, price: str, amount: str) -> None:
        """Gather rows of one time; a snapshot replaces the book if the row before it was none."""
        side = _BOOK_SIDES[side_text]
        if _FLAGS[flag]:
            if self._stamp is None or stamp[:2] != self._stamp[:2]:
                self.flush()
                self._stamp = stamp
            self._gathered[side].append((number(price), number(amount)))
            return
        self.flush()
        self._in_snapshot = False
        self.rows.at(*stamp)
        self.rows.levels(side, [(price, amount)])

    def flush(self) -> None:
        """Show the gathered rows of a snapshot: the first ones of it clear the book."""
        if self._stamp is None:
            return
        self.rows.at(*self._stamp)
        self.rows.snapshot(*self._gathered, goes_on=self._in_snapshot)
        self._in_snapshot = True
        self._stamp = None
        self._gathered = ([], [])

    def source(self, paths: Sequence[Path]) -> Source:
        """Return what was found. CONV-002, CONV-006, CONV-010."""
        self.flush()
        names = ", ".join(" ".join(one) for one in sorted(self._instruments)[:_INSTRUMENTS_MAX])
        if self._chosen is None and self._instruments:
            raise ConvertError("CONV-006", f"{self.options.symbol} is not in the source; it holds {names}")
        wanted = [one for one in self._instruments if self.options.symbol in (None, one[1])]
        if len(wanted) > 1:
            raise ConvertError("CONV-006", f"the source holds {names}" + ("; give files of one exchange" if self.options.symbol else ""))
        if self._chosen is None or not len(self.rows):
            raise ConvertError("CONV-002", f"{', '.join(map(str, paths))}: no rows")
        exchange, symbol = self._chosen
        venue, kind = _EXCHANGES.get(exchange, (self.options.venue or exchange, None))
        if self.options.venue is not None and self.options.venue not in (venue, exchange):
            raise ConvertError("CONV-010", f"exchange {exchange} is {venue} here, not {self.options.venue}")
        rows = self.rows.source_rows()
        return Source(
            rows=rows, exch_rank=exch_rank(rows), level="l2", venue=venue, symbol=symbol, kind=kind,
            hints={"contract_size": "1"} if kind == "spot" or venue == "binance_usdm" else {},
            counts={name: count for name, count in self.counts.items() if count}, warnings=self._warnings(),
        )  # fmt: skip

    def _warnings(self) -> list[str]:
        found = cut_off(self.counts) + self.rows.warnings()
        ignored = {name: count for name, count in sorted(self.counts.items()) if name.startswith("ignored_") and count}
        if ignored:
            rows = ", ".join(f"{count} rows of {name.removeprefix('ignored_')}" for name, count in ignored.items())
            found.append(f"{self.book_kind} makes the book; {rows} were left out")
        if not self.book_kind:
            found.append("no file of the book was given: the book is empty, and trades are all there is")
        return found
