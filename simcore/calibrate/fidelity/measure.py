"""How well queue models foretell fills: every real order of an L3 tape, shadowed through what a tape of levels shows.

The truth is in the tape: when each order joined, left, and executed. A model sees what a user of a tape of levels sees,
the lots of each level and the trades, without the order's own lots. The tape is cut in two by its executions: spreads of
probabilities and the fitted model come from the first part, scores from the orders that joined in the second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simcore.calibrate.fidelity.queue_family import QueueModel, family_named
from simcore.calibrate.fidelity.queue_fit import Fit, Sample, fit
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
from simcore.calibrate.fidelity.shadow import NEVER, Orders
from simcore.calibrate.fidelity.shadow_rows import Lives, Slots, l3_lives, l3_rows, l3_view
from simcore.calibrate.intervals import Interval, block_bootstrap_mean, block_bootstrap_paired
from simcore.config.values import given_time
from simcore.errors import CalibrateError
from simcore.records import Chunk, FloatArray, IntArray
from simcore.tape.read import Tape
from simcore.tape.schema import Instrument

FILLS_MIN = 20  # in each part: fewer say nothing about a model


@dataclass(frozen=True)
class Score:
    """How one model did on the second part.

    brier       mean squared error of its probabilities.  brier_hard: share of lives whose hard prediction was wrong.
    likelihood  mean log likelihood of a life.  missed: filled, not foretold; invented: foretold, not filled.
    train_brier, train_likelihood  on the first part, where spread was fitted.
    """

    model: QueueModel
    spread: float
    brier: Interval
    brier_hard: Interval
    likelihood: float
    missed: int
    invented: int
    timing: Timing
    curve: tuple[Bin, ...]
    train_brier: float
    train_likelihood: float


class Part(NamedTuple):
    """A part of a tape: from, to in ns of exchange time; lives that are scored, of these filled; lives left out by crossed books."""

    start_ts: int
    end_ts: int
    lives: int
    filled: int
    crossed: int


@dataclass(frozen=True)
class Fidelity:
    """What a comparison found. scores: in order of Brier score.  ahead: of the fitted model's errors less those of the best other."""

    instrument: Instrument
    tape_hash: str
    split: float
    seed: int
    train: Part
    test: Part
    straddling: int
    scores: tuple[Score, ...]
    fit: Fit | None
    advantage: Interval | None
    advantage_hard: Interval | None

    @property
    def best_unfitted(self) -> Score:
        """The unfitted model with the least Brier score."""
        return min((score for score in self.scores if not score.model.fitted), key=lambda score: score.brier.estimate)

    @property
    def best_unfitted_hard(self) -> Score:
        """The unfitted model with the fewest wrong predictions."""
        return min((score for score in self.scores if not score.model.fitted), key=lambda score: score.brier_hard.estimate)

    @property
    def fitted(self) -> Score | None:
        """The fitted model's score."""
        return next((score for score in self.scores if score.model.fitted), None)


@dataclass(frozen=True)
class _Scored:
    """A score with the squared errors that it is the mean of."""

    score: Score
    errors: FloatArray
    errors_hard: FloatArray


def measure(
    tape: Tape, models: Sequence[QueueModel], *, family: str | None = "matched", split: float = 0.5, from_ts: int | str | None = None,
    to_ts: int | str | None = None, seed: int = 1,
) -> Fidelity:  # fmt: skip
    """Compare models on an L3 tape, and a model of a family that is fitted on its first part.

    split  share of the executions that come before the second part.  from_ts, to_ts  exchange times, as configurations have them: orders that join
    earlier, and rows that come later, do not count.  family: None fits none.
    CONF-003: not a time; CAL-030: no L3 tape; CAL-031: too few fills on one side; CAL-032: a family that cannot be fitted.
    """
    if tape.level != "l3":
        raise CalibrateError("CAL-030", f"{tape.instrument.symbol}: a tape of level {tape.level}; the truth about queues needs single orders (l3)")
    from_ts, to_ts = given_time(from_ts, "from_ts"), given_time(to_ts, "to_ts")
    chosen = None if family is None else family_named(family)
    rows = l3_rows(tape.chunks())
    if to_ts is not None:
        rows = Chunk(*(column[: int(np.searchsorted(rows.exch_ts, to_ts, side="right"))] for column in rows))
    lives, owner = l3_lives(rows)
    cut = _cut(rows, lives, split, from_ts)
    train = _sample(rows, owner, lives, (lives.join < cut) & _since(rows, lives, from_ts), cut)
    test = _sample(rows, owner, lives, (lives.join >= cut) & _since(rows, lives, from_ts), len(rows.ev))
    for name, sample in (("first", train), ("second", test)):
        filled = int(sample.counted.filled.sum())
        if filled < FILLS_MIN or filled == int(sample.kept.sum()):
            raise CalibrateError("CAL-031", f"the {name} part has {int(sample.kept.sum())} orders, {filled} of which filled; expected at least {FILLS_MIN}, and some that did not: another --split, or a longer tape")
    found = None if chosen is None else fit(train, chosen, by_likelihood=False)
    every = [*models, *([found.model] if found else [])]
    scored = sorted((_score(model, train, test, seed) for model in every), key=lambda each: each.score.brier.estimate)
    advantage, advantage_hard = _advantages(scored, seed)
    straddling = int(((lives.join < cut) & (lives.end > cut) & ~((lives.fill_row >= 0) & (lives.fill_row < cut))).sum())
    return Fidelity(
        tape.instrument, tape.content_hash, split, seed, _part(train, rows, _begin(rows, from_ts), cut), _part(test, rows, cut, len(rows.ev)),
        straddling, tuple(each.score for each in scored), found, advantage, advantage_hard,
    )  # fmt: skip


def _begin(rows: Chunk, from_ts: int | None) -> int:
    """Return the row from which on orders that join count."""
    return 0 if from_ts is None else int(np.searchsorted(rows.exch_ts, from_ts))


def _since(rows: Chunk, lives: Lives, from_ts: int | None) -> IntArray:
    return np.ones(len(lives.join), bool) if from_ts is None else rows.exch_ts[lives.join] >= from_ts


def _cut(rows: Chunk, lives: Lives, split: float, from_ts: int | None) -> int:
    """Return the row at which the second part begins: after the event with the last execution of the first. CAL-031."""
    fills = np.sort(lives.fill_row[(lives.fill_row >= 0) & _since(rows, lives, from_ts)])
    if not 0.0 < split < 1.0:
        raise CalibrateError("CAL-031", f"--split {split:g}: expected a share between 0 and 1")
    if len(fills) < 2 * FILLS_MIN:
        raise CalibrateError("CAL-031", f"{len(fills)} orders executed; at least {2 * FILLS_MIN} are needed, for two parts")
    last = fills[min(max(int(split * len(fills)) - 1, 0), len(fills) - 1)]
    return int(np.searchsorted(rows.exch_ts, rows.exch_ts[last], side="right"))


def _sample(rows: Chunk, owner: IntArray, lives: Lives, chosen: IntArray, stop: int) -> Sample:
    """Return the sample of chosen lives in the rows before `stop`; what comes later is censored."""
    index = np.flatnonzero(chosen)
    number = np.full(len(lives.join) + 1, -1, np.int64)
    number[index] = np.arange(len(index))
    part = Chunk(*(column[:stop] for column in rows))
    slots = Slots.of(lives.side[index], lives.price_ticks[index])
    view = l3_view(part, np.ascontiguousarray(number[owner[:stop]]), slots)
    fill_row = lives.fill_row[index]
    filled = (fill_row >= 0) & (fill_row < stop)
    fill_ts = np.where(filled, rows.exch_ts[np.maximum(fill_row, 0)], -1)
    never = np.where(filled, fill_ts, NEVER)
    end = np.where(filled | (lives.end[index] > stop), NEVER, lives.end[index])  # a filled one's shadow goes on
    orders = Orders(lives.join[index], end, slots.find(lives.side[index], lives.price_ticks[index]), never, never)
    outcomes = Outcomes(filled, fill_ts, fill_ts)
    plain = Sample(view, orders, slots, outcomes, np.ones(len(index), bool))
    crossed = plain.shadows(QueueModel(family_named("power"), (3.0,))).crossed == 1  # of the tape alone: any model says so
    return Sample(view, orders, slots, outcomes, ~crossed)


def _part(sample: Sample, rows: Chunk, start: int, stop: int) -> Part:
    counted = sample.counted
    return Part(
        int(rows.exch_ts[min(start, len(rows.ev) - 1)]), int(rows.exch_ts[stop - 1]), int(sample.kept.sum()),
        int(counted.filled.sum()), int((~sample.kept).sum()),
    )  # fmt: skip


def _score(model: QueueModel, train: Sample, test: Sample, seed: int) -> _Scored:
    """Fit a model's spread on the first part and score it on the second."""
    learnt = train.said(model)
    spread, train_brier = best_spread(learnt, train.counted.filled, by_likelihood=False)
    said, outcomes = test.said(model), test.counted
    real = outcomes.filled
    predicted = probability(said.z_at, spread)
    errors, errors_hard = brier(predicted, real), (said.filled != real).astype(np.float64)
    score = Score(
        model, spread, block_bootstrap_mean(errors, seed=seed), block_bootstrap_mean(errors_hard, seed=seed),
        float(np.mean(log_likelihood(said, real, spread))), int((real & ~said.filled).sum()), int((said.filled & ~real).sum()),
        timing(said, outcomes), tuple(calibration_curve(predicted, real)), train_brier,
        float(np.mean(log_likelihood(learnt, train.counted.filled, spread))),
    )  # fmt: skip
    return _Scored(score, errors, errors_hard)


def _advantages(scored: Sequence[_Scored], seed: int) -> tuple[Interval | None, Interval | None]:
    """Return the mean difference of the fitted model's errors to those of the best unfitted one, by each measure."""
    fitted = [each for each in scored if each.score.model.fitted]
    others = [each for each in scored if not each.score.model.fitted]
    if not fitted or not others:
        return None, None
    soft = min(others, key=lambda each: each.score.brier.estimate)
    hard = min(others, key=lambda each: each.score.brier_hard.estimate)
    return (
        block_bootstrap_paired(fitted[0].errors, soft.errors, seed=seed),
        block_bootstrap_paired(fitted[0].errors_hard, hard.errors_hard, seed=seed),
    )
