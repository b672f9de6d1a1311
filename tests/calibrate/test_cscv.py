"""Facts of the cross-validation: a published example, exact cases, a second and slow implementation, its refusals."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from simcore.calibrate.cscv import cscv, line_of
from simcore.errors import CalibrateError


def noise(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


# --- the example of the R package pbo -------------------------------------------------------------------------


def r_normals(seed, count):
    """Return R's `set.seed(seed); rnorm(count)`: the Mersenne twister, two draws a number, by inversion."""
    word, key = seed, []
    for place in range(50 + 625):
        word = (69069 * word + 1) & 0xFFFFFFFF
        if place > 50:
            key.append(word)
    twister = np.random.MT19937()
    twister.state = {"bit_generator": "MT19937", "state": {"key": np.array(key, np.uint32), "pos": 624}}
    uniform = twister.random_raw(2 * count).astype(np.float64) * 2.3283064365386963e-10
    high = 1 << 27
    return np.array([NormalDist().inv_cdf(p) for p in (np.floor(high * uniform[::2]) + uniform[1::2]) / high])


def test_the_draws_are_those_of_r():
    """`set.seed(42); rnorm(5)`, as printed in many a tutorial of R."""
    assert r_normals(42, 5) == pytest.approx([1.37095845, -0.56469817, 0.36312841, 0.63286260, 0.40426832], abs=1e-8)


def test_the_example_of_the_package_pbo():
    """The vignette of pbo (M. Barry, CRAN): 100 trials of 2400 normal days, all moved to a mean of 0; S = 8, seed 765.

    It prints p_bo 1.0000000, slope -0.0030456, ar^2 0.9700000, p_loss 1.0000000. What it calls slope is the first coefficient
    of `lm(data.frame(Rn, Rbn))`: the intercept of the line of the ratios in sample over those out of sample.
    """
    days = r_normals(765, 240_000).reshape(100, 2400).T
    days = days / (math.sqrt(252) * np.std(days, axis=0, ddof=1))
    days -= np.mean(days, axis=0)
    found = cscv(days - 0.03 / 252, blocks=8, measure="sharpe")
    assert len(found.logits) == math.comb(8, 4)
    assert found.pbo == 1.0
    assert found.loss == 1.0
    _, intercept, r_squared = line_of(found.outside, found.inside)
    assert float(f"{intercept:.5g}") == -0.0030456
    adjusted = 1 - (1 - r_squared) * (70 - 1) / (70 - 2)
    assert float(f"{adjusted:.2g}") == 0.97


# --- exact cases ----------------------------------------------------------------------------------------------


def test_trials_of_a_given_order_are_never_over_fitted():
    """One trial earns one more than the next in every interval: the best stays the best, whatever the halves."""
    found = cscv(noise(64, 1) + np.arange(9.0), blocks=8)
    assert found.pbo == 0.0
    assert (found.chosen == 8).all()
    assert found.logits == pytest.approx(np.full(70, math.log(9)))  # rank 9 of 9: 0.9 / 0.1
    assert found.dominance.second


def test_trials_that_all_end_alike_are_always_over_fitted():
    """What a trial has in one half it lacks in the other, so that the best becomes the worst."""
    values = noise(64, 9)
    found = cscv(values - np.mean(values, axis=0), blocks=8)
    assert found.pbo == 1.0
    assert found.logits == pytest.approx(np.full(70, -math.log(9)))
    assert found.slope == pytest.approx(-1.0)
    assert found.r_squared == pytest.approx(1.0)
    assert found.loss == 1.0


def test_pure_noise_is_over_fitted_about_every_other_time():
    """Over many tables of independent noise the mean of PBO is a half."""
    found = [cscv(noise(80, 10, seed=seed), blocks=8).pbo for seed in range(300)]
    error = np.std(found) / math.sqrt(len(found))
    assert np.mean(found) == pytest.approx(0.5, abs=4 * error)
    assert error < 0.02


def test_one_trial_with_skill_among_noise_is_found():
    """A mean of half a deviation in 160 intervals: PBO is near 0, and choosing dominates drawing lots."""
    values = noise(160, 20)
    values[:, 13] += 0.6
    found = cscv(values, blocks=16)
    assert found.pbo < 0.05
    assert np.mean(found.chosen == 13) > 0.9
    assert found.dominance.first
    assert found.dominance.second
    assert found.loss < 0.02


def test_equal_trials_give_no_credit():
    """Where there is nothing to choose, each rank is the middle, and the middle is not better than the middle."""
    found = cscv(np.repeat(noise(32, 1), 5, axis=1), blocks=4)
    assert (found.logits == 0.0).all()
    assert found.pbo == 1.0
    still = cscv(np.zeros((32, 3)), blocks=4, measure="sharpe")
    assert still.pbo == 1.0
    assert (still.slope, still.intercept, still.r_squared) == (None, None, None)


# --- a second implementation -------------------------------------------------------------------------------------


def slow(values, blocks, measure):
    """Return (chosen, inside, outside, logit) of each combination, one interval at a time."""
    pieces = np.array_split(np.arange(len(values)), blocks)

    def performance(members):
        rows = [values[i] for block in members for i in pieces[block]]
        mean = [math.fsum(row[t] for row in rows) / len(rows) for t in range(values.shape[1])]
        if measure == "mean":
            return mean
        spread = [math.sqrt(math.fsum((row[t] - mean[t]) ** 2 for row in rows) / (len(rows) - 1)) for t in range(len(mean))]
        return [m / s for m, s in zip(mean, spread, strict=True)]

    for half in itertools.combinations(range(blocks), blocks // 2):
        inside, outside = performance(half), performance([b for b in range(blocks) if b not in half])
        best = inside.index(max(inside))
        rank = sorted(outside).index(outside[best]) + 1
        omega = rank / (len(outside) + 1)
        yield best, inside[best], outside[best], math.log(omega / (1 - omega))


@given(some.integers(1, 10_000), some.sampled_from([2, 4, 6]), some.integers(24, 41), some.integers(2, 7), some.sampled_from(["mean", "sharpe"]))
def test_it_is_what_the_paper_describes(seed, blocks, intervals, trials, measure):
    """Each combination gives what the slow implementation gives, also where blocks differ in length."""
    values = noise(intervals, trials, seed=seed) * 3 + noise(trials, seed=seed + 1)
    found = cscv(values, blocks, measure)
    chosen, inside, outside, logits = (np.array(column) for column in zip(*slow(values, blocks, measure), strict=True))
    np.testing.assert_array_equal(found.chosen, chosen)
    np.testing.assert_allclose(found.inside, inside, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.outside, outside, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.logits, logits, atol=1e-12)
    assert found.pbo == np.mean(logits <= 0)


@given(some.integers(1, 10_000), some.floats(1e-3, 1e3), some.permutations(range(6)))
def test_the_unit_and_the_order_of_trials_do_not_matter(seed, factor, order):
    """Neither changes how often the choice is over-fitted."""
    values = noise(32, 6, seed=seed)
    one, other = cscv(values, 4), cscv(values[:, order] * factor, 4)
    np.testing.assert_allclose(one.logits, other.logits)
    np.testing.assert_array_equal(one.chosen, np.array(order)[other.chosen])
    assert (one.pbo, one.loss) == (other.pbo, other.loss)
    mirrored = cscv(values[::-1], 4)
    assert mirrored.pbo == one.pbo


@given(some.integers(1, 10_000))
def test_distribution_functions_are_what_they_say(seed):
    """They go from almost 0 to 1, and first-order dominance implies second-order."""
    found = cscv(noise(32, 5, seed=seed), 4).dominance
    for curve in (found.chosen, found.any_trial):
        assert (np.diff(curve) >= 0).all()
        assert curve[-1] == pytest.approx(1.0)
    assert found.second or not found.first


@pytest.mark.parametrize(
    ("values", "blocks", "measure"),
    [
        (noise(32), 4, "mean"),
        (noise(32, 1), 4, "mean"),
        (noise(32, 3), 5, "mean"),
        (noise(32, 3), 0, "mean"),
        (noise(320, 3), 22, "mean"),
        (noise(3, 3), 4, "mean"),
        (noise(7, 3), 4, "sharpe"),
        (noise(32, 3), 4, "median"),
        (np.full((32, 3), math.nan), 4, "mean"),
    ],
)
def test_what_cannot_be_cross_validated_is_refused(values, blocks, measure):
    """With a code."""
    with pytest.raises(CalibrateError, match="CAL-081"):
        cscv(values, blocks, measure)


# --- edges -----------------------------------------------------------------------------------------------------------


def led_by_half_a_deviation(seed):
    """Return three trials of noise [48, 3], of which the first has a mean of half a deviation."""
    values = noise(48, 3, seed=seed)
    values[:, 0] += 0.5
    return cscv(values, blocks=12).dominance


def test_to_end_at_nothing_is_no_loss():
    """The best of each half earns exactly 0 in the other."""
    values = np.column_stack([np.zeros(16), np.full(16, -1.0)])
    assert cscv(values, blocks=4).loss == 0.0
    assert cscv(values - 1e-9, blocks=4).loss == 1.0


def test_equal_distributions_dominate_each_other():
    """To choose among equal trials is as good as to draw one, in both orders."""
    found = cscv(np.repeat(noise(32, 1), 3, axis=1), blocks=4).dominance
    assert found.first
    assert found.second


@pytest.mark.parametrize("seed", [83, 212])
def test_a_chosen_trial_that_is_ever_the_worst_dominates_in_no_order(seed):
    """In one or two of 924 halves, of which the lowest value knows: a shortfall of less than a thousandth."""
    found = led_by_half_a_deviation(seed)
    gap = found.any_trial - found.chosen
    assert -1e-3 < np.cumsum(gap).min() < 0.0
    assert not found.first
    assert not found.second


def test_curves_that_cross_by_less_than_a_hundredth_are_of_the_second_order_only():
    found = led_by_half_a_deviation(118)
    assert -1e-2 < (found.any_trial - found.chosen).min() < 0.0
    assert not found.first
    assert found.second


def test_a_line_needs_points_that_differ_by_more_than_rounding():
    """Three times 0.1 is not 0.3: a difference in the last bit is none."""
    x = np.array([0.1 + 0.2, 0.3, 0.3])
    assert np.ptp(x) > 0.0
    assert line_of(x, np.array([1.0, 2.0, 3.0])) == (None, None, None)


def test_what_does_not_divide_into_blocks_is_spread_over_them():
    """Eleven intervals in four blocks: of 3, 3, 3 and 2. The first interval of the fourth block is the tenth."""
    values = np.zeros((11, 2))
    values[9, 0] = 6.0
    found = cscv(values, blocks=4)
    assert sorted(set(np.round(found.outside, 12).tolist())) == [0.0, 1.2]
    assert sorted(set(np.round(found.inside, 12).tolist())) == [0.0, 1.2]
