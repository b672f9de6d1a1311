"""Exact arithmetic on int64 columns: what cannot overflow stays int64, the rest becomes Python integers."""

from __future__ import annotations

from typing import Any

import numpy as np

INT64_SAFE = 1 << 62
_LOW_BITS = 32
_LOW_MASK = (1 << _LOW_BITS) - 1

Column = Any  # int64 [n], or object [n] of Python integers


def largest(values: Column) -> int:
    """Return the largest absolute value of a column, 0 for an empty one."""
    if not len(values):
        return 0
    return max(abs(int(values.min())), abs(int(values.max())))


def total(values: Column) -> int:
    """Return the exact sum of a column of fewer than 2^31 rows."""
    if not len(values):
        return 0
    if values.dtype == object:
        return int(sum(values.tolist()))
    high = int((values >> _LOW_BITS).sum())
    low = int((values & _LOW_MASK).sum())
    return (high << _LOW_BITS) + low


def multiply(*factors: Column | int) -> Column:
    """Return the product of columns and integers, row by row, exactly."""
    bound = 1
    for factor in factors:
        bound *= abs(factor) if isinstance(factor, int) else largest(factor)
    exact = [factor if isinstance(factor, int) else _wide(factor, bound) for factor in factors]
    product: Column = exact[0]
    for factor in exact[1:]:
        product = product * factor
    return product


def add(left: Column, right: Column) -> Column:
    """Return the sum of two columns, row by row, exactly."""
    bound = largest(left) + largest(right)
    return _wide(left, bound) + _wide(right, bound)


def subtract(left: Column, right: Column) -> Column:
    """Return left minus right, row by row, exactly."""
    bound = largest(left) + largest(right)
    return _wide(left, bound) - _wide(right, bound)


def divide_half_up(top: Column, low: Column) -> Column:
    """Return top / low rounded half up, row by row; top >= 0, low > 0."""
    return add(top, low // 2) // low


def dot(left: Column, right: Column) -> int:
    """Return the exact sum of products."""
    return total(multiply(left, right))


def _wide(values: Column, bound: int) -> Column:
    """Return the column as Python integers if a result of size `bound` could not be held by int64."""
    return values.astype(object) if bound >= INT64_SAFE and values.dtype != object else values


def floats(values: Column) -> Any:
    """Return a column as float64, for statistics and pictures only."""
    return np.asarray(values, dtype=np.float64)
