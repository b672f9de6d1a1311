"""Queue positions on level books: the golden vectors, and what holds for all models."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.jit import expose
from simcore.kernels import queue
from simcore.kernels import state as st_codes
from simcore.records import ASK, BEST, BID, DEPTH, POST_ONLY, TRADE
from tests.regression.venue import Venue

behind_probability = expose(queue.behind_probability)
after_change = expose(queue.after_change)
reached_lots = expose(queue.reached_lots)
HOPEFUL = (queue.POWER, queue.POWER2, queue.POWER3, queue.LOG, queue.LOG2)

# 60 lots ahead of us; the level goes from 100 to 70 with no trade: (model, n, P(behind), lots ahead after).
GOLDEN = [
    (queue.POWER, 1.0, 0.4, 42.0),
    (queue.POWER, 2.0, 0.307692, 39.230769),
    (queue.POWER, 3.0, 0.228571, 36.857143),
    (queue.LOG, 1.0, 0.474612, 44.238345),
    (queue.LOG2, 1.0, 0.804653, 54.139600),
    (queue.POWER2, 2.0, 0.16, 34.8),
    (queue.POWER2, 3.0, 0.064, 31.92),
    (queue.POWER3, 2.0, 0.64, 49.2),
    (queue.POWER3, 3.0, 0.784, 53.52),
]


@pytest.mark.parametrize(("model", "n", "behind", "ahead"), GOLDEN)
def test_golden_vectors(model, n, behind, ahead):
    assert behind_probability(model, n, 60.0, 40.0) == pytest.approx(behind, abs=1e-6)
    assert after_change(model, n, 60.0, 100, 70, 0.0) == pytest.approx(ahead, abs=1e-6)


@pytest.mark.parametrize(("model", "n", "behind", "ahead"), [*GOLDEN, (queue.RISK_AVERSE, 1.0, 1.0, 60.0)])
def test_golden_vectors_at_the_venue(model, n, behind, ahead):
    """The same through orders and rows: we join behind 60, the level grows to 100 and shrinks to 70."""
    venue = Venue(queue_model=queue.NAMES[model], queue_n=n)
    venue.row(1, DEPTH, BID, 10_000, 60)
    venue.place(2, 1, BID, POST_ONLY, 10_000, 5)
    venue.row(3, DEPTH, BID, 10_000, 100)
    assert venue.ahead(1) == 60.0
    venue.row(4, DEPTH, BID, 10_000, 70)
    assert venue.ahead(1) == pytest.approx(ahead, abs=1e-6)


@pytest.mark.parametrize("model", HOPEFUL)
def test_golden_trades_at_the_venue(model):
    """front -= q, traded += q; what traded is no cancel; the lots beyond the front fill, and the front is 0."""
    venue = Venue(queue_model=queue.NAMES[model])
    venue.row(1, DEPTH, BID, 10_000, 60)
    venue.place(2, 1, BID, POST_ONLY, 10_000, 5)
    assert venue.row(3, TRADE, ASK, 10_000, 20) == []
    venue.row(4, DEPTH, BID, 10_000, 40)
    assert venue.ahead(1) == 40.0
    assert [(said.qty, said.leaves) for said in venue.row(5, TRADE, ASK, 10_000, 43)] == [(3, 2)]
    assert venue.ahead(1) == 0.0


@pytest.mark.parametrize("model", [*HOPEFUL, queue.RISK_AVERSE])
def test_golden_whole_fills_on_a_touched_queue_a_crossing_book_and_a_trade_through(model):
    """As an exchange without partial fills has it: each of the three fills all five lots."""
    for row in ((TRADE, ASK, 10_000, 61), (BEST, ASK, 10_000, 1), (TRADE, ASK, 9_999, 1)):
        venue = Venue(queue_model=queue.NAMES[model], fill_whole=True, cross_fill_whole=True)
        venue.row(1, DEPTH, BID, 10_000, 60)
        venue.place(2, 1, BID, POST_ONLY, 10_000, 5)
        assert [(said.qty, said.leaves) for said in venue.row(3, *row)] == [(5, 0)]


def test_the_risk_averse_and_front_models_need_no_probability():
    assert after_change(queue.RISK_AVERSE, 3.0, 60.0, 100, 70, 0.0) == 60.0
    assert after_change(queue.RISK_AVERSE, 3.0, 60.0, 100, 50, 0.0) == 50.0
    assert after_change(queue.FRONT, 3.0, 60.0, 100, 70, 0.0) == 0.0


@pytest.mark.parametrize(("least", "fills"), [(0, [5]), (4, [5]), (5, [5]), (6, [])])
def test_a_pro_rata_share_of_just_the_least_size_is_one(least, fills):
    """Ten of ours beside ten: of a trade of ten we have five, unless the exchange gives out no less than six."""
    venue = Venue(queue_model="pro_rata")
    venue.state.ints[:, st_codes.P_PRO_RATA_MIN] = least
    venue.row(1, DEPTH, BID, 10_000, 10)
    venue.place(2, 1, BID, POST_ONLY, 10_000, 10)
    said = venue.row(3, TRADE, ASK, 10_000, 10)
    assert [event.qty for event in said] == fills
    assert {event.reason for event in said} <= {"pro_rata"}


def test_a_pro_rata_share_is_of_the_level_with_our_lots_and_rounded_down():
    """Seven of ours beside ten: of a trade of five, 35 / 17 lots, which is two."""
    venue = Venue(queue_model="pro_rata")
    venue.row(1, DEPTH, BID, 10_000, 10)
    venue.place(2, 1, BID, POST_ONLY, 10_000, 7)
    assert [event.qty for event in venue.row(3, TRADE, ASK, 10_000, 5)] == [2]
    assert venue.ahead(1) == 7.0  # what was ours of the trade did not shorten the queue


def test_lots_that_traded_are_not_counted_twice():
    """A level that shrank by what traded has had no cancels."""
    for model in HOPEFUL:
        assert after_change(model, 2.0, 30.0, 100, 80, 20.0) == 30.0


def test_a_level_that_grew_leaves_us_where_we_are():
    for model in (*HOPEFUL, queue.RISK_AVERSE):
        assert after_change(model, 2.0, 30.0, 50, 90, 0.0) == 30.0


@pytest.mark.parametrize(
    ("ahead", "lots"), [(3.0, 0), (0.0, 0), (-0.5, 0), (-0.51, 1), (-1.5, 2), (-2.5, 2), (-3.5, 4), (-7.0, 7)]
)
def test_reached_lots_round_half_to_even(ahead, lots):
    assert reached_lots(ahead) == lots


lots = st.integers(0, 1000)
floats = st.floats(0, 1000)


@given(st.sampled_from(HOPEFUL), st.sampled_from((0.5, 1.0, 1.7, 2.0, 3.0, 10.0)), floats, floats)
def test_probabilities_are_probabilities(model, n, front, back):
    assert 0.0 <= behind_probability(model, n, front, back) <= 1.0


@given(st.sampled_from((*HOPEFUL, queue.RISK_AVERSE, queue.PRO_RATA, queue.FRONT)), st.sampled_from((0.5, 1.0, 3.0)), floats, lots, lots, st.floats(0, 50))
def test_we_never_fall_back_nor_stand_behind_more_than_there_is(model, n, ahead, previous, new, traded):
    after = after_change(model, n, ahead, previous, new, traded)
    assert 0.0 <= after <= ahead
    assert after <= new


@given(st.sampled_from(HOPEFUL), st.sampled_from((0.5, 1.0, 3.0)), floats, lots, lots, st.floats(0, 50))
def test_hopeful_models_are_never_behind_the_risk_averse_one(model, n, ahead, previous, new, traded):
    assert after_change(model, n, ahead, previous, new, traded) <= after_change(
        queue.RISK_AVERSE, n, ahead, previous, new, traded
    )
