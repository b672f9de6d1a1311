"""Every capture that has a converter, and every synthetic preset: alone and with a hundred lanes, fifty times over, in flat memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simcore.tape.convert import ConvertOptions, convert
from simcore.tape.synth import PRESETS, preset_spec, synth
from tests.property.real import CAPTURES, ROOT

pytestmark = pytest.mark.slow

FEW, MANY = 10, 50  # plays of a tape
LANES = (1, 100)
MB = 1_000_000
MORE = {
    "bybit": ("bybit", ("bybit/xrpusdt_ob500_20241201.zip",), ConvertOptions()),
    "hyperliquid": ("hyperliquid", ("hyperliquid/btcusd_20250126.gz",), ConvertOptions()),
    "lobster": ("lobster", ("l3/lobster_AMZN_2021-04-12_message_10.csv",), ConvertOptions()),
    "tardis": ("tardis", ("tardis/trades.csv", "tardis/quotes.csv"), ConvertOptions()),
    **{
        f"cryptofeed {name}": ("cryptofeed", (f"cryptofeed_raw/{name}.gz",), ConvertOptions(symbol=symbol))
        for name, symbol in (
            ("BINANCE.ws.1.0", "NKNUSDT"), ("BINANCE_FUTURES.ws.1.0", "SUSHIUSDT"), ("BITSTAMP.ws.1.0", "ETHUSD"), ("BYBIT.ws.25.0", "ETHUSDT"),
            ("COINBASE.ws.28.0", "YFI-BTC"), ("KRAKEN.ws.50.0", "XBT/CHF"), ("OKX.ws.1.0", "BTC-USDT"),
        )
    },
}  # fmt: skip
FILES = {name: (capture.fmt, capture.files, capture.options) for name, capture in CAPTURES.items()} | MORE

# One pass in a process of its own: its peak memory, its rows, what the lanes did, and the tables at the end.
PASS = """
import json, resource, sys
from simcore import growth
from simcore.config.load import load_config
from simcore import engine
from simcore.tape.read import Tape
tape, lanes, repeat = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
keys = ["strategy.name=demo_maker", "node.tick_interval_ms=500", f"run.repeat={repeat}"]
configs = [load_config(None, [*keys, f"strategy.params.spread.half_spread_bps={0.02 * (1 + k)}"]) for k in range(lanes)]
done = engine.simulate(Tape.open(tape), configs, journal=False)
print(json.dumps({
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, "rows": done.rows,
    "ticks": int(done.state.lanes["ticks"].min()), "orders": int(done.state.lanes["orders"].sum()), "sizes": growth.sizes(done.state),
}))
"""


def assert_flat(tape: Path) -> None:
    """Play a tape few and many times: memory and tables are the same, and all rows are played."""
    for lanes in LANES:
        few, many = (played(tape, lanes, repeat) for repeat in (FEW, MANY))
        assert many["rows"] == MANY * few["rows"] // FEW > 0
        assert many["ticks"] > few["ticks"] > 0
        assert many["sizes"] == few["sizes"]
        assert many["peak_mb"] < 1.1 * few["peak_mb"] + 20, (tape.name, lanes, few, many)


def played(tape: Path, lanes: int, repeat: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", PASS, str(tape), str(lanes), str(repeat)], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2], env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.real
@pytest.mark.parametrize("name", FILES)
def test_captures_play_in_flat_memory(name, tmp_path):
    fmt, files, options = FILES[name]
    paths = [ROOT / file for file in files]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        pytest.skip(f"no {missing[0].name} in {ROOT} (MMSIM_REAL_DATA)")
    convert(paths, fmt, tmp_path / "tape.parquet", options)
    assert_flat(tmp_path / "tape.parquet")


@pytest.mark.parametrize("level", ["l2", "l3"])
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_play_in_flat_memory(preset, level, tmp_path):
    (tape,) = synth(preset_spec(preset, duration_s=900, seed=3), tmp_path, level)
    assert_flat(tape.path)
