"""The orders of a market-by-order source, and the primitive rows that their messages become.

Every order source (mbo, LOBSTER, Bitstamp, npz with order ids) has the same needs: remember where an
order rests, so that each row can state side and price; split a modify into rows of one meaning; never
let an order lose more than it has. `OrderRows` does that once, and counts what it had to repair.

Inside, prices and quantities are integers in units of the source; the scales turn them into floats.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from simcore.records import (
    ASK,
    ASK_BIT,
    CLEAR,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    NO_SIDE_BIT,
    TRADE,
)
from simcore.tape.convert.base import SourceRows

NO_SIDE = -1  # a trade whose aggressor the source does not name


@dataclass
class Order:
    """A resting order. side: BID or ASK; price, qty: integer units of the source; qty is what is left."""

    side: int
    price: float
    qty: float


class OrderRows:
    """Collects primitive rows while keeping the map of resting orders.

    price_scale, qty_scale : what one price or quantity unit is divided by to give the float of the row.
    counts : repairs, by name.
    """

    def __init__(self, price_scale: int = 1, qty_scale: int = 1, counts: Counter[str] | None = None) -> None:
        self.orders: dict[int, Order] = {}
        self.counts: Counter[str] = Counter() if counts is None else counts
        self.rows: list[tuple[int, int, int, float, float, int, int]] = []
        self._price_scale = price_scale
        self._qty_scale = qty_scale
        self._exch_ts = 0
        self._local_ts = 0
        self._line = 0

    def at(self, exch_ts: int, local_ts: int, line: int) -> None:
        """Stamp the rows that follow."""
        self._exch_ts = exch_ts
        self._local_ts = local_ts
        self._line = line

    def add(self, order_id: int, side: int, price: float, qty: float) -> None:
        """Put an order at the back of its level; an id that rests already is first taken away (counted)."""
        if order_id in self.orders:
            self.counts["add_of_resting_order"] += 1
            self.remove(order_id)
        if qty <= 0:
            self.counts["add_without_quantity"] += 1
            return
        self.orders[order_id] = Order(side, price, qty)
        self._emit(L3_ADD, side, price, qty, order_id)

    def reduce(self, order_id: int, qty: float) -> bool:
        """Take qty off an order, keeping its place. False (counted) if it is not resting."""
        return self._take(L3_REDUCE, order_id, qty)

    def execute(self, order_id: int, qty: float) -> bool:
        """Execute qty of a resting order. False (counted) if it is not resting."""
        return self._take(L3_EXEC, order_id, qty)

    def remove(self, order_id: int) -> bool:
        """Take all of an order away. False (counted) if it is not resting."""
        order = self.orders.get(order_id)
        if order is None:
            self.counts["cancel_of_unknown_order"] += 1
            return False
        return self._take(L3_REDUCE, order_id, order.qty)

    def modify(self, order_id: int, side: int, price: float, qty: float) -> None:
        """Give an order a new price and quantity: it keeps its place only at its price and not larger.

        An unknown order is added (counted), as market-by-order feeds prescribe.
        """
        order = self.orders.get(order_id)
        if order is None:
            self.counts["modify_of_unknown_order_as_add"] += 1
            self.add(order_id, side, price, qty)
        elif order.side == side and order.price == price and 0 <= qty <= order.qty:
            if qty == order.qty:
                self.counts["modify_without_change"] += 1
            else:
                self._take(L3_REDUCE, order_id, order.qty - qty)
        else:
            self._take(L3_REDUCE, order_id, order.qty)
            self.add(order_id, side, price, qty)

    def trade(self, aggressor: int, price: float, qty: float) -> None:
        """Print a trade; aggressor is BID (buyer), ASK (seller) or NO_SIDE."""
        self._emit(TRADE, aggressor, price, qty, 0)

    def clear(self, side: int = NO_SIDE) -> None:
        """Take the orders of a side (NO_SIDE: of both) away with one CLEAR row."""
        self.orders = {} if side == NO_SIDE else {i: o for i, o in self.orders.items() if o.side != side}
        self._emit(CLEAR, side, 0.0, 0.0, 0)

    def source_rows(self) -> SourceRows:
        """Return all rows as columns, in the order in which they were made."""
        return columns(self.rows, self._price_scale, self._qty_scale)

    def _take(self, kind: int, order_id: int, qty: float) -> bool:
        order = self.orders.get(order_id)
        if order is None:
            self.counts["cancel_of_unknown_order" if kind == L3_REDUCE else "fill_of_unknown_order"] += 1
            return False
        if qty > order.qty:
            self.counts["taken_more_than_resting"] += 1
            qty = order.qty
        if qty <= 0:
            return True
        order.qty -= qty
        if order.qty <= 0:
            del self.orders[order_id]
        self._emit(kind, order.side, order.price, qty, order_id)
        return True

    def _emit(self, kind: int, side: int, price: float, qty: float, order_id: int) -> None:
        ev = kind | (NO_SIDE_BIT if side == NO_SIDE else ASK_BIT if side == ASK else 0)
        self.rows.append((self._exch_ts, self._local_ts, ev, price, qty, order_id, self._line))


def columns(
    rows: list[tuple[int, int, int, float, float, int, int]], price_scale: int, qty_scale: int
) -> SourceRows:
    """Turn row tuples into columns; a division by a power of ten rounds once, so prices are exact decimals."""
    exch, local, ev, price, qty, order_id, line = zip(*rows, strict=True) if rows else ((),) * 7
    return SourceRows(
        np.array(exch, dtype=np.int64),
        np.array(local, dtype=np.int64),
        np.array(ev, dtype=np.uint8),
        np.array(price, dtype=np.float64) / price_scale,
        np.array(qty, dtype=np.float64) / qty_scale,
        np.array(order_id, dtype=np.int64),
        np.array(line, dtype=np.int64),
    )
