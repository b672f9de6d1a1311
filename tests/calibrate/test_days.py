"""The days of a calibration: which tapes belong together, periods of hours, intervals of curves."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from simcore.calibrate.days import HOUR_NS, interval_ends, interval_ns, open_days, overlapping
from simcore.config import load_config
from simcore.errors import CalibrateError, ConfigError
from simcore.lanes import run_lanes
from simcore.tape.read import Tape
from simcore.units import NS_PER_S
from tests.blackbox.tapes import write_sample

SAMPLE = Path(__file__).parents[2] / "datasets" / "synbtc-perp-20240101-l2.parquet"
CONFIG = load_config(None, ["strategy.name=demo_maker"])


def test_days_are_in_time_order_whatever_the_order_given(four_days):
    _, days = open_days(list(reversed(four_days)), CONFIG)
    assert [day.paths[0] for day in days] == list(four_days)
    assert len({day.label for day in days}) == 4


def test_days_that_begin_together_are_in_one_order_and_overlap(tmp_path):
    """By their content, whatever the order given."""
    tapes = [write_sample(tmp_path / f"{rows}.parquet", rows) for rows in (3000, 2000, 1000)]
    found = [open_days(order, CONFIG)[1] for order in itertools.permutations(tapes)]
    assert all(days == found[0] for days in found)
    assert overlapping(found[0]) is not None


def test_days_apart_and_periods_of_a_day_do_not_overlap(four_days):
    assert overlapping(open_days(four_days, CONFIG)[1]) is None
    assert overlapping(open_days([SAMPLE], CONFIG, 6)[1]) is None


def test_days_of_one_name_are_told_apart(four_days, tmp_path):
    copies = []
    for k, path in enumerate(four_days[:2]):
        copies.append(tmp_path / str(k) / "day.parquet")
        copies[-1].parent.mkdir()
        copies[-1].write_bytes(path.read_bytes())
    assert [day.label for day in open_days(copies, CONFIG)[1]] == ["day-1", "day-2"]


def test_a_folder_is_one_day(four_days):
    _, days = open_days([four_days[0].parent], CONFIG)
    assert (len(days), len(days[0].paths)) == (1, 4)


def test_another_instrument_is_refused(four_days, tmp_path):
    other = write_sample(tmp_path / "other.parquet", symbol="OTHER")
    with pytest.raises(CalibrateError, match=r"CAL-017.*OTHER"):
        open_days([four_days[0], other], CONFIG)


def test_the_same_day_twice_is_refused(four_days, tmp_path):
    """By content, not by name."""
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(four_days[1].read_bytes())
    with pytest.raises(CalibrateError, match=r"CAL-017.*the same rows"):
        open_days([*four_days, copy], CONFIG)


def test_a_day_outside_the_window_is_refused(four_days):
    first_end = Tape.open(four_days[0]).end_ts
    config = load_config(None, ["strategy.name=demo_maker"], {"run.to": first_end})
    with pytest.raises(CalibrateError, match=r"CAL-018.*no part of the tape"):
        open_days(four_days, config)


def test_hours_cut_a_day_at_the_clock():
    """24 hours are twelve periods of two; a part that is not whole is none."""
    _, days = open_days([SAMPLE], CONFIG, hours=2)
    assert len(days) == 12
    starts = [day.from_ts for day in days]
    assert all(ts % (2 * HOUR_NS) == 0 for ts in starts[1:])
    assert all(one.to_ts == two.from_ts for one, two in itertools.pairwise(days))
    tape = Tape.open(SAMPLE)
    late = load_config(None, ["strategy.name=demo_maker"], {"run.from": tape.start_ts + HOUR_NS // 2})
    assert len(open_days([SAMPLE], late, hours=2)[1]) == 11
    with pytest.raises(CalibrateError, match="CAL-018"):
        open_days([SAMPLE], load_config(None, [], {"run.to": tape.start_ts + HOUR_NS // 2}), hours=2)


def test_intervals_are_those_of_the_curves(four_days):
    """Their number and their ends, also where the last one is short."""
    tape, days = open_days(four_days[:1], CONFIG)
    for seconds in (None, 7.0, 60.0, 500.0):
        step_ns = interval_ns(days, CONFIG, seconds)
        run = run_lanes(tape, [CONFIG], curve_ms=step_ns / 1e6)
        np.testing.assert_array_equal(interval_ends(days[0], step_ns), run.curve_ts)
        assert days[0].intervals(step_ns) == len(run.curve_ts)
    assert interval_ns(days, CONFIG, None) == 10 * NS_PER_S  # 20 minutes hold a hundred intervals of 10 s
    assert interval_ns(open_days([SAMPLE], CONFIG)[1], CONFIG, None) == 60 * NS_PER_S


def test_intervals_are_not_shorter_than_samples_nor_longer_than_half_a_day(four_days):
    _, days = open_days(four_days[:1], CONFIG)
    slow = load_config(None, ["node.sample_interval_ms=30000"])
    assert interval_ns(days, slow, None) >= 30 * NS_PER_S
    assert interval_ns(days, slow, 30.0) == 30 * NS_PER_S
    with pytest.raises(ConfigError, match="CONF-003"):
        interval_ns(days, slow, 1.0)
    with pytest.raises(CalibrateError, match="CAL-018"):
        interval_ns(days, CONFIG, 1000.0)
