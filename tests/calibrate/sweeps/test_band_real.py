"""Law 3 for fill bands and sweeps, on real captures: a run with worlds beside it is the run alone, and so is each point."""

from __future__ import annotations

import json

import numpy as np
import pytest

from simcore import engine
from simcore.calibrate.sweeps import band as bd
from simcore.calibrate.sweeps.single import with_keys
from simcore.calibrate.sweeps.sweep import Drawing, sweep_latency
from simcore.journal.store import STREAMS, read_stream
from simcore.report.statistics import summary
from simcore.tape.read import Tape
from tests.property.real import CAPTURES, real_case
from tests.property.test_laws_real import write_tape

pytestmark = pytest.mark.real
each_capture = pytest.mark.parametrize("name", CAPTURES)


@each_capture
def test_the_estimated_world_is_the_run_on_real_captures(name, tmp_path):
    """Streams byte for byte; the other two worlds are runs with their models; the report agrees with the run."""
    case = real_case(name)
    tape, config = Tape.open(write_tape(case, tmp_path / "tape.parquet")), case.config()
    engine.replay(tape, config, tmp_path / "plain")
    bd.replay_band(tape, config, tmp_path / "band")
    for stream in STREAMS:
        first, second = (read_stream(tmp_path / run, stream) for run in ("plain", "band"))
        assert first.tobytes() == second.tobytes(), stream
    told = json.loads((tmp_path / "band" / "band.json").read_text())
    for world in told["worlds"]:
        model = {"venue.queue_model": world["queue_model"], "venue.queue_n": world["queue_n"]}
        lane = engine.simulate(tape, [with_keys(config, model)], journal=False).state.lanes
        for key in ("cash_units", "fee_units", "fills", "position_lots", "drawdown_max", "orders"):
            assert world["counts"][key] == int(lane[key][0]), (world["world"], key)
    found = summary(tmp_path / "band")
    assert found["band"]["worlds"][1]["pnl"] == found["pnl"]


@each_capture
def test_each_point_is_the_run_on_real_captures(name, tmp_path):
    """Net profit and fills of a point are those in the report of a replay at that latency."""
    case = real_case(name)
    tape, config = Tape.open(write_tape(case, tmp_path / "tape.parquet")), case.config()
    swept = sweep_latency(tape, config, [0.0, 20.0], drawing=Drawing(repetitions=100))
    nets = []
    for point in swept.points:
        keys = {f"latency.{leg}.ms": point.values["ms"] for leg in swept.legs}
        engine.replay(tape, with_keys(config, keys), tmp_path / f"run{point.values['ms']:g}")
        found = summary(tmp_path / f"run{point.values['ms']:g}")
        assert (point.fills, point.orders) == (found["fills"], found["orders"])
        assert point.net.estimate == pytest.approx(found["pnl"], rel=1e-9, abs=1e-9)
        assert point.fees == pytest.approx(found["fees"], rel=1e-9, abs=1e-12)
        nets.append(point.net.estimate)
    assert len(np.unique(nets)) == 2
