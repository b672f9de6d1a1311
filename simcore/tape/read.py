"""Read a tape: open it with checks, then stream its rows with bounded memory, decoded ahead in threads."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from itertools import islice, pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simcore import parquet
from simcore.door.arguments import FLAG, PATH, TEXT, each, either, optional, public, whole
from simcore.errors import ConfigError, TapeError
from simcore.records import (
    ASK_BIT,
    EXCH_BIT,
    KIND_COUNT,
    KIND_LABELS,
    KIND_MASK,
    LOCAL_BIT,
    NO_SIDE_BIT,
    TIME_END,
    Chunk,
)
from simcore.tape.decode import Block, Decoder, GroupOrder, TapeFile, guard
from simcore.tape.footer import check_end
from simcore.tape.metadata import parse_meta
from simcore.tape.schema import (
    COLUMNS,
    META_KEY,
    ROW_GROUP_ROWS,
    ContentHash,
    Instrument,
    as_chunk,
    check_schema,
    column_names,
)
from simcore.units import NS_PER_S

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
_MAGIC = b"PAR1"
_GROUP_ROWS_MAX = 1 << 24  # of other writers; decoded it takes 700 MB
DECODE_THREADS = 2  # decoding costs about as much as replaying


class Tape:
    """Recorded rows of one instrument, in one file or several. Build it with `Tape.open`; it holds no rows."""

    def __init__(self, files: Sequence[TapeFile]) -> None:
        self.files = tuple(files)
        self.meta = files[0].meta
        self.instrument: Instrument = self.meta.instrument
        self.level = self.meta.level
        self.rows = sum(file.meta.rows for file in files)
        self.first_exch_ts = _first(file.meta.first_exch_ts for file in files)
        self.last_exch_ts = _first(file.meta.last_exch_ts for file in reversed(files))
        self.first_local_ts = _first(file.meta.first_local_ts for file in files)
        self.last_local_ts = _first(file.meta.last_local_ts for file in reversed(files))

    @classmethod
    @public(source=either(PATH, each(PATH)))
    def open(cls, source: str | Path | Sequence[str | Path]) -> Tape:
        """Open a file, a folder of files, or several of them in time order.

        Reads metadata only. TapeError: TAPE-001 missing, TAPE-002 no tape, TAPE-003 version, TAPE-004 damaged,
        TAPE-005 columns, TAPE-006 empty, TAPE-008 other instrument, TAPE-010 overlap, TAPE-012 damaged metadata.
        """
        sources = [source] if isinstance(source, str | Path) else list(source)
        if not sources:
            raise TapeError("TAPE-001", "no tape was named")
        return cls.joined([tape for item in sources for tape in cls.open_each(item)])

    @classmethod
    @public(source=PATH)
    def open_each(cls, source: str | Path) -> list[Tape]:
        """Open each file that a path means as a tape of its own; raises as `open`."""
        return [cls([_open_file(path)]) for path in _expand(Path(source))]

    @classmethod
    def joined(cls, tapes: Sequence[Tape]) -> Tape:
        """Return tapes of one instrument, in time order, as one; TAPE-008, TAPE-010 if they are not that."""
        files = [file for tape in tapes for file in tape.files]
        for before, after in pairwise(files):
            _check_sequence(before, after)
        return cls(files)

    @property
    def start_ts(self) -> int:
        """Local time of the first row that the Node sees (of a tape without one: the first exchange time), ns."""
        return self.first_local_ts if self.first_local_ts is not None else self._edges()[0]

    @property
    def end_ts(self) -> int:
        """Time of the last row on either clock, ns."""
        return self._edges()[1]

    @property
    def span_ns(self) -> int:
        """Shift between the passes of `repeat`: the tape's length, up to the next whole second, plus 1 s."""
        first, last = self._edges()
        return (-(-(last - first) // NS_PER_S) + 1) * NS_PER_S

    @property
    def content_hash(self) -> str:
        """The file's content hash; of several files: SHA-256 of their hashes, in order."""
        hashes = [file.meta.content_hash for file in self.files]
        return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()

    @public(
        columns=optional(each(TEXT)), repeat=whole(1), read_ahead=whole(1, 1000), start_row=whole(0), until_ts=optional(whole(-TIME_END, 1 << 63)),
        check=FLAG,
    )
    def chunks(
        self,
        columns: Collection[str] | None = None,
        repeat: int = 1,
        read_ahead: int = 3,
        start_row: int = 0,
        until_ts: int | None = None,
        check: bool = True,
    ) -> Iterator[Chunk]:
        """Yield the rows in order, one row group a chunk, decoded by two threads that run at most `read_ahead` ahead.

        columns    wanted columns; the others are empty arrays. None: all.
        repeat     play the tape so often; pass k is shifted by k * span_ns on both clocks.
        start_row  first row, counted over all passes; row groups before it are not decoded.
        until_ts   stop after the first chunk after which no row is at or before this time on either clock.
        check      refuse rows that no kernel may see: TapeError TAPE-007 (order), TAPE-009 (value), TAPE-004 (later
                   than the metadata says). Only where all columns are wanted.
        Memory: read_ahead + 1 row groups. Closing the iterator stops the threads; their errors are raised here.
        """
        wanted = [name for name in column_names(self.level) if columns is None or name in columns]
        if until_ts is not None and not {"exch_ts", "local_ts", "ev"} <= set(wanted):
            raise ConfigError("CONF-014", "Tape.chunks: until_ts needs the columns exch_ts, local_ts and ev")
        unknown = set(columns or ()) - {*COLUMNS, "order_id"}
        if unknown:
            raise ConfigError("CONF-014", f"Tape.chunks: columns {', '.join(sorted(unknown))}; expected some of {', '.join((*COLUMNS, 'order_id'))}")
        checked = check and len(wanted) == len(column_names(self.level))
        decoders = [Decoder(wanted, check=checked) for _ in range(DECODE_THREADS)]
        return _stream(decoders, self._plan(repeat, start_row), read_ahead, until_ts)

    def describe(self) -> dict[str, Any]:
        """Return what the tape says about itself as plain values; times in ns, bytes of all files."""
        size = sum(file.path.stat().st_size for file in self.files)
        return {
            "files": [str(file.path) for file in self.files], "rows": self.rows, "bytes": size, "level": self.level,
            "instrument": asdict(self.instrument), "inferred": list(self.meta.inferred), "synthetic": self.meta.synthetic,
            "first_exch_ts": self.first_exch_ts, "last_exch_ts": self.last_exch_ts, "first_local_ts": self.first_local_ts,
            "last_local_ts": self.last_local_ts, "clock": dict(self.meta.clock), "source": dict(self.meta.source),
            "schema_version": self.meta.schema_version, "content_hash": self.content_hash,
        }  # fmt: skip

    @public()
    def verify(self) -> str:
        """Decode everything and compare with the content hash: TapeError TAPE-004 if it differs. Returns the hash."""
        for file in self.files:
            one = Tape([file])
            digest = ContentHash(one.instrument, one.level)
            for block in _reblocked(one.chunks(check=False)):
                digest.update(block)
            if digest.hexdigest() != file.meta.content_hash:
                raise TapeError("TAPE-004", f"{file.path}: content hash {digest.hexdigest()}, metadata says {file.meta.content_hash}")
        return self.content_hash

    @public(n=whole(0))
    def head(self, n: int) -> Chunk:
        """Return the first n rows, as they are."""
        parts: list[Chunk] = []
        left = n
        stream = self.chunks(read_ahead=1, check=False)
        for chunk in stream:
            parts.append(_cut(chunk, 0, left))
            left -= len(chunk.ev)
            if left <= 0:
                break
        stream.close()  # type: ignore[attr-defined]
        return as_chunk([np.concatenate([getattr(part, name) for part in parts]) for name in Chunk._fields])

    @public()
    def to_arrow(self) -> pa.Table:
        """Return all rows as an Arrow table (in memory)."""
        return pa.concat_tables([guard(parquet.read_pages, file.path, file.path) for file in self.files])

    @public(n=optional(whole(0)))
    def to_pandas(self, n: int | None = None) -> pd.DataFrame:
        """Return the rows (or the first n) for reading: times as UTC, kind and side as words, price and qty in units.

        Columns: exch_ts, local_ts, kind, side, price, qty, exch, local, price_ticks, qty_lots[, order_id].
        price and qty are floats; the integers beside them are exact.
        """
        import pandas as pd  # takes 0.3 s, and most runs do not need it

        chunk = self.head(self.rows if n is None else n)
        ev = chunk.ev
        kind = (ev & KIND_MASK).astype(np.int64)
        kind[kind >= KIND_COUNT] = -1  # shown as missing
        side = np.where(ev & NO_SIDE_BIT, 2, (ev & ASK_BIT) // ASK_BIT)
        frame = pd.DataFrame(
            {
                "exch_ts": pd.to_datetime(chunk.exch_ts, utc=True),
                "local_ts": pd.to_datetime(chunk.local_ts, utc=True),
                "kind": pd.Categorical.from_codes(kind, categories=list(KIND_LABELS)),
                "side": pd.Categorical.from_codes(side.astype(np.int64), categories=["buy", "sell", ""]),
                "price": chunk.price_ticks * float(self.instrument.tick_size),
                "qty": chunk.qty_lots * float(self.instrument.lot_size),
                "exch": (ev & EXCH_BIT) != 0,
                "local": (ev & LOCAL_BIT) != 0,
                "price_ticks": chunk.price_ticks,
                "qty_lots": chunk.qty_lots,
            }
        )
        if len(chunk.order_id):
            frame["order_id"] = chunk.order_id
        return frame

    def _edges(self) -> tuple[int, int]:
        firsts = [ts for ts in (self.first_exch_ts, self.first_local_ts) if ts is not None]
        lasts = [ts for ts in (self.last_exch_ts, self.last_local_ts) if ts is not None]
        return min(firsts), max(lasts)

    def _plan(self, repeat: int, start_row: int) -> Iterator[tuple[TapeFile, int, int, int]]:
        """Yield (file, row group, rows to skip in it, time shift)."""
        first_pass, skip = divmod(start_row, self.rows)
        for k in range(first_pass, repeat):
            for file in self.files:
                for group, rows in enumerate(file.group_rows):
                    if skip >= rows:
                        skip -= rows
                    else:
                        yield file, group, skip, k * self.span_ns
                        skip = 0


def opened(tape: T | Path | str) -> T | Tape:
    """Return a tape as it is, or open its path."""
    return Tape.open(tape) if isinstance(tape, (str, Path)) else tape


def _stream(
    decoders: Sequence[Decoder], plan: Iterator[tuple[TapeFile, int, int, int]], read_ahead: int, until_ts: int | None
) -> Iterator[Chunk]:
    idle: SimpleQueue[Decoder] = SimpleQueue()
    for decoder in decoders:
        idle.put(decoder)

    def decode(task: tuple[TapeFile, int, int, int]) -> Block:
        decoder = idle.get()
        try:
            return decoder.decode(*task)
        finally:
            idle.put(decoder)

    order = GroupOrder()
    pending: deque[tuple[tuple[TapeFile, int, int, int], Future[Block]]] = deque()
    with ThreadPoolExecutor(len(decoders), thread_name_prefix="tape-decode") as pool:
        try:
            while True:
                for task in islice(plan, max(read_ahead + 1 - len(pending), 0)):
                    pending.append((task, pool.submit(decode, task)))
                if not pending:
                    return
                task, future = pending.popleft()
                block = future.result()
                order.check(block, *task[:3])
                yield block.chunk
                if until_ts is not None and _is_past(block.chunk, until_ts):
                    return
        finally:
            for _, future in pending:
                future.cancel()
            pool.shutdown()
            for decoder in decoders:
                decoder.close()


def _is_past(chunk: Chunk, until_ts: int) -> bool:
    """Return whether every later row is after until_ts, judged by the chunk's last row of each clock."""
    for times, bit in ((chunk.exch_ts, EXCH_BIT), (chunk.local_ts, LOCAL_BIT)):
        seen = np.flatnonzero(chunk.ev & bit)
        if not len(seen) or int(times[seen[-1]]) <= until_ts:
            return False
    return True


def _expand(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.glob("*.parquet") if not file.name.startswith("."))
        if not found:
            raise TapeError("TAPE-001", f"{path}: the folder holds no .parquet file")
        return found
    if not path.is_file():
        raise TapeError("TAPE-001", f"{path}: no such file or folder")
    return [path]


def _open_file(path: Path) -> TapeFile:
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as exc:
        raise TapeError("TAPE-001", f"{path}: {exc}") from exc
    if not magic:
        raise TapeError("TAPE-006", f"{path}: the file holds 0 bytes")
    if magic != _MAGIC:
        raise TapeError("TAPE-002", f"{path}: not a Parquet file")
    guard(check_end, path, path)
    with guard(pq.ParquetFile, path, path) as file:
        found = file.metadata
        text = (found.metadata or {}).get(META_KEY)
        if text is None:
            raise TapeError("TAPE-002", f"{path}: a Parquet file without {META_KEY.decode()} metadata")
        meta = parse_meta(text, str(path))
        check_schema(file.schema_arrow, meta.level, str(path))
        groups = tuple(found.row_group(i).num_rows for i in range(found.num_row_groups))
    if sum(groups) == 0:
        raise TapeError("TAPE-006", f"{path}: no rows")
    if max(groups) > _GROUP_ROWS_MAX:
        raise TapeError("TAPE-017", f"{path}: a row group of {max(groups)} rows, expected at most {_GROUP_ROWS_MAX}")
    if sum(groups) != meta.rows:
        raise TapeError("TAPE-004", f"{path}: {sum(groups)} rows, metadata says {meta.rows}")
    return TapeFile(path, meta, groups)


def _check_sequence(before: TapeFile, after: TapeFile) -> None:
    if after.meta.instrument != before.meta.instrument or after.meta.level != before.meta.level:
        a, b = before.meta, after.meta
        raise TapeError(
            "TAPE-008",
            f"{before.path} is {a.level} of {a.instrument.venue} {a.instrument.symbol}, "
            f"{after.path} is {b.level} of {b.instrument.venue} {b.instrument.symbol} (or their sizes or fees differ)",
        )
    pairs = (
        (before.meta.last_exch_ts, after.meta.first_exch_ts),
        (before.meta.last_local_ts, after.meta.first_local_ts),
    )
    if after.meta.content_hash == before.meta.content_hash:
        raise TapeError("TAPE-010", f"{after.path} is a copy of {before.path}")
    for last, first in pairs:
        if last is not None and first is not None and first < last:
            raise TapeError("TAPE-010", f"{after.path} begins at {first}, before the end {last} of {before.path}")


def _reblocked(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Cut chunks of any size into blocks of ROW_GROUP_ROWS rows (tapes of other writers may have other row groups)."""
    held: list[Chunk] = []
    rows = 0
    for chunk in chunks:
        start = 0
        while rows + len(chunk.ev) - start >= ROW_GROUP_ROWS:
            stop = start + ROW_GROUP_ROWS - rows
            held.append(_cut(chunk, start, stop))
            yield _joined(held)
            held, rows, start = [], 0, stop
        if start < len(chunk.ev):
            held.append(_cut(chunk, start, len(chunk.ev)))
            rows += len(chunk.ev) - start
    if held:
        yield _joined(held)


def _joined(parts: list[Chunk]) -> Chunk:
    if len(parts) == 1:
        return parts[0]
    return Chunk(*(np.concatenate([getattr(part, name) for part in parts]) for name in Chunk._fields))


def _cut(chunk: Chunk, start: int, stop: int) -> Chunk:
    return Chunk(*(column[start:stop] for column in chunk))


def _first(values: Any) -> int | None:
    return next((int(value) for value in values if value is not None), None)
