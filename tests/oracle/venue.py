"""The exchange of semantics section 4, for one lane: requests and market rows in, reports and fills out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simcore import records as r
from tests.oracle import queue
from tests.oracle.account import Account, notional_units
from tests.oracle.book import Book, better
from tests.oracle.messages import Fill, Report, Request
from tests.oracle.params import OracleParams
from tests.oracle.rows import Row
from tests.oracle.wire import Wire

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

    @property
    def leaves(self) -> int:
        return self.qty - self.executed

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
        self.orders: dict[int, Order] = {}  # open orders in order of their place time
        self.taken: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.now = 0
        self.window = -1
        self.requests_in_window = 0
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
        too_fast = self._count_request()
        if request.kind == r.PLACE:
            self._place(request, too_fast)
        elif request.kind == r.AMEND:
            self._amend(request, too_fast)
        elif request.kind == r.CANCEL:
            self._cancel(request, too_fast)
        elif too_fast:
            self._refuse_unknown(request, r.CANCEL_REFUSED, r.RATE_LIMIT)
        else:
            for order in list(self.orders.values()):
                self._end(order, r.CANCELED, r.BY_REQUEST)

    def _count_request(self) -> bool:
        if self.p.rate_limit_count == 0:
            return False
        window = self.now // self.p.rate_limit_window_ns
        if window != self.window:
            self.window, self.requests_in_window = window, 0
        self.requests_in_window += 1
        return self.requests_in_window > self.p.rate_limit_count

    def _place(self, request: Request, too_fast: bool) -> None:
        order = Order(request.order_id, request.side, request.tif, request.price_ticks, request.qty_lots)
        reason = self._refusal(order, order.price, order.qty, too_fast)
        if reason:
            state = r.EXPIRED if reason == r.WOULD_CROSS else r.REJECTED
            self._report(r.REFUSED, order, state=state, reason=reason)
            return
        if order.tif == r.FOK and self._takeable(order) < order.qty:
            self._report(r.REFUSED, order, state=r.EXPIRED, reason=r.NO_LIQUIDITY)
            return
        self.orders[order.id] = order
        self._report(r.ACKED, order)
        if order.tif != r.POST_ONLY:
            self._take(order)
        if order.leaves > 0:
            if order.tif in (r.IOC, r.MARKET):
                self._end(order, r.EXPIRED, r.NO_LIQUIDITY)
            else:
                self._join(order)

    def _amend(self, request: Request, too_fast: bool) -> None:
        order = self.orders.get(request.order_id)
        if order is None:
            self._refuse_unknown(request, r.AMEND_REFUSED, r.RATE_LIMIT if too_fast else r.UNKNOWN_ORDER)
            return
        price, qty = request.price_ticks, request.qty_lots
        if too_fast:
            self._report(r.AMEND_REFUSED, order, reason=r.RATE_LIMIT)
            return
        if qty <= order.executed:
            self._end(order, r.CANCELED, r.BY_REQUEST)
            return
        reason = self._refusal(order, price, qty, too_fast)
        if reason:
            self._report(r.AMEND_REFUSED, order, reason=reason)
            return
        keeps_place = price == order.price and qty <= order.qty
        order.price, order.qty = price, qty
        self._report(r.AMENDED, order)
        if not keeps_place:
            if order.tif == r.GTC:
                self._take(order)
            if order.leaves > 0:
                self._join(order)

    def _cancel(self, request: Request, too_fast: bool) -> None:
        order = self.orders.get(request.order_id)
        if order is None:
            self._refuse_unknown(request, r.CANCEL_REFUSED, r.RATE_LIMIT if too_fast else r.UNKNOWN_ORDER)
        elif too_fast:
            self._report(r.CANCEL_REFUSED, order, reason=r.RATE_LIMIT)
        else:
            self._end(order, r.CANCELED, r.BY_REQUEST)

    # --- checks, in order -------------------------------------------------------------------------

    def _refusal(self, order: Order, price: int, qty: int, too_fast: bool) -> int:
        """Return the reason of the first check that fails for order as (price, qty), else 0."""
        p, market, new = self.p, order.tif == r.MARKET, order.id not in self.orders
        if too_fast:
            return r.RATE_LIMIT
        if qty <= 0 or (price <= 0 and not market):
            return r.OFF_GRID
        if p.max_order_lots and qty > p.max_order_lots:
            return r.MAX_QTY
        opposite = self._effective_best(1 - order.side)
        value_price = opposite if market else price
        if value_price is not None and notional_units(p, value_price, qty) < p.min_notional_units:
            return r.MIN_NOTIONAL
        if new and p.max_open_orders and len(self.orders) >= p.max_open_orders:
            return r.TOO_MANY_ORDERS
        if value_price is not None and p.balance_units > 0 and self._margin_fails(order, value_price, qty):
            return r.MARGIN
        own = [] if p.self_trade == 2 else self._own_reached(order, price)
        if own and (p.self_trade == 0 or not new):
            return r.SELF_TRADE
        for resting in own:
            self._end(resting, r.CANCELED, r.SELF_TRADE)
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
        open_lots = [0, 0]
        for own in self.orders.values():
            if own.id != order.id:
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
            lots = min(order.leaves, self._available(side, price))
            if lots == 0:
                return
            self.taken[side][price] = self.taken[side].get(price, 0) + lots
            self._fill(order, price, lots, r.TAKER, r.FILL_TAKE, 0.0, 0.0)

    def _join(self, order: Order) -> None:
        """Let an order rest at the back of its level."""
        self.joins += 1
        order.priority = self.joins
        order.adds_before = self.adds
        order.place = queue.join(self.p.queue_model, self.book.lots(order.side, order.price))

    # --- market rows (4.2 to 4.5) -------------------------------------------------------------------

    def on_row(self, now: int, row: Row) -> None:
        self.now = now
        self.top_before = self.book.top()
        if row.kind == r.TRADE:
            if not self.p.l3:
                self._trade(row, self._sold_side(row))
            return
        if row.kind == r.FUNDING:
            self._funding(row)
            return
        self._l3_priority(row)
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
        ahead, leaves = order.place.ahead, order.leaves
        if self.p.queue_model == "fifo":
            if self.priority_of.get(row.order_id, 0) <= order.adds_before:
                queue.fifo_moves_up(order.place, row.qty)
            elif ahead == 0 and lots > 0:
                return self._fill_resting(order, min(lots, leaves), r.FILL_QUEUE)
            return 0
        share = 0
        if self.p.queue_model == "pro_rata":
            level = self.book.lots(order.side, order.price)
            share = min(queue.pro_rata_share(row.qty, leaves, level, self.p.pro_rata_min_lots), lots)
        reached = queue.trade_reaches(order.place, lots - share)
        if share:
            self._fill_resting(order, share, r.FILL_PRO_RATA, ahead)
        if reached and order.leaves > 0:
            whole = order.leaves if self.p.fill_whole else min(reached, order.leaves)
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
            shown = min(order.leaves, left)
            left -= shown
            self.taken[side][row.price] = self.taken[side].get(row.price, 0) + shown
            self._fill_resting(order, order.leaves if self.p.cross_fill_whole else shown, r.FILL_CROSS)

    def _funding(self, row: Row) -> None:
        if self.account.position == 0:
            return
        payment = self.account.funding_payment(row.price, row.qty)
        self.account.cash -= payment
        self._post(r.FUNDED, 0, 0, row.price, abs(self.account.position), 0, r.NONE, 0, payment, 0)

    # --- reports ------------------------------------------------------------------------------------

    def _fill_resting(self, order: Order, lots: int, reason: int, ahead: float | None = None) -> int:
        before = order.place.ahead if ahead is None else ahead
        self._fill(order, order.price, lots, r.MAKER, reason, order.place.entry, before)
        return lots

    def _fill(
        self, order: Order, price: int, lots: int, liquidity: int, reason: int, entry: float, ahead: float
    ) -> None:
        fee = self.account.fee(price, lots, liquidity)
        self.account.book_fill(order.side, price, lots, fee)
        order.executed += lots
        if order.leaves == 0:
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
        del self.orders[order.id]
        self._report(r.ENDED, order, state=state, reason=reason)

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
