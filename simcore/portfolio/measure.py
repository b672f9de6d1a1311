"""What a symbol's run has done so far, as integers that only grow; a window is the difference of two of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from simcore.journal.store import STREAMS, JournalStore
from simcore.portfolio.scoreboard import Observation
from simcore.records import (
    AMEND,
    BID,
    ENDED,
    FILL_PRO_RATA,
    FILL_QUEUE,
    MAKER,
    MARKOUT_NS,
    NO_PRICE,
    PLACE,
    POST_ONLY,
    REFUSED,
    Record,
)
from simcore.runner import Session
from simcore.units import NS_PER_S

_BPS = 10_000
_ONE_SECOND = MARKOUT_NS.index(NS_PER_S)


class Totals(NamedTuple):
    """Sums since the run's start.

    equity_units, turnover_units   cash units; equity at the Node's mid.
    orders, orders_filled          orders sent; orders filled completely.
    maker_lots, reached_lots       filled as a maker; of these, those whose place in the queue was reached.
    priced, slipped                sum of quoted price x lots of all fills, and of (price - quoted) x lots against us.
    marked, moved                  sum of mid at the fill x lots (half ticks), and of the mid's move against us in 1 s.
    """

    equity_units: int = 0
    turnover_units: int = 0
    orders: int = 0
    orders_filled: int = 0
    maker_lots: int = 0
    reached_lots: int = 0
    priced: int = 0
    slipped: int = 0
    marked: int = 0
    moved: int = 0


def observation(before: Totals, now: Totals) -> Observation:
    """Return what lies between two totals; all None without a fill."""
    gone = Totals(*(b - a for a, b in zip(before, now, strict=True)))
    if gone.turnover_units <= 0:
        return Observation()
    return Observation(
        net_bps=_BPS * gone.equity_units / gone.turnover_units,
        fill_rate=gone.orders_filled / gone.orders if gone.orders else None,
        slippage_bps=_BPS * gone.slipped / gone.priced if gone.priced else None,
        queue_edge=gone.reached_lots / gone.maker_lots if gone.maker_lots else None,
        adverse_bps=_BPS * gone.moved / gone.marked if gone.marked else None,
    )


class MeasuredStore(JournalStore):
    """A journal that also adds up, from the rows that pass, what the lane's counters do not hold."""

    def __init__(self, run_dir: Any) -> None:
        super().__init__(run_dir)
        self.orders_filled = self.maker_lots = self.reached_lots = 0
        self.mid2 = 0  # bid + ask of the Node when it last had both
        self.priced = self.slipped = self.marked = self.moved = 0
        self._quoted: dict[int, list[tuple[int, int]]] = {}  # prices that orders which may take were sent at, by time
        self._ended: list[int] = []
        self._measured: dict[str, int] = {}  # rows of each buffer that have been measured
        self._unmarked: dict[int, tuple[int, int, int]] = {}  # fills without a mid 1 s later: sign, bid + ask, lots

    def add(self, stream: str, rows: Record) -> None:
        """Take the next rows of a stream, of which some may have been measured already."""
        self._measure(stream, rows[self._measured.get(stream, 0) :])
        self._measured[stream] = 0
        super().add(stream, rows)

    def look(self, session: Session) -> None:
        """Measure what stands in a session's buffers, and leave it there: many small pieces would be slow to write."""
        for number, stream in enumerate(STREAMS):
            count = int(session.out.counts[number])
            self._measure(stream, getattr(session.out, f"out_{stream}")[self._measured.get(stream, 0) : count])
            self._measured[stream] = count

    def _measure(self, stream: str, rows: Record) -> None:
        if not len(rows):
            return
        if stream == "requests":
            self._note_requests(rows)
        elif stream == "reports":
            self._forget_ended(rows)
        elif stream == "fills":
            for row in rows:
                self._note_fill(row)
        elif stream == "markouts":
            for row in rows[rows["horizon"] == _ONE_SECOND]:
                self._note_markout(row)

    def _note_requests(self, rows: Record) -> None:
        takes = (rows["tif"] != POST_ONLY) & ((rows["kind"] == PLACE) | (rows["kind"] == AMEND))
        for row in rows[takes]:
            price = int(row["price_ticks"])
            if price == NO_PRICE:  # a market order: what it saw on the other side
                price = int(row["ask_ticks"] if row["side"] == BID else row["bid_ticks"])
            if price != NO_PRICE:
                self._quoted.setdefault(int(row["order_id"]), []).append((int(row["ts"]), price))

    def _forget_ended(self, rows: Record) -> None:
        """Drop the orders that ended in the rows before these: all their fills have passed."""
        for order_id in self._ended:
            self._quoted.pop(order_id, None)
        over = (rows["kind"] == ENDED) | (rows["kind"] == REFUSED)
        self._ended = [int(order_id) for order_id in rows["order_id"][over]]

    def _note_fill(self, row: Any) -> None:
        sign = 1 if row["side"] == BID else -1
        lots, price, order_id = int(row["qty_lots"]), int(row["price_ticks"]), int(row["order_id"])
        quoted = price
        if row["liquidity"] == MAKER:
            self.maker_lots += lots
            self.reached_lots += lots if row["reason"] in (FILL_QUEUE, FILL_PRO_RATA) else 0
        else:
            quoted = next((at for ts, at in reversed(self._quoted.get(order_id, [])) if ts <= row["exch_ts"]), price)
        self.priced += quoted * lots
        self.slipped += sign * (price - quoted) * lots
        if row["leaves_lots"] == 0:
            self.orders_filled += 1
            self._quoted.pop(order_id, None)
        if row["bid_ticks"] != NO_PRICE and row["ask_ticks"] != NO_PRICE:
            self._unmarked[int(row["seq"])] = (sign, int(row["bid_ticks"]) + int(row["ask_ticks"]), lots)

    def _note_markout(self, row: Any) -> None:
        found = self._unmarked.pop(int(row["fill_seq"]), None)
        if found is None or row["bid_ticks"] == NO_PRICE or row["ask_ticks"] == NO_PRICE:
            return
        sign, mid, lots = found
        self.marked += mid * lots
        self.moved -= sign * (int(row["bid_ticks"]) + int(row["ask_ticks"]) - mid) * lots
