"""A run's fill band: what it makes in an optimistic and in a pessimistic queue, and where the sign of its profit depends on that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from simcore import parquet
from simcore.arrow import numbers
from simcore.door.json_text import read_json
from simcore.errors import ReportError
from simcore.journal import note as notes
from simcore.records import IntArray
from simcore.report.findings import Findings
from simcore.report.folder import RunFolder
from simcore.report.wording import plain, signed_text, utc_text

FILE, CURVES = "band.json", "band.parquet"
WORLDS = ("optimistic", "estimated", "pessimistic")
NO_BAND = "the run was played in one queue world; `mmsim replay --queue-band` plays three"
_BPS = 1e4


def band(run: RunFolder) -> Findings:
    """Return `band`: figures by world, the lowest and highest, and where signs differ; None without band.json.

    REP-001: band.json or band.parquet cannot be read, or is not of this run.
    """
    found = Findings()
    note = _note(run)
    if note is None:
        found.put("band", None, NO_BAND)
        return found
    worlds = [_world(run, each) for each in note["worlds"]]
    profits = [world["pnl"] for world in worlds]
    edges = [world["net_bps"] for world in worlds if world["net_bps"] is not None]
    times, equity = curves(run)
    found.put("band", {
        "worlds": worlds, "pnl_low": min(profits), "pnl_high": max(profits), "net_bps_low": min(edges, default=None),
        "net_bps_high": max(edges, default=None), "sign_differs": min(profits) < 0.0 < max(profits),
        **_in_time(run.start_ts, times, equity),
    })  # fmt: skip
    return found


def curves(run: RunFolder) -> tuple[IntArray, IntArray]:
    """Return times [n], ns, and equity [3, n], cash units, of the worlds in the order of WORLDS. REP-001."""
    path = notes.checked(run.path, CURVES, run.note)
    try:
        table = parquet.read_pages(path)
        times = numbers(table["ts"]).astype(np.int64)
        return times, np.stack([numbers(table[f"{world}_equity_units"]) for world in WORLDS]).astype(np.int64)
    except (OSError, pa.ArrowException, KeyError, ValueError) as exc:
        raise ReportError("REP-001", f"{path}: {exc}") from exc


def differs(equity: IntArray) -> Any:
    """Return at which points [n] one world is above 0 and another below it."""
    return (equity.min(axis=0) < 0) & (equity.max(axis=0) > 0)


def stretches(mask: Any) -> list[tuple[int, int]]:
    """Return (first, last) index of each stretch of true points."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(past) - 1) for first, past in edges.reshape(-1, 2)]


def band_warnings(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the band says against trusting the run's profit."""
    found = figures["band"]
    if found is None:
        return
    cash = figures["unit_cash"]
    told = ", ".join(f"{world['world']} {plain(world['pnl'], 4)}" for world in found["worlds"])
    if found["sign_differs"]:
        yield f"The sign of the PnL depends on the queue: {told} {cash}. What the queue model guesses decides whether this earns or loses."
    if found["sign_differs_share"] > 0.0:
        first, last = (utc_text(ts) for ts in found["sign_differs_longest"])
        share = signed_text(100 * found["sign_differs_share"], 1)
        yield f"During {share} % of the run the queue worlds disagree on the sign of the PnL so far, longest from {first} to {last}."
    low, high = (found["worlds"][WORLDS.index(name)]["pnl"] for name in ("pessimistic", "optimistic"))
    if not min(low, high) <= figures["pnl"] <= max(low, high):
        yield f"The PnL lies outside of its two bounding worlds ({told} {cash}): more fills are not always more profit."


def _note(run: RunFolder) -> dict[str, Any] | None:
    path = run.path / FILE
    if FILE not in run.note["files"] and not path.exists():
        return None
    notes.checked(run.path, FILE, run.note)
    try:
        note = read_json(path, ReportError, "REP-001")
        names = [each["world"] for each in note["worlds"]]
        digits = [{key: int(each["counts"][key]) for key in ("cash_units", "fee_units", "fills")} for each in note["worlds"]]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ReportError("REP-001", f"{path}: {exc!r}") from exc
    if tuple(names) != WORLDS or any(digits[WORLDS.index("estimated")][key] != int(run.counts[key]) for key in ("cash_units", "fee_units", "fills")):
        raise ReportError("REP-001", f"{path}: it is not the band of this run")
    return dict(note)


def _world(run: RunFolder, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of one world, defined as those of a run (docs/reports.md)."""
    counts, money = told["counts"], run.money
    lots, mid2 = int(counts["position_lots"]), int(told["mid2"])
    value = money.position_units(lots, mid2) if lots != 0 and mid2 > 0 else 0
    units = int(counts["cash_units"]) - int(counts["fee_units"]) + value
    turnover, fills = int(counts["turnover_units"]), int(counts["fills"])
    return {
        "world": told["world"], "queue_model": told["queue_model"], "queue_n": told["queue_n"], "pnl": money.amount(units),
        "net_bps": _BPS * units / turnover if turnover else None, "fills": fills, "maker_fills": int(counts["maker_fills"]),
        "taker_fills": int(counts["taker_fills"]), "taker_share": int(counts["taker_fills"]) / fills if fills else None,
        "orders": int(counts["orders"]), "turnover": money.amount(turnover), "fees": money.amount(int(counts["fee_units"])),
        "max_drawdown": money.amount(int(counts["drawdown_max"])), "position": money.quantity(lots),
    }  # fmt: skip


def _in_time(start_ts: int, times: IntArray, equity: IntArray) -> dict[str, Any]:
    """Return how long, and when longest, the worlds' equity so far had different signs; a point stands for the time before it."""
    mask = differs(equity)
    lasts = np.diff(times, prepend=start_ts)
    begins = times - lasts
    spans = [(int(times[last]) - int(begins[first]), int(begins[first]), int(times[last])) for first, last in stretches(mask)]
    total = int(lasts.sum())
    return {
        "sign_differs_share": float(int(lasts[mask].sum()) / total) if total else 0.0,
        "sign_differs_stretches": len(spans),
        "sign_differs_longest": list(max(spans)[1:]) if spans else None,
    }
