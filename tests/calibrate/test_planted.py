"""Through the real engine: a planted optimum is found and adopted, and parameters that do not matter are not."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from simcore.calibrate.plan import Asked
from simcore.calibrate.report import build, case_of, terms_of
from simcore.calibrate.run import calibrate
from simcore.calibrate.verdict import judge
from tests.calibrate.flows import MEAN_TICKS, exponential, indifferent, maker, write_days

SPREADS = [10, 20, 40, 80, 160]
WALK = "walk-forward:train=3,test=1"


def searched(folder, depth, seed, grid, old, days=6, **more):
    """Return a finished calibration of the demo maker on days of a flow; old: the half-spread of its base configuration."""
    folder.mkdir(exist_ok=True)
    paths = write_days(folder, depth, seed, days)
    asked = Asked({f"spread.{name}": values for name, values in grid.items()}, paths, maker(old), "net", splits=WALK, **more)
    return calibrate(asked, folder / "out", jobs=1)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Return a calibration on days where a half-spread of 1 / k is best; the second parameter does nothing."""
    grid = {"half_spread_ticks": SPREADS, "vol_window_ticks": [300, 600, 900]}
    return searched(tmp_path_factory.mktemp("planted"), exponential, 1, grid, old=160)


def test_the_best_half_spread_is_that_of_the_formula(planted):
    """1 / k from the mid, where 2 d exp(-k d) is largest; and it is adopted."""
    verdict = judge(case_of(planted), terms_of(planted))
    assert planted.points[verdict.winner][0] == MEAN_TICKS
    assert verdict.adopt, verdict.sentence
    assert verdict.evidence.dead == ("spread.vol_window_ticks",)  # the parameter that was planted to do nothing
    assert [note.partition(" ")[0] for note in verdict.notes] == ["spread.vol_window_ticks", "15"]


def test_profits_are_those_of_the_formula(planted):
    """Each half-spread earns 2 d exp(-k d) a step, within four standard errors of its five days of 600 steps each."""
    net = planted.figures(range(6))["net"] / float(planted.money.unit)
    fills = planted.figures(range(6))["fills"]
    steps = 6 * 600
    for point, found, count in zip(planted.points, net, fills, strict=True):
        reached = np.exp(-point[0] / MEAN_TICKS)
        assert count == pytest.approx(2 * steps * reached, abs=4 * np.sqrt(2 * steps * reached) + 12)
        edge_error = point[0] * np.sqrt(2 * steps * reached)
        held_error = 4 * np.sqrt(2 * reached * 6 * 600.0 * 600.0 / 2)  # position x moves: variance 2 p s^2 N^2 / 2 a day
        assert found == pytest.approx(2 * steps * reached * point[0], abs=4 * np.hypot(edge_error, held_error) + 24 * point[0])


def test_the_report_says_what_the_verdict_says(planted):
    """best.yaml is the winner's configuration; both pages begin with the verdict."""
    verdict = build(planted.folder)
    assert verdict.winner == planted.best
    best = yaml.safe_load((planted.folder / "best.yaml").read_text())
    assert best["strategy"]["params"]["spread.half_spread_ticks"] == MEAN_TICKS
    assert (planted.folder / "report.md").read_text().startswith(f"# Adopt trial {verdict.winner}\n")


def test_the_old_weights_stay_where_they_are_best(tmp_path):
    """The same flow, asked by a maker who quotes 1 / k already."""
    found = searched(tmp_path, exponential, 2, {"half_spread_ticks": [20, 40, 80]}, old=40)
    verdict = judge(case_of(found), terms_of(found))
    assert not verdict.adopt
    assert verdict.winner == 0


def test_parameters_that_change_nothing_are_not_adopted(tmp_path):
    """The seed of a run without random latencies: all curves are one."""
    paths = write_days(tmp_path, exponential, 3, 4)
    found = calibrate(Asked({"run.seed": [1, 2, 3, 4]}, paths, maker(40), "net", splits=WALK), tmp_path / "out", jobs=1)
    verdict = judge(case_of(found), terms_of(found))
    assert not verdict.adopt
    assert not any(np.ptp(day, axis=1).any() for day in verdict.evidence.case.changes)


def adopted_of(folder, repetitions, seed=0):
    """Return how many calibrations are adopted on days where every half-spread is expected to earn the same."""
    count = 0
    for k in range(repetitions):
        found = searched(folder / str(k), indifferent, seed + k, {"half_spread_ticks": SPREADS}, old=30)
        count += judge(case_of(found), terms_of(found)).adopt
    return count


def test_spreads_that_earn_the_same_are_not_adopted(tmp_path):
    """Eight calibrations through the engine."""
    assert adopted_of(tmp_path, 8) == 0


@pytest.mark.slow
def test_spreads_that_earn_the_same_are_hardly_ever_adopted(tmp_path):
    """200 calibrations through the engine: at most 5 %."""
    found = adopted_of(tmp_path, 200, seed=1000)
    print("adopted of 200:", found)
    assert found <= 10
