"""The Parquet files of a NautilusTrader catalog: deltas, trades and instruments, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from simcore.errors import ConvertError

DELTAS = ("action", "side", "price", "size", "order_id", "flags", "sequence", "ts_event", "ts_init")
TRADES = ("price", "size", "aggressor_side", "trade_id", "ts_event", "ts_init")
INSTRUMENT = ("id", "price_increment", "size_increment")
_BATCH_ROWS = 1 << 16
_SCALES = {8: 10**9, 16: 10**16}  # by the bytes of a number


class Row(NamedTuple):
    """A row of a file: local time (ns), whether it is of the book, the file, its number from 1, and its values."""

    local_ts: int
    is_book: bool
    file: CatalogFile
    number: int
    values: tuple[Any, ...]


class CatalogFile:
    """An open Parquet file of deltas or trades; a file of instruments gives its rows at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ConvertError("CONV-001", f"{path}: no such file")
        try:
            self._parquet = pq.ParquetFile(path)
            schema = self._parquet.schema_arrow
        except (pa.ArrowException, OSError, ValueError) as exc:
            raise ConvertError("CONV-003", f"{path}: not readable as Parquet: {exc}") from exc
        self.names = schema.names
        if len(set(self.names)) < len(self.names):
            raise ConvertError("CONV-003", f"{path}: a column is there more than once")
        found = next((wanted for wanted in (DELTAS, TRADES, INSTRUMENT) if all(name in self.names for name in wanted)), None)
        if found is None:
            raise ConvertError("CONV-003", f"{path}: not order book deltas, trade ticks or instruments; it has {', '.join(self.names)[:200]}")
        self.columns = found
        metadata = {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in (schema.metadata or {}).items()}
        self.instrument_id: str = metadata.get("instrument_id", "")
        self.kind_of_instrument = metadata.get("class", "")
        self._types = {name: schema.field(name).type for name in found}
        self.scales = {name: self._scale(name) for name in ("price", "size") if name in found}

    def _scale(self, name: str) -> int:
        kind = self._types[name]
        if kind in (pa.int64(), pa.uint64()):
            return _SCALES[8]
        if pa.types.is_fixed_size_binary(kind) and kind.byte_width in _SCALES:
            return _SCALES[kind.byte_width]
        raise ConvertError("CONV-003", f"{self.path}: column {name} is {kind}; expected a whole number of 64 bits, or 8 or 16 bytes")

    def start(self) -> int:
        """Return the first ts_init, ns (0 without rows)."""
        return next((row.local_ts for row in self.rows()), 0)

    def table(self) -> list[dict[str, Any]]:
        """Return all rows of a file of instruments."""
        try:
            return list(self._parquet.read().to_pylist())
        except (pa.ArrowException, OSError, ValueError) as exc:
            raise ConvertError("CONV-003", f"{self.path}: {exc}") from exc

    def rows(self) -> Iterator[Row]:
        """Yield the rows. CONV-003 unreadable or null, CONV-021 for a ts_init that goes back."""
        number, last = 0, 0
        for columns in self._batches():
            for values in zip(*columns, strict=True):
                number += 1
                local_ts = values[-1]
                if type(local_ts) is not int or any(value is None for value in values):
                    raise ConvertError("CONV-003", f"{self.path}: row {number}: a value is missing, or ts_init is no whole number")
                if local_ts < last:
                    raise ConvertError("CONV-021", f"{self.path}: row {number}: ts_init {local_ts} is before {last} of the row before it")
                last = local_ts
                yield Row(local_ts, self.columns is DELTAS, self, number, values)

    def _batches(self) -> Iterator[list[list[Any]]]:
        try:
            for batch in self._parquet.iter_batches(_BATCH_ROWS, columns=list(self.columns)):
                batch.validate(full=True)
                yield [self._numbers(name, batch.column(name).to_pylist()) for name in self.columns]
        except (pa.ArrowException, OSError, ValueError) as exc:
            raise ConvertError("CONV-003", f"{self.path}: {exc}") from exc

    def _numbers(self, name: str, values: list[Any]) -> list[Any]:
        """Return fixed-point bytes as whole numbers; sizes have no sign."""
        if name not in self.scales or not pa.types.is_fixed_size_binary(self._types[name]):
            return values
        return [None if value is None else int.from_bytes(value, "little", signed=name == "price") for value in values]
