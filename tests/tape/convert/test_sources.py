"""Files in time order, and the units of times."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.errors import ConvertError
from simcore.tape.convert.sources import CLOCK_STEP_NS, NO_TIME, FileOrder, to_ns

S = 1_000_000_000
DAY = 1_723_161_600 * S


def test_files_in_time_order_pass() -> None:
    order = FileOrder()
    for k in range(3):
        order.check(f"{k}.gz", DAY + k * 10 * S, DAY + (k * 10 + 10) * S)


def test_a_clock_that_was_set_back_a_little_between_files_passes() -> None:
    order = FileOrder()
    order.check("a", DAY, DAY + 10 * S)
    order.check("b", DAY + 10 * S - CLOCK_STEP_NS, DAY + 20 * S)


@pytest.mark.parametrize(("first", "last", "word"), [(-20, -10, "is earlier than"), (-5, 5, "overlaps"), (0, 10, None), (5, 20, "overlaps"), (3, 4, "overlaps")])
def test_files_out_of_order_or_overlapping_are_refused_and_named(first: int, last: int, word: str | None) -> None:
    order = FileOrder()
    order.check("a.gz", DAY, DAY + 10 * S)
    with pytest.raises(ConvertError) as caught:
        order.check("b.gz", DAY + first * S, DAY + last * S)
    assert caught.value.code == "CONV-011"
    assert all(name in caught.value.cause for name in ("a.gz", "b.gz", "2024-08-09 00:00:00.000"))
    assert word is None or word in caught.value.cause


def test_units_are_told_by_size() -> None:
    times = np.array([1_723_161_600_123, 1_723_161_600_123_456, 1_723_161_600_123_456_789, NO_TIME])
    found = to_ns(times, [1, 2, 3, 4], "time").tolist()
    assert found == [1_723_161_600_123_000_000, 1_723_161_600_123_456_000, 1_723_161_600_123_456_789, NO_TIME]
    assert to_ns(np.array([1_723_161_600, NO_TIME, 1_723_161_601]), [1, 2, 3], "time").tolist() == [DAY, NO_TIME, DAY + S]


@pytest.mark.parametrize("time", [0, 5, -7, 999_999_999, 4 * 10**9, 10**11, 4 * 10**12, 10**14, 4 * 10**18, 9 * 10**18])
def test_times_of_no_unit_are_refused_with_their_line(time: int) -> None:
    with pytest.raises(ConvertError, match="line 7: local time"):
        to_ns(np.array([1_723_161_600_123, time]), [6, 7], "local time")


def test_seconds_among_finer_times_are_refused() -> None:
    """Three digits lost are not a change of unit."""
    with pytest.raises(ConvertError, match="line 2"):
        to_ns(np.array([1_723_161_600_123, 1_723_161_600]), [1, 2], "exchange time")
