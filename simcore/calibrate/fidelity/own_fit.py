"""Fit a queue model to recorded own orders on a tape: which filled, when, and which did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simcore.calibrate.fidelity.own_table import NONE, OwnOrders
from simcore.calibrate.fidelity.queue_family import Family, QueueModel, family_named
from simcore.calibrate.fidelity.queue_fit import Fit, Profile, Sample, fit, profile
from simcore.calibrate.fidelity.queue_score import (
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
from simcore.calibrate.fidelity.shadow import NEVER, Orders, View
from simcore.calibrate.fidelity.shadow_rows import Slots, l2_view, l3_rows, l3_view
from simcore.errors import CalibrateError
from simcore.tape.read import Tape
from simcore.tape.schema import Instrument
from simcore.units import NS_PER_MS

FILLS_MIN = 10  # fewer say nothing about a queue
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
    """How well a model explains recorded orders: sum of log likelihoods, Brier score, share of wrong hard predictions."""

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

    orders, filled: that count.  outside: before or after the tape.  unmatched: fills at which the tape shows no trade.
    """

    instrument: Instrument
    tape_hash: str
    source: str
    fit: Fit
    profiles: tuple[Profile, ...]
    scores: tuple[OwnScore, ...]
    orders: int
    filled: int
    outside: int
    unmatched: int
    warnings: tuple[str, ...]


def fit_own(
    tape: Tape, own: OwnOrders, models: Sequence[QueueModel], *, family: str = "power", tolerance_ms: float = 0.0, source: str = ""
) -> OwnFit:
    """Fit a family to recorded orders by likelihood, and score unfitted models beside it.

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
    found = fit(sample, chosen, by_likelihood=True)
    profiles = (profile(sample, found, 0),) if len(chosen.parameters) == 1 else ()
    _refuse_untold(sample, profiles[0] if profiles else None, chosen if profiles else family_named(_REFERENCE), f"{orders} orders, {filled} of which filled,")
    scores = sorted((_score(sample, model) for model in [found.model, *models]), key=lambda score: -score.log_likelihood)
    return OwnFit(
        tape.instrument, tape.content_hash, source, found, profiles, tuple(scores), orders, filled, sampled.outside, sampled.unmatched,
        tuple(_warnings(found, profiles, sampled)),
    )  # fmt: skip


def _refuse_untold(sample: Sample, found: Profile | None, family: Family, what: str) -> None:
    """Refuse orders that fit any value of a family's parameter alike. found: its profile; None asks the reference family,
    for one of several parameters, which has no profile of its own. CAL-036.
    """
    told = found or profile(sample, fit(sample, family, by_likelihood=True), 0)
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
    spread, _value = best_spread(said, outcomes.filled, by_likelihood=True)
    predicted = probability(said.z_at, spread)
    return OwnScore(
        model, spread, float(np.sum(log_likelihood(said, outcomes.filled, spread))), float(np.mean(brier(predicted, outcomes.filled))),
        float(np.mean(said.filled != outcomes.filled)), timing(said, outcomes), tuple(calibration_curve(predicted, outcomes.filled)),
    )  # fmt: skip


def _warnings(found: Fit, profiles: Sequence[Profile], sampled: OwnSample) -> list[str]:
    said = []
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

