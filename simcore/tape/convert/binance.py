"""Binance raw combined stream: lines of `<local ns> <json>`, plain or gzip; USD-M, COIN-M and spot.

Taken: depth (whole or of the best 5, 10 or 20 levels), trade or aggTrade, bookTicker, markPrice, and REST depth snapshots
(lines with lastUpdateId). Everything else is counted by name. This file parses; `binance_streams` knows the streams,
`binance_market` tells the market, `binance_trades` and `binance_funding` say which trades and fundings count, and
`binance_book` keeps the update ids in order and fuses the streams. Source of the rules: Binance API documents, "How to manage
a local order book correctly", for spot (U = u of the last event + 1) and for futures (pu = u of the last event).
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from simcore.errors import ConvertError
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.binance_book import (
    AGG_TRADE,
    BBO,
    DIFF,
    NO_SIDE,
    NOT_MARKET,
    PARTIAL_BOOK,
    PRINT,
    SNAP,
    UNUSED,
    Messages,
    book_rows,
)
from simcore.tape.convert.binance_funding import Marks, with_fundings
from simcore.tape.convert.binance_market import KINDS, Choice, MarketJudge
from simcore.tape.convert.binance_partial import chosen_depth
from simcore.tape.convert.binance_streams import (
    DEPTH,
    MARKET_NAMES,
    MARKS,
    PARTIAL,
    REST,
    SPOT,
    TICKER,
    TRADES,
    UNKNOWN,
    Ignored,
    Stream,
    parse_stream,
    use_of_event,
)
from simcore.tape.convert.binance_streams import UNUSED as NOT_USED
from simcore.tape.convert.binance_times import in_id_order, with_exchange_times
from simcore.tape.convert.binance_trades import chosen_trades
from simcore.tape.convert.sources import NO_TIME, FileOrder, to_ns
from simcore.tape.convert.unpacked import blocks, lines

_NAMELESS = -2  # prev_id of a snapshot that names no symbol
_STREAMS_MAX = 4096  # names of streams that are remembered; more are read each time


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read files, in the order given, as one source.

    Raises ConvertError: CONV-001 no file, CONV-002 no market data, CONV-003 bad line, CONV-004 bad time, CONV-006 several
    symbols or markets, CONV-010 contradictions about the market, CONV-011 files out of time order, CONV-012 update ids
    against times.
    """
    parser = _Parser(options.symbol)
    order = FileOrder()
    for path in paths:
        times = parser.read_file(path, options)
        if times is not None:
            order.check(path, *times)
    if not len(parser.kind):
        if options.symbol and parser.symbols:
            raise ConvertError("CONV-006", f"{options.symbol} is not in the source; it holds {_names(parser.symbols)}")
        raise ConvertError("CONV-002", f"{', '.join(map(str, paths))}: no depth, trade or bookTicker message")
    if options.symbol is None and len(parser.symbols) > 1:
        raise ConvertError("CONV-006", f"the source holds {_names(parser.symbols)}")
    choice = parser.choose(options)
    messages = parser.messages(choice.market)
    warnings = parser.warnings(choice)
    messages = messages._replace(kind=chosen_trades(messages, parser.counts, warnings))
    messages = chosen_depth(messages, parser.has_named_depth, parser.counts, warnings)
    if choice.market == SPOT:
        parser.counts["ignored_markPriceUpdate"] += parser.marks.read
    else:
        messages = with_fundings(messages, parser.marks, parser.symbol or "", parser.counts, warnings)
    messages = in_id_order(with_exchange_times(messages, parser.counts, warnings), parser.counts, warnings)
    rows, exch_rank, more = book_rows(messages, parser.counts)
    if not len(rows.ev):
        raise ConvertError("CONV-002", f"{', '.join(map(str, paths))}: no usable row")
    return Source(
        rows=rows, level="l2", venue=f"binance_{MARKET_NAMES[choice.market]}", symbol=parser.symbol or "",
        kind=KINDS[choice.market], hints={}, counts=dict(parser.counts), warnings=warnings + more,
        inferred=() if choice.is_stated else ("venue",), exch_rank=exch_rank,
    )  # fmt: skip


class _Parser:
    """Flat columns of the messages read so far; a message is a run of bid levels, then of ask levels."""

    def __init__(self, symbol: str | None) -> None:
        self.symbol = symbol
        self._wanted = symbol
        self.symbols: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.marks = Marks()
        self.kind, self.local, self.exch = array("q"), array("q"), array("q")
        self.first_id, self.last_id, self.prev_id = array("q"), array("q"), array("q")
        self.bids, self.asks, self.line = array("q"), array("q"), array("q")
        self.markets = array("b")  # of each message: the markets that it may come from
        self.levels = array("d")  # price, quantity, price, quantity …
        self._takers: dict[int, Callable[[Stream | None, dict[str, Any], int], None]] = {
            DEPTH: self._take_diff,
            PARTIAL: self._take_partial,
            REST: self._take_snapshot,
            TICKER: self._take_ticker,
            TRADES: self._take_trade,
        }
        self._streams: dict[str, Stream | None] = {}
        self._ignored = Ignored(self.counts)
        self._judge = MarketJudge()
        self._other_names = ("", "")  # a stream and the other symbol in it
        self.has_named_depth = False
        self._lines = 0

    def read_file(self, path: Path, options: ConvertOptions) -> tuple[int, int] | None:
        """Take every line of a file; a last line that was cut off is counted, any other bad line refused.

        Returns the first and the last local time, ns; None if there is none.
        """
        scan = json.JSONDecoder().raw_decode
        first = self._lines
        times: list[tuple[int, int]] = []  # the first and the latest local time, each with its line
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
                    break
                raise _bad_line(path, self._lines - first, f"not `<local ns> <json>`: {exc!r}") from exc
            if rest:
                raise _bad_line(path, self._lines - first, f"text after the message: {rest[:20]!r}")
            try:
                self._take(message, local)
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as exc:
                raise _bad_line(path, self._lines - first, f"not a known message: {exc!r}") from exc
            if not times:
                times = [(local, self._lines)] * 2
            elif local > times[1][0]:
                times[1] = (local, self._lines)
        return (_one_ns(*times[0]), _one_ns(*times[1])) if times else None

    def _take(self, message: Any, local: int) -> None:
        """Take a line: a message, bare or in a stream's wrapper, or a list of messages."""
        stream: Stream | None = None
        if isinstance(message, dict) and "data" in message:
            stream = self._stream(message.get("stream"))
            message = message["data"]
        for data in message if isinstance(message, list) else (message,):
            self._take_one(stream, data, local)

    def _stream(self, name: Any) -> Stream | None:
        if not isinstance(name, str):
            return None
        if name not in self._streams:
            if len(self._streams) >= _STREAMS_MAX:
                return parse_stream(name)
            self._streams[name] = parse_stream(name)
        return self._streams[name]

    def _take_one(self, stream: Stream | None, data: dict[str, Any], local: int) -> None:
        event = data.get("e")
        use = stream.use if stream is not None else _use_of(data, event)
        if use >= NOT_USED:
            is_answer = event is None and not {"result", "id", "error"}.isdisjoint(data)
            self._ignored.add(stream.kind if stream is not None else event or "other", use == NOT_USED or is_answer)
            return
        if event is not None and stream is not None and event != stream.event:
            raise ValueError(f"stream {stream.name[:60]} holds a message of type {str(event)[:40]}")
        if use == MARKS:
            if not self.marks.add(data, local, self._lines):
                self._ignored.add("markPriceUpdate", is_known=True)
            return
        symbol = data.get("s", data.get("symbol"))
        if symbol is None and stream is not None and use in (PARTIAL, REST):
            symbol = stream.symbol
        if symbol is None and use != REST:
            raise KeyError("s")
        if symbol is not None and not self._is_wanted(symbol, stream):
            self.counts["other_symbol"] += 1
            return
        found = self._judge.judge(use, stream, symbol or "", data, self._lines)
        self._takers[use](stream, data, local)
        self.markets.append(found)

    def _is_wanted(self, symbol: str, stream: Stream | None) -> bool:
        """Note a message's symbol; return whether the message is to be taken."""
        if stream is not None and symbol != stream.symbol and stream.symbol:
            self.counts["stream_of_other_symbol"] += 1
            self._other_names = (stream.name, str(symbol))
        if symbol != self.symbol:
            if not isinstance(symbol, str):
                raise TypeError(f"symbol {symbol!r}")
            self.symbols.add(symbol)
            if self._wanted is not None:
                return False
            self.symbol = symbol
        elif symbol not in self.symbols:
            self.symbols.add(symbol)
        return True

    def _take_diff(self, stream: Stream | None, data: dict[str, Any], local: int) -> None:
        self.has_named_depth = self.has_named_depth or stream is not None
        bids, asks = data["b"], data["a"]
        self._add_levels(bids, asks)
        self._add(DIFF, local, data.get("T", data["E"]), (data["U"], data["u"], data.get("pu", -1)), len(bids), len(asks))

    def _take_partial(self, stream: Stream | None, data: dict[str, Any], local: int) -> None:
        """Take the best levels: futures send them as depthUpdate, spot as a snapshot without a time."""
        levels = stream.levels if stream is not None else 0
        bids, asks = (data["b"], data["a"]) if "b" in data else (data["bids"], data["asks"])
        last_id = data["u"] if "u" in data else data["lastUpdateId"]
        if max(len(bids), len(asks)) > levels:
            raise ValueError(f"more than {levels} levels")
        self._add_levels(bids, asks)
        self._add(PARTIAL_BOOK, local, data.get("T", data.get("E", NO_TIME)), (levels, last_id, -1), len(bids), len(asks))

    def _take_ticker(self, _stream: Stream | None, data: dict[str, Any], local: int) -> None:
        values = (data["b"], data["B"], data["a"], data["A"])
        _check_numbers(values)
        self.levels.extend(map(float, values))
        self._add(BBO, local, data.get("T", data.get("E", NO_TIME)), (data["u"], data["u"], -1), 1, 1)

    def _take_trade(self, _stream: Stream | None, data: dict[str, Any], local: int) -> None:
        kind, number = (AGG_TRADE, data["a"]) if data["e"] == "aggTrade" else (PRINT, data["t"])
        how = data.get("X", "MARKET")
        if how != "MARKET":
            self.counts[f"trades_not_market_{how if str(how).isidentifier() else 'other'}"[:60]] += 1
            self._add(NOT_MARKET, local, data["T"], (number, number, kind), 0, 0)
            return
        is_sale = data.get("m")  # the buyer was the maker
        if is_sale is not None and not isinstance(is_sale, bool):
            raise TypeError(f"m {is_sale!r}")
        values = (data["p"], data["q"])
        _check_numbers(values)
        self.levels.extend(map(float, values))
        self._add(kind, local, data["T"], (number, number, NO_SIDE if is_sale is None else -1), int(not is_sale), int(bool(is_sale)))

    def _take_snapshot(self, stream: Stream | None, data: dict[str, Any], local: int) -> None:
        last_id, bids, asks = data["lastUpdateId"], data["bids"], data["asks"]
        self._add_levels(bids, asks)
        is_named = stream is not None or data.get("symbol", data.get("s")) is not None
        time = data.get("T", data.get("E", NO_TIME))
        self._add(SNAP, local, time, (last_id, last_id, -1 if is_named else _NAMELESS), len(bids), len(asks))

    def _add_levels(self, bids: list[Any], asks: list[Any]) -> None:
        flat = [*chain.from_iterable(bids), *chain.from_iterable(asks)]
        _check_numbers(flat)
        self.levels.extend(map(float, flat))
        if len(flat) != 2 * (len(bids) + len(asks)) or any(len(level) != 2 for level in chain(bids[:1], asks[:1])):
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

    def choose(self, options: ConvertOptions) -> Choice:
        """Decide which market the messages come from. CONV-006, CONV-010."""
        return self._judge.decide(np.unique(self.markets).tolist(), options, self.marks.has(self.symbol or ""))

    def warnings(self, choice: Choice) -> list[str]:
        """Return what the user should know about the files."""
        found = [choice.warning] if choice.warning else []
        counts = self.counts
        if counts["other_market"]:
            found.append(f"{counts['other_market']} messages of another market, or that do not show theirs, were left out")
        if counts["stream_of_other_symbol"]:
            stream, symbol = self._other_names
            found.append(
                f"{counts['stream_of_other_symbol']} messages name another symbol than their stream ({symbol[:40]} in "
                f"{stream[:60]}); the message was believed"
            )
        if counts["snapshots_without_symbol"]:
            found.append("snapshots that name no symbol were left out, as the source holds several symbols")
        if counts["truncated_last_line"] or counts["truncated_gzip"]:
            found.append("the capture was cut off; what came before is complete")
        return found + self._ignored.warnings()

    def messages(self, market: int) -> Messages:
        """Return the columns as arrays, times in ns. ConvertError CONV-004 for a time that is none."""
        columns: list[Any] = [
            np.array(column, dtype=np.int64)
            for column in (
                self.kind, self.local, self.exch, self.first_id, self.last_id, self.prev_id, self.bids, self.asks, self.line,
            )
        ]  # fmt: skip
        columns.append(np.array(self.levels, dtype=np.float64).reshape(-1, 2))
        messages = Messages(*columns)
        markets = np.array(self.markets)
        usable = self._judge.usable(np.unique(markets).tolist(), market)
        left_out = ~np.isin(markets, list(usable))
        messages.kind[left_out] = UNUSED
        self.counts["other_market"] = int(left_out.sum())
        if len(self.symbols) > 1:
            nameless = (messages.kind == SNAP) & (messages.prev_id == _NAMELESS)
            messages.kind[nameless] = UNUSED
            self.counts["snapshots_without_symbol"] = int(nameless.sum())
        local = to_ns(messages.local, messages.line, "local time")
        exch = to_ns(messages.exch, messages.line, "exchange time")
        return messages._replace(local=local, exch=exch)


def _use_of(data: dict[str, Any], event: Any) -> int:
    """Return what a message without a stream's name is used for."""
    if event is not None:
        return use_of_event(event)
    if "lastUpdateId" in data:
        return REST
    return TICKER if "u" in data and "B" in data else UNKNOWN


def _check_numbers(values: Sequence[Any]) -> None:
    """Refuse what `float` takes for a number but is none in JSON: true, and digits with underscores."""
    try:
        text = "".join(values)
    except TypeError:
        if any(isinstance(value, bool) for value in values):
            raise
        text = "".join(map(str, values))
    if "_" in text:
        raise ValueError("an underscore in a number")


def _one_ns(time: int, line: int) -> int:
    try:
        return int(to_ns(np.array([time], dtype=np.int64), [line], "local time")[0])
    except OverflowError as exc:
        raise ConvertError("CONV-004", f"line {line}: local time {time} is not s, ms, µs or ns of our age") from exc


def _names(symbols: set[str]) -> str:
    """Return the first of the symbols; a stream of all symbols has hundreds."""
    names = sorted(symbols)
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _bad_line(path: Path, number: int, cause: str) -> ConvertError:
    return ConvertError("CONV-003", f"{path}: line {number}: {cause}")
