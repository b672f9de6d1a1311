"""Facts of plateaus: who is whose neighbour, who is chosen, and what a parameter is worth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

from simcore.calibrate.plateau import (
    BINS,
    GRID,
    NEAREST,
    advantage_kept,
    binned,
    choose,
    neighbourhood_means,
    neighbours,
    pair_means,
    slices,
    space_of,
)
from simcore.errors import CalibrateError

POINTS = list(itertools.product((0.5, 1.0, 2.0), (10, 20, 40, 80)))
TABLE = pd.DataFrame(POINTS, columns=["spread", "size"])
ALL = np.ones(12, bool)


def test_neighbours_on_a_grid_are_one_step_away():
    """In one parameter, by the order of its values and not by their distance."""
    space = space_of(TABLE)
    assert space.kind == GRID
    near = neighbours(space)
    assert sorted(POINTS[k] for k in near[5]) == [(0.5, 20), (1.0, 10), (1.0, 40), (2.0, 20)]
    assert sorted(POINTS[k] for k in near[0]) == [(0.5, 20), (0.5, 20), (1.0, 10), (1.0, 10)]  # at an edge the one inside counts twice


def test_labels_have_no_neighbours():
    """Of two queue models neither is next to the other."""
    table = pd.DataFrame(list(itertools.product(["power", "log", "front"], [1, 2, 3])), columns=["model", "n"])
    near = neighbours(space_of(table))
    assert [k.tolist() for k in near[:3]] == [[1, 1], [0, 2], [1, 1]]
    only = neighbours(space_of(table[["model"]].drop_duplicates()))
    assert [len(k) for k in only] == [0, 0, 0]


def test_switches_are_labels():
    """True and false are no numbers to go along."""
    space = space_of(pd.DataFrame({"on": [True, False], "n": [1, 1]}))
    assert [axis.ordered for axis in space.axes] == [False, True]
    assert [len(near) for near in neighbours(space)] == [0, 0]


def test_drawn_points_that_came_out_alike_are_no_neighbours():
    """Four points on a diagonal; the first two came out alike, and so did the last two: each has one of the others, the nearest."""
    space = space_of(pd.DataFrame({"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]}))
    assert space.kind == NEAREST
    assert [near.tolist() for near in neighbours(space, np.array([0, 0, 1, 1]))] == [[2], [2], [1], [1]]


def test_drawn_points_have_the_nearest_for_neighbours():
    """Two a parameter, with each parameter from 0 to 1 by the order of its values."""
    drawn = pd.DataFrame({"x": [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]})
    space = space_of(pd.concat([drawn, drawn.iloc[:1]]))  # a value twice: no grid
    assert space.kind == NEAREST
    near = neighbours(space)
    assert near[3].tolist() == [2, 4]
    assert near[0].tolist() == [1, 6]


def test_drawn_points_of_other_labels_are_not_near():
    """Neighbours share all labels, even if that leaves fewer of them."""
    table = pd.DataFrame({"model": ["a", "a", "b", "b", "b"], "x": [1.0, 2.0, 1.5, 9.0, 9.0]})
    near = neighbours(space_of(table))
    assert near[0].tolist() == [1]
    assert near[2].tolist() == [3, 4]


def test_the_winner_is_on_the_plateau():
    """A lone peak of 10 loses to a plateau of 6."""
    scores = np.array([0, 0, 0, 0, 0, 10.0, 0, 6, 0, 0, 6, 6])
    choice = choose(scores, ALL, neighbours(space_of(TABLE)))
    assert choice.peak == 5
    assert choice.winner == 11
    assert choice.means[11] == pytest.approx(6.0)
    assert choice.means[5] == pytest.approx(2.0)


def test_a_poor_trial_next_to_a_peak_is_not_the_winner():
    """At the edge of the grid it has few neighbours, so that its mean is the best of all; but it is poor itself."""
    scores = np.full(12, -0.3)
    scores[5] = 3.0
    choice = choose(scores, ALL, neighbours(space_of(TABLE)))
    assert int(np.argmax(choice.means)) != 5
    assert choice.winner == 5


def test_only_allowed_trials_win_but_all_are_neighbours():
    """What breaks a constraint still says how good its surroundings are."""
    scores = np.arange(12.0)
    allowed = scores < 6
    choice = choose(scores, allowed, neighbours(space_of(TABLE)))
    assert choice.winner < 6
    assert choice.peak == 5
    assert choose(scores, np.zeros(12, bool), neighbours(space_of(TABLE))) is None
    assert choose(np.full(12, math.nan), ALL, neighbours(space_of(TABLE))) is None


def test_what_has_no_score_is_left_out():
    """Neither chosen nor averaged."""
    scores = np.full(12, 1.0)
    scores[5] = math.nan
    means = neighbourhood_means(scores, neighbours(space_of(TABLE)))
    assert math.isnan(means[5])
    assert means[4] == 1.0
    assert choose(scores, ALL, neighbours(space_of(TABLE))).winner == 0  # of equals the first


def test_the_share_of_an_advantage_that_neighbours_keep():
    """10 against 4 is 6 ahead; neighbours of 7 on average keep half of it."""
    scores = np.array([10.0, 6.0, 8.0, math.nan])
    assert advantage_kept(scores, np.array([1, 2, 3]), 0, 4.0) == pytest.approx(0.5)
    assert advantage_kept(scores, np.array([1]), 0, 8.0) == pytest.approx(-1.0)
    assert advantage_kept(scores, np.array([1]), 0, 10.0) is None
    assert advantage_kept(scores, np.array([3]), 0, 4.0) is None
    assert advantage_kept(scores, np.array([1]), 0, math.nan) is None


def test_slices_go_through_the_winner():
    """Scores of spread x size: the mean over the other, the best, and the line through the winner."""
    scores = np.array([spread * 100 - size for spread, size in POINTS])
    one, two = slices(space_of(TABLE), scores, winner=5)
    assert one.labels == ("0.5", "1", "2")
    assert one.mean.tolist() == [50 - 37.5, 100 - 37.5, 200 - 37.5]
    assert one.best.tolist() == [40, 90, 190]
    assert one.here.tolist() == [30, 80, 180]
    assert (one.winner_at, two.winner_at) == (1, 1)
    assert two.here.tolist() == [90, 80, 60, 20]
    assert one.share + two.share == pytest.approx(1.0)  # they add up: there is no interaction


def test_a_parameter_that_changes_nothing_explains_nothing():
    """And one that changes all explains all."""
    scores = np.array([size for _, size in POINTS], np.float64)
    one, two = slices(space_of(TABLE), scores, winner=0)
    assert one.share == pytest.approx(0.0, abs=1e-12)
    assert two.share == pytest.approx(1.0)
    flat = slices(space_of(TABLE), np.ones(12), winner=0)
    assert [each.share for each in flat] == [0.0, 0.0]
    empty = slices(space_of(TABLE), np.full(12, math.nan), winner=0)
    assert [each.share for each in empty] == [0.0, 0.0]


def test_pairs_show_the_mean_over_the_rest():
    """A table of the values of both; NaN where no trial has both."""
    space = space_of(TABLE)
    scores = np.arange(12.0)
    assert pair_means(*space.axes, scores).tolist() == scores.reshape(3, 4).tolist()
    scores[7] = math.nan
    assert math.isnan(pair_means(*space.axes, scores)[1, 3])


def test_drawn_values_are_shown_in_bins():
    """Each with as many values; those of a grid stay."""
    drawn = space_of(pd.DataFrame({"x": np.linspace(0, 1, 60) ** 2, "y": np.linspace(1, 2, 60)[::-1]}))
    axis = binned(drawn.axes[0], drawn.kind)
    assert np.bincount(axis.steps).tolist() == [60 // BINS] * BINS
    assert axis.labels[0].startswith("0…")
    assert binned(drawn.axes[0], GRID) is drawn.axes[0]


@given(some.permutations(range(12)), some.floats(0.1, 10), some.floats(-5, 5), some.integers(1, 1000))
def test_order_and_unit_do_not_choose(order, factor, shift, seed):
    """The same point wins, whatever the order of the trials and the unit of the score."""
    scores = np.random.default_rng(seed).normal(size=12)
    one = choose(scores, ALL, neighbours(space_of(TABLE)))
    mixed = TABLE.iloc[list(order)].reset_index(drop=True)
    other = choose(factor * scores[list(order)] + shift, ALL, neighbours(space_of(mixed)))
    assert order[other.winner] == one.winner
    assert order[other.peak] == one.peak


@given(some.integers(2, 40), some.integers(2, 3), some.integers(1, 1000))
def test_drawn_neighbours_are_not_oneself(count, width, seed):
    """At most two a parameter, never the trial itself, no one twice."""
    table = pd.DataFrame(np.random.default_rng(seed).random((count, width)), columns=[f"p{k}" for k in range(width)])
    for trial, near in enumerate(neighbours(space_of(table))):
        assert trial not in near
        assert len(set(near.tolist())) == len(near)
        assert len(near) <= 2 * width


def test_nothing_to_place_is_refused():
    """With a code."""
    for table in (pd.DataFrame(), TABLE.iloc[:0], TABLE[[]]):
        with pytest.raises(CalibrateError, match="CAL-082"):
            space_of(table)
