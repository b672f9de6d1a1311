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

from simcore.door.arguments import CALLABLE, PATH, TEXT, made_by, optional, public
from simcore.errors import ConfigError
from simcore.records import CLEAR, KIND_MASK, Chunk
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


@public(spec=made_by("SynthSpec", "a SynthSpec (`preset_spec`)"), out=PATH, level=TEXT, progress=optional(CALLABLE))
def synth(
    spec: SynthSpec, out: str | Path, level: str = "l2", progress: Callable[[int, int], None] | None = None
) -> tuple[SynthTape, ...]:
    """Write the tapes of a spec into folder `out`, one file a UTC day and view, and return them in order.

    level     "l2", "l3", or "both": two views of the same flow.
    progress  called with (rows so far, simulated ns so far) after each chunk.
    Raises ConfigError CONF-003 (level, spec) and what TapeWriter raises. Memory does not depend on the length.
    """
    if level not in VIEWS:
        raise ConfigError("CONF-003", f"synth level {level!r}, expected one of {', '.join(VIEWS)}")
    names = ("l2", "l3") if level == "both" else (level,)
    rows = 0
    with ExitStack() as stack:
        files = {name: stack.enter_context(_DayFiles(spec, Path(out), name)) for name in names}
        for l2, l3 in flow_chunks(spec, "l2" in names, "l3" in names):
            chunks = {"l2": l2, "l3": l3}
            for name, days in files.items():
                days.append(chunks[name])
                rows += len(chunks[name].ev)
            if progress is not None:
                progress(rows, int(chunks[names[0]].exch_ts[-1]) - spec.start_ns)
    return tuple(tape for days in files.values() for tape in days.tapes)


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
    return f"{spec.symbol.lower()}-{day}-{level}.parquet"


class _DayFiles:
    """The files of one view, one a UTC day; each starts with its day's snapshot."""

    def __init__(self, spec: SynthSpec, out: Path, level: str) -> None:
        self.spec = spec
        self.out = out
        self.level = level
        self.tapes: list[SynthTape] = []
        self._writer: TapeWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None:
            if kind is None:
                self._close()
            else:
                self._writer.abort()

    def append(self, chunk: Chunk) -> None:
        """Append rows; a file ends where the next day's snapshot starts."""
        for piece, is_new_day in _cut_days(chunk):
            if self._writer is None or is_new_day:
                self._close()
                name = tape_name(self.spec, int(piece.exch_ts[0]), self.level)
                self._writer = TapeWriter(self.out / name, tape_meta(self.spec, self.level))
            self._writer.append(piece)

    def _close(self) -> None:
        if self._writer is not None:
            self.tapes.append(SynthTape(self._writer.path, self._writer.close()))
            self._writer = None


def _cut_days(chunk: Chunk) -> Iterator[tuple[Chunk, bool]]:
    """Yield (rows, whether they start a UTC day with its snapshot)."""
    starts = np.flatnonzero(((chunk.ev & KIND_MASK) == CLEAR) & (chunk.exch_ts % NS_PER_DAY == 0)).tolist()
    cuts = [0, *starts, len(chunk.ev)]
    for lo, hi in pairwise(cuts):
        if lo < hi:
            yield Chunk(*(column[lo:hi] for column in chunk)), lo in starts
