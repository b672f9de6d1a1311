"""Law 2: the Node alone, fed with a journal's reports, sends what the journal says it sent."""

from hypothesis import given, settings
from hypothesis import strategies as st

from simcore import engine
from simcore.parity import NODE_STREAMS, compare_node, replay_node
from tests.property.runs import cases, make_case, make_sets, simulated
from tests.property.strategies import SeedPick


def journal_of(outcome):
    return {stream: outcome.journal.rows(stream) for stream in NODE_STREAMS}


@given(cases(), st.sampled_from((1, 7, 1 << 18)))
@settings(max_examples=50)
def test_the_node_alone_sends_the_same(case, chunk_rows):
    journal = journal_of(simulated(case))
    found = compare_node(case.tape(chunk_rows), [case.config()], journal)
    assert found.first_difference is None
    assert found.ok
    assert found.requests == len(journal["requests"])


@given(cases(), st.integers(1, 10_000))
@settings(max_examples=20)
def test_the_nodes_of_several_lanes_send_the_same(case, more):
    configs = [case.config(), case.config(*make_sets(SeedPick(more), case.l3, case.unit_ns)[2:])]
    journal = journal_of(engine.simulate(case.tape(), configs))
    assert compare_node(case.tape(), configs, journal).first_difference is None


@given(cases(max_rows=200), st.data())
@settings(max_examples=40)
def test_the_node_alone_is_causal_in_local_time(case, data):
    """Requests up to a local time are the same without the rows and reports that arrive later."""
    journal = journal_of(simulated(case))
    local = case.rows.local_ts[(case.rows.ev & 128) != 0]
    until = int(local[data.draw(st.integers(0, len(local) - 1))])
    reports = journal["reports"][journal["reports"]["ts"] <= until]
    later = ((case.rows.ev & 128) != 0) & (case.rows.local_ts > until)
    shown = [column[~later] if len(column) else column for column in case.rows]
    tape = case.with_rows(shown).tape()
    part = replay_node(tape, [case.config()], reports)
    for stream in ("requests", "samples"):
        times, expected_times = part[stream]["ts"], journal[stream]["ts"]
        found, expected = part[stream][times <= until], journal[stream][expected_times <= until]
        if stream == "samples":  # a run samples once more at its end
            found, expected = found[found["ts"] != tape.end_ts], expected[expected["ts"] != tape.end_ts]
        assert found.tobytes() == expected.tobytes()


def test_a_changed_report_is_found():
    """The comparison can fail: a Node that hears something else sends something else."""
    case = make_case(3, 400)
    journal = journal_of(simulated(case))
    acked = journal["reports"]["kind"] == 0
    assert acked.sum() > 3
    journal["reports"] = journal["reports"][~acked]
    assert not compare_node(case.tape(), [case.config()], journal).ok
