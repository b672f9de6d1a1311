"""Write what was converted: one file, or one a UTC day of a folder; what is there already is kept, extended or refused.

A day goes on where one part ends with what the other begins with (Bybit's archives end with the snapshot that opens
the next day), or where a later part begins with a book of its own. All other days that are there must be equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from simcore.errors import ConvertError, TapeError
from simcore.records import BOTH_BITS, CLEAR, EXCH_BIT, KIND_MASK, LOCAL_BIT, NO_SIDE_BIT, TRADE, Chunk
from simcore.tape.read import Tape
from simcore.tape.schema import Instrument, TapeMeta, as_chunk
from simcore.tape.write import TapeWriter
from simcore.units import NS_PER_DAY, NS_PER_S

_PROBE = 64  # rows that are compared before all are


@dataclass(frozen=True)
class Written:
    """The files that hold the tape: all of them, those that held it already, those that were there and grew."""

    files: tuple[Path, ...]
    unchanged: tuple[Path, ...] = ()
    extended: tuple[Path, ...] = ()


def write_tape(rows: Chunk, meta: TapeMeta, target: Path, put_in_place: bool) -> Written:
    """Write the file, or the days of the folder: all of them or none.

    put_in_place  a file or day that is there and differs is replaced, not refused. ConvertError CONV-015 (day), CONV-016
    (file), CONV-009 and CONV-017 (folder of another instrument, of other sizes), TapeError TAPE-011.
    """
    is_file = target.suffix == ".parquet"
    parts = [(target, rows)] if is_file else [(target / f"{day}.parquet", part) for day, part in _days(rows)]
    if not is_file:
        _check_folder(target, meta.instrument, {path for path, _ in parts} if put_in_place else set())
    unchanged, extended = [], []
    with ExitStack() as undo:
        writers = []
        for path, part in parts:
            whole, said = part, meta
            if path.exists() and not put_in_place:
                if is_file:
                    _refuse_other(path, part, meta)
                found = None if is_file else _day(path, part, meta)
                if found is None:
                    unchanged.append(path)
                    continue
                extended.append(path)
                whole, said = found
            writer = TapeWriter(path, said)
            undo.callback(writer.abort)
            writer.append(whole)
            writer.finish()
            writers.append(writer)
        for writer in writers:
            writer.close()
    return Written(tuple(path for path, _ in parts), tuple(unchanged), tuple(extended))


def join(old: Chunk, new: Chunk) -> Chunk | None:
    """Return the rows of two parts of a day as one; None if neither goes on with the other."""
    for first, second in ((old, new), (new, old)):
        found = _overlapping(first, second)
        if found is not None:
            return found
    for first, second in ((old, new), (new, old)):
        if _has_own_book(second) and _is_before(first, second):
            return _concatenated(first, second)
    return None


def _refuse_other(path: Path, rows: Chunk, meta: TapeMeta) -> None:
    """Refuse a file that is there and holds something else. CONV-016."""
    held = _held(path)
    if held is None or held[0].instrument != meta.instrument or held[0].level != meta.level or not _equal(held[1], rows):
        raise ConvertError("CONV-016", f"{path}: {_words(held)}")


def _day(path: Path, rows: Chunk, meta: TapeMeta) -> tuple[Chunk, TapeMeta] | None:
    """Return a day that is there, extended by new rows; None if it holds them already. CONV-015."""
    held = _held(path)
    if held is None or held[0].level != meta.level:
        raise ConvertError("CONV-015", f"{path}: {_words(held)}")
    old_meta, old = held
    whole = join(old, rows)
    if whole is None:
        raise ConvertError("CONV-015", f"{path}: {_words(held)}; the new rows neither equal them nor go on where they end: {len(rows.ev)} rows, {_span(rows)}")
    if len(whole.ev) == len(old.ev):
        return None
    if len(whole.ev) == len(rows.ev):
        return whole, meta
    if any(old_meta.clock.get(name) != meta.clock.get(name) for name in ("offset_ns", "synthesised")):
        raise ConvertError("CONV-015", f"{path}: its local clock was shifted by {old_meta.clock.get('offset_ns')} ns, now by {meta.clock.get('offset_ns')}: convert both together")
    return whole, _joined_meta(old_meta, meta, whole)


def _held(path: Path) -> tuple[TapeMeta, Chunk] | None:
    """Return what a file holds; None if it is not a tape that can be read."""
    try:
        tape = Tape.open(path)
        chunks = list(tape.chunks())
    except TapeError:
        return None
    return tape.meta, as_chunk([np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in Chunk._fields])


def _words(held: tuple[TapeMeta, Chunk] | None) -> str:
    if held is None:
        return "it is not a tape that can be read"
    meta, rows = held
    files = ", ".join(name for name, _ in meta.source.get("files") or ())
    return f"it holds {len(rows.ev)} rows of {meta.level}, {_span(rows)}{f', of {files}' if files else ''}"


def _span(rows: Chunk) -> str:
    return f"exchange time {int(rows.exch_ts[0])} to {int(rows.exch_ts[-1])} ns"


def _overlapping(first: Chunk, second: Chunk) -> Chunk | None:
    """Return two parts as one, the second of which begins with what the first ends with, or lies in it; None if it does neither.

    Trades that the Node alone sees, since they arrived out of exchange order, may stand in one part only: those of the day
    before arrive after the begin of the next. They stay, where the Node sees them.
    """
    is_late, late_second = (((rows.ev & KIND_MASK) == TRADE) & ((rows.ev & BOTH_BITS) == LOCAL_BIT) for rows in (first, second))
    places, begin = np.flatnonzero(~is_late), _picked(second, ~late_second)
    rest = _picked(first, ~is_late)
    if not len(begin.ev):
        return None
    wanted = _counted(_picked(first, is_late)) | _counted(_picked(second, late_second))
    for start in np.flatnonzero(_same(rest, begin, 0)).tolist():
        length = min(len(rest.ev) - start, len(begin.ev))
        if not all(_equal(_cut(rest, start, start + n), _cut(begin, 0, n)) for n in (min(length, _PROBE), length)):
            continue
        if len(rest.ev) - start >= len(begin.ev):
            whole = _with_late(first, wanted - _counted(_picked(first, is_late)))
        else:
            head = _cut(first, 0, int(places[start]))
            held = _counted(_picked(head, is_late[: len(head.ev)])) + _counted(_picked(second, late_second))
            whole = _concatenated(head, _with_late(second, wanted - held))
        late = ((whole.ev & KIND_MASK) == TRADE) & ((whole.ev & BOTH_BITS) == LOCAL_BIT)
        return whole if _counted(_picked(whole, late)) == wanted else None
    return None


def _counted(rows: Chunk) -> Counter[tuple[int, ...]]:
    """Return how often each row is there."""
    return Counter(zip(*(column.tolist() for column in rows if len(column)), strict=True))


def _with_late(rows: Chunk, late: Counter[tuple[int, ...]]) -> Chunk:
    """Put trades that the Node alone sees among rows, by local time; at equal time before them."""
    more = sorted(late.elements(), key=lambda row: (row[1], row[0]))
    if not more:
        return rows
    columns = [np.array(column, dtype=rows[i].dtype) for i, column in enumerate(zip(*more, strict=True))]
    seen = np.flatnonzero(rows.ev & LOCAL_BIT)
    places = np.append(seen, len(rows.ev))[np.searchsorted(rows.local_ts[seen], columns[1], side="left")]
    return as_chunk([np.insert(column, places, columns[i]) if len(column) else column for i, column in enumerate(rows)])


def _picked(rows: Chunk, mask: Any) -> Chunk:
    return Chunk(*(column[mask] if len(column) else column for column in rows))


def _has_own_book(rows: Chunk) -> bool:
    """Return whether rows begin with a book of their own: a CLEAR of both sides that both views see."""
    return int(rows.ev[0]) == CLEAR | NO_SIDE_BIT | BOTH_BITS


def _is_before(first: Chunk, second: Chunk) -> bool:
    for name, bit in (("exch_ts", EXCH_BIT), ("local_ts", LOCAL_BIT)):
        ends, begins = (getattr(rows, name)[(rows.ev & bit) != 0] for rows in (first, second))
        if len(ends) and len(begins) and int(ends.max()) > int(begins.min()):
            return False
    return True


def _joined_meta(old: TapeMeta, new: TapeMeta, rows: Chunk) -> TapeMeta:
    """Return what a day says that two conversions made."""
    counts = dict(old.source.get("counts") or {})
    for name, count in (new.source.get("counts") or {}).items():
        counts[name] = counts.get(name, 0) + count
    lists = {name: _united(old.source.get(name) or [], new.source.get(name) or []) for name in ("files", "warnings")}
    formats = _united([old.source.get("format")], [new.source.get("format")])
    clock = {**new.clock}
    for name in ("local_times_clamped", "rows_written_twice"):
        if name in old.clock or name in new.clock:
            clock[name] = old.clock.get(name, 0) + new.clock.get(name, 0)
    latency = (rows.local_ts - rows.exch_ts)[(rows.ev & BOTH_BITS) == BOTH_BITS]
    if len(latency):
        p1, median, p99 = (int(x) for x in np.percentile(latency, (1, 50, 99)))
        clock["feed_latency_ns"] = {"min": int(latency.min()), "p1": p1, "median": median, "p99": p99}
    source = {"format": ", ".join(map(str, formats)), "counts": counts, **lists}
    return replace(new, inferred=tuple(_united(list(old.inferred), list(new.inferred))), source=source, clock=clock)


def _united(one: list[Any], other: list[Any]) -> list[Any]:
    return [*one, *(item for item in other if item not in one)]


def _check_folder(folder: Path, instrument: Instrument, replaced: set[Path]) -> None:
    """Refuse to mix instruments (CONV-009), or sizes of one (CONV-017), in a folder: it could not be opened."""
    for path in sorted(folder.glob("*.parquet")):
        try:
            other = Tape.open(path).instrument
        except TapeError:
            continue  # not readable as a tape: not ours to judge, and it is not touched
        if path in replaced or other == instrument:
            continue
        if (other.venue, other.symbol) != (instrument.venue, instrument.symbol):
            raise ConvertError("CONV-009", f"{folder} holds {other.venue} {other.symbol}; choose another folder for {instrument.venue} {instrument.symbol}")
        names = [name for name in (item.name for item in fields(instrument)) if getattr(other, name) != getattr(instrument, name)]
        held = ", ".join(f"{name} {getattr(other, name)}" for name in names)
        raise ConvertError("CONV-017", f"{path} is of {held}; the new rows of {', '.join(f'{name} {getattr(instrument, name)}' for name in names)}")


def _days(rows: Chunk) -> Iterator[tuple[str, Chunk]]:
    """Cut rows at the first row that the Node sees on a new UTC day."""
    local = np.flatnonzero(rows.ev & LOCAL_BIT)
    times = rows.local_ts[local] if len(local) else rows.exch_ts
    day = times // NS_PER_DAY
    cuts = np.flatnonzero(day[1:] != day[:-1]) + 1
    starts = [0, *(int(local[cut]) if len(local) else int(cut) for cut in cuts), len(rows.ev)]
    firsts = [int(times[0]), *(int(times[cut]) for cut in cuts)]
    for first, start, stop in zip(firsts, starts[:-1], starts[1:], strict=True):
        yield datetime.fromtimestamp(first // NS_PER_S, UTC).strftime("%Y-%m-%d"), _cut(rows, start, stop)


def _same(rows: Chunk, other: Chunk, index: int) -> Any:
    """Return which rows [n] equal one row of another part."""
    found = np.ones(len(rows.ev), bool)
    for mine, theirs in zip(rows, other, strict=True):
        if len(mine) and len(theirs):
            found &= mine == theirs[index]
    return found


def _equal(one: Chunk, other: Chunk) -> bool:
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


def _concatenated(first: Chunk, second: Chunk) -> Chunk:
    return as_chunk([np.concatenate(pair) for pair in zip(first, second, strict=True)])


def _cut(rows: Chunk, start: int, stop: int) -> Chunk:
    return Chunk(*(column[start:stop] for column in rows))
