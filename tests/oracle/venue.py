"""The exchange of semantics section 4, for one lane: requests and market rows in, reports and fills out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simcore import records as r
from tests.oracle import queue
from tests.oracle.account import Account, notional_units, position_value, round_rate
from tests.oracle.book import Book, better
from tests.oracle.limits import RateLimits, beyond_band, value_refusal
from tests.oracle.messages import Fill, Report, Request
from tests.oracle.params import INVERSE, OracleParams
from tests.oracle.rows import Row
from tests.oracle.wire import Wire

STOPS = (r.STOP_MARKET, r.STOP_LIMIT)
TAKE_PROFITS = (r.TAKE_PROFIT_MARKET, r.TAKE_PROFIT_LIMIT)
BECOMES = {
    r.STOP_MARKET: r.MARKET, r.TAKE_PROFIT_MARKET: r.MARKET, r.STOP_LIMIT: r.GTC, r.TAKE_PROFIT_LIMIT: r.GTC,
}  # fmt: skip
CROSSING_KINDS = (r.DEPTH, r.SNAPSHOT, r.BEST, r.L3_ADD)


@dataclass
class Order:
    """An order of the lane, resting or on its way to rest."""

    id: int
    side: int
    tif: int
    price: int
    qty: int
    executed: int = 0
    place: queue.Place = field(default_factory=queue.Place)
    priority: int = 0  # counts joins of levels: who joined later stands behind
    adds_before: int = 0  # L3_ADD rows up to the joining
    number: int = 0  # orders are numbered as they are placed
    trigger: int = 0
    display: int = 0  # of an iceberg: the size of a part
    part_left: int = 0  # of the part that stands in the queue
    reduce_only: bool = False

    @property
    def leaves(self) -> int:
        return self.qty - self.executed

    @property
    def shown(self) -> int:
        return self.part_left if self.display else self.leaves

    def fires_at(self, price: int) -> bool:
        """Whether a trade at price triggers a waiting order."""
        above = (self.side == r.BID) == (self.tif in STOPS)
        return price >= self.trigger if above else price <= self.trigger

    @property
    def state(self) -> int:
        if self.executed == 0:
            return r.NEW
        return r.FILLED if self.leaves == 0 else r.PARTIALLY_FILLED


def reaches(side: int, price: int, opposite: int) -> bool:
    """Whether an order of the side at price reaches the opposite price."""
    return price >= opposite if side == r.BID else price <= opposite


class Venue:
    """The Venue's book, the lane's open orders and the lane's account."""

    def __init__(self, p: OracleParams, wire: Wire, post: Callable[[Report], None], fill: Callable[[Fill], None]):
        self.p = p
        self.wire = wire
        self.post = post  # takes every report when it is made
        self.record_fill = fill
        self.book = Book()
        self.account = Account(p)
        self.orders: dict[int, Order] = {}  # open orders that are in the book, or on their way
        self.waiting: dict[int, Order] = {}  # open orders that wait for their trigger
        self.placed = 0
        self.last_trade: int | None = None
        self.used_up: list[Order] = []  # icebergs whose shown part is gone, in the order in which that happened
        self.rate_limits = RateLimits(p.rate_limits)
        self.taken: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.now = 0
        self.joins = 0
        self.adds = 0
        self.priority_of: dict[int, int] = {}  # L3 order id -> count of L3_ADD rows up to its own
        self.report_count = 0
        self.fill_count = 0
        self.top_before = (r.NO_PRICE, r.NO_PRICE)  # best prices before the event

    # --- requests (4.1) ---------------------------------------------------------------------------

    def on_request(self, now: int, request: Request) -> None:
        self.now = now
        self.top_before = self.book.top()
        too_fast = self.rate_limits.refuse(now)
        if request.kind == r.PLACE:
            self._place(request, too_fast)
        elif request.kind == r.AMEND:
            self._amend(request, too_fast)
        elif request.kind == r.CANCEL:
            self._cancel(request, too_fast)
        elif too_fast:
            self._refuse_unknown(request, r.CANCEL_REFUSED, r.RATE_LIMIT)
        else:
            self._end_all(r.BY_REQUEST)

    def _place(self, request: Request, too_fast: bool) -> None:
        order = Order(
            request.order_id, request.side, request.tif, request.price_ticks, request.qty_lots,
            trigger=request.trigger_ticks, display=request.display_lots, reduce_only=bool(request.reduce_only),
        )  # fmt: skip
        conditional = order.tif in BECOMES
        reason = r.RATE_LIMIT if too_fast else self._value_refusal(order, order.price, order.qty)
        if not reason:
            reason = self._waiting_refusal(order) if conditional else self._entry_refusal(order)
        if reason:
            state = r.EXPIRED if reason in (r.WOULD_CROSS, r.NO_LIQUIDITY) else r.REJECTED
            self._report(r.REFUSED, order, state=state, reason=reason)
            return
        self.placed += 1
        order.number = self.placed
        (self.waiting if conditional else self.orders)[order.id] = order
        self._report(r.ACKED, order)
        if not conditional:
            self._enter(order)

    def _enter(self, order: Order) -> None:
        """Let an acknowledged order trade, and rest with what is left."""
        if order.tif != r.POST_ONLY:
            self._take(order)
        if order.leaves == 0:
            return
        if order.reduce_only and self._reducible(order.side) == 0:
            self._end(order, r.CANCELED, r.REDUCE_ONLY)
        elif order.tif in (r.IOC, r.MARKET):
            self._end(order, r.EXPIRED, r.NO_LIQUIDITY)
        else:
            self._join(order)

    def _open(self, order_id: int) -> Order | None:
        return self.orders.get(order_id) or self.waiting.get(order_id)

    def _amend(self, request: Request, too_fast: bool) -> None:
        order = self._open(request.order_id)
        if order is None:
            self._refuse_unknown(request, r.AMEND_REFUSED, r.RATE_LIMIT if too_fast else r.UNKNOWN_ORDER)
            return
        price, qty = request.price_ticks, request.qty_lots
        if too_fast:
            self._report(r.AMEND_REFUSED, order, reason=r.RATE_LIMIT)
            return
        if not self.p.amends or order.id in self.waiting:
            self._report(r.AMEND_REFUSED, order, reason=r.NOT_SUPPORTED)
            return
        if qty <= order.executed:
            self._end(order, r.CANCELED, r.BY_REQUEST)
            return
        reason = self._value_refusal(order, price, qty) or self._amend_refusal(order, price, qty)
        if reason:
            self._report(r.AMEND_REFUSED, order, reason=reason)
            return
        keeps_place = price == order.price and qty <= order.qty and self.p.amend_keeps_place
        order.price, order.qty = price, qty
        order.part_left = min(order.part_left, order.leaves)
        self._report(r.AMENDED, order)
        if not keeps_place:
            self._enter(order)

    def _cancel(self, request: Request, too_fast: bool) -> None:
        order = self._open(request.order_id)
        if order is None:
            self._refuse_unknown(request, r.CANCEL_REFUSED, r.RATE_LIMIT if too_fast else r.UNKNOWN_ORDER)
        elif too_fast:
            self._report(r.CANCEL_REFUSED, order, reason=r.RATE_LIMIT)
        else:
            self._end(order, r.CANCELED, r.BY_REQUEST)

    # --- checks, in order -------------------------------------------------------------------------

    def _value_refusal(self, order: Order, price: int, qty: int) -> int:
        """Return the reason of the first check of the order's own values that fails, else 0."""
        bid, ask = self.book.best(r.BID), self.book.best(r.ASK)
        mid2 = None if bid is None or ask is None else bid + ask
        value_price = price
        if order.tif in (r.STOP_MARKET, r.TAKE_PROFIT_MARKET):
            value_price = order.trigger
        elif order.tif == r.MARKET:
            value_price = self._effective_best(1 - order.side)
        return value_refusal(self.p, order, price, qty, value_price, mid2)

    def _waiting_refusal(self, order: Order) -> int:
        if len(self.waiting) >= self.p.max_trigger_orders:
            return r.TOO_MANY_ORDERS
        if self.last_trade is not None and order.fires_at(self.last_trade):
            return r.WOULD_TRIGGER
        return 0

    def _entry_refusal(self, order: Order) -> int:
        """Return the reason not to let an order into the book, else 0; own resting orders may end."""
        p = self.p
        if p.max_open_orders and len(self.orders) >= p.max_open_orders:
            return r.TOO_MANY_ORDERS
        if order.reduce_only and self._reducible(order.side) == 0:
            return r.REDUCE_ONLY
        opposite = self._effective_best(1 - order.side)
        price = opposite if order.tif == r.MARKET else order.price
        if not order.reduce_only and price is not None and self._margin_fails(order, price, order.qty):
            return r.MARGIN
        for resting in [] if p.self_trade == 2 else self._own_reached(order, order.price):
            if p.self_trade == 0:
                return r.SELF_TRADE
            self._end(resting, r.CANCELED, r.SELF_TRADE)
            if p.self_trade == 3:
                return r.SELF_TRADE
        if order.tif == r.POST_ONLY and opposite is not None and reaches(order.side, order.price, opposite):
            return r.WOULD_CROSS
        wanted = min(order.qty, self._reducible(order.side)) if order.reduce_only else order.qty
        if order.tif == r.FOK and self._takeable(order) < wanted:
            return r.NO_LIQUIDITY
        return 0

    def _amend_refusal(self, order: Order, price: int, qty: int) -> int:
        """Return the reason not to give an order of the book this price and quantity, else 0."""
        if not order.reduce_only and self._margin_fails(order, price, qty):
            return r.MARGIN
        if self.p.self_trade != 2 and self._own_reached(order, price):
            return r.SELF_TRADE
        opposite = self._effective_best(1 - order.side)
        if order.tif == r.POST_ONLY and opposite is not None and reaches(order.side, price, opposite):
            return r.WOULD_CROSS
        return 0

    def _own_reached(self, order: Order, price: int) -> list[Order]:
        return [
            own
            for own in self._by_priority(1 - order.side)
            if order.tif == r.MARKET or reaches(order.side, price, own.price)
        ]

    def _margin_fails(self, order: Order, price: int, qty: int) -> bool:
        """Whether the worst position with order as qty (total) costs more than leverage × equity."""
        if self.p.balance_units == 0:
            return False
        open_lots = [0, 0]
        for own in self.orders.values():
            if own.id != order.id and not own.reduce_only:
                open_lots[own.side] += own.leaves
        open_lots[order.side] += qty - order.executed
        position = self.account.position
        worst = max(abs(position + open_lots[r.BID]), abs(position - open_lots[r.ASK]))
        bid, ask = self.book.best(r.BID), self.book.best(r.ASK)
        if bid is None or ask is None:
            bid = ask = price
        equity = self.p.balance_units + self.account.equity(bid, ask)
        return worst > abs(position) and notional_units(self.p, price, worst) > self.p.leverage * equity

    # --- taking liquidity ---------------------------------------------------------------------------

    def _available(self, side: int, price: int) -> int:
        return max(self.book.lots(side, price) - self.taken[side].get(price, 0), 0)

    def _effective_best(self, side: int) -> int | None:
        for price in self.book.prices_best_first(side):
            if self._available(side, price) > 0:
                return price
        return None

    def _levels_reached(self, order: Order) -> list[int]:
        """Return the opposite prices within the order's limit that have something left, best first."""
        side, found = 1 - order.side, []
        for price in self.book.prices_best_first(side):
            if order.tif != r.MARKET and not reaches(order.side, order.price, price):
                break
            if self._available(side, price) > 0:
                found.append(price)
        return found

    def _takeable(self, order: Order) -> int:
        return sum(self._available(1 - order.side, price) for price in self._levels_reached(order))

    def _take(self, order: Order) -> None:
        side = 1 - order.side
        for price in self._levels_reached(order):
            lots = self._allowed(order, min(order.leaves, self._available(side, price)))
            if lots == 0:
                return
            self.taken[side][price] = self.taken[side].get(price, 0) + lots
            reason = r.FILL_TAKE if order.id else r.FILL_LIQUIDATION
            self._fill(order, price, lots, r.TAKER, reason, 0.0, 0.0)

    def _reducible(self, side: int) -> int:
        """Return the lots by which an order of the side could reduce the position."""
        position = self.account.position
        return max(-position if side == r.BID else position, 0)

    def _allowed(self, order: Order, lots: int) -> int:
        return min(lots, self._reducible(order.side)) if order.reduce_only else lots

    def _join(self, order: Order) -> None:
        """Let an order rest at the back of its level."""
        self.joins += 1
        order.priority = self.joins
        order.adds_before = self.adds
        order.part_left = min(order.display, order.leaves)
        order.place = queue.join(self.p.queue_model, self.book.lots(order.side, order.price))

    # --- market rows (4.2 to 4.5) -------------------------------------------------------------------

    def on_row(self, now: int, row: Row) -> None:
        self.now = now
        self.top_before = self.book.top()
        self._on_row(row)
        for order in self.used_up:
            self._join(order)
        self.used_up.clear()
        if row.kind == (r.L3_EXEC if self.p.l3 else r.TRADE):
            self.last_trade = row.price
            for order in list(self.waiting.values()):
                if order.fires_at(row.price):
                    self._fire(order)

    def _fire(self, order: Order) -> None:
        """Send a waiting order into the book."""
        del self.waiting[order.id]
        order.tif = BECOMES[order.tif]
        self._report(r.TRIGGERED, order)
        bid, ask = self.book.best(r.BID), self.book.best(r.ASK)
        has_mid = bid is not None and ask is not None
        if order.tif == r.GTC and has_mid and beyond_band(self.p, order.price, bid + ask):
            reason = r.PRICE_BAND
        else:
            reason = self._entry_refusal(order)
        if reason:
            self._report(r.ENDED, order, state=r.EXPIRED, reason=reason)
            return
        self.orders[order.id] = order
        self._enter(order)

    def _on_row(self, row: Row) -> None:
        if row.kind == r.TRADE:
            if not self.p.l3:
                self._trade(row, self._sold_side(row))
            return
        if row.kind == r.FUNDING:
            if self.p.funding_interval_ns == 0:
                self._fund(row.price, row.qty)
            return
        self._l3_priority(row)
        if row.kind == r.CLEAR and row.side is None and row.qty == 0:
            self.priority_of.clear()
        if row.kind == r.L3_EXEC:
            self._trade(row, row.side)
        elif row.kind == r.L3_REDUCE:
            self._fifo_reduce(row)
        for change in self.book.apply(row):
            self.taken[change.side].pop(change.price, None)
            if row.kind != r.CLEAR:
                self._level_changes(change.side, change.price, change.prev, change.new)
        if row.kind in CROSSING_KINDS and row.qty > 0 and row.side is not None:
            self._cross(row, row.side)

    def _sold_side(self, row: Row) -> int | None:
        """Return the side of the resting orders that a TRADE row hits."""
        if row.side is not None:
            return 1 - row.side
        bid, ask = self.book.best(r.BID), self.book.best(r.ASK)
        if bid is not None and row.price <= bid:
            return r.BID
        if ask is not None and row.price >= ask:
            return r.ASK
        return None

    def _by_priority(self, side: int) -> list[Order]:
        """Return the resting orders of a side, best price first, then who came first."""
        orders = [order for order in self.orders.values() if order.side == side]
        sign = -1 if side == r.BID else 1
        return sorted(orders, key=lambda order: (sign * order.price, order.priority))

    def _trade(self, row: Row, side: int | None) -> None:
        """A print at row.price that hit resting orders of side."""
        if side is None or not self.orders:
            return
        left = row.qty  # of the print, after our earlier orders at its price
        for order in self._by_priority(side):
            if better(side, order.price, row.price):
                self._fill_resting(order, order.leaves, r.FILL_THROUGH)
            elif order.price == row.price and (left > 0 or self.p.queue_model == "fifo"):
                left = max(left - self._trade_at_price(order, row, left), 0)

    def _trade_at_price(self, order: Order, row: Row, lots: int) -> int:
        """Give an order its part of a print of lots at its price. Returns the lots filled."""
        ahead, leaves, shown = order.place.ahead, order.leaves, order.shown
        if self.p.queue_model == "fifo":
            if self.priority_of.get(row.order_id, 0) <= order.adds_before:
                queue.fifo_moves_up(order.place, row.qty)
            elif ahead == 0 and lots > 0:
                return self._fill_resting(order, min(lots, shown), r.FILL_QUEUE)
            return 0
        share = 0
        if self.p.queue_model == "pro_rata":
            level = self.book.lots(order.side, order.price)
            share = min(queue.pro_rata_share(row.qty, shown, level, self.p.pro_rata_min_lots), lots)
        reached = queue.trade_reaches(order.place, lots - share)
        if share:
            self._fill_resting(order, share, r.FILL_PRO_RATA, ahead)
        if reached and order.id in self.orders and order.shown > 0:
            whole = order.shown if self.p.fill_whole else min(reached, order.shown)
            self._fill_resting(order, whole, r.FILL_QUEUE, ahead)
        return leaves - order.leaves

    def _l3_priority(self, row: Row) -> None:
        if row.kind == r.L3_ADD:
            self.adds += 1
            self.priority_of[row.order_id] = self.adds

    def _fifo_reduce(self, row: Row) -> None:
        if self.p.queue_model == "fifo":
            for order in self.orders.values():
                same_level = order.side == row.side and order.price == row.price
                if same_level and self.priority_of.get(row.order_id, 0) <= order.adds_before:
                    queue.fifo_moves_up(order.place, row.qty)

    def _level_changes(self, side: int, price: int, prev: int, new: int) -> None:
        for order in self.orders.values():
            if order.side == side and order.price == price:
                queue.level_changes(self.p.queue_model, self.p.queue_n, order.place, prev, new)

    def _cross(self, row: Row, side: int) -> None:
        """Fill own orders that the row's level of the other side has come to."""
        left = row.qty
        for order in self._by_priority(1 - side) if self.orders else ():
            if not reaches(order.side, order.price, row.price) or (left == 0 and not self.p.cross_fill_whole):
                return
            wanted = min(order.leaves, left)
            seen = self._allowed(order, wanted)
            left -= seen
            if seen:
                self.taken[side][row.price] = self.taken[side].get(row.price, 0) + seen
            self._fill_resting(order, order.leaves if self.p.cross_fill_whole else wanted, r.FILL_CROSS)

    # --- on time (4.8) --------------------------------------------------------------------------------

    def _fund(self, mark: int, rate: int) -> None:
        if self.account.position == 0:
            return
        payment = self.account.funding_payment(mark, rate)
        self.account.cash -= payment
        self._post(r.FUNDED, 0, 0, mark, abs(self.account.position), 0, r.NONE, 0, payment, 0)

    def on_funding_time(self, now: int) -> None:
        self.now = now
        bid, ask = self.book.best(r.BID), self.book.best(r.ASK)
        if bid is not None and ask is not None:
            self._fund((bid + ask) // 2, self.p.funding_rate)

    def on_margin_check(self, now: int) -> None:
        self.now = now
        self.top_before = self.book.top()
        bid, ask = self.book.best(r.BID), self.book.best(r.ASK)
        position = self.account.position
        if position == 0 or bid is None or ask is None:
            return
        value = abs(position_value(self.p, abs(position), bid, ask))
        if self.p.kind == INVERSE:
            value = 2 * abs(position) * self.p.value_scale // (bid + ask)
        equity = self.p.balance_units + self.account.equity(bid, ask)
        if equity < round_rate(value, self.p.maintenance_rate):
            self._end_all(r.LIQUIDATION)
            self._take(Order(0, r.ASK if position > 0 else r.BID, r.MARKET, 0, abs(position)))

    # --- reports ------------------------------------------------------------------------------------

    def _fill_resting(self, order: Order, lots: int, reason: int, ahead: float | None = None) -> int:
        """Fill an order of the book, with less if it may only reduce the position. Returns the lots."""
        before = order.place.ahead if ahead is None else ahead
        lots = self._allowed(order, lots)
        if lots > 0:
            self._fill(order, order.price, lots, r.MAKER, reason, order.place.entry, before)
            order.part_left = max(order.part_left - lots, 0)
        if order.leaves > 0:
            if order.reduce_only and self._reducible(order.side) == 0:
                self._end(order, r.CANCELED, r.REDUCE_ONLY)
            elif order.shown == 0:
                self.used_up.append(order)
        return lots

    def _fill(
        self, order: Order, price: int, lots: int, liquidity: int, reason: int, entry: float, ahead: float
    ) -> None:
        fee = self.account.fee(price, lots, liquidity)
        if reason == r.FILL_LIQUIDATION:
            fee += round_rate(notional_units(self.p, price, lots), self.p.liquidation_rate)
        self.account.book_fill(order.side, price, lots, fee)
        order.executed += lots
        if order.leaves == 0 and order.id:
            del self.orders[order.id]
        arrival = self._post(
            r.TRADED, order.id, order.side, price, lots, order.leaves, order.state, liquidity, fee, reason
        )
        seq, self.fill_count = self.fill_count, self.fill_count + 1
        self.record_fill(
            Fill(
                self.now, arrival, self.p.lane, seq, order.id, order.side, price, lots, order.leaves, liquidity, reason,
                fee, *self.top_before, self.account.position, entry, ahead,
            )
        )  # fmt: skip

    def _end(self, order: Order, state: int, reason: int) -> None:
        del (self.waiting if order.id in self.waiting else self.orders)[order.id]
        self._report(r.ENDED, order, state=state, reason=reason)

    def _end_all(self, reason: int) -> None:
        for order in sorted([*self.orders.values(), *self.waiting.values()], key=lambda order: order.number):
            self._end(order, r.CANCELED, reason)

    def _report(self, kind: int, order: Order, state: int | None = None, reason: int = 0) -> None:
        now_state = order.state if state is None else state
        self._post(kind, order.id, order.side, order.price, order.qty, order.leaves, now_state, 0, 0, reason)

    def _refuse_unknown(self, request: Request, kind: int, reason: int) -> None:
        self._post(kind, request.order_id, request.side, request.price_ticks, request.qty_lots, 0, r.NONE, 0, 0, reason)

    def _post(self, kind: int, *fields: int) -> int:
        """Send a report; fields from order_id to reason. Returns its arrival time."""
        arrival = self.wire.report_arrives(self.now)
        seq, self.report_count = self.report_count, self.report_count + 1
        self.post(Report(arrival, self.now, self.p.lane, seq, kind, *fields))
        return arrival
