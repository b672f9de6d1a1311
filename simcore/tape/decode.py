"""Decode the row groups of tape files into chunks, and check their rows on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simcore.arrow import numbers
from simcore.errors import TapeError
from simcore.records import EXCH_BIT, LOCAL_BIT, Chunk
from simcore.tape.schema import TapeMeta


@dataclass(frozen=True)
class TapeFile:
    """One Parquet file of a tape. group_rows: rows of each row group."""

    path: Path
    meta: TapeMeta
    group_rows: tuple[int, ...]


class Block(NamedTuple):
    """A decoded row group. first, last: times on the exchange and the local clock, 0 where no row has one; ns."""

    chunk: Chunk
    first: tuple[int, int]
    last: tuple[int, int]


class Decoder:
    """Decodes row groups of files; used by one thread at a time. check: refuse rows that no kernel may see."""

    def __init__(self, wanted: Sequence[str], *, check: bool) -> None:
        self._wanted = list(wanted)
        self._check = check
        self._path: Path | None = None
        self._parquet: Any = None

    def decode(self, file: TapeFile, group: int, skip: int, shift_ns: int) -> Block:
        """Return the rows of a row group from `skip` on, shift_ns later; their order is checked, and first and last given."""
        if self._path != file.path:
            self.close()
            self._parquet = guard(pq.ParquetFile, file.path, file.path, memory_map=False, pre_buffer=False, page_checksum_verification=True)
            self._path = file.path
        table = guard(self._parquet.read_row_group, file.path, group, columns=self._wanted, use_threads=False)
        if table.num_rows != file.group_rows[group]:
            raise TapeError("TAPE-004", f"{file.path}: row group {group} has {table.num_rows} rows, not {file.group_rows[group]}")
        arrays = {name: _to_numpy(table.column(name), file.path, name)[skip:] for name in self._wanted}
        chunk = _frozen(arrays)
        first, last = _check_rows(chunk, file, group, skip) if self._check else ((0, 0), (0, 0))
        if shift_ns:
            import pyarrow.compute as pc  # takes 30 ms, and only repeats need it

            for name in [n for n in ("exch_ts", "local_ts") if n in arrays]:
                # Arrow adds, not numpy: its memory pool keeps pages, and page faults take longer than the sum.
                arrays[name] = _to_numpy(pc.add(table.column(name), shift_ns), file.path, name)[skip:]
            chunk = _frozen(arrays)
        return Block(chunk, first, last)

    def close(self) -> None:
        """Close the file."""
        if self._parquet is not None:
            self._parquet.close()
        self._path = self._parquet = None


class GroupOrder:
    """Checks row groups against each other, and against what the metadata say of the rows.

    Each begins where the one before ended, or later: TapeError TAPE-007. The first and last time of each clock are those of
    the metadata: TAPE-016. So a forged start is seen before anything is played from it.
    """

    def __init__(self) -> None:
        self._last = (0, 0)
        self._seen = (False, False)
        self._from_start = False

    def check(self, block: Block, file: TapeFile, group: int, skip: int) -> None:
        """Take the next row group; the first one of each pass over a file begins anew. One that was not checked has no times."""
        if block.first == block.last == (0, 0):
            return
        if group == 0:
            self._last, self._seen, self._from_start = (0, 0), (False, False), skip == 0
        names = (("exch_ts", EXCH_BIT), ("local_ts", LOCAL_BIT))
        for (name, bit), now, before in zip(names, block.first, self._last, strict=True):
            if 0 < now < before:
                row = sum(file.group_rows[:group]) + skip + _first_row(block.chunk, bit)
                raise TapeError("TAPE-007", f"{file.path}: row {row}: {name} {now} comes after {before}")
        self._last = (block.last[0] or self._last[0], block.last[1] or self._last[1])
        self._compare(block, file, is_end=group == len(file.group_rows) - 1)

    def _compare(self, block: Block, file: TapeFile, *, is_end: bool) -> None:
        """Compare with the metadata: the first times when a clock is first seen, the last ones at the end of the file."""
        meta = file.meta
        told = ((meta.first_exch_ts, meta.last_exch_ts), (meta.first_local_ts, meta.last_local_ts))
        seen = []
        for name, (first, last), begun, now, end in zip(("exch_ts", "local_ts"), told, self._seen, block.first, self._last, strict=True):
            if now and not begun and self._from_start and now != first:
                raise TapeError("TAPE-016", f"{file.path}: the first {name} is {now}, the metadata say {first}")
            seen.append(begun or now != 0)
            if is_end and (end != 0 or self._from_start) and end != (last or 0):
                raise TapeError("TAPE-016", f"{file.path}: the last {name} is {end or 'nowhere'}, the metadata say {last}")
        self._seen = (seen[0], seen[1])


def _check_rows(chunk: Chunk, file: TapeFile, group: int, skip: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Check the rows of a row group by themselves; return their first and last times on either clock."""
    from simcore.tape.check import RowCheck  # brings the compiler, which `tape info` does not need

    meta = file.meta
    rows = RowCheck(str(file.path), meta.first_exch_ts or 1, meta.first_local_ts or 1)
    rows.check(chunk, sum(file.group_rows[:group]) + skip)
    for name, found, expected in zip(("exch_ts", "local_ts"), rows.last, (meta.last_exch_ts, meta.last_local_ts), strict=True):
        if found > (expected or 1):
            raise TapeError("TAPE-004", f"{file.path}: {name} reaches {found}, the metadata says {expected}")
    exch, local = _first_row(chunk, EXCH_BIT), _first_row(chunk, LOCAL_BIT)
    first = (int(chunk.exch_ts[exch]) if exch >= 0 else 0, int(chunk.local_ts[local]) if local >= 0 else 0)
    return first, (rows.last[0] if exch >= 0 else 0, rows.last[1] if local >= 0 else 0)


def _first_row(chunk: Chunk, bit: int) -> int:
    """Return the first row with the bit, -1 if there is none; nearly always one of the first few."""
    width = 64
    for lo in range(0, len(chunk.ev), width):
        seen = np.flatnonzero(chunk.ev[lo : lo + width] & bit)
        if len(seen):
            return lo + int(seen[0])
    return -1


def guard(call: Any, path: Path, *args: Any, **options: Any) -> Any:
    """Call Arrow; what it raises for a damaged or vanished file becomes a TapeError."""
    try:
        return call(*args, **options)
    except MemoryError:  # Arrow's own is an ArrowException, too, but says nothing of the file
        raise
    except FileNotFoundError as exc:
        raise TapeError("TAPE-001", f"{path}: {exc}") from exc
    except (pa.ArrowException, OSError, ValueError) as exc:
        raise TapeError("TAPE-004", f"{path}: {exc}") from exc


def _to_numpy(column: pa.ChunkedArray, path: Path, name: str) -> Any:
    """Return the column without a copy where Arrow holds it in one piece."""
    if column.null_count:
        raise TapeError("TAPE-005", f"{path}: column {name} holds nulls")
    return numbers(column)


def _frozen(arrays: dict[str, Any]) -> Chunk:
    """Return read-only columns; those that are not there are empty."""
    for array in arrays.values():
        array.setflags(write=False)
    return Chunk(*(arrays.get(name, _EMPTY[name]) for name in Chunk._fields))


def _frozen_empty(name: str) -> Any:
    array = np.empty(0, np.uint8 if name == "ev" else np.int64)
    array.setflags(write=False)
    return array


_EMPTY = {name: _frozen_empty(name) for name in Chunk._fields}
