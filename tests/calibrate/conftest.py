"""Four short synthetic days, and a calibration of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simcore.calibrate.folder import Calibration
from simcore.calibrate.plan import Asked
from simcore.calibrate.run import calibrate
from simcore.config import load_config
from simcore.tape.synth import preset_spec, synth
from simcore.units import NS_PER_DAY

START_NS = 1_704_067_200_000_000_000
DURATION_S = 1200
GRID = {"spread.half_spread_bps": [0.2, 0.5, 1.0, 2.0], "inventory.skew_bps": {"from": 0.5, "to": 1.5, "steps": 3}}
SETS = ("strategy.name=demo_maker", "strategy.params.emit.order_lots=3")


@pytest.fixture(scope="session")
def four_days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Return the tapes of four days, 20 minutes each."""
    folder = tmp_path_factory.mktemp("days")
    tapes = [
        synth(preset_spec(seed=20 + day, start_ns=START_NS + day * NS_PER_DAY, duration_s=DURATION_S), folder)[0]
        for day in range(4)
    ]
    return tuple(tape.path for tape in tapes)


def asked(days, grid=None, sets=SETS, **more) -> Asked:
    return Asked(GRID if grid is None else grid, tuple(days), load_config(None, sets), **more)


@pytest.fixture(scope="session")
def finished(four_days: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    """Return a calibration of the grid on the four days, the last of which judges."""
    return calibrate(asked(four_days, splits="walk-forward:train=3,test=1"), tmp_path_factory.mktemp("finished") / "out")


@pytest.fixture
def asking() -> Callable[..., Asked]:
    """Return what makes an `Asked` of days and whatever else differs."""
    return asked
