"""A tape row as a plain tuple, and the way from tape columns to rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from simcore import records as r


class Row(NamedTuple):
    """One tape row. side is None where the row has no side; at_venue/at_node say which clocks see it."""

    exch_ts: int
    local_ts: int
    kind: int
    side: int | None
    price: int
    qty: int
    order_id: int = 0
    at_venue: bool = True
    at_node: bool = True


def event_code(row: Row) -> int:
    """Return the `ev` byte of a row."""
    code = row.kind
    if row.side is None:
        code |= r.NO_SIDE_BIT
    elif row.side == r.ASK:
        code |= r.ASK_BIT
    return code | r.EXCH_BIT * row.at_venue | r.LOCAL_BIT * row.at_node


def rows_from_columns(
    exch_ts: Iterable[int],
    local_ts: Iterable[int],
    ev: Iterable[int],
    price_ticks: Iterable[int],
    qty_lots: Iterable[int],
    order_id: Sequence[int] = (),
) -> list[Row]:
    """Return the rows of six tape columns; order_id may be empty."""
    ids = [int(x) for x in order_id]
    rows = []
    for i, (exch, local, code, price, qty) in enumerate(zip(exch_ts, local_ts, ev, price_ticks, qty_lots, strict=True)):
        code = int(code)
        side = None if code & r.NO_SIDE_BIT else (r.ASK if code & r.ASK_BIT else r.BID)
        rows.append(
            Row(
                int(exch),
                int(local),
                code & r.KIND_MASK,
                side,
                int(price),
                int(qty),
                ids[i] if ids else 0,
                bool(code & r.EXCH_BIT),
                bool(code & r.LOCAL_BIT),
            )
        )
    return rows
