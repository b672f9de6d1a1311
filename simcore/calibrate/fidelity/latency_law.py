"""Is it a lognormal law? A normal law fitted to logarithms of which some are only known to be at most so large, and its test.

A message that arrives with the one before it was held up, so its own latency is at most what was recorded. The test of fit
is the Kolmogorov–Smirnov distance, weighted by how well each share is known, as Hall and Wellner's bands are. No table has
its limit: `latency_limit` tries it.

Sources: Kaplan & Meier 1958 (the shares); Hall & Wellner 1980, "Confidence bands for a survival curve from censored data" (the
weights, which are all 1 where none was held up); Olsen 1978, "Note on the uniqueness of the maximum likelihood estimator for
the Tobit model" (the form in which the likelihood has one peak).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from simcore.jit import entry, kernel
from simcore.kernels import dmath
from simcore.records import FloatArray, IntArray

_STEPS = 60
_CLOSE = 1e-10
_SHARE_LEAST = 0.01  # below it nothing is left to spread


class Law(NamedTuple):
    """A normal law of logarithms, and the log likelihood of them."""

    mean: float
    sigma: float
    likelihood: float


class Distance(NamedTuple):
    """Distance of records from a law where it counts most. gap: of the shares.  worth: records, weighted by what is known there."""

    gap: float
    worth: float

    @property
    def scaled(self) -> float:
        """The gap in units of 1 / √worth."""
        return self.gap * math.sqrt(self.worth)


def fit_law(logs: FloatArray, held: IntArray) -> Law:
    """Return the normal law with the largest likelihood. held: 1 where a logarithm is only known to be at most so large."""
    return Law(*_fit(np.ascontiguousarray(logs, np.float64), np.ascontiguousarray(held, np.int64)))


def distance(logs: FloatArray, held: IntArray, law: Law) -> Distance:
    """Return how far logarithms are from a law whose sigma is above 0."""
    order = np.argsort(logs, kind="stable")
    return Distance(*_distance(np.ascontiguousarray(logs[order], np.float64), np.ascontiguousarray(held[order], np.int64), law.mean, law.sigma))


@entry
def normal_draws(uniform: FloatArray) -> FloatArray:
    """Return standard normal draws of uniform ones."""
    drawn = np.empty_like(uniform)
    for k in range(uniform.shape[0]):
        drawn[k] = dmath.normal_quantile(uniform[k])
    return drawn


@kernel
def _below(z: float) -> float:
    """Return the normal distribution function."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@kernel
def _hazard(z: float) -> float:
    """Return the normal density over the distribution function, which is −z far below."""
    if z < -30.0:
        return -z
    return dmath.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / _below(z)


@entry
def _fit(logs: FloatArray, held: IntArray) -> tuple[float, float, float]:
    """Return (mean, sigma, log likelihood) by Newton's method in a = 1 / sigma and b = mean / sigma, in which there is one peak."""
    count, free, total, squares = logs.shape[0], 0, 0.0, 0.0
    for k in range(count):
        if held[k] == 0:
            free += 1
            total += logs[k]
    mean = total / free
    for k in range(count):
        if held[k] == 0:
            squares += (logs[k] - mean) * (logs[k] - mean)
    sigma = math.sqrt(squares / free)
    if sigma == 0.0:
        return mean, 0.0, 0.0
    shift, scale = mean, sigma  # the search is in units of the records that were not held up
    a, b = 1.0, 0.0
    if free < count:
        value = _likelihood(logs, held, shift, scale, a, b)
        for _ in range(_STEPS):
            step_a, step_b = _newton(logs, held, shift, scale, a, b)
            part = 1.0
            while part > 1e-6:
                wanted_a, wanted_b = a + part * step_a, b + part * step_b
                if wanted_a > 0.0:
                    reached = _likelihood(logs, held, shift, scale, wanted_a, wanted_b)
                    if reached >= value:
                        a, b, value = wanted_a, wanted_b, reached
                        break
                part *= 0.5
            if part <= 1e-6 or abs(step_a) + abs(step_b) < _CLOSE:
                break
    likelihood = _likelihood(logs, held, shift, scale, a, b) - free * dmath.log(scale) - total
    return shift + scale * b / a, scale / a, likelihood


@kernel
def _likelihood(logs: FloatArray, held: IntArray, shift: float, scale: float, a: float, b: float) -> float:
    """Return the log likelihood of scaled records."""
    value = 0.0
    for k in range(logs.shape[0]):
        z = a * (logs[k] - shift) / scale - b
        if held[k] == 0:
            value += dmath.log(a) - 0.5 * z * z - 0.5 * dmath.log(2.0 * math.pi)
        elif z < -30.0:
            value += -0.5 * z * z - dmath.log(-z) - 0.5 * dmath.log(2.0 * math.pi)
        else:
            value += dmath.log(_below(z))
    return value


@kernel
def _newton(logs: FloatArray, held: IntArray, shift: float, scale: float, a: float, b: float) -> tuple[float, float]:
    """Return Newton's step of a and b."""
    slope_a, slope_b, bend_aa, bend_ab, bend_bb = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(logs.shape[0]):
        x = (logs[k] - shift) / scale
        z = a * x - b
        if held[k] == 0:
            slope_a += 1.0 / a - z * x
            slope_b += z
            bend_aa += 1.0 / (a * a) + x * x
            bend_ab += -x
            bend_bb += 1.0
        else:
            hazard = _hazard(z)
            bend = hazard * (z + hazard)
            slope_a += hazard * x
            slope_b += -hazard
            bend_aa += bend * x * x
            bend_ab += -bend * x
            bend_bb += bend
    area = bend_aa * bend_bb - bend_ab * bend_ab
    if area <= 0.0:
        return slope_a / bend_aa, slope_b / bend_bb
    return (bend_bb * slope_a - bend_ab * slope_b) / area, (bend_aa * slope_b - bend_ab * slope_a) / area


@entry
def _distance(logs: FloatArray, held: IntArray, mean: float, sigma: float) -> tuple[float, float]:
    """Return (gap, worth) where gap · √worth is largest; logs are sorted. From the largest record downwards."""
    count, free, least = logs.shape[0], 0, -1
    for k in range(count):
        if held[k] == 0:
            free += 1
            least = k if least < 0 else least
    share, spread, worth = 1.0, 0.0, float(count)
    best_gap, best_worth = 0.0, float(count)
    last = count - 1
    while last >= 0:
        first, told = last, 1 - held[last]
        while first > 0 and logs[first - 1] == logs[last]:
            first -= 1
            told += 1 - held[first]
        at_risk = last + 1
        last = first - 1
        if told == 0:
            continue
        law = _below((logs[first] - mean) / sigma)
        if (share - law) * math.sqrt(worth) > best_gap * math.sqrt(best_worth):
            best_gap, best_worth = share - law, worth
        top = share
        share *= 1.0 - told / at_risk
        if share > 0.0:
            spread += told / (at_risk * (at_risk - float(told)))
            known = share * (1.0 + count * spread)
            worth = count / (known * known)
        # How the share below the least record is spread is not known where messages were held up.
        is_least = first <= least
        if is_least and free < count and free > 1 and top >= _SHARE_LEAST:
            continue
        floor = 0.0 if is_least else share
        if (law - floor) * math.sqrt(worth) > best_gap * math.sqrt(best_worth):
            best_gap, best_worth = law - floor, worth
    return best_gap, best_worth
