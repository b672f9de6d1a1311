"""LOBSTER message files: one CSV row an event of one stock on one day, order ids kept.

Columns: seconds after midnight (New York), type, order id, size, price × 10 000, side of the resting order
(1 buy, -1 sell), and sometimes a seventh, the market participant, which is not used. No date: it comes from
the file name (`AMZN_2021-04-12_…`) or from `--option date=2021-04-12`; `--option timezone=…` names another clock.

There is no opening book, and a file of N levels is silent about what happens outside of the best N. So orders are
touched that were never added: each gets an inferred L3_ADD where its id belongs, since the exchange numbers its orders
through the day, with the quantity that the file takes from it; `--option opening=drop` drops what touches them instead.
And orders are cancelled that the file never mentions again: they are taken away when a message proves them gone.
"""

from __future__ import annotations

import bisect
import csv
import heapq
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from simcore.door.files import read_bytes
from simcore.errors import ConvertError
from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.orders import NO_SIDE, OrderRows
from simcore.tape.convert.sources import FileOrder
from simcore.units import NS_PER_S

PRICE_SCALE = 10_000
ADD, REDUCE, DELETE, EXECUTE, HIDDEN, CROSS, HALT = range(1, 8)
_NAME = re.compile(r"(?:^|_)([A-Z][A-Z.]*)_(\d{4}-\d{2}-\d{2})(?:_|\.|$)")
_BYTES_MAX = 1 << 32
_DAY_S_MAX = 90_000  # 25 hours: no event of a day is later


@dataclass(frozen=True)
class _Messages:
    """Columns of one file: ts ns [n]; kind, order_id, size, price (1e-4), side (1 or -1) int64 [n]."""

    ts: Any
    kind: Any
    order_id: Any
    size: Any
    price: Any
    side: Any


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read LOBSTER message files of one stock, in time order, as one L3 source.

    Raises ConvertError: CONV-001 no file, CONV-002 no rows, CONV-003 a row that cannot be parsed,
    CONV-004 value out of range, CONV-005 no date, CONV-006 several stocks, CONV-011 files not in time order.
    """
    counts: Counter[str] = Counter()
    warnings: list[str] = []
    opening = options.extra.get("opening", "infer")
    if opening not in ("infer", "drop"):
        raise ConvertError("CONV-005", f"opening={opening}; expected infer or drop")
    book = OrderRows(PRICE_SCALE, 1, counts)
    symbols: list[str] = []
    line, files = 0, FileOrder()
    for path in paths:
        symbol, midnight = _day(path, options)
        symbols.append(symbol)
        messages = _load(path, midnight, counts)
        if len(messages.ts):
            files.check(path, int(messages.ts[0]), int(messages.ts.max()))
        if len(messages.ts) and book.orders:
            book.at(int(messages.ts[0]), int(messages.ts[0]), line + 1)
            book.clear()  # day orders do not live on
        _apply(messages, book, line, opening == "drop")
        line += len(messages.ts)
    if len(set(symbols)) > 1:
        raise ConvertError("CONV-006", f"files of {', '.join(sorted(set(symbols)))}")
    if not book.rows:
        raise ConvertError("CONV-002", f"{paths[0]}: no messages")
    if inferred := counts["orders_inferred_at_opening"] + counts["orders_inferred_later"]:
        warnings.append(f"{inferred} orders that the file does not add were inferred from what later touches them")
    if counts["trades_without_quantity"]:
        warnings.append(f"{counts['trades_without_quantity']} trades of quantity 0 were dropped")
    if counts["messages_of_unknown_orders_dropped"]:
        warnings.append(f"{counts['messages_of_unknown_orders_dropped']} messages about orders that the file does not add were dropped; their trades stay")
    if counts["orders_gone_unseen"]:
        warnings.append(f"{counts['orders_gone_unseen']} orders left without a message and were taken away when a later one proved it")
    return Source(
        rows=book.source_rows(), level="l3", venue="lobster", symbol=symbols[0], kind=None,
        hints={"tick_size": "0.01", "lot_size": "1"} if _penny_grid(book) else {"lot_size": "1"},
        counts=dict(counts), warnings=warnings, has_local_clock=False,
    )  # fmt: skip


def _apply(messages: _Messages, book: OrderRows, line_before: int, drop: bool) -> None:
    """Turn the messages of one day into rows of the book (mutated)."""
    if not len(messages.ts):
        return
    dropped, arrivals = _unknown(messages, drop)
    if dropped:
        book.counts["messages_of_unknown_orders_dropped"] += len(dropped)
    silent = _Silent(book, messages)
    counts = book.counts
    columns = (messages.ts, messages.kind, messages.order_id, messages.size, messages.price, messages.side)
    for index, (ts, kind, order_id, size, price, side_sign) in enumerate(
        zip(*(c.tolist() for c in columns), strict=True)
    ):
        side = BID if side_sign == 1 else ASK
        book.at(ts, ts, line_before + index + 1)
        for new in arrivals.get(index, ()):
            book.add(*new)
            counts["orders_inferred_later" if index else "orders_inferred_at_opening"] += 1
        if kind in (ADD, REDUCE, DELETE, EXECUTE):
            silent.remove(side, price, executed=kind == EXECUTE)
        if kind == ADD:
            book.add(order_id, side, price, size)
        elif kind == HALT:
            counts["halt_messages"] += 1
        elif size <= 0:
            counts["trades_without_quantity" if kind in (EXECUTE, HIDDEN, CROSS) else "messages_without_quantity"] += 1
        elif kind == EXECUTE:
            book.trade(1 - side, price, size)
            if index not in dropped:
                book.execute(order_id, size)
        elif kind == HIDDEN:
            counts["hidden_executions"] += 1
            book.trade(1 - side, price, size)
        elif kind == CROSS:
            counts["cross_trades"] += 1
            book.trade(NO_SIDE, price, size)
        elif index not in dropped:
            if kind == DELETE and order_id in book.orders and book.orders[order_id].qty > size:
                counts["delete_smaller_than_order"] += 1
                book.remove(order_id)
            else:
                book.reduce(order_id, size)
        silent.note(order_id, index)


def _unknown(messages: _Messages, drop: bool) -> tuple[set[int], dict[int, list[tuple[int, int, int, int]]]]:
    """Find orders that are touched but never added.

    Returns the messages to drop, and (id, side, price, size) of orders by the message before which they joined: the first
    that adds a larger id, or the first that touches them. Within one place the ids are the order of arrival.
    """
    needed: dict[int, list[int]] = {}  # order id -> [side, price, quantity taken, first message]
    touching: set[int] = set()
    added: set[int] = set()
    largest: list[int] = []  # of the ids added so far, where it grows
    grows_at: list[int] = []
    columns = (messages.kind, messages.order_id, messages.size, messages.price, messages.side)
    for index, (kind, order_id, size, price, sign) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        if kind == ADD:
            added.add(order_id)
            if not largest or order_id > largest[-1]:
                largest.append(order_id)
                grows_at.append(index)
        elif kind in (REDUCE, DELETE, EXECUTE) and order_id not in added and size > 0:
            needed.setdefault(order_id, [BID if sign == 1 else ASK, price, 0, index])[2] += size
            touching.add(index)
    if drop:
        return touching, {}
    arrivals: dict[int, list[tuple[int, int, int, int]]] = {}
    for order_id in sorted(needed):
        side, price, size, first = needed[order_id]
        place = bisect.bisect_left(largest, order_id)
        joined = min(first, grows_at[place] if place < len(largest) else first) if place else 0
        arrivals.setdefault(joined, []).append((order_id, side, price, size))
    return set(), arrivals


class _Silent:
    """Orders that rest and that no later message names. They are gone when a message proves that they must be.

    A message about an order at a price says that nothing of the other side rests at or through it; an execution
    also that nothing of its own side rests at a better price.
    """

    def __init__(self, book: OrderRows, messages: _Messages) -> None:
        self._book = book
        self._last = {order_id: index for index, order_id in enumerate(messages.order_id.tolist())}
        self._best: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])  # heaps of (price, id), bids negative

    def note(self, order_id: int, index: int) -> None:
        """Remember an order if it still rests and this was the last message that names it."""
        order = self._book.orders.get(order_id)
        if order is not None and self._last[order_id] == index:
            price = int(order.price)
            heapq.heappush(self._best[order.side], (-price if order.side == BID else price, order_id))

    def remove(self, side: int, price: int, executed: bool) -> None:
        """Take away what a message about an order of `side` at `price` proves gone."""
        self._remove_to(1 - side, -price if side == ASK else price)
        if executed:
            self._remove_to(side, (-price if side == BID else price) - 1)

    def _remove_to(self, side: int, bound: int) -> None:
        heap = self._best[side]
        while heap and heap[0][0] <= bound:
            self._book.remove(heapq.heappop(heap)[1])
            self._book.counts["orders_gone_unseen"] += 1


def _day(path: Path, options: ConvertOptions) -> tuple[str, int]:
    """Return the stock and its midnight, ns since the epoch."""
    found = _NAME.search(path.name)
    symbol = options.symbol or (found.group(1) if found else "")
    text = options.extra.get("date") or (found.group(2) if found else "")
    zone = options.extra.get("timezone", "America/New_York")
    if not text:
        raise ConvertError("CONV-005", f"{path}: no date in the file name; give --option date=YYYY-MM-DD")
    try:
        midnight = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError, OSError) as exc:
        raise ConvertError("CONV-005", f"{path}: date {text!r}, timezone {zone!r}: {exc}") from exc
    return symbol, int(midnight.timestamp()) * NS_PER_S


def _load(path: Path, midnight: int, counts: Counter[str]) -> _Messages:
    """Parse a file. A last line that was cut off is counted; any other bad line is refused."""
    data = read_bytes(path, ConvertError, "CONV-001", _BYTES_MAX)
    if data and not data.endswith(b"\n") and data.rstrip().rsplit(b"\n", 1)[-1].count(b",") < 5:
        counts["truncated_last_line"] += 1
        data = data[: data.rfind(b"\n") + 1]
    if not data.strip():
        return _Messages(*(np.zeros(0, dtype=np.int64) for _ in range(6)))
    try:
        frame = pd.read_csv(
            io.BytesIO(data), header=None, usecols=range(6), dtype=str, quoting=csv.QUOTE_NONE,
            encoding="utf-8", keep_default_na=False, skip_blank_lines=True,
        )  # fmt: skip
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as exc:
        raise ConvertError("CONV-003", f"{path}: {exc}") from exc
    seconds = _numbers(path, frame[0], "time")
    if (bad := ~((seconds >= 0) & (seconds < _DAY_S_MAX))).any():
        row = int(np.argmax(bad))
        raise ConvertError("CONV-004", f"{path}: line {row + 1}: time {frame[0][row]!r}; expected seconds after midnight")
    ts = midnight + np.round(seconds * NS_PER_S).astype(np.int64)  # 53 bits hold a day of ns exactly
    names = ("type", "order id", "size", "price", "side")
    kind, order_id, size, price, side = (_whole(path, frame[i + 1], name) for i, name in enumerate(names))
    known = (kind >= ADD) & (kind <= HALT)
    if not known.all():
        row = int(np.argmin(known))
        raise ConvertError("CONV-003", f"{path}: line {row + 1}: type {frame[1][row]}; expected 1 to 7")
    sided = np.isin(side, (1, -1))
    if not sided.all():
        row = int(np.argmin(sided))
        raise ConvertError("CONV-003", f"{path}: line {row + 1}: side {frame[5][row]}; expected 1 or -1")
    negative = (kind != HALT) & ((price <= 0) | (size < 0))
    if negative.any():
        row = int(np.argmax(negative))
        raise ConvertError("CONV-004", f"{path}: line {row + 1}: size {size[row]}, price {price[row]}")
    disorder = int((np.diff(ts) < 0).sum())
    if disorder:
        counts["rows_before_their_predecessor"] += disorder
    return _Messages(ts, kind, order_id, size, price, side)


def _numbers(path: Path, texts: Any, name: str) -> Any:
    values = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isfinite(values)
    if bad.any():
        row = int(np.argmax(bad))
        raise ConvertError("CONV-003", f"{path}: line {row + 1}: {name} is {texts.iloc[row]!r}, not a number")
    return values


def _whole(path: Path, texts: Any, name: str) -> Any:
    """Parse integers exactly (ids may exceed 2^53)."""
    try:
        return np.array([int(text) for text in texts.tolist()], dtype=np.int64)
    except (ValueError, OverflowError):
        pass
    for row, text in enumerate(texts.tolist()):
        if not (isinstance(text, str) and re.fullmatch(r"\s*[+-]?\d{1,18}\s*", text)):
            raise ConvertError("CONV-003", f"{path}: line {row + 1}: {name} is {text!r}, not a whole number")
    raise ConvertError("CONV-003", f"{path}: {name} does not fit 64 bits")


def _penny_grid(book: OrderRows) -> bool:
    return all(row[3] % 100 == 0 for row in book.rows)
