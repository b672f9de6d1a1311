"""What the benchmarks measure on: the BTCUSDT capture, converted once; the peer's interpreter."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simcore.bench.peer import peer_python
from simcore.errors import BenchError
from simcore.tape.convert import convert

CAPTURE = "binance/usdm_btcusdt_20240808.gz"


@pytest.fixture(scope="session")
def capture() -> Path:
    root = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
    if not (root / CAPTURE).is_file():
        pytest.skip(f"no {CAPTURE} in {root} (MMSIM_REAL_DATA)")
    return root / CAPTURE


@pytest.fixture(scope="session")
def btcusdt(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tape") / "btcusdt.parquet"
    convert([capture], "binance", out)
    return out


@pytest.fixture(scope="session")
def interpreter() -> str:
    try:
        return peer_python()
    except BenchError as exc:
        pytest.skip(str(exc))
