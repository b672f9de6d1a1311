"""One configuration at several latencies or fees, in one pass over the tape: profit with intervals, and where it ends.

Each point is a lane: it trades on its own, so a slower maker is not only paid later, it quotes and is filled otherwise.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from simcore import engine
from simcore.calibrate.intervals import (
    LEVEL,
    REPETITIONS,
    Interval,
    block_bootstrap_mean,
    block_means,
    interval_block,
    widening,
)
from simcore.calibrate.outcomes import counts_of
from simcore.calibrate.sweeps.single import one_instrument, with_keys
from simcore.config.build import build_config, config_hash
from simcore.config.model import LATENCY_KINDS, Config, FeeTier
from simcore.config.venue import profile
from simcore.door.arguments import (
    CALLABLE,
    CONFIG,
    NUMBER,
    TAPES,
    TEXT,
    each,
    number,
    optional,
    pair,
    public,
    record,
    whole,
)
from simcore.errors import CalibrateError, ConfigError
from simcore.lanes import LaneRun, run_lanes
from simcore.portfolio.members import Source
from simcore.records import FloatArray
from simcore.report.folder import money_of
from simcore.report.warnings import outside
from simcore.tape.read import Tape
from simcore.units import NS_PER_S

LATENCIES_MS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
LATENCY, FEES = "latency", "fees"
AXES = {LATENCY: ("ms",), FEES: ("maker_bps", "taker_bps")}
_INTERVALS = 200  # of a short window; a longer one has one a minute
_INTERVAL_MS_MAX = 60_000.0
_BPS = 1e4


@dataclass(frozen=True)
class Point:
    """What the strategy makes at one setting. Money in the tape's cash.

    values   the setting by axis.  net: profit after fees, with its interval.  net_bps: that over the turnover, None without
    fills.  change: net less that of the first point, drawn with the same blocks: far better known than either.
    """

    values: Mapping[str, float]
    net: Interval
    net_bps: Interval | None
    change: Interval
    fills: int
    maker_fills: int
    taker_fills: int
    taker_share: float | None
    orders: int
    turnover: float
    fees: float
    max_drawdown: float


@dataclass(frozen=True)
class Crossing:
    """A setting at which profit changes its sign, interpolated between two points, and its interval if it is the only one.

    low, high  ends of the interval; None where it reaches beyond the points that were played.
    share      of the resamples that change their sign between the points; None without an interval.
    """

    values: Mapping[str, float]
    from_sign: int
    low: Mapping[str, float] | None = None
    high: Mapping[str, float] | None = None
    share: float | None = None


@dataclass(frozen=True)
class Sweep:
    """A finished sweep. kind: LATENCY or FEES; interval_s: length of the equity changes that the intervals rest on."""

    kind: str
    points: tuple[Point, ...]
    crossings: tuple[Crossing, ...]
    warnings: tuple[str, ...]
    legs: tuple[str, ...]
    instrument: Mapping[str, str]
    strategy: str
    cash: str
    start_ts: int
    end_ts: int
    interval_s: float
    intervals: int
    block: int
    repetitions: int
    seed: int
    level: float
    rows: int
    wall_s: float
    tapes: tuple[Mapping[str, str], ...]
    config_hash: str


@dataclass(frozen=True)
class Drawing:
    """How intervals are made: see `simcore.calibrate.intervals`. interval_s None: a minute, less on short tapes."""

    interval_s: float | None = None
    repetitions: int = REPETITIONS
    seed: int = 1
    level: float = LEVEL


_DRAWING = record(
    "Drawing", "a Drawing(…)", interval_s=optional(number(0.0, 1e9)), repetitions=whole(1, 10_000_000), seed=whole(0), level=number(0.0, 1.0)
)


@public(tapes=TAPES, config=optional(CONFIG), ms=each(NUMBER), legs=each(TEXT), drawing=_DRAWING, progress=optional(CALLABLE))
def sweep_latency(
    tapes: Sequence[Source] | Source, config: Config | None = None, ms: Sequence[float] = LATENCIES_MS,
    legs: Sequence[str] = LATENCY_KINDS, drawing: Drawing = Drawing(), progress: engine.ProgressCallback | None = None,
) -> Sweep:  # fmt: skip
    """Play a configuration at each latency, ms, which becomes `latency.LEG.ms` of the legs; their models stay.

    Raises MmsimError: CAL-002 not one symbol, CAL-003 no latency, one twice, an unknown leg, or a leg with recorded ones.
    """
    tape, config = one_instrument(tapes, config or Config())
    settings = [{"ms": value} for value in sorted(ms)]
    _refuse_settings(settings, LATENCY)
    strange = [leg for leg in legs if leg not in LATENCY_KINDS]
    if strange or not legs:
        raise CalibrateError("CAL-003", f"leg {', '.join(strange) or 'missing'}: expected some of {', '.join(LATENCY_KINDS)}")
    chosen = [leg for leg in LATENCY_KINDS if leg in legs]
    warnings = []
    for leg in chosen:
        model = getattr(config.latency, leg)
        if model.model == "recorded":
            raise CalibrateError("CAL-003", f"latency.{leg} is recorded ({model.file}): there is no ms to change")
        if model.min_ms > settings[0]["ms"]:
            warnings.append(f"latency.{leg}.min_ms is {model.min_ms:g}: no latency of this leg is below it, whatever the point says.")
        if model.model != "constant":
            what = "median" if model.model == "lognormal" else "part that is added to the feed's latency"
            warnings.append(f"latency.{leg} is {model.model}: the sweep changes its {what}.")
    configs = [with_keys(config, {f"latency.{leg}.ms": one["ms"] for leg in chosen}) for one in settings]
    return _play(LATENCY, tape, config, configs, settings, tuple(chosen), warnings, drawing, progress)


@public(tapes=TAPES, config=optional(CONFIG), rates=optional(each(pair(NUMBER))), drawing=_DRAWING, progress=optional(CALLABLE))
def sweep_fees(
    tapes: Sequence[Source] | Source, config: Config | None = None, rates: Sequence[tuple[Decimal, Decimal]] | None = None,
    drawing: Drawing = Drawing(), progress: engine.ProgressCallback | None = None,
) -> Sweep:  # fmt: skip
    """Play a configuration with each pair of maker and taker rates, bps, from the first fill on; None: those of its tiers.

    Raises MmsimError: CAL-002 not one symbol, CAL-003 no rates, or a pair twice.
    """
    tape, config = one_instrument(tapes, config or Config())
    pairs = tier_rates(config, tape) if rates is None else rates
    settings = [{"maker_bps": float(maker), "taker_bps": float(taker)} for maker, taker in sorted(pairs)]
    _refuse_settings(settings, FEES)
    keys = [{"fees.maker_bps": maker, "fees.taker_bps": taker, "fees.tiers": []} for maker, taker in sorted(pairs)]
    return _play(FEES, tape, config, [with_keys(config, each) for each in keys], settings, (), [], drawing, progress)


def tier_rates(config: Config, tape: Tape) -> list[tuple[Decimal, Decimal]]:
    """Return (maker, taker) of a configuration's fee schedule, bps: those below the tiers, then each tier's.

    CAL-003: it has no tiers.
    """
    fees = config.fees
    if not fees.tiers:
        where = f"venue {config.venue.name}" if config.venue.name else "the configuration"
        raise CalibrateError("CAL-003", f"{where} has no fee tiers (fees.tiers)")
    own = [Decimal(rate) * 10_000 for rate in (tape.instrument.maker_rate, tape.instrument.taker_rate)]
    base = [stated if stated is not None else rate for stated, rate in zip((fees.maker_bps, fees.taker_bps), own, strict=True)]
    return list(dict.fromkeys([(base[0], base[1]), *(_tier(tier, base) for tier in fees.tiers)]))


def venue_rates(name: str, tapes: Sequence[Source] | Source) -> list[tuple[Decimal, Decimal]]:
    """Return (maker, taker) of a venue profile's fee schedule, bps. CONF-008: no such profile; CAL-003: it has no tiers."""
    rules = build_config(profile(name).tree())
    named = with_keys(rules, {"venue.name": name})
    return tier_rates(named, one_instrument(tapes, Config())[0])


def pair_rates(makers: Sequence[Decimal], takers: Sequence[Decimal]) -> list[tuple[Decimal, Decimal]]:
    """Return pairs of two lists of one length; one rate goes with each of the others. CAL-003 if neither fits."""
    if not makers or not takers or (len(makers) != len(takers) and 1 not in (len(makers), len(takers))):
        raise CalibrateError("CAL-003", f"{len(makers)} maker rates and {len(takers)} taker rates: expected as many of each, or one")
    count = max(len(makers), len(takers))
    return [(makers[i % len(makers)], takers[i % len(takers)]) for i in range(count)]


def _tier(tier: FeeTier, base: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    return (
        base[0] if tier.maker_bps is None else tier.maker_bps,
        base[1] if tier.taker_bps is None else tier.taker_bps,
    )


def _refuse_settings(settings: Sequence[Mapping[str, float]], kind: str) -> None:
    if not settings:
        raise CalibrateError("CAL-003", f"{kind}: no point to play")
    twice = [one for one, other in itertools.pairwise(settings) if one == other]
    if twice:
        raise CalibrateError("CAL-003", f"{kind}: {_named(twice[0])} is there twice")


def _named(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items())


def _play(
    kind: str, tape: Tape, config: Config, configs: Sequence[Config], settings: Sequence[Mapping[str, float]],
    legs: tuple[str, ...], warnings: Sequence[str], drawing: Drawing, progress: engine.ProgressCallback | None,
) -> Sweep:  # fmt: skip
    start_ts, end_ts = engine.window(tape, config)
    interval_s = _interval_s(config, end_ts - start_ts, drawing.interval_s)
    run = run_lanes(tape, configs, curve_ms=interval_s * 1e3, progress=progress)
    equity = run.equity_units.copy()
    equity[:, -1] = counts_of(run, money_of(tape.instrument))["net_units"]  # as reports have it: with fills that the Node has not heard of
    changes = np.diff(equity * run.cash_unit, prepend=0.0, axis=1)
    block = max(interval_block(each) for each in changes)  # one for all points: they are drawn together
    points = tuple(_point(run, lane, values, changes, block, drawing) for lane, values in enumerate(settings))
    crossings = tuple(_crossings(changes, block, settings, drawing))
    instrument = tape.instrument
    found = [*warnings, *outside(tape.start_ts, end_ts, config.run.from_ts, config.run.to_ts), *(text for text in _cautions(points, run, instrument.symbol, tape))]
    return Sweep(
        kind, points, crossings, tuple(found), legs,
        {"venue": instrument.venue, "symbol": instrument.symbol, "kind": instrument.kind}, config.strategy.name,
        instrument.base if instrument.kind == "inverse" else instrument.quote, start_ts, end_ts, interval_s, changes.shape[1], block,
        drawing.repetitions, drawing.seed, drawing.level, run.rows, run.wall_s,
        tuple({"path": str(file.path), "content_hash": file.meta.content_hash} for file in tape.files), config_hash(config),
    )  # fmt: skip


def _interval_s(config: Config, span_ns: int, wanted_s: float | None) -> float:
    """Return the interval of the equity changes: as wanted, else a minute, less where that leaves too few."""
    least_s = config.node.sample_interval_ms / 1e3
    if span_ns < 2 * least_s * NS_PER_S:
        raise CalibrateError("CAL-003", f"a window of {span_ns / NS_PER_S:g} s holds fewer than 2 samples of {least_s:g} s (node.sample_interval_ms)")
    if wanted_s is None:
        return max(min(_INTERVAL_MS_MAX / 1e3, span_ns / NS_PER_S / _INTERVALS), least_s)
    if not least_s <= wanted_s <= span_ns / NS_PER_S / 2:
        raise ConfigError("CONF-003", f"--interval {wanted_s:g} s: expected at least node.sample_interval_ms ({least_s:g} s) and at most half of the window")
    return wanted_s


def _point(run: LaneRun, lane: int, values: Mapping[str, float], changes: FloatArray, block: int, drawing: Drawing) -> Point:
    record, unit, count = run.lanes[lane], run.cash_unit, changes.shape[1]

    def total(each: FloatArray) -> Interval:
        return block_bootstrap_mean(each, block=block, repetitions=drawing.repetitions, seed=drawing.seed, level=drawing.level).times(count)

    net = total(changes[lane])
    turnover, fills = float(record["turnover_units"]) * unit, int(record["fills"])
    return Point(
        dict(values), net, net.times(_BPS / turnover) if turnover > 0.0 else None,
        total(changes[lane] - changes[0]), fills, int(record["maker_fills"]), int(record["taker_fills"]), int(record["taker_fills"]) / fills if fills else None,
        int(record["orders"]), turnover, float(record["fee_units"]) * unit, float(record["drawdown_max"]) * unit,
    )  # fmt: skip


def _crossings(
    changes: FloatArray, block: int, settings: Sequence[Mapping[str, float]], drawing: Drawing
) -> list[Crossing]:
    """Return where the net profit changes its sign from point to point, with an interval if it does so once.

    A resample that has one sign at both ends crosses beyond the points, on the side that this sign says; one that crosses
    more than once counts with the mean of its places.
    """
    count = changes.shape[1]
    means = changes.mean(axis=1)
    places = _zeros(means[None, :])[0]
    found = [Crossing(_between(settings, float(places[k])), int(np.sign(means[k]))) for k in np.flatnonzero(~np.isnan(places))]
    if len(found) != 1 or count < 2:
        return found
    away = block_means((changes - means[:, None]).T, block, drawing.repetitions, drawing.seed)
    drawn = means + away * widening(block, count, drawing.level)
    zeros = _zeros(drawn)
    count_of = np.count_nonzero(~np.isnan(zeros), axis=1)
    inside = count_of % 2 == 1
    beyond = np.where(drawn[:, 0] * found[0].from_sign > 0.0, np.inf, -np.inf)
    at = np.sort(np.where(inside, np.nansum(zeros, axis=1) / np.maximum(count_of, 1), beyond))
    outside = (0.5 - 0.5 * drawing.level) * (len(at) - 1)
    low, high = (
        _between(settings, float(end)) if np.isfinite(end) else None for end in (at[math.floor(outside)], at[-1 - math.floor(outside)])
    )
    return [Crossing(found[0].values, found[0].from_sign, low, high, float(np.count_nonzero(inside)) / len(inside))]


def _zeros(nets: FloatArray) -> FloatArray:
    """Return, for rows of nets [n, K], the places in 0 … K − 1 where they cross 0, NaN between points that do not [n, K − 1]."""
    left, right = nets[:, :-1], nets[:, 1:]
    crosses = ((left > 0.0) & (right <= 0.0)) | ((left < 0.0) & (right >= 0.0))
    width = np.where(crosses, left - right, 1.0)
    return np.where(crosses, np.arange(left.shape[1]) + left / width, np.nan)


def _between(settings: Sequence[Mapping[str, float]], place: float) -> dict[str, float]:
    """Return the setting at a place between two points, on the straight line between them."""
    lower = min(int(place), len(settings) - 1)
    upper = min(lower + 1, len(settings) - 1)
    return {
        name: value + (place - lower) * (settings[upper][name] - value) for name, value in settings[lower].items()
    }


def _cautions(points: Sequence[Point], run: LaneRun, symbol: str, tape: Tape) -> list[str]:
    """Return what a reader must know before he trusts the figures."""
    found = []
    if tape.meta.synthetic:
        found.append("Synthetic tape: the market is simulated, so results say nothing about a real one.")
    if not any(point.fills for point in points):
        found.append(f"{symbol}: no fills at any point: the sweep says nothing about edge.")
    elif min(point.fills for point in points) < 100:
        found.append("Some points have fewer than 100 fills: their figures are little more than chance, whatever the interval says.")
    if len(run.curve_ts) < 50:
        found.append(f"The intervals rest on {len(run.curve_ts)} changes of equity: too few to trust their width.")
    if any(run.lanes["position_lots"] != 0):
        found.append("Some points end with a position: it is valued at the last mid, without the cost of closing it.")
    return found
