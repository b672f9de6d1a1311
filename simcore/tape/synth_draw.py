"""Draws of the synthetic flow: uniform, Pareto and normal, from tables, with + - * / and sqrt only.

`fill_tables` builds the tables with `kernels.dmath`, so that no libm and no platform decides a bit of a tape.
The series leave an absolute error below 1e-12 in `fast_log` and a relative one below 1e-12 in `fast_exp`.
"""

from __future__ import annotations

import math

from simcore.jit import kernel
from simcore.kernels.dmath import exp, log, normal_quantile
from simcore.records import Record
from simcore.rng import draw
from simcore.tape.synth_state import EXP_CELLS, LOG_CELLS, NORMAL_CELLS, POWERS

FLOW, LATENCY, TRADE_LATENCY = 1, 2, 3  # streams: what moves the market; what delays the feed
LN2 = 0.6931471805599453
_TO_BITS = 4503599627370496.0  # 2^52
_HALF_BITS = 26
_HALF_MASK = (1 << _HALF_BITS) - 1
_HALF_UNIT = 1.0 / (1 << _HALF_BITS)
_TAIL = 8  # cells of the normal table at each end that are computed, not interpolated


@kernel
def fill_tables(sim: Record) -> None:
    """Fill the tables of logarithms and their midpoints, exponentials, powers of e, and normal quantiles."""
    for i in range(LOG_CELLS):
        mid = 0.5 + (i + 0.5) / (2 * LOG_CELLS)
        sim.log_table[i] = log(mid)
        sim.mid_table[i] = 1.0 / mid
    for i in range(EXP_CELLS):
        sim.exp_table[i] = exp(float(i) / EXP_CELLS)
    for i in range(POWERS):
        sim.power_table[i] = exp(float(-i))
    for i in range(NORMAL_CELLS + 1):
        sim.normal_table[i] = normal_quantile(min(max(float(i), 1.0), NORMAL_CELLS - 1.0) / NORMAL_CELLS)


@kernel
def uniform(sim: Record) -> float:
    """Return the next draw of the flow in (0, 1)."""
    index = sim.draws
    sim.draws = index + 1
    return draw(sim.seed, FLOW, index)


@kernel
def pareto(sim: Record, tail: float) -> float:
    """Return a Pareto draw >= 1 with P(x > v) = v^-tail."""
    return fast_exp(sim, -fast_log(sim, uniform(sim)) / tail)


@kernel
def feed_normal(sim: Record, stream: int) -> float:
    """Return the normal of a feed stream for the current message."""
    return fast_normal(sim, draw(sim.seed, stream, sim.message))


@kernel
def two_normals(sim: Record) -> tuple[float, float]:
    """Split the next uniform of 52 bits into two independent normals of 26 bits each."""
    bits = int(uniform(sim) * _TO_BITS)
    high = ((bits >> _HALF_BITS) + 0.5) * _HALF_UNIT
    low = ((bits & _HALF_MASK) + 0.5) * _HALF_UNIT
    return fast_normal(sim, high), fast_normal(sim, low)


@kernel
def fast_normal(sim: Record, p: float) -> float:
    """Return the standard normal quantile of p in (0, 1): linear between table points, exact in the tails."""
    position = p * NORMAL_CELLS
    cell = int(position)
    if cell < _TAIL or cell >= NORMAL_CELLS - _TAIL:
        return normal_quantile(p)
    below = sim.normal_table[cell]
    return float(below + (position - cell) * (sim.normal_table[cell + 1] - below))


@kernel
def fast_log(sim: Record, x: float) -> float:
    """Return ln x for 2^-64 < x < 1."""
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
    r = x * sim.mid_table[cell] - 1.0
    series = r * (1.0 - r * (0.5 - r * (0.3333333333333333 - r * (0.25 - r * 0.2))))
    return float(sim.log_table[cell] + series - shift * LN2)


@kernel
def fast_exp(sim: Record, x: float) -> float:
    """Return e^x for x <= 40; 0 below -63, e^40 above 40."""
    x = min(x, 40.0)
    whole = math.floor(x)
    if whole < 1 - POWERS:
        return 0.0
    cell = int((x - whole) * EXP_CELLS)
    r = x - whole - float(cell) / EXP_CELLS
    series = 0.16666666666666666 + r * (0.041666666666666664 + r * 0.008333333333333333)
    series = 1.0 + r * (1.0 + r * (0.5 + r * series))
    value = sim.exp_table[cell] * series
    return float(value * sim.power_table[-whole] if whole <= 0 else value / sim.power_table[whole])
