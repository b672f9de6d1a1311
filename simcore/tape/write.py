"""Write a tape: rows in, one Parquet file out, complete or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simcore.arrow import column_of
from simcore.errors import TapeError
from simcore.files import begin, discard, publish, remove_leftovers
from simcore.records import (
    BEST,
    DEPTH,
    EXCH_BIT,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    SNAPSHOT,
    Chunk,
)
from simcore.tape.check import RowCheck
from simcore.tape.footer import protect
from simcore.tape.metadata import check_instrument, checked_json
from simcore.tape.schema import (
    META_KEY,
    ROW_GROUP_ROWS,
    SCHEMA_VERSION,
    WRITE_OPTIONS,
    ContentHash,
    TapeMeta,
    arrow_schema,
    as_chunk,
    column_names,
)

_LEVEL_KINDS = np.isin(np.arange(16), (DEPTH, SNAPSHOT, BEST, L3_ADD, L3_REDUCE, L3_EXEC))


class TapeWriter:
    """Append rows, then close: only then does the file appear at `path`.

    A context manager: leaving it with an exception removes what was written. `meta` states instrument, level
    and origin; the figures (rows, times, hash) are measured here. Every row is checked as it comes.
    Raises TapeError TAPE-005 (columns), TAPE-006 (no rows), TAPE-007 (order), TAPE-009 (value), TAPE-011 (disk).
    """

    def __init__(self, path: str | Path, meta: TapeMeta) -> None:
        self.path = Path(path)
        self.meta = meta
        check_instrument(meta.instrument, str(self.path))
        self._names = column_names(meta.level)
        self._hash = ContentHash(meta.instrument, meta.level)
        self._parts: list[Chunk] = []
        self._waiting = 0
        self._check = RowCheck(str(self.path))
        self._figures = Figures()
        self._temp: Path | None = None
        self._complete = False
        self._file: Any = None
        self._parquet: Any = None
        with self._whole_or_nothing():
            remove_leftovers(self.path)
            self._temp = begin(self.path)
            self._file = self._temp.open("w+b")
            self._parquet = pq.ParquetWriter(self._file, arrow_schema(meta.level), **WRITE_OPTIONS)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close, or remove everything if an exception passes."""
        if kind is None:
            self.close()
        else:
            self.abort()

    def append(self, columns: Chunk | Sequence[Any]) -> None:
        """Append rows: a Chunk, or the columns in file order. The arrays may be reused afterwards."""
        chunk = columns if isinstance(columns, Chunk) else as_chunk(columns)
        lengths = [len(getattr(chunk, name)) for name in self._names]
        if len(set(lengths)) != 1:
            raise TapeError("TAPE-005", f"{self.path}: columns {', '.join(self._names)} have lengths {lengths}")
        self._check.check(chunk, self._figures.rows)
        self._figures.add(chunk)
        start = 0
        while lengths[0] - start + self._waiting >= ROW_GROUP_ROWS:
            stop = start + ROW_GROUP_ROWS - self._waiting
            self._parts.append(_slice(chunk, start, stop))
            self._write_group()
            self._waiting = 0
            start = stop
        if start < lengths[0]:
            self._parts.append(Chunk(*(column.copy() for column in _slice(chunk, start, lengths[0]))))
            self._waiting += lengths[0] - start

    def finish(self) -> TapeMeta:
        """Write what is left and the metadata, and sync; the file is complete but not yet at its path."""
        if self._complete:
            return self.meta
        if self._figures.rows == 0:
            self.abort()
            raise TapeError("TAPE-006", f"{self.path}: no rows to write")
        with self._whole_or_nothing():
            if self._parts:
                self._write_group()
            self.meta = replace(
                self.meta, content_hash=self._hash.hexdigest(), schema_version=SCHEMA_VERSION, **self._figures.fields()
            )
            self._parquet.add_key_value_metadata({META_KEY: checked_json(self.meta, str(self.path))})
            self._parquet.close()
            protect(self._file)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        self._complete = True
        return self.meta

    def close(self) -> TapeMeta:
        """Finish, and put the file at its path."""
        meta = self.finish()
        assert self._temp is not None, "finished without a file"
        with self._whole_or_nothing():
            publish(self._temp, self.path)
        return meta

    def abort(self) -> None:
        """Remove everything that was written."""
        streams, self._parquet, self._file = (self._parquet, self._file), None, None
        for stream in streams:
            try:
                if stream is not None and not self._complete:
                    stream.close()
            except (OSError, pa.ArrowInvalid):  # a full disk refuses the footer as well; the file goes anyway
                pass
        if self._temp is not None:
            discard(self._temp)

    @contextmanager
    def _whole_or_nothing(self) -> Iterator[None]:
        """Remove everything if a step fails or is interrupted; TAPE-011 if the disk refused it."""
        try:
            yield
        except OSError as exc:
            self.abort()
            raise TapeError("TAPE-011", f"{self.path}: {exc}") from exc
        except BaseException:
            self.abort()
            raise

    def _write_group(self) -> None:
        block = [np.concatenate([getattr(part, name) for part in self._parts]) for name in self._names]
        self._parts = []
        self._hash.update(as_chunk(block))
        table = pa.Table.from_arrays([column_of(column) for column in block], schema=arrow_schema(self.meta.level))
        with self._whole_or_nothing():
            self._parquet.write_table(table, row_group_size=ROW_GROUP_ROWS)


class Figures:
    """What the metadata say of the rows, measured while they pass."""

    def __init__(self) -> None:
        self.rows = 0
        self.times: dict[str, tuple[int, int]] = {}
        self.price: tuple[int, int] | None = None

    def add(self, chunk: Chunk) -> None:
        """Take the next rows."""
        for name, bit in (("exch_ts", EXCH_BIT), ("local_ts", LOCAL_BIT)):
            seen = np.flatnonzero(chunk.ev & bit)
            if len(seen):
                times = getattr(chunk, name)[seen]
                lo, hi = int(times.min()), int(times.max())
                first, last = self.times.get(name, (lo, hi))
                self.times[name] = (min(first, lo), max(last, hi))
        level = _LEVEL_KINDS[chunk.ev & KIND_MASK] & (chunk.qty_lots != 0)
        if level.any():
            prices = chunk.price_ticks[level]
            lo, hi = int(prices.min()), int(prices.max())
            self.price = (lo, hi) if self.price is None else (min(lo, self.price[0]), max(hi, self.price[1]))
        self.rows += len(chunk.ev)

    def fields(self) -> dict[str, Any]:
        """Return the figures by the names of `TapeMeta`."""
        exch = self.times.get("exch_ts", (None, None))
        local = self.times.get("local_ts", (None, None))
        price = self.price or (None, None)
        return {
            "rows": self.rows, "first_exch_ts": exch[0], "last_exch_ts": exch[1], "first_local_ts": local[0],
            "last_local_ts": local[1], "price_min_ticks": price[0], "price_max_ticks": price[1],
        }  # fmt: skip


def _slice(chunk: Chunk, start: int, stop: int) -> Chunk:
    return Chunk(*(column[start:stop] for column in chunk))
