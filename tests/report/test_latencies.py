"""Requests are paired with their answers, each leg by itself."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.journal.store import read_stream
from simcore.records import (
    ACKED,
    AMEND,
    AMEND_REFUSED,
    AMENDED,
    BY_REQUEST,
    CANCEL,
    CANCEL_REFUSED,
    CONTROL,
    ENDED,
    NO_LIQUIDITY,
    PLACE,
    REFUSED,
    REPORT,
    REQUEST,
    TRADED,
    Record,
)
from simcore.report.latencies import latencies_ns
from tests.report.conftest import Maker


def rows(dtype: np.dtype[np.void], names: str, *values: tuple[int, ...]) -> Record:
    found = np.zeros(len(values), dtype)
    for i, row in enumerate(values):
        for name, value in zip(names.split(), row, strict=True):
            found[name][i] = value
    found["seq"] = np.arange(len(values))
    return found


def test_each_request_has_its_own_answer() -> None:
    """Two amends and a cancel of order 1, a place of order 2 that was refused, and one without an answer."""
    requests = rows(
        REQUEST, "ts kind order_id",
        (0, PLACE, 1), (100, AMEND, 1), (200, AMEND, 1), (300, CANCEL, 1), (310, PLACE, 2), (400, PLACE, 3),
    )  # fmt: skip
    reports = rows(
        REPORT, "exch_ts ts kind order_id reason",
        (10, 15, ACKED, 1, 0), (120, 121, AMENDED, 1, 0), (150, 152, TRADED, 1, 0), (250, 257, AMEND_REFUSED, 1, 0),
        (330, 340, ENDED, 1, BY_REQUEST), (350, 351, REFUSED, 2, 0), (360, 361, CONTROL, 0, 0),
    )  # fmt: skip
    found = latencies_ns(requests, reports)
    assert {name: sorted(values.tolist()) for name, values in found.items()} == {
        "place": [10, 40], "amend": [20, 50], "cancel": [30], "response": [1, 1, 2, 5, 7, 10], "round_trip": [15, 21, 40, 41, 57],
    }  # fmt: skip


def test_an_end_that_nobody_asked_for_answers_nothing() -> None:
    requests = rows(REQUEST, "ts kind order_id", (0, PLACE, 1), (50, CANCEL, 1))
    reports = rows(
        REPORT, "exch_ts ts kind order_id reason",
        (10, 15, ACKED, 1, 0), (20, 25, ENDED, 1, NO_LIQUIDITY), (60, 66, CANCEL_REFUSED, 1, 0),
    )  # fmt: skip
    assert latencies_ns(requests, reports)["cancel"].tolist() == [10]


@pytest.mark.parametrize("seed", [1, 2])
def test_against_plain_loops(make: Maker, seed: int) -> None:
    """The slow twin looks for the first unused answer of each request's order."""
    run = make(seed=seed, fill_count=90)
    requests, reports = read_stream(run, "requests"), read_stream(run, "reports")
    reports["order_id"][reports["kind"] == REFUSED] = -1
    expected = []
    for request in requests[requests["kind"] == PLACE]:
        answers = [r for r in reports if r["order_id"] == request["order_id"] and r["kind"] == ACKED]
        expected += [int(r["exch_ts"] - request["ts"]) for r in answers[:1]]
    assert sorted(latencies_ns(requests, reports)["place"].tolist()) == sorted(expected)
    assert len(expected) == 90


def test_a_quiet_run_has_none() -> None:
    found = latencies_ns(np.zeros(0, REQUEST), np.zeros(0, REPORT))
    assert all(len(values) == 0 for values in found.values())
