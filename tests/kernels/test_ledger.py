"""Money against exact fractions."""

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from simcore.jit import expose
from simcore.kernels import ledger
from simcore.records import ASK, BID
from simcore.units import INVERSE, LINEAR, SPOT

notional, cash_change, proportion, position_value = (
    expose(kernel) for kernel in (ledger.notional, ledger.cash_change, ledger.proportion, ledger.position_value)
)
HALF = Fraction(1, 2)
prices = st.integers(1, 10**7)
quantities = st.integers(0, 10**5)


@given(st.sampled_from((LINEAR, SPOT)), st.integers(1, 10**5), prices, quantities)
def test_linear_notional_is_the_product(kind, scale, price, lots):
    assert notional(kind, scale, price, lots) == price * lots * scale


@given(st.integers(1, 10**13), prices, quantities)
def test_inverse_notional_is_rounded_half_up(scale, price, lots):
    assert notional(INVERSE, scale, price, lots) == floor(Fraction(lots * scale, price) + HALF)


@given(st.integers(0, 4 * 10**18), st.integers(-10_000_000, 10_000_000))
def test_proportions_do_not_overflow_and_round_half_up(value, rate):
    """The largest value and a rate of 10 %: the product alone would need more than 64 bits."""
    assert proportion(value, rate) == floor(Fraction(value * rate, 10**8) + HALF)


def test_who_pays_and_who_gets():
    assert [cash_change(kind, side, 5) for kind in (LINEAR, SPOT) for side in (BID, ASK)] == [-5, 5, -5, 5]
    assert [cash_change(INVERSE, side, 5) for side in (BID, ASK)] == [5, -5]


@given(st.sampled_from((LINEAR, SPOT, INVERSE)), st.integers(1, 10**6), st.integers(-(10**5), 10**5), prices, prices)
def test_a_position_is_valued_at_the_mid_rounded_down(kind, scale, position, bid, ask):
    mid = Fraction(bid + ask, 2)
    exact = Fraction(-position * scale) / mid if kind == INVERSE else position * scale * mid
    assert position_value(kind, scale, position, bid, ask) == floor(exact)


@given(st.sampled_from((LINEAR, SPOT, INVERSE)), st.integers(1, 10**6), prices, st.lists(st.integers(1, 50), max_size=8))
def test_a_round_trip_at_one_price_costs_nothing(kind, scale, price, parts):
    """Bought in parts and sold in the same parts: cash is what it was."""
    cash = sum(cash_change(kind, side, notional(kind, scale, price, lots)) for side in (BID, ASK) for lots in parts)
    assert cash == 0
