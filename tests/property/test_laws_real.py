"""Laws 1 to 6 on real captures: linear, inverse and spot order books, and two captures of orders."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from simcore import engine
from simcore.journal.store import STREAMS, read_stream
from simcore.parity import NODE_STREAMS, compare_node
from simcore.records import KIND_MASK
from simcore.runner import run
from simcore.tape.read import Tape
from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from tests.property.real import CAPTURES, real_case
from tests.property.runs import outputs, simulated
from tests.property.test_law_causality import first_later_time, last_time, up_to
from tests.property.test_law_conservation import Auditor
from tests.property.test_law_lanes import lane_rows
from tests.property.test_law_replay import hash_in_process
from tests.property.test_law_resume import Stop, go_on, stop_at, stop_at_write
from tests.support import session_of

pytestmark = pytest.mark.real
each_capture = pytest.mark.parametrize("name", CAPTURES)
CHUNK_ROWS = 5_000
PROGRAM = """
from tests.property.test_laws_real import hashes_of_parts
print(hashes_of_parts())
"""


def write_tape(case, path):
    with TapeWriter(path, TapeMeta(case.tape().instrument, case.tape().level)) as writer:
        writer.append(case.rows)
    return path


@each_capture
def test_the_captures_trade(name):
    """Laws about nothing would prove nothing."""
    outcome = simulated(real_case(name))
    assert len(outcome.journal.rows("fills")) > 300
    assert int(outcome.state.lanes["partial_fills"][0]) > 20


@each_capture
def test_law_1_the_same_run_gives_the_same_journal(name):
    """Again, beside another thread, and in chunks of two sizes."""
    case = real_case(name)
    expected = outputs(simulated(case))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda chunk_rows: outputs(simulated(case, chunk_rows=chunk_rows)), (1_001, 1 << 18)))
    assert found == [expected, expected]


@each_capture
def test_law_1_a_tape_on_disk_is_the_tape_in_memory(name, tmp_path):
    case = real_case(name)
    tape = Tape.open(write_tape(case, tmp_path / "tape.parquet"))
    assert outputs(engine.simulate(tape, [case.config()])) == outputs(simulated(case))


@each_capture
@pytest.mark.parametrize("chunk_rows", [CHUNK_ROWS, 1 << 18])
def test_law_2_the_node_alone_sends_the_same(name, chunk_rows):
    case = real_case(name)
    outcome = simulated(case)
    found = compare_node(case.tape(chunk_rows), [case.config()], {s: outcome.journal.rows(s) for s in NODE_STREAMS})
    assert found.first_difference is None
    assert found.ok
    assert found.requests > 500


@each_capture
def test_law_3_each_lane_is_a_run(name):
    case = real_case(name)
    configs = [
        case.config(), case.config("strategy.params.emit.levels=1", "latency.place.ms=50"),
        case.config("venue.queue_model=power3", "strategy.params.spread.half_spread_bps=0.5", "run.seed=9"),
    ]  # fmt: skip
    together = engine.simulate(case.tape(), configs)
    for lane, config in enumerate(configs):
        assert lane_rows(together, lane) == outputs(engine.simulate(case.tape(), [config]))


@each_capture
def test_law_4_a_run_goes_on_from_any_chunk(name):
    """Stopped early, in the middle and late; what a checkpoint holds is enough."""
    case = real_case(name)
    expected = outputs(simulated(case))
    count = len(case.rows.ev) // CHUNK_ROWS
    for chunk in (1, count // 2, count - 1):
        arrays, starts, before = stop_at(case.tape(CHUNK_ROWS), case.config(), chunk)
        after = go_on(case, CHUNK_ROWS, case.config(), arrays, starts)
        assert {stream: before[stream] + after[stream] for stream in STREAMS} == expected


def test_law_4_a_stopped_run_on_disk_is_resumed(tmp_path):
    case = real_case("coinm")
    tape, config = write_tape(case, tmp_path / "tape.parquet"), case.config("run.checkpoint_s=0.000001")
    with pytest.MonkeyPatch.context() as patch:
        stop_at_write(patch, 9, "after")
        with pytest.raises(Stop):
            engine.replay(tape, config, tmp_path / "run")
    engine.replay(tape, config, tmp_path / "run", resume=True)
    expected = simulated(case)
    for stream in STREAMS:
        assert read_stream(tmp_path / "run", stream).tobytes() == expected.journal.rows(stream).tobytes()


@each_capture
def test_law_5_the_books_balance_after_every_chunk(name):
    case = real_case(name)
    session = session_of(case.tape(CHUNK_ROWS), [case.config()])
    auditor = Auditor(session)
    run(session, auditor)
    auditor(session)
    assert auditor.checks > 8
    assert auditor.fills > 300


@each_capture
def test_law_6_a_shorter_tape_gives_a_prefix(name):
    case = real_case(name)
    whole = simulated(case)
    rows = len(case.rows.ev)
    for cut in (rows // 3, rows // 2 + 77, rows - 1_000):
        part = case.part(0, cut)
        end = last_time(part)
        until = min(first_later_time(case, cut) - 1, end)
        assert up_to(simulated(part), until, end) == up_to(whole, until, end)
        assert len(up_to(whole, until, end)["requests"]) > 0


@each_capture
def test_law_6_other_later_rows_change_nothing_before_them(name):
    case = real_case(name)
    cut = len(case.rows.ev) // 2
    until = first_later_time(case, cut) - 1
    columns = [column.copy() for column in case.rows]
    columns[4][cut:] += np.where((columns[2][cut:] & KIND_MASK) <= 1, 3, 0)
    assert up_to(simulated(case.with_rows(columns)), until) == up_to(simulated(case), until)


def hashes_of_parts() -> str:
    """Return a hash of all journal rows of part of each capture; few ticks where hours pass."""
    found = []
    for name, capture in CAPTURES.items():
        slowly = ["node.tick_interval_ms=2000"] if capture.level == "l3" else []
        outcome = simulated(real_case(name).part(0, 20_000), *slowly)
        assert len(outcome.journal.rows("requests")) > 20
        found.append(hashlib.sha256(b"".join(outputs(outcome).values())).hexdigest())
    return "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{"NUMBA_DISABLE_JIT": "1"}, {"PYTHONHASHSEED": "77"}], ids=str)
def test_law_1_without_the_jit_and_in_other_processes(environment):
    assert hash_in_process(PROGRAM, **environment) == hashes_of_parts()
