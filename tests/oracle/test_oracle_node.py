"""Facts about the reference trading side, semantics section 5."""

from simcore import records as r
from tests.oracle.cases import END, A, B, book, cancel, place, play, row
from tests.oracle.engine import run
from tests.oracle.messages import Request, Sample
from tests.oracle.params import OracleParams
from tests.oracle.wire import constant


def quote(rows, wanted, **params):
    """Run with ticks at 11, 21, …; wanted is a list of (bids, asks), one a tick, the last repeated."""
    turn = iter(wanted)
    last = wanted[-1]

    def strategy(*_):
        return next(turn, last)

    return run([*rows, END], OracleParams(tick_interval_ns=10, **params), strategy=strategy)


def sent(result):
    return [(m.ts, m.kind, m.order_id, m.price_ticks, m.qty_lots) for m in result.of(Request)]


PAIR = ([(99, 1)], [(103, 2)])
MOVED = ([(98, 1)], [(103, 2)])


def test_wanted_orders_are_placed_once_and_kept():
    result = quote(book(), [PAIR])
    assert sent(result) == [(11, r.PLACE, 1, 99, 1), (11, r.PLACE, 2, 103, 2)]
    assert result.of(Request)[0].tif == r.POST_ONLY


def test_an_order_with_another_quantity_is_kept():
    assert len(sent(quote(book(), [PAIR, ([(99, 5)], [(103, 9)])]))) == 2


def test_cancels_leave_before_places():
    result = quote(book(), [PAIR, ([(98, 1)], [(104, 2)])])
    assert [m[1:4] for m in sent(result)[2:]] == [
        (r.CANCEL, 1, 99), (r.CANCEL, 2, 103), (r.PLACE, 3, 98), (r.PLACE, 4, 104),
    ]  # fmt: skip


def test_places_leave_best_first():
    result = quote(book(), [([(97, 1), (99, 1), (98, 1), (99, 7)], [(105, 1), (103, 1)])])
    assert [m[3:] for m in sent(result)] == [(99, 1), (98, 1), (97, 1), (103, 1), (105, 1)]


def test_an_order_is_cancelled_only_once_acknowledged_and_only_once():
    result = quote(book(), [PAIR, MOVED], latency=constant(10, 0, 30, 0, 5))
    assert [m for m in sent(result) if m[1] == r.CANCEL] == [(31, r.CANCEL, 1, 99, 1)]


def test_with_wait_cancel_the_new_order_waits_for_the_cancel():
    slow = constant(0, 0, 25, 0, 1)
    assert (21, r.PLACE, 3, 98, 1) in sent(quote(book(), [PAIR, MOVED], latency=slow))
    # Sent at 21, at the Venue at 46, known at 47: the next tick is 51.
    assert (51, r.PLACE, 3, 98, 1) in sent(quote(book(), [PAIR, MOVED], latency=slow, wait_cancel=True))


def test_with_use_amend_the_order_moves():
    result = quote(book(), [PAIR, ([(98, 4)], [(103, 2)])], use_amend=True)
    assert sent(result)[2:] == [(21, r.AMEND, 1, 98, 4)]
    assert result.venue.orders[1].price == 98


def test_without_a_book_of_two_sides_nothing_moves():
    rows = [*book(), row(15, r.CLEAR, A, 0, 0)]
    assert len(sent(quote(rows, [PAIR, MOVED]))) == 2
    assert len(sent(quote([*book(), row(15, r.DEPTH, B, 102, 1)], [PAIR, MOVED]))) == 2


def test_a_cancel_that_meets_a_fill_is_late_and_the_fill_still_books():
    rows = [*book(lots=1), row(10, r.TRADE, A, 100, 9)]
    result = play(rows, place(2, 1, B, 100, 1), cancel(9, 1), latency=constant(0, 0, 5, 0, 20))
    assert (result.node.late, result.node.account.position, result.node.slots) == (1, 1, {})


def test_samples_value_the_position_at_the_local_mid():
    rows = [*book(), row(15, r.BEST, B, 98, 5)]
    result = play(rows, place(2, 1, B, 102, 3), tick_interval_ns=10)
    first, second = result.of(Sample)[:2]
    assert (first.position_lots, first.cash_units, first.equity_units) == (3, -306, -3)
    assert (second.bid_ticks, second.equity_units) == (98, -6)


def test_samples_show_live_quotes():
    result = quote(book(), [PAIR])
    assert {(s.quote_bid_ticks, s.quote_ask_ticks, s.open_orders) for s in result.of(Sample)} == {(99, 103, 2)}
