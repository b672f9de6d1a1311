"""Data sets: from daily feeds of fills and ticks to one table of intervals, with targets and features, and what was left out."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from simcore import parquet
from simcore.calibrate.datasets.files import FILLS, TICKS, Columns, FeedFile, find_feeds, joined, read_feed
from simcore.calibrate.datasets.intervals import COUNTS, DROPS, FEATURES, MORE, TARGETS, Limits, day_rows
from simcore.calibrate.datasets.rows import FILTERS, sift
from simcore.calibrate.pages import refuse_used
from simcore.config.values import given_time
from simcore.door.arguments import NUMBER, PATH, TEXT, each, either, made_by, optional, public, record, whole
from simcore.errors import CalibrateError, JournalError
from simcore.files import write_atomic, write_text
from simcore.report.wording import day_text
from simcore.units import NS_PER_DAY

INTERVAL_S = 300
DAY_S = 86_400
LIMITS = Limits()
COLUMNS = ("ts", "venue", "symbol", *TARGETS, *FEATURES, *MORE, *COUNTS)


@dataclass(frozen=True)
class DataSet:
    """A built data set.

    columns  name -> array [n]: `ts` (ns, begin of the interval), `venue`, `symbol`, targets, features, what else is known, counts.
    refused  "fills" and "ticks" -> filter -> rows.  dropped  reason -> intervals.  read  "fills" and "ticks" -> rows in range.
    missing  (instrument, day, what has no file) in the range.  overlaps  (instrument, day, kind) of files that share time.
    """

    columns: dict[str, Any]
    interval_s: int
    limits: Limits
    from_day: int
    to_day: int
    read: dict[str, int]
    refused: dict[str, dict[str, int]]
    dropped: dict[str, int]
    missing: tuple[tuple[str, str, str], ...]
    overlaps: tuple[tuple[str, str, str], ...]
    files: tuple[FeedFile, ...]

    @property
    def rows(self) -> int:
        """How many intervals there are."""
        return len(self.columns["ts"])


_TIME = optional(either(whole(-(1 << 63)), TEXT))
_LIMITS = record("Limits", "Limits(…)", ticks_min=whole(-(1 << 63)), gap_s_max=NUMBER, misses_max=NUMBER)


@public(feeds=either(PATH, each(PATH)), from_ts=_TIME, to_ts=_TIME, interval_s=whole(-(1 << 63)), limits=_LIMITS)
def build_dataset(
    feeds: Sequence[Path | str] | Path | str, *, from_ts: int | str | None = None, to_ts: int | str | None = None, interval_s: int = INTERVAL_S,
    limits: Limits = LIMITS,
) -> DataSet:  # fmt: skip
    """Build a data set of feed files, or of folders that hold some; run folders are such folders.

    from_ts, to_ts  times as configurations have them: whole UTC days from the first on and before the second; None: those of the feeds.
    CONF-003: not a time; CAL-006: no feeds; CAL-007: a feed file is not usable; CAL-008: range or interval; CAL-009: no interval is left.
    """
    from_ts, to_ts = given_time(from_ts, "from_ts"), given_time(to_ts, "to_ts")
    _check(interval_s, from_ts, to_ts, limits)
    files = find_feeds([Path(feeds)] if isinstance(feeds, (str, Path)) else [Path(each) for each in feeds])
    files_from, files_to = min(file.day for file in files), max(file.day for file in files)
    from_day = files_from if from_ts is None else from_ts // NS_PER_DAY
    to_day = files_to + 1 if to_ts is None else to_ts // NS_PER_DAY
    inside = [file for file in files if from_day <= file.day < to_day]
    if not inside:
        asked = [f"{word} {day_text(day)}" for word, day, limit in (("from", from_day, from_ts), ("before", to_day, to_ts)) if limit is not None]
        raise CalibrateError("CAL-006", f"none is of a day {' and '.join(asked)}: they are of {day_text(files_from)} to {day_text(files_to)}")
    work = _Work(interval_s, limits)
    of_day: dict[tuple[str, int], list[FeedFile]] = {}
    for file in inside:
        of_day.setdefault((file.instrument, file.day), []).append(file)
    for instrument in sorted({file.instrument for file in inside}):
        for day in range(from_day, to_day):
            work.add(instrument, day, of_day.get((instrument, day), []))
    columns = {name: np.concatenate([part[name] for part in work.parts]) for name in COLUMNS} if work.parts else {}
    if not columns or not len(columns["ts"]):
        told = ", ".join(f"{name} {count}" for name, count in work.dropped.items() if count)
        raise CalibrateError("CAL-009", f"{len(inside)} files: {told or 'they hold no usable row'}")
    return DataSet(
        columns, interval_s, limits, from_day, to_day, work.read, work.refused, work.dropped, tuple(work.missing), tuple(work.overlaps), tuple(inside)
    )


class _Work:
    """A data set on its way: day after day, so that memory holds one day of one instrument."""

    def __init__(self, interval_s: int, limits: Limits) -> None:
        self.interval_s, self.limits = interval_s, limits
        self.parts: list[dict[str, Any]] = []
        self.read = {FILLS: 0, TICKS: 0}
        self.refused: dict[str, dict[str, int]] = {kind: dict.fromkeys(FILTERS, 0) for kind in (FILLS, TICKS)}
        self.dropped = dict.fromkeys(DROPS, 0)
        self.missing: list[tuple[str, str, str]] = []
        self.overlaps: list[tuple[str, str, str]] = []

    def add(self, instrument: str, day: int, files: Sequence[FeedFile]) -> None:
        """Take an instrument's day."""
        absent = [kind for kind in (FILLS, TICKS) if not any(file.kind == kind for file in files)]
        if absent:
            self.missing.append((instrument, day_text(day), " and ".join(absent)))
        if not files:
            return
        feeds = {kind: self._sifted(kind, instrument, day, [file for file in files if file.kind == kind]) for kind in (FILLS, TICKS)}
        found = day_rows(feeds[FILLS], feeds[TICKS], self.interval_s, self.limits, self.dropped)
        for key in ("venue", "symbol"):
            word = next((str(each[key][0]) for each in feeds.values() if each and len(each["ts"])), "")
            found[key] = np.full(len(found["ts"]), word, dtype=object)
        self.parts.append(found)

    def _sifted(self, kind: str, instrument: str, day: int, files: Sequence[FeedFile]) -> Columns:
        parts = [part for part in map(read_feed, files) if len(part["ts"])]
        if not parts:
            return {}
        spans = sorted((int(part["ts"].min()), int(part["ts"].max())) for part in parts)
        if any(later[0] <= earlier[1] for earlier, later in itertools.pairwise(spans)):
            self.overlaps.append((instrument, day_text(day), kind))
        self.read[kind] += sum(len(part["ts"]) for part in parts)
        number = np.repeat(np.arange(len(parts)), [len(part["ts"]) for part in parts])
        return sift(kind, joined(parts), number, day, self.refused[kind])


def _check(interval_s: int, from_ts: int | None, to_ts: int | None, limits: Limits) -> None:
    if interval_s < 1 or DAY_S % interval_s:
        raise CalibrateError("CAL-008", f"an interval of {interval_s} s does not divide a day")
    if from_ts is not None and to_ts is not None and from_ts >= to_ts:
        raise CalibrateError("CAL-008", "--from is not before --to")
    for name, value in (("--from", from_ts), ("--to", to_ts)):
        if value is not None and value % NS_PER_DAY:
            raise CalibrateError("CAL-008", f"{name} {value}: expected the begin of a UTC day: feeds are daily files")
    if limits.ticks_min < 1 or not limits.gap_s_max > 0.0 or not 0.0 <= limits.misses_max <= 1.0:
        raise CalibrateError("CAL-008", f"limits {tuple(limits)}: expected at least 1 tick, a gap above 0 s, and misses from 0 to 1")


@public(found=made_by("DataSet", "a DataSet"), out=PATH)
def write_dataset(found: DataSet, out: Path | str) -> Path:
    """Write a data set's files into an empty or new folder; the same feeds give the same bytes. CAL-004, JRNL-005.

    dataset.parquet, dataset.json (rows; null where a figure is missing), summary.json, report.md, report.html, plots/.
    """
    from simcore.calibrate.datasets.report import summary, write_report

    folder = Path(out)
    refuse_used(folder)
    try:
        write_atomic(folder / "dataset.parquet", lambda path: parquet.write_table(table_of(found), path))
        write_text(folder / "dataset.json", "[\n" + ",\n".join(json.dumps(row, allow_nan=False) for row in records(found)) + "\n]\n")
        write_text(folder / "summary.json", json.dumps(summary(found), indent=2, allow_nan=False) + "\n")
    except OSError as exc:
        raise JournalError("JRNL-005", f"{exc.filename or folder}: {exc.strerror or exc}") from exc
    write_report(found, folder)
    return folder


def table_of(found: DataSet) -> pa.Table:
    """Return the data set as Arrow: times as UTC timestamps, null where a figure is missing."""
    columns = {}
    for name in COLUMNS:
        values = found.columns[name]
        array = pa.array(values, from_pandas=True)
        columns[name] = array.cast(pa.timestamp("ns", "UTC")) if name == "ts" else array
    return pa.table(columns)


def records(found: DataSet) -> list[dict[str, Any]]:
    """Return the rows as JSON holds them: `ts` in ns, null where a figure is missing."""
    lists = [found.columns[name].tolist() for name in COLUMNS]
    return [
        {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in zip(COLUMNS, row, strict=True)}
        for row in zip(*lists, strict=True)
    ]
