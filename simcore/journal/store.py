"""Journal streams on disk: segments while a run goes, one Parquet file a stream when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simcore import memory, parquet
from simcore.arrow import column_of, numbers
from simcore.errors import EngineError, JournalError
from simcore.files import write_atomic
from simcore.journal import note as notes
from simcore.journal.digest import DIGESTED, Digest
from simcore.records import FEATURE, FILL, GUARD, MARKOUT, REPORT, REQUEST, SAMPLE, TRACE, Record
from simcore.sealed import file_hash

STREAMS: dict[str, np.dtype[np.void]] = {
    "requests": REQUEST, "reports": REPORT, "fills": FILL, "markouts": MARKOUT, "samples": SAMPLE,
    "features": FEATURE, "traces": TRACE, "guards": GUARD,
}  # fmt: skip
OPTIONAL = ("features", "traces", "guards")  # written only if they hold rows; none is part of the digest
SPILL_ROWS = 1 << 18  # about 30 MB
_PIECE_ROWS = 1 << 16
DIGEST_STREAMS = DIGESTED


def to_table(rows: Record) -> pa.Table:
    """Return records as an Arrow table with one column a field."""
    return pa.table({name: column_of(rows[name]) for name in rows.dtype.names})


def from_table(table: pa.Table, dtype: np.dtype[np.void]) -> Record:
    """Return an Arrow table as records; JRNL-001 if a column is missing or of another type."""
    rows = np.zeros(table.num_rows, dtype)
    for name in dtype.names or ():
        if name not in table.column_names:
            raise JournalError("JRNL-001", f"journal column {name} is missing")
        try:
            rows[name] = numbers(table[name])
        except ValueError as exc:
            raise JournalError("JRNL-001", f"journal column {name}: {exc}") from exc
    return rows


def parquet_options(dtype: np.dtype[np.void]) -> dict[str, Any]:
    """Return how a stream is written: integers as differences, which is half the time and a quarter of the bytes."""
    integers = [name for name in dtype.names or () if dtype[name].kind == "i"]
    return {
        "compression": "zstd", "use_dictionary": False, "column_encoding": dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
    }  # fmt: skip


def file_name(stream: str) -> str:
    """Return the name of a stream's file in the run folder."""
    return f"journal/{stream}.parquet"


def read_stream(run_dir: Path, stream: str) -> Record:
    """Read a finished run's stream as records; JRNL-001 if it is not there or unreadable, JRNL-007 if it is damaged.

    A stream of OPTIONAL that the run did not write has no rows.
    """
    path = _checked(run_dir, stream)
    if path is None:
        return np.zeros(0, STREAMS[stream])
    try:
        return from_table(parquet.read_pages(path), STREAMS[stream])
    except (OSError, pa.ArrowException, ValueError) as exc:
        raise JournalError("JRNL-001", f"{path}: {exc}") from exc


def check_streams(run_dir: Path) -> None:
    """Check that each stream's file is there, as the run wrote it, and has its columns; JRNL-001, JRNL-007."""
    for stream, dtype in STREAMS.items():
        path = _checked(run_dir, stream)
        if path is None:
            continue
        try:
            found = pq.read_schema(path).names
        except (OSError, pa.ArrowException) as exc:
            raise JournalError("JRNL-001", f"{path}: {exc}") from exc
        missing = [name for name in dtype.names or () if name not in found]
        if missing:
            raise JournalError("JRNL-001", f"{path}: journal column {missing[0]} is missing")


def select_rows(run_dir: Path, stream: str, keep: Callable[[Record], Any]) -> Record:
    """Return the rows of a finished run's stream for which `keep` gives a true mask, read piece by piece.

    A day holds millions of requests and reports; they need not be in memory at a time. Raises as read_stream.
    """
    kept = [np.zeros(0, STREAMS[stream])]
    path = _checked(run_dir, stream)
    if path is None:
        return kept[0]
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(_PIECE_ROWS):
                rows = from_table(pa.Table.from_batches([batch]), STREAMS[stream])
                kept.append(rows[keep(rows)])
    except (OSError, pa.ArrowException) as exc:
        raise JournalError("JRNL-001", f"{path}: {exc}") from exc
    return np.concatenate(kept)


def _checked(run_dir: Path, stream: str) -> Path | None:
    """Return the file of a finished run's stream, which has the hash that the manifest says; None if the run wrote none."""
    note = notes.read(run_dir)
    name = file_name(stream)
    if stream in OPTIONAL and name not in note["files"] and not (run_dir / name).exists():
        return None
    return notes.checked(run_dir, name, note)


class JournalStore:
    """Collects rows of all streams; `segments` of a stream so far are numbered 0, 1, … on disk, and known by their hashes."""

    def __init__(self, run_dir: Path | None) -> None:
        self.folder = None if run_dir is None else run_dir / "journal"
        self.digest = Digest()
        self.segments: dict[str, list[str]] = {name: [] for name in STREAMS}
        self._pending: dict[str, list[Record]] = {name: [] for name in STREAMS}
        self._pending_rows = 0
        self._pending_bytes = 0
        self._limit_bytes = memory.limit_bytes()

    def add(self, stream: str, rows: Record) -> None:
        """Take the next rows of a stream (they are copied). ENG-006 if they are kept in memory and become too many."""
        if not len(rows):
            return
        self._pending_bytes += rows.nbytes
        if self._pending_bytes > self._limit_bytes and self.folder is None:
            raise EngineError(
                "ENG-006",
                f"journal in memory: {stream} would make it {self._pending_bytes / memory.MB:,.0f} MB; "
                f"its limit is {self._limit_bytes / memory.MB:,.0f} MB ({memory.SHARE_WORDS})",
            )
        kept = np.array(rows, copy=True)
        self.digest.add(stream, kept)
        self._pending[stream].append(kept)
        self._pending_rows += len(kept)
        if self._pending_rows >= SPILL_ROWS and self.folder is not None:
            self.flush()

    def flush(self) -> None:
        """Write pending rows as segments, atomically. JRNL-005 if the disk refuses."""
        if self.folder is None:
            return
        for stream, parts in self._pending.items():
            if parts:
                path = self._segment(stream, len(self.segments[stream]))
                self._write(path, to_table(np.concatenate(parts)), STREAMS[stream])
                self.segments[stream].append(file_hash(path))
                parts.clear()
        self._pending_rows = self._pending_bytes = 0

    def resume(self, segments: dict[str, list[str]]) -> None:
        """Go on after the given segments: later ones are removed, the digest is made from the kept ones. JRNL-008."""
        assert self.folder is not None, "a run without a folder cannot be resumed"
        self.segments = {stream: list(segments[stream]) for stream in STREAMS}
        for stream, dtype in STREAMS.items():
            for table in self._segment_tables(stream):
                self.digest.add(stream, from_table(table, dtype))
            for path in self.folder.glob(f".{stream}-*.parquet"):
                if int(path.stem.rsplit("-", 1)[1]) >= len(segments[stream]):
                    path.unlink()

    def finish(self) -> None:
        """Join segments and pending rows into journal/<stream>.parquet. The segments stay: a run that is stopped
        before its manifest says "done" goes on from them.
        """
        if self.folder is None:
            return
        with ThreadPoolExecutor(len(STREAMS)) as pool:  # most of the time goes into waiting for the disk
            for _ in pool.map(self._finish_stream, STREAMS, STREAMS.values()):
                pass  # an error of a stream is raised here

    def rows(self, stream: str) -> Record:
        """Return the rows of a stream that are in memory: all of them for a run without a folder."""
        parts = self._pending[stream]
        return np.concatenate(parts) if parts else np.zeros(0, STREAMS[stream])

    def _finish_stream(self, stream: str, dtype: np.dtype[np.void]) -> None:
        assert self.folder is not None
        path = self.folder / f"{stream}.parquet"
        if stream in OPTIONAL and not self._pending[stream] and not self.segments[stream]:
            return
        pending = to_table(self.rows(stream))

        def write(temporary: Path) -> None:
            with parquet.writing(temporary, pending.schema, **parquet_options(dtype)) as writer:
                for table in self._segment_tables(stream):
                    writer.write_table(table)
                writer.write_table(pending)

        try:
            write_atomic(path, write)
        except OSError as exc:
            raise JournalError("JRNL-005", f"{path}: {exc}") from exc

    def _write(self, path: Path, table: pa.Table, dtype: np.dtype[np.void]) -> None:
        try:
            write_atomic(path, lambda temporary: parquet.write_table(table, temporary, **parquet_options(dtype)))
        except OSError as exc:
            raise JournalError("JRNL-005", f"{path}: {exc}") from exc

    def _segment_tables(self, stream: str) -> Iterator[pa.Table]:
        """Yield the segments of a stream, each checked. JRNL-008: one is not there, or not as it was written."""
        for number, known in enumerate(self.segments[stream]):
            path = self._segment(stream, number)
            try:
                if (found := file_hash(path)) != known:
                    raise JournalError("JRNL-008", f"{path}: its SHA-256 is {found}, it was written with {known}")
                yield parquet.read_pages(path)
            except (OSError, pa.ArrowException, ValueError) as exc:
                raise JournalError("JRNL-008", f"{path}: {exc}") from exc

    def _segment(self, stream: str, number: int) -> Path:
        assert self.folder is not None
        return self.folder / f".{stream}-{number:06d}.parquet"
