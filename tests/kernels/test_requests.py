"""What requests do at the Venue where random flow seldom goes: amends in place, and the very edge of a fee tier."""

import pytest

from simcore.kernels import state as st
from simcore.records import ASK, BID, DEPTH, GTC, POST_ONLY, TRADE
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


@pytest.mark.parametrize(("policy", "lots"), [(1, 4), (3, 4)])
@pytest.mark.parametrize("amends", [False, True])
def test_own_orders_in_the_way_end_in_the_order_of_their_places(policy, lots, amends):
    """Best price first, then the older, and an order that went to the back is younger; of both sides only the first ends."""
    venue = Venue(queue_model="front", self_trade=policy)
    venue.place(2, 1, ASK, GTC, 10_001, 2)
    venue.place(2, 2, ASK, GTC, 10_000, 2)
    venue.place(2, 3, ASK, GTC, 10_000, 2)
    if amends:
        venue.amend(3, 2, ASK, GTC, 10_000, 3)
    said = venue.place(4, 4, BID, GTC, 10_001, lots)
    ended = [event.order for event in said if event.kind == "ENDED"]
    expected = [3, 2, 1] if amends else [2, 3, 1]
    assert ended == (expected if policy == 1 else expected[:1])
    assert {event.reason for event in said if event.kind == "ENDED"} == {"self_trade"}


@pytest.mark.parametrize(("lots", "kind", "leaves"), [(1, "ENDED", 3), (2, "ENDED", 3), (3, "AMENDED", 1), (5, "AMENDED", 3)])
def test_an_amend_to_what_was_executed_ends_the_order(lots, kind, leaves):
    """Two of five lots are filled: an amend to two or fewer leaves nothing to work."""
    venue = Venue(queue_model="front")
    venue.place(2, 1, BID, POST_ONLY, 10_000, 5)
    venue.row(3, TRADE, ASK, 10_000, 2)
    said = venue.amend(4, 1, BID, POST_ONLY, 10_000, lots)
    assert [(event.kind, event.leaves) for event in said] == [(kind, leaves)]
    assert venue.account().open_orders == (kind == "AMENDED")
