"""Facts about the order of events, the wire, markouts and the shape of messages, semantics sections 1 and 3."""

import pytest

from simcore import records as r
from tests.oracle import messages
from tests.oracle.cases import END, A, B, book, cancel, fills, place, play, reports, row
from tests.oracle.engine import run
from tests.oracle.messages import Fill, Markout, Report, Request, Sample
from tests.oracle.params import OracleParams
from tests.oracle.rows import Row
from tests.oracle.wire import Wire, constant


@pytest.mark.parametrize("name", ["Request", "Report", "Fill", "Markout", "Sample"])
def test_messages_have_the_fields_of_the_records(name):
    assert getattr(messages, name)._fields == getattr(r, name.upper()).names


def test_a_market_row_comes_before_a_request_of_the_same_time():
    rows = [*book(lots=5), row(5, r.TRADE, A, 100, 99), row(6, r.TRADE, A, 100, 6)]
    assert fills(play(rows, place(5, 1, B, 100, 1))) == [(1, 100, 1, r.FILL_QUEUE)]
    assert play(rows, place(5, 1, B, 100, 1)).of(Fill)[0].exch_ts == 6


def test_a_request_of_no_latency_is_processed_before_the_next_timer():
    run_ = play([*book(), row(6, r.TRADE, A, 100, 11)], place(5, 1, B, 100, 1), cancel(5, 1))
    assert reports(run_) == [(r.ACKED, 1, r.NEW, 0), (r.ENDED, 1, r.CANCELED, r.BY_REQUEST)]
    assert [type(e) for e in run_.events] == [Request, Request, Report, Report, Sample]


def test_a_report_of_a_tick_time_is_seen_at_the_tick():
    run_ = play([*book(lots=1), row(10, r.TRADE, A, 100, 2)], place(2, 1, B, 100, 1), tick_interval_ns=5)
    samples = {s.ts: s.position_lots for s in run_.of(Sample)}
    assert (samples[6], samples[11]) == (0, 1)


def test_markouts_see_the_rows_of_their_time_and_end_with_the_run():
    ms = 1_000_000
    rows = [
        *book(lots=1),
        row(10, r.TRADE, A, 100, 2),
        row(10 + 100 * ms, r.DEPTH, A, 101, 1),
        row(10 + 1000 * ms, r.CLEAR, A, 0, 0),
    ]
    run_ = run(rows, OracleParams(), script=[place(2, 1, B, 100, 1)])
    assert run_.of(Markout) == [(10 + 100 * ms, 0, 0, 0, 100, 101), (10 + 1000 * ms, 0, 0, 1, 100, 0)]


def test_the_run_ends_with_the_last_row_of_either_clock():
    rows = [Row(1, 1, r.DEPTH, B, 100, 1), Row(1, 1, r.DEPTH, A, 102, 1), Row(5, 50, r.GAP, None, 0, 0)]
    assert [s.ts for s in run(rows, OracleParams(tick_interval_ns=10)).of(Sample)] == [11, 21, 31, 41, 50]
    assert [s.ts for s in run(rows, OracleParams(tick_interval_ns=10, end_ts=31)).of(Sample)] == [11, 21, 31]
    assert [s.ts for s in run(rows, OracleParams(tick_interval_ns=10, start_ts=25)).of(Sample)] == [35, 45, 50]


def test_each_side_sees_only_rows_of_its_clock():
    rows = [row(1, r.DEPTH, B, 100, 1)._replace(at_node=False), row(2, r.DEPTH, A, 102, 1)._replace(at_venue=False)]
    result = run([*rows, END], OracleParams(tick_interval_ns=5))
    assert (result.venue.book.top(), result.node.book.top()) == ((100, 0), (0, 102))


def test_the_wire_keeps_the_order_of_a_connection():
    wire = Wire(constant(50, 5, 1, 1, 7))
    assert wire.request_arrives(r.PLACE, 100) == 150
    assert wire.request_arrives(r.CANCEL, 101) == 150
    assert wire.request_arrives(r.CANCEL, 160) == 161
    shrinking = Wire(lambda kind, sent, traffic: 100 - sent)
    assert [shrinking.report_arrives(made) for made in (10, 20, 99, 100)] == [100, 100, 100, 101]


def test_a_cancel_cannot_overtake_its_place():
    result = play(book(), place(2, 1, B, 99, 1), cancel(3, 1), latency=constant(50, 0, 0, 0, 1))
    assert reports(result) == [(r.ACKED, 1, r.NEW, 0), (r.ENDED, 1, r.CANCELED, r.BY_REQUEST)]


def test_responses_take_at_least_a_nanosecond():
    assert play(book(), place(2, 1, B, 99, 1), latency=constant(0, 0, 0, 0, 0)).of(Report)[0].ts == 3


def test_the_exchange_goes_on_while_the_request_travels():
    rows = [*book(lots=1), row(10, r.TRADE, A, 100, 2)]
    assert fills(play(rows, place(2, 1, B, 100, 1), latency=constant(9, 0, 0, 0, 1))) == []
    assert len(fills(play(rows, place(2, 1, B, 100, 1), latency=constant(7, 0, 0, 0, 1)))) == 1
