"""QueueAware: percentile, ETA, and when a quote is nudged."""

import pytest

from tests.property.contexts import make_context, market_view
from tests.property.plain import params_of, run_stage

DEEP = {"bid_ticks": 59_995, "worst_bid_ticks": 59_995, "bid_ahead_lots": 4.0, "bid_better_lots": 12.0, "bid_top_lots": 40.0}
HALF_BPS = 0.5e-4 * 60_000.5


def aware(milliseconds, queue, memory=None, market=None, **params):
    context = make_context(market or market_view(milliseconds * 1_000_000), queue=queue)
    context, after = run_stage("queue_aware", context, params_of("queue_aware", **params), memory)
    return context.nudge, after


def test_the_percentile_counts_better_prices_and_what_is_ahead_at_ours():
    assert aware(100, DEEP)[0].bid_percentile == 40.0
    assert aware(100, DEEP | {"bid_top_lots": 10.0})[0].bid_percentile == 100.0
    assert aware(100, {})[0] == (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(("ahead", "absorb", "eta"), [(4.0, 2.0, 2000.0), (0.0, 0.0, 0.0), (4.0, 0.0, 3_600_000.0)])
def test_the_eta_is_what_is_ahead_over_the_rate_at_which_it_goes(ahead, absorb, eta):
    nudge = aware(100, DEEP | {"bid_ahead_lots": ahead, "bid_absorb_lots": absorb})[0]
    assert (nudge.bid_eta_ms, nudge.ask_eta_ms) == (eta, 0.0)


def test_a_place_too_far_back_is_nudged_by_no_more_than_half_a_bps():
    nudge, _ = aware(100, DEEP)
    assert (nudge.bid_nudge_ticks, nudge.ask_nudge_ticks) == (pytest.approx(HALF_BPS), 0.0)
    assert aware(100, DEEP, max_reprice_bps=50)[0].bid_nudge_ticks == 5.0  # as far as the best price


def test_the_ask_is_nudged_likewise():
    queue = {"ask_ticks": 60_006, "worst_ask_ticks": 60_006, "ask_better_lots": 39.0, "ask_top_lots": 40.0}
    assert aware(100, queue, max_reprice_bps=50)[0].ask_nudge_ticks == 5.0


def test_a_good_place_is_left_alone():
    assert aware(100, DEEP | {"bid_better_lots": 8.0})[0].bid_nudge_ticks == 0.0  # 30 % is not beyond 30 %


def test_an_order_at_the_best_price_is_left_alone():
    assert aware(100, DEEP | {"bid_ticks": 60_000, "bid_better_lots": 0.0, "bid_ahead_lots": 39.0})[0].bid_nudge_ticks == 0.0


def test_a_nudge_stays_while_the_side_has_an_order_and_grows_after_the_headroom():
    step = {"max_reprice_bps": 50}
    nudge, memory = aware(100, DEEP | {"bid_ticks": 59_998}, **step)
    assert nudge.bid_nudge_ticks == 2.0
    moved = market_view(200_000_000, 60_001, 60_002)
    nudge, memory = aware(200, DEEP | {"bid_ticks": 60_000}, memory, moved, **step)
    assert nudge.bid_nudge_ticks == 2.0
    nudge, memory = aware(250, DEEP | {"bid_ticks": 60_000}, memory, moved._replace(elapsed_ns=250_000_000), **step)
    assert nudge.bid_nudge_ticks == 3.0
    assert aware(300, {}, memory)[0].bid_nudge_ticks == 0.0


def test_a_side_that_cools_down_is_not_nudged():
    far = DEEP | {"worst_bid_ticks": 59_900}  # 16 bps
    nudge, memory = aware(100, far)
    assert nudge.bid_nudge_ticks == 0.0
    assert aware(599, DEEP, memory)[0].bid_nudge_ticks == 0.0
    assert aware(600, DEEP, memory)[0].bid_nudge_ticks > 0.0
