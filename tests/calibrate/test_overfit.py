"""Facts of the statistics of over-fitting: printed examples, exact cases, and what must not change them."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from simcore.calibrate.overfit import (
    Shape,
    deflated_sharpe,
    effective_observations,
    effective_trials,
    expected_max_normal,
    expected_max_sharpe,
    minimum_backtest,
    minimum_track_record,
    probabilistic_sharpe,
    shape_of,
    sharpe_ratio,
)
from simcore.errors import CalibrateError

DAYS = 250
# Bailey & López de Prado 2014, "A numerical example": annual ratio 2.5 over 5 years of 250 days, the best of 100 trials whose
# annual ratios have a variance of 1/2; skewness -3, kurtosis 10.
EXAMPLE = Shape(observations=1250, sharpe=2.5 / math.sqrt(DAYS), skew=-3.0, kurtosis=10.0)
VARIANCE = 0.5 / DAYS

changes = some.lists(some.floats(-1e3, 1e3), min_size=3, max_size=40).filter(lambda values: np.std(values) > 1e-3).map(np.array)
shapes = some.builds(
    Shape, some.floats(5, 1e5), some.floats(-0.5, 0.5), some.floats(-1, 1), some.floats(3, 20)
)  # fmt: skip


def noise(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def test_the_deflated_sharpe_ratio_of_the_paper():
    """The worked example: SR0 = 0.1132 a day, DSR = 0.9004; not significant, though the ratio by itself looks it."""
    assert round(expected_max_sharpe(VARIANCE, 100), 4) == 0.1132
    assert round(deflated_sharpe(EXAMPLE, VARIANCE, 100), 4) == 0.9004
    assert probabilistic_sharpe(EXAMPLE) > 0.99


def test_the_deflated_sharpe_ratio_of_the_paper_with_fewer_trials():
    """The same example: 46 trials would have given 0.9505, as would 88 if the changes were normal."""
    assert round(deflated_sharpe(EXAMPLE, VARIANCE, 46), 4) == 0.9505
    assert round(deflated_sharpe(replace(EXAMPLE, skew=0.0, kurtosis=3.0), VARIANCE, 88), 4) == 0.9505


def test_five_years_are_too_short_for_more_than_45_trials():
    """Bailey et al. 2014 (Notices): with 5 years, no more than 45 configurations, or a ratio of 1 is expected of nothing."""
    assert minimum_backtest(1.0, 45) == pytest.approx(5.0, abs=0.01)
    assert minimum_backtest(1.0, 46) > 5.0
    assert minimum_backtest(0.0, 46) is None


def test_the_largest_of_normal_draws():
    """The approximation against the exact integral of N x phi(x) Phi(x)^(N - 1), by the trapezium rule."""
    x = np.linspace(-9, 9, 40_001)
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    below = np.array([NormalDist().cdf(v) for v in x[::10]])
    below = np.interp(x, x[::10], below)
    for count, tolerance in ((10, 0.04), (100, 0.03), (1000, 0.02)):
        exact = float(np.trapezoid(count * x * density * below ** (count - 1), x))
        assert expected_max_normal(count) == pytest.approx(exact, abs=tolerance)
    assert expected_max_normal(10) == pytest.approx(1.57, abs=0.006)  # as printed in Bailey et al. 2014 (Notices)
    assert expected_max_normal(1) == 0.0


def test_a_track_record_of_the_minimum_length_is_just_long_enough():
    """The probabilistic ratio at that length is the level: the two formulas are each other's inverse."""
    needed = minimum_track_record(EXAMPLE, 0.05, 0.95)
    assert probabilistic_sharpe(replace(EXAMPLE, observations=needed), 0.05) == pytest.approx(0.95, abs=1e-12)
    assert minimum_track_record(EXAMPLE, EXAMPLE.sharpe) is None


def test_the_shape_of_a_coin():
    """Changes of +3 and -1: mean 1, deviation 2, no skewness, the least kurtosis there is."""
    values = np.tile([3.0, -1.0], 500)
    shape = shape_of(values)
    assert shape.observations == 1000
    assert shape.sharpe == pytest.approx(0.5 * math.sqrt(999 / 1000))
    assert shape.skew == pytest.approx(0.0, abs=1e-12)
    assert shape.kurtosis == pytest.approx(1.0)


def test_the_shape_of_a_rare_loss():
    """One loss in k: skewness (2p - 1) / sqrt(p (1 - p)), kurtosis 1 / (p (1 - p)) - 3, of a coin that falls so."""
    p = 1 / 50
    values = np.where(np.arange(5000) % 50 == 7, -10.0, 1.0)
    shape = shape_of(values)
    assert shape.skew == pytest.approx(-(1 - 2 * p) / math.sqrt(p * (1 - p)))
    assert shape.kurtosis == pytest.approx(1 / (p * (1 - p)) - 3)


def test_changes_that_do_not_change_have_no_sharpe_ratio():
    """Nothing is divided by 0."""
    assert sharpe_ratio(np.full(5, 2.0)) == 0.0
    assert shape_of(np.zeros(5)) == Shape(5.0, 0.0, 0.0, 3.0)
    assert probabilistic_sharpe(shape_of(np.zeros(5))) == 0.5


def test_copies_of_one_trial_count_once_and_independent_ones_each():
    """The ends of the scale of the effective number of trials, and the middle: a common part of half the variance."""
    own = noise(4000, 20)
    assert effective_trials(np.repeat(own[:, :1], 20, axis=1).T) == pytest.approx(1.0)
    assert effective_trials(own.T) == pytest.approx(20.0, abs=0.2)
    assert effective_trials((own + noise(4000, 1, seed=2)).T) == pytest.approx(0.5 + 0.5 * 20, abs=0.5)
    assert effective_trials(np.concatenate([own, np.zeros((4000, 5))], axis=1).T) == effective_trials(own.T)
    assert effective_trials(np.zeros((3, 10))) == 1.0
    assert effective_trials([own[:, 0], -own[:, 0]]) == 2.0  # opposites are two


def test_changes_that_last_count_as_one():
    """Each change ten times over is a tenth of the observations; independent ones are all of them, or nearly."""
    independent = noise(600)
    assert effective_observations(np.repeat(independent, 10), block=60) == pytest.approx(600, rel=0.3)
    assert effective_observations(noise(6000), block=1) == pytest.approx(6000, rel=0.15)
    assert effective_observations(noise(50), block=5) <= 50
    assert effective_observations(np.ones(50), block=5) == 50
    assert effective_observations(np.tile([1.0, -1.0], 100) + 0.1 * noise(200), block=10) == 200  # what cancels is no more than all


@given(shapes, some.floats(0, 0.01), some.floats(2, 1e4), some.floats(1, 100))
def test_more_trials_and_wider_trials_deflate_more(shape, variance, trials, factor):
    """The deflated ratio falls with the number of trials and with the variance of their ratios, and is a probability."""
    value = deflated_sharpe(shape, variance, trials)
    assert 0.0 <= deflated_sharpe(shape, variance, trials * factor) <= value + 1e-12
    assert deflated_sharpe(shape, variance * factor, trials) <= value + 1e-12
    assert value <= probabilistic_sharpe(shape) + 1e-12 <= 1.0 + 1e-12


@given(some.floats(1, 1e6), some.floats(1, 10))
def test_the_expected_maximum_grows(trials, factor):
    """More draws have a larger maximum."""
    assert 0.0 <= expected_max_normal(trials) <= expected_max_normal(trials * factor) + 1e-9


@given(shapes.filter(lambda shape: shape.sharpe > 1e-3), some.floats(0.5, 0.999))
def test_a_better_ratio_needs_less_time(shape, level):
    """The minimum track record is shorter against a lower benchmark and longer at a higher level."""
    needed = minimum_track_record(shape, 0.0, level)
    assert needed >= 1.0
    assert minimum_track_record(shape, -0.1, level) <= needed
    assert minimum_track_record(shape, 0.0, 0.9995) >= needed


@given(changes, some.floats(1e-3, 1e3), some.randoms())
def test_the_unit_and_the_order_of_changes_do_not_matter(values, factor, random):
    """A Sharpe ratio and its shape are the same in cents, and with the changes shuffled."""
    mixed = values.copy()
    random.shuffle(mixed)
    first, second = shape_of(values), shape_of(mixed * factor)
    for name in ("observations", "sharpe", "skew", "kurtosis"):
        assert getattr(first, name) == pytest.approx(getattr(second, name), rel=1e-6, abs=1e-6)


@given(changes)
def test_turning_changes_round_turns_the_ratio_round(values):
    """Sharpe ratio and skewness change their sign, kurtosis does not; probabilities add up to 1."""
    there, back = shape_of(values), shape_of(-values)
    assert there.sharpe == pytest.approx(-back.sharpe, abs=1e-12)
    assert there.skew == pytest.approx(-back.skew, abs=1e-9)
    assert there.kurtosis == pytest.approx(back.kurtosis)
    assert probabilistic_sharpe(there) + probabilistic_sharpe(back) == pytest.approx(1.0)


@given(some.integers(2, 6), some.integers(1, 1000), some.floats(0.1, 10))
def test_the_effective_number_of_trials_is_between_one_and_all(count, seed, factor):
    """Whatever the unit and the order of the trials."""
    values = noise(30, count, seed=seed)
    found = effective_trials(values.T)
    assert 1.0 <= found <= count
    assert effective_trials((values[:, ::-1] * factor).T) == pytest.approx(found)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: sharpe_ratio(np.array([1.0])),
        lambda: sharpe_ratio(np.array([[1.0, 2.0]])),
        lambda: shape_of(np.array([1.0, math.nan])),
        lambda: expected_max_normal(0.5),
        lambda: expected_max_normal(math.nan),
        lambda: expected_max_sharpe(-1.0, 5),
        lambda: expected_max_sharpe(math.inf, 5),
        lambda: minimum_track_record(EXAMPLE, 0.0, 1.0),
        lambda: effective_observations(np.array([1.0]), 1),
    ],
)
def test_what_cannot_be_judged_is_refused(ask):
    """With a code."""
    with pytest.raises(CalibrateError, match="CAL-080"):
        ask()
