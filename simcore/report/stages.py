"""How long the stages of traced ticks took: from the journal's stream `traces`, which is not part of the digest.

A stage's time is what passed between the marks before and after it, by the processor's cycle counter; `orders` is the order
manager after the last stage, `tick_total` all of it. A tick that had to wait for fresh data (fetch_md) waits in simulated
time: `wait_ns` counts for the first stage and for the total. Percentiles are nearest rank: p95 of n is the ceil(0.95 n)-th.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simcore.errors import ReportError
from simcore.journal import note as notes
from simcore.journal.store import read_stream
from simcore.records import STAGES_MAX, FloatArray, Record
from simcore.sealed import sealed
from simcore.units import NS_PER_MS

DEADLINE_MS = 200.0
ORDERS, TICK_TOTAL = "orders", "tick_total"
PERCENTILES = (50, 95, 99)
FILE = "stages.json"


def stage_timings(run_dir: Path) -> dict[str, Any] | None:
    """Return the timings of a run's traced ticks, None if it traced none (node.trace_every).

    ticks: traced ones; trace_every: one of so many; deadline_misses: ticks over DEADLINE_MS, deadline_miss_share of the ticks;
    stages: name -> count, mean_ms, p50_ms, p95_ms, p99_ms, max_ms.
    JRNL-001: no run, or a damaged stream. REP-001: run.json does not fit the stream.
    """
    traces = read_stream(run_dir, "traces")
    if not len(traces):
        return None
    times = times_ms(traces, *_clock(run_dir, traces))
    misses = int(np.count_nonzero(times[TICK_TOTAL] > DEADLINE_MS))
    return {
        "ticks": len(traces),
        "deadline_ms": DEADLINE_MS,
        "deadline_misses": misses,
        "deadline_miss_share": misses / len(traces),
        "stages": {name: _spread(values) for name, values in times.items()},
    }


def stages_text(timings: dict[str, Any]) -> str:
    """Return stages.json, with its hash."""
    return json.dumps(sealed(timings), indent=2, allow_nan=False) + "\n"


def run_times_ms(run_dir: Path, traces: Record) -> dict[str, FloatArray]:
    """Return the times of a run's traces; see `times_ms`. REP-001 if run.json does not fit them."""
    return times_ms(traces, *_clock(run_dir, traces))


def times_ms(traces: Record, names: Sequence[str], cycles_per_ns: float) -> dict[str, FloatArray]:
    """Return each stage's times [n], then ORDERS and TICK_TOTAL, ms, in the order of the pipeline."""
    marks = [traces[f"mark{i}"] for i in (*range(len(names) + 1), STAGES_MAX + 1)]
    scale = 1.0 / (cycles_per_ns * NS_PER_MS)
    wait_ms = traces["wait_ns"] / NS_PER_MS
    times = {
        name: (after - before) * scale for name, before, after in zip((*names, ORDERS), marks, marks[1:], strict=False)
    }
    times[names[0]] = times[names[0]] + wait_ms
    times[TICK_TOTAL] = (marks[-1] - marks[0]) * scale + wait_ms
    return times


def _clock(run_dir: Path, traces: Record) -> tuple[list[str], float]:
    """Return the names of a run's stages, and the cycles of a ns."""
    note = notes.read(run_dir)
    names, cycles = note.get("stages"), note.get("cycles_per_ns")
    counts = np.unique(traces["stages"])
    if not isinstance(names, list) or not names or counts.tolist() != [len(names)]:
        raise ReportError("REP-001", f"{run_dir}: run.json names the stages {names}; the traces have {counts.tolist()}")
    if not isinstance(cycles, (int, float)) or isinstance(cycles, bool) or not cycles > 0:
        raise ReportError("REP-001", f"{run_dir}: run.json: cycles_per_ns is {cycles!r}; expected a number above 0")
    return [str(name) for name in names], float(cycles)


def _spread(values: FloatArray) -> dict[str, float]:
    ordered = np.sort(values)
    count = len(ordered)
    ranks = {f"p{p}_ms": float(ordered[-(-p * count // 100) - 1]) for p in PERCENTILES}
    return {"count": count, "mean_ms": float(ordered.mean()), **ranks, "max_ms": float(ordered[-1])}
