"""Conversion: captures of any known format in, a tape out."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from simcore.door.arguments import CALLABLE, PATH, TEXT, each, either, mapping, one_of, optional, public, record, whole
from simcore.door.files import real
from simcore.door.shown import on_terminal
from simcore.errors import ConvertError, TapeError
from simcore.records import LOCAL_BIT, Chunk
from simcore.tape.convert.assemble import Assembled, assemble
from simcore.tape.convert.base import CLOCKS, FORMATS, ConvertOptions, Source
from simcore.tape.read import Tape
from simcore.tape.schema import Instrument, TapeMeta
from simcore.tape.write import TapeWriter
from simcore.units import NS_PER_DAY, NS_PER_S

Progress = Callable[[str, float], None]  # what is being done, and the share of the whole that is done

__all__ = ["FORMATS", "ConvertOptions", "ConvertReport", "Source", "convert"]


_TEXTS = ("symbol", "venue", "kind", "tick_size", "lot_size", "contract_size", "maker_rate", "taker_rate")
_OPTIONS = record(
    "ConvertOptions", "ConvertOptions(…)", **dict.fromkeys(_TEXTS, optional(TEXT)), clock=one_of(*CLOCKS), min_latency_us=whole(0, 1 << 53),
    extra=mapping(TEXT),
)  # fmt: skip


@dataclass(frozen=True)
class ConvertReport:
    """What a conversion made. bytes: of all files. clock: see docs/tapes.md, "Clocks"."""

    files: tuple[Path, ...]
    rows: int
    bytes: int
    level: str
    instrument: Instrument
    inferred: tuple[str, ...]
    clock: dict[str, Any]
    counts: dict[str, int]
    warnings: tuple[str, ...]

    @property
    def bytes_per_row(self) -> float:
        """Size on disk per row."""
        return self.bytes / self.rows

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as for JSON."""
        return asdict(self) | {"files": [str(path) for path in self.files], "bytes_per_row": round(self.bytes_per_row, 3)}


@public(sources=either(PATH, each(PATH)), fmt=TEXT, out=PATH, options=optional(_OPTIONS), progress=optional(CALLABLE))
def convert(
    sources: Sequence[str | Path] | str | Path,
    fmt: str,
    out: str | Path,
    options: ConvertOptions | None = None,
    progress: Progress | None = None,
) -> ConvertReport:
    """Convert files, given in time order, into one tape.

    out  a path that ends in .parquet is one file; any other is a folder with one file a UTC day of local time.
    Nothing is written unless everything converts. ConvertError CONV-001 to CONV-009, TapeError TAPE-011.
    """
    options = options or ConvertOptions()
    tell = progress or _say_nothing
    if fmt not in FORMATS:
        raise ConvertError("CONV-008", f"{fmt!r}; known are {', '.join(sorted(FORMATS))}")
    paths = [Path(source) for source in ([sources] if isinstance(sources, (str, Path)) else sources)]
    if not paths:
        raise ConvertError("CONV-001", "no source was named")
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise ConvertError("CONV-001", f"{', '.join(missing)}: no such file or folder")
    target = Path(out)
    _check_target(target, paths)
    tell("read", 0.0)
    source: Source = importlib.import_module(FORMATS[fmt]).read(paths, options)
    tell("assemble", 0.6)
    made = assemble(source, options, fmt)
    tell("write", 0.8)
    level = source.level
    del source
    meta = TapeMeta(
        made.instrument, level, made.inferred,
        source={"format": fmt, "files": _hashes(paths), "counts": made.counts, "warnings": made.warnings}, clock=made.clock,
    )  # fmt: skip
    files = _write(made, meta, target)
    tell("done", 1.0)
    return ConvertReport(
        files=tuple(files), rows=len(made.rows.ev), bytes=sum(path.stat().st_size for path in files), level=level,
        instrument=made.instrument, inferred=made.inferred, clock=made.clock, counts=made.counts, warnings=tuple(made.warnings),
    )  # fmt: skip


def _check_target(target: Path, sources: Sequence[Path]) -> None:
    if any(real(target) == real(path) for path in sources):
        raise ConvertError("CONV-009", f"{target} is a source of this conversion")
    is_file = target.suffix == ".parquet"
    if target.is_dir() if is_file else target.exists() and not target.is_dir():
        raise ConvertError("CONV-009", f"{target} exists and is {'a folder' if is_file else 'no folder'}")


def _write(made: Assembled, meta: TapeMeta, target: Path) -> list[Path]:
    """Write the file, or the days of the folder: all of them or none."""
    if target.suffix == ".parquet":
        parts = [(target, made.rows)]
    else:
        _check_folder(target, made.instrument)
        parts = [(target / f"{day}.parquet", rows) for day, rows in _days(made.rows)]
    with ExitStack() as undo:
        writers = []
        for path, rows in parts:
            writer = TapeWriter(path, meta)
            undo.callback(writer.abort)
            writer.append(rows)
            writer.finish()
            writers.append(writer)
        for writer in writers:
            writer.close()
    return [path for path, _ in parts]


def _check_folder(folder: Path, instrument: Instrument) -> None:
    """Refuse to mix instruments in one folder."""
    for path in sorted(folder.glob("*.parquet")):
        try:
            other = Tape.open(path).instrument
        except TapeError:
            continue  # not readable as a tape: not ours to judge, and it is not touched
        if (other.venue, other.symbol) != (instrument.venue, instrument.symbol):
            raise ConvertError("CONV-009", f"{folder} holds {other.venue} {other.symbol}; choose another folder for {instrument.symbol}")


def _days(rows: Chunk) -> list[tuple[str, Chunk]]:
    """Cut rows at the first row that the Node sees on a new UTC day."""
    local = np.flatnonzero(rows.ev & LOCAL_BIT)
    times = rows.local_ts[local] if len(local) else rows.exch_ts
    day = times // NS_PER_DAY
    cuts = np.flatnonzero(day[1:] != day[:-1]) + 1
    starts = [0, *(int(local[cut]) if len(local) else int(cut) for cut in cuts), len(rows.ev)]
    firsts = [int(times[0]), *(int(times[cut]) for cut in cuts)]
    return [
        (datetime.fromtimestamp(first // NS_PER_S, UTC).strftime("%Y-%m-%d"), Chunk(*(column[start:stop] for column in rows)))
        for first, start, stop in zip(firsts, starts[:-1], starts[1:], strict=True)
    ]


def _hashes(paths: Sequence[Path]) -> list[list[str]]:
    """Return [name, SHA-256] of every source file."""
    found = []
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            with file.open("rb") as stream:
                found.append([on_terminal(file.name), hashlib.file_digest(stream, "sha256").hexdigest()])
    return found


def _say_nothing(_what: str, _share: float) -> None:
    """Report nothing."""
