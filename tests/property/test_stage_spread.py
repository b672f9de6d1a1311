"""The adaptive spread: limits, steps, cool-off, and the direction of every score."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.kernels.stages import spread as stage
from simcore.kernels.stages import usual as usual_stage
from simcore.kernels.stages.usual import Usual
from tests.property.contexts import contexts, floats, make_context, market_view, ticks_in_a_row
from tests.property.plain import memory_of, params_of, plain, run_stage

score = plain(stage.score)
learn = plain(usual_stage.learn)
LIMITS = st.tuples(floats(0.0, 5.0), floats(0.0, 5.0)).map(sorted)
WEIGHTS = st.fixed_dictionaries({f"{name}_weight": floats(0.0, 3.0) for name in ("vol", "liq", "lat", "pnl")})


@given(ticks_in_a_row(10), LIMITS, floats(0.0, 1.0), WEIGHTS, st.lists(floats(0.0, 6.0), min_size=10, max_size=10), st.sampled_from((0, 200)))
def test_the_spread_is_within_its_limits_and_moves_by_steps(row, limits, step, weights, bases, cooloff_ms):
    """Whatever spread is wanted from tick to tick."""
    params = params_of("spread", min_bps=limits[0], max_bps=limits[1], clamp_step_bps=step, cooloff_ms=cooloff_ms, **weights)
    memory, last = memory_of("spread"), None
    for context, base in zip(row, bases, strict=False):
        context, memory = run_stage("spread", context, params._replace(base_bps=base), memory)
        now = context.spread.spread_bps
        assert limits[0] <= now <= limits[1]
        assert last is None or abs(now - last) <= step + 1e-12
        assert context.spread.half_ticks == pytest.approx(0.5e-4 * now * context.market.mid_ticks)
        last = now


@given(ticks_in_a_row(10), floats(0.0, 3000.0), WEIGHTS)
def test_a_changed_spread_stays_for_the_cool_off(row, cooloff_ms, weights):
    params, memory = params_of("spread", cooloff_ms=cooloff_ms, **weights), memory_of("spread")
    last, changed_ns = None, 0
    for context in row:
        context, memory = run_stage("spread", context, params, memory)
        now, at_ns = context.spread.spread_bps, context.market.elapsed_ns
        if last is not None and now != last:
            assert at_ns - changed_ns >= cooloff_ms * 1e6
            assert context.spread.held == 0
        if last is None or now != last:
            changed_ns = at_ns
        last = now


@given(floats(-1e6, 1e6), floats(-1e6, 1e6), floats(-1e3, 1e3), floats(-1e3, 1e3))
def test_a_score_is_between_0_and_1_and_rises_towards_its_hard_point(one, other, soft, hard):
    if soft == hard:
        with pytest.raises(ValueError, match="the same"):
            score(one, soft, hard)
        return
    assert 0.0 <= score(one, soft, hard) <= 1.0
    if (one - other) * (hard - soft) >= 0.0:
        assert score(one, soft, hard) >= score(other, soft, hard)
    assert (score(soft, soft, hard), score(hard, soft, hard)) == (0.0, 1.0)


@given(contexts(), floats(0.0, 2000.0), st.integers(0, 4))
def test_few_latencies_and_few_pnl_samples_score_nothing(context, latency, few):
    cold = context._replace(signals=context.signals._replace(latency_p95_ms=latency, latencies=few, pnl_mean=-50.0, pnl_samples=2 * few))
    decided = run_stage("spread", cold)[0].spread
    assert decided.lat_score == decided.pnl_score == 0.0


@given(st.lists(st.integers(50_000, 70_000), min_size=2, max_size=20), floats(1.0, 600.0), st.integers(1, 20))
def test_volatility_is_between_the_smallest_and_the_largest_move(bids, window, tenths):
    params, memory = params_of("spread", vol_window_s=window), memory_of("spread")
    moves, volatility = [], 0.0
    for i, bid in enumerate(bids):
        context, memory = run_stage("spread", make_context(market_view(i * tenths * 100_000_000, bid, bid + 1)), params, memory)
        if i:
            moves.append(abs(bid - bids[i - 1]) / (bids[i - 1] + 0.5) * 1e4)
            alpha = min(max(2.0 / (window / (tenths / 10.0) + 1.0), 1.0 / len(moves)), 1.0)
            volatility += alpha * (moves[-1] - volatility)
            assert min(moves) - 1e-9 <= context.spread.volatility_bps <= max(moves) + 1e-9
        assert context.spread.volatility_bps == pytest.approx(volatility, abs=1e-9)


@given(st.lists(floats(0.0, 1e9), min_size=1, max_size=30), floats(0.001, 3.0), floats(0.5, 50.0))
def test_what_is_usual_lies_within_what_was_seen(values, passed_s, history_s):
    """Level within the values, deviation within their range, time within the history; a constant has no deviation."""
    usual = Usual()
    for value in values:
        usual = learn(usual, value, passed_s * 1e9, history_s * 1e9)
    slack = 1e-6 * (1.0 + max(values))
    assert min(values) - slack <= usual.level <= max(values) + slack
    assert 0.0 <= usual.deviation <= max(values) - min(values) + slack
    assert usual.learned_ns <= max(history_s, passed_s) * 1e9 + 1.0


@given(ticks_in_a_row(10), floats(1e-3, 1e3))
def test_scores_of_depth_do_not_depend_on_the_lot(row, scale):
    """Ten times smaller lots are ten times as many: the same scores from tick to tick."""
    params = params_of("spread", warmup_s=0.0)
    one, other = memory_of("spread"), memory_of("spread")
    for context in row:
        market = context.market
        scaled = market._replace(bid_depth_lots=scale * market.bid_depth_lots, ask_depth_lots=scale * market.ask_depth_lots)
        first, one = run_stage("spread", context, params, one)
        second, other = run_stage("spread", context._replace(market=scaled), params, other)
        assert first.spread.liq_score == pytest.approx(second.spread.liq_score, abs=1e-6)


@given(contexts(), WEIGHTS, floats(0.0, 2.5))
def test_a_first_spread_is_the_formula(context, weights, base):
    params = params_of("spread", base_bps=base, min_bps=0.0, max_bps=1e6, **weights)
    s = run_stage("spread", context, params)[0].spread
    w = {name: weights[f"{name}_weight"] for name in ("vol", "liq", "lat", "pnl")}
    expected = base + 1.5 * w["vol"] * s.vol_score + w["liq"] * s.liq_score + 0.8 * w["lat"] * s.lat_score + 1.2 * w["pnl"] * s.pnl_score
    assert s.spread_bps == pytest.approx(expected)
