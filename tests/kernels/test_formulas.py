"""Closed forms of optimal quotes: the papers' parameters, their limits, and the signs that the papers derive."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.jit import expose
from simcore.kernels import formulas

log1p_ratio = expose(formulas.log1p_ratio)
risk_half_spread = expose(formulas.risk_half_spread)
avellaneda_stoikov_quotes = expose(formulas.avellaneda_stoikov_quotes)
avellaneda_stoikov_spread = expose(formulas.avellaneda_stoikov_spread)
glft_inventory_cost = expose(formulas.glft_inventory_cost)
glft_offsets = expose(formulas.glft_offsets)
arrival_rate = expose(formulas.arrival_rate)

PAPER = {"gamma": 0.01, "sigma": 0.3, "arrival_scale": 0.9, "k": 0.3}  # Guéant et al. 2013: ticks and seconds
positive = st.floats(0.01, 10.0)


def glft(position, impact=0.0, **changes):
    values = PAPER | changes
    return glft_offsets(float(position), values["gamma"], values["sigma"], values["arrival_scale"], values["k"], impact)


@given(st.floats(0.0, 1e6) | st.floats(0.0, 1e-6))
def test_log1p_ratio_keeps_its_digits_at_any_size(x):
    expected = math.log1p(x) / x if x > 1e-300 else 1.0
    assert log1p_ratio(x) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("gamma", "spread"), [(0.01, 1.35), (0.1, 1.49), (1.0, 3.02)])
def test_the_average_spread_is_the_one_that_avellaneda_and_stoikov_print(gamma, spread):
    """sigma 2, k 1.5, horizon 1: the time left is 1/2 on average."""
    assert avellaneda_stoikov_spread(gamma, 2.0, 1.5, 0.5) == pytest.approx(spread, abs=0.005)


def test_avellaneda_stoikov_quotes_are_about_the_reservation_price():
    bid, ask = avellaneda_stoikov_quotes(100.0, 3.0, 0.1, 2.0, 1.5, 0.5)
    assert 0.5 * (bid + ask) == pytest.approx(100.0 - 3.0 * 0.1 * 4.0 * 0.5)
    assert ask - bid == pytest.approx(0.1 * 4.0 * 0.5 + 20.0 * math.log(1.0 + 0.1 / 1.5))


def test_no_risk_aversion_quotes_one_over_k():
    assert avellaneda_stoikov_quotes(100.0, 9.0, 0.0, 2.0, 2.0, 1.0) == (99.5, 100.5)
    assert glft(9, gamma=0.0, k=0.5) == (2.0, 2.0)
    assert glft(9, gamma=1e-14, k=0.5) == pytest.approx((2.0, 2.0), abs=1e-5)


# Position, distance of the bid, distance of the ask: the closed form at the paper's parameters.
CLOSED_FORM = [
    (-2, 3.1772, 3.4486), (-1, 3.2450, 3.3808), (0, 3.3129, 3.3129), (1, 3.3808, 3.2450), (2, 3.4486, 3.1772),
]  # fmt: skip


@pytest.mark.parametrize(("position", "bid", "ask"), CLOSED_FORM)
def test_glft_at_the_parameters_of_the_paper(position, bid, ask):
    assert glft(position) == pytest.approx((bid, ask), abs=5e-5)


def test_glft_spread_and_cost_at_the_parameters_of_the_paper():
    assert glft_inventory_cost(*(PAPER[name] for name in ("gamma", "sigma", "arrival_scale", "k"))) == pytest.approx(0.0679, abs=5e-5)
    assert sum(glft(0)) == pytest.approx(6.6258, abs=5e-5)


def test_impact_widens_both_sides():
    plain, moved = glft(2), glft(2, impact=0.4)
    stretch = math.exp(0.25 * PAPER["k"] * 0.4)
    assert moved[0] - moved[1] == pytest.approx(stretch * (plain[0] - plain[1]))
    assert sum(moved) > sum(plain) + 0.4


@given(positive, positive, positive, positive, st.integers(-50, 50))
def test_the_signs_that_the_paper_derives(gamma, sigma, scale, k, position):
    """The spread rises with volatility and falls with A and with k; A acts as 1 / sigma^2; a long position sells nearer."""
    values = {"gamma": gamma, "sigma": sigma, "arrival_scale": scale, "k": k}
    spread = sum(glft(0, **values))
    assert sum(glft(0, **values | {"sigma": 1.1 * sigma})) > spread
    assert sum(glft(0, **values | {"arrival_scale": 1.1 * scale})) < spread
    assert sum(glft(0, **values | {"k": 1.1 * k})) < spread
    same = glft(position, **values | {"arrival_scale": 4.0 * scale, "sigma": 2.0 * sigma})
    assert same == pytest.approx(glft(position, **values), rel=1e-12)
    bid, ask = glft(position, **values)
    assert (bid > ask) == (position > 0)
    assert (bid == ask) == (position == 0)


@given(positive, positive, positive, positive, st.integers(-50, 50), st.floats(-100, 100))
def test_bid_and_ask_mirror_when_the_position_does(gamma, sigma, scale, k, position, mid):
    values = {"gamma": gamma, "sigma": sigma, "arrival_scale": scale, "k": k}
    assert glft(position, **values) == pytest.approx(glft(-position, **values)[::-1], rel=1e-12)
    bid, ask = avellaneda_stoikov_quotes(mid, float(position), gamma, sigma, k, 1.0)
    other_bid, other_ask = avellaneda_stoikov_quotes(-mid, float(-position), gamma, sigma, k, 1.0)
    assert (bid, ask) == pytest.approx((-other_ask, -other_bid), rel=1e-12)
    assert bid < ask


def test_arrivals_fall_by_e_each_one_over_k():
    assert arrival_rate(0.0, 140.0, 1.5) == 140.0
    assert arrival_rate(2.0 / 1.5, 140.0, 1.5) == pytest.approx(140.0 / math.e / math.e)
    assert risk_half_spread(0.0, 1.5) == pytest.approx(1.0 / 1.5)
