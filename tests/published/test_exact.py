"""The exact solutions behind `mmsim published`, against what the papers print and against simpler cases by hand."""

import itertools
import math

import numpy as np
import pytest

from simcore.published import avellaneda as avst
from simcore.published import glft, printed, races

MARKET = avst.Market()
POISSON_RACE = races.Flow(limit=0.0, market=1.0)  # queues only shrink, one order at a time


def first_of(wins: int, losses: int) -> float:
    """Return P(wins heads come before losses tails) of a fair coin."""
    return sum(math.comb(wins - 1 + lost, lost) * 0.5 ** (wins + lost) for lost in range(losses))


def test_races_of_queues_that_only_shrink_are_tosses_of_a_coin():
    up = races.up_probabilities(POISSON_RACE, 5, 8)
    fill = races.fill_probabilities(POISSON_RACE, 5, 8)
    for bid, ask in itertools.product(range(1, 6), repeat=2):
        assert up[bid - 1, ask - 1] == pytest.approx(first_of(ask, bid))
        assert fill[bid - 1, ask] == pytest.approx(first_of(bid, ask))


def test_nobody_behind_us_means_that_no_spread_is_made():
    """The first fill empties its queue, and that moves the mid."""
    assert races.spread_probabilities(POISSON_RACE, 3, 8) == pytest.approx(np.zeros((3, 3)))


def test_a_crowd_behind_us_means_that_both_sides_fill():
    crowded = races.Flow(limit=1e5, market=1.0)
    assert races.spread_probabilities(crowded, 2, 200) == pytest.approx(np.ones((2, 2)), abs=1e-3)


def test_the_printed_tables_of_stoikov_and_talreja():
    flow = races.STOIKOV_TALREJA
    assert races.up_probabilities(flow, 5, 30) == pytest.approx(printed.TABLE_3, abs=0.001)
    assert races.spread_probabilities(flow, 5, 30) == pytest.approx(printed.TABLE_5, abs=0.0006)


def test_table_4_is_printed_for_the_other_side():
    """Proposition 5 has other numbers; one minus them, with bid and ask exchanged, are the printed ones."""
    fill = races.fill_probabilities(races.STOIKOV_TALREJA, 5, 30)[:, 1:6]
    assert fill == pytest.approx(printed.PROPOSITION_5, abs=5e-5)
    assert 1.0 - fill.T == pytest.approx(printed.TABLE_4, abs=0.0005)
    assert np.abs(fill - printed.TABLE_4).max() > 0.2


def test_longer_queues_change_nothing():
    flow = races.STOIKOV_TALREJA
    assert races.spread_probabilities(flow, 5, 24) == pytest.approx(races.spread_probabilities(flow, 5, 40), abs=1e-9)
    assert races.up_probabilities(flow, 5, 16) == pytest.approx(races.up_probabilities(flow, 5, 24), abs=1e-6)


def test_de_larrards_integral_is_the_linear_solve():
    integral = races.de_larrard_integral(5)
    assert integral == pytest.approx(printed.DE_LARRARD_UP, abs=5.01e-4)
    assert integral + integral.T == pytest.approx(np.ones((5, 5)))
    assert races.up_probabilities(races.DE_LARRARD, 2, 24) == pytest.approx(integral[:2, :2], abs=1e-4)


def moments_by_listing(market: avst.Market, maker: avst.Maker) -> tuple[float, float, float, float]:
    """Return the moments over all paths of a market of few steps, each with its probability."""
    outcomes = []
    for buys, sells, moves in itertools.product(itertools.product((0, 1), repeat=market.steps), repeat=3):
        weight, profit, held = 1.0, 0.0, 0.0
        for step, (buy, sell, up) in enumerate(zip(buys, sells, moves, strict=True)):
            bid, ask = (float(each[0]) for each in avst.distances(market, maker, step, np.array([held])))
            p_buy, p_sell = (float(avst.fill_probability(market, np.array([away]))[0]) for away in (bid, ask))
            weight *= (p_buy if buy else 1.0 - p_buy) * (p_sell if sell else 1.0 - p_sell) * 0.5
            held += buy - sell
            profit += bid * buy + ask * sell + held * (market.move if up else -market.move)
        outcomes.append((weight, profit, held))
    table = np.array(outcomes)
    assert table[:, 0].sum() == pytest.approx(1.0)
    means = table[:, 0] @ table[:, 1:]
    deviations = np.sqrt(table[:, 0] @ (table[:, 1:] - means) ** 2)
    return float(means[0]), float(deviations[0]), float(means[1]), float(deviations[1])


@pytest.mark.parametrize("gamma", [0.1, 1.0])
@pytest.mark.parametrize("symmetric", [False, True])
def test_the_recursion_is_the_sum_over_all_paths(gamma, symmetric):
    market = avst.Market(horizon=0.2, dt=0.05, arrival_scale=14.0)
    maker = avst.Maker(gamma, symmetric)
    assert avst.exact(market, maker).values == pytest.approx(moments_by_listing(market, maker), abs=1e-9)


@pytest.mark.parametrize("gamma", [0.01, 0.1, 0.5, 1.0])
def test_the_symmetric_strategy_has_a_closed_form(gamma):
    recursion = avst.exact(MARKET, avst.Maker(gamma, symmetric=True))
    assert recursion.values == pytest.approx(avst.closed_form(MARKET, gamma).values, abs=1e-8)


def test_fills_by_a_poisson_process_meet_no_printed_profit():
    """1 - exp(-rate dt) gives a tenth less than rate dt, which is what the paper used."""
    for gamma, theirs in printed.POISSON_PROFIT.items():
        profit = avst.exact(avst.Market(poisson=True), avst.Maker(gamma)).profit
        assert profit == pytest.approx(theirs, abs=0.03)
        assert profit < 0.92 * printed.AVELLANEDA_STOIKOV[gamma, False][1]


def test_a_sample_is_within_its_errors():
    sampled = avst.sample(MARKET, avst.Maker(0.1), paths=4000, seed=3)
    exact = avst.exact(MARKET, avst.Maker(0.1))
    for ours, theirs, error in zip(sampled.values, exact.values, sampled.errors, strict=True):
        assert abs(ours - theirs) < 4.0 * error
        assert 0.0 < error < 0.2


def test_the_closed_form_of_glft_is_near_the_eigenvector():
    for position in range(-5, 6):
        quotes = glft.eigenvector_quotes(position, **printed.GLFT_PARAMETERS)
        assert glft.closed_form(position, **printed.GLFT_PARAMETERS) == pytest.approx(quotes, abs=0.0015)
        assert glft.eigenvector_quotes(-position, **printed.GLFT_PARAMETERS) == pytest.approx(quotes[::-1])


def test_the_eigenvectors_quotes_lead_to_its_square():
    """Fills from q to q + 1 and back balance when the probability of q is f(q) squared."""
    state = glft.ground_state(**printed.GLFT_PARAMETERS)
    scale, k = printed.GLFT_PARAMETERS["arrival_scale"], printed.GLFT_PARAMETERS["k"]
    for position in range(-20, 20):
        bid, _ = glft.eigenvector_quotes(position, **printed.GLFT_PARAMETERS)
        _, ask = glft.eigenvector_quotes(position + 1, **printed.GLFT_PARAMETERS)
        here, there = state[glft.POSITION_MAX + position] ** 2, state[glft.POSITION_MAX + position + 1] ** 2
        assert here * scale * math.exp(-k * bid) == pytest.approx(there * scale * math.exp(-k * ask))


def test_the_long_run_inventory_is_that_of_the_chain():
    """The probabilities stay what they are after a step in which both sides may fill."""
    held, weight = glft.stationary(printed.GLFT_PARAMETERS)
    market = glft.market_of(printed.GLFT_PARAMETERS)
    away = np.array([glft.closed_form(int(q), **printed.GLFT_PARAMETERS) for q in held])
    buy, sell = avst.fill_probability(market, away[:, 0]), avst.fill_probability(market, away[:, 1])
    up, down = buy * (1 - sell) * weight, sell * (1 - buy) * weight
    after = weight - up - down + np.roll(up, 1) + np.roll(down, -1)
    assert after[1:-1] == pytest.approx(weight[1:-1])


def test_batch_means_see_that_a_series_hangs_together():
    """A series of constant batches has the error of so many values, not of all."""
    values = np.repeat(np.array([1.0, -1.0] * 20), glft.BATCH_PATHS)
    assert glft.batch_means(values) == (0.0, pytest.approx(values.std() / math.sqrt(39)))
