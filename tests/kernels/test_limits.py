"""The Venue's rules about requests and values: windows and bans, bands, sizes, amends, orders of our own."""

import pytest

from simcore.records import ASK, BID, DEPTH, FOK, GTC, IOC, MARKET, POST_ONLY, STOP_LIMIT, STOP_MARKET
from tests.regression.venue import Venue


def with_book(bid=9_990, ask=10_010, lots=50, **settings):
    """Return a venue with one level a side."""
    venue = Venue(queue_model="risk_averse", **settings)
    venue.row(1, DEPTH, BID, bid, lots)
    venue.row(1, DEPTH, ASK, ask, lots)
    return venue


def said(events):
    return [(event.kind, event.reason) for event in events]


REFUSED = "REFUSED"


def test_a_request_over_the_limit_starts_a_ban():
    """Two requests a window of 100 ns; the third, at 103, is refused and everything until 103 + 250, cancels included."""
    venue = with_book(rate_limit_count=2, rate_window_ns=100, rate_penalty_ns=250)
    assert said(venue.place(101, 1, BID, GTC, 9_900, 1)) == [("ACKED", "")]
    assert said(venue.cancel(102, 7)) == [("CANCEL_REFUSED", "unknown_order")]
    assert said(venue.place(103, 2, BID, GTC, 9_900, 1)) == [(REFUSED, "rate_limit")]
    assert said(venue.cancel(352, 1)) == [("CANCEL_REFUSED", "rate_limit")]
    assert said(venue.cancel(353, 1)) == [("ENDED", "by_request")]


def test_requests_during_a_ban_do_not_prolong_it():
    venue = with_book(rate_limit_count=1, rate_window_ns=100, rate_penalty_ns=150)
    for order, (at, reason) in enumerate(((101, ""), (102, "rate_limit"), (210, "rate_limit"), (251, "rate_limit"), (300, ""))):
        assert [event.reason for event in venue.place(at, order, BID, GTC, 9_900, 1)] == [reason], at


def test_every_window_must_hold():
    """Three a 100 ns and four a 1000 ns: the fifth request of the long window is refused though the short one has room."""
    venue = with_book(rate_limit_count=3, rate_window_ns=100)
    rate = venue.rates(1)
    rate[:] = 4, 1_000, 0
    times = (1, 2, 3, 150, 151, 950, 1_000)
    assert [venue.place(at, i + 1, BID, GTC, 9_900, 1)[0].reason for i, at in enumerate(times)] == [
        "", "", "", "", "rate_limit", "rate_limit", "",
    ]  # fmt: skip


def test_the_longest_penalty_of_the_broken_limits_holds():
    venue = with_book(rate_limit_count=1, rate_window_ns=100, rate_penalty_ns=10)
    venue.rates(1)[:] = 1, 100, 40
    times = (1, 2, 11, 41, 42, 100)  # a ban from 2 to 42, and another
    assert [venue.place(at, i + 1, BID, GTC, 9_900, 1)[0].reason for i, at in enumerate(times)] == [
        "", "rate_limit", "rate_limit", "rate_limit", "rate_limit", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("price", "reason"), [(9_500, ""), (9_499, "price_band"), (10_500, ""), (10_501, "price_band")]
)
@pytest.mark.parametrize("side", [BID, ASK])
def test_a_price_band_holds_on_both_sides_of_the_mid(side, price, reason):
    """5 % of a mid of 10,000 are 500 ticks."""
    venue = with_book(lots=1, price_band=5_000_000)
    assert venue.place(2, 1, side, GTC, price, 3)[0].reason == reason


def test_a_price_band_needs_a_mid_and_a_price():
    venue = Venue(queue_model="risk_averse", price_band=100_000)
    assert venue.place(2, 1, BID, GTC, 9_000, 1)[0].kind == "ACKED"
    venue = with_book(price_band=100_000)
    assert said(venue.place(2, 1, BID, MARKET, 0, 1)) == [("ACKED", ""), ("TRADED", "take")]


def test_a_price_band_refuses_amends_and_looks_at_half_ticks():
    """0.1 % of a mid of 9,999.5 are 9.9995 ticks, in half ticks 20: prices up to 10 ticks away are allowed."""
    venue = with_book(bid=9_989, price_band=100_000)
    assert venue.place(2, 1, BID, POST_ONLY, 9_990, 1)[0].kind == "ACKED"
    assert said(venue.amend(3, 1, BID, POST_ONLY, 9_989, 1)) == [("AMEND_REFUSED", "price_band")]
    assert said(venue.amend(4, 1, BID, POST_ONLY, 10_009, 1)) == [("AMENDED", "")]


def test_too_few_lots_are_refused():
    venue = with_book(min_lots=3)
    assert said(venue.place(2, 1, BID, GTC, 9_900, 2)) == [(REFUSED, "min_qty")]
    assert said(venue.place(2, 1, BID, GTC, 9_900, 3)) == [("ACKED", "")]
    assert said(venue.amend(3, 1, BID, GTC, 9_900, 2)) == [("AMEND_REFUSED", "min_qty")]


def test_a_venue_may_refuse_all_amends():
    venue = with_book(no_amend=1)
    venue.place(2, 1, BID, GTC, 9_900, 2)
    assert said(venue.amend(3, 1, BID, GTC, 9_900, 1)) == [("AMEND_REFUSED", "not_supported")]
    assert said(venue.amend(3, 2, BID, GTC, 9_900, 1)) == [("AMEND_REFUSED", "unknown_order")]


@pytest.mark.parametrize(("to_back", "ahead"), [(0, 50.0), (1, 80.0)])
def test_a_smaller_amend_keeps_its_place_where_the_venue_says_so(to_back, ahead):
    venue = with_book(amend_to_back=to_back)
    venue.place(2, 1, BID, POST_ONLY, 9_990, 5)
    venue.row(3, DEPTH, BID, 9_990, 80)
    venue.amend(4, 1, BID, POST_ONLY, 9_990, 4)
    assert venue.ahead(1) == ahead


def test_cancel_both_ends_the_first_resting_order_and_the_new_one():
    """The best of the reached orders ends, the others stay; an amend is refused and ends none."""
    venue = Venue(queue_model="risk_averse", self_trade=3)
    venue.place(2, 1, ASK, POST_ONLY, 10_010, 1)
    venue.place(2, 2, ASK, POST_ONLY, 10_005, 1)
    venue.place(2, 3, BID, POST_ONLY, 10_000, 1)
    assert said(venue.amend(3, 3, BID, POST_ONLY, 10_010, 1)) == [("AMEND_REFUSED", "self_trade")]
    events = venue.place(4, 4, BID, GTC, 10_010, 1)
    assert [(event.kind, event.order, event.state, event.reason) for event in events] == [
        ("ENDED", 2, "CANCELED", "self_trade"),
        ("REFUSED", 4, "REJECTED", "self_trade"),
    ]
    assert venue.account().open_orders == 2


@pytest.mark.parametrize("tif", [IOC, FOK, MARKET, STOP_MARKET, STOP_LIMIT])
def test_only_orders_that_rest_have_a_part_to_show(tif):
    venue = with_book()
    assert said(venue.place(2, 1, BID, tif, 10_000, 3, trigger=10_100, display=1)) == [(REFUSED, "not_supported")]


def test_a_negative_part_to_show_is_refused():
    assert said(with_book().place(2, 1, BID, GTC, 9_900, 3, display=-1)) == [(REFUSED, "off_tick_or_lot")]


@pytest.mark.parametrize(("side", "trigger"), [(ASK, 9_000), (BID, 11_000)])
@pytest.mark.parametrize(("lots", "reason"), [(1, "min_notional"), (2, "min_notional"), (3, "")])
def test_a_stop_is_worth_its_trigger(side, trigger, lots, reason):
    """At market it has no price: two lots at 9,000 or at 11,000 are worth less than 24,000, three are not."""
    venue = with_book(min_notional_units=24_000)
    assert [event.reason for event in venue.place(2, 1, side, STOP_MARKET, 0, lots, trigger=trigger)] == [reason]


def test_an_order_that_cannot_make_the_position_larger_needs_no_margin():
    """Three lots long, and the market has fallen: to sell three is free, even if they are worth more than the equity; four more are not."""
    venue = with_book(balance_units=30_040)
    venue.place(2, 1, BID, MARKET, 0, 3)
    venue.row(3, DEPTH, BID, 9_990, 0)
    venue.row(3, DEPTH, BID, 9_500, 50)
    venue.row(3, DEPTH, ASK, 9_510, 50)
    assert said(venue.place(4, 2, ASK, GTC, 9_900, 7)) == [(REFUSED, "margin")]
    assert said(venue.place(5, 3, ASK, GTC, 9_900, 3)) == [("ACKED", "")]
