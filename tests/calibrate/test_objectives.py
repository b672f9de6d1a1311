"""Objectives and constraints: their texts, how far trials break them, and who is chosen."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as hs

from simcore.calibrate.metrics import METRICS
from simcore.calibrate.objectives import Constraint, rank, wanted, winner
from simcore.errors import CalibrateError


class Table:
    """Figures from columns, as `Figures` gives them."""

    def __init__(self, **columns):
        self.columns = {name: np.array(values, np.float64) for name, values in columns.items()}

    def __getitem__(self, name):
        return self.columns[name]


ALL = np.array([True] * 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("taker_share<=0.09", ("taker_share", "<=", 0.09)), (" net > -1e3 ", ("net", ">", -1000.0)), ("fills>=100", ("fills", ">=", 100.0)),
        ("max_drawdown < .5", ("max_drawdown", "<", 0.5)), ("position==0", ("position", "==", 0.0)),
    ],
)  # fmt: skip
def test_constraints_are_read(text, expected):
    (found,) = wanted("net_bps", [text]).constraints
    assert (found.name, found.sign, found.limit) == expected


@pytest.mark.parametrize(
    "text", ["taker_share", "taker_share=0.1", "taker_share<=", "<=1", "taker_share<=a", "taker_share<=nan", "taker_share<=inf", "taker_share<=1e999",
             "taker_share<=0.1,fills>1", "0.1>=taker_share", "a<=1", "taker share<=1", "", "fills<>1"]
)  # fmt: skip
def test_what_is_no_constraint_is_refused(text):
    with pytest.raises(CalibrateError, match="CAL-014"):
        wanted("net_bps", [text])


@pytest.mark.parametrize(("name", "hint"), [("net_bp", "net_bps"), ("gross_bps", "before_fees_bps"), ("pnl", "net"), ("position", "constraint"), ("", "known")])
def test_an_objective_that_is_none_is_refused(name, hint):
    """The cause says what to take instead."""
    with pytest.raises(CalibrateError, match="CAL-014") as caught:
        wanted(name, [])
    assert hint in caught.value.cause


@given(values=hs.lists(hs.floats(-1e6, 1e6) | hs.just(math.nan), min_size=1, max_size=20), limit=hs.floats(-1e3, 1e3), sign=hs.sampled_from(["<", "<=", ">", ">=", "=="]))
def test_an_excess_is_0_exactly_where_the_limit_is_kept(values, limit, sign):
    """And above 0, never NaN, everywhere else."""
    kept = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "==": np.equal}[sign]
    column = np.array(values)
    excess = Constraint("net", sign, limit).excess(column)
    np.testing.assert_array_equal(excess == 0, kept(column, limit))
    assert np.all(excess >= 0)
    assert np.all(np.isinf(excess[np.isnan(column)]))


def test_the_best_that_keeps_the_constraints_is_the_peak():
    figures = Table(net_bps=[1, 5, 3, np.nan], taker_share=[0.0, 0.5, 0.1, 0.0])
    ranking = rank(wanted("net_bps", ["taker_share<=0.1"]), figures, ALL)
    assert (ranking.peak, ranking.valueless, ranking.infeasible, ranking.nearest) == (2, 1, 1, (1,))


def test_less_is_better_of_costs():
    assert METRICS["fees"].better == -1
    assert rank(wanted("fees", []), Table(fees=[1, -2, 3, 0]), ALL).peak == 1


def test_of_equals_the_first_is_better():
    assert rank(wanted("net_bps", []), Table(net_bps=[1, 2, 2, 1]), ALL).peak == 1


def test_trials_that_did_not_end_are_never_chosen():
    ranking = rank(wanted("net_bps", []), Table(net_bps=[1, 9, 2, 3]), np.array([True, False, True, True]))
    assert ranking.peak == 3


def test_nobody_will_do():
    """The nearest are in order of what they are beyond, then of the objective."""
    figures = Table(net_bps=[1, 5, 3, 4], fills=[50, 10, 99, 99], taker_share=[1, 1, 1, np.nan])
    ranking = rank(wanted("net_bps", ["fills>=100", "taker_share<=1"]), figures, ALL)
    assert (ranking.peak, ranking.nearest) == (None, (2, 0, 1, 3))
    assert winner(wanted("net_bps", []), figures, ranking, [(1,), (2,), (3,), (4,)], np.arange(4)) is None


def test_of_trials_that_are_as_near_the_better_one_comes_first():
    """All are one fill short; the third is the best of them, then the first and the fourth in their order."""
    figures = Table(net_bps=[2, 1, 3, 2], fills=[99, 99, 99, 99])
    assert rank(wanted("net_bps", ["fills>=100"]), figures, ALL).nearest == (2, 0, 3, 1)


def test_the_winner_is_the_plateau_not_the_peak():
    """Trial 0 lies off the grid; the peak stands alone beside bad neighbours."""
    points = [(9.5,), *((float(k),) for k in range(7))]
    gains = [0.0, 1.0, 1.0, 9.0, 1.0, 6.0, 7.0, 6.5]
    figures, ended = Table(net_bps=gains), np.ones(8, bool)
    ranking = rank(wanted("net_bps", []), figures, ended)
    assert ranking.peak == 3
    assert winner(wanted("net_bps", []), figures, ranking, points, np.arange(8)) in (6, 7)


def test_the_base_wins_where_it_is_the_only_one_allowed():
    figures = Table(net_bps=[1, 5, 3, 4], fills=[1, 0, 0, 0])
    ask = wanted("net_bps", ["fills>0"])
    ranking = rank(ask, figures, ALL)
    assert winner(ask, figures, ranking, [(9.5,), (1.0,), (2.0,), (3.0,)], np.arange(4)) == 0
    single = rank(ask, Table(net_bps=[1], fills=[1]), ALL[:1])
    assert winner(ask, Table(net_bps=[1], fills=[1]), single, [(1.0,)], np.arange(1)) == 0
