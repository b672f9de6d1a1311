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
  order_book that reaches so deep; `--option opening=drop` leaves them all out.
"""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from simcore.errors import ConvertError
from simcore.records import ASK, ASK_BIT, BID, KIND_MASK, L3_ADD
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.bitstamp_log import CHANGED, CREATED, DELETED, INT_MAX, SCALE, Event, Log, Print, parse
from simcore.tape.convert.orders import OrderRows
from simcore.tape.convert.sources import FileOrder
from simcore.units import NS_PER_MS

MATCH_MS = 5_000
_SAID = {
    "trades_without_quantity": "trades of quantity 0 were dropped",
    "trades_repeated": "trades were in the files twice and were taken once",
}  # counts that a warning tells of


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read the log (plain, .gz or .xz) or its CSV of orders, in time order, as one L3 source.

    Raises ConvertError: CONV-001 no file, CONV-002 no rows, CONV-003 a line that cannot be parsed,
    CONV-004 value out of range, CONV-011 files not in time order.
    """
    counts: Counter[str] = Counter()
    log = Log()
    files = FileOrder()
    for path in paths:
        span = parse(path, options, log, counts)
        if span is not None:
            files.check(path, *span)
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
    warnings += [f"{counts[name]} {text}" for name, text in _SAID.items() if counts[name]]
    if counts["orders_inferred_at_opening"]:
        warnings.append(f"{counts['orders_inferred_at_opening']} orders from before the log were inferred")
    return Source(
        rows=book.source_rows(), level="l3", venue="bitstamp", symbol=options.symbol or "BTCUSD", kind="spot",
        hints={"tick_size": "0.01", "lot_size": "0.00000001", "contract_size": "1"}, counts=dict(counts),
        warnings=warnings, has_exch_clock=False,
    )  # fmt: skip


def _trace(events: list[Event], counts: Counter[str]) -> None:
    """Fill in, for each event, which event set the order's price, and how much the event took off."""
    known: dict[int, Event] = {}
    for event in events:
        before = known.get(event.order_id)
        event.start = event.index
        if event.kind == CREATED:
            if before is not None:
                counts["created_twice"] += 1
        elif before is None:
            event.start = -1
            event.taken = None if event.kind == CHANGED or event.amount == 0 else 0
        elif event.kind == CHANGED and event.price != before.price:
            counts["repriced_orders"] += 1
        else:
            event.start = before.start
            event.taken = max(before.amount - event.amount, 0)
            if event.amount > before.amount:
                counts["amount_grew"] += 1
        known[event.order_id] = event
        if event.kind == DELETED:
            del known[event.order_id]


def _match_prints(log: Log, counts: Counter[str]) -> None:
    """Find the two orders of each trade."""
    pool: dict[int | None, list[Event]] = defaultdict(list)
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


def _nearest(pool: dict[int | None, list[Event]], trade: Print, side: int) -> Event | None:
    """Return the unused reduction of the trade's amount nearest before it (else after it), or None."""
    best: Event | None = None
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


def _match_pairs(log: Log, counts: Counter[str]) -> None:
    """Infer trades: equal reductions of two orders of opposite sides within 5 s are one trade at the older's price."""
    waiting: dict[tuple[int, int], list[Event]] = defaultdict(list)
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
        log.prints.append(Print(event.index, event.ms, early.price, event.taken, late.side))
        counts["trades_inferred"] += 1
    _count(counts, "reductions_without_trade", sum(1 for e in log.events if not e.role and e.taken))


def _rows(log: Log, counts: Counter[str], seed: bool) -> OrderRows:
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


def _apply(book: OrderRows, event: Event, last_take: dict[tuple[int, int], int], counts: Counter[str]) -> None:
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
            counts["aggressors_that_rested" if event.amount and event.kind != DELETED else "orders_that_never_rested"] += 1
            if event.kind != DELETED:
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
    if event.kind == DELETED and order_id in book.orders:
        book.remove(order_id)


def _print(book: OrderRows, trade: Print) -> None:
    book.at(trade.ms * NS_PER_MS, trade.ms * NS_PER_MS, trade.index + 1)
    book.trade(trade.aggressor, trade.price, trade.amount)


def _opening_orders(events: list[Event]) -> dict[int, tuple[int, int, int]]:
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
    log: Log, opening: dict[int, tuple[int, int, int]], last_take: dict[tuple[int, int], int], counts: Counter[str]
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
    deepest = {BID: INT_MAX, ASK: 0}
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


def _count(counts: Counter[str], name: str, rows: int) -> None:
    """Count only what there is, so that an absent name means none."""
    if rows:
        counts[name] += rows
