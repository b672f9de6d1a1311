"""The adaptive spread: the formula, its limits, its cool-off, and scores in the instrument's own units."""

import pytest

from simcore.kernels.stages import usual as usual_stage
from simcore.kernels.stages.usual import Usual
from tests.property.contexts import make_context, market_view
from tests.property.plain import memory_of, params_of, plain, run_stage

learn, deviations = plain(usual_stage.learn), plain(usual_stage.deviations)
S = 1_000_000_000
ABSOLUTE = {"absolute_points": 1}


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
def test_each_factor_adds_its_weight_times_its_score_of_absolute_points(given, score, added):
    spread, _ = decide(**given, params=ABSOLUTE)
    assert spread.spread_bps == pytest.approx(1.0 + added)
    assert getattr(spread, score) > 0.0


def test_volatility_is_an_average_of_moves_and_widens():
    """60,000 -> 60,300 ticks is 50 bps; with a window of one tick alpha is 1."""
    one_tick = ABSOLUTE | {"vol_window_s": 0.1}
    _, memory = decide(100, params=one_tick)
    spread, _ = decide(200, memory, 60_299, 60_301, params=one_tick | {"cooloff_ms": 0, "clamp_step_bps": 9, "max_bps": 9})
    assert spread.volatility_bps == pytest.approx(50.0)
    assert spread.vol_score == 1.0
    assert spread.spread_bps == pytest.approx(1.0 + 1.5 * 0.6)


def test_the_window_of_volatility_is_time_not_ticks():
    """Half a minute between ticks is two ticks a window of 60 s: alpha = 2 / 3; the first move counts whole."""
    _, memory = decide(0)
    spread, memory = decide(30_000, memory, 60_299, 60_301)
    assert spread.volatility_bps == pytest.approx(50.0)
    spread, _ = decide(60_000, memory, 60_299, 60_301)
    assert spread.volatility_bps == pytest.approx(50.0 / 3.0)


def test_the_first_moves_weigh_alike():
    """50 bps and then nothing, ten times a second: the mean of 1, 2, 3 moves, not an average that climbs from 0."""
    _, memory = decide(0)
    seen = []
    for i in range(1, 4):
        spread, memory = decide(100 * i, memory, 60_299, 60_301)
        seen.append(spread.volatility_bps)
    assert seen == pytest.approx([50.0, 25.0, 50.0 / 3.0])


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
        spread, memory = decide(100 * i, memory, depth=50.0 if i == 1 else 1.0, params=ABSOLUTE)
        seen.append((round(spread.spread_bps, 9), spread.held))
    assert seen == [(1.0, 0), (1.0, 1), (1.2, 0), (1.2, 1), (1.4, 0), (1.4, 1)]


def test_a_spread_narrows_step_by_step():
    """Thin at first, and then deep: 1.4 is held for 200 ms, then 1.2, then the wanted 1.0."""
    memory, seen = memory_of("spread"), []
    for i in range(1, 7):
        spread, memory = decide(100 * i, memory, depth=1.0 if i == 1 else 50.0, params=ABSOLUTE)
        seen.append((round(spread.spread_bps, 9), spread.held))
    assert seen == [(1.4, 0), (1.4, 1), (1.2, 0), (1.2, 1), (1.0, 0), (1.0, 1)]


def test_a_spread_that_has_stood_for_long_changes_at_once():
    """The cool-off counts from the last change, not from the last tick."""
    memory = memory_of("spread")
    for i in range(1, 10):
        _, memory = decide(100 * i, memory, params=ABSOLUTE)
    spread, _ = decide(1000, memory, depth=1.0, params=ABSOLUTE)
    assert (round(spread.spread_bps, 9), spread.held) == (1.2, 0)


@pytest.mark.parametrize(("bids", "asks", "score"), [(1.0, 10.0, 0.5), (10.0, 1.0, 0.5), (1.0, 1.0, 1.0), (1.0, 100.0, 0.0)])
def test_a_thin_book_is_one_whose_sides_are_thin_on_average(bids, asks, score):
    view = market_view(100_000_000, 59_999, 60_001, bid_depth_lots=bids, ask_depth_lots=asks)
    context, _ = run_stage("spread", make_context(view), params_of("spread", **ABSOLUTE))
    assert context.spread.liq_score == score


def test_limits_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="min_bps <= max_bps"):
        decide(params={"min_bps": 3})
    with pytest.raises(ValueError, match="the same"):
        decide(params=ABSOLUTE | {"depth_hard_lots": 10})
    with pytest.raises(ValueError, match="the same"):
        decide(params={"soft_z": 3})


# --- scores in the instrument's own units -------------------------------------------------------------


def after(seconds, value_at, name, scale=1.0):
    """Show the stage a signal for so many seconds, ten looks each; return what it then decides and remembers."""
    memory, spread = None, None
    for i in range(10 * seconds):
        value = scale * value_at(i)
        signals = {"latencies": 100, "latency_p95_ms": 10.0} | ({name: value} if name == "latency_p95_ms" else {})
        signals |= {"pnl_samples": 60, "pnl_mean": value if name == "pnl_mean" else 0.0}
        depth = value if name == "depth" else 50.0
        spread, memory = decide(100 * i, memory, depth=depth, params={"cooloff_ms": 0, "clamp_step_bps": 9}, **signals)
    return spread, memory


def by_turns(i):
    return 9.0 if i % 2 else 11.0


@pytest.mark.parametrize(
    ("name", "score", "calm", "wild"),
    [
        ("depth", "liq_score", 10.0, 2.0),
        ("latency_p95_ms", "lat_score", 10.0, 30.0),
        ("pnl_mean", "pnl_score", 10.0, -40.0),
    ],
)
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_score_is_the_same_whatever_the_unit_of_the_instrument(name, score, calm, wild, scale):
    """Values that stray by 1 around 10: the usual one scores 0, a far one 1, in lots of any size and cash of any coin."""
    quiet, _ = after(60, lambda i: calm if i == 599 else by_turns(i), name, scale)
    assert getattr(quiet, score) == 0.0
    stirred, _ = after(60, lambda i: wild if i == 599 else by_turns(i), name, scale)
    assert getattr(stirred, score) == 1.0


def test_a_score_is_0_while_its_signal_is_not_known():
    early, _ = after(29, lambda i: 1.0 if i == 289 else by_turns(i), "depth")
    late, _ = after(31, lambda i: 1.0 if i == 309 else by_turns(i), "depth")
    assert (early.liq_score, late.liq_score) == (0.0, 1.0)


def test_a_market_that_stays_thin_becomes_usual():
    """The book is ten times thinner from the tenth minute on: at first that is wide, after an hour it is not."""
    at_first, _ = after(630, lambda i: by_turns(i) / (1.0 if i < 6000 else 10.0), "depth")
    at_last, _ = after(4200, lambda i: by_turns(i) / (1.0 if i < 6000 else 10.0), "depth")
    assert at_first.liq_score == 1.0
    assert at_last.liq_score < 0.1


def test_a_signal_that_never_changes_scores_nothing():
    spread, _ = after(60, lambda i: 10.0, "latency_p95_ms")
    assert (spread.lat_score, spread.pnl_score) == (0.0, 0.0)


def test_what_is_usual_is_the_mean_over_time_and_then_a_moving_one():
    """0, 10, 10 for a second each are 20/3; a history of two seconds gives the newest one half."""
    usual = Usual()
    for value in (0.0, 10.0, 10.0):
        usual = learn(usual, value, S, 100 * S)
    assert usual.level == pytest.approx(20.0 / 3.0)
    short = learn(learn(learn(Usual(), 0.0, S, 2 * S), 10.0, S, 2 * S), 10.0, S, 2 * S)
    assert short.level == pytest.approx(7.5)
    assert (usual.learned_ns, short.learned_ns) == (3 * S, 2 * S)


def test_one_wild_value_counts_as_five_deviations():
    usual = Usual(10.0, 1.0, 100.0 * S)
    once = learn(usual, 1e9, S, 100 * S)
    assert once.level == pytest.approx(10.0 + 5.0 / 100.0)
    assert once.deviation == pytest.approx(1.0 + (5.0 - 1.0) / 100.0)


def test_a_long_silence_counts_as_a_second():
    usual = Usual(10.0, 1.0, 100.0 * S)
    assert learn(usual, 11.0, 3600 * S, 100 * S) == learn(usual, 11.0, S, 100 * S)
    assert learn(usual, 11.0, 0, 100 * S) == usual


def test_a_signal_that_hardly_strays_is_measured_in_parts_of_its_level():
    assert deviations(Usual(100.0, 1e-9, 60.0 * S), 104.0, 30 * S) == pytest.approx(2.0)
    assert deviations(Usual(0.0, 0.0, 60.0 * S), 104.0, 30 * S) == 0.0
