"""Recorded own orders: a table, a tape of level `own`, or a run folder become the orders that a queue model is fitted to.

A table (CSV or Parquet) has a row an order: `side` (buy or sell), `price`, `qty`, and times whose names end in their unit
(_ns, _us, _ms, _s, since 1970): `placed_…` when the exchange accepted it, `filled_…` its first fill, `ended_…` when it left
unfilled; the last two may be empty. Times are the exchange's. docs/fidelity.md is the same for users.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from simcore import parquet
from simcore.calibrate.fidelity.own_runs import orders_of_run
from simcore.calibrate.fidelity.own_table import NONE, OwnOrders, own_orders
from simcore.door.files import check_file, is_folder
from simcore.errors import CalibrateError
from simcore.records import (
    KIND_MASK,
    NO_SIDE_BIT,
    OWN_CANCEL,
    OWN_FILL,
    OWN_ORDER,
    TIME_END,
    UNITS_MAX,
    Chunk,
    FloatArray,
    IntArray,
)
from simcore.tape.read import Tape
from simcore.tape.schema import META_KEY, Instrument
from simcore.units import NS_PER_MS, NS_PER_S, NS_PER_US

_UNITS = {"_ns": 1, "_us": NS_PER_US, "_ms": NS_PER_MS, "_s": NS_PER_S}
_SIDES = {"buy": 0, "bid": 0, "b": 0, "sell": 1, "ask": 1, "s": 1, "a": 1}
_OFF_GRID = 1e-6  # of a tick or lot
_WHOLE_MAX = 1 << 53  # floats tell whole numbers apart up to here


def read_own(path: Path, instrument: Instrument) -> OwnOrders:
    """Return the recorded orders of a run folder, a tape of level `own`, or a table. CAL-033, CAL-034, JRNL-001."""
    if path.is_dir() and (path / "run.json").is_file():
        return orders_of_run(path, instrument)
    if not is_folder(path, CalibrateError, "CAL-033"):
        check_file(path, CalibrateError, "CAL-033")
    if path.is_dir() or (path.suffix == ".parquet" and _is_tape(path)):
        return _orders_of_tape(Tape.open(path), path, instrument)
    return _orders_of_table(_read_table(path), path, instrument)


def _is_tape(path: Path) -> bool:
    try:
        return META_KEY in (pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowException) as exc:
        raise CalibrateError("CAL-033", f"{path}: {exc}") from exc


def _read_table(path: Path) -> pa.Table:
    try:
        return parquet.read_table(path, sealed=False) if path.suffix == ".parquet" else pacsv.read_csv(path)
    except (OSError, pa.ArrowException, ValueError) as exc:
        raise CalibrateError("CAL-033", f"{path}: {exc}") from exc


@dataclass(frozen=True)
class _Columns:
    """Columns of a table, and where they come from, for messages."""

    table: pa.Table
    path: Path

    def refuse(self, row: int, column: str, found: Any, expected: str) -> CalibrateError:
        """Return the error of a value; rows count from 1."""
        return CalibrateError("CAL-033", f"{self.path}: row {row + 1}, {column}: {found!s}; expected {expected}")

    def named(self, name: str) -> str:
        """Return the column of a time: its name and a unit."""
        found = [name + unit for unit in _UNITS if name + unit in self.table.column_names]
        if len(found) != 1:
            raise CalibrateError("CAL-033", f"{self.path}: {len(found)} columns {name}_ns, _us, _ms or _s; expected one of them; there are {', '.join(self.table.column_names)}")
        return found[0]

    def numbers(self, name: str, *, optional: bool = False) -> FloatArray:
        """Return a column as floats, NaN where optional values are missing."""
        if name not in self.table.column_names:
            raise CalibrateError("CAL-033", f"{self.path}: no column {name}; there are {', '.join(self.table.column_names)}")
        kind = self.table[name].type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise CalibrateError("CAL-033", f"{self.path}: column {name} holds {kind}; expected numbers")
        values = np.array([np.nan if value is None else value for value in self.table[name].to_pylist()], np.float64)
        bad = np.flatnonzero(np.isinf(values) if optional else ~np.isfinite(values))
        if len(bad):
            raise self.refuse(int(bad[0]), name, values[bad[0]], "a finite number")
        return values

    def times(self, name: str, *, optional: bool) -> IntArray:
        """Return a time column in ns, exact as written; NONE where there is none."""
        column = self.named(name)
        factor = next(factor for unit, factor in _UNITS.items() if column == name + unit)
        values = self.numbers(column, optional=optional)
        if column.endswith("_ns") and pa.types.is_floating(self.table[column].type) and (np.abs(values) > _WHOLE_MAX).any():
            raise CalibrateError("CAL-033", f"{self.path}: column {column} holds {self.table[column].type}, which rounds nanoseconds since 1970 to hundreds of them; expected whole numbers (in pandas: Int64, which may be empty)")
        raw = self.table[column].to_pylist()
        found = np.full(len(values), NONE, np.int64)
        for row in np.flatnonzero(~np.isnan(values)):
            ts = round(Decimal(repr(raw[row])) * factor)  # of a float the digits that it was written with
            if optional and raw[row] in (0, -1):
                continue
            if not 0 < ts < TIME_END:
                raise self.refuse(int(row), column, raw[row], f"a time from 1970 to 2200 in {column.rpartition('_')[2]}, of the exchange")
            found[row] = ts
        return found

    def units(self, name: str, size: str) -> IntArray:
        """Return a column of prices or quantities in ticks or lots."""
        units = self.numbers(name) / float(size)
        whole = np.rint(units)
        bad = np.flatnonzero((np.abs(units - whole) > np.maximum(_OFF_GRID, np.abs(units) * 1e-12)) | (whole < 1) | (whole > UNITS_MAX))
        if len(bad):
            raise self.refuse(int(bad[0]), name, self.table[name][int(bad[0])], f"a positive multiple of {size}")
        return whole.astype(np.int64)

    def sides(self) -> IntArray:
        """Return the sides as BID or ASK."""
        if "side" not in self.table.column_names:
            raise CalibrateError("CAL-033", f"{self.path}: no column side; there are {', '.join(self.table.column_names)}")
        found = [_SIDES.get(str(value).lower(), -1) for value in self.table["side"].to_pylist()]
        if -1 in found:
            row = found.index(-1)
            raise self.refuse(row, "side", self.table["side"][row], "buy or sell")
        return np.array(found, np.int64)


def _orders_of_table(table: pa.Table, path: Path, instrument: Instrument) -> OwnOrders:
    if table.num_rows == 0:
        raise CalibrateError("CAL-033", f"{path}: no orders")
    columns = _Columns(table, path)
    return own_orders(
        columns.sides(), columns.units("price", instrument.tick_size), columns.units("qty", instrument.lot_size),
        columns.times("placed", optional=False), columns.times("filled", optional=True), columns.times("ended", optional=True), str(path),
    )  # fmt: skip


def _orders_of_tape(tape: Tape, path: Path, instrument: Instrument) -> OwnOrders:
    """Return the orders of a tape of own orders: OWN_ORDER, the first OWN_FILL, and OWN_CANCEL of each id."""
    if tape.level != "own":
        raise CalibrateError("CAL-033", f"{path}: a tape of level {tape.level}; recorded orders are a tape of level own, a table, or a run folder")
    if tape.instrument.symbol != instrument.symbol:
        raise CalibrateError("CAL-034", f"{path} is of {tape.instrument.symbol}, the tape of {instrument.symbol}")
    rows = Chunk(*(np.concatenate(columns) for columns in zip(*tape.chunks(), strict=True)))
    kind = rows.ev & KIND_MASK
    placed = np.flatnonzero(kind == OWN_ORDER)
    if not len(placed):
        raise CalibrateError("CAL-033", f"{path}: no orders")
    if (rows.ev[placed] & NO_SIDE_BIT).any():
        raise CalibrateError("CAL-033", f"{path}: row {int(placed[np.argmax(rows.ev[placed] & NO_SIDE_BIT)]) + 1}: an order without a side")
    ids = rows.order_id[placed]
    if len(np.unique(ids)) < len(ids):
        raise CalibrateError("CAL-033", f"{path}: an order id is placed twice")
    filled, ended = (_first_times(rows, kind == which, ids) for which in (OWN_FILL, OWN_CANCEL))
    return own_orders(
        ((rows.ev[placed] >> 4) & 1).astype(np.int64), rows.price_ticks[placed], rows.qty_lots[placed], rows.exch_ts[placed],
        filled, ended, str(path),
    )  # fmt: skip


def _first_times(rows: Chunk, chosen: Any, ids: IntArray) -> IntArray:
    """Return the exchange time of each id's first chosen row, NONE where it has none."""
    found = np.full(len(ids), NONE, np.int64)
    order = np.argsort(ids, kind="stable")
    index = np.flatnonzero(chosen)[::-1]  # the first comes last, and stays
    place = np.searchsorted(ids[order], rows.order_id[index])
    known = place < len(ids)
    known[known] = ids[order][place[known]] == rows.order_id[index][known]
    found[order[place[known]]] = rows.exch_ts[index[known]]
    return found

