"""Probability of back-test over-fitting, by combinatorially symmetric cross-validation.

Time is cut into S blocks. Each half of them in turn is the sample in which the best trial is chosen, and the other half the
one in which its rank among all trials is looked up. Where choosing means anything, the chosen one is good there as well.

Source: Bailey, Borwein, López de Prado & Zhu 2017, "The probability of backtest overfitting", Journal of Computational
Finance 20(4) (first circulated in 2013).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from simcore.errors import CalibrateError
from simcore.records import FloatArray, IntArray

BLOCKS = 16  # the paper's; 12,870 combinations
BLOCKS_MAX = 20  # 184,756 combinations
MEASURES = ("mean", "sharpe")
POINTS = 201  # of the distribution functions
_CELLS = 1 << 20  # bounds the memory of a batch of combinations, about 50 MB


@dataclass(frozen=True)
class Dominance:
    """Distribution functions, at values [POINTS], of what the chosen trial and what any trial had out of sample.

    first   the chosen one's is nowhere above: whatever bar is set, choosing clears it as often or oftener.
    second  its integral is nowhere above: nobody who dislikes risk prefers a trial at random.
    """

    values: FloatArray
    chosen: FloatArray
    any_trial: FloatArray
    first: bool
    second: bool


@dataclass(frozen=True)
class Cscv:
    """What the C combinations gave.

    logits           [C] ln(ω / (1 − ω)), ω the rank of the chosen trial out of sample over T + 1, ties averaged; 0 is the middle.
    chosen           [C] number of the trial that was best in sample, the first of equals.
    inside, outside  [C] its performance in and out of sample.
    pbo              share of logits <= 0: how often the chosen trial is no better than the middle out of sample.
    loss             share of outside below 0.
    slope, intercept, r_squared  of the line of outside over inside; None if inside is the same everywhere.
    """

    blocks: int
    measure: str
    logits: FloatArray
    chosen: IntArray
    inside: FloatArray
    outside: FloatArray
    pbo: float
    loss: float
    slope: float | None
    intercept: float | None
    r_squared: float | None
    dominance: Dominance


def cscv(changes: FloatArray, blocks: int = BLOCKS, measure: str = "mean") -> Cscv:
    """Cross-validate the choice of the best of T trials from changes [N intervals, T], in time order.

    blocks   S, even, 2 … BLOCKS_MAX, at most N; blocks differ in length by one interval at most.
    measure  "mean": of changes; "sharpe": their mean over their standard deviation (0 where nothing changes).
    CAL-081: a shape, number of blocks or measure that cannot be; a change that is not finite.
    """
    values = np.asarray(changes, np.float64)
    if values.ndim != 2:
        raise CalibrateError("CAL-081", f"changes of shape {values.shape}: one column a trial is needed")
    return cscv_of(values.T, blocks, measure)


def cscv_of(series: Iterable[FloatArray], blocks: int = BLOCKS, measure: str = "mean") -> Cscv:
    """Do the same with one series of changes [N] a trial, which are read once and not kept."""
    samples = _summed(series, blocks, measure)
    halves = np.array(list(itertools.combinations(range(blocks), blocks // 2)), np.int64)
    parts = [_ranked(inside, outside) for inside, outside in samples.batches(halves)]
    chosen, inside, outside, omega = (np.concatenate(column) for column in zip(*parts, strict=True))
    logits = np.log(omega / (1.0 - omega))
    slope, intercept, r_squared = line_of(inside, outside)
    return Cscv(
        blocks, measure, logits, chosen.astype(np.int64), inside, outside, float(np.mean(logits <= 0.0)),
        float(np.mean(outside < 0.0)), slope, intercept, r_squared, _dominance(samples, halves, outside),
    )  # fmt: skip


def line_of(x: FloatArray, y: FloatArray) -> tuple[float | None, float | None, float | None]:
    """Return slope, intercept and R² of the line of y over x by least squares; all None if x does not vary."""
    across, up = x - np.mean(x), y - np.mean(y)
    spread, height, both = float(np.sum(across * across)), float(np.sum(up * up)), float(np.sum(across * up))
    if spread <= 1e-24 * float(np.sum(x * x)):
        return None, None, None
    slope = both / spread
    r_squared = min(slope * both / height, 1.0) if height > 0.0 else 1.0
    return slope, float(np.mean(y)) - slope * float(np.mean(x)), r_squared


@dataclass(frozen=True)
class _Samples:
    """Sums of the blocks: counts [S]; sums and squares [S, T] of the changes less centre [T]."""

    counts: FloatArray
    sums: FloatArray
    squares: FloatArray
    centre: FloatArray
    measure: str

    def batches(self, halves: IntArray) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield the performance in and out of sample, [some combinations, T] each, of all halves [C, S / 2] in order."""
        size = max(_CELLS // self.sums.shape[1], 1)
        others = halves[::-1]  # in lexicographic order the last half is what the first leaves, and so on
        for first in range(0, len(halves), size):
            chosen = slice(first, first + size)
            yield self._performance(halves[chosen]), self._performance(others[chosen])

    def _performance(self, members: IntArray) -> FloatArray:
        count = np.sum(self.counts[members], axis=1)[:, None]
        mean = _added(self.sums, members) / count  # less the centre
        if self.measure == "mean":
            return np.asarray(mean + self.centre)
        variance = (_added(self.squares, members) - count * mean * mean) / (count - 1.0)
        spread = np.sqrt(np.maximum(variance, 0.0))
        still = spread <= 1e-12 * np.abs(self.centre)
        return np.asarray(np.where(still, 0.0, (mean + self.centre) / np.where(still, 1.0, spread)))


def _added(rows: FloatArray, members: IntArray) -> FloatArray:
    """Return the sums [C, T] of the rows [S, T] that each combination [C, S / 2] names.

    Added one by one: a product of matrices would round equal trials differently, and their ranks would no longer tie.
    """
    total = rows[members[:, 0]].copy()
    for place in range(1, members.shape[1]):
        total += rows[members[:, place]]
    return total


def _ranked(inside: FloatArray, outside: FloatArray) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Return the best in sample, its performance in and out of sample, and its rank out of sample over T + 1."""
    best = np.argmax(inside, axis=1)
    rows = np.arange(len(best))
    reached = outside[rows, best]
    below = np.sum(outside < reached[:, None], axis=1)
    equal = np.sum(outside == reached[:, None], axis=1)
    rank = below + 0.5 * (equal + 1.0)
    return best, inside[rows, best], reached, rank / (outside.shape[1] + 1.0)


def _dominance(samples: _Samples, halves: IntArray, reached: FloatArray) -> Dominance:
    """Compare the distribution of the chosen trial's performance out of sample with that of all trials'."""
    low, high = math.inf, -math.inf
    for _, outside in samples.batches(halves):
        low, high = min(low, float(np.min(outside))), max(high, float(np.max(outside)))
    values = np.linspace(low, high, POINTS)
    counts = np.zeros(POINTS, np.int64)
    for _, outside in samples.batches(halves):
        counts += np.searchsorted(np.sort(outside, axis=None), values, side="right")
    trials = samples.sums.shape[1]
    anyone = counts / (len(halves) * trials)
    chosen = np.searchsorted(np.sort(reached), values, side="right") / len(reached)
    gap = anyone - chosen
    return Dominance(values, chosen, anyone, bool((gap >= 0.0).all()), bool((np.cumsum(gap) >= -1e-12).all()))


def _summed(series: Iterable[FloatArray], blocks: int, measure: str) -> _Samples:
    """Return the sums of the blocks of all trials."""
    if measure not in MEASURES:
        raise CalibrateError("CAL-081", f"measure {measure!r}, expected one of {', '.join(MEASURES)}")
    if blocks % 2 or not 2 <= blocks <= BLOCKS_MAX:
        raise CalibrateError("CAL-081", f"{blocks} blocks: an even number from 2 to {BLOCKS_MAX} is needed")
    least = 1 if measure == "mean" else 2  # intervals a block
    found: list[tuple[float, FloatArray, FloatArray]] = []
    length = 0
    for number, values in enumerate(series):
        length = len(values) if number == 0 else length
        if len(values) != length or length < blocks * least:
            raise CalibrateError("CAL-081", f"trial {number}: {len(values)} intervals for {blocks} blocks; the first has {length}")
        if not np.isfinite(values).all():
            raise CalibrateError("CAL-081", f"trial {number}: a change is not finite")
        starts = _starts(length, blocks)
        centre = float(np.mean(values))  # squares of what is far from its mean would lose digits
        apart = values - centre
        found.append((centre, np.add.reduceat(apart, starts), np.add.reduceat(apart * apart, starts)))
    if len(found) < 2:
        raise CalibrateError("CAL-081", f"{len(found)} trials: at least 2 are needed")
    centres, sums, squares = zip(*found, strict=True)
    counts = np.diff(np.append(_starts(length, blocks), length)).astype(np.float64)
    return _Samples(counts, np.stack(sums, axis=1), np.stack(squares, axis=1), np.array(centres), measure)


def _starts(length: int, blocks: int) -> IntArray:
    """Return where the blocks begin: the first length % blocks of them are longer by one."""
    size, longer = divmod(length, blocks)
    return np.arange(blocks, dtype=np.int64) * size + np.minimum(np.arange(blocks), longer)
