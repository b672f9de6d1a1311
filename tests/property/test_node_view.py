"""What strategies see of the market and of themselves is what an onlooker works out from the Node's rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from simcore import engine
from simcore.journal.store import JournalStore
from simcore.kernels import state as st
from simcore.link import link
from simcore.runner import run_until
from tests.oracle.node_side import params_of
from tests.oracle.rows import rows_from_columns
from tests.oracle.watch import Watch, local_events
from tests.property.runs import cases, make_case

STRATEGY = Path(__file__).parent / "watcher.py"


def session_of(case, store=None):
    config = case.config(f"strategy.name={STRATEGY}")
    return config, engine.new_session(case.tape(), [config], link(str(STRATEGY)), store or JournalStore(None))


def seen_at_ticks(case):
    """Run with a pause after each tick; return journal, and what the stage remembered then, by time."""
    config, session = session_of(case)
    names = [name.removeprefix("watch.") for name in session.linked.memory_names]
    state, origin = session.state, int(session.state.clock[st.ORIGIN])
    interval = int(state.ints[0, st.P_TICK_NS])
    seen, tick = {}, interval
    skipped = 0
    while not run_until(session, tick * 8 + 7):
        state = session.state
        if int(state.lanes["skipped_ticks"][0]) == skipped:
            seen[origin + tick] = {n: float(v) for n, v in zip(names, state.memory[0], strict=True) if "." not in n}
        skipped = int(state.lanes["skipped_ticks"][0])
        tick += interval
    return config, session, seen


def check(case):
    config, session, seen = seen_at_ticks(case)
    p = params_of(config, case.instrument, case.l3)
    origin, end = int(session.state.clock[st.ORIGIN]), int(session.state.clock[st.END_TS])
    interval = int(session.state.ints[0, st.P_TICK_NS])
    watch = Watch(p, origin, float(session.state.floats[0, st.F_CASH_UNIT]))
    requests = session.journal.rows("requests")
    ticks = range(origin + interval, end + 1, interval)
    sent = 0
    compared = 0
    for _, kind, what in local_events(rows_from_columns(*case.rows), session.journal.rows("reports"), ticks):
        if kind == 3:
            watch.on_row(what)
        elif kind == 4:
            watch.on_report(what)
        else:
            found = watch.on_tick(what)
            if what in seen:
                assert found is not None
                assert {name: seen[what][name] for name in found} == pytest.approx(found, rel=1e-9, abs=1e-9)
                compared += 1
            while sent < len(requests) and int(requests["ts"][sent]) <= what:
                watch.on_request(requests[sent])
                sent += 1
    return compared


@given(cases(max_rows=250))
@settings(max_examples=60)
def test_a_strategy_sees_what_there_is_to_see(case):
    """Windows, latencies, profit, own queues and depth, after every tick, on both kinds of tapes."""
    check(case)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_longer_runs_see_it_too(seed):
    """Windows fill and turn over; the watched orders are filled, moved and cancelled."""
    assert check(make_case(seed, 3_000, l3=seed % 2 == 0, unit_ns=1_000_000)) > 50


@given(cases(max_rows=250))
@settings(max_examples=30)
def test_pauses_change_nothing(case):
    """A run that stops before and after ticks has the digest of one that does not."""
    _, whole = session_of(case)
    run_until(whole, st.NEVER)
    _, session, _ = seen_at_ticks(case)
    assert session.journal.digest.hex() == whole.journal.digest.hex()
