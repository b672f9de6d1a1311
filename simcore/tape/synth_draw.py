"""Draws of the synthetic flow: exponential, Pareto and normal, from tables, with + - * / and sqrt only.

The tables are built once with `kernels.dmath`, so that no libm and no platform decides a bit of a tape.
Absolute error of `fast_log` and relative error of `fast_exp` are below 1e-12.
"""

from __future__ import annotations

import math

import numpy as np

from simcore.jit import kernel
from simcore.kernels.dmath import exp, log, normal_quantile
from simcore.rng import draw

LOG_CELLS = 256
NORMAL_CELLS = 4096
LN2 = 0.6931471805599453
_TO_BITS = 4503599627370496.0  # 2^52
_HALF_BITS = 26
_HALF_MASK = (1 << _HALF_BITS) - 1
_HALF_UNIT = 1.0 / (1 << _HALF_BITS)

_LOGS = np.array([log(0.5 + (i + 0.5) / (2 * LOG_CELLS)) for i in range(LOG_CELLS)])
_MIDS = np.array([1.0 / (0.5 + (i + 0.5) / (2 * LOG_CELLS)) for i in range(LOG_CELLS)])
_EXPS = np.array([exp(i / 64.0) for i in range(64)])
_POWERS = np.array([exp(float(-i)) for i in range(64)])
_NORMALS = np.array([normal_quantile(max(i, 1) / NORMAL_CELLS) for i in range(NORMAL_CELLS)] + [0.0])
_TAIL = 8  # cells at each end that are computed, not interpolated


@kernel
def fast_log(x: float) -> float:
    """Return ln x for 2^-64 < x <= 1."""
    shift = 0
    while x < 1.52587890625e-05:  # 2^-16
        x *= 65536.0
        shift += 16
    while x < 0.00390625:  # 2^-8
        x *= 256.0
        shift += 8
    while x < 0.5:
        x *= 2.0
        shift += 1
    cell = min(int((x - 0.5) * (2 * LOG_CELLS)), LOG_CELLS - 1)
    r = x * _MIDS[cell] - 1.0
    series = r * (1.0 - r * (0.5 - r * (0.3333333333333333 - r * (0.25 - r * 0.2))))
    return _LOGS[cell] + series - shift * LN2


@kernel
def fast_exp(x: float) -> float:
    """Return e^x for x <= 40; 0 below -63."""
    whole = int(math.floor(x))
    cell = int((x - whole) * 64.0)
    r = x - whole - cell * 0.015625
    series = 1.0 + r * (1.0 + r * (0.5 + r * (0.16666666666666666 + r * (0.041666666666666664 + r * 0.008333333333333333))))
    value = _EXPS[cell] * series
    if whole < -63:
        return 0.0
    return value * _POWERS[-whole] if whole <= 0 else value / _POWERS[min(whole, 40)]


@kernel
def fast_normal(p: float) -> float:
    """Return the standard normal quantile of p in (0, 1): linear between 4096 table points, exact in the tails."""
    position = p * NORMAL_CELLS
    cell = int(position)
    if cell < _TAIL or cell >= NORMAL_CELLS - _TAIL:
        return normal_quantile(p)
    below = _NORMALS[cell]
    return below + (position - cell) * (_NORMALS[cell + 1] - below)


@kernel
def two_normals(u: float) -> tuple[float, float]:
    """Split one uniform of 52 bits into two independent normals of 26 bits each."""
    bits = int(u * _TO_BITS)
    high = ((bits >> _HALF_BITS) + 0.5) * _HALF_UNIT
    low = ((bits & _HALF_MASK) + 0.5) * _HALF_UNIT
    return fast_normal(high), fast_normal(low)


@kernel
def feed_normal(seed: int, stream: int, index: int) -> float:
    return fast_normal(draw(seed, stream, index))
