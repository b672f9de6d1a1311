"""Conversion: captures of any known format in, a tape out."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simcore.door.arguments import (
    CALLABLE,
    FLAG,
    PATH,
    TEXT,
    each,
    either,
    mapping,
    one_of,
    optional,
    public,
    record,
    whole,
)
from simcore.door.files import real
from simcore.door.shown import on_terminal
from simcore.errors import ConvertError
from simcore.tape.convert.assemble import assemble
from simcore.tape.convert.base import CLOCKS, FORMATS, ConvertOptions, Source
from simcore.tape.convert.folder import write_tape
from simcore.tape.schema import Instrument, TapeMeta

Progress = Callable[[str, float], None]  # what is being done, and the share of the whole that is done

_PATHS = ("files", "unchanged", "extended")

__all__ = ["FORMATS", "ConvertOptions", "ConvertReport", "Source", "convert"]


_TEXTS = ("symbol", "venue", "kind", "tick_size", "lot_size", "contract_size", "maker_rate", "taker_rate", "base", "quote")
_OPTIONS = record(
    "ConvertOptions", "ConvertOptions(…)", **dict.fromkeys(_TEXTS, optional(TEXT)), clock=one_of(*CLOCKS), min_latency_us=whole(0, 1 << 53),
    extra=mapping(TEXT),
)  # fmt: skip


@dataclass(frozen=True)
class ConvertReport:
    """What a conversion made. bytes: of all files. clock: see docs/tapes.md, "Clocks".

    files: those that hold the rows now; unchanged: of these, those that held them already; extended: those that were there and grew.
    """

    files: tuple[Path, ...]
    unchanged: tuple[Path, ...]
    extended: tuple[Path, ...]
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
        return asdict(self) | {name: [str(path) for path in getattr(self, name)] for name in _PATHS} | {"bytes_per_row": round(self.bytes_per_row, 3)}


@public(sources=either(PATH, each(PATH)), fmt=TEXT, out=PATH, options=optional(_OPTIONS), progress=optional(CALLABLE), replace=FLAG)
def convert(
    sources: Sequence[str | Path] | str | Path,
    fmt: str,
    out: str | Path,
    options: ConvertOptions | None = None,
    progress: Progress | None = None,
    *,
    replace: bool = False,
) -> ConvertReport:
    """Convert files, given in time order, into one tape.

    out  a path that ends in .parquet is one file; any other is a folder with one file a UTC day of local time.
    replace  put the new file or days in the place of those that are there and differ; else they are refused. A day that goes on
    is extended. Nothing is written unless everything converts. ConvertError CONV-nnn, TapeError TAPE-011.
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
    written = write_tape(made.rows, meta, target, replace)
    tell("done", 1.0)
    return ConvertReport(
        **{name: getattr(written, name) for name in _PATHS}, rows=len(made.rows.ev),
        bytes=sum(path.stat().st_size for path in written.files), level=level,
        instrument=made.instrument, inferred=made.inferred, clock=made.clock, counts=made.counts, warnings=tuple(made.warnings),
    )  # fmt: skip


def _check_target(target: Path, sources: Sequence[Path]) -> None:
    if any(real(target) == real(path) for path in sources):
        raise ConvertError("CONV-009", f"{target} is a source of this conversion")
    is_file = target.suffix == ".parquet"
    if target.is_dir() if is_file else target.exists() and not target.is_dir():
        raise ConvertError("CONV-009", f"{target} exists and is {'a folder' if is_file else 'no folder'}")


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
