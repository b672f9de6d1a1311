"""The files of a calibration: parts while it runs, and what they become; every file is there whole or not at all.

    <out>/calibrate.json      what was asked, which days, and in the end what was chosen
    <out>/parts/*.parquet     results of trials on a day, one file a finished block; gone when all is done
    <out>/trials.parquet      one row a trial and day, by trial, then day
    <out>/curves.parquet      their equity and position at the ends of the intervals
    <out>/best.yaml           the configuration that was chosen

Equal calibrations give equal bytes of the last three, however the work was cut, shared out or interrupted.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from simcore import parquet
from simcore.calibrate.outcomes import COUNTS, FIELDS, Part
from simcore.door.json_text import read_json
from simcore.errors import CalibrateError
from simcore.files import remove_leftovers, write_atomic, write_text
from simcore.sealed import is_whole, sealed

NOTE = "calibrate.json"
TRIALS, CURVES, BEST, PARTS = "trials.parquet", "curves.parquet", "best.yaml", "parts"
VERSION = 2  # 1 had no hashes
CURVE_NAMES = ("equity_curve_units", "position_curve_lots")  # lists, one value an interval


def read_note(folder: Path) -> dict[str, Any] | None:
    """Return what calibrate.json says; None if there is none. CAL-019 if it is not the note of a calibration."""
    path = folder / NOTE
    if not path.exists():
        return None
    note = read_json(path, CalibrateError, "CAL-019")
    if note.get("version") != VERSION or "identity" not in note:
        raise CalibrateError("CAL-019", f"{path}: not the note of a calibration of this version")
    if not is_whole(note):
        raise CalibrateError("CAL-019", f"{path}: its content does not have the hash that it carries: it is damaged")
    return note


def write_note(folder: Path, note: Mapping[str, Any]) -> None:
    """Write calibrate.json. CAL-021."""
    save(folder / NOTE, lambda path: path.write_text(json.dumps(sealed({"version": VERSION, **note}), indent=2, allow_nan=False) + "\n", encoding="utf-8"))


def write_best(folder: Path, text: str) -> None:
    """Write best.yaml. CAL-021."""
    guarded(folder / BEST, lambda path: write_text(path, text))


def write_part(folder: Path, part: Part) -> None:
    """Write the results of a block; the file's name says which trials of which day."""
    name = hashlib.sha256(np.asarray(part.trials, "<i8").tobytes()).hexdigest()[:12]
    _write_table(folder / PARTS / f"day{part.day}-{name}.parquet", _table(part))


def read_parts(folder: Path) -> Iterator[Part]:
    """Yield the results of all finished blocks. CAL-019: a file is damaged."""
    for path in sorted((folder / PARTS).glob("*.parquet")):
        remove_leftovers(path)
        try:
            yield part_of(parquet.read_table(path))
        except (pa.ArrowException, OSError, KeyError, ValueError) as exc:
            raise CalibrateError("CAL-019", f"{path}: {exc}") from exc


def remove_parts(folder: Path) -> None:
    """Remove the parts, after what they became is written."""
    shutil.rmtree(folder / PARTS, ignore_errors=True)


def write_tables(folder: Path, trials: pa.Table, curves: pa.Table) -> None:
    """Write trials.parquet and curves.parquet. CAL-021."""
    _write_table(folder / TRIALS, trials)
    _write_table(folder / CURVES, curves)


def curve_table(trials: Sequence[int], days: Sequence[int], equity: Sequence[Any], position: Sequence[Any]) -> pa.Table:
    """Return the table of curves: one row a trial and day, lists of integers."""
    lists = pa.list_(pa.int64())
    columns = [pa.array(trials, pa.int32()), pa.array(days, pa.int32()), pa.array(equity, lists), pa.array(position, lists)]
    return pa.table(columns, names=["trial", "day", *CURVE_NAMES])


def _table(part: Part) -> pa.Table:
    curves = curve_table(part.trials.tolist(), [part.day] * len(part.trials), list(part.equity_units), list(part.position_lots))
    table = curves.append_column("cause", pa.array(part.causes, pa.string()))
    for name in FIELDS:
        table = table.append_column(name, pa.array(np.ascontiguousarray(part.counts[name])))
    return table


def part_of(table: pa.Table) -> Part:
    """Return the results of one day that a table holds: its trials, curves, causes and counts."""
    trials = table["trial"].to_numpy().astype(np.int64)
    counts = np.zeros(len(trials), COUNTS)
    for name in FIELDS:
        counts[name] = table[name].to_numpy()
    curves = [np.array(table[name].to_pylist(), np.int64).reshape(len(trials), -1) for name in CURVE_NAMES]
    return Part(int(table["day"][0].as_py()), trials, counts, tuple(table["cause"].to_pylist()), *curves)


def _write_table(path: Path, table: pa.Table) -> None:
    save(path, lambda target: parquet.write_table(table, target))


def save(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file atomically. CAL-021."""
    guarded(path, lambda target: write_atomic(target, write))


def guarded(path: Path, write: Callable[[Path], Any]) -> None:
    """Do what writes a file. CAL-021 if that fails."""
    try:
        write(path)
    except (OSError, pa.ArrowException) as exc:
        raise CalibrateError("CAL-021", f"{path}: {getattr(exc, 'strerror', None) or exc}") from exc
