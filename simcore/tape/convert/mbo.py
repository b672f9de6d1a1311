"""Market by order in Parquet: one row a message, order ids kept (layout as sold by Databento).

Columns: ts_event, ts_recv (int64 ns), action, side (strings), price (int64, 1e-9), size, order_id, flags;
sequence is not needed; symbol or instrument_id, if there, must name one instrument (or give `--symbol`).

A fill (F) does not change the feed's book: the cancel or modify of the same order that follows does. Here
F becomes the L3_EXEC, and exactly its quantity is swallowed from that cancel or modify; so the book is the
feed's own at the end of each exchange event, and the executions are known as such. A resting order that is
repriced into the market has an F of its own, on the aggressor's side: it leaves its level (L3_REDUCE), for
nothing was traded at the price where it had rested.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simcore.door.files import check_file
from simcore.errors import ConvertError
from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.orders import NO_SIDE, OrderRows
from simcore.tape.convert.sources import FileOrder
from simcore.tape.convert.unpacked import check_size

PRICE_SCALE = 1_000_000_000
UNDEFINED_PRICE = 2**63 - 1
SNAPSHOT_FLAG = 32
_COLUMNS = ("ts_event", "ts_recv", "action", "side", "price", "size", "order_id", "flags")
_SIDES = {"B": BID, "A": ASK, "N": NO_SIDE}
_ROW_BYTES = 64  # of a row in memory
_MAX_ID = 2**63 - 1
_SAID = {
    "fills_never_confirmed": "fills had no cancel or modify after them; they were kept as executions",
    "trades_without_quantity": "trades of quantity 0 were dropped",
    "rows_without_price": "rows have no price and were dropped",
    "orders_without_side": "orders have no side and were dropped",
}  # counts that a warning tells of


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read market-by-order Parquet files, in the order given, as one L3 source.

    Raises ConvertError: CONV-001 no file, CONV-002 no rows, CONV-003 unreadable, column missing, of another
    type or null, CONV-004 value out of range, CONV-006 several instruments, CONV-011 files not in time order.
    """
    tables = [_load(path, options) for path in paths]
    symbol = _symbol(tables, options.symbol)
    counts: Counter[str] = Counter()
    messages = OrderMessages(OrderRows(PRICE_SCALE, 1, counts))
    line, files = 0, FileOrder()
    for path, table in zip(paths, tables, strict=True):
        columns = [_integers(path, table, name) for name in ("ts_event", "ts_recv", "price", "size", "order_id")]
        exch, local = columns[0], columns[1]
        if len(local):
            files.check(path, int(local[0]), int(local.max()))
        flags = _integers(path, table, "flags")
        exch, retimed = _retime_snapshot(exch, local, flags)
        if retimed:
            counts["snapshot_rows_retimed"] += retimed
        texts = [_texts(path, table, name) for name in ("action", "side")]
        rows = zip(exch.tolist(), local.tolist(), *texts, *(c.tolist() for c in columns[2:]), strict=True)
        for row in rows:
            line += 1
            messages.apply(line, *row)
    messages.finish()
    source_rows = messages.book.source_rows()
    if not len(source_rows.ev):
        raise ConvertError("CONV-002", f"{paths[0]}: no market-by-order rows")
    warnings = [f"{counts[name]} {text}" for name, text in _SAID.items() if counts[name]]
    return Source(
        rows=source_rows, level="l3", venue="", symbol=symbol or "", kind=None, hints={}, counts=dict(counts),
        warnings=warnings,
    )  # fmt: skip


class OrderMessages:
    """Applies one message after another, holding back the part of a cancel or modify that was a fill.

    book : where the rows go (mutated).  cancel_whole : a cancel ends the order, whatever its quantity says.
    """

    def __init__(self, book: OrderRows, cancel_whole: bool = False) -> None:
        self.counts = book.counts
        self.book = book
        self.cancel_whole = cancel_whole
        self.filled: dict[int, int] = {}  # order id -> executed quantity that a cancel or modify will repeat
        self.print: tuple[int, int] = (0, NO_SIDE)  # exchange time and aggressor of the last trade

    def apply(
        self, line: int, exch_ts: int, local_ts: int, action: str, side_text: str, price: int, size: int, order_id: int
    ) -> None:
        """Turn one message into rows. ts in ns, price in 1e-9, size in contracts."""
        side = _SIDES.get(side_text)
        if side is None:
            raise ConvertError("CONV-003", f"row {line}: side {side_text!r}; expected B, A or N")
        self.book.at(exch_ts, local_ts, line)
        if action == "R":
            self.book.clear()
            self.filled.clear()
            return
        if price == UNDEFINED_PRICE and action != "C":
            self.counts["rows_without_price"] += 1
            return
        if action in "AM" and len(action) == 1 and side == NO_SIDE:
            self.counts["orders_without_side"] += 1
            return
        match action:
            case "A":
                self.filled.pop(order_id, None)
                self.book.add(order_id, side, price, size)
            case "C":
                self._cancel(order_id, size)
            case "M":
                self._modify(order_id, side, price, size)
            case "F":
                self._fill(order_id, price, size, is_aggressor=side != NO_SIDE and (exch_ts, side) == self.print)
            case "T":
                self.print = (exch_ts, side)
                self._trade(side, price, size)
            case "N":
                self.counts["rows_without_action"] += 1
            case _:
                raise ConvertError("CONV-003", f"row {line}: action {action!r}; expected A, C, M, F, T, R or N")

    def finish(self) -> None:
        """Count the fills that no cancel or modify ever repeated."""
        if self.filled:
            self.counts["fills_never_confirmed"] += len(self.filled)

    def _trade(self, side: int, price: int, size: int) -> None:
        if size <= 0:
            self.counts["trades_without_quantity"] += 1
            return
        if side == NO_SIDE:
            self.counts["trades_without_side"] += 1
        self.book.trade(side, price, size)

    def _fill(self, order_id: int, price: int, size: int, is_aggressor: bool) -> None:
        order = self.book.orders.get(order_id)
        if order is None:
            self.counts["fill_of_unknown_order"] += 1
            return
        taken = int(min(size, order.qty))
        if is_aggressor:
            self.counts["fill_of_repriced_aggressor"] += 1
            self.book.reduce(order_id, size)
        else:
            if order.price != price:
                self.counts["fill_at_other_price_than_resting"] += 1
            self.book.execute(order_id, size)
        if taken > 0:
            self.filled[order_id] = self.filled.get(order_id, 0) + taken

    def _cancel(self, order_id: int, size: int) -> None:
        """Cancel size, of which what was filled is gone already; a fully filled order is no longer known."""
        filled = self.filled.pop(order_id, 0)
        if filled and size < filled:
            self.counts["cancel_smaller_than_its_fill"] += 1
        rest = size - filled
        if self.cancel_whole:
            if order_id in self.book.orders or not filled:
                self.book.remove(order_id)
        elif rest > 0:
            if filled and order_id not in self.book.orders:
                self.counts["cancel_larger_than_order"] += 1
                return
            self.book.reduce(order_id, rest)

    def _modify(self, order_id: int, side: int, price: int, size: int) -> None:
        """A modify states the new remainder; after a fill it equals what is left, and nothing remains to do."""
        filled = self.filled.pop(order_id, 0)
        order = self.book.orders.get(order_id)
        if filled and order is None:
            self.counts["modify_after_full_fill_as_add"] += 1
            self.book.add(order_id, side, price, size)
        elif filled and order is not None and order.price == price and order.qty == size:
            return
        else:
            self.book.modify(order_id, side, price, size)


def _load(path: Path, options: ConvertOptions) -> pa.Table:
    check_file(path, ConvertError, "CONV-001")
    try:
        file = pq.ParquetFile(path)
        check_size(path, file.metadata.num_rows * _ROW_BYTES, options)
        names = file.schema_arrow.names
        missing = [name for name in _COLUMNS if name not in names]
        if missing:
            raise ConvertError("CONV-003", f"{path}: no column {', '.join(missing)}; it has {', '.join(names)}")
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ConvertError("CONV-003", f"{path}: column {', '.join(repeated)} is there more than once")
        table = file.read([*_COLUMNS, *(n for n in ("symbol", "instrument_id") if n in names)])
        table.validate(full=True)  # text that is no UTF-8
        return table
    except (pa.ArrowException, OSError, ValueError) as exc:
        raise ConvertError("CONV-003", f"{path}: not readable as Parquet: {exc}") from exc


def _symbol(tables: list[pa.Table], wanted: str | None) -> str | None:
    """Return the instrument, and keep only its rows where a file has several (tables: mutated)."""
    for name in ("symbol", "instrument_id"):
        found: set[str] = set()
        for index, table in enumerate(tables):
            if name not in table.column_names:
                continue
            texts = pc.cast(table[name], pa.string())
            values = {value for value in pc.unique(texts).to_pylist() if value is not None}
            if len(values) > 1 and wanted in values:
                tables[index] = table.filter(pc.equal(texts, wanted))
                values = {str(wanted)}
            found |= values
        if len(found) > 1:
            raise ConvertError("CONV-006", f"column {name} holds {', '.join(sorted(found)[:8])}")
        if found and name == "symbol":
            return wanted or found.pop()
    return wanted


def _integers(path: Path, table: pa.Table, name: str) -> Any:
    column = table[name]
    if pa.types.is_timestamp(column.type):
        column = pc.cast(pc.cast(column, pa.timestamp("ns", column.type.tz)), pa.int64())
    if not pa.types.is_integer(column.type):
        raise ConvertError("CONV-003", f"{path}: column {name} is {column.type}; expected an integer")
    if column.null_count:
        raise ConvertError("CONV-003", f"{path}: column {name} has {column.null_count} nulls")
    if len(column) and column.type == pa.uint64() and pc.max(column).as_py() > _MAX_ID:
        raise ConvertError("CONV-004", f"{path}: column {name} has {pc.max(column).as_py()}, above 2^63 - 1")
    values = np.asarray(column.to_numpy()).astype(np.int64)
    if name in ("ts_event", "ts_recv", "size") and len(values) and values.min() < 0:
        row = int(np.argmax(values < 0))
        raise ConvertError("CONV-004", f"{path}: row {row + 1}: {name} is {values[row]}, below 0")
    return values


def _texts(path: Path, table: pa.Table, name: str) -> list[str]:
    column = table[name]
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)) or column.null_count:
        raise ConvertError("CONV-003", f"{path}: column {name} is {column.type} with {column.null_count} nulls; expected strings")
    texts: list[str] = column.to_pylist()
    return texts


def _retime_snapshot(exch: Any, local: Any, flags: Any) -> tuple[Any, int]:
    """Give snapshot orders the time at which the book was known to stand so, not their time of entry.

    That is the receive time, but never after the next live row's exchange time.
    """
    snapshot = (flags & SNAPSHOT_FLAG) != 0
    if not snapshot.any():
        return exch, 0
    live = np.where(snapshot, np.int64(2**63 - 1), exch)
    next_live = np.minimum.accumulate(live[::-1])[::-1]
    wanted = np.where(snapshot, np.minimum(local, next_live), exch)
    return wanted, int((wanted != exch).sum())
