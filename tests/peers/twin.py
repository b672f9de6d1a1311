"""The peer's rules a second time, slowly, with a switch for every rule in which mmsim differs.

With all switches as the peer has them, the twin must give the peer's fills exactly; with all as mmsim has them,
mmsim's. Turned one by one from the one to the other, they say which rule each different fill comes from
(docs/peers.md). Prices are ticks, quantities lots; rows are the peer's, after the conversion to ticks and lots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

EXCH_EVENT = 1 << 31
LOCAL_EVENT = 1 << 30
BUY_EVENT = 1 << 29
SELL_EVENT = 1 << 28
DEPTH, TRADE, CLEAR, SNAPSHOT = 1, 2, 3, 4
NOTHING = 1 << 62  # distance of the best price of an empty side
WHOLE = 0  # the price of a clear that has none: all levels of its side, or of both


class Rules(NamedTuple):
    """One switch a rule; True is the peer's way."""

    half_away_from_zero: bool = True  # PEER-07
    negative_queue: bool = True  # PEER-08
    crossed_levels_hide: bool = True  # PEER-10
    clear_skips_a_tick: bool = True  # PEER-11
    sideless_fills_nobody: bool = True  # PEER-12
    no_last_tick: bool = True  # PEER-03


RULE_NAMES = {
    "half_away_from_zero": "PEER-07 half rounding",
    "negative_queue": "PEER-08 negative queue",
    "crossed_levels_hide": "PEER-10 crossed book",
    "clear_skips_a_tick": "PEER-11 clear",
    "sideless_fills_nobody": "PEER-12 sideless trade",
    "no_last_tick": "PEER-03 end",
}
PEER_RULES = Rules()
OUR_RULES = Rules(*(False for _ in Rules._fields))


class Fill(NamedTuple):
    """One execution: side 0 buys, 1 sells."""

    exch_ts: int
    side: int
    price_ticks: int
    qty_lots: int


@dataclass
class Order:
    """An order as the exchange holds it; sign is +1 for buys."""

    sign: int
    price: int
    lots: int
    front: float = 0.0
    traded: float = 0.0
    state: str = "sent"  # sent, open, filled, canceled, expired: the exchange's word
    seen: str = "sent"  # as the trader knows it
    cancelling: bool = False


class Side:
    """Levels of one side; `key` = price for bids, -price for asks, so that the best key is the highest."""

    def __init__(self, rules: Rules) -> None:
        self.lots: dict[int, int] = {}
        self.best = -NOTHING
        self.low = NOTHING
        self.rules = rules

    def set_level(self, key: int, lots: int) -> int:
        """Set a level and return what it held before."""
        before = self.lots.get(key, 0)
        if lots > 0:
            self.lots[key] = lots
            self.low = min(self.low, key)
            self.best = max(self.best, key)
        else:
            self.lots.pop(key, None)
            if key == self.best:
                self.find_below(key)
        return before

    def find_below(self, key: int) -> None:
        """Let the best be the highest level strictly below key."""
        if key - self.low > 4 * len(self.lots):  # far apart: look at the levels instead of the ticks
            self.best = max((k for k in self.lots if k < key), default=-NOTHING)
        else:
            self.best = next((k for k in range(key - 1, self.low - 1, -1) if k in self.lots), -NOTHING)
        if self.best == -NOTHING and self.rules.crossed_levels_hide:
            self.low = NOTHING

    def clear(self, key: int) -> None:
        """Remove the levels from the best to key, inclusive; all of them if the clear names no price."""
        if key == WHOLE:
            self.__init__(self.rules)  # type: ignore[misc]
            return
        for other in [k for k in self.lots if key <= k <= self.best]:
            del self.lots[other]
        self.find_below(key - 1 if self.rules.clear_skips_a_tick else key)


class Book:
    """Two sides; a new best that reaches the other side's hides what it reached, if the rules say so."""

    def __init__(self, rules: Rules) -> None:
        self.bids = Side(rules)
        self.asks = Side(rules)
        self.hide = rules.crossed_levels_hide

    def side(self, sign: int) -> Side:
        return self.bids if sign > 0 else self.asks

    def set_level(self, sign: int, price: int, lots: int) -> int:
        side, other = self.side(sign), self.side(-sign)
        before = side.set_level(sign * price, lots)
        if self.hide and lots > 0 and side.best == sign * price and other.best >= -side.best:
            other.find_below(-side.best)
        return before

    def clear(self, sign: int, price: int) -> None:
        if sign == 0:
            self.bids.clear(WHOLE)
            self.asks.clear(WHOLE)
        else:
            self.side(sign).clear(sign * price)

    def best(self, sign: int) -> int | None:
        key = self.side(sign).best
        return None if key == -NOTHING else sign * key


@dataclass
class Twin:
    """The exchange, the trader and what travels between them."""

    config: dict[str, Any]
    rules: Rules
    fills: list[Fill] = field(default_factory=list)

    def run(self, rows: Any, start_ts: int) -> list[Fill]:
        """Replay rows (the peer's dtype, in ticks and lots) with the maker of docs/peers.md."""
        exch_rows = as_tuples(rows, EXCH_EVENT, "exch_ts")
        local_rows = as_tuples(rows, LOCAL_EVENT, "local_ts")
        self.exch, self.local = Book(self.rules), Book(self.rules)
        self.open: list[Order] = []
        self.live: list[Order] = []
        self.requests: list[tuple[int, str, Order]] = []
        self.reports: list[tuple[int, Order, str]] = []
        self.position = 0
        end_ts = max(exch_rows[-1][0], local_rows[-1][0])
        now = start_ts
        exch_at = local_at = 0
        while True:
            now += self.config["tick_interval_ns"]
            if now > end_ts or (now == end_ts and self.rules.no_last_tick):
                self.advance_exchange(exch_rows, exch_at, end_ts)
                return self.fills
            exch_at = self.advance_exchange(exch_rows, exch_at, now)
            while local_at < len(local_rows) and local_rows[local_at][0] <= now:
                apply_row(self.local, local_rows[local_at])
                local_at += 1
            self.receive(now)
            self.tick(now)

    def advance_exchange(self, rows: list[tuple[int, int, int, int, float]], at: int, until: int) -> int:
        """Process rows and requests up to `until`, rows first at equal times."""
        while True:
            request_ts = self.requests[0][0] if self.requests else until + 1
            while at < len(rows) and rows[at][0] <= min(until, request_ts):
                self.exchange_row(rows[at])
                at += 1
            if request_ts > until:
                return at
            _, kind, order = self.requests.pop(0)
            self.handle(request_ts, kind, order)

    def exchange_row(self, row: tuple[int, int, int, int, float]) -> None:
        ts, kind, sign, price, lots = row
        if kind == TRADE:
            sign = sign or self.sign_of_trade(price)
            for order in [o for o in self.open if o.sign == -sign]:
                self.trade(ts, order, price, int(lots))
            return
        before = apply_row(self.exch, row)
        if kind == CLEAR:
            return
        for order in self.open:
            if order.sign == sign and order.price == price:
                self.level_changed(order, before, int(lots))
        if lots > 0:
            for order in [o for o in self.open if o.sign == -sign and sign * price >= sign * o.price]:
                self.fill(ts, order)

    def sign_of_trade(self, price: int) -> int:
        """Return the aggressor's side of a trade that says none: by the best prices, or nobody's (2 fits no order)."""
        best_bid, best_ask = self.exch.best(1), self.exch.best(-1)
        if self.rules.sideless_fills_nobody:
            return 2
        if best_bid is not None and price <= best_bid:
            return -1
        return 1 if best_ask is not None and price >= best_ask else 2

    def trade(self, ts: int, order: Order, price: int, lots: int) -> None:
        beyond = order.sign * (order.price - price)
        if beyond > 0:
            self.fill(ts, order)
        elif beyond == 0:
            order.front -= lots
            order.traded += lots
            reached = math.floor(-order.front + 0.5) if self.rules.half_away_from_zero else round(-order.front)
            if reached > 0:
                self.fill(ts, order)

    def level_changed(self, order: Order, before: int, after: int) -> None:
        if self.config["queue_model"] == "risk_averse":
            order.front = min(order.front, float(after))
            return
        change = before - after - order.traded
        order.traded = 0.0
        if change < 0:
            order.front = min(order.front, float(after))
            return
        back = before - order.front
        p = behind(self.config["queue_model"], self.config["queue_n"], order.front, back)
        estimate = order.front - (1.0 - p) * change + min(back - p * change, 0.0)
        order.front = float(after) if math.isnan(estimate) else min(estimate, float(after))
        if not self.rules.negative_queue:
            order.front = max(order.front, 0.0)

    def fill(self, ts: int, order: Order) -> None:
        self.open.remove(order)
        self.fills.append(Fill(ts, 0 if order.sign > 0 else 1, order.price, order.lots))
        self.answer(ts, order, "filled")

    def handle(self, ts: int, kind: str, order: Order) -> None:
        if kind == "cancel":
            if order in self.open:
                self.open.remove(order)
                self.answer(ts, order, "canceled")
            return
        opposite = self.exch.best(-order.sign)
        if opposite is not None and order.sign * (order.price - opposite) >= 0:
            self.answer(ts, order, "expired")
            return
        order.front = float(self.exch.side(order.sign).lots.get(order.sign * order.price, 0))
        self.open.append(order)
        self.answer(ts, order, "open")

    def answer(self, ts: int, order: Order, word: str) -> None:
        order.state = word
        self.reports.append((ts + self.config["response_latency_ns"], order, word))

    def receive(self, now: int) -> None:
        """Let the trader learn what has arrived by now."""
        while self.reports and self.reports[0][0] <= now:
            _, order, word = self.reports.pop(0)
            order.seen = word
            if word != "open":
                self.live.remove(order)
            if word == "filled":
                self.position += order.sign * order.lots

    def tick(self, now: int) -> None:
        best_bid, best_ask = self.local.best(1), self.local.best(-1)
        if best_bid is None or best_ask is None or best_bid >= best_ask:
            return
        config = self.config
        reservation = (best_bid + best_ask) / 2.0 - config["skew_ticks_per_lot"] * self.position
        half = config["half_spread_ticks"]
        wanted = {
            1: min(math.floor(reservation - half), best_bid) if self.position < config["max_position_lots"] else None,
            -1: max(math.ceil(reservation + half), best_ask) if self.position > -config["max_position_lots"] else None,
        }
        arrival = now + config["entry_latency_ns"]
        for order in self.live:
            if order.price != wanted[order.sign] and order.seen == "open" and not order.cancelling:
                order.cancelling = True
                self.requests.append((arrival, "cancel", order))
        for sign, price in wanted.items():
            if price is not None and not any(o.sign == sign and o.price == price for o in self.live):
                order = Order(sign, price, config["order_lots"])
                self.live.append(order)
                self.requests.append((arrival, "place", order))


def behind(model: str, n: float, front: float, back: float) -> float:
    """Return the probability that a decrease stood behind us, as the peer computes it; infinite means 1."""
    try:
        if model == "power":
            p = back**n / (back**n + front**n)
        elif model == "power2":
            p = back**n / (back + front) ** n
        elif model == "power3":
            p = 1.0 - (front / (front + back)) ** n
        elif model == "log":
            p = math.log(1.0 + back) / (math.log(1.0 + back) + math.log(1.0 + front))
        else:
            p = math.log(1.0 + back) / math.log(1.0 + back + front)
    except (ZeroDivisionError, ValueError):
        return math.nan
    return 1.0 if math.isinf(p) else p


def apply_row(book: Book, row: tuple[int, int, int, int, float]) -> int:
    """Apply one row to a book; return what a level held before."""
    _, kind, sign, price, lots = row
    if kind in (DEPTH, SNAPSHOT):
        return book.set_level(sign, price, int(lots))
    if kind == CLEAR:
        book.clear(sign, price)
    return 0


def as_tuples(rows: Any, flag: int, clock: str) -> list[tuple[int, int, int, int, float]]:
    """Return (time, kind, sign, price, lots) of the rows that one side sees; sign is +1 for buys and bids."""
    seen = rows[(rows["ev"] & flag) != 0]
    kind = (seen["ev"] & 0xFF).astype(np.int64)
    sign = np.where(seen["ev"] & BUY_EVENT, 1, np.where(seen["ev"] & SELL_EVENT, -1, 0))
    price = np.rint(np.where(np.isnan(seen["px"]), WHOLE, seen["px"])).astype(np.int64)
    lots = np.rint(seen["qty"]).astype(np.int64)
    return list(zip(seen[clock].tolist(), kind.tolist(), sign.tolist(), price.tolist(), lots.tolist(), strict=True))
