"""Facts about requests at the reference exchange, semantics 4.1."""

import pytest

from simcore import records as r
from tests.oracle.cases import A, B, amend, book, cancel, fills, place, play, reports, row
from tests.oracle.messages import Report
from tests.oracle.node import Step

CANCEL_ALL = Step(9, r.CANCEL_ALL, 0)
DEEP = [*book(), row(1, r.DEPTH, A, 103, 10), row(1, r.DEPTH, A, 104, 10)]


def refused(reason, state=r.REJECTED, order=1):
    return (r.REFUSED, order, state, reason)


def test_a_taker_gets_one_report_a_level_at_the_level_price_and_rests_with_the_rest():
    run = play(DEEP, place(2, 1, B, 103, 25))
    assert fills(run) == [(1, 102, 10, r.FILL_TAKE), (1, 103, 10, r.FILL_TAKE)]
    assert [(m.kind, m.state, m.leaves_lots, m.liquidity) for m in run.of(Report)] == [
        (r.ACKED, r.NEW, 25, 0),
        (r.TRADED, r.PARTIALLY_FILLED, 15, r.TAKER),
        (r.TRADED, r.PARTIALLY_FILLED, 5, r.TAKER),
    ]
    assert run.venue.orders[1].leaves == 5


def test_what_is_left_of_ioc_and_market_orders_expires():
    for tif in (r.IOC, r.MARKET):
        run = play(DEEP, place(2, 1, B, 102 if tif == r.IOC else 0, 35, tif))
        taken = 1 if tif == r.IOC else 3
        assert len(fills(run)) == taken
        assert reports(run)[-1] == (r.ENDED, 1, r.EXPIRED, r.NO_LIQUIDITY)
        assert run.of(Report)[-1].leaves_lots == 35 - 10 * taken
        assert not run.venue.orders


def test_a_filled_ioc_just_ends_filled():
    assert reports(play(DEEP, place(2, 1, B, 102, 10, r.IOC)))[-1] == (r.TRADED, 1, r.FILLED, r.FILL_TAKE)


def test_fok_fills_whole_or_not_at_all():
    assert reports(play(DEEP, place(2, 1, B, 103, 21, r.FOK))) == [refused(r.NO_LIQUIDITY, r.EXPIRED)]
    assert fills(play(DEEP, place(2, 1, B, 103, 20, r.FOK))) == [(1, 102, 10, 4), (1, 103, 10, 4)]


def test_post_only_expires_at_the_opposite_price_and_rests_before_it():
    assert reports(play(DEEP, place(2, 1, B, 102, 1, r.POST_ONLY))) == [refused(r.WOULD_CROSS, r.EXPIRED)]
    assert reports(play(DEEP, place(2, 1, B, 101, 1, r.POST_ONLY))) == [(r.ACKED, 1, r.NEW, 0)]


def test_taken_lots_are_gone_until_the_tape_touches_the_level():
    again = [row(10, r.DEPTH, A, 102, 10)]
    script = place(2, 1, B, 102, 10, r.IOC), place(3, 2, B, 102, 1, r.IOC)
    assert fills(play(book(), *script)) == [(1, 102, 10, 4)]
    assert fills(play([*book(), *again], *script, place(11, 3, B, 102, 12, r.IOC))) == [
        (1, 102, 10, 4),
        (3, 102, 10, 4),
    ]
    other = [row(10, r.DEPTH, A, 103, 10), row(10, r.TRADE, B, 102, 1)]
    assert fills(play([*book(), *other], *script, place(11, 3, B, 102, 1, r.IOC))) == [(1, 102, 10, 4)]


def test_post_only_looks_at_the_effective_book():
    run = play(DEEP, place(2, 1, B, 102, 10, r.IOC), place(3, 2, B, 102, 1, r.POST_ONLY))
    assert reports(run)[-1] == (r.ACKED, 2, r.NEW, 0)


@pytest.mark.parametrize(("price", "qty"), [(0, 1), (-5, 1), (100, 0), (100, -1)])
def test_price_and_quantity_must_be_positive(price, qty):
    assert reports(play(book(), place(2, 1, B, price, qty))) == [refused(r.OFF_GRID)]


def test_a_market_order_needs_no_price():
    assert fills(play(book(), place(2, 1, A, 0, 3, r.MARKET))) == [(1, 100, 3, r.FILL_TAKE)]


def test_limits_of_quantity_notional_and_number():
    assert reports(play(book(), place(2, 1, B, 100, 9), max_order_lots=8)) == [refused(r.MAX_QTY)]
    assert reports(play(book(), place(2, 1, B, 99, 1), min_notional_units=100)) == [refused(r.MIN_NOTIONAL)]
    assert reports(play(book(), place(2, 1, B, 100, 1), min_notional_units=100)) == [(r.ACKED, 1, r.NEW, 0)]
    three = [place(2, i, B, 90, 1) for i in (1, 2, 3)]
    assert reports(play(book(), *three, max_open_orders=2))[-1] == refused(r.TOO_MANY_ORDERS, order=3)


def test_minimum_notional_of_a_market_order_is_at_the_best_opposite_price():
    run = play(book(), place(2, 1, B, 0, 1, r.MARKET), place(2, 2, A, 0, 1, r.MARKET), min_notional_units=102)
    assert [m[0] for m in reports(run)] == [r.ACKED, r.TRADED, r.REFUSED]
    run = play([], place(2, 1, B, 0, 1, r.MARKET), min_notional_units=102)
    assert reports(run) == [(r.ACKED, 1, r.NEW, 0), (r.ENDED, 1, r.EXPIRED, r.NO_LIQUIDITY)]


def test_checks_come_in_their_order():
    every = {"max_order_lots": 8, "min_notional_units": 10**6, "self_trade": 0}
    assert reports(play(book(), place(2, 1, B, 0, 9), **every)) == [refused(r.OFF_GRID)]
    assert reports(play(book(), place(2, 1, B, 102, 9, r.POST_ONLY), **every)) == [refused(r.MAX_QTY)]
    assert reports(play(book(), place(2, 1, B, 102, 8, r.POST_ONLY), **every)) == [refused(r.MIN_NOTIONAL)]


def test_rate_limit_windows_are_aligned_and_count_every_request():
    limit = {"rate_limits": ((2, 100, 0),)}
    script = [place(90, 1, B, 90, 1), cancel(95, 7), cancel(99, 1), place(99, 2, B, 90, 1), cancel(100, 1)]
    assert reports(play(book(), *script, **limit)) == [
        (r.ACKED, 1, r.NEW, 0),
        (r.CANCEL_REFUSED, 7, r.NONE, r.UNKNOWN_ORDER),
        (r.CANCEL_REFUSED, 1, r.NEW, r.RATE_LIMIT),
        refused(r.RATE_LIMIT, order=2),
        (r.ENDED, 1, r.CANCELED, r.BY_REQUEST),
    ]


def test_the_rate_limit_refuses_amends():
    script = [place(2, 1, B, 90, 5), amend(3, 1, B, 91, 5)]
    run = play(book(), *script, rate_limits=((1, 100, 0),))
    assert reports(run)[-1] == (r.AMEND_REFUSED, 1, r.NEW, r.RATE_LIMIT)
    assert run.venue.orders[1].price == 90


def test_margin_counts_open_orders_and_lets_risk_shrink():
    run = play(book(), place(2, 1, B, 100, 10), place(3, 2, B, 100, 1), balance_units=1000, leverage=1)
    assert reports(run) == [(r.ACKED, 1, r.NEW, 0), refused(r.MARGIN, order=2)]
    # Long 10 at 100 in a market at 50: equity 1000 - 500. Selling 10 makes nothing worse, selling 21 does.
    rows = [
        *book(ask=100, bid=99),
        row(10, r.CLEAR, None, 0, 0),
        row(10, r.DEPTH, B, 49, 9),
        row(10, r.DEPTH, A, 51, 9),
    ]
    run = play(rows, place(2, 1, B, 100, 10), place(11, 2, A, 52, 10), place(12, 3, A, 52, 11), balance_units=1000)
    assert [m[:2] for m in reports(run)] == [(r.ACKED, 1), (r.TRADED, 1), (r.ACKED, 2), (r.REFUSED, 3)]


def test_self_trade_policies():
    script = place(2, 1, B, 100, 1), place(3, 2, A, 100, 1, r.POST_ONLY)
    empty = [row(1, r.DEPTH, A, 105, 5)]
    assert reports(play(empty, *script))[1:] == [refused(r.SELF_TRADE, order=2)]
    assert reports(play(empty, *script, self_trade=1))[1:] == [
        (r.ENDED, 1, r.CANCELED, r.SELF_TRADE),
        (r.ACKED, 2, r.NEW, 0),
    ]
    assert reports(play(empty, *script, self_trade=2))[1:] == [(r.ACKED, 2, r.NEW, 0)]


def test_a_market_order_reaches_own_orders_at_any_price():
    assert reports(play(book(), place(2, 1, B, 50, 1), place(3, 2, A, 0, 1, r.MARKET)))[1:] == [
        refused(r.SELF_TRADE, order=2)
    ]


def test_cancel_and_cancel_all():
    script = [place(2, 1, B, 99, 1), place(3, 2, A, 103, 2), place(4, 3, B, 98, 3), cancel(5, 2), cancel(6, 2)]
    assert reports(play(book(), *script, CANCEL_ALL))[3:] == [
        (r.ENDED, 2, r.CANCELED, r.BY_REQUEST),
        (r.CANCEL_REFUSED, 2, r.NONE, r.UNKNOWN_ORDER),
        (r.ENDED, 1, r.CANCELED, r.BY_REQUEST),
        (r.ENDED, 3, r.CANCELED, r.BY_REQUEST),
    ]


def test_cancel_all_goes_by_place_time_also_after_an_amend():
    script = [place(2, 1, B, 99, 1), place(3, 2, B, 98, 2), amend(4, 1, B, 97, 5), CANCEL_ALL]
    assert [m[1] for m in reports(play(book(), *script))[-2:]] == [1, 2]


def test_a_smaller_amend_keeps_the_place_and_others_lose_it():
    level = [row(2, r.DEPTH, B, 100, 30), row(10, r.TRADE, A, 100, 12)]
    keeps = [place(1, 1, B, 100, 5), amend(5, 1, B, 100, 4)]
    assert fills(play([*book(), *level], *keeps)) == [(1, 100, 2, r.FILL_QUEUE)]
    for qty, price in ((6, 100), (5, 99)):
        moved = [place(1, 1, B, 100, 5), amend(5, 1, B, price, qty), amend(6, 1, B, 100, 6)]
        assert fills(play([*book(), *level], *moved[: 2 + (price == 99)])) == []


def test_an_amend_below_what_is_executed_ends_the_order():
    rows = [*book(), row(10, r.TRADE, A, 100, 13)]
    run = play(rows, place(2, 1, B, 100, 5), amend(11, 1, B, 100, 3))
    assert reports(run)[-1] == (r.ENDED, 1, r.CANCELED, r.BY_REQUEST)
    run = play(rows, place(2, 1, B, 100, 5), amend(11, 1, B, 100, 4))
    assert run.of(Report)[-1].leaves_lots == 1
    assert reports(run)[-1] == (r.AMENDED, 1, r.PARTIALLY_FILLED, 0)


def test_an_amended_gtc_order_can_take_and_a_post_only_order_cannot():
    run = play(book(lots=3), place(2, 1, B, 99, 5), amend(3, 1, B, 102, 5))
    assert reports(run) == [(r.ACKED, 1, r.NEW, 0), (r.AMENDED, 1, r.NEW, 0), (r.TRADED, 1, r.PARTIALLY_FILLED, 4)]
    assert (run.venue.orders[1].price, run.venue.orders[1].leaves) == (102, 2)
    run = play(book(), place(2, 1, B, 99, 5, r.POST_ONLY), amend(3, 1, B, 102, 5, r.POST_ONLY))
    assert reports(run)[-1] == (r.AMEND_REFUSED, 1, r.NEW, r.WOULD_CROSS)
    assert run.venue.orders[1].price == 99


def test_self_trade_refuses_an_amend_under_policies_0_and_1():
    script = place(2, 1, B, 99, 5), place(3, 2, A, 103, 5), amend(4, 1, B, 103, 5)
    for policy in (0, 1):
        run = play([row(1, r.DEPTH, A, 110, 1)], *script, self_trade=policy)
        assert reports(run)[-1] == (r.AMEND_REFUSED, 1, r.NEW, r.SELF_TRADE)
    assert reports(play([row(1, r.DEPTH, A, 110, 1)], *script, self_trade=2))[-1] == (r.AMENDED, 1, r.NEW, 0)


def test_an_unknown_order_cannot_be_amended():
    assert reports(play(book(), amend(2, 5, B, 99, 5))) == [(r.AMEND_REFUSED, 5, r.NONE, r.UNKNOWN_ORDER)]
