"""Stop and take-profit orders: when they fire, what they become, and what refuses or ends them."""

import pytest

from simcore import records as r
from simcore.kernels import state as st
from simcore.records import (
    ASK,
    BID,
    DEPTH,
    GTC,
    L3_EXEC,
    POST_ONLY,
    STOP_LIMIT,
    STOP_MARKET,
    TAKE_PROFIT_LIMIT,
    TAKE_PROFIT_MARKET,
    TRADE,
)
from tests.oracle import engine_side
from tests.oracle.cases import END, row
from tests.oracle.node import Step
from tests.oracle.params import OracleParams
from tests.regression.venue import NOBODY, Venue


def with_book(lots=50, **settings):
    """Return a venue with two levels a side; the last trade was at 10,000."""
    venue = Venue(queue_model="risk_averse", **settings)
    for away in (10, 20):
        venue.row(1, DEPTH, BID, 10_000 - away, lots)
        venue.row(1, DEPTH, ASK, 10_000 + away, lots)
    venue.row(1, TRADE, BID, 10_000, 1)
    return venue


def said(events):
    return [(event.kind, event.state, event.reason) for event in events]


UP = [(STOP_MARKET, BID), (STOP_LIMIT, BID), (TAKE_PROFIT_MARKET, ASK), (TAKE_PROFIT_LIMIT, ASK)]
DOWN = [(STOP_MARKET, ASK), (STOP_LIMIT, ASK), (TAKE_PROFIT_MARKET, BID), (TAKE_PROFIT_LIMIT, BID)]


@pytest.mark.parametrize(
    ("tif", "side", "trigger", "before", "fires"),
    [(*each, 10_003, 10_002, 10_003) for each in UP] + [(*each, 9_997, 9_998, 9_997) for each in DOWN],
)
@pytest.mark.parametrize("of", [BID, ASK, NOBODY])
def test_a_trade_at_the_trigger_or_beyond_fires_the_order(tif, side, trigger, before, fires, of):
    """Stops buy at or above their trigger and sell at or below; take-profits the other way round; any aggressor fires."""
    for beyond in (0, 3):
        venue = with_book()
        limit = 9_900 if side == BID else 10_100
        assert said(venue.place(2, 1, side, tif, limit, 2, trigger=trigger)) == [("ACKED", "NEW", "")]
        assert venue.row(3, TRADE, of, before, 1) == []
        events = venue.row(4, TRADE, of, fires + (beyond if (tif, side) in UP else -beyond), 1)
        assert said(events)[0] == ("TRIGGERED", "NEW", "")
        if tif in (STOP_MARKET, TAKE_PROFIT_MARKET):
            assert [(event.kind, event.price, event.qty) for event in events[1:]] == [("TRADED", 10_010 if side == BID else 9_990, 2)]
        else:
            assert len(events) == 1
            assert venue.account().open_orders == 1


@pytest.mark.parametrize(("tif", "side", "trigger"), [(*each, 10_000) for each in UP + DOWN] + [(STOP_MARKET, BID, 9_999)])
def test_a_trigger_that_is_already_true_is_refused(tif, side, trigger):
    assert said(with_book().place(2, 1, side, tif, 10_000, 2, trigger=trigger)) == [("REFUSED", "REJECTED", "would_trigger")]


def test_without_a_trade_nothing_is_true_yet():
    venue = Venue(queue_model="risk_averse")
    assert venue.place(2, 1, BID, STOP_MARKET, 0, 2, trigger=1)[0].kind == "ACKED"


def test_a_waiting_order_takes_no_place_in_the_book():
    """It is no open order, reserves no margin, is no own order for self-trades, and the book does not fill it."""
    venue = with_book()
    venue.place(2, 1, BID, STOP_LIMIT, 10_005, 2, trigger=10_006)
    assert venue.account().open_orders == 0
    assert venue.place(3, 2, ASK, POST_ONLY, 10_005, 1)[0].kind == "ACKED"
    assert venue.row(4, TRADE, ASK, 10_001, 1) == []
    assert venue.account().position == 0


def test_a_triggered_limit_order_takes_what_it_reaches_and_rests():
    venue = with_book(lots=5)
    venue.place(2, 1, BID, STOP_LIMIT, 10_010, 8, trigger=10_005)
    events = venue.row(3, TRADE, BID, 10_006, 1)
    assert [(event.kind, event.qty, event.leaves) for event in events] == [("TRIGGERED", 8, 8), ("TRADED", 5, 3)]
    assert venue.row(4, TRADE, ASK, 10_009, 1)[0].leaves == 0


def test_what_a_triggered_market_order_does_not_find_expires():
    venue = with_book(lots=5)
    venue.place(2, 1, ASK, STOP_MARKET, 0, 12, trigger=9_995)
    events = venue.row(3, TRADE, ASK, 9_995, 1)
    assert [(event.kind, event.price, event.qty, event.leaves) for event in events] == [
        ("TRIGGERED", 0, 12, 12), ("TRADED", 9_990, 5, 7), ("TRADED", 9_980, 5, 2), ("ENDED", 0, 12, 2),
    ]  # fmt: skip


def test_orders_fire_in_order_of_placing_after_the_row():
    """The trade fills a resting order first; own trades of the fired orders trigger nothing."""
    venue = with_book()
    venue.place(2, 1, BID, POST_ONLY, 9_995, 1)
    venue.place(2, 2, ASK, STOP_MARKET, 0, 1, trigger=9_994)
    venue.place(2, 3, ASK, STOP_MARKET, 0, 1, trigger=9_996)
    venue.place(2, 4, ASK, STOP_MARKET, 0, 1, trigger=9_990)
    events = venue.row(3, TRADE, ASK, 9_994, 1)
    assert [(event.kind, event.order) for event in events] == [
        ("TRADED", 1), ("TRIGGERED", 2), ("TRADED", 2), ("TRIGGERED", 3), ("TRADED", 3),
    ]  # fmt: skip
    assert venue.events[-1].price == 9_990


def test_cancels_end_waiting_orders_and_amends_do_not_change_them():
    venue = with_book()
    for order in (1, 2, 3):
        venue.place(2, order, BID, STOP_MARKET, 0, 1, trigger=10_000 + 10 * order)
    assert said(venue.amend(3, 1, BID, STOP_MARKET, 10_020, 1)) == [("AMEND_REFUSED", "NEW", "not_supported")]
    assert said(venue.cancel(3, 1)) == [("ENDED", "CANCELED", "by_request")]
    assert venue.row(4, TRADE, BID, 10_015, 1) == []
    assert [event.order for event in venue.cancel_all(5)] == [2, 3]
    assert venue.row(6, TRADE, BID, 10_100, 1) == []


def test_only_so_many_orders_may_wait():
    venue = with_book(max_trigger_orders=1)
    venue.place(2, 1, BID, STOP_MARKET, 0, 1, trigger=10_020)
    assert said(venue.place(2, 2, BID, STOP_MARKET, 0, 1, trigger=10_030)) == [("REFUSED", "REJECTED", "too_many_open_orders")]
    assert venue.place(3, 3, BID, GTC, 9_900, 1)[0].kind == "ACKED"


@pytest.mark.parametrize(("trigger", "price"), [(0, 10_000), (-1, 10_000), (10_020, 0)])
def test_triggers_and_limits_must_be_positive(trigger, price):
    assert said(with_book().place(2, 1, BID, STOP_LIMIT, price, 1, trigger=trigger)) == [("REFUSED", "REJECTED", "off_tick_or_lot")]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"max_open_orders": 1}, "too_many_open_orders"), ({"balance_units": 1_000}, "margin"), ({"price_band": 10_000}, "price_band")],
)
def test_checks_of_the_book_come_when_the_order_fires(settings, reason):
    """What an order would meet on entering, it meets then, and ends: the exchange reserves nothing for it before."""
    venue = with_book(**settings)
    venue.place(2, 1, BID, POST_ONLY, 9_999, 0 if "balance_units" in settings else 1)
    assert venue.place(2, 2, BID, STOP_LIMIT, 9_900, 1, trigger=10_005)[0].kind == "ACKED"
    assert said(venue.row(3, TRADE, BID, 10_005, 1)) == [("TRIGGERED", "NEW", ""), ("ENDED", "EXPIRED", reason)]


def test_executions_trigger_on_tapes_of_orders():
    """There TRADE rows are for the Node alone."""
    venue = Venue(queue_model="fifo")
    venue.state.clock[st.IS_L3] = 1
    venue.row(1, 7, ASK, 10_010, 5, 77)
    venue.place(2, 1, BID, STOP_MARKET, 0, 1, trigger=10_010)
    assert venue.row(3, TRADE, BID, 10_010, 1) == []
    events = venue.row(4, L3_EXEC, ASK, 10_010, 2, 77)
    assert [(event.kind, event.price) for event in events] == [("TRIGGERED", 0), ("TRADED", 10_010)]
    assert venue.place(5, 2, BID, STOP_MARKET, 0, 1, trigger=10_010)[0].reason == "would_trigger"


def test_orders_of_several_lanes_fire_lane_by_lane():
    """Each takes from the whole book: lanes do not see each other."""
    venue = with_book(lots=5, lanes=2)
    venue.place(2, 1, ASK, STOP_MARKET, 0, 5, lane=1, trigger=9_995)
    venue.place(3, 2, ASK, STOP_MARKET, 0, 5, lane=0, trigger=9_996)
    assert venue.row(4, TRADE, ASK, 9_996, 1)[-1].order == 2
    assert [(event.order, event.kind, event.price) for event in venue.row(5, TRADE, ASK, 9_990, 1)] == [
        (1, "TRIGGERED", 0), (1, "TRADED", 9_990),
    ]  # fmt: skip


def test_a_triggered_order_may_take_more_levels_than_the_tables_hold():
    """They grow before it fires: 300 levels, where 256 fit."""
    rows = [row(1, r.DEPTH, ASK, 10_000 + i, 1) for i in range(400)]
    rows += [row(5, TRADE, BID, 10_000, 1), END]
    script = [Step(3, r.PLACE, 1, BID, STOP_MARKET, 0, 300, 10_000)]
    p = OracleParams(max_open_orders=4)
    assert engine_side.first_difference(rows, p, script)[0] is None
    fills = engine_side.engine_timeline(rows, p, script).streams["fills"]
    assert (len(fills), int(fills["price_ticks"][-1])) == (300, 10_299)
