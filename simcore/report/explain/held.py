"""Which guards held at a moment of a run: since when, until when, at which value against which limit."""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.kernels import reasons as why
from simcore.records import Record
from simcore.report.folder import RunFolder
from simcore.report.guards import limit_of, value_of
from simcore.report.wording import utc_text


def held_at(run: RunFolder, guards: Record, ts: int) -> list[dict[str, Any]]:
    """Return a row for each reason that held at a time, HARD ones first.

    level, reason, bit; value when it began to hold, limit, unit and key of its parameter (None where there is none);
    since, until: UTC texts of its stretch; is_open: it held at the run's end; cause: of a halt, the row of what began it.
    """
    place = int(np.searchsorted(guards["ts"], ts, side="right")) - 1
    if place < 0:
        return []
    rows = [
        _row(run, guards, level, bit, place)
        for level in ("hard", "soft")
        for bit in why.LABELS
        if int(guards[level][place]) & bit
    ]
    for row in rows:
        row["cause"] = _cause(run, guards, place) if row["bit"] == why.HALTED else None
    return rows


def _row(run: RunFolder, guards: Record, level: str, bit: int, place: int) -> dict[str, Any]:
    params = run.note.get("params") or {}
    first, after = _stretch(guards[level], bit, place)
    until = int(guards["ts"][after]) if after < len(guards) else run.end_ts
    return {
        "level": level, "reason": why.LABELS[bit], "bit": bit, "value": value_of(params, guards[first], bit), **limit_of(params, bit, level),
        "since": utc_text(int(guards["ts"][first])), "until": utc_text(until), "is_open": after == len(guards),
    }  # fmt: skip


def _cause(run: RunFolder, guards: Record, place: int) -> dict[str, Any] | None:
    """Return the reason that last began or prolonged the halt of a place."""
    while place >= 0 and int(guards["hard"][place]) & why.HALTED:
        for bit in why.LABELS:
            if bit != why.HALTED and int(guards["hard"][place]) & bit:
                return _row(run, guards, "hard", bit, place)
        place -= 1
    return None


def _stretch(column: Any, bit: int, place: int) -> tuple[int, int]:
    """Return the first row of the stretch around a place in which a bit is set, and the row after its last."""
    first, after = place, place
    while first > 0 and int(column[first - 1]) & bit:
        first -= 1
    while after < len(column) and int(column[after]) & bit:
        after += 1
    return first, after
