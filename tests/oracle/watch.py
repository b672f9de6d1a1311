"""What a Node measures, worked out from its inbound and outbound rows: slow, and apart from the kernels."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simcore import records as r
from tests.oracle.account import Account
from tests.oracle.book import Book, better
from tests.oracle.params import INVERSE, OracleParams
from tests.oracle.queue import prob
from tests.oracle.rows import Row

NS_PER_S = 1_000_000_000
DAY_NS = 86_400 * NS_PER_S
ANSWERS = (r.ACKED, r.AMENDED, r.REFUSED, r.AMEND_REFUSED, r.CANCEL_REFUSED)


@dataclass
class Order:
    """An order of the lane, as requests and reports tell it."""

    id: int
    side: int
    price: int
    qty: int
    leaves: int
    sent: int
    waits: bool = True
    target: int = 0  # of the amend in flight
    ahead: float | None = None  # None: not followed yet
    level: int = 0
    traded: float = 0.0

    @property
    def works_at(self) -> int:
        return self.target or self.price


class Watch:
    """One lane's Node as an onlooker sees it. All times in ns since the epoch."""

    def __init__(self, p: OracleParams, start: int, cash_unit: float, levels: tuple[int, int] = (5, 3)) -> None:
        self.p, self.start, self.cash_unit, self.levels = p, start, cash_unit, levels
        self.book, self.account = Book(), Account(p)
        self.orders: dict[int, Order] = {}
        self.mids: list[float] = []
        self.equities: list[int] = []
        self.latencies: list[int] = []
        self.fills: list[tuple[int, bool]] = []
        self.sends: Counter[int] = Counter()  # requests by second of the tick that sent them
        self.gaps = self.rewinds = 0
        self.last_row = (0, 0)
        self.rewound_from = 0
        self.day: tuple[int, int, int] | None = None  # number, equity and turnover at its start

    # --- what comes -----------------------------------------------------------------------------------

    def on_row(self, row: Row) -> None:
        self.last_row = row.local_ts, row.exch_ts
        self.gaps += row.kind == r.GAP
        if row.kind == (r.L3_EXEC if self.p.l3 else r.TRADE):
            self._trade(row)
        changes = self.book.apply(row)
        for order in self.orders.values():
            if order.ahead is None:
                continue
            touched = [c for c in changes if c.side == order.side and c.price == order.price]
            if row.kind == r.CLEAR:
                if row.side in (None, order.side):
                    order.level, order.traded = self.book.lots(order.side, order.price), 0.0
            elif touched or self._is_reached(order, row):
                self._level_changed(order)

    @staticmethod
    def _is_reached(order: Order, row: Row) -> bool:
        """A best quote says something of its own level and of those that it removes, whether or not lots were there."""
        return row.kind == r.BEST and row.side == order.side and (
            order.price == row.price or better(order.side, order.price, row.price)
        )

    def _trade(self, row: Row) -> None:
        bid, ask = self.book.best(r.BID), self.book.best(r.ASK)
        if row.kind == r.L3_EXEC:
            hit = row.side
        elif row.side is not None:
            hit = r.BID if row.side == r.ASK else r.ASK
        elif bid is not None and row.price <= bid:
            hit = r.BID
        else:
            hit = r.ASK if ask is not None and row.price >= ask else None
        for order in self.orders.values():
            if order.ahead is None or order.side != hit:
                continue
            if order.price == row.price:
                order.ahead, order.traded = max(order.ahead - row.qty, 0.0), order.traded + row.qty
            elif better(order.side, order.price, row.price):
                order.ahead = 0.0

    def _level_changed(self, order: Order) -> None:
        """The power model with n = 3, which is the Node's default."""
        assert order.ahead is not None
        new = self.book.lots(order.side, order.price)
        if new != order.level:
            change = order.level - new - order.traded
            if change < 0.0:
                order.ahead = min(order.ahead, float(new))
            else:
                back = order.level - order.ahead
                behind = prob("power", 3.0, order.ahead, max(back, 0.0))
                gone = (1.0 - behind) * change - min(back - behind * change, 0.0)
                order.ahead = max(min(order.ahead - gone, float(new)), 0.0)
            order.level = new
        order.traded = 0.0

    def on_report(self, report: Any) -> None:
        order = self.orders.get(int(report["order_id"]))
        kind = int(report["kind"])
        if kind == r.FUNDED:
            self.account.cash -= int(report["fee_units"])
        if kind == r.TRADED:
            self.account.book_fill(*(int(report[name]) for name in ("side", "price_ticks", "qty_lots", "fee_units")))
            self.fills.append((int(report["ts"]) - self.start, int(report["liquidity"]) == r.TAKER))
        if order is None:
            return
        if order.waits and (kind in ANSWERS or (kind == r.ENDED and report["reason"] == r.BY_REQUEST)):
            self.latencies.append(int(report["ts"]) - order.sent)
        if kind == r.TRADED:
            order.leaves = int(report["leaves_lots"])
        if kind in (r.ENDED, r.REFUSED) or order.leaves == 0:
            del self.orders[order.id]
        elif kind != r.TRADED:
            self._answered(order, report)

    def _answered(self, order: Order, report: Any) -> None:
        order.waits, order.target = False, 0
        moved = False
        if report["kind"] == r.AMENDED:
            moved = report["price_ticks"] != order.price or report["qty_lots"] > order.qty
            order.price, order.qty = int(report["price_ticks"]), int(report["qty_lots"])
            order.leaves = int(report["leaves_lots"])
        if report["kind"] == r.ACKED or moved:
            order.level = self.book.lots(order.side, order.price)
            order.ahead, order.traded = float(order.level), 0.0

    def on_request(self, request: Any) -> None:
        now = int(request["ts"])
        self.sends[(now - self.start) // NS_PER_S] += 1
        number, price, qty = (int(request[name]) for name in ("order_id", "price_ticks", "qty_lots"))
        if request["kind"] == r.PLACE:
            self.orders[number] = Order(number, int(request["side"]), price, qty, qty, now)
            return
        order = self.orders[number]
        order.waits, order.sent = True, now
        order.target = price if request["kind"] == r.AMEND else 0

    # --- what a tick shows ----------------------------------------------------------------------------

    def on_tick(self, now: int) -> dict[str, float] | None:
        """Return what the strategy sees, by field; None where the book has no mid and the pipeline is skipped."""
        bid, ask = self.book.best(r.BID), self.book.best(r.ASK)
        if bid is None or ask is None or bid >= ask:
            return None
        equity = self.account.equity(bid, ask)
        before = self.equities[-1] if self.equities else 0
        self.equities.append(equity)
        self._start_day(now, equity, before)
        self.mids.append((bid + ask) / 2)
        self.rewinds += self.last_row[1] < self.rewound_from
        self.rewound_from = self.last_row[1]
        unit = self.p.value_scale * self.cash_unit
        mid = (bid + ask) / 2
        return {
            **self._windows(now),
            **self._side("bid", r.BID, bid),
            **self._side("ask", r.ASK, ask),
            "book_age_ns": now - self.last_row[0],
            "gaps": self.gaps,
            "rewinds": self.rewinds,
            "lot_value": unit / mid if self.p.kind == INVERSE else unit * mid,
            "open_orders": len(self.orders),
            "open_lots": sum(order.leaves for order in self.orders.values()),
            "waiting_ns": max((now - o.sent for o in self.orders.values() if o.waits), default=0),
        }

    def _start_day(self, now: int, equity: int, before: int) -> None:
        if self.day is None or self.day[0] != now // DAY_NS:
            self.day = now // DAY_NS, equity if self.day is None else before, self.account.turnover

    def _windows(self, now: int) -> dict[str, float]:
        assert self.day is not None
        returns = [math.log(b / a) for a, b in zip(self.mids, self.mids[1:], strict=False)][-20:]
        latencies = sorted(self.latencies[-100:])
        gains = [b - a for a, b in zip(self.equities, self.equities[1:], strict=False)][-60:]
        bucket = (now - self.start) // (10 * NS_PER_S)
        hour = [taker for ts, taker in self.fills if ts // (10 * NS_PER_S) > bucket - 361]
        quarter = [taker for ts, taker in self.fills if ts // (10 * NS_PER_S) > bucket - 91]
        second = (now - self.start) // NS_PER_S
        equity = self.equities[-1]
        return {
            "return_std_bps": 1e4 * statistics.pstdev(returns) if len(returns) > 1 else 0.0,
            "returns": len(returns),
            "latency_p95_ms": latencies[math.ceil(0.95 * len(latencies)) - 1] / 1e6 if latencies else 0.0,
            "latencies": len(latencies),
            "pnl_mean": sum(gains) / len(gains) * self.cash_unit if gains else 0.0,
            "pnl_samples": len(gains),
            "pnl_day": (equity - self.day[1]) * self.cash_unit,
            "turnover_day": (self.account.turnover - self.day[2]) * self.cash_unit,
            "fills_1h": len(hour),
            "taker_fills_1h": sum(hour),
            "taker_fills_15m": sum(quarter),
            "requests_10s": sum(count for at, count in self.sends.items() if at > second - 11),
        }

    def _side(self, name: str, side: int, best: int) -> dict[str, float]:
        own = [order.works_at for order in self.orders.values() if order.side == side]
        top, worst = (max, min) if side == r.BID else (min, max)
        price = top(own, default=0)
        near = [at for at in self.book.prices_best_first(side) if abs(at - best) < 512 and at > 0]
        followed = [o for o in self.orders.values() if o.side == side and o.price == price and o.ahead is not None]
        shown = [self.book.lots(side, at) for at in near]
        depth = shown[: self.levels[0]]
        return {
            f"{name}_ticks": price,
            f"worst_{name}_ticks": worst(own, default=0),
            f"{name}_ahead_lots": followed[0].ahead or 0.0 if price and followed else 0.0,
            f"{name}_better_lots": sum(self.book.lots(side, at) for at in near if price and better(side, at, price)),
            f"{name}_top_lots": sum(shown[: self.levels[1]]),
            f"{name}_depth_lots": sum(depth) / max(len(depth), 1),
        }


def local_events(rows: Sequence[Row], reports: Any, ticks: Sequence[int]) -> list[tuple[int, int, Any]]:
    """Return (time, class, what) of a Node's rows, reports and ticks, in order."""
    events = [(row.local_ts, 3, row) for row in rows if row.at_node]
    events += [(int(report["ts"]), 4, report) for report in reports]
    events += [(tick, 5, tick) for tick in ticks]
    return sorted(events, key=lambda event: event[:2])
