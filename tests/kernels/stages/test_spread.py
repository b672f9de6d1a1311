"""The adaptive spread: the formula, its limits, its cool-off, at the default keys."""

import pytest

from tests.property.contexts import make_context, market_view
from tests.property.plain import memory_of, params_of, run_stage


def decide(milliseconds=100, memory=None, bid=59_999, ask=60_001, depth=50.0, params=None, **signals):
    view = market_view(milliseconds * 1_000_000, bid, ask, bid_depth_lots=depth, ask_depth_lots=depth)
    context, after = run_stage("spread", make_context(view, signals=signals), params_of("spread", **params or {}), memory)
    return context.spread, after


def test_a_quiet_market_has_the_base_spread():
    spread, _ = decide()
    assert (spread.spread_bps, spread.held) == (1.0, 0)
    assert spread.half_ticks == pytest.approx(3.0)  # half of 1 bps of 60,000 ticks
    assert (spread.vol_score, spread.liq_score, spread.lat_score, spread.pnl_score) == (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("given", "score", "added"),
    [
        ({"depth": 1.0}, "liq_score", 1.0 * 0.4),
        ({"depth": 5.5}, "liq_score", 0.5 * 1.0 * 0.4),
        ({"latency_p95_ms": 400.0, "latencies": 5}, "lat_score", 0.8 * 0.3),
        ({"latency_p95_ms": 275.0, "latencies": 5}, "lat_score", 0.5 * 0.8 * 0.3),
        ({"pnl_mean": -10.0, "pnl_samples": 10}, "pnl_score", 1.2 * 0.3),
        ({"pnl_mean": -2.5, "pnl_samples": 10}, "pnl_score", 0.25 * 1.2 * 0.3),
    ],
)
def test_each_factor_adds_its_weight_times_its_score(given, score, added):
    spread, _ = decide(**given)
    assert spread.spread_bps == pytest.approx(1.0 + added)
    assert getattr(spread, score) > 0.0


def test_volatility_is_an_average_of_moves_and_widens():
    """60,000 -> 60,300 ticks is 50 bps; with a window of one tick alpha is 1."""
    one_tick = {"vol_window_s": 0.1}
    _, memory = decide(100, params=one_tick)
    spread, _ = decide(200, memory, 60_299, 60_301, params=one_tick | {"cooloff_ms": 0, "clamp_step_bps": 9, "max_bps": 9})
    assert spread.volatility_bps == pytest.approx(50.0)
    assert spread.vol_score == 1.0
    assert spread.spread_bps == pytest.approx(1.0 + 1.5 * 0.6)


def test_the_window_of_volatility_is_time_not_ticks():
    """Half a minute between ticks is two ticks a window of 60 s: alpha = 2 / 3."""
    _, memory = decide(0)
    spread, _ = decide(30_000, memory, 60_299, 60_301)
    assert spread.volatility_bps == pytest.approx(50.0 * 2.0 / 3.0)


def test_a_second_look_at_the_same_time_does_not_count():
    _, memory = decide(100)
    _, again = decide(100, memory, 60_299, 60_301)
    assert again.volatility_bps == 0.0


def test_the_spread_is_clamped():
    assert decide(params={"base_bps": 9})[0].spread_bps == 2.5
    assert decide(params={"base_bps": 0.1})[0].spread_bps == 0.6


def test_a_change_is_held_and_then_goes_on_step_by_step():
    """Thin from the second tick on: 1.0 is held for 200 ms, then 1.2 for 200 ms, then the wanted 1.4."""
    memory, seen = memory_of("spread"), []
    for i in range(1, 7):
        spread, memory = decide(100 * i, memory, depth=50.0 if i == 1 else 1.0)
        seen.append((round(spread.spread_bps, 9), spread.held))
    assert seen == [(1.0, 0), (1.0, 1), (1.2, 0), (1.2, 1), (1.4, 0), (1.4, 1)]


def test_a_spread_narrows_step_by_step():
    """Thin at first, and then deep: 1.4 is held for 200 ms, then 1.2, then the wanted 1.0."""
    memory, seen = memory_of("spread"), []
    for i in range(1, 7):
        spread, memory = decide(100 * i, memory, depth=1.0 if i == 1 else 50.0)
        seen.append((round(spread.spread_bps, 9), spread.held))
    assert seen == [(1.4, 0), (1.4, 1), (1.2, 0), (1.2, 1), (1.0, 0), (1.0, 1)]


def test_a_spread_that_has_stood_for_long_changes_at_once():
    """The cool-off counts from the last change, not from the last tick."""
    memory = memory_of("spread")
    for i in range(1, 10):
        _, memory = decide(100 * i, memory)
    spread, _ = decide(1000, memory, depth=1.0)
    assert (round(spread.spread_bps, 9), spread.held) == (1.2, 0)


@pytest.mark.parametrize(("bids", "asks", "score"), [(1.0, 10.0, 0.5), (10.0, 1.0, 0.5), (1.0, 1.0, 1.0), (1.0, 100.0, 0.0)])
def test_a_thin_book_is_one_whose_sides_are_thin_on_average(bids, asks, score):
    view = market_view(100_000_000, 59_999, 60_001, bid_depth_lots=bids, ask_depth_lots=asks)
    context, _ = run_stage("spread", make_context(view), params_of("spread"))
    assert context.spread.liq_score == score


def test_limits_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="min_bps <= max_bps"):
        decide(params={"min_bps": 3})
    with pytest.raises(ValueError, match="the same"):
        decide(params={"depth_hard_lots": 10})
