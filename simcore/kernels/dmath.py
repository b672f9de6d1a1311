"""exp, log and the normal quantile from + - * / and sqrt only, so that bits do not depend on libm."""

from __future__ import annotations

import math

from simcore.jit import kernel

LN2_HI = 6.93147180369123816490e-01
LN2_LO = 1.90821492927058770002e-10
SQRT_HALF = 0.7071067811865476


@kernel
def exp(x: float) -> float:
    """Return e^x, relative error below 1e-15; 0 below -700, the value at 700 above it.

    Source: range reduction x = k ln 2 + r, |r| <= ln 2 / 2, and the Taylor series of degree 14 in Horner form.
    """
    if x < -700.0:
        return 0.0
    x = min(x, 700.0)
    k = math.floor(x / (LN2_HI + LN2_LO) + 0.5)
    r = (x - k * LN2_HI) - k * LN2_LO
    total = 1.0
    for i in range(14, 0, -1):
        total = 1.0 + r * total / i
    return scale_by_two(total, int(k))


@kernel
def scale_by_two(value: float, exponent: int) -> float:
    """Return value * 2^exponent by repeated exact multiplication."""
    factor = 2.0 if exponent > 0 else 0.5
    steps = abs(exponent)
    while steps > 0:
        if steps & 1:
            value *= factor
        factor *= factor
        steps >>= 1
    return value


@kernel
def log(x: float) -> float:
    """Return ln x for finite x > 0, relative error below 1e-15.

    Source: x = m 2^k, sqrt(1/2) <= m < sqrt(2); ln m = 2 artanh((m - 1) / (m + 1)) as a series.
    """
    assert x > 0.0, "log needs a positive number"
    k = 0
    while x >= 4294967296.0:
        x *= 2.3283064365386963e-10  # 2^-32
        k += 32
    while x < 2.3283064365386963e-10:
        x *= 4294967296.0
        k -= 32
    while x >= 2.0 * SQRT_HALF:
        x *= 0.5
        k += 1
    while x < SQRT_HALF:
        x *= 2.0
        k -= 1
    s = (x - 1.0) / (x + 1.0)
    square = s * s
    total = 0.0
    for i in range(25, 0, -2):
        total = total * square + 1.0 / i
    return k * LN2_HI + (2.0 * s * total + k * LN2_LO)


@kernel
def power(base: float, exponent: float) -> float:
    """Return base^exponent for base >= 0; whole exponents up to 64 by exact repeated multiplication."""
    whole = int(exponent)
    if whole == exponent and 0 <= whole <= 64:
        result = 1.0
        for _ in range(whole):
            result *= base
        return result
    if base <= 0.0:
        return 0.0
    return exp(exponent * log(base))


@kernel
def normal_quantile(p: float) -> float:
    """Return the standard normal quantile of p in (0, 1), relative error below 1.2e-9.

    Source: P. J. Acklam's rational approximation (2003).
    """
    if p < 0.02425:
        q = math.sqrt(-2.0 * log(p))
        return _tail(q)
    if p > 1.0 - 0.02425:
        q = math.sqrt(-2.0 * log(1.0 - p))
        return -_tail(q)
    q = p - 0.5
    r = q * q
    top = -3.969683028665376e01
    for c in (2.209460984245205e02, -2.759285104469687e02, 1.383577518672690e02, -3.066479806614716e01, 2.506628277459239e00):
        top = top * r + c
    low = -5.447609879822406e01
    for c in (1.615858368580409e02, -1.556989798598866e02, 6.680131188771972e01, -1.328068155288572e01, 1.0):
        low = low * r + c
    return top * q / low


@kernel
def _tail(q: float) -> float:
    top = -7.784894002430293e-03
    for c in (-3.223964580411365e-01, -2.400758277161838e00, -2.549732539343734e00, 4.374664141464968e00, 2.938163982698783e00):
        top = top * q + c
    low = 7.784695709041462e-03
    for c in (3.224671290700398e-01, 2.445134137142996e00, 3.754408661907416e00, 1.0):
        low = low * q + c
    return top / low
