"""What calibration reads: a run's fills and its traced ticks, as daily Parquet files (docs/feeds.md).

Each file is written whole or not at all, so a reader never meets half a record, whenever the writer was stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from simcore import parquet
from simcore.errors import ConvertError, JournalError
from simcore.files import begin, discard, instrument_name, publish
from simcore.journal.store import read_stream, select_rows
from simcore.portfolio.kind import is_portfolio
from simcore.records import ACKED, AMENDED, NO_PRICE, PLACE, SIDE_LABELS, FloatArray, IntArray, Record
from simcore.report.edge import fill_bps, fill_edge
from simcore.report.folder import RunFolder, open_run
from simcore.report.quoted import last_requests, quoted_ticks
from simcore.report.stages import DEADLINE_MS, TICK_TOTAL, run_times_ms
from simcore.units import NS_PER_DAY, NS_PER_MS

FOLDER = "feeds"
_BPS = 1e4
_LIQUIDITY = np.array(["", "maker", "taker"])
_LEVELS = np.array(["none", "soft", "hard"])


class Feeds(NamedTuple):
    """The files that were written, in order of days, and how many rows they hold."""

    fills: tuple[Path, ...]
    ticks: tuple[Path, ...]
    fill_rows: int
    tick_rows: int


def write_feeds(run_dir: Path | str, out: Path | None = None, *, replace: bool = False) -> Feeds:
    """Write the feeds of a run, `fills-VENUE-SYMBOL-YYYY-MM-DD.parquet` and `ticks-…`; out None: the folder feeds/ of the run.

    A run without traced ticks has no feed of ticks. Of a run of several symbols each has its own. All files are written or none.
    replace  put files in the place of those of another run, which are refused else; those in the run's own folder are its own.
    Raises what `open_run` raises; CONV-016 if a file is there and differs; JRNL-005 if one cannot be written.
    """
    folders = [Path(run_dir)]
    if is_portfolio(run_dir):
        from simcore.portfolio.folder import parts

        folders = [part.folder for part in parts(run_dir)]
    paths: dict[str, list[Path]] = {"fills": [], "ticks": []}
    rows = dict.fromkeys(paths, 0)
    with ExitStack() as undo:
        done: list[tuple[Path, Path]] = []
        for each in folders:
            run = open_run(each)
            folder = out if out is not None else run.path / FOLDER
            for name, columns in (("fills", fill_columns(run)), ("ticks", tick_columns(run))):
                rows[name] += len(columns["ts"])
                for path, temporary in _write_days(folder, name, run, columns, undo):
                    if out is not None and not replace and path.exists() and path.read_bytes() != temporary.read_bytes():
                        raise ConvertError("CONV-016", f"{path}: it is of another run, or of another version of mmsim")
                    assert path not in paths[name], "two instruments share no name"
                    paths[name].append(path)
                    done.append((temporary, path))
        for temporary, path in done:
            _published(temporary, path)
    return Feeds(tuple(paths["fills"]), tuple(paths["ticks"]), rows["fills"], rows["ticks"])


def fill_columns(run: RunFolder) -> dict[str, Any]:
    """Return the feed of fills, a column each; NaN where a figure does not exist (no answer yet, an empty side)."""
    fills, tick = run.fills, float(run.money.tick_size)
    edges = fill_edge(run)
    requests, found = last_requests(run.requests_of(np.unique(fills["order_id"])), fills)
    quoted = quoted_ticks(run)
    at_quote = _mids(requests["bid_ticks"], requests["ask_ticks"])
    spread = _BPS * (requests["ask_ticks"] - requests["bid_ticks"]) / at_quote
    weight = edges.at_mid.astype(float)
    return {
        "ts": fills["ts"], "exch_ts": fills["exch_ts"], **_instrument(run, len(fills)), "order_id": fills["order_id"],
        "side": np.array(SIDE_LABELS)[fills["side"]], "price": fills["price_ticks"] * tick,
        "qty": fills["qty_lots"] * run.money.quantity(1), "liquidity": _LIQUIDITY[fills["liquidity"]],
        "queue_pos_est": fills["ahead_entry_lots"] * run.money.quantity(1),
        "quote_price": np.where(quoted == NO_PRICE, np.nan, quoted * tick), "mid_at_quote": at_quote * tick,
        "mid_now": _mids(fills["bid_ticks"], fills["ask_ticks"]) * tick, "spread_at_quote_bps": spread,
        "latency_ms": _latency_ms(run, requests, found),
        "slip_bps": np.where(edges.priced, _BPS * edges.slippage.astype(float) / weight, np.nan),
        **{name: values for name, values in fill_bps(run, edges).items() if name not in ("quoted_bps", "slippage_bps")},
    }  # fmt: skip


def tick_columns(run: RunFolder) -> dict[str, Any]:
    """Return the feed of traced ticks, a column each; a stage's time is `<stage>_ms`."""
    traces = read_stream(run.path, "traces")
    if not len(traces):
        return {"ts": traces["ts"]}
    times = run_times_ms(run.path, traces)
    decided = ("spread_bps", "inventory_pct", "skew_bps", "requests")
    placed = select_rows(run.path, "requests", lambda rows: rows["kind"] == PLACE)["ts"]
    return {
        "ts": traces["ts"], **_instrument(run, len(traces)), "tick": traces["tick"],
        **{f"{name}_ms": values for name, values in times.items()},
        "cache_hit": traces["cache_hit"] != 0, "cache_age_ms": traces["cache_age_ns"] / NS_PER_MS,
        "used_stale": traces["used_stale"] != 0, "wait_ms": traces["wait_ns"] / NS_PER_MS,
        "deadline_miss": times[TICK_TOTAL] > DEADLINE_MS, "guard_level": _LEVELS[traces["level"]],
        **{name: traces[name] for name in decided},
        "orders": np.diff(np.searchsorted(placed, traces["ts"], side="right"), prepend=0),
    }  # fmt: skip


def _instrument(run: RunFolder, count: int) -> dict[str, Any]:
    return {name: np.full(count, str(run.note["instrument"][name])) for name in ("venue", "symbol")}


def _mids(bid: IntArray, ask: IntArray) -> FloatArray:
    """Return mids in ticks [n], NaN where a side was empty."""
    return np.where((bid != NO_PRICE) & (ask != NO_PRICE), 0.5 * (bid + ask), np.nan)


def _latency_ms(run: RunFolder, requests: Record, found: Any) -> FloatArray:
    """Return the time from sending each request to its answer [n], ms; NaN without one."""
    wanted = np.unique(requests["order_id"][found])
    answers = select_rows(
        run.path, "reports", lambda rows: np.isin(rows["kind"], (ACKED, AMENDED)) & np.isin(rows["order_id"], wanted)
    )
    answers = answers[np.lexsort((answers["seq"], answers["ts"], answers["order_id"]))]
    latency = np.full(len(requests), np.nan)
    starts = np.searchsorted(answers["order_id"], requests["order_id"], side="left")
    ends = np.searchsorted(answers["order_id"], requests["order_id"], side="right")
    for i in np.flatnonzero(found):
        times = answers["ts"][starts[i] : ends[i]]
        place = int(np.searchsorted(times, requests["ts"][i], side="left"))
        if place < len(times):
            latency[i] = (times[place] - requests["ts"][i]) / NS_PER_MS
    return latency


def _write_days(folder: Path, name: str, run: RunFolder, columns: Mapping[str, Any], undo: ExitStack) -> Iterator[tuple[Path, Path]]:
    """Write one temporary file a UTC day of `ts`, to be discarded by `undo`; yield where each belongs, and where it is."""
    days = columns["ts"] // NS_PER_DAY
    instrument = instrument_name(str(run.note["instrument"]["venue"]), str(run.note["instrument"]["symbol"]))
    for day in np.unique(days):
        rows = days == day
        table = pa.table({key: _arrow(key, values[rows]) for key, values in columns.items()})
        path = folder / f"{name}-{instrument}-{np.datetime64(int(day), 'D')}.parquet"
        try:
            temporary = begin(path)
            undo.callback(discard, temporary)
            parquet.write_table(table, temporary)
        except OSError as exc:
            raise JournalError("JRNL-005", f"{path}: {exc.strerror or exc}") from exc
        yield path, temporary


def _published(temporary: Path, path: Path) -> None:
    try:
        publish(temporary, path)
    except OSError as exc:
        raise JournalError("JRNL-005", f"{path}: {exc.strerror or exc}") from exc


def _arrow(name: str, values: Any) -> pa.Array:
    if name in ("ts", "exch_ts"):
        return pa.array(values, pa.int64()).cast(pa.timestamp("ns", "UTC"))
    return pa.array(values)
