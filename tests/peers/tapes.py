"""Tapes of ours, and the same rows as the peer reads them: converted and exported by the code that users call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from simcore import ConvertOptions, Tape, convert, export_npz


class Capture(NamedTuple):
    """Files under MMSIM_REAL_DATA, each continuing the one before."""

    name: str
    files: tuple[str, ...]


class Pair(NamedTuple):
    """A tape, and the file that was exported from it."""

    tape: Tape
    npz: Path


CAPTURES = (
    Capture("usdm_btcusdt", ("usdm_btcusdt_20240808.gz",)),
    Capture("cm_btcusd_perp", ("cm_btcusd_perp_20240808.gz", "cm_btcusd_perp_20240809.gz")),
    Capture("spot_btcusdt", ("spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz")),
)


def real_files(capture: Capture) -> list[Path]:
    """Return the files of a capture; skip if they are not there."""
    root = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
    sources = [root / "binance" / name for name in capture.files]
    missing = [path.name for path in sources if not path.is_file()]
    if missing:
        pytest.skip(f"no {missing[0]} in {root / 'binance'} (MMSIM_REAL_DATA)")
    return sources


def capture_tape(capture: Capture, folder: Path) -> Tape:
    """Convert a capture to a tape in the folder; skip if it is not there."""
    convert(real_files(capture), "binance", folder / "tape")
    return Tape.open(folder / "tape")


def rows_pair(rows: Any, folder: Path) -> Pair:
    """Make a tape of the peer's rows, whose prices are ticks and quantities lots, and export it again."""
    np.savez_compressed(folder / "rows.npz", data=rows)
    sizes = {"tick_size": "1", "lot_size": "1", "contract_size": "1", "maker_rate": "-0.00005", "taker_rate": "0.0007"}
    options = ConvertOptions(symbol="RANDOM", venue="TEST", kind="linear", clock="keep", **sizes)
    convert([folder / "rows.npz"], "hftbacktest", folder / "tape.parquet", options)
    return exported(Tape.open(folder / "tape.parquet"), folder)


def exported(tape: Tape, folder: Path) -> Pair:
    export_npz(tape, folder / "tape.npz")
    return Pair(tape, folder / "tape.npz")


def rows_of(pair: Pair) -> Any:
    """Return the exported rows with prices in ticks and quantities in lots, as the peer turns them."""
    with np.load(pair.npz) as archive:
        rows = archive["data"]
    rows["px"] = np.rint(rows["px"] / float(pair.tape.instrument.tick_size))
    rows["qty"] = np.rint(rows["qty"] / float(pair.tape.instrument.lot_size))
    return rows
