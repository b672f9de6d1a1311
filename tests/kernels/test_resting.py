"""Icebergs in the queue, and orders that only reduce the position."""

import pytest

from simcore.kernels import state as st
from simcore.records import ASK, BID, DEPTH, FOK, GTC, IOC, L3_ADD, L3_EXEC, MARKET, POST_ONLY, STOP_MARKET, TRADE
from tests.regression.venue import Venue


def with_book(lots=10, **settings):
    settings = {"queue_model": "risk_averse", **settings}
    venue = Venue(**settings)
    venue.row(1, DEPTH, BID, 9_990, lots)
    venue.row(1, DEPTH, ASK, 10_010, lots)
    return venue


def filled(events):
    return [(event.price, event.qty, event.leaves, event.reason) for event in events if event.kind == "TRADED"]


# --- icebergs ------------------------------------------------------------------------------------------------


def test_the_next_part_of_an_iceberg_joins_at_the_back():
    """3 of 8 lots behind 10: a trade of 20 fills the 3 shown; the next 3 stand behind the 10 that the tape shows."""
    venue = with_book()
    venue.place(2, 1, BID, POST_ONLY, 9_990, 8, display=3)
    assert filled(venue.row(3, TRADE, ASK, 9_990, 20)) == [(9_990, 3, 5, "queue")]
    assert venue.ahead(1) == 10.0
    assert filled(venue.row(4, TRADE, ASK, 9_990, 12)) == [(9_990, 2, 3, "queue")]
    assert filled(venue.row(5, TRADE, ASK, 9_990, 12)) == [(9_990, 1, 2, "queue")]
    venue.row(6, DEPTH, BID, 9_990, 4)
    assert venue.ahead(1) == 4.0
    assert filled(venue.row(7, TRADE, ASK, 9_990, 5)) == [(9_990, 1, 1, "queue")]
    assert filled(venue.row(8, TRADE, ASK, 9_990, 5)) == [(9_990, 1, 0, "queue")]


def test_a_refilled_part_stands_behind_our_other_orders():
    venue = with_book(queue_model="front")
    venue.place(2, 1, BID, POST_ONLY, 9_990, 4, display=2)
    venue.place(2, 2, BID, POST_ONLY, 9_990, 4)
    assert [(event.order, event.qty) for event in venue.row(3, TRADE, ASK, 9_990, 3)] == [(1, 2), (2, 1)]
    assert [(event.order, event.qty) for event in venue.row(4, TRADE, ASK, 9_990, 4)] == [(2, 3), (1, 1)]


def test_a_trade_through_fills_the_hidden_part():
    venue = with_book()
    venue.place(2, 1, BID, GTC, 9_990, 8, display=3)
    assert filled(venue.row(3, TRADE, ASK, 9_989, 1)) == [(9_990, 8, 0, "trade_through")]


def test_a_book_that_comes_to_an_iceberg_takes_of_its_hidden_part():
    venue = with_book()
    venue.place(2, 1, BID, GTC, 9_990, 8, display=3)
    assert filled(venue.row(3, DEPTH, ASK, 9_990, 5)) == [(9_990, 5, 3, "book_cross")]
    assert int(venue.state.venue_orders[1]["shown_lots"]) == 3


def test_an_iceberg_takes_with_all_of_it_and_shows_a_part_of_the_rest():
    venue = with_book()
    assert filled(venue.place(2, 1, BID, GTC, 10_010, 15, display=2)) == [(10_010, 10, 5, "take")]
    venue.row(3, DEPTH, ASK, 10_010, 0)
    assert filled(venue.row(4, TRADE, ASK, 10_010, 9)) == [(10_010, 2, 3, "queue")]


def test_fill_whole_fills_the_shown_part():
    venue = with_book(queue_model="front", fill_whole=1)
    venue.place(2, 1, BID, GTC, 9_990, 8, display=3)
    assert filled(venue.row(3, TRADE, ASK, 9_990, 1)) == [(9_990, 3, 5, "queue")]


@pytest.mark.parametrize(("lots", "shown"), [(4, 3), (2, 2)])
def test_an_amend_in_place_shows_no_more_than_is_left(lots, shown):
    venue = with_book()
    venue.place(2, 1, BID, GTC, 9_990, 8, display=3)
    venue.amend(3, 1, BID, GTC, 9_990, lots)
    assert int(venue.state.venue_orders[1]["shown_lots"]) == shown


def test_an_iceberg_in_exact_queues_stands_behind_the_execution_that_used_it_up():
    """Orders 1 (5 lots), ours (2 of 6), 2 (4 lots): execution of 2 before its time fills us; we then stand behind what is left."""
    venue = Venue(queue_model="fifo")
    venue.state.clock[st.IS_L3] = 1
    venue.place(1, 1, BID, GTC, 9_990, 6, display=2)
    venue.row(2, L3_ADD, BID, 9_990, 4, 2)
    assert filled(venue.row(3, L3_EXEC, BID, 9_990, 3, 2)) == [(9_990, 2, 4, "queue")]
    assert venue.ahead(1) == 1.0
    venue.row(4, L3_ADD, BID, 9_990, 4, 3)
    venue.row(5, L3_EXEC, BID, 9_990, 1, 2)
    assert venue.ahead(1) == 0.0
    assert filled(venue.row(6, L3_EXEC, BID, 9_990, 1, 3)) == [(9_990, 1, 3, "queue")]


# --- reduce only -----------------------------------------------------------------------------------------------


def long_of(lots, **settings):
    venue = with_book(**settings)
    venue.place(2, 1, BID, MARKET, 0, lots)
    assert venue.account().position == lots
    return venue


@pytest.mark.parametrize("tif", [GTC, POST_ONLY, IOC, FOK, MARKET])
def test_an_order_that_would_not_reduce_is_refused(tif):
    for venue, side in ((with_book(), BID), (with_book(), ASK), (long_of(3), BID)):
        price = 9_995 if side == BID else 10_005
        assert [event.reason for event in venue.place(3, 2, side, tif, price, 1, reduce_only=1)] == ["reduce_only"]


def test_a_taker_is_cut_to_the_position_and_ends():
    for tif in (GTC, IOC, MARKET):
        venue = long_of(3)
        events = venue.place(3, 2, ASK, tif, 9_990, 5, reduce_only=1)
        assert [(event.kind, event.qty, event.leaves, event.state, event.reason) for event in events] == [
            ("ACKED", 5, 5, "NEW", ""),
            ("TRADED", 3, 2, "PARTIALLY_FILLED", "take"),
            ("ENDED", 5, 2, "CANCELED", "reduce_only"),
        ]
        assert (venue.account().position, venue.account().open_orders) == (0, 0)


def test_fok_needs_what_reduces_the_position_only():
    venue = long_of(3)
    venue.row(3, DEPTH, BID, 9_990, 4)
    assert [event.kind for event in venue.place(4, 2, ASK, FOK, 9_990, 9, reduce_only=1)] == ["ACKED", "TRADED", "ENDED"]


@pytest.mark.parametrize(("kind", "price", "lots"), [(TRADE, 10_006, 1), (TRADE, 10_005, 99), (DEPTH, 10_005, 99)])
def test_a_resting_order_is_cut_to_the_position_and_ends(kind, price, lots):
    """By a trade through it, a trade at its price, and a book that comes to it."""
    venue = long_of(3)
    venue.place(3, 2, ASK, POST_ONLY, 10_005, 5, reduce_only=1)
    events = venue.row(4, kind, BID, price, lots)
    assert [(event.kind, event.qty, event.leaves) for event in events] == [("TRADED", 3, 2), ("ENDED", 5, 2)]
    assert (venue.account().position, venue.account().open_orders) == (0, 0)


def test_an_order_whose_position_is_gone_ends_when_it_would_trade():
    venue = long_of(3)
    venue.place(3, 2, ASK, POST_ONLY, 10_005, 5, reduce_only=1)
    venue.place(4, 3, ASK, MARKET, 0, 3)
    assert venue.account().open_orders == 1
    assert [(event.kind, event.reason) for event in venue.row(5, TRADE, BID, 10_006, 1)] == [("ENDED", "reduce_only")]


def test_orders_that_only_reduce_need_no_margin_and_no_least_value():
    settings = {"balance_units": 40_000, "min_notional_units": 20_000}
    venue = long_of(3, **settings)
    assert venue.place(3, 2, ASK, POST_ONLY, 10_005, 1)[0].reason == "min_notional"
    assert venue.place(3, 2, ASK, POST_ONLY, 10_005, 9)[0].reason == "margin"
    assert venue.place(3, 2, ASK, POST_ONLY, 10_005, 1, reduce_only=1)[0].kind == "ACKED"
    assert venue.place(3, 3, ASK, POST_ONLY, 10_005, 9, reduce_only=1)[0].kind == "ACKED"
    assert int(venue.state.lanes["open_sell_lots"][0]) == 0


def test_a_stop_that_reduces_may_wait_without_a_position():
    """Its position is looked at when it fires."""
    venue = with_book()
    venue.row(2, TRADE, BID, 10_000, 1)
    assert venue.place(3, 1, ASK, STOP_MARKET, 0, 5, trigger=9_995, reduce_only=1)[0].kind == "ACKED"
    venue.place(4, 2, BID, MARKET, 0, 2)
    assert filled(venue.row(5, TRADE, ASK, 9_995, 1)) == [(9_990, 2, 3, "take")]
    venue.place(6, 3, ASK, STOP_MARKET, 0, 5, trigger=9_990, reduce_only=1)
    assert [event.reason for event in venue.row(7, TRADE, ASK, 9_990, 1)] == ["", "reduce_only"]
