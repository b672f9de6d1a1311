"""The last values that a row may have, and the first that it may not."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.errors import TapeError
from simcore.records import BOTH_BITS, TIME_END, UNITS_MAX, Chunk
from simcore.tape.check import RowCheck


def row(time: int, price: int, lots: int) -> Chunk:
    """One level row at a time on both clocks."""
    column = lambda value: np.array([value], np.int64)  # noqa: E731 - six columns of one row
    return Chunk(column(time), column(time), np.array([BOTH_BITS], np.uint8), column(price), column(lots), np.zeros(0, np.int64))


@pytest.mark.parametrize(("time", "price", "lots"), [(1, 1, 0), (TIME_END - 1, UNITS_MAX, UNITS_MAX)])
def test_the_ends_of_the_ranges_are_in_them(time: int, price: int, lots: int) -> None:
    check = RowCheck("tape")
    check.check(row(time, price, lots), 0)
    assert check.last == (time, time)


@pytest.mark.parametrize(
    ("time", "price", "lots"), [(TIME_END, 1, 1), (0, 1, 1), (1, UNITS_MAX + 1, 1), (1, 0, 1), (1, 1, UNITS_MAX + 1), (1, 1, -1)]
)
def test_beyond_them_a_row_is_refused(time: int, price: int, lots: int) -> None:
    with pytest.raises(TapeError, match="row 7") as caught:
        RowCheck("tape").check(row(time, price, lots), 7)
    assert caught.value.code in {"TAPE-007", "TAPE-009"}
