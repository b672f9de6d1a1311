"""What requests do at the Venue where random flow seldom goes: amends in place, and the very edge of a fee tier."""

import pytest

from simcore.kernels import state as st
from simcore.records import ASK, BID, DEPTH, POST_ONLY, TRADE
from tests.regression.venue import Venue


@pytest.mark.parametrize(("price", "lots", "ahead"), [(10_000, 4, 10.0), (10_000, 5, 10.0), (10_000, 6, 30.0), (9_999, 4, 7.0)])
def test_an_amend_keeps_its_place_only_at_its_price_and_no_larger(price, lots, ahead):
    """We join behind 10; the level grows to 30: an amend to no more lots leaves 10 ahead, one that goes behind finds all."""
    venue = Venue(queue_model="risk_averse")
    venue.row(1, DEPTH, BID, 10_000, 10)
    venue.row(1, DEPTH, BID, 9_999, 7)
    venue.place(2, 1, BID, POST_ONLY, 10_000, 5)
    venue.row(3, DEPTH, BID, 10_000, 30)
    assert [(said.kind, said.price, said.qty, said.leaves) for said in venue.amend(4, 1, BID, POST_ONLY, price, lots)] == [
        ("AMENDED", price, lots, lots)
    ]
    assert venue.ahead(1) == ahead


def test_an_amended_order_stands_behind_its_brothers():
    """Two orders at a price; the first asks for more and goes behind the second, which then fills first."""
    venue = Venue(queue_model="front")
    venue.place(2, 1, BID, POST_ONLY, 10_000, 2)
    venue.place(2, 2, BID, POST_ONLY, 10_000, 2)
    venue.amend(3, 1, BID, POST_ONLY, 10_000, 3)
    assert [(said.order, said.qty) for said in venue.row(4, TRADE, ASK, 10_000, 3)] == [(2, 2), (1, 1)]


@pytest.mark.parametrize(("threshold", "fee"), [(9_999, 5), (10_000, 5), (10_001, 10)])
def test_a_fee_tier_begins_at_its_threshold(threshold, fee):
    """After a turnover of exactly 10,000 units the second fill of 10,000 pays the rate of the tier that begins there."""
    venue = Venue(queue_model="front", maker_rate=100_000)
    tier = st.P_TIER + 3
    venue.state.ints[0, st.P_TIERS] = 2
    venue.state.ints[0, tier : tier + 3] = threshold, 50_000, 50_000
    venue.place(2, 1, BID, POST_ONLY, 10_000, 2)
    venue.row(3, TRADE, ASK, 10_000, 1)
    assert venue.account().fees == 10
    venue.row(4, TRADE, ASK, 10_000, 1)
    assert venue.account().fees == 10 + fee
