"""Real captures for the laws: rows in memory, and settings under which the demo maker trades a lot in them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.records import Chunk
from simcore.tape.convert import ConvertOptions
from simcore.tape.convert.assemble import Assembled, assemble
from simcore.tape.convert.base import FORMATS
from tests.support import MemoryTape

ROOT = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
BUSY = (
    "strategy.name=demo_maker", "node.tick_interval_ms=20", "node.sample_interval_ms=200", "strategy.params.spread.half_spread_bps=0.02",
    "strategy.params.spread.vol_factor=0.2", "strategy.params.inventory.max_position_lots=60",
    "strategy.params.inventory.skew_bps=0.2", "strategy.params.emit.order_lots=7", "strategy.params.emit.levels=3",
    "latency.place.model=lognormal", "latency.place.ms=9", "latency.cancel.model=feed", "latency.cancel.ms=3",
    "latency.response.ms=4",
)  # fmt: skip


class Capture(NamedTuple):
    """A capture under MMSIM_REAL_DATA: format, files in a row, options, whether it is one of orders, more settings."""

    fmt: str
    files: tuple[str, ...]
    options: ConvertOptions
    level: str
    sets: tuple[str, ...]


CAPTURES = {
    "usdm": Capture("binance", ("binance/usdm_btcusdt_20240808.gz",), ConvertOptions(), "l2", ("venue.queue_model=log2",)),
    "coinm": Capture(
        "binance", ("binance/cm_btcusd_perp_20240808.gz", "binance/cm_btcusd_perp_20240809.gz"), ConvertOptions(), "l2",
        ("venue.queue_model=power", "node.use_amend=true"),
    ),
    "spot": Capture(
        "binance", ("binance/spot_btcusdt_20240808.gz", "binance/spot_btcusdt_20240809.gz"), ConvertOptions(), "l2",
        (
            "venue.queue_model=risk_averse", "node.wait_cancel=true", "strategy.params.emit.order_lots=20000",
            "strategy.params.inventory.max_position_lots=100000",
        ),
    ),
    "es": Capture(
        "mbo", ("l3/esh4_mbo_20231225_first_part.parquet",),
        ConvertOptions(symbol="ESH4", venue="cme", kind="linear", tick_size="0.25", lot_size="1", contract_size="50"), "l3",
        ("venue.queue_model=fifo", "node.use_amend=true", "node.tick_interval_ms=100", "node.sample_interval_ms=5000"),
    ),
    "bitstamp": Capture(
        "bitstamp", ("l3/bitstamp_2015/2015-05-01.log.xz",), ConvertOptions(symbol="btcusd", kind="spot"), "l3",
        ("venue.queue_model=pro_rata", "node.tick_interval_ms=500", "strategy.params.spread.half_spread_bps=1"),
    ),
}  # fmt: skip


@cache
def converted(name: str) -> Assembled:
    """Return a capture's tape; skip where it is absent."""
    capture = CAPTURES[name]
    paths = [ROOT / file for file in capture.files]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        pytest.skip(f"no {missing[0].name} in {ROOT} (MMSIM_REAL_DATA)")
    source = importlib.import_module(FORMATS[capture.fmt]).read(paths, capture.options)
    return assemble(source, capture.options, capture.fmt)


@dataclass(frozen=True)
class RealCase:
    """A capture, or rows of it, with the interface of `runs.Case`."""

    name: str
    rows: Chunk

    def tape(self, chunk_rows: int = 1 << 18) -> MemoryTape:
        return MemoryTape(self.rows, converted(self.name).instrument, CAPTURES[self.name].level, chunk_rows)

    def with_rows(self, rows: Sequence[Any]) -> RealCase:
        """Return the same settings on other rows (columns)."""
        return RealCase(self.name, Chunk(*(np.ascontiguousarray(column) for column in rows)))

    def part(self, start: int, stop: int) -> RealCase:
        """Return rows start to stop; the books begin empty there."""
        return self.with_rows([column[start:stop] for column in self.rows])

    def config(self, *more: str) -> Config:
        return load_config(None, [*BUSY, *CAPTURES[self.name].sets, *more])


def real_case(name: str) -> RealCase:
    """Return a whole capture; skip where it is absent."""
    return RealCase(name, converted(name).rows)
