"""Write synthetic tapes: `synth(spec, out)` is what `mmsim tape synth` calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np

from simcore.door.arguments import CALLABLE, FLAG, PATH, TEXT, made_by, optional, public
from simcore.errors import ConfigError, ConvertError, TapeError
from simcore.files import symbol_name
from simcore.records import CLEAR, KIND_MASK, Chunk
from simcore.tape.read import Tape
from simcore.tape.schema import Instrument, TapeMeta
from simcore.tape.synth_run import flow_chunks
from simcore.tape.synth_spec import PRESETS, SynthSpec
from simcore.tape.write import TapeWriter
from simcore.units import NS_PER_DAY, NS_PER_S

VIEWS = ("l2", "l3", "both")
MACHINERY = ("chunk_rows",)  # fields that change no row, so tapes do not name them


@dataclass(frozen=True)
class SynthTape:
    """A tape that was written, and what it says about itself."""

    path: Path
    meta: TapeMeta


@public(preset=TEXT)
def preset_spec(preset: str = "small-tick-thin", **changes: Any) -> SynthSpec:
    """Return a preset with some fields changed. ConfigError CONF-003 for an unknown preset or a bad value."""
    if preset not in PRESETS:
        raise ConfigError("CONF-003", f"synth preset {preset!r}, expected one of {', '.join(PRESETS)}")
    unknown = changes.keys() - {item.name for item in fields(SynthSpec)}
    if unknown:
        raise ConfigError("CONF-003", f"synth {', '.join(sorted(unknown))}: not a parameter (docs/synthetic.md)")
    return replace(PRESETS[preset], **changes)


@public(spec=made_by("SynthSpec", "a SynthSpec (`preset_spec`)"), out=PATH, level=TEXT, progress=optional(CALLABLE), replace_files=FLAG)
def synth(
    spec: SynthSpec, out: str | Path, level: str = "l2", progress: Callable[[int, int], None] | None = None, *, replace_files: bool = False
) -> tuple[SynthTape, ...]:
    """Write the tapes of a spec into folder `out`, one file a UTC day and view, and return them in order.

    level     "l2", "l3", or "both": two views of the same flow.
    progress  called with (rows so far, simulated ns so far) after each chunk.
    replace_files  put tapes in the place of those that are there and differ; else they are refused.
    Raises ConfigError CONF-003 (level, spec), ConvertError CONV-016 and what TapeWriter raises. Memory does not depend on the length.
    """
    if level not in VIEWS:
        raise ConfigError("CONF-003", f"synth level {level!r}, expected one of {', '.join(VIEWS)}")
    names = ("l2", "l3") if level == "both" else (level,)
    rows = 0
    with ExitStack() as stack:
        files = {name: stack.enter_context(_DayFiles(spec, Path(out), name, replace_files)) for name in names}
        for l2, l3 in flow_chunks(spec, "l2" in names, "l3" in names):
            chunks = {"l2": l2, "l3": l3}
            for name, days in files.items():
                days.append(chunks[name])
                rows += len(chunks[name].ev)
            if progress is not None:
                progress(rows, int(chunks[names[0]].exch_ts[-1]) - spec.start_ns)
        for days in files.values():
            days.finish()
        return tuple(tape for days in files.values() for tape in days.publish())


def tape_meta(spec: SynthSpec, level: str) -> TapeMeta:
    """Return the metadata of a tape of this spec: the instrument, and every parameter of the flow."""
    instrument = Instrument(
        venue="SYNTH", symbol=spec.symbol, kind=spec.kind, tick_size=spec.tick_size, lot_size=spec.lot_size,
        contract_size=spec.contract_size, base=spec.base, quote=spec.quote,
        maker_rate=spec.maker_rate, taker_rate=spec.taker_rate,
    )  # fmt: skip
    fields = {name: value for name, value in asdict(spec).items() if name not in MACHINERY}
    return TapeMeta(instrument, level, source={"format": "synth", "spec": fields}, synthetic=True)


def tape_name(spec: SynthSpec, ts_ns: int, level: str) -> str:
    """Return the file name of the tape whose day holds ts_ns."""
    day = datetime.fromtimestamp(ts_ns // NS_PER_S, UTC).strftime("%Y%m%d")
    return f"{symbol_name(spec.symbol)}-{day}-{level}.parquet"


class _DayFiles:
    """The files of one view, one a UTC day; each starts with its day's snapshot. They appear when all of them are complete."""

    def __init__(self, spec: SynthSpec, out: Path, level: str, replace_files: bool) -> None:
        self.spec = spec
        self.out = out
        self.level = level
        self.replace_files = replace_files
        self._writers: list[TapeWriter] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.abort()

    def append(self, chunk: Chunk) -> None:
        """Append rows; a file ends where the next day's snapshot starts."""
        for piece, is_new_day in _cut_days(chunk):
            if not self._writers or is_new_day:
                self.finish()
                name = tape_name(self.spec, int(piece.exch_ts[0]), self.level)
                self._writers.append(TapeWriter(self.out / name, tape_meta(self.spec, self.level)))
            self._writers[-1].append(piece)

    def finish(self) -> None:
        """Complete the file that is being written, if any."""
        if self._writers:
            self._writers[-1].finish()
            if not self.replace_files:
                _refuse_other(self._writers[-1])

    def publish(self) -> list[SynthTape]:
        """Put all files in their places."""
        return [SynthTape(writer.path, writer.close()) for writer in self._writers]


def _refuse_other(writer: TapeWriter) -> None:
    """Refuse to write over a file that holds something else. CONV-016."""
    if not writer.path.exists():
        return
    content_hash = writer.finish().content_hash
    try:
        held = Tape.open(writer.path).content_hash
    except TapeError as exc:
        raise ConvertError("CONV-016", f"{writer.path}: {exc.cause}") from exc
    if held != content_hash:
        raise ConvertError("CONV-016", f"{writer.path}: it holds other rows, or another instrument's (content hash {held[:12]}…, now {content_hash[:12]}…)")


def _cut_days(chunk: Chunk) -> Iterator[tuple[Chunk, bool]]:
    """Yield (rows, whether they start a UTC day with its snapshot)."""
    starts = np.flatnonzero(((chunk.ev & KIND_MASK) == CLEAR) & (chunk.exch_ts % NS_PER_DAY == 0)).tolist()
    cuts = [0, *starts, len(chunk.ev)]
    for lo, hi in pairwise(cuts):
        if lo < hi:
            yield Chunk(*(column[lo:hi] for column in chunk)), lo in starts
