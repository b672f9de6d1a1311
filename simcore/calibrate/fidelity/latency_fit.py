"""Fit latency models to recorded latencies, leg by leg: constant, lognormal, or the records themselves.

A message that arrives together with the one before it was held up, or not at all: its own latency is at most what was
recorded. Such records count as censored, which leaves the fit of the others unbiased.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simcore.calibrate.fidelity.latency_law import Law, distance, fit_law
from simcore.calibrate.fidelity.latency_limit import limit_scaled
from simcore.calibrate.fidelity.latency_records import RESPONSE, Leg, Recorded, milliseconds, milliseconds_of_others
from simcore.errors import CalibrateError
from simcore.records import FloatArray, IntArray
from simcore.units import NS_PER_MS

CONSTANT, LOGNORMAL, SAMPLED = "constant", "lognormal", "recorded"
SAMPLES_MIN = 30  # fewer records are no distribution to draw from
CONSTANT_SPREAD = 1e-3  # of the median, or a microsecond: less is no spread
_LEAST_MS = 1e-6
_SEED_BITS = (1 << 62) - 1
_Z = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True)
class LegFit:
    """What was fitted to one leg; times in ms.

    chosen  constant, lognormal or recorded (drawn from the records).  median_ms, sigma: of the lognormal, with 95 % intervals.
    ks      distance of the lognormal's distribution from the records where it counts most; ks_limit: above it the lognormal is refused;
            None where all latencies agree.
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
    ks_limit: float | None
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
        if leg.chosen == LOGNORMAL and leg.ks is not None and leg.ks_limit is not None and leg.ks > leg.ks_limit:
            warnings.append(f"{leg.name}: no lognormal law (KS distance {leg.ks:.3f}, limit {leg.ks_limit:.3f})")
    return LatencyFit(recorded, legs, tuple(warnings))


def _fit_leg(leg: Leg, model: str | None) -> LegFit:
    ms, free = milliseconds(leg.ns), ~leg.at_most
    own = ms[free]
    if not len(own):
        raise CalibrateError("CAL-035", f"{leg.name}: every message arrived together with the one before it: nothing is known of its latency")
    spread = float(np.ptp(own))
    is_constant = spread <= max(CONSTANT_SPREAD * float(np.median(own)), 1e-3)
    logs, held = np.log(np.maximum(ms, _LEAST_MS)), leg.at_most.astype(np.int64)
    law = fit_law(logs, held)
    mean, sigma = law.mean, law.sigma
    error = sigma / math.sqrt(len(own))
    factor = math.exp(_Z / math.sqrt(2.0 * max(len(own) - 1, 1)))
    known, share = distribution(leg)
    ks, limit = None, None
    if sigma > 0.0 and not is_constant:
        away = distance(logs, held, law)
        ks, limit = away.gap, _limit(leg, law) / math.sqrt(away.worth)
    chosen = model or _chosen(is_constant, ks, limit, len(own))
    if chosen == SAMPLED and len(own) < 2:
        raise CalibrateError("CAL-035", f"{leg.name}: {len(own)} latency is no distribution to draw from")
    median, high = (float(known[np.searchsorted(share, level - 1e-12)]) for level in (0.5, 0.99))
    return LegFit(
        leg.name, len(ms), int((~free).sum()), chosen, median if chosen == CONSTANT else math.exp(mean),
        math.exp(mean - _Z * error), math.exp(mean + _Z * error), sigma, sigma / factor, sigma * factor,
        None if is_constant else 4.0 - 2.0 * law.likelihood, ks, limit, median, high, float(own.max()), _trend(own),
    )  # fmt: skip


def _limit(leg: Leg, law: Law) -> float:
    """Return the limit of the distance, times the root of its worth."""
    in_order = bool((np.diff(leg.offsets_ns + leg.ns) >= 0).all()) and bool(leg.at_most.any())
    return limit_scaled(milliseconds(leg.offsets_ns), milliseconds_of_others(leg), law, int(leg.ns.sum()) & _SEED_BITS, keeps_order=in_order)


def _chosen(is_constant: bool, ks: float | None, limit: float | None, count: int) -> str:
    if is_constant:
        return CONSTANT
    if ks is not None and limit is not None and ks > limit and count >= SAMPLES_MIN:
        return SAMPLED
    return LOGNORMAL


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
