"""What the guards did in a run: how long each reason held, from when to when, at which value against which limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from simcore.journal.store import read_stream
from simcore.kernels import reasons as why
from simcore.records import IntArray, Record
from simcore.report.findings import Findings
from simcore.report.folder import RunFolder
from simcore.report.wording import utc_text
from simcore.units import NS_PER_MS, NS_PER_S

LONG_S = 60.0  # a stretch without quotes that a warning names


class Guard(NamedTuple):
    """A guard: the parameter of stage guards that it reaches ({} is soft or hard, "" holds by itself) and its value.

    column  of the stream `guards`; scale makes it the parameter's unit; sign -1: the value falls towards the limit.
    """

    key: str
    column: str
    scale: float
    unit: str
    sign: int = 1


GUARDS = {
    why.VOLATILITY: Guard("vol_{}_bps", "return_std_bps", 1.0, "bps"),
    why.LATENCY: Guard("latency_{}_ms", "latency_p95_ms", 1.0, "ms"),
    why.PNL: Guard("pnl_z_{}", "pnl_mean", 1.0, "z", -1),
    why.INVENTORY: Guard("inventory_{}_pct", "position_lots", 1.0, "%"),
    why.TAKER_FILLS: Guard("taker_fills_{}", "takers_15m", 1.0, "fills"),
    why.STALE_BOOK: Guard("stale_{}_ms", "book_age_ns", 1.0 / NS_PER_MS, "ms"),
    why.FEED_GAP: Guard("", "book_age_ns", 1.0 / NS_PER_MS, "ms"),
    why.RATE_PRESSURE: Guard("requests_{}", "requests_10s", 1.0, "requests"),
    why.VENUE_OUTAGE: Guard("outage_{}_ms", "waiting_ns", 1.0 / NS_PER_MS, "ms"),
    why.OPEN_ORDERS: Guard("max_open_orders", "open_orders", 1.0, "orders"),
    why.OPEN_NOTIONAL: Guard("max_open_notional", "open_notional", 1.0, "cash"),
    why.LOSS_CAP: Guard("max_day_loss", "pnl_day", -1.0, "cash"),
    why.TURNOVER_CAP: Guard("max_day_turnover", "turnover_day", 1.0, "cash"),
    why.KILL_SWITCH: Guard("kill_switch", "", 1.0, ""),
    why.BAD_BOOK: Guard("", "", 1.0, ""),
    why.HALTED: Guard("halt_ms", "", 1.0, "ms"),
}  # fmt: skip
PCT_OF = "max_position_lots"


def guard_figures(run: RunFolder) -> Findings:
    """Return `guards` (a row for each level and reason that held) and the time under SOFT and HARD."""
    found = Findings()
    rows = own_rows(run)
    spans = _spans(rows["ts"], run.end_ts)
    for level, name in ((1, "soft"), (2, "hard")):
        found.put(f"guards_{name}_s", float(spans[rows["level"] == level].sum() / NS_PER_S))
    found.put("guards", [row for level in ("hard", "soft") for row in _level(run, rows, spans, level)])
    return found


def own_rows(run: RunFolder) -> Record:
    """Return the changes of the guards' verdict, in time order."""
    return read_stream(run.path, "guards")


def _spans(ts: IntArray, end_ts: int) -> IntArray:
    """Return how long each row held, ns."""
    return np.maximum(np.append(ts[1:], end_ts) - ts, 0) if len(ts) else np.zeros(0, np.int64)


def _level(run: RunFolder, rows: Record, spans: IntArray, level: str) -> list[dict[str, Any]]:
    params = run.note.get("params") or {}
    found = []
    for bit, label in why.LABELS.items():
        held = (rows[level] & bit) != 0
        if not held.any():
            continue
        starts = np.flatnonzero(held & ~np.append(False, held[:-1]))
        last = int(np.flatnonzero(held)[-1])
        found.append(
            {
                "level": level, "reason": label, **limit_of(params, bit, level), "time_s": float(spans[held].sum() / NS_PER_S),
                "stretches": len(starts), "first": utc_text(int(rows["ts"][starts[0]])),
                "last": utc_text(int(rows["ts"][last] + spans[last])), "worst": _worst(params, rows[held], bit),
            }
        )  # fmt: skip
    return found


def limit_of(params: Mapping[str, float], bit: int, level: str) -> dict[str, Any]:
    """Return key, limit and unit of a reason; None where it has none, or the run does not say."""
    guard = GUARDS.get(bit)
    if guard is None or not guard.key:
        return {"key": None, "limit": None, "unit": ""}
    key = f"guards.{guard.key.format(level)}"
    return {"key": key, "limit": params.get(key), "unit": guard.unit}


def value_of(params: Mapping[str, float], row: Any, bit: int) -> float | None:
    """Return what a row of the stream says of a reason, in the unit of its limit; None where there is nothing to say."""
    guard = GUARDS.get(bit)
    if guard is None or not guard.column:
        return None
    value = guard.scale * float(row[guard.column])
    if bit == why.INVENTORY:
        most = params.get(f"guards.{PCT_OF}")
        return None if not most else min(100.0 * abs(value) / most, 100.0)
    if bit == why.PNL:
        scale = params.get("guards.pnl_scale")
        return None if not scale else value / scale
    return value


def _worst(params: Mapping[str, float], rows: Record, bit: int) -> float | None:
    """Return the worst value at which a reason began to hold, or another one joined it."""
    values = [value for row in rows if (value := value_of(params, row, bit)) is not None]
    if not values:
        return None
    return min(values) if GUARDS[bit].sign < 0 else max(values)


def longest_halt(run: RunFolder) -> tuple[int, int] | None:
    """Return begin and end, ns, of the longest stretch in which the guards were HARD; None if they never were."""
    rows = own_rows(run)
    hard = rows["level"] == 2
    best: tuple[int, int] | None = None
    ends = np.append(rows["ts"][1:], run.end_ts)
    begin = 0
    for i in np.flatnonzero(hard):
        if i == 0 or not hard[i - 1]:
            begin = int(rows["ts"][i])
        if best is None or int(ends[i]) - begin > best[1] - best[0]:
            best = begin, int(ends[i])
    return best
