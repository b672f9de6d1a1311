"""Walk forward: folds over days or hours, and texts that say nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from simcore.calibrate.splits import choosing_days, judging_days, parse_splits
from simcore.errors import CalibrateError


def test_folds_walk_forward():
    folds = parse_splits("walk-forward:train=3,test=1,purge=1").folds(7)
    assert [(fold.train, fold.test) for fold in folds] == [((0, 1, 2), (4,)), ((1, 2, 3), (5,)), ((2, 3, 4), (6,))]


def test_the_last_fold_chooses_and_judges():
    """Its choice is the calibration's; without folds all days choose, and none judges."""
    folds = parse_splits("walk-forward:train=3,test=2").folds(8)
    assert len(folds) == 2
    assert choosing_days(folds, 8) == (3, 4, 5)
    assert judging_days(folds) == (6, 7)
    assert choosing_days((), 3) == (0, 1, 2)
    assert judging_days(()) == ()


def test_no_splits():
    assert parse_splits(None) is None


def test_hours_become_periods_of_their_greatest_common_length():
    splits = parse_splits("walk-forward:train=6h,test=2h,purge=0")
    assert (splits.train, splits.test, splits.purge, splits.hours) == (3, 1, 0, 2)


@pytest.mark.parametrize(
    "text",
    ["", "walk-forward", "walk-forward:", "k-fold:train=1,test=1", "walk-forward:train=3", "walk-forward:train=0,test=1", "walk-forward:train=1,test=0",
     "walk-forward:train=-1,test=1", "walk-forward:train=1.5,test=1", "walk-forward:train=1,test=1,train=2", "walk-forward:train=1,test=1,gap=2",
     "walk-forward:train=6h,test=1", "walk-forward:train=1,test=1,", "walk-forward:train=1;test=1"],
)  # fmt: skip
def test_what_is_no_split_is_refused(text):
    with pytest.raises(CalibrateError, match="CAL-015"):
        parse_splits(text)


def test_too_few_days():
    with pytest.raises(CalibrateError, match="needs 5 periods of a day; there are 4"):
        parse_splits("walk-forward:train=3,test=1,purge=1").folds(4)


@given(train=hs.integers(1, 9), test=hs.integers(1, 5), purge=hs.integers(0, 4), more=hs.integers(0, 20))
def test_folds_are_what_they_must_be(train, test, purge, more):
    """Train before test, with the purge between; each day judges at most once; the last day judges."""
    days = train + test + purge + more
    folds = parse_splits(f"walk-forward:train={train},test={test},purge={purge}").folds(days)
    judges = [day for fold in folds for day in fold.test]
    assert judges == sorted(set(judges))
    assert judges[-1] == days - 1
    for fold in folds:
        assert (len(fold.train), len(fold.test)) == (train, test)
        assert fold.test[0] - fold.train[-1] == purge + 1
        assert 0 <= fold.train[0]
        assert fold.test[-1] < days
