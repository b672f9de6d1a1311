"""Fit a queue model to recorded own orders on a tape: which filled, when, and which did not.

Where there are fills enough the fit is made anew before each of some blocks of orders, and scored in the block (`rolling`):
what is used is the fitted model only if it pays on orders that it was not fitted to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simcore.calibrate.fidelity.judge import KEPT, Gap, Verdict, judged
from simcore.calibrate.fidelity.own_table import NONE, OwnOrders
from simcore.calibrate.fidelity.queue_family import DEFAULT, Family, QueueModel, family_named
from simcore.calibrate.fidelity.queue_fit import Fit, Profile, Sample, fit, profile
from simcore.calibrate.fidelity.queue_score import (
    LIKELIHOOD,
    Bin,
    Outcomes,
    Timing,
    best_spread,
    brier,
    calibration_curve,
    log_likelihood,
    probability,
    timing,
)
from simcore.calibrate.fidelity.rolling import Rolled, fit_whole, roll
from simcore.calibrate.fidelity.shadow import NEVER, Orders, View
from simcore.calibrate.fidelity.shadow_rows import Slots, l2_view, l3_rows, l3_view
from simcore.errors import CalibrateError
from simcore.tape.read import Tape
from simcore.tape.schema import Instrument
from simcore.units import NS_PER_MS

FILLS_MIN = 10  # fewer say nothing about a queue; in each block as well
BLOCKS = 5  # on which a fit is checked, if there are fills enough
UNMATCHED_MAX = 0.5  # share of fills without a trade on the tape above which orders and tape cannot belong together
_REFERENCE = "power"  # any model: whether a trade reached a price does not depend on it


class OwnSample(NamedTuple):
    """Recorded orders on a tape. outside: placed before or after it.  unmatched: fills at which it shows no trade.  sideless: its trades without a side."""

    sample: Sample
    outside: int
    unmatched: int
    sideless: int


@dataclass(frozen=True)
class OwnScore:
    """How well a model foretold the orders of all blocks, or explains all, if there are no blocks.

    log_likelihood: sum.  wrong: share of wrong hard predictions.
    """

    model: QueueModel
    spread: float
    log_likelihood: float
    brier: float
    wrong: float
    timing: Timing
    curve: tuple[Bin, ...]


@dataclass(frozen=True)
class OwnFit:
    """A model fitted to own orders. scores: of the fitted model and of unfitted ones, the likeliest first.

    fit  to all orders.  rolled, gaps, block_gaps: its check on blocks, None and empty if the fills are too few.
    orders, filled: that count.  outside: before or after the tape.  unmatched: fills at which the tape shows no trade.
    """

    instrument: Instrument
    tape_hash: str
    source: str
    fit: Fit
    profiles: tuple[Profile, ...]
    rolled: Rolled | None
    gaps: tuple[Gap, ...]
    block_gaps: tuple[tuple[Gap, ...], ...]
    verdict: Verdict
    scores: tuple[OwnScore, ...]
    orders: int
    filled: int
    outside: int
    unmatched: int
    warnings: tuple[str, ...]


def fit_own(
    tape: Tape, own: OwnOrders, models: Sequence[QueueModel], *, family: str = "power", tolerance_ms: float = 0.0, source: str = "", seed: int = 1
) -> OwnFit:
    """Fit a family to recorded orders, and hold it against unfitted models on blocks of orders.

    tolerance_ms  a fill may be recorded so much before or after the tape's trade.  CAL-031: fewer than FILLS_MIN fills, or
    nothing else; CAL-032: a family that cannot be fitted; CAL-034: orders and tape do not belong together; CAL-036: any value
    of the parameter does.
    """
    chosen = family_named(family)
    sampled = own_sample(tape, own, round(tolerance_ms * NS_PER_MS))
    sample = sampled.sample
    filled = int(sample.counted.filled.sum())
    orders = int(sample.kept.sum())
    if filled < FILLS_MIN:
        raise CalibrateError("CAL-031", f"{filled} of {orders} orders filled; at least {FILLS_MIN} fills are needed to fit a queue model")
    others = list(models) or [DEFAULT]
    whole = fit_whole(sample, others, chosen)
    found = whole[0]
    profiles = (profile(sample, found.model),) if len(chosen.parameters) == 1 else ()
    _refuse_untold(sample, profiles[0] if profiles else None, chosen if profiles else family_named(_REFERENCE), f"{orders} orders, {filled} of which filled,")
    edges = _edges(sample)
    rolled = roll(sample, edges, others, chosen, whole=whole) if edges else None
    kept = DEFAULT if DEFAULT in others else others[0]
    gaps, block_gaps, verdict = judged(rolled, seed) if rolled is not None else ((), (), Verdict(KEPT, kept, kept, kept, None))
    scores = _rolled_scores(rolled) if rolled is not None else [_score(sample, model) for model in [found.model, *others]]
    return OwnFit(
        tape.instrument, tape.content_hash, source, found, profiles, rolled, gaps, block_gaps, verdict,
        tuple(sorted(scores, key=lambda score: -score.log_likelihood)), orders, filled, sampled.outside, sampled.unmatched,
        tuple(_warnings(found, profiles, sampled, rolled)),
    )  # fmt: skip


def _edges(sample: Sample) -> list[int]:
    """Return the rows at which blocks of orders begin, and the end; none if the fills are too few for a block and what comes before."""
    joins = sample.orders.join[sample.kept & sample.outcomes.filled]
    blocks = min(BLOCKS, len(joins) // FILLS_MIN - 1)
    if blocks < 1:
        return []
    first = max(FILLS_MIN, len(joins) // (blocks + 1))
    ts = sample.view.ts
    places = joins[(first + (len(joins) - first) * np.arange(blocks) // blocks)]
    rows = np.unique(np.searchsorted(ts, ts[np.minimum(places, len(ts) - 1)]))
    return [*rows[rows > 0].tolist(), len(ts)] if (rows > 0).any() else []


def _rolled_scores(rolled: Rolled) -> list[OwnScore]:
    """Return the scores of all models on all blocks."""
    assert rolled.fit is not None
    return [_pooled_score(rolled, which, model) for which, model in [*enumerate(rolled.models), (None, rolled.fit.model)]]


def _pooled_score(rolled: Rolled, which: int | None, model: QueueModel) -> OwnScore:
    pooled, outcomes = rolled.pooled(which), rolled.outcomes
    return OwnScore(
        model, pooled.spread, -float(np.sum(pooled.losses.unlikelihood)), float(np.mean(pooled.losses.brier)),
        float(np.mean(pooled.said.filled != outcomes.filled)), timing(pooled.said, outcomes), tuple(calibration_curve(rolled.probability(which), outcomes.filled)),
    )  # fmt: skip


def _refuse_untold(sample: Sample, found: Profile | None, family: Family, what: str) -> None:
    """Refuse orders that fit any value of a family's parameter alike. found: its profile; None asks the reference family,
    for one of several parameters, which has no profile of its own. CAL-036.
    """
    told = found or profile(sample, fit(sample, family, LIKELIHOOD).model)
    if told.low is None and told.high is None:
        limits = family.parameters[0]
        raise CalibrateError("CAL-036", f"{what} bound {limits.name} of {family.name} on neither side, from {limits.lo:g} to {limits.hi:g}: no queue model can be fitted")


def own_sample(tape: Tape, own: OwnOrders, tolerance_ns: int) -> OwnSample:
    """Return the sample of recorded orders on a tape, and what does not count in it.

    CAL-034: none is on the tape, or too many fills are not. CAL-030: a tape of own orders.
    """
    if tape.level == "own":
        raise CalibrateError("CAL-030", f"{tape.instrument.symbol}: a tape of own orders; expected the market's, l2 or l3")
    slots = Slots.of(own.side, own.price_ticks)
    view, sideless = _view(tape, slots)
    first, last = _span(tape)
    inside = (own.placed_ts >= first) & (own.placed_ts <= last)
    if not inside.any():
        raise CalibrateError("CAL-034", f"no order was placed while the tape lasts, {first} to {last} ns; the first was placed at {own.placed_ts[0]} ns")
    kept = OwnOrders(*(column[inside] for column in own))
    real = kept.filled_ts != NONE
    ended = np.where(kept.ended_ts == NONE, NEVER, np.searchsorted(view.ts, kept.ended_ts, side="right"))
    lo, hi = (np.where(real, kept.filled_ts + sign * tolerance_ns, NEVER) for sign in (-1, 1))
    join = np.searchsorted(view.ts, kept.placed_ts, side="right").astype(np.int64)
    orders = Orders(join, np.where(real, NEVER, ended).astype(np.int64), slots.find(kept.side, kept.price_ticks), lo, hi)
    outcomes = Outcomes(real, kept.filled_ts, np.where(real, hi, NONE))
    sample = Sample(view, orders, slots, outcomes, np.ones(len(join), bool))
    unseen = real & (sample.shadows(QueueModel(family_named(_REFERENCE), (3.0,))).seen == 0)
    if unseen.sum() > UNMATCHED_MAX * max(int(real.sum()), 1):
        row = int(np.argmax(unseen))
        raise CalibrateError(
            "CAL-034",
            f"at {int(unseen.sum())} of {int(real.sum())} fills the tape has no trade at or through the order's price; the first is at {kept.filled_ts[row]} ns, "
            f"{('a purchase', 'a sale')[int(kept.side[row])]} at {kept.price_ticks[row]} ticks",
        )
    return OwnSample(Sample(view, orders, slots, outcomes, ~unseen), int((~inside).sum()), int(unseen.sum()), sideless)


def _view(tape: Tape, slots: Slots) -> tuple[View, int]:
    """Return the view of a tape, and the number of trades in it that have no side."""
    if tape.level == "l3":
        rows = l3_rows(tape.chunks())
        return l3_view(rows, np.full(len(rows.ev), -1, np.int64), slots), 0
    return l2_view(tape.chunks(), slots)


def _span(tape: Tape) -> tuple[int, int]:
    """Return the first and last time of the tape on the exchange's clock, ns; of the local one where it has none."""
    first = tape.start_ts if tape.first_exch_ts is None else tape.first_exch_ts
    return first, tape.end_ts if tape.last_exch_ts is None else tape.last_exch_ts


def _score(sample: Sample, model: QueueModel) -> OwnScore:
    said, outcomes = sample.said(model), sample.counted
    spread, _value = best_spread(said, outcomes.filled, LIKELIHOOD)
    predicted = probability(said.z_at, spread)
    return OwnScore(
        model, spread, float(np.sum(log_likelihood(said, outcomes.filled, spread))), float(np.mean(brier(predicted, outcomes.filled))),
        float(np.mean(said.filled != outcomes.filled)), timing(said, outcomes), tuple(calibration_curve(predicted, outcomes.filled)),
    )  # fmt: skip


def _warnings(found: Fit, profiles: Sequence[Profile], sampled: OwnSample, rolled: Rolled | None) -> list[str]:
    said = []
    if rolled is None:
        said.append(f"fewer than {2 * FILLS_MIN} fills: the fit is not checked on orders that it has not seen, so nothing of it is used")
    filled, orders = int(sampled.sample.counted.filled.sum()), int(sampled.sample.kept.sum())
    if sampled.outside:
        said.append(f"{sampled.outside} orders were placed before or after the tape and do not count")
    if sampled.sideless:
        said.append(f"{sampled.sideless} trades of the tape have no side: they move no shadow")
    if sampled.unmatched:
        said.append(f"at {sampled.unmatched} fills the tape has no trade at or through the order's price; these orders do not count (--tolerance-ms)")
    if filled == orders:
        said.append("every order filled: nothing says where orders were that did not; record those, too")
    sample = sampled.sample
    every = np.stack([*sample.orders, sample.outcomes.fill_ts], axis=1)[sample.kept]
    copies = len(every) - len(np.unique(every, axis=0))
    if copies:
        said.append(f"{copies} orders are equal to another one (level, times): if rows are there twice, the interval is too narrow")
    if filled < 50:
        said.append(f"{filled} fills are few: read the interval")
    for each in profiles:
        if each.low is None or each.high is None:
            said.append(f"{each.parameter} is not bounded {'below' if each.low is None else 'above'}: these orders cannot tell")
    for parameter, value in zip(found.model.family.parameters, found.model.values, strict=True):
        if value <= parameter.lo * 1.001 or value >= parameter.hi * 0.999:
            said.append(f"{parameter.name} = {value:.4g} is at its limit")
    return said

