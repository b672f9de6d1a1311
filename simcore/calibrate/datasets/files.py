"""Feeds on disk: which daily files there are, and one of them as columns (docs/feeds.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simcore import parquet
from simcore.door.files import check_file, real
from simcore.errors import CalibrateError
from simcore.units import NS_PER_DAY

FILLS, TICKS = "fills", "ticks"
_NAME = re.compile(r"(fills|ticks)-(.+)-(\d{4}-\d{2}-\d{2})\.parquet")

Columns = dict[str, Any]  # name -> array [n]: times int64 ns, text as objects, else numbers

_TEXT = {FILLS: ("venue", "symbol", "side", "liquidity"), TICKS: ("venue", "symbol", "guard_level")}
_NUMBERS = {
    FILLS: (
        "price", "qty", "queue_pos_est", "quote_price", "mid_at_quote", "mid_now", "spread_at_quote_bps", "latency_ms", "slip_bps",
        "gross_bps", "adverse_bps", "fees_bps", "inventory_bps", "net_bps",
    ),
    TICKS: ("tick_total_ms", "cache_age_ms", "wait_ms", "spread_bps", "inventory_pct", "skew_bps"),
}  # fmt: skip
_WHOLE = {FILLS: ("order_id",), TICKS: ("tick", "requests", "orders", "cache_hit", "used_stale", "deadline_miss")}
_TIMES = {FILLS: ("ts", "exch_ts"), TICKS: ("ts",)}


class FeedFile(NamedTuple):
    """A daily file: FILLS or TICKS, its instrument as the name spells it, its UTC day since 1970."""

    kind: str
    instrument: str
    day: int
    path: Path


def find_feeds(sources: Sequence[Path]) -> list[FeedFile]:
    """Return the feed files among files and in folders (with all below them), by instrument, day, kind and path, each once.

    CAL-006: there are none, or a source is not there; CAL-007: a file whose name says no day.
    """
    found: dict[Path, FeedFile] = {}
    for source in sources:
        if not source.exists():
            raise CalibrateError("CAL-006", f"{source}: no such file or folder")
        for path in _inside(source):
            named = _NAME.fullmatch(path.name)
            day = _day(named[3]) if named else None
            if named is None or day is None:
                raise CalibrateError("CAL-007", f"{path}: the name of a feed is fills-VENUE-SYMBOL-YYYY-MM-DD.parquet, or ticks-…")
            found[real(path)] = FeedFile(named[1], named[2], day, path)
    if not found:
        raise CalibrateError("CAL-006", f"{', '.join(map(str, sources)) or 'nothing was named'}: no fills-… and no ticks-…")
    return sorted(found.values(), key=lambda file: (file.instrument, file.day, file.kind, str(file.path)))


def read_feed(file: FeedFile) -> Columns:
    """Return a feed's columns; a missing number is NaN. CAL-007: not Parquet, damaged, or a column is missing or of another type."""
    kind = file.kind
    wanted = (*_TIMES[kind], *_TEXT[kind], *_NUMBERS[kind], *_WHOLE[kind])
    try:
        missing = [name for name in wanted if name not in pq.read_schema(file.path).names]
        if missing:
            raise CalibrateError("CAL-007", f"{file.path}: column {missing[0]} is missing")
        table = parquet.read_table(file.path, wanted, sealed=False)
    except (OSError, pa.ArrowException, ValueError) as exc:
        raise CalibrateError("CAL-007", f"{file.path}: {exc}") from exc
    return {name: _column(file, name, table[name]) for name in wanted}


def joined(parts: Iterable[Mapping[str, Any]]) -> Columns:
    """Return feeds one after the other."""
    every = list(parts)
    return {name: np.concatenate([part[name] for part in every]) for name in every[0]} if every else {}


def _inside(source: Path) -> list[Path]:
    if not source.is_dir():
        check_file(source, CalibrateError, "CAL-006")
        return [source]
    return sorted(path for kind in (FILLS, TICKS) for path in source.rglob(f"{kind}-*.parquet") if not path.name.startswith("."))


def _day(text: str) -> int | None:
    try:
        return int(np.datetime64(text, "D").astype(np.int64))
    except ValueError:
        return None


def _column(file: FeedFile, name: str, column: pa.ChunkedArray) -> Any:
    try:
        if name in _TIMES[file.kind]:
            return _whole(column.cast(pa.timestamp("ns", "UTC")).cast(pa.int64()))
        if name in _TEXT[file.kind]:
            return column.cast(pa.string()).to_numpy()
        if name in _WHOLE[file.kind]:
            return _whole(column.cast(pa.int64()))
        return column.cast(pa.float64()).to_numpy()
    except (pa.ArrowException, ValueError) as exc:
        raise CalibrateError("CAL-007", f"{file.path}: column {name}: {exc}") from exc


def _whole(column: pa.ChunkedArray) -> Any:
    if column.null_count:
        raise ValueError(f"{column.null_count} values are missing")
    return column.to_numpy().astype(np.int64)


def day_span(day: int) -> tuple[int, int]:
    """Return the first ns of a UTC day and of the next."""
    return day * NS_PER_DAY, (day + 1) * NS_PER_DAY
