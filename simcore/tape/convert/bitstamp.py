"""Bitstamp order log of 2015 (and the obAnalytics CSV made from it): orders by id, trades without order ids.

A log line is `<local ms> <event> <JSON>`: order_created, order_changed, order_deleted (amount: what is left;
order_type 0 buy, 1 sell), trade (price, amount), order_book (the 20 best levels a side).
`datetime` is the second in which the order was created, in later events too; so there is no exchange clock,
and exch_ts is the local time.

The log does not say which reductions are executions, nor which order of a trade was resting. The rules:
* a trade belongs to the latest not yet used reductions of exactly its amount, one of each side, within 5 s;
* of those two, the order that came to its price later is the aggressor (a market order is re-priced as it
  walks the book, so it is later each time); the other rested, and executes;
* an aggressor joins the book only after its last execution as such, with what is left: so the book does not
  show the crossed moments between the lines of one match;
* a reduction without a trade is a cancel of that much (counted);
* orders from before the log: those it touches are known by what it takes from them, the others by the first
  order_book that reaches so deep; `--extra opening=drop` leaves them all out.
"""

from __future__ import annotations

import bisect
import json
import lzma
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from gzip import BadGzipFile
from gzip import decompress as gunzip
from pathlib import Path
from typing import Any

from simcore.errors import ConvertError
from simcore.records import ASK, ASK_BIT, BID, KIND_MASK, L3_ADD
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.orders import OrderRows
from simcore.units import NS_PER_MS

SCALE = 100_000_000  # prices and amounts are integers in 1e-8
MATCH_MS = 5_000
_CREATED, _CHANGED, _DELETED = "order_created", "order_changed", "order_deleted"
_CSV_HEADER = ["id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction"]
_CSV_ACTIONS = {"created": _CREATED, "changed": _CHANGED, "deleted": _DELETED}
_INT_MAX = 2**62
_VALUE_MAX = 10_000_000
_BOOK_SIDES = ((BID, "bids"), (ASK, "asks"))


@dataclass
class _Event:
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
class _Print:
    """One trade line; aggressor as found."""

    index: int
    ms: int
    price: int
    amount: int
    aggressor: int = -1


@dataclass
class _Log:
    events: list[_Event] = field(default_factory=list)
    prints: list[_Print] = field(default_factory=list)
    books: list[tuple[int, list[tuple[int, int, int]]]] = field(default_factory=list)  # index, (side, price, amount)
    lines: int = 0


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read the log (plain, .gz or .xz) or its CSV of orders, in time order, as one L3 source.

    Raises ConvertError: CONV-001 no file, CONV-002 no rows, CONV-003 a line that cannot be parsed,
    CONV-004 value out of range.
    """
    counts: Counter[str] = Counter()
    log = _Log()
    for path in paths:
        _parse(path, log, counts)
    if not log.events:
        raise ConvertError("CONV-002", f"{paths[0]}: no order events")
    had_trades = bool(log.prints)
    _trace(log.events, counts)
    if had_trades:
        _match_prints(log, counts)
    else:
        _match_pairs(log, counts)
    book = _rows(log, counts, seed=options.extra.get("opening", "infer") != "drop")
    warnings = []
    if not had_trades:
        warnings.append("no trades in the source: they were inferred from equal reductions on both sides")
    if counts["orders_inferred_at_opening"]:
        warnings.append(f"{counts['orders_inferred_at_opening']} orders from before the log were inferred")
    return Source(
        rows=book.source_rows(), level="l3", venue="bitstamp", symbol=options.symbol or "BTCUSD", kind="spot",
        hints={"tick_size": "0.01", "lot_size": "0.00000001", "contract_size": "1"}, counts=dict(counts),
        warnings=warnings, has_exch_clock=False,
    )  # fmt: skip


def _trace(events: list[_Event], counts: Counter[str]) -> None:
    """Fill in, for each event, which event set the order's price, and how much the event took off."""
    known: dict[int, _Event] = {}
    for event in events:
        before = known.get(event.order_id)
        event.start = event.index
        if event.kind == _CREATED:
            if before is not None:
                counts["created_twice"] += 1
        elif before is None:
            event.start = -1
            event.taken = None if event.kind == _CHANGED or event.amount == 0 else 0
        elif event.kind == _CHANGED and event.price != before.price:
            counts["repriced_orders"] += 1
        else:
            event.start = before.start
            event.taken = max(before.amount - event.amount, 0)
            if event.amount > before.amount:
                counts["amount_grew"] += 1
        known[event.order_id] = event
        if event.kind == _DELETED:
            del known[event.order_id]


def _match_prints(log: _Log, counts: Counter[str]) -> None:
    """Find the two orders of each trade."""
    pool: dict[int | None, list[_Event]] = defaultdict(list)
    for event in log.events:
        if event.taken is None or event.taken > 0:
            pool[event.taken].append(event)
    for trade in log.prints:
        found = {side: _nearest(pool, trade, side) for side in (BID, ASK)}
        bid, ask = found[BID], found[ASK]
        if bid is None and ask is None:
            counts["trades_without_orders"] += 1
            continue
        if bid is not None and ask is not None:
            trade.aggressor = BID if (bid.start, bid.order_id) > (ask.start, ask.order_id) else ASK
        else:
            one = bid if bid is not None else ask
            assert one is not None
            counts["trades_with_one_order"] += 1
            trade.aggressor = 1 - one.side if one.price == trade.price else one.side
        for party in (bid, ask):
            if party is not None:
                party.role = "take" if party.side == trade.aggressor else "rest"
                party.taken = trade.amount
    _count(counts, "reductions_without_trade", sum(1 for e in log.events if not e.role and (e.taken is None or e.taken > 0)))


def _nearest(pool: dict[int | None, list[_Event]], trade: _Print, side: int) -> _Event | None:
    """Return the unused reduction of the trade's amount nearest before it (else after it), or None."""
    best: _Event | None = None
    for key in (trade.amount, None):
        events = pool.get(key, [])
        at = bisect.bisect_left(events, trade.index, key=lambda e: e.index)
        for event in (*reversed(events[max(at - 50, 0) : at]), *events[at : at + 50]):
            if event.side != side or event.role or abs(event.ms - trade.ms) > MATCH_MS:
                continue
            if key is None and event.price != trade.price:
                continue
            best = event
            break
        if best is not None:
            break
    return best


def _match_pairs(log: _Log, counts: Counter[str]) -> None:
    """Infer trades: equal reductions of two orders of opposite sides within 5 s are one trade at the older's price."""
    waiting: dict[tuple[int, int], list[_Event]] = defaultdict(list)
    for event in log.events:
        if not event.taken:
            continue
        others = waiting[1 - event.side, event.taken]
        other = others.pop() if others else None
        if other is None or event.ms - other.ms > MATCH_MS:
            waiting[event.side, event.taken].append(event)
            continue
        late, early = (event, other) if (event.start, event.order_id) > (other.start, other.order_id) else (other, event)
        late.role, early.role = "take", "rest"
        log.prints.append(_Print(event.index, event.ms, early.price, event.taken, late.side))
        counts["trades_inferred"] += 1
    _count(counts, "reductions_without_trade", sum(1 for e in log.events if not e.role and e.taken))


def _rows(log: _Log, counts: Counter[str], seed: bool) -> OrderRows:
    """Write the rows: opening orders, then events and trades in the order of their lines."""
    last_take: dict[tuple[int, int], int] = {}
    for event in log.events:
        if event.role == "take":
            last_take[event.order_id, event.start] = event.index
    opening = _opening_orders(log.events) if seed else {}
    if seed and log.books:
        _seed_from_books(log, opening, last_take, counts)
    book = OrderRows(SCALE, SCALE, counts)
    first = log.events[0]
    book.at(first.ms * NS_PER_MS, first.ms * NS_PER_MS, 1)
    for order_id in sorted(opening):
        book.add(order_id, *opening[order_id])
    _count(counts, "orders_inferred_at_opening", len(opening))
    prints = iter(sorted(log.prints, key=lambda p: p.index))
    trade = next(prints, None)
    for event in log.events:
        while trade is not None and trade.index < event.index:
            _print(book, trade)
            trade = next(prints, None)
        book.at(event.ms * NS_PER_MS, event.ms * NS_PER_MS, event.index + 1)
        _apply(book, event, last_take, counts)
    while trade is not None:
        _print(book, trade)
        trade = next(prints, None)
    return book


def _apply(book: OrderRows, event: _Event, last_take: dict[tuple[int, int], int], counts: Counter[str]) -> None:
    """Turn one event into rows."""
    order_id = event.order_id
    pending_until = last_take.get((order_id, event.start), -1)
    if event.start == event.index:  # it came to this price now
        if order_id in book.orders:
            book.remove(order_id)
        if pending_until < 0:
            book.add(order_id, event.side, event.price, event.amount)
        return
    if order_id not in book.orders:
        if event.index == pending_until:
            counts["aggressors_that_rested" if event.amount and event.kind != _DELETED else "orders_that_never_rested"] += 1
            if event.kind != _DELETED:
                book.add(order_id, event.side, event.price, event.amount)
        elif event.index > pending_until >= 0 or event.role == "take":
            pass
        elif pending_until < 0:
            counts["events_of_unknown_orders"] += 1
        return
    taken = event.taken or 0
    if taken:
        if event.role == "rest":
            book.execute(order_id, taken)
        else:
            book.reduce(order_id, taken)
    if event.kind == _DELETED and order_id in book.orders:
        book.remove(order_id)


def _print(book: OrderRows, trade: _Print) -> None:
    book.at(trade.ms * NS_PER_MS, trade.ms * NS_PER_MS, trade.index + 1)
    book.trade(trade.aggressor, trade.price, trade.amount)


def _opening_orders(events: list[_Event]) -> dict[int, tuple[int, int, int]]:
    """Return the orders from before the log: id -> side, price, amount; ids grow with time, so they give priority."""
    opening: dict[int, tuple[int, int, int]] = {}
    seen: set[int] = set()
    for event in events:
        if event.order_id in seen:
            continue
        seen.add(event.order_id)
        if event.start == -1:
            amount = event.amount + (event.taken or 0)
            if amount > 0:
                opening[event.order_id] = (event.side, event.price, amount)
    return opening


def _seed_from_books(
    log: _Log, opening: dict[int, tuple[int, int, int]], last_take: dict[tuple[int, int], int], counts: Counter[str]
) -> None:
    """Add the orders that the log never touches but an order_book shows, when it first shows that deep.

    Per side, only levels beyond the deepest seen so far are used: nearer ones are known from events, and a
    difference there is the log's own fault. One order a level, ahead of the known ones (ids below all
    others).  opening : mutated.
    """
    trial = OrderRows(SCALE, SCALE)
    held: Counter[tuple[int, int]] = Counter()
    for order_id in sorted(opening):
        trial.add(order_id, *opening[order_id])
    events = iter(log.events)
    event = next(events, None)
    lowest = min(e.order_id for e in log.events)
    deepest = {BID: _INT_MAX, ASK: 0}
    for book_index, levels in log.books:
        while event is not None and event.index < book_index:
            _apply(trial, event, last_take, Counter())
            event = next(events, None)
        for _, _, ev, price, qty, _, _ in trial.rows:
            held[ASK if ev & ASK_BIT else BID, int(price)] += int(qty) if ev & KIND_MASK == L3_ADD else -int(qty)
        trial.rows.clear()
        reached = dict(deepest)
        for side, price, amount in levels:
            if not (price < deepest[BID] if side == BID else price > deepest[ASK]):
                continue
            reached[side] = min(reached[BID], price) if side == BID else max(reached[ASK], price)
            excess = amount - held[side, price]
            if excess > 0 and lowest > 1:
                lowest -= 1
                opening[lowest] = (side, price, excess)
                held[side, price] += excess
                counts["levels_seeded_from_order_books"] += 1
        deepest = reached


def _parse(path: Path, log: _Log, counts: Counter[str]) -> None:
    """Append the lines of a file to the log (mutated). A cut-off last line is counted, other bad lines refused."""
    text = _text(path)
    lines = text.split("\n")
    is_csv = lines[0].strip().split(",") == _CSV_HEADER
    last_ms = 0
    for number, line in enumerate(lines):
        if not line.strip() or (is_csv and number == 0):
            continue
        index = log.lines
        log.lines += 1
        try:
            ms = _csv_line(line, index, log) if is_csv else _log_line(line, index, log)
        except ConvertError as exc:
            raise ConvertError(exc.code, f"{path}: line {number + 1}: {exc.cause}") from exc
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, ArithmeticError, RecursionError) as exc:
            if number == len(lines) - 1:  # no newline after it: the file was cut here
                counts["truncated_last_line"] += 1
                return
            raise ConvertError("CONV-003", f"{path}: line {number + 1}: {exc!r}") from exc
        if ms < last_ms:
            counts["rows_before_their_predecessor"] += 1
        last_ms = ms


def _log_line(line: str, index: int, log: _Log) -> int:
    stamp, kind, text = line.split(" ", 2)
    ms = _ms(stamp)
    data: dict[str, Any] = json.loads(text)
    if kind == "order_book":
        log.books.append((index, [(s, _fixed(p), _fixed(a)) for s, name in _BOOK_SIDES for p, a in data[name]]))
    elif kind == "trade":
        price, amount = _fixed(data["price"]), _fixed(data["amount"])
        if price <= 0 or amount <= 0:
            raise ConvertError("CONV-004", f"trade price {data['price']}, amount {data['amount']}")
        log.prints.append(_Print(index, ms, price, amount))
    elif kind in (_CREATED, _CHANGED, _DELETED):
        side = int(data["order_type"])
        _append(log, index, ms, kind, data["id"], side, _fixed(data["price"]), _fixed(data["amount"]))
    else:
        raise ConvertError("CONV-003", f"event {kind!r}; expected order_created, order_changed, order_deleted, trade or order_book")
    return ms


def _csv_line(line: str, index: int, log: _Log) -> int:
    order_id, stamp, _, price, volume, action, direction = line.strip().split(",")
    ms = _ms(stamp)
    amount = Decimal(volume)  # in 1e-8 already
    if amount != amount.to_integral_value():
        raise ConvertError("CONV-004", f"volume {volume}; expected a whole number of 1e-8")
    side = {"bid": BID, "ask": ASK}[direction]
    _append(log, index, ms, _CSV_ACTIONS[action], order_id, side, _fixed(price), int(amount))
    return ms


def _append(log: _Log, index: int, ms: int, kind: str, order_id: Any, side: int, price: int, amount: int) -> None:
    number = int(order_id)
    if side not in (BID, ASK):
        raise ConvertError("CONV-003", f"order_type {side}; expected 0 or 1")
    if price <= 0 or not 0 <= amount < _INT_MAX or not 0 < number < _INT_MAX:
        raise ConvertError("CONV-004", f"order {number}: price {price}e-8, amount {amount}e-8")
    log.events.append(_Event(index, ms, kind, number, side, price, amount))


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


def _text(path: Path) -> str:
    if not path.is_file():
        raise ConvertError("CONV-001", f"{path}: no such file")
    try:
        data = path.read_bytes()
        if data[:6] == b"\xfd7zXZ\x00":
            data = lzma.decompress(data)
        elif data[:2] == b"\x1f\x8b":
            data = gunzip(data)
        return data.decode("utf-8")
    except (lzma.LZMAError, BadGzipFile, zlib.error, EOFError, OSError, UnicodeDecodeError) as exc:
        raise ConvertError("CONV-003", f"{path}: not readable: {exc}") from exc


def _count(counts: Counter[str], name: str, rows: int) -> None:
    """Count only what there is, so that an absent name means none."""
    if rows:
        counts[name] += rows
