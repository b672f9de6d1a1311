"""Faults that users met in other engines, each as an exact scenario here.

HB = nkaz001/hftbacktest, NT = nautechsystems/nautilus_trader, LN = QuantConnect/Lean, FX = FLOX-Foundation/flox,
HU = hummingbot/hummingbot, BB = c9s/bbgo; the number is the issue or pull request.
Every scenario also checks after each event that position, cash and fees are the sums of the fills (`venue.Venue`).
"""

from __future__ import annotations

import pytest

from simcore.records import (
    ASK,
    BEST,
    BID,
    CLEAR,
    DEPTH,
    FOK,
    FUNDING,
    GTC,
    IOC,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    MARKET,
    OWN_CANCEL,
    OWN_FILL,
    OWN_ORDER,
    POST_ONLY,
    SNAPSHOT,
    TRADE,
)
from tests.regression.venue import NOBODY, Event, Venue

MODELS = ("risk_averse", "power", "power2", "power3", "log", "log2")
BUYER, SELLER = BID, ASK  # the aggressor's side of a trade


def market(**settings: object) -> Venue:
    """Return a venue with bids 10000:10 9999:10 9998:7 and asks 10001:10 10002:5, one tick apart."""
    venue = Venue(**settings)  # type: ignore[arg-type]
    for price, lots in ((10000, 10), (9999, 10), (9998, 7)):
        venue.row(1, DEPTH, BID, price, lots)
    for price, lots in ((10001, 10), (10002, 5)):
        venue.row(1, DEPTH, ASK, price, lots)
    return venue


def kinds(events: list[Event]) -> list[str]:
    return [event.kind for event in events]


@pytest.mark.parametrize("model", MODELS)
def test_hb312_hb301_hb273_an_exact_last_fill_ends_the_order(model: str):
    """The trade that fills exactly what is left takes the order out; the next trade finds nothing and nothing stops."""
    venue = market(queue_model=model)
    venue.place(2, 1, BID, POST_ONLY, 10000, 5)
    assert venue.row(3, TRADE, SELLER, 10000, 15) == [Event("TRADED", 1, 10000, 5, 0, "FILLED", "queue")]
    assert venue.row(4, TRADE, SELLER, 10000, 3) == []
    assert venue.account().position == 5
    assert venue.account().open_orders == 0


@pytest.mark.parametrize("model", MODELS)
def test_hb316_hb299_hu4877_hu3681_every_partial_fill_reaches_position_cash_and_fees(model: str):
    """Fills of 2 and 3 lots move position, cash and fees when they happen, by what they are."""
    venue = market(queue_model=model, maker_rate=-5000)
    venue.place(2, 1, BID, POST_ONLY, 10000, 5)
    assert venue.row(3, TRADE, SELLER, 10000, 12) == [Event("TRADED", 1, 10000, 2, 3, "PARTIALLY_FILLED", "queue")]
    assert (venue.account().position, venue.account().cash, venue.account().fees) == (2, -20000, -1)
    assert venue.row(4, TRADE, SELLER, 10000, 3) == [Event("TRADED", 1, 10000, 3, 0, "FILLED", "queue")]
    assert (venue.account().position, venue.account().cash, venue.account().fees) == (5, -50000, -2)


def test_hb316_a_cancelled_rest_keeps_what_was_filled():
    """Two of five lots filled, the rest cancelled: two lots stay in the position."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 5)
    venue.row(3, TRADE, SELLER, 10000, 12)
    assert venue.cancel(4, 1) == [Event("ENDED", 1, 10000, 5, 3, "CANCELED", "by_request")]
    assert venue.account().position == 2


def test_hb_cancelling_a_filled_order_books_nothing_again():
    """A cancel of an order that has filled is refused, and the fill counts once."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 3)
    venue.row(3, TRADE, SELLER, 9999, 1)
    said = venue.cancel(4, 1)
    assert kinds(said) == ["CANCEL_REFUSED"]
    assert said[0].reason == "unknown_order"
    assert venue.account().position == 3


@pytest.mark.parametrize("side", [BID, ASK])
def test_hb298_an_order_keeps_its_side(side: int):
    """A buy is booked as a buy and a sale as a sale (the peer's submit_order sold always)."""
    venue = market()
    venue.place(2, 1, side, GTC, 10001 if side == BID else 10000, 2)
    assert venue.account().position == (2 if side == BID else -2)


def test_hb158_every_fill_carries_its_reason():
    """Fills without a trade at the price are named: by a trade through, and by the book crossing the order."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 1)
    venue.place(2, 2, BID, POST_ONLY, 9999, 1)
    assert [event.reason for event in venue.row(3, DEPTH, ASK, 10000, 4)] == ["book_cross"]
    assert [event.reason for event in venue.row(4, TRADE, SELLER, 9998, 1)] == ["trade_through"]
    venue.place(5, 3, BID, POST_ONLY, 9998, 1)
    assert [event.reason for event in venue.row(6, TRADE, SELLER, 9998, 8)] == ["queue"]


def test_hb158_a_cross_fills_no_more_than_the_row_shows():
    """One lot offered at our price of five fills one."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 5)
    assert venue.row(3, DEPTH, ASK, 10000, 1) == [Event("TRADED", 1, 10000, 1, 4, "PARTIALLY_FILLED", "book_cross")]


def test_nt4370_a_strangers_delete_takes_off_its_own_lots_only():
    """On an L3 tape an order deleted ahead of us moves us up by its lots, one behind us by nothing."""
    venue = Venue(queue_model="fifo")
    for order_id, lots in ((11, 4), (12, 6), (13, 5)):
        venue.row(1, L3_ADD, BID, 10000, lots, order_id)
    venue.place(2, 1, BID, POST_ONLY, 10000, 2)
    venue.row(3, L3_ADD, BID, 10000, 9, 14)
    assert venue.ahead(1) == 15
    venue.row(4, L3_REDUCE, BID, 10000, 6, 12)
    assert venue.ahead(1) == 9
    venue.row(5, L3_REDUCE, BID, 10000, 9, 14)
    assert venue.ahead(1) == 9
    assert venue.row(6, L3_EXEC, BID, 10000, 4, 11) == []
    assert venue.ahead(1) == 5


def test_nt2564_two_orders_do_not_fill_from_the_same_lots():
    """Behind 10 lots, a trade of 13 reaches three: the first order's three, and none of the second's."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 3)
    venue.place(2, 2, BID, POST_ONLY, 10000, 3)
    assert venue.row(3, TRADE, SELLER, 10000, 13) == [Event("TRADED", 1, 10000, 3, 0, "FILLED", "queue")]
    assert venue.account().position == 3


def test_nt2564_two_orders_do_not_cross_the_same_lots():
    """A row that shows four lots through two orders of three fills three and one."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 3)
    venue.place(2, 2, BID, POST_ONLY, 9999, 3)
    said = venue.row(3, DEPTH, ASK, 9999, 4)
    assert [(event.order, event.qty) for event in said] == [(1, 3), (2, 1)]


def test_nt3596_nt5017_taken_lots_are_gone_until_the_tape_refreshes_the_level():
    """Ten shown, ten taken: the next order finds none there; a row for the level brings it back."""
    venue = market()
    said = venue.place(2, 1, BID, IOC, 10001, 12)
    assert [(event.kind, event.qty) for event in said] == [("ACKED", 12), ("TRADED", 10), ("ENDED", 12)]
    assert kinds(venue.place(3, 2, BID, IOC, 10001, 1)) == ["ACKED", "ENDED"]
    venue.row(4, DEPTH, ASK, 10002, 6)
    assert kinds(venue.place(5, 3, BID, IOC, 10001, 1)) == ["ACKED", "ENDED"]
    venue.row(6, DEPTH, ASK, 10001, 2)
    assert kinds(venue.place(7, 4, BID, IOC, 10001, 1)) == ["ACKED", "TRADED"]


def test_ln963_hb_a_taker_gets_no_more_than_the_book_shows():
    """A market order for 50 takes 10 and 5, level by level; the rest ends."""
    venue = market()
    said = venue.place(2, 1, BID, MARKET, 0, 50)
    assert [(event.price, event.qty) for event in said if event.kind == "TRADED"] == [(10001, 10), (10002, 5)]
    assert (said[-1].kind, said[-1].state, said[-1].leaves) == ("ENDED", "EXPIRED", 35)


def test_hb_fill_or_kill_fills_whole_or_not_at_all():
    """Fifteen lots are there within the limit, sixteen are not."""
    assert kinds(market().place(2, 1, BID, FOK, 10002, 16)) == ["REFUSED"]
    assert kinds(market().place(2, 1, BID, FOK, 10002, 15)) == ["ACKED", "TRADED", "TRADED"]


def test_ln391_a_small_print_fills_no_more_than_it_holds():
    """At the front of the queue a print of one lot fills one of our five."""
    venue = market(queue_model="front")
    venue.place(2, 1, BID, POST_ONLY, 10000, 5)
    assert venue.row(3, TRADE, SELLER, 10000, 1) == [Event("TRADED", 1, 10000, 1, 4, "PARTIALLY_FILLED", "queue")]


def test_nt3596_a_print_leaves_the_book_to_the_rows_that_follow_it():
    """After a purchase of all that was offered, the offer is there until a row takes it away, and then it is not."""
    venue = market()
    venue.row(2, TRADE, BUYER, 10001, 10)
    assert [event.qty for event in venue.place(3, 1, BID, IOC, 10001, 4) if event.kind == "TRADED"] == [4]
    venue.row(4, DEPTH, ASK, 10001, 0)
    assert [event.price for event in venue.place(5, 2, BID, IOC, 10002, 1) if event.kind == "TRADED"] == [10002]


def test_nt5017_best_quotes_alone_are_consumed_and_refreshed():
    """On a tape of best quotes, ten shown lots fill ten once; the next best quote brings what it says."""
    venue = Venue()
    venue.row(1, BEST, BID, 10000, 10)
    venue.row(1, BEST, ASK, 10001, 10)
    assert kinds(venue.place(2, 1, BID, IOC, 10001, 10)) == ["ACKED", "TRADED"]
    assert kinds(venue.place(3, 2, BID, IOC, 10001, 1)) == ["ACKED", "ENDED"]
    venue.row(4, BEST, ASK, 10001, 3)
    assert [event.qty for event in venue.place(5, 3, BID, IOC, 10001, 9) if event.kind == "TRADED"] == [3]


def test_nt1733_a_limit_never_fills_beyond_its_price():
    """A marketable limit at the best stops there, although more is offered one tick on."""
    venue = market()
    said = venue.place(2, 1, BID, GTC, 10001, 12)
    assert [(event.price, event.qty) for event in said if event.kind == "TRADED"] == [(10001, 10)]
    assert venue.account().open_orders == 1


def test_nt1639_one_row_fills_an_order_once():
    """A trade through our price fills the order once, and the same print again fills nobody."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 2)
    assert kinds(venue.row(3, TRADE, SELLER, 9998, 50)) == ["TRADED"]
    assert venue.row(3, TRADE, SELLER, 9998, 50) == []


def test_ln1806_a_marketable_limit_pays_the_taker_fee():
    """Taking with a limit order costs 7 bps of its notional, not nothing."""
    venue = market(maker_rate=-5000, taker_rate=70_000)
    venue.place(2, 1, BID, GTC, 10001, 10)
    assert venue.account().fees == (10 * 10001 * 70_000 + 50_000_000) // 100_000_000


def test_ln1852_a_resting_limit_pays_the_maker_fee():
    """A resting order that fills earns the rebate, and each part of one order pays by what it did."""
    venue = market(maker_rate=-10_000, taker_rate=70_000)
    venue.place(2, 1, BID, GTC, 10001, 20)
    taken = venue.account().fees
    venue.row(3, TRADE, SELLER, 10001, 10)
    assert venue.account().position == 20
    assert venue.account().fees - taken == (10 * 10001 * -10_000 + 50_000_000) // 100_000_000


def test_nt725_a_fill_pays_its_fee_once():
    """Fee per lot: three lots in two fills cost three times the fee."""
    venue = market(fee_per_lot_units=4)
    venue.place(2, 1, BID, POST_ONLY, 10000, 3)
    venue.row(3, TRADE, SELLER, 10000, 11)
    venue.row(4, TRADE, SELLER, 10000, 2)
    assert venue.account().fees == 12


def test_fx469_ln5337_a_trade_reaches_one_side_only_and_fills_at_our_price():
    """A sale at our ask's price does not touch the ask; our bid fills at its own price, not at the touch."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 9999, 1)
    venue.place(2, 2, ASK, POST_ONLY, 10001, 1)
    said = venue.row(3, TRADE, SELLER, 9990, 100)
    assert [(event.order, event.price) for event in said] == [(1, 9999)]
    assert venue.account().open_orders == 1


def test_ln4445_bb2555_a_touch_with_a_queue_ahead_fills_nothing():
    """A print of ten at our price with ten ahead of us is theirs."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 1)
    assert venue.row(3, TRADE, SELLER, 10000, 10) == []
    assert len(venue.row(4, TRADE, SELLER, 10000, 1)) == 1


def test_hb_log_queue_keeps_its_place_at_the_front():
    """Cancellations that overshoot leave us at the front; the peer's log model gets NaN there and goes to the back."""
    venue = market(queue_model="log")
    venue.place(2, 1, BID, POST_ONLY, 10000, 1)
    venue.row(3, TRADE, SELLER, 10000, 9)
    venue.row(4, DEPTH, BID, 10000, 40)
    venue.row(5, DEPTH, BID, 10000, 4)
    front = venue.ahead(1)
    assert 0.0 <= front < 1.0
    venue.row(6, DEPTH, BID, 10000, 30)
    venue.row(7, DEPTH, BID, 10000, 20)
    assert venue.ahead(1) <= front


def test_hb_clear_leaves_the_next_level_as_the_best():
    """After bids down to 10000 are cleared, 9999 is the best: a post-only sale there would cross."""
    venue = market()
    venue.row(2, CLEAR, BID, 10000, 1)
    assert [event.reason for event in venue.place(3, 1, ASK, POST_ONLY, 9999, 1)] == ["would_cross"]
    assert kinds(venue.place(4, 2, ASK, POST_ONLY, 10000, 1)) == ["ACKED"]


def test_hb_clear_of_asks_removes_them():
    """Cleared asks are gone, however far the clear reaches."""
    venue = market()
    venue.row(2, CLEAR, ASK, 10002, 1)
    assert kinds(venue.place(3, 1, BID, IOC, 10002, 1)) == ["ACKED", "ENDED"]


def test_hb_snapshot_does_not_fill_or_reorder_resting_orders():
    """A clear and the same book again: no fill, and the place in the queue stays."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 1)
    venue.row(3, TRADE, SELLER, 10000, 4)
    ahead = venue.ahead(1)
    said = venue.row(4, CLEAR, BID, 9998, 1) + venue.row(4, CLEAR, ASK, 10002, 1)
    for side, price, lots in ((BID, 10000, 6), (BID, 9999, 10), (ASK, 10001, 10)):
        said += venue.row(4, SNAPSHOT, side, price, lots)
    assert said == []
    assert venue.ahead(1) == ahead


def test_hb_best_row_crosses_like_any_row():
    """A best ask at our bid fills us, whichever stream brought it first."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 2)
    assert [event.reason for event in venue.row(3, BEST, ASK, 10000, 9)] == ["book_cross"]


def test_hb_sideless_trade_takes_its_side_from_the_book():
    """A print without a side at the best bid is a sale; one inside the spread fills nobody."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 1)
    assert len(venue.row(3, TRADE, NOBODY, 9999, 1)) == 1
    wide = Venue()
    wide.row(1, DEPTH, BID, 9990, 5)
    wide.row(1, DEPTH, ASK, 10010, 5)
    wide.place(2, 1, BID, POST_ONLY, 9995, 1)
    assert wide.row(3, TRADE, NOBODY, 10000, 9) == []


def test_nt1484_longs_pay_positive_funding_and_shorts_receive_it():
    """One lot at a mark of 20000 and a rate of 1 bp: two units go from the long to the short."""
    for side, paid in ((BID, 2), (ASK, -2)):
        venue = market()
        venue.place(2, 1, side, IOC, 10001 if side == BID else 10000, 1)
        before = venue.account().cash
        said = venue.row(3, FUNDING, NOBODY, 20_000, 10_000)
        assert kinds(said) == ["FUNDED"]
        assert before - venue.account().cash == paid


def test_prediction_market_backtesting128_own_rows_of_a_fill_tape_are_not_the_market():
    """A public account's own orders and fills on the tape neither move the book nor fill ours."""
    venue = market()
    venue.place(2, 1, BID, POST_ONLY, 10000, 1)
    for kind in (OWN_ORDER, OWN_FILL, OWN_CANCEL):
        assert venue.row(3, kind, SELLER, 10000, 50, 7) == []
    assert venue.ahead(1) == 10
    assert venue.row(4, TRADE, SELLER, 10000, 10) == []


def test_an_amend_and_a_fill_that_meet_leave_one_truth():
    """An amend that arrives after a partial fill counts what has executed; one below that ends the order."""
    venue = market(queue_model="front")
    venue.place(2, 1, BID, POST_ONLY, 10000, 5)
    venue.row(3, TRADE, SELLER, 10000, 2)
    assert venue.amend(4, 1, BID, POST_ONLY, 10000, 4) == [Event("AMENDED", 1, 10000, 4, 2, "PARTIALLY_FILLED", "")]
    assert venue.amend(5, 1, BID, POST_ONLY, 10000, 2) == [Event("ENDED", 1, 10000, 4, 2, "CANCELED", "by_request")]
    assert venue.account().position == 2


def test_hu2183_orders_below_the_minimum_are_refused():
    """An order under the least notional is refused as the exchange would."""
    venue = market(min_notional_units=20_000)
    assert [event.reason for event in venue.place(2, 1, BID, POST_ONLY, 9999, 2)] == ["min_notional"]


def test_nt3914_hb325_orders_at_one_price_answer_in_their_order():
    """Many orders at a price fill in the order they came, every time (a hash table's order differs by run)."""
    for _ in range(3):
        venue = market()
        for order in range(12):
            venue.place(2, order, BID, POST_ONLY, 10000 - order % 3, 1)
        said = venue.row(3, TRADE, SELLER, 9000, 1)
        assert [event.order for event in said] == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]


def test_nt4891_nt2564_another_lane_changes_nothing():
    """A second lane that takes, rests and fills leaves the first lane's events as they were."""
    alone, beside = market(), market(lanes=2)
    for venue in (alone, beside):
        if venue is beside:
            venue.place(2, 5, BID, POST_ONLY, 10000, 4, lane=1)
            venue.place(2, 6, BID, IOC, 10001, 10, lane=1)
        venue.place(3, 1, BID, POST_ONLY, 10000, 2)
    first = alone.row(4, TRADE, SELLER, 10000, 11) + alone.place(5, 2, BID, IOC, 10001, 3)
    other = beside.row(4, TRADE, SELLER, 10000, 11) + beside.place(5, 2, BID, IOC, 10001, 3)
    assert [event for event in other if event.order in (1, 2)] == first
    assert alone.account() == beside.account(0)


def test_nt4062_cancel_all_ends_every_order_and_each_answers():
    """Nothing stays in flight or open: one answer an order, oldest first."""
    venue = market()
    for order in (1, 2, 3):
        venue.place(2, order, BID, POST_ONLY, 10000 - order, 1)
    assert [(e.kind, e.order) for e in venue.cancel_all(3)] == [("ENDED", 1), ("ENDED", 2), ("ENDED", 3)]
    assert venue.account().open_orders == 0
