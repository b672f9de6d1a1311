"""Recorded request and response times: a table or a run folder become latencies by leg.

A table (CSV or Parquet) has a row a request. `kind`: place, amend or cancel. Times whose names end in their unit (_ns, _us,
_ms, _s): `sent_…` by the own clock, `arrived_…` when the exchange took it by its clock, `answered_…` when the answer came by
the own clock; or `round_trip_…`, a duration. docs/latency.md is the same for users.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from simcore import parquet
from simcore.config.model import LATENCY_KINDS
from simcore.errors import CalibrateError
from simcore.journal.store import read_stream
from simcore.records import (
    ACKED,
    AMEND,
    AMEND_REFUSED,
    AMENDED,
    BY_REQUEST,
    CANCEL,
    CANCEL_REFUSED,
    ENDED,
    PLACE,
    REFUSED,
    FloatArray,
    IntArray,
)
from simcore.report.folder import open_run
from simcore.units import NS_PER_MS, NS_PER_S, NS_PER_US

_UNITS = {"_ns": 1, "_us": NS_PER_US, "_ms": NS_PER_MS, "_s": NS_PER_S}
_LEAST_NS, _MOST_NS = NS_PER_US, 60 * NS_PER_S  # a median outside of this is in another unit
RESPONSE = "response"
NEVER = -(1 << 62)  # ns: no message of another leg came before
_REQUESTS = LATENCY_KINDS[:3]


@dataclass(frozen=True)
class Leg:
    """Latencies of one leg. ns: int64 [n].

    at_most: bool [n], those that arrived together with the message before them: one connection keeps its order, so their own
    latency may have been less. offsets_ns: when each was sent, since the first.  others_ns: the least that each can have taken,
    since a message of another leg arrived then, int64 [n]; None: the leg has a connection of its own.
    """

    name: str
    ns: IntArray
    at_most: Any
    offsets_ns: IntArray
    others_ns: IntArray | None = None


@dataclass(frozen=True)
class Recorded:
    """Recorded latencies. round_trip: only the sum of request and response is known, and stands on the requests."""

    source: str
    legs: tuple[Leg, ...]
    round_trip: bool = False
    warnings: tuple[str, ...] = field(default=())


def read_recorded(path: Path) -> Recorded:
    """Return the latencies of a run folder or a table. CAL-035, JRNL-001."""
    if path.is_dir():
        return _of_run(path)
    if not path.is_file():
        raise CalibrateError("CAL-035", f"{path}: no such file or folder")
    try:
        table = parquet.read_table(path, sealed=False) if path.suffix == ".parquet" else pacsv.read_csv(path)
    except (OSError, pa.ArrowException, ValueError) as exc:
        raise CalibrateError("CAL-035", f"{path}: {exc}") from exc
    if table.num_rows == 0:
        raise CalibrateError("CAL-035", f"{path}: no rows")
    return _of_table(table, path)


def _of_table(table: pa.Table, path: Path) -> Recorded:
    kinds = _kinds(table, path)
    warnings: list[str] = []
    if _column(table, "round_trip") is not None:
        trips = _times(table, path, "round_trip", needed=False)
        rows = {name: np.flatnonzero((kinds == name) & (trips >= 0)) for name in _REQUESTS}
        return Recorded(str(path), _legs(path, {name: _Part(trips[each], each, np.zeros(len(each), bool), None) for name, each in rows.items()}), True, tuple(_answered(trips)))
    sent = _times(table, path, "sent", needed=True)
    order = np.argsort(sent, kind="stable")
    if (np.diff(sent) < 0).any():
        warnings.append(f"{int((np.diff(sent) < 0).sum())} rows were sent before the row above them: the rows were sorted by time of sending")
    sent, kinds = sent[order], kinds[order]
    answered = None if _column(table, "answered") is None else _times(table, path, "answered", needed=False)[order]
    arrived = None if _column(table, "arrived") is None else _times(table, path, "arrived", needed=False)[order]
    if answered is None and arrived is None:
        raise CalibrateError("CAL-035", f"{path}: no column arrived_… or answered_…, nor round_trip_…; there are {', '.join(table.column_names)}")
    last = answered if arrived is None else arrived
    assert last is not None
    if arrived is not None and (arrived < 0).any():
        warnings.append(f"{int((arrived < 0).sum())} requests have no time of arrival: they do not count")
    if answered is not None:
        warnings += _answered(answered)
    parts = {name: _since(sent, last, kinds == name, last) for name in _REQUESTS}
    if arrived is not None and answered is not None:
        parts[RESPONSE] = _since(arrived, answered, np.ones(len(sent), bool), answered)
    return Recorded(str(path), _legs(path, parts), arrived is None, tuple(warnings))


class _Part(NamedTuple):
    """Of a leg: durations, times of sending, whether one arrived together with the one before it, `Leg.others_ns`; ns."""

    ns: IntArray
    sent: IntArray
    at_most: Any
    others_ns: IntArray | None


def _since(start: IntArray, stop: IntArray, chosen: Any, arrival: IntArray, mine: Any = None) -> _Part:
    """Return the part of the chosen rows that have both times. mine: rows of the same leg, if not all of them are chosen."""
    held = _held_up(start, arrival)
    rows = np.flatnonzero(chosen & (start >= 0) & (stop >= 0))
    foreign = np.where(chosen if mine is None else mine, NEVER, arrival)
    before = np.maximum.accumulate(np.concatenate([[NEVER], foreign]))[:-1]
    others = np.where(before[rows] < 0, NEVER, before[rows] - start[rows])
    return _Part(stop[rows] - start[rows], start[rows], held[rows], others)


def _held_up(start: IntArray, arrival: IntArray) -> Any:
    """Return which messages, in order of sending, arrived at the very time of the one before."""
    held = np.zeros(len(start), bool)
    held[1:] = (arrival[1:] == arrival[:-1]) & (arrival[1:] >= 0) & (start[1:] >= 0)
    return held


def _answered(times: IntArray) -> list[str]:
    missing = int((times < 0).sum())
    return [f"{missing} requests have no answer: the time to it does not count"] if missing else []


def _kinds(table: pa.Table, path: Path) -> Any:
    """Return the kind of each row; without a column all are places."""
    if "kind" not in table.column_names:
        return np.array(["place"] * table.num_rows)
    kinds = np.array([str(value).lower() for value in table["kind"].to_pylist()])
    wrong = np.flatnonzero(~np.isin(kinds, _REQUESTS))
    if len(wrong):
        raise CalibrateError("CAL-035", f"{path}: row {int(wrong[0]) + 1}, kind: {kinds[wrong[0]]}; expected {', '.join(_REQUESTS)}")
    return kinds


def _column(table: pa.Table, name: str) -> str | None:
    return next((name + unit for unit in _UNITS if name + unit in table.column_names), None)


def _times(table: pa.Table, path: Path, name: str, *, needed: bool) -> IntArray:
    """Return a column in ns, -1 where an optional value is missing."""
    column = _column(table, name)
    if column is None:
        raise CalibrateError("CAL-035", f"{path}: no column {name}_…, nor round_trip_… (in _ns, _us, _ms or _s); there are {', '.join(table.column_names)}")
    kind = table[column].type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise CalibrateError("CAL-035", f"{path}: column {column} holds {kind}; expected numbers")
    factor = next(factor for unit, factor in _UNITS.items() if column == name + unit)
    found = np.full(table.num_rows, -1, np.int64)
    for row, value in enumerate(table[column].to_pylist()):
        missing = value is None or math.isnan(value)
        if missing and not needed:
            continue
        if missing or not 0 <= value * factor < 1 << 62:
            raise CalibrateError("CAL-035", f"{path}: row {row + 1}, {column}: {value}; expected a time since 1970 or a duration, in {column.rpartition('_')[2]}")
        found[row] = round(value * factor)
    return found


def _of_run(path: Path) -> Recorded:
    """Return the latencies of a run's requests and reports."""
    open_run(path)
    requests, reports = read_stream(path, "requests"), read_stream(path, "reports")
    legs: dict[str, _Part] = {}
    arrivals = np.full(len(requests), -1, np.int64)
    for kind, answers in ((PLACE, (ACKED, REFUSED)), (AMEND, (AMENDED, AMEND_REFUSED)), (CANCEL, (ENDED, CANCEL_REFUSED))):
        asked = np.flatnonzero(requests["kind"] == kind)
        told = np.isin(reports["kind"], answers) & ((reports["kind"] != ENDED) | (reports["reason"] == BY_REQUEST))
        arrivals[asked] = _matched(requests["order_id"][asked], reports["order_id"][told], reports["exch_ts"][told])
    same_tick = np.diff(requests["ts"], prepend=-1) == 0
    together = np.diff(arrivals, prepend=-1) == 0
    batched = bool(same_tick.any()) and bool((together | (arrivals < 0))[same_tick].all())
    counted = ~(same_tick & together) if batched else np.ones(len(requests), bool)  # of a batch the first says all
    for kind, name in ((PLACE, "place"), (AMEND, "amend"), (CANCEL, "cancel")):
        mine = requests["kind"] == kind
        legs[name] = _since(requests["ts"], arrivals, mine & counted, arrivals, mine)
    sent = reports["exch_ts"]
    legs[RESPONSE] = _since(sent, reports["ts"], np.ones(len(sent), bool), reports["ts"])
    return Recorded(str(path), _legs(path, legs, simulated=True))


def _matched(asked: IntArray, told: IntArray, times: IntArray) -> IntArray:
    """Return the time of the k-th answer to an order for its k-th request, -1 where there is none."""
    def numbered(ids: IntArray) -> Any:
        order = np.argsort(ids, kind="stable")
        first = np.concatenate([[True], np.diff(ids[order]) != 0]) if len(ids) else np.zeros(0, bool)
        start = np.maximum.accumulate(np.where(first, np.arange(len(ids)), 0)) if len(ids) else np.zeros(0, np.int64)
        count = np.zeros(len(ids), np.int64)
        count[order] = np.arange(len(ids)) - start
        return ids * 4096 + np.minimum(count, 4095)

    keys, found = numbered(told), np.full(len(asked), -1, np.int64)
    if not len(told) or not len(asked):
        return found
    order = np.argsort(keys, kind="stable")
    wanted = numbered(asked)
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    there = keys[order][place] == wanted
    found[there] = times[order][place[there]]
    return found


def _legs(path: Path, parts: dict[str, _Part], *, simulated: bool = False) -> tuple[Leg, ...]:
    """Return the legs that have latencies, checked. CAL-035: none; negative ones; a median that is in another unit."""
    legs = []
    for name, (ns, sent, at_most, others) in parts.items():
        if not len(ns):
            continue
        if (ns < 0).any():
            row = int(np.argmax(ns < 0))
            raise CalibrateError("CAL-035", f"{path}: {name}: {int((ns < 0).sum())} of {len(ns)} latencies are negative, the first {ns[row] / NS_PER_MS:.6g} ms: the clocks differ, or columns are mixed up")
        median = float(np.median(ns))
        if not simulated and not _LEAST_NS <= median <= _MOST_NS:
            raise CalibrateError("CAL-035", f"{path}: {name}: the median latency would be {median / NS_PER_MS:.6g} ms: the column's name has another unit than its values")
        legs.append(Leg(name, ns, at_most, sent - sent.min(), others))
    if not legs:
        raise CalibrateError("CAL-035", f"{path}: no request has an answer")
    return tuple(legs)


def milliseconds(ns: IntArray) -> FloatArray:
    """Return latencies in ms."""
    return np.asarray(ns, np.float64) / NS_PER_MS


def milliseconds_of_others(leg: Leg) -> FloatArray:
    """Return `Leg.others_ns` in ms, −inf where there is none."""
    if leg.others_ns is None:
        return np.full(len(leg.ns), -math.inf)
    return np.where(leg.others_ns == NEVER, -math.inf, milliseconds(leg.others_ns))
