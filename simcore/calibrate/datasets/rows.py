"""Sanity filters of feeds: each has a name and a count, and a row goes to the first one that refuses it."""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from typing import Any

import numpy as np

from simcore.calibrate.datasets.files import FILLS, TICKS, Columns, day_span
from simcore.records import IntArray

FILTERS = {
    "wrong_day": "the time is outside of the day that the file's name says",
    "not_finite": "price, quantity or tick time is not there, or any number is infinite",
    "bad_value": "price, quantity or a time below what it can be, an unknown side, liquidity or guard level, or another venue or symbol",
    "out_of_order": "the fewest rows without which a file is in order of time",
    "duplicate": "the same fill or tick is there already",
    "crossed_book": "the book at the quote was crossed or locked: its spread was 0 or less",
    "outlier": "beyond what a market does: the limits are in docs/sweeps.md",
}
PRICE_OFF_BPS_MAX = 1000.0  # of a fill from the mid
EDGE_BPS_MAX = 5000.0  # of a fill's net and slippage
LATENCY_MS_MAX = 60_000.0  # of a request, and of a tick
CACHE_AGE_MS_MAX = 3_600_000.0
_KEYS = {FILLS: ("ts", "exch_ts", "order_id", "price", "qty", "queue_pos_est", "mid_now"), TICKS: ("ts", "tick")}


def sift(kind: str, columns: Columns, files: Any, day: int, counts: dict[str, int]) -> Columns:
    """Return the rows of a day that no filter refuses, in order of time; add up refusals by name in `counts` (mutated).

    columns  of all the day's files of one instrument, one after the other.  files  [n], which file a row is of, ascending.
    """
    left = np.ones(len(columns["ts"]), bool)
    for name in FILTERS:
        refused = left & _CHECKS[name](kind, columns, files, day, left)
        counts[name] = counts.get(name, 0) + int(np.count_nonzero(refused))
        left &= ~refused
    rows = np.flatnonzero(left)
    rows = rows[np.argsort(columns["ts"][rows], kind="stable")]
    return {name: values[rows] for name, values in columns.items()}


def _wrong_day(_: str, columns: Mapping[str, Any], files: Any, day: int, left: Any) -> Any:  # noqa: ARG001  all checks are called alike
    first, past = day_span(day)
    return (columns["ts"] < first) | (columns["ts"] >= past)


def _not_finite(kind: str, columns: Mapping[str, Any], files: Any, day: int, left: Any) -> Any:  # noqa: ARG001  as above
    needed = ("price", "qty") if kind == FILLS else ("tick_total_ms",)
    bad = np.zeros(len(columns["ts"]), bool)
    for name, values in columns.items():
        if values.dtype.kind == "f":
            bad |= ~np.isfinite(values) if name in needed else np.isinf(values)
    return bad


def _bad_value(kind: str, columns: Mapping[str, Any], files: Any, day: int, left: Any) -> Any:  # noqa: ARG001  as above
    bad = np.zeros(len(left), bool)
    for key in ("venue", "symbol"):
        names, counts = np.unique(columns[key][left].astype(str), return_counts=True)
        bad |= columns[key] != (names[np.argmax(counts)] if len(names) else "")
    if kind == FILLS:
        bad |= ~np.isin(columns["side"], ("buy", "sell")) | ~np.isin(columns["liquidity"], ("maker", "taker"))
        bad |= (columns["price"] <= 0.0) | (columns["qty"] <= 0.0) | (columns["mid_now"] <= 0.0) | (columns["latency_ms"] < 0.0)
        return bad | (columns["exch_ts"] > columns["ts"])
    bad |= ~np.isin(columns["guard_level"], ("none", "soft", "hard"))
    for name in ("tick_total_ms", "cache_age_ms", "wait_ms", "requests", "orders"):
        bad |= columns[name] < 0
    return bad


def _out_of_order(_: str, columns: Mapping[str, Any], files: Any, day: int, left: Any) -> Any:  # noqa: ARG001  as above
    bad = np.zeros(len(files), bool)
    rows = np.flatnonzero(left)
    for file in np.unique(files):
        own = rows[files[rows] == file]
        bad[own] = ~longest_in_order(columns["ts"][own])
    return bad


def longest_in_order(times: IntArray) -> Any:
    """Return the mask [n] of a longest run of non-decreasing times: one time that is far too late costs its own row only.

    Source: Fredman 1975, "On computing the length of longest increasing subsequences"; O(n log n).
    """
    kept = np.ones(len(times), bool)
    if bool((np.diff(times) >= 0).all()):
        return kept
    ends: list[int] = []  # the least last time of a sequence of each length, and whose row it is
    rows: list[int] = []
    before = np.full(len(times), -1, np.int64)
    for i, ts in enumerate(times.tolist()):
        place = bisect.bisect_right(ends, ts)
        before[i] = rows[place - 1] if place else -1
        ends[place : place + 1] = [ts]
        rows[place : place + 1] = [i]
    kept[:] = False
    row = rows[-1]
    while row >= 0:
        kept[row] = True
        row = int(before[row])
    return kept


def _duplicate(kind: str, columns: Mapping[str, Any], files: Any, day: int, left: Any) -> Any:  # noqa: ARG001  as above
    bad = np.zeros(len(left), bool)
    rows = np.flatnonzero(left)
    keys = [np.ascontiguousarray(columns[name][rows]).view(np.int64) for name in _KEYS[kind]]  # the bits: NaN equals NaN
    order = np.lexsort((rows, *reversed(keys)))
    same = np.ones(max(len(rows) - 1, 0), bool)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    bad[rows[order[1:][same]]] = True
    return bad


def _crossed_book(kind: str, columns: Mapping[str, Any], files: Any, day: int, left: Any) -> Any:  # noqa: ARG001  as above
    return columns["spread_at_quote_bps"] <= 0.0 if kind == FILLS else np.zeros(len(left), bool)


def _outlier(kind: str, columns: Mapping[str, Any], files: Any, day: int, left: Any) -> Any:  # noqa: ARG001  as above
    if kind == TICKS:
        return (columns["tick_total_ms"] > LATENCY_MS_MAX) | (columns["cache_age_ms"] > CACHE_AGE_MS_MAX)
    with np.errstate(invalid="ignore", divide="ignore"):  # rows that were refused already
        off_bps = 1e4 * np.abs(columns["price"] / columns["mid_now"] - 1.0)
    bad = (off_bps > PRICE_OFF_BPS_MAX) | (columns["latency_ms"] > LATENCY_MS_MAX)
    return bad | (np.abs(columns["net_bps"]) > EDGE_BPS_MAX) | (np.abs(columns["slip_bps"]) > EDGE_BPS_MAX)


_CHECKS = {
    "wrong_day": _wrong_day, "not_finite": _not_finite, "bad_value": _bad_value, "out_of_order": _out_of_order,
    "duplicate": _duplicate, "crossed_book": _crossed_book, "outlier": _outlier,
}  # fmt: skip
