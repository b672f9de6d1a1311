"""Short words for hand-worked cases."""

from __future__ import annotations

from typing import Any

from simcore import records as r
from tests.oracle.engine import Run, run
from tests.oracle.messages import Fill, Report
from tests.oracle.node import Step
from tests.oracle.params import OracleParams
from tests.oracle.rows import Row

B, A = r.BID, r.ASK


def row(ts: int, kind: int, side: int | None, price: int, qty: int, order_id: int = 0) -> Row:
    """A row that both clocks see at ts."""
    return Row(ts, ts, kind, side, price, qty, order_id)


def book(*, bid: int = 100, ask: int = 102, lots: int = 10) -> list[Row]:
    """One level a side, at time 1, and a row at time 1000 that keeps the run going."""
    return [row(1, r.DEPTH, B, bid, lots), row(1, r.DEPTH, A, ask, lots)]


END = row(1000, r.GAP, None, 0, 0)


def place(ts: int, order_id: int, side: int, price: int, qty: int, tif: int = r.GTC) -> Step:
    return Step(ts, r.PLACE, order_id, side, tif, price, qty)


def amend(ts: int, order_id: int, side: int, price: int, qty: int, tif: int = r.GTC) -> Step:
    return Step(ts, r.AMEND, order_id, side, tif, price, qty)


def cancel(ts: int, order_id: int, side: int = B) -> Step:
    return Step(ts, r.CANCEL, order_id, side)


def play(rows: list[Row], *script: Step, **params: Any) -> Run:
    return run([*rows, END], OracleParams(**params), script=script)


def fills(result: Run) -> list[tuple[int, int, int, int]]:
    """Return (order, price, lots, reason) of every fill."""
    return [(f.order_id, f.price_ticks, f.qty_lots, f.reason) for f in result.of(Fill)]


def reports(result: Run) -> list[tuple[int, int, int, int]]:
    """Return (kind, order, state, reason) of every report that arrived."""
    return [(m.kind, m.order_id, m.state, m.reason) for m in result.of(Report)]
