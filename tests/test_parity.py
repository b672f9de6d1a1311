"""The parity check of a run folder, and what it refuses."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from simcore import engine
from simcore.errors import JournalError
from simcore.journal.store import read_stream, to_table
from simcore.parity import check_parity, first_differing_row, replay_node
from simcore.records import REQUEST, TRADED
from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from tests.property.runs import make_case, simulated
from tests.sealing import reseal


@pytest.fixture
def run_dir(tmp_path):
    """A finished run over a small tape."""
    case = make_case(9, 500, unit_ns=1_000_000)
    with TapeWriter(tmp_path / "tape.parquet", TapeMeta(case.instrument)) as writer:
        writer.append(case.rows)
    return engine.replay(tmp_path / "tape.parquet", case.config(), tmp_path / "run")


def test_a_run_folder_is_in_parity(run_dir):
    found = check_parity(run_dir)
    assert found.first_difference is None
    assert found.ok
    assert (found.requests, found.reports, found.samples) == tuple(
        len(read_stream(run_dir, stream)) for stream in ("requests", "reports", "samples")
    )
    assert found.requests > 10


def test_a_request_that_the_node_did_not_send_is_found(run_dir):
    requests = read_stream(run_dir, "requests")
    requests["price_ticks"][7] += 1
    pq.write_table(to_table(requests), run_dir / "journal" / "requests.parquet")
    found = check_parity(reseal(run_dir))
    assert not found.ok
    assert found.first_difference == "requests, row 7"


def test_a_report_that_never_came_is_found(run_dir):
    reports = read_stream(run_dir, "reports")
    fill = int(np.flatnonzero(reports["kind"] == TRADED)[0])
    pq.write_table(to_table(np.delete(reports, fill)), run_dir / "journal" / "reports.parquet")
    assert not check_parity(reseal(run_dir)).ok


def test_an_unfinished_run_is_refused(tmp_path):
    with pytest.raises(JournalError, match="JRNL-001"):
        check_parity(tmp_path)


def test_reports_out_of_order_or_of_no_lane_are_refused():
    case = make_case(9, 300)
    reports = simulated(case).journal.rows("reports")
    assert len(reports) > 4
    with pytest.raises(JournalError, match="JRNL-001"):
        replay_node(case.tape(), [case.config()], reports[::-1])
    reports["lane"][3] = 1
    with pytest.raises(JournalError, match="JRNL-001"):
        replay_node(case.tape(), [case.config()], reports)


def test_a_repeated_tape_of_many_chunks_is_in_parity(tmp_path):
    """The Node's chunks come and go although no Venue moves; repeats and a window of time are kept to."""
    case = make_case(12, 400, unit_ns=1_000_000)
    start = case.tape().start_ts
    more = ["run.repeat=3", f"run.from={start + 10_000_000}", f"run.to={start + 2_500_000_000}"]
    outcome = simulated(case, *more, chunk_rows=50)
    found = replay_node(case.tape(7), [case.config(*more)], outcome.journal.rows("reports"))
    assert found["requests"].tobytes() == outcome.journal.rows("requests").tobytes()
    assert len(found["requests"]) > 20


def test_the_first_differing_row_is_named():
    a = np.zeros(3, REQUEST)
    b = a.copy()
    assert first_differing_row(a, b) is None
    b["reason"][2] = 1
    assert first_differing_row(a, b) == 2
    assert first_differing_row(a, a[:1]) == 1
    assert first_differing_row(a[:0], a[:0]) is None
