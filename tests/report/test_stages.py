"""Timings of stages from traces: cycles become ms, waits count, percentiles are nearest rank."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore.errors import ReportError
from simcore.journal.store import read_stream
from simcore.report import build_report
from simcore.report.stages import stage_timings, times_ms
from simcore.sealed import sealed
from tests.report.conftest import Maker


def test_times_are_cycles_between_marks(make: Maker) -> None:
    """At 2 cycles a ns; the wait is the first stage's and the total's."""
    traces = read_stream(make(traces=100), "traces")
    times = times_ms(traces, ["a", "b", "c"], 2.0)
    assert list(times) == ["a", "b", "c", "orders", "tick_total"]
    for i in range(100):
        wait = 250.0 if i % 50 == 49 else 0.0
        assert times["a"][i] == pytest.approx(0.0005 * (i + 1) + wait)
        assert times["b"][i] == pytest.approx(0.001 * (i + 1))
        assert times["c"][i] == pytest.approx(0.0015 * (i + 1))
        assert times["orders"][i] == pytest.approx(0.00025)
        assert times["tick_total"][i] == pytest.approx(0.003 * (i + 1) + 0.00025 + wait)


@pytest.mark.parametrize("count", [1, 2, 19, 20, 21, 100, 101, 333])
def test_percentiles_are_nearest_rank(make: Maker, count: int) -> None:
    """The slow twin counts: the smallest value that p % of all are not above."""
    path = make(traces=count)
    found = stage_timings(path)
    assert found is not None
    for name, values in times_ms(read_stream(path, "traces"), ["a", "b", "c"], 2.0).items():
        times = found["stages"][name]
        for p in (50, 95, 99):
            expected = next(v for v in sorted(values.tolist()) if 100 * np.count_nonzero(values <= v) >= p * count)
            assert times[f"p{p}_ms"] == expected
        assert times["count"] == count
        assert times["max_ms"] == values.max()
        assert times["mean_ms"] == pytest.approx(math.fsum(values.tolist()) / count)
    assert found["deadline_misses"] == count // 50
    assert found["deadline_miss_share"] == count // 50 / count


def test_the_report_writes_stages_json(make: Maker) -> None:
    """And shows a table; a run without traces has neither."""
    run = make(traces=60)
    page = build_report(run).markdown.read_text()
    assert json.loads((run / "stages.json").read_text()) == sealed(stage_timings(run) or {})
    assert "## Time of the stages" in page
    assert "| tick total |" in page
    quiet = make("quiet")
    assert stage_timings(quiet) is None
    assert "## Time of the stages" not in build_report(quiet).markdown.read_text()
    assert not (quiet / "stages.json").exists()


@pytest.mark.parametrize(
    "note",
    [
        {"stages": None}, {"stages": []}, {"stages": ["a"]}, {"stages": "abc"}, {"cycles_per_ns": 0}, {"cycles_per_ns": None},
        {"cycles_per_ns": "2"}, {"cycles_per_ns": True},
    ],
)  # fmt: skip
def test_a_manifest_that_does_not_fit_is_refused(make: Maker, note: dict[str, Any]) -> None:
    with pytest.raises(ReportError, match=r"run\.json") as caught:
        stage_timings(Path(make(traces=3, note=note)))
    assert caught.value.code == "REP-001"
