"""The lines of a Bitstamp order log, or of its CSV of orders, as events; see `bitstamp` for their meaning."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from simcore.errors import ConvertError
from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions
from simcore.tape.convert.unpacked import blocks, lines
from simcore.units import NS_PER_MS

SCALE = 100_000_000  # prices and amounts are integers in 1e-8
INT_MAX = 2**62
CREATED, CHANGED, DELETED = "order_created", "order_changed", "order_deleted"
_CSV_HEADER = ["id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction"]
_CSV_ACTIONS = {"created": CREATED, "changed": CHANGED, "deleted": DELETED}
_VALUE_MAX = 10_000_000
_BOOK_SIDES = ((BID, "bids"), (ASK, "asks"))


@dataclass
class Event:
    """One line about an order: amount is what is left after it; start: index of the event that set its price."""

    index: int
    ms: int
    kind: str
    order_id: int
    side: int
    price: int
    amount: int
    start: int = -1  # -1: its price was set before the log begins
    taken: int | None = 0  # lots gone by this event, not by a cancel; None: some, but how many is unknown
    role: str = ""  # "rest" or "take" once a trade is found for it


@dataclass
class Print:
    """One trade line; aggressor as found."""

    index: int
    ms: int
    price: int
    amount: int
    aggressor: int = -1


@dataclass
class Log:
    """Everything the files say. books: line index and (side, price, amount) levels of each order_book."""

    events: list[Event] = field(default_factory=list)
    prints: list[Print] = field(default_factory=list)
    books: list[tuple[int, list[tuple[int, int, int]]]] = field(default_factory=list)
    lines: int = 0
    trade_ids: set[str] = field(default_factory=set)


def parse(path: Path, options: ConvertOptions, log: Log, counts: Counter[str]) -> tuple[int, int] | None:
    """Append the lines of a file to the log (mutated); return its first and its last time, ns, None without lines.

    A cut-off last line is counted, other bad lines refused.
    """
    is_csv = False
    first_ms, last_ms, latest_ms = 0, 0, 0
    for number, (text, is_cut) in enumerate(lines(blocks(path, options), str(path))):
        if number == 0:
            is_csv = text.decode("utf-8", "replace").strip().split(",") == _CSV_HEADER
        if not text.strip() or (is_csv and number == 0):
            continue
        index = log.lines
        log.lines += 1
        try:
            line = text.decode("utf-8")
            ms = _csv_line(line, index, log) if is_csv else _log_line(line, index, log, counts)
        except ConvertError as exc:
            raise ConvertError(exc.code, f"{path}: line {number + 1}: {exc.cause}") from exc
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError, RecursionError) as exc:
            if is_cut:
                counts["truncated_last_line"] += 1
                break
            raise ConvertError("CONV-003", f"{path}: line {number + 1}: {exc!r}") from exc
        if ms < last_ms:
            counts["rows_before_their_predecessor"] += 1
        first_ms, last_ms, latest_ms = first_ms or ms, ms, max(latest_ms, ms)
    return (first_ms * NS_PER_MS, latest_ms * NS_PER_MS) if first_ms else None


def _log_line(line: str, index: int, log: Log, counts: Counter[str]) -> int:
    stamp, kind, text = line.split(" ", 2)
    ms = _ms(stamp)
    data: dict[str, Any] = json.loads(text)
    if kind == "order_book":
        log.books.append((index, [(s, _fixed(p), _fixed(a)) for s, name in _BOOK_SIDES for p, a in data[name]]))
    elif kind == "trade":
        price, amount = _fixed(data["price"]), _fixed(data["amount"])
        number = data.get("id")
        if price <= 0 or amount < 0:
            raise ConvertError("CONV-004", f"trade price {data['price']}, amount {data['amount']}")
        if number is not None and str(number) in log.trade_ids:
            counts["trades_repeated"] += 1
        elif amount == 0:
            counts["trades_without_quantity"] += 1
        else:
            log.prints.append(Print(index, ms, price, amount))
        if number is not None:
            log.trade_ids.add(str(number))
    elif kind in (CREATED, CHANGED, DELETED):
        side = int(data["order_type"])
        _append(log, index, ms, kind, data["id"], side, _fixed(data["price"]), _fixed(data["amount"]))
    else:
        raise ConvertError("CONV-003", f"event {kind!r}; expected order_created, order_changed, order_deleted, trade or order_book")
    return ms


def _csv_line(line: str, index: int, log: Log) -> int:
    order_id, stamp, _, price, volume, action, direction = line.strip().split(",")
    ms = _ms(stamp)
    amount = Decimal(volume)  # in 1e-8 already
    if not abs(amount) < INT_MAX or amount != amount.to_integral_value():  # in this order: int() of 1e999999999 never ends
        raise ConvertError("CONV-004", f"volume {volume}; expected a whole number of 1e-8")
    side = {"bid": BID, "ask": ASK}[direction]
    _append(log, index, ms, _CSV_ACTIONS[action], order_id, side, _fixed(price), int(amount))
    return ms


def _append(log: Log, index: int, ms: int, kind: str, order_id: Any, side: int, price: int, amount: int) -> None:
    number = int(order_id)
    if side not in (BID, ASK):
        raise ConvertError("CONV-003", f"order_type {side}; expected 0 or 1")
    if price <= 0 or not 0 <= amount < INT_MAX or not 0 < number < INT_MAX:
        raise ConvertError("CONV-004", f"order {number}: price {price}e-8, amount {amount}e-8")
    log.events.append(Event(index, ms, kind, number, side, price, amount))


def _ms(text: str) -> int:
    ms = int(text)
    if not 0 < ms < 9_000_000_000_000:
        raise ConvertError("CONV-004", f"time {text} is not in ms of our age")
    return ms


def _fixed(value: Any) -> int:
    """Return a decimal in 1e-8 (below 1e7, where a float times 1e8 is nearest the whole number meant)."""
    number = float(value)
    if not abs(number) < _VALUE_MAX:  # also if it is not a number
        raise ConvertError("CONV-004", f"value {value!r}")
    return round(number * SCALE)
