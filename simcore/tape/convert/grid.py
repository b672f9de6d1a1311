"""Prices and quantities on their grid: which multiple of a step a value is, and which step a set of values has.

Sources write decimals; a float is the one nearest to such a decimal. A multiple of a decimal step, n × m / 10^d with n × m
and 10^d exact in a float, is a single division and so again the nearest float: the two are equal, bit by bit. Values
that were computed, not read, get a tolerance, relative to the step and to themselves: a value below half a step is
no multiple of it, however small.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np

from simcore.errors import ConvertError
from simcore.units import to_decimal

_OFF_GRID = 1e-9  # of the step, and of the value; beyond it a value is not on the grid
_ROUNDED = 4.5e-16  # of the value: two units in the last place, what a computed float may be off
_POWER_EXACT = 22  # 10^22 is the largest power of ten that a float holds exactly
_DIGITS_MAX = 12
_EXACT = 2.0**53  # whole numbers up to here are floats
_EXPONENT_MAX = 30  # of sizes and rates: 1e999999999 written out would not fit any memory


def to_multiples(values: Any, step: str) -> tuple[Any, Any]:
    """Return (nearest multiple of step as whole floats, whether the value is that multiple), each [n]."""
    multiples, error = _nearest(values, step)
    size = float(step)
    tolerance = _OFF_GRID * np.minimum(size, np.abs(values))
    tolerance = np.maximum(tolerance, np.minimum(_ROUNDED * np.abs(values), size / 4))
    return multiples, error <= tolerance


def is_on_grid(values: Any, step: str) -> Any:
    """Return whether each value is a multiple of step."""
    return to_multiples(values, step)[1]


def infer_size(values: Any, name: str) -> str:
    """Return the coarsest step of the form 1, 2, 2.5 or 5 times a power of ten that all values are multiples of.

    First as the decimals that they are; computed values, which are none, with the tolerance. CONV-005 if there are no
    values, or no step of up to 12 decimals fits.
    """
    values = np.unique(values[values > 0])
    for test in (_are_decimals, _are_near_decimals):
        for digits in range(_DIGITS_MAX + 1):
            scaled = values * 10.0**digits
            if not len(values) or float(scaled[-1]) >= _EXACT:
                break
            if test(values, digits):
                whole = int(np.gcd.reduce(np.rint(scaled).astype(np.int64)))
                steps = [n * 10**power for power in range(19) for n in (1, 2, 5, 25)]
                step = max(s for s in steps if whole % s == 0)
                return plain(str(Decimal(step).scaleb(-digits)))
    flag = "--" + name.replace("_", "-")
    raise ConvertError("CONV-005", f"{name} cannot be inferred from {len(values)} different values; give {flag}")


def plain(text: str) -> str:
    """Return a decimal without exponent and trailing zeros: `1E-5` and `0.000010` are `0.00001`."""
    value = to_decimal(text)
    if value and abs(value.adjusted()) > _EXPONENT_MAX:
        raise ValueError(f"{text} is out of range")
    return format(value.normalize(), "f") if value else "0"


def _nearest(values: Any, step: str) -> tuple[Any, Any]:
    """Return (nearest multiple, distance of the value from it)."""
    _, digits, exponent = to_decimal(step).normalize().as_tuple()
    power = int(exponent)
    whole = int("".join(map(str, digits)))
    if power > 0:
        whole, power = whole * 10**power, 0
    if -power > _POWER_EXACT or whole > _EXACT:
        multiples = np.rint(values / float(step))
        return multiples, np.abs(values - multiples * float(step))
    scale = 10.0**-power
    middle = np.rint(values * scale / whole)
    multiples, error = middle, np.abs(values - middle * whole / scale)
    for near in (middle - 1, middle + 1):
        other = np.abs(values - near * whole / scale)
        multiples, error = np.where(other < error, near, multiples), np.minimum(error, other)
    return multiples, error


def _are_decimals(values: Any, digits: int) -> bool:
    """Return whether each value is the float of a decimal of so many digits after the point."""
    scale = 10.0**digits
    return bool((np.rint(values * scale) / scale == values).all())


def _are_near_decimals(values: Any, digits: int) -> bool:
    return bool(is_on_grid(values, f"1e-{digits}").all())
