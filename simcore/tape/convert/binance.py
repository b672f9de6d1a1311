"""Binance raw combined stream: lines of `<local ns> <json>`, plain or gzip; USD-M, COIN-M and spot.

Taken: depthUpdate, trade (aggTrade where no trade stream was recorded), bookTicker, and REST depth snapshots
(lines with lastUpdateId). Everything else is counted. This file parses; `binance_book` keeps the update ids in
order and fuses the streams. Source of the rules: Binance API documents, "How to manage a local order book
correctly", for spot (U = u of the last event + 1) and for futures (pu = u of the last event).
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from simcore.errors import ConvertError
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.binance_book import AGG_TRADE, BBO, DIFF, PRINT, SNAP, UNUSED, Messages, book_rows
from simcore.tape.convert.unpacked import blocks, lines
from simcore.units import NS_PER_MS, NS_PER_US

_COINM_SYMBOL = re.compile(r"USD_(PERP|\d{6})$")
_NO_TIME = -1
_NAMELESS = -2  # prev_id of a snapshot that names no symbol


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read files, in the order given, as one source.

    Raises ConvertError: CONV-001 no file, CONV-002 no market data, CONV-003 bad line, CONV-004 bad time,
    CONV-006 several symbols.
    """
    parser = _Parser(options.symbol)
    for path in paths:
        parser.read_file(path, options)
    if not len(parser.kind):
        if options.symbol and parser.symbols:
            raise ConvertError("CONV-006", f"{options.symbol} is not in the source; it holds {', '.join(sorted(parser.symbols))}")
        raise ConvertError("CONV-002", f"{', '.join(map(str, paths))}: no depth, trade or bookTicker message")
    if options.symbol is None and len(parser.symbols) > 1:
        raise ConvertError("CONV-006", f"the source holds {', '.join(sorted(parser.symbols))}")
    market = parser.market()
    rows, warnings = book_rows(parser.messages(), parser.counts)
    if not len(rows.ev):
        raise ConvertError("CONV-002", f"{', '.join(map(str, paths))}: no usable row")
    return Source(
        rows=rows, level="l2", venue=f"binance_{market}", symbol=parser.symbol or "",
        kind={"spot": "spot", "usdm": "linear", "coinm": "inverse"}[market], hints={},
        counts=dict(parser.counts), warnings=parser.warnings() + warnings,
    )  # fmt: skip


class _Parser:
    """Flat columns of the messages read so far; a message is a run of bid levels, then of ask levels."""

    def __init__(self, symbol: str | None) -> None:
        self.symbol = symbol
        self._wanted = symbol
        self.symbols: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.kind, self.local, self.exch = array("q"), array("q"), array("q")
        self.first_id, self.last_id, self.prev_id = array("q"), array("q"), array("q")
        self.bids, self.asks, self.line = array("q"), array("q"), array("q")
        self.levels = array("d")  # price, quantity, price, quantity …
        self._takers: dict[str, Callable[[dict[str, Any], int], None]] = {
            "bookTicker": self._take_ticker,
            "depthUpdate": self._take_diff,
            "trade": self._take_trade,
            "aggTrade": self._take_trade,
        }
        self._lines = 0
        self._has_pair = self._has_futures = False

    def read_file(self, path: Path, options: ConvertOptions) -> None:
        """Take every line of a file; a last line that was cut off is counted, any other bad line refused."""
        scan = json.JSONDecoder().raw_decode
        first = self._lines
        for line, is_cut in lines(blocks(path, options, self.counts), str(path)):
            text = line.decode("utf-8", "replace")
            self._lines += 1
            if not text or text.isspace():
                continue
            try:
                space = text.index(" ")
                local = int(text[:space])
                message, end = scan(text, space + 1)
                rest = text[end:].strip()
            except (ValueError, RecursionError) as exc:
                if is_cut:
                    self.counts["truncated_last_line"] += 1
                    return
                raise _bad_line(path, self._lines - first, f"not `<local ns> <json>`: {exc!r}") from exc
            if rest:
                raise _bad_line(path, self._lines - first, f"text after the message: {rest[:20]!r}")
            try:
                self._take(message, local)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as exc:
                raise _bad_line(path, self._lines - first, f"not a known message: {exc!r}") from exc

    def _take(self, message: dict[str, Any], local: int) -> None:
        data = message.get("data", message)
        event = data.get("e")
        if event is None:
            if "lastUpdateId" in data:
                self._take_snapshot(data, local)
                return
            event = "bookTicker" if "u" in data and "B" in data else "other"
        take = self._takers.get(event)
        if take is None:
            self.counts[f"ignored_{event}"] += 1
            return
        symbol = data["s"]
        if symbol != self.symbol:
            self._note_symbol(symbol)
            if self._wanted is not None:
                self.counts["other_symbol"] += 1
                return
            self.symbol = symbol
        elif symbol not in self.symbols:
            self.symbols.add(symbol)
        take(data, local)

    def _note_symbol(self, symbol: str) -> None:
        if not isinstance(symbol, str):
            raise TypeError(f"symbol {symbol!r}")
        self.symbols.add(symbol)

    def _take_diff(self, data: dict[str, Any], local: int) -> None:
        prev_id = data.get("pu", -1)
        if prev_id != -1 or "ps" in data:
            self._has_futures = True
            self._has_pair = self._has_pair or "ps" in data
        bids, asks = data["b"], data["a"]
        self._add_levels(bids, asks)
        self._add(DIFF, local, data.get("T", data["E"]), (data["U"], data["u"], prev_id), len(bids), len(asks))

    def _take_ticker(self, data: dict[str, Any], local: int) -> None:
        self._has_pair = self._has_pair or "ps" in data
        self.levels.extend((float(data["b"]), float(data["B"]), float(data["a"]), float(data["A"])))
        self._add(BBO, local, data.get("T", _NO_TIME), (data["u"], data["u"], -1), 1, 1)

    def _take_trade(self, data: dict[str, Any], local: int) -> None:
        how = data.get("X", "MARKET")
        if how != "MARKET":
            self.counts[f"trades_not_market_{how}"] += 1
            return
        self._has_futures = self._has_futures or "X" in data
        is_sale = bool(data["m"])  # the buyer was the maker
        kind, number = (AGG_TRADE, data["a"]) if data["e"] == "aggTrade" else (PRINT, data["t"])
        self.levels.extend((float(data["p"]), float(data["q"])))
        self._add(kind, local, data["T"], (number, number, -1), 1 - is_sale, int(is_sale))

    def _take_snapshot(self, data: dict[str, Any], local: int) -> None:
        symbol = data.get("symbol", data.get("s"))
        if symbol is not None:
            self._note_symbol(symbol)
            if self._wanted is not None and symbol != self._wanted:
                self.counts["other_symbol"] += 1
                return
        last_id, bids, asks = data["lastUpdateId"], data["bids"], data["asks"]
        self._add_levels(bids, asks)
        prev_id = _NAMELESS if symbol is None else -1
        self._add(SNAP, local, data.get("T", data.get("E", _NO_TIME)), (last_id, last_id, prev_id), len(bids), len(asks))

    def _add_levels(self, bids: list[Any], asks: list[Any]) -> None:
        wanted = len(self.levels) + 2 * (len(bids) + len(asks))
        self.levels.extend(map(float, chain.from_iterable(bids)))
        self.levels.extend(map(float, chain.from_iterable(asks)))
        if len(self.levels) != wanted or any(len(level) != 2 for level in chain(bids[:1], asks[:1])):
            raise ValueError("a level is not [price, quantity]")

    def _add(self, kind: int, local: int, exch: int, ids: tuple[int, int, int], bids: int, asks: int) -> None:
        self.kind.append(kind)
        self.local.append(local)
        self.exch.append(exch)
        self.first_id.append(ids[0])
        self.last_id.append(ids[1])
        self.prev_id.append(ids[2])
        self.bids.append(bids)
        self.asks.append(asks)
        self.line.append(self._lines)

    def market(self) -> str:
        """Return which Binance market the messages come from."""
        if self._has_pair or _COINM_SYMBOL.search(self.symbol or ""):
            return "coinm"
        return "usdm" if self._has_futures else "spot"

    def warnings(self) -> list[str]:
        """Return what the user should know about the file."""
        found = []
        if self.counts["snapshots_without_symbol"]:
            found.append("snapshots that name no symbol were left out, as the source holds several symbols")
        if self.counts["truncated_last_line"] or self.counts["truncated_gzip"]:
            found.append("the capture was cut off; what came before is complete")
        return found

    def messages(self) -> Messages:
        """Return the columns as arrays, times in ns. ConvertError CONV-004 for a time that is none."""
        columns: list[Any] = [
            np.array(column, dtype=np.int64)
            for column in (
                self.kind, self.local, self.exch, self.first_id, self.last_id, self.prev_id, self.bids, self.asks, self.line,
            )
        ]  # fmt: skip
        columns.append(np.array(self.levels, dtype=np.float64).reshape(-1, 2))
        messages = Messages(*columns)
        if len(self.symbols) > 1:
            nameless = (messages.kind == SNAP) & (messages.prev_id == _NAMELESS)
            messages.kind[nameless] = UNUSED
            self.counts["snapshots_without_symbol"] = int(nameless.sum())
        local = _nanoseconds(messages.local, messages.line, "local time")
        exch = _nanoseconds(messages.exch, messages.line, "exchange time")
        return messages._replace(local=local, exch=exch)


def _nanoseconds(times: Any, line: Any, name: str) -> Any:
    """Return times in ns: 13 digits are ms, 16 µs, 19 ns; -1 stays."""
    factor = np.select(
        [times == _NO_TIME, (times > 10**12) & (times < 4 * 10**12), (times > 10**15) & (times < 4 * 10**15),
         (times > 10**18) & (times < 4 * 10**18)],
        [1, NS_PER_MS, NS_PER_US, 1],
    )  # fmt: skip
    if not factor.all():
        i = int(np.argmin(factor != 0))
        raise ConvertError("CONV-004", f"line {line[i]}: {name} {times[i]} is not ms, µs or ns of our age")
    return times * factor


def _bad_line(path: Path, number: int, cause: str) -> ConvertError:
    return ConvertError("CONV-003", f"{path}: line {number}: {cause}")
