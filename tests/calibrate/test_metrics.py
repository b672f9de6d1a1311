"""Figures of trials: those of one day are the report's of the same run, those of several are worked out from sums."""

import math

import numpy as np
import pytest

from simcore import api
from simcore.calibrate.metrics import METRICS, Figures, sharpe_of
from simcore.calibrate.outcomes import LANE_FIELDS, Results, counts_of
from simcore.calibrate.plan import Asked
from simcore.calibrate.run import calibrate
from simcore.calibrate.store import BEST
from simcore.config import load_config
from simcore.lanes import run_lanes
from simcore.report.folder import money_of
from simcore.tape.read import Tape
from tests.blackbox.tapes import write_sample

SAME = {  # ours -> the report's
    "net": "pnl", "net_bps": "net_bps", "fees": "fees", "turnover": "turnover", "volume": "volume", "fills": "fills",
    "orders": "orders", "cancels": "cancels", "maker_share": "maker_share", "taker_share": "taker_share",
    "max_drawdown": "max_drawdown", "position": "position",
}  # fmt: skip
BUSY = (
    "strategy.name=demo_maker", "strategy.params.spread.half_spread_bps=0.02", "strategy.params.emit.order_lots=7",
    "strategy.params.emit.levels=3", "node.tick_interval_ms=50", "fees.taker_bps=3.3", "fees.maker_bps=-0.7",
)  # fmt: skip
KINDS = {
    "linear": {}, "inverse": {"kind": "inverse", "contract_size": "100", "lot_size": "1"},
    "no rebate": {"maker_rate": "0.0001"},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_trials_figures_are_those_of_the_replays_report(kind, tmp_path):
    """For each figure that both have, to the last bit; with fills in flight at the end, since the run ends at any moment."""
    path = write_sample(tmp_path / "tape.parquet", rows=4000, **KINDS[kind])
    end = Tape.open(path).end_ts
    for cut_ms in (0, 33_333):
        config = load_config(None, BUSY, {"run.to": end - cut_ms * 1_000_000})
        grid = {"spread.half_spread_bps": [0.02, 0.4], "latency.response.ms": [1, 900]}
        found = calibrate(Asked(grid, (path,), config), tmp_path / f"out{cut_ms}")
        figures = found.figures([0])
        assert sum(figures["fills"]) > 0
        for trial, point in enumerate(found.points):
            sets = [*BUSY, *(f"{axis.key}={value}" for axis, value in zip(found.axes, point, strict=True))]
            run = api.replay(path, load_config(None, sets, {"run.to": end - cut_ms * 1_000_000}), tmp_path / f"run{cut_ms}-{trial}")
            for ours, theirs in SAME.items():
                expected = run.summary[theirs]
                assert figures.of(trial)[ours] == expected, (ours, trial, cut_ms)


def test_best_yaml_replays_to_the_figures_of_its_trial(finished, tmp_path):
    """The file drops into a replay as it is, and gives what calibrate.json says."""
    day = finished.days[0]
    run = api.replay(list(day.paths), finished.folder / BEST, tmp_path / "run")
    figures = finished.figures([0]).of(finished.best)
    assert figures["fills"] > 0
    assert {ours: figures[ours] for ours in SAME} == {ours: run.summary[theirs] for ours, theirs in SAME.items()}


def test_figures_of_several_days_are_those_of_their_sums(finished):
    """Ratios are ratios of sums, not means of ratios; drawdown and position are the worst day's."""
    days = [finished.figures([day]) for day in range(4)]
    both = finished.figures([0, 1, 2, 3])
    net, turnover, fills = (np.sum([each[name] for each in days], axis=0) for name in ("net", "turnover", "fills"))
    np.testing.assert_allclose(both["net_bps"], 1e4 * net / turnover, rtol=1e-12)
    np.testing.assert_allclose(both["maker_share"], np.sum([np.nan_to_num(each["maker_share"]) * each["fills"] for each in days], axis=0) / fills)
    np.testing.assert_array_equal(both["max_drawdown"], np.max([each["max_drawdown"] for each in days], axis=0))
    np.testing.assert_array_equal(both["position_abs"], np.max([np.abs(each["position"]) for each in days], axis=0))
    changes = finished.changes([0, 1, 2, 3])
    np.testing.assert_allclose(both["sharpe"], changes.mean(axis=1) / changes.std(axis=1, ddof=1), rtol=1e-9)
    np.testing.assert_allclose(both["before_fees"], both["net"] + both["fees"], rtol=1e-12)
    assert set(both.of(0)) == set(METRICS)


def test_markouts_are_those_of_the_report_where_all_fills_have_one(tmp_path):
    """For linear contracts the mean by quantity over the mean price is the report's ratio of sums."""
    path = write_sample(tmp_path / "tape.parquet", rows=4000)
    config = load_config(None, BUSY)
    found = calibrate(Asked({"emit.order_lots": [7, 9]}, (path,), config), tmp_path / "out")
    run = api.replay(path, config, tmp_path / "run")
    checked = 0
    for row, name in zip(run.summary["markouts"], ("markout_100ms_bps", "markout_1s_bps", "markout_5s_bps", "markout_30s_bps"), strict=True):
        if row["unmarked"] == 0 and row["fills"]:
            assert found.figures([0])[name][0] == pytest.approx(row["realised_bps"], rel=1e-12)
            checked += 1
    assert checked


def test_a_trial_without_fills_has_no_ratio(tmp_path):
    path = write_sample(tmp_path / "tape.parquet", rows=1000)
    tape, config = Tape.open(path), load_config(None, [*BUSY, "strategy.params.emit.order_lots=0"])
    run, money = run_lanes(tape, [config]), money_of(tape.instrument)
    counts = counts_of(run, money)
    assert counts["fills"][0] == 0
    results = Results((run.equity_units.shape[1],))
    results.grow(1)
    results.counts[0, 0], results.states[0, 0] = counts[0], 1
    figures = Figures(results, [0], money).of(0)
    assert figures["net"] == 0
    assert [figures[name] for name in ("net_bps", "fill_rate", "taker_share", "sharpe", "markout_1s_bps")] == [None] * 5
    assert set(LANE_FIELDS) < set(counts.dtype.names)


def test_the_sharpe_ratio_of_changes():
    assert sharpe_of(np.array([1.0, 3.0])) == pytest.approx(2 / math.sqrt(2))
    assert math.isnan(sharpe_of(np.array([1.0])))
    assert math.isnan(sharpe_of(np.array([2.0, 2.0, 2.0])))
