"""NautilusTrader's Parquet: order book deltas and trade ticks, and its instruments.

Prices and sizes are fixed-point numbers: 64 bits in 1e-9 (int64 or 8 bytes), in builds of high precision 128 bits in
1e-16 (16 bytes, little endian). Exchange time is ts_event, local time ts_init. Deltas do not say which orders were
executed, so single orders are added up to levels: then trades are what moves queues. Source: the project's schemas,
crates/serialization/src/arrow.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simcore.errors import ConvertError
from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.levels import NO_SIDE, LevelRows, exch_rank, stated_sizes
from simcore.tape.convert.nautilus_file import INSTRUMENT, CatalogFile, Row

_ADD, _UPDATE, _DELETE, _CLEAR = 1, 2, 3, 4
_SIDES = {1: BID, 2: ASK}
_AGGRESSORS = {0: NO_SIDE, 1: BID, 2: ASK}
_SNAPSHOT_FLAG, _LEVEL_FLAG = 32, 16
_NO_PRICE = (2**63 - 1, 2**127 - 1)
_NO_SIZE = (2**64 - 1, 2**128 - 1)
_SPOT = ("CurrencyPair", "Equity")
_NAMES_MAX = 20

Change = tuple[int, int, int]  # side, price and size of a level, as whole numbers


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read files, or folders of them, of one instrument, merged by ts_init, as one L2 source.

    Raises ConvertError: CONV-001 no file, CONV-002 no rows, CONV-003 not readable or of another layout, CONV-004 bad
    value, CONV-005 and CONV-006 the instrument is not clear, CONV-011 files that overlap, CONV-020 files that
    contradict each other, CONV-021 rows out of time order.
    """
    files = [CatalogFile(file) for path in paths for file in (sorted(path.rglob("*.parquet")) if path.is_dir() else [path])]
    data = [file for file in files if file.columns is not INSTRUMENT]
    if not data:
        raise ConvertError("CONV-002", f"{', '.join(map(str, paths))}: no order book deltas and no trade ticks")
    instrument_id = _instrument_id(data, options.symbol)
    data = sorted((file for file in data if file.instrument_id in ("", instrument_id)), key=CatalogFile.start)
    reader = _Reader()
    last: dict[bool, CatalogFile] = {}
    for row in heapq.merge(*(file.rows() for file in data), key=lambda row: (row.local_ts, row.is_book)):
        before = last.get(row.is_book, row.file)
        if before is not row.file and row.number > 1:
            raise ConvertError("CONV-011", f"{row.file.path} and {before.path} overlap in time (row {row.number})")
        last[row.is_book] = row.file
        try:
            reader.take(row)
        except (KeyError, TypeError, ValueError, OverflowError) as exc:
            raise ConvertError("CONV-003", f"{row.file.path}: row {row.number}: not a row as expected: {exc!r:.200}") from exc
        except ConvertError as exc:
            raise ConvertError(exc.code, f"{row.file.path}: {exc.cause}") from exc
    listed = [
        one | {"class": file.kind_of_instrument} for file in files if file.columns is INSTRUMENT for one in file.table() if one["id"] == instrument_id
    ]  # fmt: skip
    return reader.source(instrument_id, listed)


def _instrument_id(files: list[CatalogFile], wanted: str | None) -> str:
    """Return the id of the instrument that is taken. CONV-005, CONV-006."""
    found = sorted({file.instrument_id for file in files} - {""})
    if wanted is not None and found:
        matches = [one for one in found if wanted in (one, one.rpartition(".")[0])]
        if len(matches) == 1:
            return matches[0]
        raise ConvertError("CONV-006", f"{wanted} is not one of {', '.join(found[:_NAMES_MAX])}")
    if len(found) > 1:
        raise ConvertError("CONV-006", f"the source holds {', '.join(found[:_NAMES_MAX])}")
    if not found and wanted is None:
        raise ConvertError("CONV-005", "the files' metadata name no instrument_id; give --symbol")
    return found[0] if found else str(wanted)


class _Book:
    """Sizes of levels, from deltas of levels or of single orders."""

    def __init__(self, counts: Counter[str]) -> None:
        self.sizes: tuple[dict[int, int], dict[int, int]] = ({}, {})  # price -> size
        self._counts = counts
        self._orders: dict[int, Change] = {}

    def clear(self) -> None:
        self._orders.clear()
        for sizes in self.sizes:
            sizes.clear()

    def set_level(self, action: int, side: int, price: int, size: int) -> list[Change]:
        """Apply a delta of a level; return what changed."""
        return [self._set(side, price, 0 if action == _DELETE else size)]

    def set_order(self, action: int, side: int | None, price: int, size: int, order_id: int) -> list[Change]:
        """Apply a delta of an order; return the levels that changed: that which it left, and that which it is at."""
        old = self._orders.pop(order_id, None)
        changed: dict[tuple[int, int], Change] = {}
        if old is not None:
            changed[old[:2]] = self._set(old[0], old[1], self.sizes[old[0]][old[1]] - old[2])
        if old is None and action != _ADD:
            self._counts["deltas_of_unknown_orders"] += 1
        if old is not None and action == _ADD:
            self._counts["add_of_resting_order"] += 1
        if action != _DELETE:
            if side is None:
                raise KeyError("side")
            if size:
                self._orders[order_id] = (side, price, size)
                changed[side, price] = self._set(side, price, self.sizes[side].get(price, 0) + size)
        return list(changed.values())

    def _set(self, side: int, price: int, size: int) -> Change:
        if size:
            self.sizes[side][price] = size
        else:
            self.sizes[side].pop(price, None)
        return (side, price, size)


class _Reader:
    """Rows of deltas and trades as rows of the tape; a snapshot is gathered while its deltas have one ts_init."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rows = LevelRows(self.counts)
        self._book = _Book(self.counts)
        self._has_orders: bool | None = None  # whether deltas are of single orders; None: no delta has told yet
        self._scale: tuple[int, int] | None = None  # of the deltas' prices and sizes
        self._gathered: tuple[int, int, int] | None = None  # exchange time, local time and row of the snapshot
        self._sequence = 0
        self._clocks_differ = False

    def take(self, row: Row) -> None:
        """Take one row."""
        scale = (row.file.scales["price"], row.file.scales["size"])
        stamp = (row.values[-2], row.local_ts, row.number)
        self._clocks_differ = self._clocks_differ or stamp[0] != stamp[1]
        if self._gathered is not None and (not row.is_book or self._gathered[1] != row.local_ts):
            self._flush()
        if not row.is_book:
            price, size, side, trade_id, *_ = row.values
            _refuse_undefined(row.number, price, size)
            self.rows.at(*stamp)
            self.rows.trade(_AGGRESSORS[side], price / scale[0], size / scale[1], str(trade_id))
            return
        if self._scale not in (None, scale):
            raise ConvertError("CONV-020", f"row {row.number}: prices or sizes of another precision than in the file before it")
        self._scale = scale
        self._delta(row, stamp)

    def _delta(self, row: Row, stamp: tuple[int, int, int]) -> None:
        action, *_, flags, sequence = row.values[:-2]
        if sequence < self._sequence:
            self.counts["sequences_that_go_back"] += 1
        self._sequence = sequence
        if action == _CLEAR:
            self._flush()
            self._book.clear()
            self._gathered = stamp
            return
        changed = self._changed(row)
        if flags & _SNAPSHOT_FLAG and (self._gathered is not None or not self.rows.has_snapshot):
            self._gathered = self._gathered or stamp
            self.counts["snapshot_deltas"] += 1
            return
        self._flush()
        self.rows.at(*stamp)
        for level_side, price, size in changed:
            self.rows.levels(level_side, [self._decimal(price, size)])

    def _changed(self, row: Row) -> list[Change]:
        """Apply a delta to the book."""
        action, side_code, price, size, order_id, flags, _ = row.values[:-2]
        if action not in (_ADD, _UPDATE, _DELETE):
            raise ValueError(f"action {action}; expected 1 to 4")
        is_order = order_id != 0 and not flags & _LEVEL_FLAG
        if self._has_orders not in (None, is_order):
            names = ("a level", "an order") if is_order else ("an order", "a level")
            raise ConvertError("CONV-020", f"row {row.number}: a delta of {names[1]} after those of {names[0]}")
        self._has_orders = is_order
        if is_order and action == _DELETE:
            return self._book.set_order(action, None, price, size, order_id)
        _refuse_undefined(row.number, price, size)
        if is_order:
            return self._book.set_order(action, _SIDES[side_code], price, size, order_id)
        return self._book.set_level(action, _SIDES[side_code], price, size)

    def _decimal(self, price: int, size: int) -> tuple[float, float]:
        assert self._scale is not None
        return price / self._scale[0], size / self._scale[1]

    def _flush(self) -> None:
        """Show the snapshot that was gathered; after a clear that nothing followed the book is empty."""
        if self._gathered is None:
            return
        self.rows.at(*self._gathered)
        bids, asks = ([self._decimal(*level) for level in sizes.items()] for sizes in self._book.sizes)
        self._gathered = None
        self.rows.snapshot(bids, asks)

    def source(self, instrument_id: str, listed: list[dict[str, Any]]) -> Source:
        """Return what was found. CONV-002."""
        self._flush()
        if not len(self.rows):
            raise ConvertError("CONV-002", f"{instrument_id}: no rows")
        symbol, _, venue = instrument_id.rpartition(".")
        warnings = self.rows.warnings()
        if self._has_orders:
            warnings.append("deltas are of single orders: they were added up to levels, since they do not say which orders were executed")
        if self.counts["sequences_that_go_back"]:
            warnings.append(f"{self.counts['sequences_that_go_back']} sequence numbers go back: the order of the file was kept")
        kind, hints = _facts(listed[-1]) if listed else (None, {})
        rows = self.rows.source_rows()
        return Source(
            rows=rows, exch_rank=exch_rank(rows), level="l2", venue=venue.lower() if symbol else "", symbol=symbol or venue, kind=kind, hints=hints,
            counts={name: count for name, count in self.counts.items() if count}, warnings=warnings, has_local_clock=self._clocks_differ,
        )  # fmt: skip


def _facts(listed: dict[str, Any]) -> tuple[str | None, dict[str, str]]:
    """Return kind and sizes of a row of instruments: the columns that are there."""
    kind = "spot" if listed["class"] in _SPOT else "inverse" if listed.get("is_inverse") else "linear"
    names = {"price_increment": "tick_size", "size_increment": "lot_size", "multiplier": "contract_size", "base_currency": "base", "quote_currency": "quote"}
    hints = {ours: str(listed[theirs]) for theirs, ours in names.items() if listed.get(theirs)}
    return kind, stated_sizes(hints | ({"contract_size": "1"} if kind == "spot" else {}), f"the instrument {listed['id']!r:.60}")


def _refuse_undefined(number: int, price: int, size: int) -> None:
    if price in _NO_PRICE or size in _NO_SIZE:
        raise ConvertError("CONV-004", f"row {number}: no price or no size")
