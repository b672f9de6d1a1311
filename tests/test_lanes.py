"""Lanes without journals: totals and curves are those of the single runs."""

from pathlib import Path

import numpy as np
import pytest

from simcore import engine
from simcore.config.load import load_config
from simcore.errors import ConfigError
from simcore.lanes import run_lanes
from simcore.tape.read import Tape

SAMPLE_L2 = Path(__file__).parent.parent / "datasets" / "synbtc-perp-20240101-l2.parquet"
MINUTE_NS = 60_000_000_000


def maker(half_spread_bps, start_ts, **more):
    keys = {"strategy.name": "demo_maker", "run.to": start_ts + 10 * MINUTE_NS}
    return load_config(None, [f"strategy.params.spread.half_spread_bps={half_spread_bps}"], {**keys, **more})


def test_totals_and_curves_are_those_of_single_runs():
    tape = Tape.open(SAMPLE_L2)
    configs = [maker(0.2 * k, tape.start_ts) for k in range(5)]
    together = run_lanes(tape, configs, curve_ms=20_000)
    assert len(together.curve_ts) == 30
    assert together.lanes["fills"].sum() > 0
    for lane, config in enumerate(configs):
        alone = engine.simulate(tape, [config])
        for name in ("equity_units", "node_fee_units", "node_turnover_units", "fills", "orders", "drawdown_max"):
            assert together.lanes[name][lane] == alone.state.lanes[name][0]
        samples = alone.journal.rows("samples")
        place = np.minimum(np.searchsorted(samples["ts"], together.curve_ts), len(samples) - 1)
        np.testing.assert_array_equal(together.equity_units[lane], samples["equity_units"][place])
        np.testing.assert_array_equal(together.position_lots[lane], samples["position_lots"][place])


def test_lanes_refuse_what_they_cannot_share():
    tape = Tape.open(SAMPLE_L2)
    with pytest.raises(ConfigError, match="sample_interval_ms"):
        run_lanes(tape, [maker(1, tape.start_ts), maker(1, tape.start_ts, **{"node.sample_interval_ms": 500})])
    with pytest.raises(ConfigError, match="no configuration"):
        run_lanes(tape, [])
