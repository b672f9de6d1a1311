"""A venue in the hand: rows and requests go in one by one, reports come out; the kernels are the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from simcore import state as memory
from simcore.jit import entry
from simcore.kernels import at as arrays
from simcore.kernels import margin, queue, requests, venue
from simcore.kernels import state as st
from simcore.records import (
    AMEND,
    ASK_BIT,
    BOTH_BITS,
    CANCEL,
    CANCEL_ALL,
    NO_SIDE_BIT,
    PLACE,
    REASON_LABELS,
    REPORT_LABELS,
    STATE_LABELS,
    Chunk,
)

SLOTS = 16
NOBODY = 2  # the side of a row that has none
SETTINGS = {
    "queue_model": st.P_QUEUE, "fill_whole": st.P_FILL_WHOLE, "cross_fill_whole": st.P_CROSS_WHOLE, "kind": st.P_KIND,
    "self_trade": st.P_SELF_TRADE, "max_open_orders": st.P_MAX_OPEN, "min_notional_units": st.P_MIN_NOTIONAL,
    "rate_limit_count": st.P_RATE, "rate_window_ns": st.P_RATE + 1, "rate_penalty_ns": st.P_RATE + 2,
    "fee_per_lot_units": st.P_FEE_PER_LOT, "max_trigger_orders": st.P_MAX_TRIGGER, "price_band": st.P_PRICE_BAND,
    "min_lots": st.P_MIN_QTY, "no_amend": st.P_NO_AMEND, "amend_to_back": st.P_AMEND_TO_BACK, "balance_units": st.P_BALANCE,
    "leverage": st.P_LEVERAGE, "maintenance": st.P_MAINTENANCE, "liquidation_fee": st.P_LIQUIDATION_FEE, "scale": st.P_SCALE,
    "funding_ns": st.P_FUNDING_NS, "funding_rate": st.P_FUNDING_RATE, "margin_ns": st.P_MARGIN_NS,
}  # fmt: skip


class Event(NamedTuple):
    """What the venue said: report kind, order, price, quantity, leaves, state and reason as words."""

    kind: str
    order: int
    price: int
    qty: int
    leaves: int
    state: str
    reason: str


@dataclass(frozen=True)
class Account:
    """The venue's account of the lane, in lots and cash units."""

    position: int
    cash: int
    fees: int
    open_orders: int


@entry
def _step(handle: Any, lane: int, now_ns: int) -> int:
    """Show the Venue its rows up to now_ns, or the first request of a lane (-1: none); return why it stopped.

    Lane -2: whatever its last row has triggered goes into the book. Lane -3 - k: the account of lane k is due.
    """
    state = arrays.inside(handle)
    if lane == -1:
        return venue.advance_venue(state, now_ns)
    if lane == -2:
        while arrays.clock(state)[st.FIRED] == 1:
            requests.fire_next(state)
        return st.REACHED
    if lane < -2:
        margin.run_due(state, -3 - lane, now_ns)
        return st.REACHED
    requests.handle_request(state, lane, arrays.requests(state)[lane, 0], now_ns)
    return st.REACHED


class Venue:
    """Lanes at one Venue. Times are ns from the start, rates in 1e-8; other settings are names of SETTINGS."""

    def __init__(
        self, lanes: int = 1, maker_rate: int = 0, taker_rate: int = 0, queue_n: float = 3.0, **settings: Any
    ) -> None:
        ints = np.zeros((lanes, st.INTS_SIZE), np.int64)
        ints[:, st.P_SCALE] = ints[:, st.P_LEVERAGE] = 1
        ints[:, st.P_MAX_TRIGGER] = SLOTS
        ints[:, st.P_MAX_OPEN] = SLOTS
        ints[:, st.P_TIERS] = 1
        ints[:, st.P_TIER + 1] = maker_rate
        ints[:, st.P_TIER + 2] = taker_rate
        for name, value in settings.items():
            ints[:, SETTINGS[name]] = queue.NAMES.index(value) if name == "queue_model" else value
        floats = np.full((lanes, st.FLOATS_SIZE), queue_n)
        no_strategy = np.zeros((lanes, 1))
        self.state = memory.new_state(lanes, SLOTS, 4096, 8000, ints, floats, no_strategy, no_strategy.copy(), [])
        self.state.lanes["journal"] = 1
        self.state.clock[st.END_TS] = st.NEVER
        self.state.clock[st.EXCH_LAST] = 1
        self.out = memory.new_output(self.state)
        self.events: list[Event] = []
        self.fills: list[tuple[int, ...]] = []

    def row(self, at: int, kind: int, side: int, price: int, lots: int, order_id: int = 0) -> list[Event]:
        """Show the venue one tape row; return the reports that it causes."""
        flags = NO_SIDE_BIT if side == NOBODY else ASK_BIT * side
        column = lambda value: np.array([value], np.int64)  # noqa: E731 - six columns of one row
        ev = np.array([kind | flags | BOTH_BITS], np.uint8)
        chunk = Chunk(column(at), column(at), ev, column(price), column(lots), column(order_id))
        self.state.clock[st.EXCH_ROW] = 0
        handle = memory.handle(self.state, self.out, chunk, chunk)
        code = st.CHANGED
        while code == st.CHANGED:
            code = _step(handle, -1, at)
            _step(handle, -2, at)
        assert code == st.REACHED, f"the venue stopped with {code}"
        return self._drain()

    def place(
        self, at: int, order: int, side: int, tif: int, price: int, lots: int, lane: int = 0, *,
        trigger: int = 0, display: int = 0, reduce_only: int = 0,
    ) -> list[Event]:  # fmt: skip
        return self._request(at, PLACE, order, side, tif, price, lots, lane, trigger, display, reduce_only)

    def due(self, at: int, lane: int = 0) -> list[Event]:
        """Let funding and the margin check of a lane fall due, as far as their intervals say so."""
        record = self.state.lanes[lane]
        for name, interval in (("funding_due_ns", st.P_FUNDING_NS), ("margin_due_ns", st.P_MARGIN_NS)):
            if self.state.ints[lane, interval] > 0 and at % int(self.state.ints[lane, interval]) == 0:
                record[name] = at
        _step(self._handle(), -3 - lane, at)
        return self._drain()

    def cancel(self, at: int, order: int, lane: int = 0) -> list[Event]:
        return self._request(at, CANCEL, order, 0, 0, 0, 0, lane)

    def amend(self, at: int, order: int, side: int, tif: int, price: int, lots: int, lane: int = 0) -> list[Event]:
        return self._request(at, AMEND, order, side, tif, price, lots, lane)

    def cancel_all(self, at: int, lane: int = 0) -> list[Event]:
        return self._request(at, CANCEL_ALL, 0, 0, 0, 0, 0, lane)

    def rates(self, limit: int, lane: int = 0) -> Any:
        """Return count, window and penalty of a rate limit, to be written to."""
        first = st.P_RATE + 3 * limit
        return self.state.ints[lane, first : first + 3]

    def account(self, lane: int = 0) -> Account:
        record = self.state.lanes[lane]
        return Account(*(int(record[n]) for n in ("position_lots", "cash_units", "fee_units", "open_orders")))

    def ahead(self, order: int, lane: int = 0) -> float:
        """Return the lots ahead of an order."""
        return float(self.state.venue_orders[lane * SLOTS + order]["ahead_lots"])

    def _request(
        self, at: int, kind: int, order: int, side: int, tif: int, price: int, lots: int, lane: int,
        trigger: int = 0, display: int = 0, reduce_only: int = 0,
    ) -> list[Event]:  # fmt: skip
        message = self.state.requests[lane, 0]
        values = {
            "kind": kind, "order_id": st.SLOT_MASK + 1 + order, "side": side, "tif": tif, "price_ticks": price, "qty_lots": lots,
            "lane": lane, "trigger_ticks": trigger, "display_lots": display, "reduce_only": reduce_only,
        }  # fmt: skip
        for name, value in values.items():
            message[name] = value
        _step(self._handle(), lane, at)
        return self._drain()

    def _handle(self) -> Any:
        """Return the state as the kernels take it, with no rows to see."""
        empty = np.zeros(0, np.int64)
        rows = Chunk(empty, empty, empty.astype(np.uint8), empty, empty, empty)
        return memory.handle(self.state, self.out, rows, rows)

    def _drain(self) -> list[Event]:
        """Take the reports off the wire, check the books of the account, and return what was said."""
        said: list[Event] = []
        for lane in range(len(self.state.lanes)):
            record = self.state.lanes[lane]
            size = self.state.reports.shape[1]
            for i in range(int(record["report_count"])):
                report = self.state.reports[lane, (int(record["report_head"]) + i) % size]
                reason = REASON_LABELS[int(report["reason"])]
                words = (REPORT_LABELS[report["kind"]], STATE_LABELS[report["state"]], reason)
                numbers = [int(report[name]) for name in ("order_id", "price_ticks", "qty_lots", "leaves_lots")]
                order_id = max(numbers[0] - st.SLOT_MASK - 1, 0)  # 0: no order of ours
                said.append(Event(words[0], order_id, *numbers[1:], *words[1:]))
            record["report_head"], record["report_count"] = 0, 0
        rows = self.out.out_fills[: self.out.counts[st.O_FILLS]]
        names = ("lane", "side", "price_ticks", "qty_lots", "fee_units")
        self.fills += [tuple(int(row[name]) for name in names) for row in rows]
        self.out.counts[:] = 0
        self.events += said
        self._conserve()
        return said

    def _conserve(self) -> None:
        """Position, fees and (for linear instruments) cash are the sums over the fills, after every event."""
        for lane in range(len(self.state.lanes)):
            own = [fill for fill in self.fills if fill[0] == lane]
            account = self.account(lane)
            assert account.position == sum(lots if side == 0 else -lots for _, side, _, lots, _ in own)
            assert account.fees == sum(fee for *_, fee in own)
            if self.state.ints[lane, st.P_KIND] == 0:
                funding = int(self.state.lanes["funding_units"][lane])
                assert account.cash + funding == sum((price if side else -price) * lots for _, side, price, lots, _ in own)
