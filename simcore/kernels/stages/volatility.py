"""An estimate of the mid's volatility, for the formulas that ask for sigma."""

from __future__ import annotations

import math
from typing import NamedTuple

from simcore.jit import kernel
from simcore.units import NS_PER_S

SAMPLE_S = 1.0  # shorter steps would measure how the mid bounces between the quotes
SAMPLES_MIN = 30.0  # fewer say nothing


class VolatilityMemory(NamedTuple):
    """last_mid_ticks, last_ns: mid and time of the last sample, 0 before the first; variance: bps^2 a second."""

    last_mid_ticks: float = 0.0
    last_ns: float = 0.0
    variance: float = 0.0
    samples: float = 0.0


@kernel
def observe(memory: VolatilityMemory, mid_ticks: float, elapsed_ns: int, window_s: float) -> VolatilityMemory:
    """Return the memory with the mid's move since the last sample, if that is a second ago.

    The variance is the plain average of (move in bps)^2 / seconds until window_s has passed, and then its moving average with
    the weight seconds / window_s for the newest.
    """
    now_ns = float(elapsed_ns)
    if memory.last_mid_ticks == 0.0:
        return VolatilityMemory(mid_ticks, now_ns, 0.0, 0.0)
    seconds = (now_ns - memory.last_ns) / NS_PER_S
    if seconds < SAMPLE_S:
        return memory
    move_bps = 1e4 * (mid_ticks - memory.last_mid_ticks) / memory.last_mid_ticks
    samples = memory.samples + 1.0
    weight = min(max(seconds / max(window_s, seconds), 1.0 / samples), 1.0)
    variance = memory.variance + weight * (move_bps * move_bps / seconds - memory.variance)
    return VolatilityMemory(mid_ticks, now_ns, variance, samples)


@kernel
def sigma_of(memory: VolatilityMemory, given_bps: float) -> float:
    """Return the volatility in bps per root of a second: the given one if it is not 0, else the measured, -1 if there is none yet."""
    if given_bps > 0.0:
        return given_bps
    return math.sqrt(memory.variance) if memory.samples >= SAMPLES_MIN else -1.0
