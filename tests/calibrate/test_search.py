"""What is proposed: all of a grid, draws by counter, and optuna's batches."""

import pytest

from simcore.calibrate.grid import make_grid
from simcore.calibrate.search import BATCH, new_search
from simcore.errors import CalibrateError

PARAMS = ("a", "b")


def grid_of(**axes):
    return make_grid(axes, PARAMS)


def test_a_grid_proposes_all_of_itself_once():
    grid = grid_of(a=[1, 2], b=[1, 2, 3])
    search = new_search("grid", grid, None, 0)
    assert search.ask() == list(grid.points())
    assert search.ask() == []


def test_a_grid_that_is_too_large_or_has_no_steps():
    with pytest.raises(CalibrateError, match="CAL-024"):
        new_search("grid", grid_of(a={"from": 1, "to": 2, "steps": 200}, b={"from": 1, "to": 2, "steps": 200}), None, 0)
    with pytest.raises(CalibrateError, match="at most 5"):
        new_search("grid", grid_of(a=[1, 2, 3], b=[1, 2]), 5, 0)
    with pytest.raises(CalibrateError, match="--search random"):
        new_search("grid", grid_of(a={"from": 1, "to": 2}), None, 0)
    with pytest.raises(CalibrateError, match="CAL-024"):
        new_search("random", grid_of(a={"from": 1, "to": 2}), 10**6, 0)


def test_random_points_depend_on_the_seed_only():
    """More points begin as fewer do; another seed gives others; none stands twice."""
    grid = grid_of(a={"from": 1, "to": 2}, b=[1, 2, 3])
    few, many = (new_search("random", grid, count, 7).ask() for count in (10, 50))
    assert many[:10] == few
    assert len(set(many)) == 50
    assert new_search("random", grid, 10, 8).ask() != few
    assert all(1 <= a <= 2 and b in (1, 2, 3) for a, b in many)


def test_a_small_grid_has_fewer_points_than_were_asked_for():
    assert sorted(new_search("random", grid_of(a=[1, 2], b=[1]), 100, 0).ask()) == [(1, 1), (2, 1)]


def test_draws_spread_evenly():
    """Of 3,000 draws of three values each comes about a thousand times (five standard deviations)."""
    grid = grid_of(a={"from": 0, "to": 1}, b=[1, 2, 3])
    points = new_search("random", grid, 3000, 1).ask()
    assert all(abs(sum(b == value for _, b in points) - 1000) < 130 for value in (1, 2, 3))
    assert abs(sum(a for a, _ in points) / 3000 - 0.5) < 0.03


def proposed(grid, gain, excess=lambda *_: 0.0, trials=128, seed=3):
    """Return all that optuna proposes for an objective."""
    search, points = new_search("optuna", grid, trials, seed), []
    while batch := search.ask():
        assert len(batch) <= BATCH
        points += batch
        search.tell([gain(*point) for point in batch], [excess(*point) for point in batch])
    return points


def test_optuna_is_repeatable_and_goes_where_the_best_is():
    grid = grid_of(a={"from": 0, "to": 1}, b=[1, 2, 3])
    points = proposed(grid, lambda a, b: -abs(a - 0.3) - abs(b - 2))
    assert points == proposed(grid, lambda a, b: -abs(a - 0.3) - abs(b - 2))
    assert len(points) == 128
    late = points[-24:]
    assert sum(abs(a - 0.3) < 0.2 and b == 2 for a, b in late) > 14  # by chance three
    assert proposed(grid, lambda a, b: 0.0, trials=5, seed=4) != proposed(grid, lambda a, b: 0.0, trials=5, seed=5)


def test_optuna_hears_of_constraints_and_of_nothing_at_all():
    """It leaves what breaks a constraint, and survives trials without a value."""
    grid = grid_of(a={"from": 0, "to": 1}, b=[True, False])
    points = proposed(grid, lambda a, b: a if b else float("nan"), lambda a, b: max(a - 0.5, 0.0) if b else float("inf"))
    assert sum(a <= 0.55 and b for a, b in points[-24:]) > 14  # by chance six


def test_optuna_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(CalibrateError, match=r"CAL-023.*pip install 'optuna>=5'"):
        new_search("optuna", grid_of(a=[1, 2]), 5, 0)
