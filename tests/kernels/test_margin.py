"""What falls due at the Venue: timed funding, and liquidations worked out by hand."""

import numpy as np
import pytest

from simcore import records as r
from simcore.records import ASK, BID, DEPTH, FUNDING, GTC, MARKET, POST_ONLY, STOP_MARKET, TRADE
from simcore.units import INVERSE
from tests.oracle import engine_side
from tests.oracle.cases import END, book, place, row
from tests.oracle.params import OracleParams
from tests.regression.venue import NOBODY, Venue

TENTH = 10_000_000  # 10 %, in 1e-8
RATES = {"queue_model": "risk_averse", "leverage": 100, "maintenance": TENTH, "liquidation_fee": 500_000, "margin_ns": 100}


def move(venue, at, bid, ask, bid_lots=50, ask_lots=50):
    """Let the market be at other prices, with one level a side."""
    for side, price, lots in ((BID, bid, bid_lots), (ASK, ask, ask_lots)):
        venue.row(at, 4, side, 0, 0)
        venue.row(at, DEPTH, side, price, lots)


def long_of_ten(**settings):
    """Ten lots bought at 11,000: cash is -110,000; with a balance of 20,000 equity is 10 x mid - 90,000."""
    venue = Venue(**{**RATES, "balance_units": 20_000, **settings})
    move(venue, 1, 10_990, 11_000)
    venue.place(2, 1, BID, MARKET, 0, 10)
    assert venue.account().cash == -110_000
    return venue


# --- liquidation -----------------------------------------------------------------------------------------------


def test_a_position_is_closed_when_equity_is_below_its_maintenance_margin():
    """10 % of ten lots at a mid of 10,000 are 10,000, and so is equity: that is enough. Half a tick lower it is not.

    Then equity is 9,995 and the margin 9,999.5, rounded 10,000. Six lots go at 9,989, four at 9,980, for a fee of 0.5 %
    of 59,934 and of 39,920: 300 and 200.
    """
    venue = long_of_ten()
    move(venue, 50, 9_990, 10_010)
    assert venue.due(100) == []
    move(venue, 150, 9_989, 10_010, bid_lots=6)
    venue.row(150, DEPTH, BID, 9_980, 50)
    events = venue.due(200)
    assert [(event.kind, event.order, event.price, event.qty, event.leaves, event.state, event.reason) for event in events] == [
        ("TRADED", 0, 9_989, 6, 4, "PARTIALLY_FILLED", "liquidation_fill"),
        ("TRADED", 0, 9_980, 4, 0, "FILLED", "liquidation_fill"),
    ]
    account = venue.account()
    assert (account.position, account.cash, account.fees) == (0, -110_000 + 59_934 + 39_920, 500)
    assert int(venue.state.lanes["liquidations"][0]) == 1


def test_a_short_position_is_bought_back():
    """Ten lots sold at 9,990: equity is 20,000 + 99,900 - 10 x mid; below a tenth of 10 x mid from a mid of 10,900 on."""
    venue = Venue(**{**RATES, "balance_units": 20_000})
    move(venue, 1, 9_990, 10_000)
    venue.place(2, 1, ASK, MARKET, 0, 10)
    move(venue, 50, 10_899, 10_901)
    assert venue.due(100) == []
    move(venue, 150, 10_899, 10_902)
    assert [(event.price, event.qty, event.reason) for event in venue.due(200)] == [(10_902, 10, "liquidation_fill")]
    assert venue.account().position == 0


def test_an_inverse_position_is_valued_in_the_coin():
    """Ten lots of 10^9 bought at 10,000 bring 1,000,000; with 150,000 more, equity at mid M is 1,150,000 - 10^10 / M.

    At 9,566 equity is 1,150,000 - 1,045,370 = 104,630 and a tenth of 1,045,369 is 104,537: enough. At 9,565 equity is
    1,150,000 - 1,045,479 = 104,521 and the margin 104,548: not. Ten lots at 9,564 are worth 1,045,588; 0.5 % are 5,228.
    """
    venue = Venue(**{**RATES, "kind": INVERSE, "scale": 10**9, "balance_units": 150_000})
    move(venue, 1, 9_990, 10_000)
    venue.place(2, 1, BID, MARKET, 0, 10)
    assert venue.account().cash == 1_000_000
    move(venue, 50, 9_565, 9_567)
    assert venue.due(100) == []
    move(venue, 150, 9_564, 9_566)
    assert [(event.price, event.qty) for event in venue.due(200)] == [(9_564, 10)]
    assert (venue.account().cash, venue.account().fees) == (1_000_000 - 1_045_588, 5_228)


def test_a_liquidation_pays_the_takers_fee_as_well():
    """0.04 % of 110,000 for the purchase are 44; of 99,890 for the sale 40, and 499 for the liquidation."""
    venue = long_of_ten(taker_rate=40_000)
    move(venue, 150, 9_989, 10_010)
    venue.due(200)
    assert venue.account().fees == 44 + 40 + 499


def test_a_liquidation_ends_all_orders_first():
    venue = long_of_ten()
    venue.row(3, TRADE, NOBODY, 10_995, 1)
    venue.place(3, 2, ASK, STOP_MARKET, 0, 10, trigger=10_000, reduce_only=1)
    venue.place(4, 3, BID, POST_ONLY, 10_000, 1)
    move(venue, 50, 9_989, 10_010)
    events = venue.due(100)
    assert [(event.kind, event.order, event.reason) for event in events] == [
        ("ENDED", 2, "liquidation"), ("ENDED", 3, "liquidation"), ("TRADED", 0, "liquidation_fill"),
    ]  # fmt: skip
    assert venue.account().open_orders == 0
    assert int(venue.state.lanes["waiting_orders"][0]) == 0


def test_what_finds_no_liquidity_stays_for_the_next_check():
    """And is closed then only if equity is still too low: here it is below zero."""
    venue = long_of_ten(balance_units=10_000)
    move(venue, 50, 9_900, 9_920, bid_lots=6)
    assert [event.qty for event in venue.due(100)] == [6]
    assert venue.due(200) == []  # the level is taken until the tape says more of it
    venue.row(250, DEPTH, BID, 9_880, 3)
    assert [(event.price, event.qty) for event in venue.due(300)] == [(9_880, 3)]
    assert venue.account().position == 1


def test_a_position_that_a_part_has_made_safe_stays():
    """After six lots at 9,989 equity is 9,632 and the margin of the other four 4,000."""
    venue = long_of_ten()
    move(venue, 50, 9_989, 10_010, bid_lots=6)
    assert [event.qty for event in venue.due(100)] == [6]
    venue.row(150, DEPTH, BID, 9_988, 50)
    assert venue.due(200) == []


def test_without_a_mid_nothing_is_liquidated():
    venue = long_of_ten()
    move(venue, 50, 9_989, 10_010)
    venue.row(51, 4, ASK, 0, 0)
    assert venue.due(100) == []


def test_an_account_may_fall_below_zero():
    """No one else bears the loss: the debt stays, and new orders need margin that is not there."""
    venue = long_of_ten(balance_units=15_000)
    move(venue, 50, 9_100, 9_200)
    venue.due(100)
    assert 15_000 + venue.account().cash - venue.account().fees == -4_455
    assert venue.place(110, 2, BID, GTC, 9_100, 1)[0].reason == "margin"


# --- funding ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "rate", "paid"), [(BID, 10_000, 10), (ASK, 10_000, -10), (BID, -10_000, -10)])
def test_timed_funding_is_paid_at_the_mid_rounded_down(side, rate, paid):
    """0.01 % of ten lots at 9,999, the floor of 9,999.5, are 9.999."""
    venue = Venue(queue_model="risk_averse", funding_ns=100, funding_rate=rate)
    move(venue, 1, 9_989, 10_010)
    venue.place(2, 1, side, MARKET, 0, 10)
    before = venue.account().cash
    assert [(event.kind, event.price, event.qty) for event in venue.due(100)] == [("FUNDED", 9_999, 10)]
    assert venue.account().cash == before - paid


def test_timed_funding_stands_in_for_the_tapes():
    """With the key on, FUNDING rows pay nothing: nobody pays twice, whatever the tape holds."""
    for interval, said in ((0, ["FUNDED"]), (100, [])):
        venue = Venue(queue_model="risk_averse", funding_ns=interval, funding_rate=10_000)
        move(venue, 1, 9_989, 10_010)
        venue.place(2, 1, BID, MARKET, 0, 10)
        assert [event.kind for event in venue.row(3, FUNDING, NOBODY, 10_000, 10_000)] == said


def test_nothing_is_paid_without_a_mid_or_a_position():
    venue = Venue(queue_model="risk_averse", funding_ns=100, funding_rate=10_000)
    move(venue, 1, 9_989, 10_010)
    assert venue.due(100) == []
    venue.place(150, 1, BID, MARKET, 0, 10)
    venue.row(160, 4, BID, 0, 0)
    assert venue.due(200) == []


def test_due_times_are_multiples_of_the_interval():
    """Of exchange time since 1970, from the first after the start on; what is due comes after requests of its time."""
    rows = [*book(lots=10), row(700, r.GAP, None, 0, 0), END]
    p = OracleParams(funding_interval_ns=250, funding_rate=1_000_000, max_open_orders=4)
    script = [place(250, 1, BID, 102, 3, r.IOC), place(749, 2, BID, 102, 3, r.IOC)]
    reports = engine_side.engine_timeline(rows, p, script).streams["reports"]
    funded = reports[reports["kind"] == r.FUNDED]
    assert funded["exch_ts"].tolist() == [250, 500, 750]
    assert funded["qty_lots"].tolist() == [3, 3, 6]
    assert np.all(funded["price_ticks"] == 101)


def test_a_liquidation_may_take_more_levels_than_the_tables_hold():
    """They grow before it: 300 lots bought at 20,000 go at 300 prices."""
    rows = [row(1, DEPTH, ASK, 20_000, 5_000), *(row(1, DEPTH, BID, 19_990 - i, 1) for i in range(400))]
    rows += [row(20, DEPTH, ASK, 20_000, 0), row(20, DEPTH, ASK, 19_991, 1), END]
    p = OracleParams(
        max_open_orders=4, balance_units=600_000, leverage=100, maintenance_rate=TENTH, liquidation_rate=500_000, margin_interval_ns=500
    )
    script = [place(5, 1, BID, 20_000, 300, r.IOC)]
    assert engine_side.first_difference(rows, p, script)[0] is None
    fills = engine_side.engine_timeline(rows, p, script).streams["fills"]
    assert (fills["reason"] == r.FILL_LIQUIDATION).sum() == 300
    assert fills["exch_ts"].tolist()[-1] == 500
