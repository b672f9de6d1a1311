"""Ticks and lots: exact for every decimal that a source can write, tolerant of computed floats, never of small values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from simcore.errors import ConvertError
from simcore.tape.convert.grid import infer_size, is_on_grid, to_multiples

STEPS = st.tuples(st.sampled_from((1, 2, 5, 25, 3)), st.integers(-12, 3))


@given(step=STEPS, count=st.integers(1, (1 << 52) - 1))
@example(step=(1, -12), count=(1 << 52) - 1)
@example(step=(1, -8), count=45)
def test_a_decimal_on_the_grid_becomes_its_exact_multiple(step: tuple[int, int], count: int) -> None:
    """Up to 2^52 steps, whatever the step: the float of the text is enough."""
    whole, power = step
    if count * whole * 10 ** max(power, 0) > 1 << 53:
        count = max((1 << 52) // whole // 10 ** max(power, 0), 1)
    multiples, is_on = to_multiples(np.array([float(f"{count * whole}e{power}")]), f"{whole}e{power}")
    assert (int(multiples[0]), bool(is_on[0])) == (count, True)


@given(step=STEPS, count=st.integers(0, 10**6), part=st.integers(1, 999))
def test_a_decimal_off_the_grid_is_refused_however_small(step: tuple[int, int], count: int, part: int) -> None:
    """A thousandth of a step is not on the grid, nor is a value of less than half a step a zero."""
    whole, power = step
    value = float(f"{count * whole * 1000 + part * whole}e{power - 3}")
    assert not is_on_grid(np.array([value]), f"{whole}e{power}")[0]


def test_a_price_far_below_the_step_is_not_zero_steps() -> None:
    """Case 22. 4.5e-7 is not 0 × 1."""
    assert is_on_grid(np.array([4.5e-7, 1e-300, 0.0]), "1").tolist() == [False, False, True]


def test_computed_values_are_on_the_grid() -> None:
    values = np.array([0.1 + 0.2, 1.1 * 3, 4799.25 * 1.0000000000000002, 1e5 / 3 * 3])
    assert is_on_grid(values, "0.05").all()


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ([0.00000045, 0.00000046], "0.00000001"), ([0.00000002, 0.00000003], "0.00000001"), ([1e-12, 3e-12], "0.000000000001"),
        ([12.00000001, 3.0], "0.00000001"), ([1.0000001, 2.0], "0.0000001"), ([900000000.0, 900000001.0], "1"),
        ([0.1 + 0.2, 0.4], "0.1"), ([621368.7, 560.0, 60000.1], "0.1"), ([0.00000045, 1000.0], "0.00000005"),
    ],
)  # fmt: skip
def test_the_step_of_small_and_of_mixed_values_is_inferred(values: list[float], size: str) -> None:
    assert infer_size(np.array(values), "tick_size") == size


@given(step=STEPS, counts=st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_the_inferred_step_divides_every_value_exactly(step: tuple[int, int], counts: list[int]) -> None:
    whole, power = step
    values = np.array([float(f"{count * whole}e{power}") for count in counts])
    size = infer_size(values, "lot_size")
    multiples, is_on = to_multiples(values, size)
    assert is_on.all()
    assert [float(f"{int(k)}e0") * float(size) == pytest.approx(v, rel=1e-15) for k, v in zip(multiples, values, strict=True)]


def test_values_that_need_more_than_the_integer_range_are_not_guessed() -> None:
    with pytest.raises(ConvertError, match="CONV-005"):
        infer_size(np.array([1e9 + 0.1, 1e-9]), "tick_size")
