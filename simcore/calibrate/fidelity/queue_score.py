"""How good predictions of fills are: Brier score, likelihood, both together, calibration curve, error of the time to fill.

A shadow gives two predictions for each order. The hard one: filled or not when the real order's life ended. The probability:
with z standard deviations (see `shadow.py`) and a model's `spread`, P = 1 / (1 + exp(−1.702 z / spread)), a logistic curve
close to the normal one. A spread below 1 means that the model is surer than independent cancels would let it be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simcore.calibrate.fidelity.shadow import Z_NONE, Shadows
from simcore.records import FloatArray, IntArray

LOGISTIC = 1.702  # makes the logistic curve closest to the normal one
OUTLIERS = 0.01  # share of lives that no queue explains: self-match prevention, hidden orders, wrong clocks
SPREADS = np.exp(np.linspace(np.log(0.05), np.log(20.0), 61))
BINS = 10
LOSS_LEAST = 1e-4  # a mean Brier score or unlikelihood below this is as good as none
_COARSE = 4  # of SPREADS, every fourth is tried first: the curve has one valley

Flags = npt.NDArray[np.bool_]


class Outcomes(NamedTuple):
    """Lives that are scored, [lives]: what happened, and when.

    filled  whether the real order filled before its end.  fill_ts: when, ns; -1 for none.
    until_ts  until when a predicted fill is in time, ns: fill_ts, or later by as much as clocks may differ.
    """

    filled: Flags
    fill_ts: IntArray
    until_ts: IntArray


class Predictions(NamedTuple):
    """What one model says of the lives, [lives]. filled: the hard prediction; ts: of its fill, ns, -1 for none."""

    filled: Flags
    ts: IntArray
    z_before: FloatArray
    z_at: FloatArray


class Weights(NamedTuple):
    """Of a joint loss, brier · Brier score − likelihood · log likelihood: proper, as both scores are."""

    brier: float
    likelihood: float

    def joint(self, losses: Losses) -> FloatArray:
        """Return the joint loss of each life."""
        return self.brier * losses.brier + self.likelihood * losses.unlikelihood


class Losses(NamedTuple):
    """What a model loses on each life, [lives]: squared error of its probability, and less the log likelihood."""

    brier: FloatArray
    unlikelihood: FloatArray


LIKELIHOOD = Weights(0.0, 1.0)


def chosen_of(said: Predictions, chosen: Flags) -> Predictions:
    """Return what is said of chosen lives."""
    return Predictions(said.filled[chosen], said.ts[chosen], said.z_before[chosen], said.z_at[chosen])


def outcomes_of(outcomes: Outcomes, chosen: Flags | IntArray) -> Outcomes:
    """Return what became of chosen lives."""
    return Outcomes(outcomes.filled[chosen], outcomes.fill_ts[chosen], outcomes.until_ts[chosen])


class Bin(NamedTuple):
    """A part of a calibration curve: how many lives, what was predicted for them on average, and the share that filled."""

    lives: int
    predicted: float
    filled: float


def predictions(shadows: Shadows, row_ts: IntArray, outcomes: Outcomes) -> Predictions:
    """Return what shadows say of their lives; a fill in the same event as the real one is in time."""
    ts = np.where(shadows.row >= 0, row_ts[np.maximum(shadows.row, 0)], -1)
    in_time = (shadows.row >= 0) & np.where(outcomes.filled, ts <= outcomes.until_ts, True)
    return Predictions(in_time, ts, shadows.z_before, shadows.z_at)


def probability(z: FloatArray, spread: float) -> FloatArray:
    """Return the probability that what was z standard deviations past us is a fill."""
    return 1.0 / (1.0 + np.exp(-np.clip(LOGISTIC / spread * z, -700.0, 700.0)))


def brier(predicted: FloatArray, filled: Flags) -> FloatArray:
    """Return the squared error of each prediction."""
    error = predicted - filled
    return np.asarray(error * error, np.float64)


def log_likelihood(said: Predictions, filled: Flags, spread: float) -> FloatArray:
    """Return the log likelihood of each life: that it filled when it did, or that it did not until its end.

    A fill at its event: P(filled by then) − P(filled before); no fill: 1 − P(filled until the end), which is what a cancel
    leaves known. A share OUTLIERS of lives follows no queue: for these a fill at an event has density OUTLIERS.
    """
    before, at = probability(said.z_before, spread), probability(said.z_at, spread)
    seen = np.where(filled, np.maximum(at - before, 0.0), 1.0 - at)
    return np.log((1.0 - OUTLIERS) * seen + OUTLIERS * np.where(filled, OUTLIERS, 1.0))


def losses(said: Predictions, filled: Flags, spread: float) -> Losses:
    """Return both losses of each life."""
    return Losses(brier(probability(said.z_at, spread), filled), -log_likelihood(said, filled, spread))


def best_spread(said: Predictions, filled: Flags, weights: Weights) -> tuple[float, float]:
    """Return the spread of SPREADS with the least mean joint loss, and that loss.

    Orders that neither filled nor saw a trade at their price lose nothing by any spread: they are counted, not computed.
    """
    seen = filled | (said.z_at > Z_NONE)
    some, real = chosen_of(said, seen), filled[seen]

    def loss(place: int) -> float:
        return float(np.sum(weights.joint(losses(some, real, float(SPREADS[place])))) / max(len(filled), 1))

    coarse = min(range(0, len(SPREADS), _COARSE), key=loss)
    near = range(max(coarse - _COARSE + 1, 0), min(coarse + _COARSE, len(SPREADS)))
    best = min(near, key=loss)
    return float(SPREADS[best]), loss(best)


def even_weights(samples: Sequence[tuple[Predictions, Flags]]) -> Weights:
    """Return the weights that make the least Brier score and the least unlikelihood of these models a half each.

    Each model's spread is the best for the score in question. Where a score is 0, nothing is left to win in it.
    """
    least = [min(best_spread(said, filled, weights)[1] for said, filled in samples) for weights in (Weights(1.0, 0.0), LIKELIHOOD)]
    return Weights(*(0.5 / max(value, LOSS_LEAST) for value in least))


def calibration_curve(predicted: FloatArray, filled: Flags, bins: int = BINS) -> list[Bin]:
    """Return equally wide bins of predicted probability that hold lives."""
    place = np.minimum((predicted * bins).astype(np.int64), bins - 1)
    found = []
    for number in range(bins):
        inside = place == number
        count = int(inside.sum())
        if count:
            found.append(Bin(count, float(np.mean(predicted[inside])), float(np.mean(filled[inside]))))
    return found


class Timing(NamedTuple):
    """Error of the time to fill of orders that filled: predicted less real, s.

    median_abs_s, mean_s  over those that the model fills at all.  early, on_time, late, never: how many.
    """

    median_abs_s: float | None
    mean_s: float | None
    p90_abs_s: float | None
    early: int
    on_time: int
    late: int
    never: int


def timing(said: Predictions, outcomes: Outcomes) -> Timing:
    """Return how far off the predicted times of real fills are."""
    real = outcomes.filled
    predicted = real & (said.ts >= 0)
    error = (said.ts[predicted] - outcomes.fill_ts[predicted]) / 1e9
    allowed = (outcomes.until_ts[predicted] - outcomes.fill_ts[predicted]) / 1e9
    some = len(error) > 0
    return Timing(
        float(np.median(np.abs(error))) if some else None, float(np.mean(error)) if some else None,
        float(np.quantile(np.abs(error), 0.9)) if some else None,
        int((error < -allowed).sum()), int((np.abs(error) <= allowed).sum()), int((error > allowed).sum()), int((real & (said.ts < 0)).sum()),
    )  # fmt: skip
