"""Fill bands: a run in three queue worlds at once, of which the run itself is the one in the middle.

Nobody sees the queue on a tape of levels: which of the cancelled lots stood ahead of our order is a guess, and the queue
model makes it. The optimistic world takes the guess best for us, the pessimistic one the worst. For one and the same order
these bound every guess (docs/sweeps.md); profits they need not bound, since what is filled changes what is quoted next.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from simcore import engine, manifest, parquet
from simcore.arrow import column_of
from simcore.calibrate.sweeps.single import one_instrument, with_keys
from simcore.config.model import QUEUE_MODELS, Config
from simcore.door.arguments import CALLABLE, CONFIG, FLAG, PATH, TAPES, made_by, optional, public
from simcore.errors import CalibrateError, JournalError
from simcore.files import write_atomic, write_text
from simcore.journal.store import JournalStore, from_table, to_table
from simcore.kernels import state as st
from simcore.lanes import curve_ends, curves_at
from simcore.portfolio.members import Source
from simcore.records import SAMPLE, Record
from simcore.report.band import CURVES, FILE, WORLDS
from simcore.units import NS_PER_MS

ALL_AHEAD = ("power3", 1e-12)  # 1 − x^n is 0 for n → 0: each cancelled lot stood ahead of us
ALL_BEHIND = ("risk_averse", 1.0)  # only trades take lots off the queue ahead
AT_FRONT = ("front", 1.0)  # nobody is ever ahead of us
DECLARES = "SPLITS_CANCELS"  # = True in a queue-model file: it does no more than split cancelled lots between ahead and behind
_POINTS = 2000  # of the kept curves, at most: a picture shows no more


@dataclass(frozen=True)
class Bounds:
    """The two worlds around a run: queue model and exponent (`venue.queue_model`, `venue.queue_n`) of each."""

    optimistic: tuple[str, float]
    pessimistic: tuple[str, float]


def bounds_of(model: str) -> Bounds:
    """Return the worlds that bound a queue model's.

    Models that split each cancelled lot between ahead and behind, and exact FIFO, lie between all ahead and all behind. Pro
    rata fills without a queue, `front` knows none, and a file's model may do anything unless it declares that it only splits
    cancels: only the front bounds them.
    """
    splits = splits_cancels(Path(model)) if model.endswith(".py") else model not in ("front", "pro_rata")
    return Bounds(ALL_AHEAD if splits else AT_FRONT, ALL_BEHIND)


def splits_cancels(file: Path) -> bool:
    """Return whether a queue-model file says `SPLITS_CANCELS = True`, outside of any function. It is read, not run."""
    try:
        lines = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError, ValueError):  # the linker, which comes next, refuses such a file and says why
        return False
    said = [line.value for line in lines if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == DECLARES]
    return bool(said) and isinstance(said[-1], ast.Constant) and said[-1].value is True


def parse_bounds(text: str) -> Bounds:
    """Return the worlds of OPTIMISTIC,PESSIMISTIC, each MODEL or MODEL:N, N the exponent of a power model. CAL-005."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2:
        raise CalibrateError("CAL-005", f"--band-models {text}: expected two models, OPTIMISTIC,PESSIMISTIC")
    first, second = (_model(part, text) for part in parts)
    return Bounds(first, second)


def _model(part: str, text: str) -> tuple[str, float]:
    name, colon, exponent = part.partition(":")
    if name not in QUEUE_MODELS:
        raise CalibrateError("CAL-005", f"--band-models {text}: {name!r} is not one of {', '.join(QUEUE_MODELS)}")
    try:
        return name, float(exponent) if colon else 3.0
    except ValueError:
        raise CalibrateError("CAL-005", f"--band-models {text}: {exponent!r} is not a number") from None


@public(
    tapes=TAPES, config=optional(CONFIG), out=optional(PATH), bounds=optional(made_by("Bounds", "Bounds (`parse_bounds`)")), resume=FLAG,
    progress=optional(CALLABLE),
)
def replay_band(
    tapes: Sequence[Source] | Source, config: Config | None = None, out: Path | str | None = None, *,
    bounds: Bounds | None = None, resume: bool = False, progress: engine.ProgressCallback | None = None,
) -> Path:  # fmt: skip
    """Replay tapes of one symbol in three queue worlds; write the run folder of the configured one, with a band beside it.

    The run is the one that `replay` makes, to the byte of its journal. bounds None: `bounds_of` its queue model. Raises MmsimError:
    CAL-002 not one symbol, CAL-005 a world cannot be built, JRNL-003 the run to resume has another band or none.
    """
    tape, config = one_instrument(tapes, config or Config())
    chosen = bounds or bounds_of(config.venue.queue_model)
    worlds = [with_keys(config, _keys(*model)) for model in (chosen.optimistic, chosen.pessimistic)]
    start_ts, end_ts = engine.window(tape, config)
    step_ns = max(-(-(end_ts - start_ts) // _POINTS), round(config.node.sample_interval_ms * NS_PER_MS), 1)
    with manifest.claimed(Path(out) if out is not None else None, config.strategy.name, tape.instrument.symbol) as folder:
        store = BandStore(folder, start_ts, step_ns)
        one = engine.Run(tape, config, folder, store, resume=resume, progress=progress, beside=worlds, curve_ns=step_ns)
        one.until(st.NEVER)
        write_band(folder, one, store, worlds)
        one.finish()
    return folder


def _keys(model: str, exponent: float) -> dict[str, Any]:
    """Return what a world has other than the run; it is traced nowhere."""
    return {"venue.queue_model": model, "venue.queue_n": exponent, "node.trace_every": 0}


class BandStore(JournalStore):
    """The journal of lane 0 alone, and a sample of each lane each `step_ns` from start_ts on; the last one always."""

    def __init__(self, run_dir: Path | None, start_ts: int, step_ns: int) -> None:
        super().__init__(run_dir)
        self._start_ts, self.step_ns = start_ts, step_ns
        self._kept: list[Record] = []
        self._last: dict[int, Record] = {}

    def add(self, stream: str, rows: Record) -> None:
        """Take the next rows of a stream, of all lanes."""
        if stream == "samples":
            for lane in np.unique(rows["lane"]):
                self._keep(int(lane), rows[rows["lane"] == lane])
        super().add(stream, rows[rows["lane"] == 0])

    def flush(self) -> None:
        """Write pending rows, and the samples of all lanes so far: a checkpoint that follows can be resumed."""
        super().flush()
        if self.folder is not None and self._last:
            self._write(self.folder / _KEPT, to_table(self.band_samples()), SAMPLE)

    def resume(self, segments: dict[str, list[str]]) -> None:
        """Go on after the given segments. Samples that come again are the same ones."""
        super().resume(segments)
        assert self.folder is not None, "a run without a folder cannot be resumed"
        path = self.folder / _KEPT
        if not path.exists():  # nothing was sampled yet
            return
        try:
            self._kept = [from_table(parquet.read_table(path), SAMPLE)]
        except (OSError, pa.ArrowException, ValueError) as exc:
            raise JournalError("JRNL-008", f"{path}: {exc}") from exc

    def band_samples(self) -> Record:
        """Return the samples of all lanes, by lane and time, each once."""
        rows = np.concatenate([np.zeros(0, SAMPLE), *self._kept, *self._last.values()])
        _, first = np.unique(rows[["lane", "ts"]], return_index=True)
        return rows[first]

    def _keep(self, lane: int, rows: Record) -> None:
        """Keep the first sample of each interval."""
        place = (rows["ts"] - self._start_ts) // self.step_ns
        before = (self._last[lane]["ts"] - self._start_ts) // self.step_ns if lane in self._last else [-1]
        self._kept.append(rows[place != np.concatenate([before, place[:-1]])].copy())
        self._last[lane] = rows[-1:].copy()


_KEPT = ".band.parquet"  # in the journal's folder while a run goes


def write_band(folder: Path, one: engine.Run, store: BandStore, worlds: Sequence[Config]) -> None:
    """Write band.parquet (equity of the worlds at common times) and band.json (their models and counters). JRNL-005."""
    samples = store.band_samples()
    configs = dict(zip(_LANES, (one.config, *worlds), strict=True))
    start_ts, end_ts = engine.window(one.tape, one.config)
    ends = curve_ends(start_ts, end_ts, store.step_ns)
    equity, position = curves_at(samples, ends, len(configs))
    table = pa.table({"ts": column_of(ends)} | {
        f"{world}_{name}": column_of(values[_LANES.index(world)]) for name, values in (("equity_units", equity), ("position_lots", position)) for world in WORLDS
    })  # fmt: skip
    told = []
    for world in WORLDS:
        lane, venue = _LANES.index(world), configs[world].venue
        own = samples[samples["lane"] == lane]
        counts = manifest.counts(one.session.state, lane, one.session.rows_played, 0.0)
        del counts["wall_s"]
        mid2 = int(own[-1]["bid_ticks"] + own[-1]["ask_ticks"]) if len(own) else 0
        told.append({"world": world, "queue_model": venue.queue_model, "queue_n": venue.queue_n, "mid2": mid2, "counts": counts})
    note = {"curve_ns": store.step_ns, "worlds": told}
    try:
        write_atomic(folder / CURVES, lambda temporary: parquet.write_table(table, temporary))
        write_text(folder / FILE, json.dumps(note, indent=2, allow_nan=False) + "\n")
    except OSError as exc:
        raise JournalError("JRNL-005", f"{exc.filename or folder}: {exc.strerror or exc}") from exc


_LANES = ("estimated", "optimistic", "pessimistic")  # lane 0 is the run
