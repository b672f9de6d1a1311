"""The trading side of semantics section 5: local book, orders as the Node knows them, ledger, reconciliation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from simcore import records as r
from tests.oracle.account import Account
from tests.oracle.book import Book
from tests.oracle.messages import Report, Request, Sample
from tests.oracle.params import OracleParams
from tests.oracle.rows import Row

QUOTED, MOVED, NOT_WANTED = 1, 2, 3  # why a request was sent: from bit 40 of its reason on

Quotes = list[tuple[int, int]]  # (price ticks, lots), wanted on one side
# tick(bid_ticks, bid_lots, ask_ticks, ask_lots, position_lots, memory) -> (wanted bids, wanted asks)
Strategy = Callable[[int, int, int, int, int, dict[str, Any]], tuple[Quotes, Quotes]]


class Step(NamedTuple):
    """A request of a script, sent by the Node at local time ts."""

    ts: int
    kind: int
    order_id: int
    side: int = 0
    tif: int = 0
    price: int = 0
    qty: int = 0
    trigger: int = 0
    display: int = 0
    reduce_only: int = 0
    batched: int = 0


@dataclass
class Slot:
    """An order as the Node knows it."""

    id: int
    side: int
    tif: int
    price: int
    qty: int
    leaves: int
    acknowledged: bool = False
    in_flight: int = 0  # AMEND, CANCEL or 0
    target: int = 0  # price of the amend in flight

    @property
    def works_at(self) -> int:
        return self.target if self.in_flight == r.AMEND else self.price


class Node:
    """One lane's Node."""

    def __init__(self, p: OracleParams, send: Callable[[Request], None], strategy: Strategy | None = None) -> None:
        self.p = p
        self.send = send
        self.strategy = strategy
        self.memory: dict[str, Any] = {}
        self.book = Book()
        self.account = Account(p)
        self.slots: dict[int, Slot] = {}
        self.skipped = 0
        self.start_ts = 0
        self.sample_due = 0  # ns since the start
        self.sampled_at: int | None = None
        self.request_count = 0
        self.next_id = 1
        self.late = 0
        self.batched = False  # the request that is being sent belongs to the batch of its time

    # --- what arrives -------------------------------------------------------------------------------

    def on_row(self, row: Row) -> None:
        self.book.apply(row)

    def on_report(self, report: Report) -> None:
        if report.kind == r.FUNDED:
            self.account.cash -= report.fee_units
            return
        if report.kind == r.TRADED:
            self.account.book_fill(report.side, report.price_ticks, report.qty_lots, report.fee_units)
        if report.order_id == 0:  # a liquidation
            return
        slot = self.slots.get(report.order_id)
        if slot is None:
            self.late += 1
            return
        if report.kind == r.ACKED:
            slot.acknowledged = True
        elif report.kind == r.TRADED:
            slot.leaves = report.leaves_lots
            if slot.leaves == 0:
                del self.slots[slot.id]
        elif report.kind in (r.ENDED, r.REFUSED):
            del self.slots[slot.id]
        elif report.kind != r.TRIGGERED:
            slot.in_flight = 0
            if report.kind == r.AMENDED:
                slot.price, slot.qty, slot.leaves = report.price_ticks, report.qty_lots, report.leaves_lots

    # --- what leaves --------------------------------------------------------------------------------

    def on_tick(self, now: int) -> Sample | None:
        """Let the strategy act. Returns a sample if one is due."""
        if not self._has_mid():
            self.skipped += 1
            return None
        if self.strategy is not None:
            bid, ask = self.book.top()
            lots = self.book.lots(r.BID, bid), self.book.lots(r.ASK, ask)
            wanted = self.strategy(bid, lots[0], ask, lots[1], self.account.position, self.memory)
            self._reconcile(now, wanted)
        elapsed, interval = now - self.start_ts, self.p.sample_interval_ns
        if elapsed < self.sample_due:
            return None
        self.sample_due = (elapsed // interval + 1) * interval
        return self._sample(now)

    def on_end(self, now: int) -> Sample | None:
        """Return the sample of the end of the run, unless a tick has made one or there is nothing to value at."""
        return self._sample(now) if self._has_mid() and self.sampled_at != now else None

    def _has_mid(self) -> bool:
        bid, ask = self.book.best(r.BID), self.book.best(r.ASK)
        return bid is not None and ask is not None and bid < ask

    def _reconcile(self, now: int, wanted: tuple[Quotes, Quotes]) -> None:
        quotes = [_usable(wanted[side]) for side in (r.BID, r.ASK)]
        for side in (r.BID, r.ASK):
            self._withdraw(now, side, quotes[side])
        for side in (r.BID, r.ASK):
            self._add(now, side, quotes[side])

    def _live(self, side: int) -> list[Slot]:
        return [slot for slot in self.slots.values() if slot.side == side]

    def _withdraw(self, now: int, side: int, quotes: dict[int, int]) -> None:
        """Cancel, or move, the orders of a side that are not wanted where they are."""
        for slot in self._live(side):
            if slot.works_at in quotes or not slot.acknowledged or slot.in_flight:
                continue
            free = _free_prices(side, quotes, self._live(side)) if self.p.use_amend else []
            if free:
                total = slot.qty - slot.leaves + quotes[free[0]]
                slot.in_flight, slot.target = r.AMEND, free[0]
                self._request(now, r.AMEND, slot, free[0], total, MOVED)
            else:
                slot.in_flight = r.CANCEL
                self._request(now, r.CANCEL, slot, slot.price, slot.qty, NOT_WANTED)

    def _add(self, now: int, side: int, quotes: dict[int, int]) -> None:
        """Place what is wanted and not there."""
        if self.p.wait_cancel and any(slot.in_flight == r.CANCEL for slot in self._live(side)):
            return
        for price in _free_prices(side, quotes, self._live(side)):
            if self.p.live_limit and len(self.slots) >= self.p.live_limit:
                return
            slot = Slot(self.next_id, side, self.p.quote_tif, price, quotes[price], quotes[price])
            self.next_id += 1
            self.slots[slot.id] = slot
            self._request(now, r.PLACE, slot, price, slot.qty, QUOTED)

    def _request(self, now: int, kind: int, slot: Slot, price: int, qty: int, why: int) -> None:
        seq, self.request_count = self.request_count, self.request_count + 1
        what = kind, slot.id, slot.side, slot.tif, price, qty
        self.send(Request(now, self.p.lane, seq, *what, 0, 0, 0, *self.book.top(), why * 2**40))

    def send_scripted(self, step: Step) -> None:
        """Send a request of a script; orders are not reconciled, only known."""
        if step.kind == r.PLACE:
            self.slots[step.order_id] = Slot(step.order_id, step.side, step.tif, step.price, step.qty, step.qty)
        seq, self.request_count = self.request_count, self.request_count + 1
        self.batched = bool(step.batched)
        what = step.kind, step.order_id, step.side, step.tif, step.price, step.qty
        extras = step.trigger, step.display, step.reduce_only
        self.send(Request(step.ts, self.p.lane, seq, *what, *extras, *self.book.top(), 0))

    def _sample(self, now: int) -> Sample:
        self.sampled_at = now
        bid, ask = self.book.top()
        bids = [slot.works_at for slot in self._live(r.BID)]
        asks = [slot.works_at for slot in self._live(r.ASK)]
        a = self.account
        return Sample(
            now, self.p.lane, bid, ask, a.position, a.cash, a.fees, a.equity(bid, ask),
            max(bids, default=0), min(asks, default=0), len(self.slots),
        )  # fmt: skip


def _usable(quotes: Quotes) -> dict[int, int]:
    """Return wanted lots by price; of two quotes at one price the first counts."""
    wanted: dict[int, int] = {}
    for price, lots in quotes:
        if price > 0 and lots > 0:
            wanted.setdefault(price, lots)
    return wanted


def _free_prices(side: int, quotes: dict[int, int], live: list[Slot]) -> list[int]:
    """Return the wanted prices that no live order works, best first."""
    worked = [slot.works_at for slot in live]
    return sorted((price for price in quotes if price not in worked), reverse=side == r.BID)
