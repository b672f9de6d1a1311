"""Facts of the block bootstrap: exact cases, a second and slow implementation, its coverage, and its refusals."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from simcore import rng
from simcore.calibrate import intervals as iv
from simcore.calibrate.draws import picks, uniforms
from simcore.errors import CalibrateError
from simcore.jit import expose

NORMAL = NormalDist()
draw = expose(rng.draw)


def normals(seed, count):
    """Return standard normal values by counter."""
    return np.array([NORMAL.inv_cdf(u) for u in uniforms(seed, 7, np.arange(count))])


def autoregressive(seed, count, phi):
    """Return x[i] = phi x[i-1] + normal, started far before its first value."""
    noise, x = normals(seed, count + 200), 0.0
    out = []
    for value in noise:
        x = phi * x + value
        out.append(x)
    return np.array(out[200:])


def test_draws_in_arrays_are_the_draws_one_by_one():
    """uniforms gives what rng.draw gives, also for a seed and an index above 32 bits."""
    for seed, stream in ((0, 0), (1, 9), (2**40 + 3, 2**31)):
        indices = np.array([0, 1, 2, 12345, 2**31, 2**33 + 7])
        alone = [draw(seed, stream, int(i)) for i in indices]
        assert uniforms(seed, stream, indices).tolist() == alone


def test_picks_are_even():
    """Each of 7 numbers is picked about as often."""
    counts = np.bincount(picks(1, 2, np.arange(70_000), 7), minlength=7)
    assert len(counts) == 7
    assert abs(counts - 10_000).max() < 400


def slow_means(columns, block, repetitions, seed):
    """Return what block_means returns, one observation at a time."""
    count = len(columns)
    blocks = -(-count // block)
    out = []
    for r in range(repetitions):
        drawn = []
        for b in range(blocks):
            start = int(draw(seed, iv.STREAM, r * blocks + b) * count)
            drawn += [columns[(start + i) % count] for i in range(block)]
        out.append(np.mean(drawn[:count], axis=0))
    return np.array(out)


@pytest.mark.parametrize("block", [1, 2, 5, 7, 23])
def test_resamples_are_circular_blocks(block):
    """The quick sums of blocks are those of drawing observation after observation."""
    columns = np.stack([normals(3, 23), normals(4, 23)], axis=1)
    assert np.allclose(iv.block_means(columns, block, 40, 11), slow_means(columns, block, 40, 11), atol=1e-12)


def test_batches_do_not_change_a_resample(monkeypatch):
    """The draws of a repetition do not depend on how many repetitions are worked on at a time."""
    columns = normals(5, 50)[:, None]
    whole = iv.block_means(columns, 4, 100, 1)
    monkeypatch.setattr(iv, "_BATCH_DRAWS", 30)
    assert iv.block_means(columns, 4, 100, 1).tolist() == whole.tolist()


def test_same_arguments_same_interval_and_another_seed_another():
    """An interval is a pure function of its arguments."""
    values = normals(6, 200)
    assert iv.block_bootstrap_mean(values, seed=4) == iv.block_bootstrap_mean(values, seed=4)
    assert iv.block_bootstrap_mean(values, seed=4) != iv.block_bootstrap_mean(values, seed=5)


def test_constant_changes_have_an_interval_of_no_width():
    """What never varies is known."""
    found = iv.block_bootstrap_mean(np.full(100, 0.1))
    assert found.low == found.high == found.estimate == pytest.approx(0.1)
    assert found.excludes_zero


def test_independent_changes_give_the_textbook_interval():
    """With blocks of 1 the ends are about mean ± 1.96 s/√n."""
    values = 3.0 + normals(8, 400)
    found = iv.block_bootstrap_mean(values, block=1, repetitions=4000)
    half = 1.96 * values.std() / math.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def coverage(draw_series, count=200, **options):
    """Return the share of series with mean 0 whose interval holds 0."""
    inside = 0
    for seed in range(count):
        found = iv.block_bootstrap_mean(draw_series(seed), repetitions=500, seed=seed, **options)
        inside += found.low <= 0.0 <= found.high
    return inside / count


@pytest.mark.parametrize(("count", "phi"), [(60, 0.0), (60, 0.5), (200, 0.0), (200, 0.5), (200, 0.8), (1440, 0.5), (1440, 0.8)])
def test_intervals_cover_as_often_as_they_say(count, phi):
    """95 % intervals hold the true mean in about 95 % of series, few and dependent changes included."""
    assert 0.90 <= coverage(lambda seed: autoregressive(seed, count, phi)) <= 0.985


def test_single_draws_would_cover_far_too_rarely():
    """What blocks are for."""
    assert coverage(lambda seed: autoregressive(seed, 400, 0.6), block=1) < 0.75


def test_blocks_of_an_interval_are_longer_than_those_of_a_variance_and_leave_four():
    """At least 1.5 N^(1/3), at most a quarter."""
    assert iv.interval_block(normals(3, 1000)) == max(15, 2 * iv.automatic_block(normals(3, 1000)))
    assert iv.interval_block(np.arange(40.0)) == 10
    assert iv.interval_block(np.array([1.0, 2.0, 4.0])) == 1


def test_students_quantiles_come_out():
    """Two-sided 95 % and 99 %, from a table."""
    for freedom, wide, wider in ((3, 3.182, 5.841), (5, 2.571, 4.032), (10, 2.228, 3.169), (30, 2.042, 2.750)):
        assert iv.student_quantile(NORMAL.inv_cdf(0.975), freedom) == pytest.approx(wide, rel=2e-3)
        assert iv.student_quantile(NORMAL.inv_cdf(0.995), freedom) == pytest.approx(wider, rel=2e-2)
    assert iv.widening(1, 10**6, 0.95) == pytest.approx(1.0, abs=1e-5)
    assert iv.widening(10, 40, 0.95) == pytest.approx(3.182 / 1.96 / math.sqrt(0.75), rel=2e-3)


def test_block_length_follows_the_formula_for_an_autoregressive_series():
    """For AR(1) the best length is (6 φ² / (1 − φ²)²)^(1/3) N^(1/3): G / g(0) = 2 φ / (1 − φ²)."""
    for phi in (0.3, 0.6, 0.8):
        count = 20_000
        best = math.cbrt(6 * phi**2 / (1 - phi**2) ** 2 * count)
        found = np.median([iv.automatic_block(autoregressive(seed, count, phi)) for seed in range(3)])
        assert 0.75 * best <= found <= 1.35 * best


def test_block_length_is_short_for_independent_changes_and_bounded_for_any():
    """Independent changes need no blocks; a trend does not get longer ones than a third."""
    assert np.median([iv.automatic_block(normals(seed, 1000)) for seed in range(9)]) <= 6
    assert iv.automatic_block(np.arange(30.0)) <= 10
    assert iv.automatic_block(np.zeros(10)) == 1
    assert iv.automatic_block(np.array([1.0, -1.0])) == 1


def test_pairs_cancel_what_moves_both():
    """The difference of two series with one common noise is known far better than either."""
    noise = 10.0 * normals(9, 300)
    noise -= noise.mean()
    first, second = noise + 0.1, noise
    found = iv.block_bootstrap_paired(first, second)
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1)
    assert not iv.block_bootstrap_mean(first).excludes_zero


def test_times_turns_the_ends_for_a_negative_factor():
    """Low stays below high."""
    found = iv.Interval(1.0, 3.0, 2.0).times(-2.0)
    assert (found.low, found.high, found.estimate) == (-6.0, -2.0, -4.0)
    assert not iv.Interval(-1.0, 1.0, 0.0).excludes_zero
    assert not iv.Interval(0.0, 1.0, 0.5).excludes_zero
    assert not iv.Interval(-1.0, 0.0, -0.5).excludes_zero


@pytest.mark.parametrize(
    ("changes", "options", "says"),
    [
        (np.array([1.0]), {}, "at least 2"),
        (np.zeros((2, 2)), {}, "shape"),
        (np.array([1.0, math.nan]), {}, "change 1 is not finite"),
        (np.array([1.0, 2.0]), {"block": 3}, "block of 3"),
        (np.array([1.0, 2.0]), {"block": 0}, "block of 0"),
        (np.array([1.0, 2.0]), {"repetitions": 0}, "repetitions"),
        (np.array([1.0, 2.0]), {"level": 1.0}, "level"),
    ],
)
def test_what_gives_no_interval_is_refused(changes, options, says):
    """CAL-001 says what is wrong."""
    with pytest.raises(CalibrateError, match=says) as caught:
        iv.block_bootstrap_mean(changes, **options)
    assert caught.value.code == "CAL-001"


def test_pairs_of_other_lengths_are_refused():
    """CAL-001 for parts that do not belong together."""
    with pytest.raises(CalibrateError, match="2 changes of the first, 3 of the second") as caught:
        iv.block_bootstrap_paired(np.ones(2), np.ones(3))
    assert caught.value.code == "CAL-001"
