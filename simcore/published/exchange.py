"""What the simulations share: an instrument whose money is ticks x lots, tapes in a folder, runs without latency or fees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.records import BOTH_BITS, Chunk, IntArray
from simcore.tape.read import Tape
from simcore.tape.schema import Instrument, TapeMeta
from simcore.tape.write import TapeWriter

# One cash unit is one tick x one lot; no fees.
INSTRUMENT = Instrument(venue="MODEL", symbol="MODEL", kind="linear", tick_size="0.00000001", lot_size="1")
MAKER = Path(__file__).parent / "strategies" / "maker.py"
START_TS = 1_704_067_200_000_000_000  # 2024-01-01, ns: any time will do
TICK_MS = 100
TICK_NS = TICK_MS * 1_000_000


def write_tape(path: Path, level: str, chunks: Iterable[Chunk], what: Mapping[str, Any]) -> Tape:
    """Write rows to a tape file and open it; `what` says in its metadata where the rows come from."""
    with TapeWriter(path, TapeMeta(INSTRUMENT, level, source=dict(what), synthetic=True)) as writer:
        for chunk in chunks:
            writer.append(chunk)
    return Tape.open(path)


def rows_of(ts: IntArray, ev: IntArray, price: IntArray, lots: IntArray) -> Chunk:
    """Return rows of a level tape that exchange and Node see at the same time."""
    times = np.ascontiguousarray(ts, np.int64)
    return Chunk(
        times, times, (ev | BOTH_BITS).astype(np.uint8), np.ascontiguousarray(price, np.int64),
        np.ascontiguousarray(lots, np.int64), np.zeros(0, np.int64),
    )  # fmt: skip


def model_config(queue_model: str, params: Mapping[str, float], settings: Mapping[str, Any]) -> Config:
    """Return a run of the published makers: no latency, no fees; params and settings by dotted name."""
    sets = {
        "strategy.name": str(MAKER), "node.tick_interval_ms": TICK_MS, "venue.queue_model": queue_model,
        "venue.self_trade": "ignore", **{f"latency.{leg}.ms": 0 for leg in ("place", "amend", "cancel", "response")},
        **settings,
        **{f"strategy.params.{name}": value for name, value in params.items()},
    }  # fmt: skip
    return load_config(None, [f"{key}={value}" for key, value in sets.items()])
