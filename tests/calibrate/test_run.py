"""Calibrations as wholes: the same bytes however they are made, and nothing wrong passes for a result."""

import json
import math
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from simcore.calibrate import local, run, work
from simcore.calibrate.folder import load
from simcore.calibrate.plan import Asked, Plan
from simcore.calibrate.run import calibrate
from simcore.calibrate.store import BEST, CURVES, NOTE, PARTS, TRIALS
from simcore.config import load_config
from simcore.errors import CalibrateError, ConfigError, EngineError
from simcore.lanes import run_lanes
from simcore.sealed import sealed
from simcore.tape.read import Tape
from tests.blackbox.command import ROOT, SAMPLE
from tests.blackbox.tapes import write_sample

SETS = ("strategy.name=demo_maker", "strategy.params.emit.order_lots=3")
FILES = (TRIALS, CURVES, BEST)
WALK = "walk-forward:train=3,test=1"


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def test_the_folder_holds_every_trial_and_the_choice(finished):
    """12 points of the grid, of which the base is one; each on four days."""
    assert sorted(path.name for path in finished.folder.iterdir()) == sorted([*FILES, NOTE])
    frame = finished.frame()
    assert len(frame) == 12 * 4
    assert list(frame["trial"]) == sorted(frame["trial"])
    assert list(frame["day"][:4]) == [0, 1, 2, 3]
    assert set(frame["state"]) == {"done"}
    assert frame["strategy.params.spread.half_spread_bps"].nunique() == 4
    np.testing.assert_array_equal(frame["net_bps"][frame["day"] == 2], finished.figures([2])["net_bps"])
    assert finished.points[0] == (1.0, 1.0)
    assert (finished.train, finished.test) == ((0, 1, 2), (3,))
    assert finished.tried == 12
    assert finished.note["figures"]["best"]["test"] == finished.figures([3]).of(finished.best)
    assert [finished.ends(day)[-1] for day in range(4)] == [day.end_ts for day in finished.days]


def test_curves_end_at_the_profit_of_the_day(finished):
    """Their last point is the Node's equity; the report's profit differs by what was still on the wire, if anything."""
    changes = finished.changes([0, 1, 2, 3])
    net = finished.figures([0, 1, 2, 3])["net"]
    assert np.abs(changes.sum(axis=1) - net).max() < 0.01 * np.abs(net).max()
    rows = pq.read_table(finished.folder / CURVES)
    assert rows.num_rows == 48
    assert len(rows["equity_curve_units"][0]) == len(rows["position_curve_lots"][0]) == len(finished.ends(0))


@pytest.mark.parametrize("jobs", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_number_of_processes_changes_no_byte(jobs, finished, four_days, asking, tmp_path):
    calibrate(asking(four_days, splits=WALK), tmp_path / "out", jobs=jobs)
    assert contents(tmp_path / "out") == contents(finished.folder)


@pytest.mark.parametrize("lanes", [1, 5])
def test_the_size_of_blocks_changes_no_byte(lanes, finished, four_days, asking, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "LANES_MAX", lanes)
    calibrate(asking(four_days, splits=WALK), tmp_path / "out")
    assert contents(tmp_path / "out") == contents(finished.folder)


def test_the_order_of_the_days_changes_no_byte(finished, four_days, asking, tmp_path):
    calibrate(asking(reversed(four_days), splits=WALK), tmp_path / "out")
    assert contents(tmp_path / "out") == contents(finished.folder)


def test_a_second_calibration_counts_no_trial_twice(four_days, asking, tmp_path):
    first = calibrate(asking(four_days[:2]), tmp_path / "a")
    again = calibrate(asking(four_days[:2]), tmp_path / "b")
    more = calibrate(asking(four_days[1:2], grid={"spread.half_spread_bps": [0.2, 3.0]}), tmp_path / "c")
    assert (first.tried, again.tried) == (12, 12)
    assert more.tried == 12 + 1  # the base was there, and 0.2 with its skew; 3.0 is new
    early = calibrate(asking(four_days[:1], grid={"spread.half_spread_bps": [4.0]}), tmp_path / "e")
    assert early.tried == 12 + 1
    both = calibrate(asking(four_days[:2]), tmp_path / "f")
    assert (both.tried, sorted(both.note["tried"].values())) == (12 + 2, [13, 13])  # 3.0 on the one day, 4.0 on the other
    elsewhere = calibrate(asking(four_days[:1]), tmp_path / "d", home=tmp_path / "home")
    assert elsewhere.tried == 12


class Stop(Exception):
    """Stands for a kill."""


@pytest.mark.parametrize("search", ["grid", "random", "optuna"])
@pytest.mark.parametrize("blocks", [1, 3])
def test_a_stopped_calibration_goes_on(search, blocks, four_days, asking, tmp_path, monkeypatch):
    """No finished block is played again, and the result is that of one that was never stopped."""
    ask = asking(four_days[:2], search=search, trials=None if search == "grid" else 20)
    monkeypatch.setattr(run, "LANES_MAX", 4)
    calibrate(ask, tmp_path / "whole")
    played = []

    def counted(block, told=None):
        if len(played) == stop_at:
            raise Stop
        played.append(block)
        return work.play(block, told)

    monkeypatch.setattr(local, "play", counted)
    stop_at = blocks
    with pytest.raises(Stop):
        calibrate(ask, tmp_path / "out")
    assert len(list((tmp_path / "out" / PARTS).iterdir())) == blocks
    stop_at = -1
    calibrate(ask, tmp_path / "out", resume=True)
    done = [(trial, block.day_number) for block in played for trial in block.trials]
    assert len(done) == len(set(done))
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_finished_calibration_resumes_to_itself(finished, four_days, asking, tmp_path, monkeypatch):
    """Nothing is played; the files stay as they are."""
    out = tmp_path / "out"
    shutil.copytree(finished.folder, out)
    monkeypatch.setattr(local, "play", None)
    assert calibrate(asking(four_days, splits=WALK), out, resume=True).best == finished.best
    assert contents(out) == contents(finished.folder)


CHANGES = {
    "the tapes": lambda days: {"days": days[:3], "splits": None},
    "the grid": lambda days: {"grid": {"spread.half_spread_bps": [0.2, 0.5]}},
    "the configuration": lambda days: {"sets": ("strategy.name=demo_maker", "fees.maker_bps=0")},
    "the objective": lambda days: {"constraints": ("fills>=1",)},
    "the search": lambda days: {"seed": 3},
    "the splits": lambda days: {"splits": None},
    "the interval": lambda days: {"interval_s": 30.0},
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_what_changed_under_a_resumed_calibration_is_refused(what, finished, four_days, asking, tmp_path):
    """The code says what changed; the folder stays as it is."""
    shutil.copytree(finished.folder, tmp_path / "out")
    keys = {"days": four_days, "splits": WALK, **CHANGES[what](four_days)}
    with pytest.raises(CalibrateError, match=f"CAL-020.*{what}"):
        calibrate(asking(keys.pop("days"), **keys), tmp_path / "out", resume=True)
    assert contents(tmp_path / "out") == contents(finished.folder)


def test_changed_code_is_refused(finished, four_days, asking, tmp_path):
    """Shown by a note of another code: compiling another engine would take half a minute."""
    shutil.copytree(finished.folder, tmp_path / "out")
    note = json.loads((tmp_path / "out" / NOTE).read_text())
    note["identity"]["the code"] = "another"
    (tmp_path / "out" / NOTE).write_text(json.dumps(sealed(note)))
    with pytest.raises(CalibrateError, match=r"CAL-020.*: the code changed since"):
        calibrate(asking(four_days, splits=WALK), tmp_path / "out", resume=True)


def test_a_tape_that_changes_while_it_is_played_is_refused(four_days, asking, tmp_path):
    """Between one block and the next."""
    days = [tmp_path / path.name for path in four_days[:2]]
    for source, target in zip(four_days, days, strict=False):
        shutil.copyfile(source, target)

    def watch(tally):
        if tally.done == 12:
            write_sample(days[1])

    with pytest.raises(CalibrateError, match="CAL-020"):
        calibrate(asking(days), tmp_path / "out", watch=watch)
    assert not (tmp_path / "out" / BEST).exists()


def test_the_best_so_far_is_known_from_the_first_day_of_the_choice(four_days, asking, tmp_path):
    """Its days come first, and count as they come; judges do not."""
    said = []
    splits = "walk-forward:train=2,test=1"
    found = calibrate(asking(four_days, splits=splits), tmp_path / "out", watch=lambda tally: said.append((tally.done, tally.best, tally.objective)))
    by_done = {done: (best, value) for done, best, value in said}
    first, both = (found.figures(found.train[:count])["net_bps"] for count in (1, 2))
    assert by_done[12] == (np.nanargmax(first), np.nanmax(first))
    assert by_done[24] == by_done[48] == (np.nanargmax(both), np.nanmax(both))


def test_what_only_python_can_ask_wrongly_is_refused(four_days, asking, tmp_path):
    """No day; no process; a search or an engine that is none. Nothing falls back on another."""
    with pytest.raises(CalibrateError, match=r"CAL-017.*no day"):
        calibrate(asking([]), tmp_path / "out")
    for words in ({"jobs": 0}, {"jobs": -1}, {"engine_name": "cloud"}):
        with pytest.raises(ValueError, match=next(iter(words))):
            calibrate(asking(four_days[:1]), tmp_path / "out", **words)
    with pytest.raises(ValueError, match="search"):
        calibrate(asking(four_days[:1], search="all"), tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_folder_in_use_is_not_touched(finished, four_days, asking, tmp_path):
    before = contents(finished.folder)
    with pytest.raises(CalibrateError, match=r"CAL-019.*already holds"):
        calibrate(asking(four_days, splits=WALK), finished.folder)
    (tmp_path / "notes.txt").write_text("mine")
    for resume in (False, True):
        with pytest.raises(CalibrateError, match=r"CAL-019.*not an empty folder"):
            calibrate(asking(four_days[:1]), tmp_path, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert contents(finished.folder) == before


def test_nobody_keeps_the_constraints(four_days, asking, tmp_path):
    """The nearest are named, the trials are there, best.yaml is not."""
    with pytest.raises(CalibrateError) as caught:
        calibrate(asking(four_days[:1], constraints=("fills>=100000", "fills<=1")), tmp_path / "out")
    assert caught.value.code == "CAL-016"
    assert "9 break a constraint, 3 have no net_bps" in caught.value.cause  # the widest never traded
    assert "nearest: trial" in caught.value.cause
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([TRIALS, CURVES, NOTE])
    found = load(tmp_path / "out")
    assert (found.best, found.note["status"], found.note["infeasible"], len(found.note["nearest"])) == (None, "none", 9, 5)


def test_trials_without_an_objective_never_win(four_days, asking, tmp_path):
    """Of nothing traded there is no net_bps; all of them: CAL-016."""
    grid = {"emit.order_lots": [0, 1, 2]}
    found = calibrate(asking(four_days[:1], grid, sets=("strategy.name=demo_maker",)), tmp_path / "some")
    assert (found.points[found.best] != (0,), found.note["valueless"]) == (True, 1)
    with pytest.raises(CalibrateError, match=r"CAL-016.*2 have no net_bps"):
        calibrate(asking(four_days[:1], {"inventory.skew_bps": [0, 2]}, sets=("strategy.name=demo_maker", "strategy.params.emit.order_lots=0", "strategy.params.inventory.skew_bps=2")), tmp_path / "none")


def test_a_set_that_fails_is_lost_alone(four_days, asking, tmp_path):
    """A size below nothing stops its lane at the first tick; the others come out as they do without it."""
    sets = ("strategy.name=demo_maker",)
    found = calibrate(asking(four_days[:2], {"emit.order_lots": [-1, 1, 2, -2, 3]}, sets=sets), tmp_path / "some")
    frame = found.frame()
    lost = frame[frame["state"] == "lost"]
    assert sorted(set(lost["strategy.params.emit.order_lots"])) == [-2, -1]
    assert len(lost) == 4
    assert all(text.startswith("STRAT-004") for text in lost["cause"])
    assert lost["net_bps"].isna().all()
    assert found.note["lost"] == 2
    without = calibrate(asking(four_days[:2], {"emit.order_lots": [1, 2, 3]}, sets=sets), tmp_path / "without").frame()
    kept = frame[frame["state"] == "done"].drop(columns="trial").reset_index(drop=True)
    assert kept.equals(without.drop(columns="trial").reset_index(drop=True))
    bad = ("strategy.name=demo_maker", "strategy.params.emit.order_lots=-1")
    with pytest.raises(CalibrateError, match=r"CAL-025.*STRAT-004"):
        calibrate(asking(four_days[:1], {"emit.order_lots": [-1, -2]}, sets=bad), tmp_path / "all")


def test_another_failure_ends_all(four_days, asking, tmp_path, monkeypatch):
    """What is not one set's own fault is no loss to be counted."""

    def broken(*_arguments, **_options):
        raise EngineError("ENG-004", "the disk")

    monkeypatch.setattr(work, "run_lanes", broken)
    with pytest.raises(EngineError, match="ENG-004"):
        calibrate(asking(four_days[:1]), tmp_path / "out")


def test_a_refused_set_is_named_before_anything_is_played(four_days, asking, tmp_path):
    with pytest.raises(CalibrateError, match=r"CAL-013.*venue.queue_n=200.*CONF-003"):
        calibrate(asking(four_days[:1], {"venue.queue_n": [1, 200]}), tmp_path / "out")
    spot = write_sample(tmp_path / "spot.parquet", kind="spot")
    with pytest.raises(CalibrateError, match=r"CAL-013.*spot"):
        calibrate(asking([spot], {"venue.maintenance_bps": [0, 5]}), tmp_path / "spot")


def test_a_day_without_a_market_is_refused(four_days, asking, tmp_path):
    """Rows there are, but no book with two sides at any tick."""
    end = Tape.open(four_days[0]).start_ts + 3_000_000_000
    config = ("strategy.name=demo_maker", f"run.to={end}", "node.tick_interval_ms=60000")
    with pytest.raises(CalibrateError, match="CAL-018"):
        calibrate(asking(four_days[:1], sets=config, interval_s=1.0), tmp_path / "out")


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.5, math.nan, math.inf])
def test_an_interval_that_no_curve_has_is_refused(four_days, asking, tmp_path, seconds):
    """Shorter than the time between two samples (1 s), or no time at all: CONF-003, and no folder."""
    with pytest.raises(ConfigError, match=r"CONF-003.*--interval"):
        calibrate(asking(four_days[:1], interval_s=seconds), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_lanes_cannot_share_makes_passes_of_its_own(four_days, asking, tmp_path):
    """Each trial is that of a calibration of it alone."""
    grid = {"node.sample_interval_ms": [1000, 5000], "spread.half_spread_bps": [0.2, 0.5], "venue.queue_model": ["power", "front"]}
    together = calibrate(asking(four_days[:1], grid, interval_s=10.0), tmp_path / "together", jobs=2)
    assert len(together.points) == 8 + 1
    trial = together.points.index((5000, 0.5, "front"))
    sets = ("strategy.name=demo_maker", "strategy.params.emit.order_lots=3", "node.sample_interval_ms=5000", "strategy.params.spread.half_spread_bps=0.5", "venue.queue_model=front")
    alone = calibrate(asking(four_days[:1], {"inventory.skew_bps": [1]}, sets=sets, interval_s=10.0), tmp_path / "alone")
    assert together.figures([0]).of(trial) == alone.figures([0]).of(0)


def test_hours_of_a_day_are_periods(asking, tmp_path):
    """Choose on the first two hours, judge on the third; each begins flat."""
    tape = Tape.open(SAMPLE)
    ask = asking([SAMPLE], {"spread.half_spread_bps": [0.2, 0.5]}, (*SETS, f"run.to={tape.start_ts + 11_000_000_000_000}"), splits="walk-forward:train=2h,test=1h")
    found = calibrate(ask, tmp_path / "out")
    assert (found.train, found.test) == ((0, 1), (2,))
    second, trial = found.days[1], found.points.index((0.2,))
    alone = load_config(None, [*SETS, "strategy.params.spread.half_spread_bps=0.2"], {"run.from": second.from_ts, "run.to": second.to_ts})
    fills = run_lanes(tape, [alone]).lanes["fills"][0]
    assert found.results.counts["fills"][trial, 1] == fills > 0
    assert found.tried == 3


def test_a_changed_strategy_makes_new_sets_and_a_default_that_is_set_does_not(four_days, tmp_path):
    """The census knows a set by what is played, not by how it is written."""

    def marks(source, sets):
        path = tmp_path / "mine.py"
        path.write_text(source)
        plan = Plan(Asked({"spread.half_spread_bps": [1.0, 2.0]}, four_days[:1], load_config(None, [f"strategy.name={path}", *sets])))
        return [plan.base_trial().mark, plan.trial(1, (2.0,)).mark]

    source = (ROOT / "strategies" / "demo_maker.py").read_text()
    before = marks(source, ())
    assert len(set(before)) == 2
    assert marks(source, ("strategy.params.spread.half_spread_bps=1", "strategy.params.inventory.skew_bps=1.0")) == before
    assert not set(marks(source + "\n# changed\n", ())) & set(before)
