"""Sums of int64 columns are those of Python's integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.report import sums

INT64 = st.integers(-(2**63) + 1, 2**63 - 1)
COLUMNS = st.lists(st.tuples(INT64, INT64), max_size=50)


@given(st.lists(INT64, max_size=200))
def test_total_is_exact(values: list[int]) -> None:
    """No sum overflows, whatever the column holds."""
    assert sums.total(np.array(values, np.int64)) == sum(values)


@given(COLUMNS)
def test_products_and_sums_of_columns_are_exact(pairs: list[tuple[int, int]]) -> None:
    """Products, sums and differences grow into Python integers where int64 ends."""
    a = np.array([x for x, _ in pairs], np.int64)
    b = np.array([y for _, y in pairs], np.int64)
    assert sums.dot(a, b) == sum(x * y for x, y in pairs)
    assert sums.multiply(a, b, 7).tolist() == [x * y * 7 for x, y in pairs]
    assert sums.add(a, b).tolist() == [x + y for x, y in pairs]
    assert sums.subtract(a, b).tolist() == [x - y for x, y in pairs]


def test_what_just_does_not_fit_becomes_python_integers() -> None:
    """A product with a number, one of two columns, and a sum whose second column is the large one."""
    large = np.array([1 << 61], np.int64)
    assert sums.multiply(large, 7).tolist() == [7 << 61]
    assert sums.multiply(np.array([1 << 40]), np.array([1 << 20]), 8).tolist() == [1 << 63]
    assert sums.add(np.array([1 << 62]), np.array([1 << 62])).tolist() == [1 << 63]
    assert sums.add(np.array([1]), np.array([(1 << 63) - 1])).tolist() == [1 << 63]
    assert sums.subtract(np.array([-2]), np.array([(1 << 63) - 1])).tolist() == [-1 - (1 << 63)]


def test_the_largest_is_without_its_sign() -> None:
    assert sums.largest(np.array([-5, 3], np.int64)) == 5
    assert sums.largest(np.zeros(0, np.int64)) == 0
    assert sums.multiply(np.array([-(1 << 61)], np.int64), 7).tolist() == [-(7 << 61)]


def test_small_products_stay_int64() -> None:
    """The usual case keeps numpy's speed."""
    assert sums.multiply(np.arange(5), np.arange(5), 1000).dtype == np.int64


@pytest.mark.parametrize(("top", "low", "expected"), [(5, 2, 3), (7, 3, 2), (8, 3, 3), (0, 9, 0), (2**62, 3, (2**62 + 1) // 3)])
def test_division_rounds_half_up(top: int, low: int, expected: int) -> None:
    """As the ledger rounds the notional of inverse contracts."""
    assert int(sums.divide_half_up(np.array([top]), np.array([low]))[0]) == expected
