"""A/B on captures: BTC contracts in coin and in dollars and spot, over midnight; each figure is that of a replay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simcore import engine
from simcore.calibrate.ab.figures import figures
from simcore.calibrate.ab.run import run_ab
from simcore.calibrate.ab.settings import load_settings
from simcore.calibrate.ab.stats import METRICS, one_sided
from simcore.config.load import load_config
from simcore.report.statistics import summary
from simcore.tape.convert import convert
from tests.property.real import CAPTURES, ROOT

NAMES = ("usdm", "coinm", "spot")
A = ("strategy.params.queue_aware.enabled=0", "strategy.params.emit.post_only=0", "latency.place.ms=60")
B = (*A, "strategy.params.spread.base_bps=0.6")
SETTINGS = {"window_s": 5, "route": "window", "repetitions": 400, "gates.sustain_s": 10.0, "gates.min_ticks": 3}
MIDNIGHT = "2024-08-09T00:00:00Z"
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,  # a minute: three captures, each arm also replayed alone
    pytest.mark.skipif(not all((ROOT / file).exists() for name in NAMES for file in CAPTURES[name].files), reason="no real captures (MMSIM_REAL_DATA)"),
]


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The captures as tapes."""
    folder = tmp_path_factory.mktemp("captures")
    for name in NAMES:
        convert([ROOT / file for file in CAPTURES[name].files], "binance", folder / f"{name}.parquet", CAPTURES[name].options)
    return [folder / f"{name}.parquet" for name in NAMES]


def test_days_of_captures(tapes: list[Path], tmp_path: Path) -> None:
    """Three symbols over midnight are five units of six; each arm of each unit is what `mmsim replay` makes of it, takers and slippage included."""
    result = run_ab(tapes, load_config(None, A), load_config(None, B), load_settings(None, SETTINGS))
    cells, found = result.cells, figures(result)
    assert [(unit["day"], unit["symbol"]) for unit in found["units"]] == [
        ("2024-08-08", "BTCUSD_PERP"), ("2024-08-08", "binance_spot:BTCUSDT"), ("2024-08-08", "binance_usdm:BTCUSDT"),
        ("2024-08-09", "BTCUSD_PERP"), ("2024-08-09", "binance_spot:BTCUSDT"),
    ]  # fmt: skip
    assert found["missing"] == [{"symbol": "binance_usdm:BTCUSDT", "day": "2024-08-09"}]
    assert {row["cash"] for row in found["profit"]} == {"BTC", "USDT"}
    tape_of = {"BTCUSD_PERP": tapes[1], "binance_spot:BTCUSDT": tapes[2], "binance_usdm:BTCUSDT": tapes[0]}
    takers = 0
    for number, unit in enumerate(cells.units):
        half = f"run.{'to' if unit.day == '2024-08-08' else 'from'}={MIDNIGHT}"
        for arm, sets in (("a", A), ("b", B)):
            alone = summary(engine.replay(tape_of[unit.name], load_config(None, [*sets, half]), tmp_path / f"{number}{arm}"))
            metrics = one_sided(cells, arm, cells.unit == number)
            for metric in METRICS[:-1]:
                assert metrics[metric.key] == pytest.approx(alone[metric.key], rel=1e-9, abs=1e-12), (unit.name, unit.day, metric.key)
            takers += alone["taker_fills"]
    assert takers > 10


def test_a_against_a_on_captures(tapes: list[Path]) -> None:
    """Exactly nothing, in cells and figures."""
    chosen = load_config(None, A)
    result = run_ab(tapes, chosen, chosen, load_settings(None, SETTINGS))
    for name, column in result.cells.a.values.items():
        assert np.array_equal(column, result.cells.b.values[name])
    assert all(one.difference in (0.0, None) for one in result.paired)
    assert result.watches[0].rollback is None
