"""Fit latency models to recorded latencies, leg by leg: constant, lognormal, or the records themselves.

A message that arrives together with the one before it was held up, or not at all: its own latency is at most what was
recorded. Such records count as censored, which leaves the fit of the others unbiased.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simcore.calibrate.fidelity.latency_records import RESPONSE, Leg, Recorded, milliseconds
from simcore.calibrate.fidelity.simplex import minimise
from simcore.errors import CalibrateError
from simcore.records import FloatArray, IntArray
from simcore.units import NS_PER_MS

CONSTANT, LOGNORMAL, SAMPLED = "constant", "lognormal", "recorded"
SAMPLES_MIN = 30  # fewer records are no distribution to draw from
KS_CRITICAL = 0.895  # × 1/√n: Lilliefors' 5 % point for a normal law with fitted mean and deviation (Stephens 1974)
CONSTANT_SPREAD = 1e-3  # of the median, or a microsecond: less is no spread
_LEAST_MS = 1e-6
_Z = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True)
class LegFit:
    """What was fitted to one leg; times in ms.

    chosen  constant, lognormal or recorded (drawn from the records).  median_ms, sigma: of the lognormal, with 95 % intervals.
    ks      largest distance of the lognormal's distribution from the records; ks_limit: above it the lognormal is refused.
    aic     of the lognormal and of the constant, which has no likelihood but where all records agree.
    p50_ms, p99_ms, max_ms  of the records, see `distribution`.  trend: correlation of neighbouring latencies' ranks.
    """

    name: str
    count: int
    held_up: int
    chosen: str
    median_ms: float
    median_low_ms: float
    median_high_ms: float
    sigma: float
    sigma_low: float
    sigma_high: float
    aic: float | None
    ks: float | None
    ks_limit: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    trend: float | None


@dataclass(frozen=True)
class LatencyFit:
    """Models of all legs that were recorded."""

    recorded: Recorded
    legs: tuple[LegFit, ...]
    warnings: tuple[str, ...]


def fit_latency(recorded: Recorded, *, model: str | None = None) -> LatencyFit:
    """Fit each leg, and choose a model for it: by its spread and the KS distance, or the one asked for (see `LegFit.chosen`).

    CAL-035: a model that the records do not allow.
    """
    legs = tuple(_fit_leg(leg, model) for leg in recorded.legs)
    warnings = list(recorded.warnings)
    if recorded.round_trip:
        warnings.append("only round trips are recorded: they stand on the requests, and the response takes no time; give arrived_… to tell them apart")
        unknown = [name for name in ("place", "amend", "cancel") if name not in {leg.name for leg in legs}]
        if unknown:
            warnings.append(f"{', '.join(unknown)}: not recorded, and the response takes no time for them either: their round trips become shorter than configured")
    for leg in legs:
        if leg.count - leg.held_up < SAMPLES_MIN:
            warnings.append(f"{leg.name}: fewer than {SAMPLES_MIN} latencies ({leg.count - leg.held_up}) say little")
        if leg.chosen != CONSTANT and leg.trend is not None and leg.trend > 0.3:
            warnings.append(f"{leg.name}: slow messages come together (rank correlation {leg.trend:.2f} from one to the next); draws do not")
        if leg.chosen == LOGNORMAL and leg.ks is not None and leg.ks > leg.ks_limit:
            warnings.append(f"{leg.name}: no lognormal law (KS distance {leg.ks:.3f}, limit {leg.ks_limit:.3f})")
    return LatencyFit(recorded, legs, tuple(warnings))


def _fit_leg(leg: Leg, model: str | None) -> LegFit:
    ms, free = milliseconds(leg.ns), ~leg.at_most
    own = ms[free]
    if not len(own):
        raise CalibrateError("CAL-035", f"{leg.name}: every message arrived together with the one before it: nothing is known of its latency")
    spread = float(np.ptp(own))
    is_constant = spread <= max(CONSTANT_SPREAD * float(np.median(own)), 1e-3)
    logs = np.log(np.maximum(own, _LEAST_MS))
    mean, sigma, likelihood = _lognormal(logs, np.log(np.maximum(ms[~free], _LEAST_MS)))
    error = sigma / math.sqrt(len(own))
    factor = math.exp(_Z / math.sqrt(2.0 * max(len(own) - 1, 1)))
    known, share = distribution(leg)
    ks, worth = None, float(len(own))
    if sigma > 0.0:
        ks, worth = _distance(np.log(np.maximum(known, _LEAST_MS)), share, _worth(leg, share), mean, sigma)
    limit = KS_CRITICAL / math.sqrt(worth)
    chosen = model or _chosen(is_constant, ks, limit, len(own))
    if chosen == SAMPLED and len(own) < 2:
        raise CalibrateError("CAL-035", f"{leg.name}: {len(own)} latency is no distribution to draw from")
    median, high = (float(known[np.searchsorted(share, level - 1e-12)]) for level in (0.5, 0.99))
    return LegFit(
        leg.name, len(ms), int((~free).sum()), chosen, median if chosen == CONSTANT else math.exp(mean),
        math.exp(mean - _Z * error), math.exp(mean + _Z * error), sigma, sigma / factor, sigma * factor,
        None if is_constant else 4.0 - 2.0 * likelihood, ks, limit, median, high, float(own.max()), _trend(own),
    )  # fmt: skip


def _chosen(is_constant: bool, ks: float | None, limit: float, count: int) -> str:
    if is_constant:
        return CONSTANT
    if ks is not None and ks > limit and count >= SAMPLES_MIN:
        return SAMPLED
    return LOGNORMAL


def _lognormal(logs: FloatArray, most: FloatArray) -> tuple[float, float, float]:
    """Return (mean, deviation, log likelihood of the latencies) of the logarithms; most: upper bounds of censored ones."""
    mean, sigma = float(np.mean(logs)), float(np.std(logs))
    if sigma == 0.0:
        return mean, 0.0, 0.0

    def loss(place: FloatArray) -> float:
        z = (logs - place[0]) / math.exp(place[1])
        total = -0.5 * float(np.sum(z * z)) - len(logs) * (float(place[1]) + 0.5 * math.log(2.0 * math.pi))
        return -(total + _log_below((most - place[0]) / math.exp(place[1])))

    if len(most):
        place, value = minimise(loss, (mean, math.log(sigma)), (0.2 * sigma, 0.2), rounds=200, tolerance=1e-12)
        mean, sigma = float(place[0]), math.exp(float(place[1]))
    else:
        value = loss(np.array([mean, math.log(sigma)]))
    return mean, sigma, -value - float(np.sum(logs))


def _log_below(z: FloatArray) -> float:
    """Return the sum of the logarithms of the normal distribution function."""
    return sum(math.log(max(0.5 * math.erfc(-x / math.sqrt(2.0)), 1e-300)) for x in z.tolist())


def distribution(leg: Leg) -> tuple[FloatArray, FloatArray]:
    """Return (latencies in ms, increasing, the share of messages whose own latency is at most so long).

    Where messages were held up it is the estimate of Kaplan and Meier (1958) for values that are known to be at most so large:
    F(v) is the product of 1 − d / n over larger values, d records there, n of all at most so large.
    """
    ms = milliseconds(leg.ns)
    values, counts = np.unique(ms[~leg.at_most], return_counts=True)
    at_risk = np.searchsorted(np.sort(ms), values, side="right")
    falls = 1.0 - counts / at_risk
    return values, np.concatenate([np.cumprod(falls[::-1])[::-1][1:], [1.0]])


def samples(leg: Leg) -> IntArray:
    """Return latencies to draw from, ns: the records, or where some were held up as many quantiles of their distribution."""
    if not leg.at_most.any():
        return leg.ns
    values, share = distribution(leg)
    count = int((~leg.at_most).sum())
    levels = (np.arange(count) + 0.5) / count
    return np.asarray(np.rint(values[np.searchsorted(share, levels)] * NS_PER_MS), np.int64)


def _worth(leg: Leg, share: FloatArray) -> FloatArray:
    """Return how many latencies that were not held up would know each share of `distribution` as well.

    That is F (1 − F) over the variance of F, which is F² Σ d / (n (n − d)) over larger values (Greenwood 1926): their number
    where none was held up, and fewer the more were, above all at small shares.
    """
    ms = milliseconds(leg.ns)
    values, counts = np.unique(ms[~leg.at_most], return_counts=True)
    at_risk = np.searchsorted(np.sort(ms), values, side="right")
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = counts / (at_risk * (at_risk - counts))
        spread = np.concatenate([np.cumsum(terms[:0:-1])[::-1], [0.0]])
        found = (1.0 - share) / (share * spread)
    return np.where(np.isfinite(found), found, float(counts.sum()))


def _distance(logs: FloatArray, share: FloatArray, worth: FloatArray, mean: float, sigma: float) -> tuple[float, float]:
    """Return the Kolmogorov–Smirnov distance of a distribution of logarithms from a normal law, and what it rests on (`_worth`).

    Where messages were held up shares are not known equally well: it is the distance that is largest for what is known there.
    """
    law = np.array([0.5 * math.erfc(-(x - mean) / (sigma * math.sqrt(2.0))) for x in logs.tolist()])
    # How the share below the least record is spread is not known where messages were held up.
    below = np.concatenate([[0.0 if share[0] < 0.01 or len(share) == 1 else float(law[0])], share[:-1]])
    gaps = np.concatenate([law - below, share - law])
    known = np.concatenate([worth[:1], worth[:-1], worth])
    most = int(np.argmax(gaps * np.sqrt(known)))
    return float(gaps[most]), float(known[most])


def _trend(own: FloatArray) -> float | None:
    """Return the correlation of the ranks of neighbouring latencies; None for fewer than SAMPLES_MIN or equal ones."""
    if len(own) < SAMPLES_MIN or float(np.ptp(own)) == 0.0:
        return None
    ranks = np.argsort(np.argsort(own, kind="stable"), kind="stable").astype(np.float64)
    centred = ranks - ranks.mean()
    return float(np.sum(centred[1:] * centred[:-1]) / np.sum(centred * centred))


def missing_legs(found: LatencyFit) -> tuple[str, ...]:
    """Return the legs of which nothing is recorded."""
    known = {leg.name for leg in found.legs}
    return tuple(name for name in ("place", "amend", "cancel", RESPONSE) if name not in known)
