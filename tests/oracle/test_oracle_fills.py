"""Facts about fills of resting orders and about money, semantics 4.4 and 4.6."""

import pytest

from simcore import records as r
from tests.oracle.account import Account, notional_units, position_value, round_rate
from tests.oracle.cases import A, B, book, fills, place, play, row
from tests.oracle.messages import Fill, Report
from tests.oracle.params import INVERSE, OracleParams


def test_a_print_through_our_price_fills_everything_better():
    run = play(
        [*book(), row(10, r.TRADE, A, 98, 1)], place(2, 1, B, 98, 7), place(3, 2, B, 99, 7), place(4, 3, B, 101, 7)
    )
    assert fills(run) == [(3, 101, 7, r.FILL_THROUGH), (2, 99, 7, r.FILL_THROUGH), (1, 98, 1, r.FILL_QUEUE)]


def test_a_book_that_comes_to_us_fills_what_it_shows_best_price_first():
    rows = [*book(), row(10, r.DEPTH, A, 100, 5)]
    run = play(rows, place(2, 1, B, 100, 4), place(3, 2, B, 101, 3), place(4, 3, B, 100, 9))
    assert fills(run) == [(2, 101, 3, r.FILL_CROSS), (1, 100, 2, r.FILL_CROSS)]
    assert [(f.bid_ticks, f.ask_ticks) for f in run.of(Fill)] == [(100, 102)] * 2  # before the row
    whole = play(rows, place(2, 1, B, 100, 4), place(3, 2, B, 101, 3), place(4, 3, B, 100, 9), cross_fill_whole=True)
    assert fills(whole) == [(2, 101, 3, r.FILL_CROSS), (1, 100, 4, r.FILL_CROSS), (3, 100, 9, r.FILL_CROSS)]


def test_what_a_cross_took_is_taken():
    rows = [*book(), row(10, r.BEST, A, 100, 5)]
    run = play(rows, place(2, 1, B, 100, 4), place(11, 2, B, 100, 9, r.IOC))
    assert fills(run) == [(1, 100, 4, r.FILL_CROSS), (2, 100, 1, r.FILL_TAKE)]


def test_reductions_and_empty_rows_never_cross():
    rows = [row(1, r.L3_ADD, A, 102, 5, 1), row(10, r.DEPTH, A, 100, 0), row(11, r.L3_REDUCE, A, 100, 5, 9)]
    assert fills(play(rows, place(2, 1, B, 100, 4), l3=True)) == []
    rows += [row(12, r.L3_ADD, A, 99, 3, 10)]
    assert fills(play(rows, place(2, 1, B, 100, 4), l3=True)) == [(1, 100, 3, r.FILL_CROSS)]


@pytest.mark.parametrize(("price", "filled"), [(100, [1]), (99, [1]), (101, []), (102, [2]), (103, [2])])
def test_a_print_without_a_side_is_read_from_the_book(price, filled):
    run = play([*book(lots=1), row(10, r.TRADE, None, price, 9)], place(2, 1, B, 100, 1), place(2, 2, A, 102, 1))
    assert [f[0] for f in fills(run)] == filled


def test_notional_is_rounded_for_inverse_contracts_only():
    assert notional_units(OracleParams(value_scale=7), 100, 3) == 2100
    inverse = OracleParams(kind=INVERSE, value_scale=1000)
    assert [notional_units(inverse, price, 1) for price in (3, 16, 17, 2000, 2001)] == [333, 63, 59, 1, 0]


def test_fees_round_half_up_and_rebates_are_negative():
    assert [round_rate(units, 50_000_000) for units in (1, 2, 3)] == [1, 1, 2]
    assert [round_rate(units, -50_000_000) for units in (1, 2, 3)] == [0, -1, -1]


def test_fees_follow_the_tier_before_the_fill():
    p = OracleParams(tiers=((0, 1_000_000, 2_000_000), (1000, -1_000_000, 0)), fee_per_lot_units=3)
    account = Account(p)
    assert account.fee(100, 10, r.MAKER) == 10 + 30
    assert account.fee(100, 10, r.TAKER) == 20 + 30
    account.book_fill(B, 100, 10, 40)
    assert account.fee(100, 10, r.MAKER) == -10 + 30
    assert Account(OracleParams(tiers=p.tiers, initial_turnover_units=999)).fee(100, 1, r.MAKER) == 1


def test_partial_fills_reach_position_cash_and_fees_at_venue_and_node():
    rows = [*book(lots=1), row(10, r.TRADE, A, 100, 3), row(11, r.TRADE, A, 100, 1)]
    run = play(rows, place(2, 1, B, 100, 9), tiers=((0, 10_000_000, 0),))
    for account in (run.venue.account, run.node.account):
        assert (account.position, account.cash, account.fees, account.turnover) == (3, -300, 30, 300)
    assert [(f.qty_lots, f.leaves_lots, f.position_lots) for f in run.of(Fill)] == [(2, 7, 2), (1, 6, 3)]


def test_inverse_buys_receive_coins():
    account = Account(OracleParams(kind=INVERSE, value_scale=10_000))
    account.book_fill(B, 100, 2, 0)
    account.book_fill(A, 125, 1, 0)
    assert (account.position, account.cash) == (1, 200 - 80)
    assert account.equity(100, 100) == 120 - 100


def test_equity_of_a_position_is_rounded_down():
    linear, inverse = OracleParams(), OracleParams(kind=INVERSE, value_scale=1000)
    assert [position_value(linear, lots, 100, 101) for lots in (1, -1)] == [100, -101]
    assert [position_value(inverse, lots, 3, 4) for lots in (1, -1)] == [-286, 285]


@pytest.mark.parametrize(("side", "rate", "paid"), [(B, 10_000, 1), (A, 10_000, -1), (B, -10_000, -1), (A, -10_000, 1)])
def test_longs_pay_positive_funding(side, rate, paid):
    price = 102 if side == B else 100
    rows = [*book(), row(10, r.FUNDING, None, 100, rate)]
    run = play(rows, place(2, 1, side, price, 100, r.IOC), value_scale=10)
    report = run.of(Report)[-1]
    assert (report.kind, report.fee_units) == (r.FUNDED, paid)
    notional = 10 * price * 10 * (1 if side == A else -1)
    assert run.venue.account.cash == run.node.account.cash == notional - paid


def test_funding_without_a_position_says_nothing():
    assert play([*book(), row(10, r.FUNDING, None, 100, 10_000)]).of(Report) == []
