"""Many parameter sets in one pass over a tape: what each of them would have made, without journals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simcore import engine
from simcore.config.model import Config
from simcore.door.arguments import CALLABLE, CONFIG, PATH, TAPE, each, either, number, optional, public
from simcore.errors import ConfigError
from simcore.params import instrument_scale
from simcore.records import IntArray, Record
from simcore.tape.read import Tape, opened
from simcore.units import NS_PER_MS

# What all lanes of a pass have in common: they see the same rows through the same books, with the same code.
SHARED = (
    "strategy.name", "run.from_ts", "run.to_ts", "run.repeat", "book.window_ticks", "node.sample_interval_ms",
)  # fmt: skip


@dataclass(frozen=True)
class LaneRun:
    """Results of K lanes.

    lanes           [K] final records (`simcore.kernels.state.LANE`): money in cash units, quantities in lots.
    curve_ts        [n] ends of intervals, ns since 1970; the last one is the run's end.
    equity_units    [K, n] equity at the Node's mid, cash units, at a lane's first sample at or after each end.
    position_lots   [K, n] the Node's position there.
    mid2            [K] best bid + best ask of the local book at a lane's last sample, which values its final position
                    (`simcore.report.folder.last_mid`); 0 if it never had a sample.
    cash_unit       cash of one unit.
    rows, wall_s    rows of the tape; seconds of the pass.
    """

    lanes: Record
    curve_ts: IntArray
    equity_units: IntArray
    position_lots: IntArray
    mid2: IntArray
    cash_unit: float
    rows: int
    wall_s: float


def shared_key(config: Config) -> tuple[object, ...]:
    """Return what a configuration must have in common with the others of its pass; equal keys may ride together."""
    values: list[object] = []
    for key in SHARED:
        section, name = key.split(".")
        values.append(getattr(getattr(config, section), name))
    model = config.venue.queue_model
    return (*values, model if model.endswith(".py") else None)


@public(tape=either(TAPE, PATH), configs=each(CONFIG), curve_ms=number(0.001, 1e15), progress=optional(CALLABLE))
def run_lanes(
    tape: Tape | Path | str, configs: Sequence[Config], *, curve_ms: float = 60_000.0, progress: Callable[[engine.Progress], None] | None = None
) -> LaneRun:
    """Play all configurations over a tape in one pass; each comes out as it would alone. Raises MmsimError.

    curve_ms  interval of the equity curves.  CONF-003: there are no configurations, or they differ in what lanes share.
    """
    tape = opened(tape)
    if not configs:
        raise ConfigError("CONF-003", "lanes: there is no configuration to play")
    first = shared_key(configs[0])
    for lane, config in enumerate(configs):
        for name, ours, theirs in zip((*SHARED, "venue.queue_model"), first, shared_key(config), strict=True):
            if ours != theirs:
                raise ConfigError("CONF-003", f"{name}: lane {lane} has {theirs!r}, lane 0 {ours!r}; lanes of one pass share it")
    step_ns = max(round(curve_ms * NS_PER_MS), 1)
    outcome = engine.simulate(tape, configs, journal=False, curve_ns=step_ns, progress=progress)
    start_ts, end_ts = engine.window(tape, configs[0])
    ends = curve_ends(start_ts, end_ts, step_ns)
    samples = outcome.journal.rows("samples")
    equity, position = curves_at(samples, ends, len(configs))
    unit = float(instrument_scale(tape.instrument).unit)
    lanes = outcome.state.lanes.copy()
    return LaneRun(lanes, ends, equity, position, _last_mids(samples, lanes, start_ts), unit, outcome.rows, outcome.wall_s)


def curve_ends(start_ts: int, end_ts: int, step_ns: int) -> IntArray:
    """Return the ends of the intervals of an equity curve, ns since 1970; the last is the run's end."""
    return np.append(np.arange(start_ts + step_ns, end_ts, step_ns, dtype=np.int64), end_ts)


def curves_at(samples: Record, ends: IntArray, lanes: int) -> tuple[IntArray, IntArray]:
    """Return equity and position [K, n] at the interval ends; before a lane's first sample both are 0."""
    equity, position = np.zeros((lanes, len(ends)), np.int64), np.zeros((lanes, len(ends)), np.int64)
    order = np.argsort(samples["lane"], kind="stable")
    bounds = np.searchsorted(samples["lane"][order], np.arange(lanes + 1))
    for lane in range(lanes):
        rows = samples[order[bounds[lane] : bounds[lane + 1]]]
        if len(rows) == 0:
            continue
        place = np.searchsorted(rows["ts"], ends, side="left")  # the first at or after an end, else the last there is
        place = np.minimum(place, len(rows) - 1)
        equity[lane], position[lane] = rows["equity_units"][place], rows["position_lots"][place]
    return equity, position


def _last_mids(samples: Record, lanes: Record, start_ts: int) -> IntArray:
    """Return bid + ask of each lane's last sample.

    The end of a run is sampled, and kept, unless its book has no mid then. The last sample may in that case be one that
    was not kept: the features, which are renewed at each of them, hold its mid if they are on.
    """
    mids = np.zeros(len(lanes), np.int64)
    mids[samples["lane"]] = samples["bid_ticks"] + samples["ask_ticks"]  # in time order: the last one stays
    kept = np.zeros(len(lanes), np.int64)
    kept[samples["lane"]] = samples["ts"]
    later = (kept != lanes["last_sample_ns"] + start_ts) & (mids != 0) & (lanes["mark_mid2"] != 0)
    return np.where(later, lanes["mark_mid2"], mids)
