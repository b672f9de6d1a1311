"""How much of a Sharpe ratio is luck: pure functions of the changes of equity, per interval, none annualised.

Sources
    Bailey & López de Prado 2012, "The Sharpe ratio efficient frontier", Journal of Risk 15(2): probabilistic Sharpe ratio,
    minimum track record length.
    Bailey & López de Prado 2014, "The deflated Sharpe ratio: correcting for selection bias, backtest overfitting and
    non-normality", Journal of Portfolio Management 40(5): expected maximum, deflated Sharpe ratio, independent trials.
    Bailey, Borwein, López de Prado & Zhu 2014, "Pseudo-mathematics and financial charlatanism", Notices of the AMS 61(5):
    minimum back-test length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from simcore.calibrate.intervals import block_means, checked_changes
from simcore.errors import CalibrateError
from simcore.records import FloatArray

EULER = 0.5772156649015329  # the constant of Euler and Mascheroni
LEVEL = 0.95
_CODE = "CAL-080"  # of what cannot be a series of changes
_NORMAL = NormalDist()
_RESAMPLES = 500  # of the variance of a mean


@dataclass(frozen=True)
class Shape:
    """What the formulas need of changes [N]: their count, Sharpe ratio, skewness and kurtosis (3 for normal changes).

    observations  may be a fraction: see `effective_observations`.
    """

    observations: float
    sharpe: float
    skew: float
    kurtosis: float


def sharpe_ratio(changes: FloatArray) -> float:
    """Return mean / standard deviation (of N − 1) of changes [N], per interval; 0 if all changes are equal.

    CAL-080: fewer than 2 changes, or one that is not finite.
    """
    values = checked_changes(changes, _CODE)
    spread = float(np.ptp(values))
    return float(np.mean(values) / np.std(values, ddof=1)) if spread > 0.0 else 0.0


def shape_of(changes: FloatArray, observations: float | None = None) -> Shape:
    """Return the shape of changes [N]. observations: what they count for, None for N. CAL-080 as `sharpe_ratio`."""
    values = checked_changes(changes, _CODE)
    count = float(len(values)) if observations is None else observations
    if float(np.ptp(values)) == 0.0:
        return Shape(count, 0.0, 0.0, 3.0)
    centred = values - np.mean(values)
    centred = centred / np.max(np.abs(centred))  # the fourth power of a small change may be below the least float
    square = float(np.mean(centred * centred))
    skew = float(np.mean(centred * centred * centred)) / (square * math.sqrt(square))
    kurtosis = float(np.mean(centred * centred * centred * centred)) / (square * square)
    return Shape(count, sharpe_ratio(values), skew, kurtosis)


def probabilistic_sharpe(shape: Shape, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio is above the benchmark, both per interval.

    Φ((SR − SR*) √(n − 1) / √(1 − γ3 SR + (γ4 − 1) / 4 SR²)); 0.5 for n <= 1.
    Source: Bailey & López de Prado 2012.
    """
    if shape.observations <= 1.0:
        return 0.5  # one observation says nothing
    return _NORMAL.cdf((shape.sharpe - benchmark) * math.sqrt(shape.observations - 1.0) / _error_factor(shape))


def expected_max_normal(trials: float) -> float:
    """Return about what the largest of so many independent standard normal draws is, 0 for one; trials >= 1.

    (1 − γ) Φ⁻¹(1 − 1/N) + γ Φ⁻¹(1 − 1/(N e)), γ Euler's constant.  Source: Bailey et al. 2014 (Notices).
    It is an approximation for large N; below N = 2, where it turns negative, it is cut to 0.  CAL-080: trials below 1.
    """
    if not trials >= 1.0 or not math.isfinite(trials):
        raise CalibrateError("CAL-080", f"{trials} trials, at least 1 is needed")
    if trials == 1.0:
        return 0.0
    low, high = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return max((1.0 - EULER) * low + EULER * high, 0.0)


def expected_max_sharpe(variance: float, trials: float) -> float:
    """Return SR0: the Sharpe ratio to expect of the best of so many trials without skill, whose ratios have this variance.

    Source: Bailey & López de Prado 2014.  CAL-080: trials below 1, variance negative.
    """
    if not variance >= 0.0 or not math.isfinite(variance):
        raise CalibrateError("CAL-080", f"a variance of {variance}")
    return math.sqrt(variance) * expected_max_normal(trials)


def deflated_sharpe(shape: Shape, variance: float, trials: float) -> float:
    """Return the probability that the true Sharpe ratio is above 0, seen that it is the best of so many trials.

    The probabilistic Sharpe ratio against `expected_max_sharpe`.  Source: Bailey & López de Prado 2014.
    """
    return probabilistic_sharpe(shape, expected_max_sharpe(variance, trials))


def minimum_track_record(shape: Shape, benchmark: float = 0.0, level: float = LEVEL) -> float | None:
    """Return how many observations it takes for a probabilistic Sharpe ratio of `level`; None if no number does.

    1 + (1 − γ3 SR + (γ4 − 1) / 4 SR²) (z / (SR − SR*))².  Source: Bailey & López de Prado 2012.
    CAL-080: level is not from 0.5 to below 1.
    """
    if not 0.5 <= level < 1.0:
        raise CalibrateError("CAL-080", f"level {level}: from 0.5 to below 1 is needed")
    if shape.sharpe <= benchmark:
        return None
    ratio = _error_factor(shape) * _NORMAL.inv_cdf(level) / (shape.sharpe - benchmark)
    needed = 1.0 + ratio * ratio
    return needed if math.isfinite(needed) else None


def minimum_backtest(sharpe: float, trials: float) -> float | None:
    """Return below how many observations so many trials without skill are expected to show this Sharpe ratio; None if <= 0.

    (E[max of N normal draws] / SR)²; with an annual ratio the unit is years.  Source: Bailey et al. 2014 (Notices).
    """
    if sharpe <= 0.0:
        return None
    ratio = expected_max_normal(trials) / sharpe
    needed = ratio * ratio
    return needed if math.isfinite(needed) else None


def effective_trials(series: Iterable[FloatArray]) -> float:
    """Return how many independent trials T series of changes [N] count for: ρ + (1 − ρ) T, ρ the mean correlation.

    A negative ρ counts as 0; series that never change are left out, and at least 1 remains.
    Source: Bailey & López de Prado 2014, the appendix on independent trials.  CAL-080 as `sharpe_ratio`.
    """
    count, together = 0, np.zeros(0)
    for changes in series:
        values = checked_changes(changes, _CODE)
        if float(np.ptp(values)) == 0.0:
            continue
        centred = values - np.mean(values)
        unit = centred / math.sqrt(float(np.sum(centred * centred)))
        together = together + unit if count else unit
        count += 1
    if count < 2:
        return 1.0
    pairs = (float(np.sum(together * together)) - count) / (count * (count - 1.0))
    correlation = min(max(pairs, 0.0), 1.0)
    return correlation + (1.0 - correlation) * count


def effective_observations(changes: FloatArray, block: int, seed: int = 1) -> float:
    """Return how many independent changes the changes [N] count for in their mean: at most N.

    N × variance of one change / N / variance of the mean, the latter by circular block bootstrap (`intervals`).
    The formulas above take changes for independent; equity changes of neighbouring intervals share a position.
    """
    values = checked_changes(changes, _CODE)
    centred = values - np.mean(values)
    alone = float(np.mean(centred * centred)) / len(values)
    means = block_means(centred[:, None], block, _RESAMPLES, seed)[:, 0]
    together = float(np.mean(means * means))
    return len(values) * min(alone / together, 1.0) if together > alone else float(len(values))


def _error_factor(shape: Shape) -> float:
    """Return √(1 − γ3 SR + (γ4 − 1) / 4 SR²): the standard error of a Sharpe ratio times √(n − 1)."""
    inside = 1.0 - shape.skew * shape.sharpe + 0.25 * (shape.kurtosis - 1.0) * shape.sharpe * shape.sharpe
    return math.sqrt(max(inside, 1e-12))  # moments of real samples keep it above 0; rounding may not
