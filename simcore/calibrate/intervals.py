"""Confidence intervals of means of dependent changes, by circular block bootstrap.

Profits of neighbouring intervals depend on each other: one position lives through many of them. Drawing single changes
would break that and give too narrow an interval; drawing blocks of neighbours keeps it inside the blocks.

Sources: Politis & Romano 1992, "A circular block-resampling procedure for stationary data" (the blocks; the stationary
bootstrap of the same authors, 1994, draws their lengths as well and has the larger variance: Lahiri 1999, "Theoretical
comparisons of block bootstrap methods"); Politis & White 2004, "Automatic block-length selection for the dependent
bootstrap", with the correction of Patton, Politis & White 2009 (the length).

The length that is best for estimating a variance is too short for an interval, and few blocks know their own spread badly:
percentiles of resamples alone cover too rarely, as rarely as 81 % instead of 95 %. So intervals take longer blocks and
are widened by what few blocks lack (`interval_block`, `widening`), as the fixed-b tests of Kiefer & Vogelsang 2005, "A new
asymptotic theory for heteroskedasticity-autocorrelation robust tests", and Lazarus, Lewis, Stock & Watson 2018, "HAR
inference: recommendations for practice", take Student's tails for few blocks. tests/calibrate/test_intervals.py has the coverage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from simcore.calibrate.draws import picks
from simcore.errors import CalibrateError
from simcore.records import FloatArray

STREAM = 0x626F6F74  # of the draws of block starts
REPETITIONS = 2000
LEVEL = 0.95
_BATCH_DRAWS = 1 << 20  # bounds the memory of a batch of repetitions, about 100 MB


@dataclass(frozen=True)
class Interval:
    """A confidence interval of a figure, in the figure's unit. block: observations a block."""

    low: float
    high: float
    estimate: float
    level: float = LEVEL
    block: int = 1

    def times(self, factor: float) -> Interval:
        """Return the interval of the figure times a factor: of a sum, when this is a mean; of other units."""
        ends = sorted((self.low * factor, self.high * factor))
        return Interval(ends[0], ends[1], self.estimate * factor, self.level, self.block)

    @property
    def excludes_zero(self) -> bool:
        """Whether the figure's sign is known at this level."""
        return self.low > 0.0 or self.high < 0.0


def block_bootstrap_mean(
    changes: FloatArray, *, block: int | None = None, repetitions: int = REPETITIONS, seed: int = 1, level: float = LEVEL
) -> Interval:  # fmt: skip
    """Return the interval of the mean of changes [N], in time order and equally spaced.

    block  observations a block, 1 … N; None: `interval_block`.  The ends are percentiles of the means of `repetitions`
    resamples, widened; the draws depend on seed, repetition and place only.  CAL-001: fewer than 2 changes, or one not finite.
    """
    values = checked_changes(changes)
    length = _checked_block(block, values)
    _check_draws(repetitions, level)
    estimate = float(np.mean(values))
    if float(np.ptp(values)) == 0.0:
        return Interval(estimate, estimate, estimate, level, length)
    away = block_means(values[:, None] - estimate, length, repetitions, seed)[:, 0]
    return _interval(estimate, away, level, length, len(values))


def block_bootstrap_paired(
    first: FloatArray, second: FloatArray, *, block: int | None = None, repetitions: int = REPETITIONS, seed: int = 1,
    level: float = LEVEL,
) -> Interval:  # fmt: skip
    """Return the interval of the mean of first − second, both [N], where first[i] and second[i] belong together.

    Both are drawn with the same blocks, so that what moves both cancels.  CAL-001 as block_bootstrap_mean, or if their
    lengths differ.
    """
    if len(first) != len(second):
        raise CalibrateError("CAL-001", f"pairs: {len(first)} changes of the first, {len(second)} of the second")
    difference = checked_changes(first) - checked_changes(second)
    return block_bootstrap_mean(difference, block=block, repetitions=repetitions, seed=seed, level=level)


def block_means(columns: FloatArray, block: int, repetitions: int, seed: int) -> FloatArray:
    """Return the means [repetitions, K] of resamples of columns [N, K]; all columns are drawn with the same blocks.

    A resample is ceil(N / block) blocks that begin anywhere and go on at the start after the end; the last is cut so that
    N observations are drawn. With centred columns rounding is least.
    """
    count, width = columns.shape
    blocks = -(-count // block)
    last = count - (blocks - 1) * block
    sums = np.zeros((2 * count + 1, width))
    np.cumsum(np.concatenate([columns, columns]), axis=0, out=sums[1:])
    whole, cut = (sums[size : size + count] - sums[:count] for size in (block, last))
    means = np.empty((repetitions, width))
    batch = max(_BATCH_DRAWS // blocks, 1)
    for first in range(0, repetitions, batch):
        past = min(first + batch, repetitions)
        index = np.arange(first * blocks, past * blocks, dtype=np.int64).reshape(past - first, blocks)
        starts = picks(seed, STREAM, index, count)
        for k in range(width):
            means[first:past, k] = whole[starts[:, :-1], k].sum(axis=1) + cut[starts[:, -1], k]
    means /= count
    return means


def interval_block(changes: FloatArray) -> int:
    """Return the block length for an interval: twice `automatic_block`, at least 1.5 N^(1/3), at most a quarter of changes [N]."""
    count = len(checked_changes(changes))
    return max(min(max(2 * automatic_block(changes), math.ceil(1.5 * math.cbrt(count))), count // 4), 1)


def widening(block: int, count: int, level: float) -> float:
    """Return the factor by which the percentiles of resamples of `count` changes fall short of an interval's ends.

    Means over a block vary by 1 − block / count less about the sample's own mean than about the true one; and the spread of
    count / block of them is known no better than with as many degrees of freedom, less one: Student's t over the normal.
    """
    freedom = max(count / block - 1.0, 1.0)
    z = NormalDist().inv_cdf(0.5 + 0.5 * level)
    return student_quantile(z, freedom) / z / math.sqrt(max(1.0 - block / count, 1.0 / count))


def student_quantile(z: float, freedom: float) -> float:
    """Return Student's t at the level of the normal quantile z; within 0.2 % from 3 degrees of freedom on.

    Source: Abramowitz & Stegun 26.7.5 (Cornish-Fisher).
    """
    z2 = z * z
    terms = (
        (z2 + 1.0) / 4.0,
        ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0,
        (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0,
        ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0,
    )
    total = 1.0
    for power, term in enumerate(terms, 1):
        total += term / math.pow(freedom, power)
    return z * total


def automatic_block(changes: FloatArray) -> int:
    """Return the block length, 1 … N / 3, with which the bootstrap estimates the variance of the mean of changes [N] best.

    b = (2 G² / D)^(1/3) N^(1/3), G = Σ λ(k/M) |k| R(k), D = 4/3 (Σ λ(k/M) R(k))², R the autocovariances, λ the flat-top
    window. M is twice the lag after which max(5, log10 N) autocorrelations in a row are below 2 √(log10 N / N).
    Source: Politis & White 2004, section 3.2; Patton, Politis & White 2009.
    """
    values = checked_changes(changes)
    count = len(values)
    longest = max(math.ceil(min(3.0 * math.sqrt(count), count / 3.0)), 1)
    centred = values - np.mean(values)
    spread = float(np.sum(centred * centred))
    if spread == 0.0:
        return 1
    run = max(5, math.ceil(math.log10(count)))
    lags = min(math.ceil(math.sqrt(count)) + run, count - 1)
    covariances = np.array([float(np.sum(centred[k:] * centred[: count - k])) for k in range(lags + 1)]) / count
    small = np.abs(covariances[1:]) < 2.0 * math.sqrt(math.log10(count) / count) * covariances[0]
    quiet = [k for k in range(len(small) - run + 1) if small[k : k + run].all()]
    window = min(2 * max(quiet[0] if quiet else lags, 1), lags)
    k = np.arange(1, window + 1)
    weight = np.where(2 * k <= window, 1.0, 2.0 * (1.0 - k / window))
    bend = 2.0 * float(np.sum(weight * k * covariances[1 : window + 1]))
    variance = float(covariances[0]) + 2.0 * float(np.sum(weight * covariances[1 : window + 1]))  # of the mean, × N
    if variance == 0.0:
        return longest
    best = math.cbrt(1.5 * (bend / variance) * (bend / variance) * count)
    return min(max(math.ceil(best), 1), longest)


def _interval(estimate: float, away: FloatArray, level: float, block: int, count: int) -> Interval:
    """Return the interval of an estimate, away : how far resamples are from it."""
    low, high = np.quantile(away, [0.5 - 0.5 * level, 0.5 + 0.5 * level]) * widening(block, count, level)
    return Interval(estimate + float(low), estimate + float(high), estimate, level, block)


def checked_changes(changes: FloatArray, code: str = "CAL-001") -> FloatArray:
    """Return changes as float64 [N]. code: of the refusal of fewer than 2, or of one that is not finite."""
    values = np.asarray(changes, np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise CalibrateError(code, f"changes of shape {values.shape}: at least 2 in a row are needed")
    if not np.isfinite(values).all():
        raise CalibrateError(code, f"change {int(np.argmin(np.isfinite(values)))} is not finite")
    return values


def _checked_block(block: int | None, values: FloatArray) -> int:
    if block is None:
        return interval_block(values)
    if not 1 <= block <= len(values):
        raise CalibrateError("CAL-001", f"a block of {block} of {len(values)} changes")
    return block


def _check_draws(repetitions: int, level: float) -> None:
    if repetitions < 1:
        raise CalibrateError("CAL-001", f"{repetitions} repetitions: at least 1 is needed")
    if not 0.0 < level < 1.0:
        raise CalibrateError("CAL-001", f"level {level}: between 0 and 1 is needed")
