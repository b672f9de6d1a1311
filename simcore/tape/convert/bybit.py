"""Bybit historical order book (ob500 zip: one JSON message a line) and public trades (CSV).

Book messages: `type` snapshot or delta, `data` with bids `b` and asks `a` as [price, quantity] strings
(quantity 0 removes the level), update id `u` and sequence `seq`; `cts` is when the matching engine made the
book, `ts` when the push system sent it. A snapshot replaces the whole book; an update id that does not
continue the last one is a gap, good again from the next snapshot.

There is no receive time. `cts` becomes exch_ts and `ts` local_ts: the earliest time at which a client could
have seen the row, so feed latency is understated by the network (add it with a latency or clock option).
Trades carry one time only, the match; their local_ts is that time plus the median of ts − cts.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, CLEAR, DEPTH, GAP, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert.base import ConvertOptions, Source, SourceRows
from simcore.tape.convert.unpacked import lines, members
from simcore.units import NS_PER_MS, NS_PER_S

_TS_LO = 1_000_000_000_000  # ms: 2001; earlier or later is not a time in ms
_TS_HI = 9_000_000_000_000  # ms: 2255, and the ns still fit int64


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read ob500 files and, if given, trade files (told apart by content) as one L2 source.

    Raises ConvertError: CONV-001 no file, CONV-002 no rows, CONV-003 unreadable, CONV-004 bad value,
    CONV-006 several symbols.
    """
    counts: Counter[str] = Counter()
    book = _Book(counts)
    trades: list[tuple[Path, Any]] = []
    for path in paths:
        for name, parts in members(path, options):
            first = next((block for block in parts if block.strip()), b"")
            if first.lstrip()[:1] == b"{":
                book.read(f"{path}: {name}", lines(chain([first], parts), f"{path}: {name}"))
            elif first:
                trades.append((path, _trade_frame(f"{path}: {name}", b"".join(chain([first], parts)), counts)))
    symbols = book.symbols | {s for _, frame in trades for s in frame["symbol"].unique().tolist()}
    symbol = _choose(symbols, options.symbol)
    keep_book = symbol in book.symbols or not book.symbols
    if not keep_book or len(book.symbols) > 1:
        raise ConvertError("CONV-006", f"the order book is of {', '.join(sorted(book.symbols))}, not only {symbol}")
    columns = [book.columns()]
    lag = book.median_lag()
    for path, frame in trades:
        columns.append(_trade_rows(path, frame[frame["symbol"] == symbol], lag))
    rows = _merge(columns)
    if not len(rows.ev):
        raise ConvertError("CONV-002", f"{paths[0]}: no order book messages and no trades")
    warnings = [f"{counts['book_gaps']} gaps in the update ids; the book is wrong until the next snapshot"] if counts["book_gaps"] else []
    if not trades:
        warnings.append("no trade file was given: queues move by book changes only, and no trade can fill an order")
    return Source(
        rows=rows, level="l2", venue="bybit", symbol=symbol, kind=None, hints={}, counts=dict(counts),
        warnings=warnings, has_local_clock=book.has_two_clocks,
    )  # fmt: skip


class _Book:
    """Rows of the order book messages read so far."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.symbols: set[str] = set()
        self.has_two_clocks = False
        self._last_u: int | None = None
        self._rows: list[tuple[int, int, int, str, str, int]] = []
        self._lags: list[int] = []
        self._line = 0

    def read(self, where: str, found: Iterable[tuple[bytes, bool]]) -> None:
        """Read the lines of one file; a last line that was cut off is counted, any other bad line refused."""
        for number, (line, is_cut) in enumerate(found):
            if not line.strip():
                continue
            self._line += 1
            try:
                message = json.loads(line)
            except (ValueError, RecursionError) as exc:
                if is_cut:
                    self.counts["truncated_last_line"] += 1
                    return
                raise ConvertError("CONV-003", f"{where}: line {number + 1}: not JSON: {exc}") from exc
            try:
                self._message(message)
            except ConvertError as exc:
                raise ConvertError(exc.code, f"{where}: line {number + 1}: {exc.cause}") from exc
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as exc:
                raise ConvertError("CONV-003", f"{where}: line {number + 1}: not an order book message: {exc!r}") from exc

    def _message(self, message: dict[str, Any]) -> None:
        kind, data = message["type"], message["data"]
        if kind not in ("snapshot", "delta"):
            raise ConvertError("CONV-003", f"type {kind!r}; expected snapshot or delta")
        sent = _ms(message["ts"])
        matched = _ms(message.get("cts", message["ts"]))
        if "cts" in message:
            self.has_two_clocks = True
            self._lags.append(sent - matched)
        self.symbols.add(str(data["s"]))
        update = int(data["u"])
        rows, line = self._rows, self._line
        if kind == "snapshot":
            rows.append((matched, sent, CLEAR | NO_SIDE_BIT, "0", "0", line))
            self.counts["snapshots"] += 1
        elif self._last_u is None:
            self.counts["deltas_before_first_snapshot"] += 1
            return
        elif update <= self._last_u:
            self.counts["repeated_deltas_dropped"] += 1
            return
        elif update != self._last_u + 1:
            self.counts["book_gaps"] += 1
            rows.append((matched, sent, GAP | NO_SIDE_BIT, "0", str(update - self._last_u - 1), line))
        self._last_u = update
        code = SNAPSHOT if kind == "snapshot" else DEPTH
        for levels, ev in ((data["b"], code), (data["a"], code | ASK_BIT)):
            for price, qty in levels:
                rows.append((matched, sent, ev, price, qty, line))

    def median_lag(self) -> int:
        """Return the median of ts - cts, ns (0 if unknown)."""
        return int(np.median(self._lags)) if self._lags else 0

    def columns(self) -> SourceRows:
        """Return the rows as columns, in file order."""
        if not self._rows:
            return _empty()
        exch, local, ev, price, qty, line = zip(*self._rows, strict=True)
        number = np.array(line, dtype=np.int64)
        return SourceRows(
            np.array(exch, dtype=np.int64),
            np.array(local, dtype=np.int64),
            np.array(ev, dtype=np.uint8),
            _floats(price, number, "price"),
            _floats(qty, number, "quantity"),
            np.zeros(0, dtype=np.int64),
            number,
        )


def _trade_frame(where: str, data: bytes, counts: Counter[str]) -> Any:
    """Parse a public trade file: CSV with a header naming timestamp, symbol, side, size, price."""
    if not data.endswith(b"\n") and b"\n" in data:
        header, last = data.split(b"\n", 1)[0], data.rsplit(b"\n", 1)[1]
        if last.count(b",") < header.count(b","):
            counts["truncated_last_line"] += 1
            data = data[: data.rfind(b"\n") + 1]
    try:
        frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as exc:
        raise ConvertError("CONV-003", f"{where}: {exc}") from exc
    names = {str(name).strip().lower(): name for name in frame.columns}
    if "size" not in names and "volume" in names:
        names["size"] = names["volume"]  # spot files
    missing = [name for name in ("timestamp", "side", "size", "price") if name not in names]
    if missing:
        raise ConvertError("CONV-003", f"{where}: no column {', '.join(missing)}; it has {', '.join(map(str, frame.columns))[:200]}")
    picked = frame[[names[name] for name in ("timestamp", "side", "size", "price")]]
    picked.columns = pd.Index(["timestamp", "side", "size", "price"])
    stem = Path(where.rsplit(": ", 1)[-1]).name
    symbol = frame[names["symbol"]] if "symbol" in names else _symbol_of_name(stem)
    return picked.assign(symbol=symbol)


def _trade_rows(path: Path, frame: Any, lag: int) -> SourceRows:
    """Turn trades into rows, oldest first (Bybit's own files run either way)."""
    line = np.arange(2, len(frame) + 2, dtype=np.int64)
    seconds = _floats(frame["timestamp"].tolist(), line, "timestamp")
    scale = np.where(seconds > _TS_LO / 10, NS_PER_MS, NS_PER_S)  # spot files count in ms
    if len(line) and not ((seconds * scale > _TS_LO * 1e6) & (seconds * scale < _TS_HI * 1e6)).all():
        raise ConvertError("CONV-004", f"{path}: a trade's timestamp is not a time of our age")
    # Fractions have at most 4 to 6 digits; a float of seconds resolves about 240 ns, so round to microseconds.
    ts = np.round(seconds * (scale / 1_000)).astype(np.int64) * 1_000
    side = frame["side"].str.strip().str.lower().to_numpy()
    known = np.isin(side, ("buy", "sell"))
    if not known.all():
        raise ConvertError("CONV-003", f"{path}: line {int(np.argmin(known)) + 2}: side {side[int(np.argmin(known))]!r}; expected Buy or Sell")
    ev = np.where(side == "sell", TRADE | ASK_BIT, TRADE).astype(np.uint8)
    price, qty = _floats(frame["price"].tolist(), line, "price"), _floats(frame["size"].tolist(), line, "size")
    order = np.argsort(ts, kind="stable")
    if len(ts) > 1 and ts[0] > ts[-1]:
        order = np.arange(len(ts))[::-1][np.argsort(ts[::-1], kind="stable")]
    return SourceRows(ts[order], ts[order] + lag, ev[order], price[order], qty[order], np.zeros(0, np.int64), line[order])


def _merge(parts: list[SourceRows]) -> SourceRows:
    """Interleave book and trades by local time; at equal time trades first: they caused the book's change."""
    parts = [part for part in parts if len(part.ev)]
    if not parts:
        return _empty()
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in SourceRows._fields if name != "order_id"]
    exch, local, ev, price, qty, line = columns
    if len(parts) > 1:
        order = np.lexsort(((ev & 15) != TRADE, local))
        exch, local, ev, price, qty, line = (column[order] for column in columns)
    return SourceRows(exch, local, ev, price, qty, np.zeros(0, dtype=np.int64), line)


def _choose(symbols: set[str], wanted: str | None) -> str:
    if wanted and (wanted in symbols or not symbols):
        return wanted
    if wanted:
        raise ConvertError("CONV-006", f"no {wanted} here; the source is of {', '.join(sorted(symbols))[:200]}")
    if len(symbols) > 1:
        raise ConvertError("CONV-006", f"symbols {', '.join(sorted(symbols))[:200]}")
    return next(iter(sorted(symbols)), "")


def _ms(value: Any) -> int:
    """Return ns of a time in ms."""
    number = int(value)
    if not _TS_LO < number < _TS_HI:
        raise ConvertError("CONV-004", f"time {value} is not in ms of our age")
    return number * NS_PER_MS


def _floats(values: Sequence[Any], line: Any, name: str) -> Any:
    """Parse decimal strings; each becomes the nearest float."""
    try:
        numbers = np.array([float(value) for value in values], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as exc:
        raise ConvertError("CONV-003", f"{name} is not a number: {exc}") from exc
    bad = ~(np.isfinite(numbers) & (numbers >= 0))
    if bad.any():
        index = int(np.argmax(bad))
        raise ConvertError("CONV-004", f"line {line[index]}: {name} {values[index]!r} is not finite or is negative")
    return numbers


def _symbol_of_name(name: str) -> str:
    """Return the symbol of a trade file without a symbol column: `BTCUSDT_2024-12-01.csv.gz`, `BTCUSDT2024-…`."""
    letters = name.split("_", maxsplit=1)[0].split(".", maxsplit=1)[0]
    return letters[: -len("2024-12-01")] if letters[-3:-2] == "-" else letters


def _empty() -> SourceRows:
    ints = [np.zeros(0, dtype=np.int64) for _ in range(4)]
    floats = [np.zeros(0, dtype=np.float64) for _ in range(2)]
    return SourceRows(ints[0], ints[1], np.zeros(0, dtype=np.uint8), floats[0], floats[1], ints[2], ints[3])
