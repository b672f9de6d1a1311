"""What a lane has taken of a level is not there for it again, until the tape sets or clears the level."""

from __future__ import annotations

import pytest

from simcore.kernels import state as st
from simcore.records import ASK, BID, CLEAR, DEPTH, FOK, GTC, IOC, POST_ONLY, TRADE
from tests.regression.venue import NOBODY, Venue

LEVELS = range(3)


def with_book(lots=10, lanes=1, **settings):
    """Three levels a side: bids from 9,990 down, asks from 10,010 up."""
    venue = Venue(lanes=lanes, queue_model="risk_averse", **settings)
    for level in LEVELS:
        venue.row(1, DEPTH, BID, 9_990 - level, lots)
        venue.row(1, DEPTH, ASK, 10_010 + level, lots)
    return venue


def price_of(side, level=0):
    """Return the price of a level that an order of this side takes from."""
    return 10_010 + level if side == BID else 9_990 - level


def filled(events):
    return [(event.price, event.qty) for event in events if event.kind == "TRADED"]


def takes(venue, order, side, lots, level=2, lane=0, tif=IOC):
    """Return what an order takes down to a level."""
    return filled(venue.place(5, order, side, tif, price_of(side, level), lots, lane))


def kept(venue):
    """Return what the table holds: (lane, side, price, lots) of each entry, in order."""
    entries = venue.state.taken[: int(venue.state.clock[st.TAKEN_COUNT])]
    return sorted(tuple(int(entry[name]) for name in ("lane", "side", "price_ticks", "taken_lots")) for entry in entries)


SIDES = pytest.mark.parametrize("side", [BID, ASK])


@SIDES
def test_what_was_taken_is_not_there_again(side):
    """Two takes at a level add up, and a level that is taken up is passed by."""
    venue = with_book()
    assert takes(venue, 1, side, 4) == [(price_of(side), 4)]
    assert takes(venue, 2, side, 4) == [(price_of(side), 4)]
    assert takes(venue, 3, side, 4) == [(price_of(side), 2), (price_of(side, 1), 2)]
    assert takes(venue, 4, side, 20) == [(price_of(side, 1), 8), (price_of(side, 2), 10)]
    assert takes(venue, 5, side, 1) == []


@SIDES
def test_a_post_only_order_may_stand_where_the_lane_has_taken_all(side):
    """For this lane the level is empty; for another one it would cross."""
    venue = with_book(lanes=2)
    takes(venue, 1, side, 10)
    assert venue.place(6, 2, side, POST_ONLY, price_of(side), 1, 1)[0].reason == "would_cross"
    assert venue.place(6, 2, side, POST_ONLY, price_of(side), 1, 0)[0].kind == "ACKED"


@SIDES
def test_lanes_take_for_themselves(side):
    venue = with_book(lanes=3)
    for lane, lots in ((0, 7), (1, 2)):
        assert takes(venue, 1, side, lots, lane=lane) == [(price_of(side), lots)]
    assert takes(venue, 2, side, 10, level=0, lane=2) == [(price_of(side), 10)]
    assert takes(venue, 2, side, 10, level=0, lane=1) == [(price_of(side), 8)]
    assert takes(venue, 2, side, 10, level=0, lane=0) == [(price_of(side), 3)]


@SIDES
def test_a_level_that_is_set_is_there_again_and_others_stay_taken(side):
    """Entries that move into the place of one that went keep their lots."""
    venue = with_book()
    takes(venue, 1, side, 25)
    opposite = ASK if side == BID else BID
    venue.row(6, DEPTH, opposite, price_of(side), 6)
    assert kept(venue) == sorted([(0, opposite, price_of(side, 1), 10), (0, opposite, price_of(side, 2), 5)])
    assert takes(venue, 2, side, 9) == [(price_of(side), 6), (price_of(side, 2), 3)]
    venue.row(7, DEPTH, opposite, price_of(side, 1), 2)
    assert takes(venue, 3, side, 9) == [(price_of(side, 1), 2), (price_of(side, 2), 2)]


@SIDES
def test_a_clear_forgets_what_was_taken_down_to_its_bound(side):
    """The bound included, what lies behind it not, and the other side not."""
    venue = with_book()
    opposite, other = (ASK, BID) if side == BID else (BID, ASK)
    takes(venue, 1, side, 25)
    takes(venue, 2, opposite, 3)
    venue.row(6, CLEAR, opposite, price_of(side, 1), 1)
    assert kept(venue) == sorted([(0, opposite, price_of(side, 2), 5), (0, other, price_of(opposite), 3)])
    assert takes(venue, 3, side, 9) == [(price_of(side, 2), 5)]


@pytest.mark.parametrize("how", [BID, ASK, NOBODY])
def test_a_clear_of_a_side_or_both_forgets_all_of_them(how):
    """So that the table does not fill with levels that are gone."""
    venue = with_book()
    takes(venue, 1, BID, 25)
    takes(venue, 2, ASK, 25)
    venue.row(6, CLEAR, how, 0, 0)
    assert {entry[1] for entry in kept(venue)} == {BID: {ASK}, ASK: {BID}, NOBODY: set()}[how]


@SIDES
def test_the_reach_of_taken_levels_lasts_as_long_as_one_of_them(side):
    """Rows at a level that is still taken are not passed by as plain ones once another was refreshed."""
    venue = with_book()
    opposite = ASK if side == BID else BID
    takes(venue, 1, side, 25)
    venue.row(6, DEPTH, opposite, price_of(side), 10)
    venue.row(7, DEPTH, opposite, price_of(side, 1), 10)
    venue.row(8, DEPTH, opposite, price_of(side, 2), 10)
    assert kept(venue) == []
    assert takes(venue, 2, side, 30) == [(price_of(side, level), 10) for level in LEVELS]


@SIDES
def test_a_book_that_comes_to_our_order_is_taken_by_it(side):
    """What filled us is not there for our next order."""
    venue = with_book()
    inside = 10_000
    venue.place(2, 1, side, GTC, inside, 4)
    opposite = ASK if side == BID else BID
    assert filled(venue.row(3, DEPTH, opposite, inside, 7)) == [(inside, 4)]
    assert filled(venue.place(4, 2, side, IOC, inside, 9)) == [(inside, 3)]


def test_orders_of_one_lane_share_what_a_crossing_level_shows():
    venue = with_book()
    venue.place(2, 1, BID, GTC, 10_001, 4)
    venue.place(2, 2, BID, GTC, 10_000, 4)
    assert filled(venue.row(3, DEPTH, ASK, 10_000, 5)) == [(10_001, 4), (10_000, 1)]


@SIDES
def test_fill_or_kill_sees_what_is_left(side):
    venue = with_book()
    takes(venue, 1, side, 6)
    assert takes(venue, 2, side, 25, tif=FOK) == []
    assert takes(venue, 3, side, 24, tif=FOK) == [(price_of(side), 4), (price_of(side, 1), 10), (price_of(side, 2), 10)]


def test_a_trade_takes_nothing_from_what_is_shown():
    """Only the level's own row says what is left of it."""
    venue = with_book()
    venue.place(2, 1, ASK, GTC, 10_010, 2)
    venue.row(3, TRADE, BID, 10_011, 1)
    assert kept(venue) == []
