"""Inventory and queue: signs and bounds of what moves the quotes."""

from hypothesis import given
from hypothesis import strategies as st

from simcore.kernels.stages import inventory, queue_aware
from tests.property.contexts import QUEUE, contexts, floats, make_context, market_view, ticks_in_a_row
from tests.property.plain import Chain, memory_of, params_of, plain, run_stage

percentile, eta_ms, inventory_pct = plain(queue_aware.percentile), plain(queue_aware.eta_ms), plain(inventory.inventory_pct)
LOTS = floats(0.0, 1e6)


@given(contexts(), floats(0.0, 1e4), floats(0.0, 2.0), floats(0.0, 3.0), floats(0.0, 50.0))
def test_skew_is_against_the_position_and_bounded(context, limit, slope, most, clamp):
    params = params_of("inventory", max_position_lots=limit, slope_bps=slope, max_skew_bps=most, clamp_pct=clamp)
    had = run_stage("inventory", context, params)[0].inventory
    assert abs(had.skew_bps) <= most
    assert had.skew_bps * context.position_lots >= 0.0
    full = abs(had.skew_bps) * 1e-4 * context.market.mid_ticks
    for shift in (had.bid_shift_ticks, had.ask_shift_ticks):
        assert shift * had.skew_bps <= 0.0
        assert abs(shift) <= 0.5 * full
    if abs(had.inventory_pct) <= clamp:
        assert had.skew_bps == 0.0


@given(contexts())
def test_the_side_that_reduces_the_position_moves_twice_as_far(context):
    had = run_stage("inventory", context)[0].inventory
    if context.position_lots > 0:
        assert had.ask_shift_ticks == 2.0 * had.bid_shift_ticks <= 0.0
    else:
        assert had.bid_shift_ticks == 2.0 * had.ask_shift_ticks >= 0.0


@given(contexts(), floats(0.0, 50.0))
def test_inventory_mirrors_when_the_position_does(context, clamp):
    params = params_of("inventory", clamp_pct=clamp)
    one = run_stage("inventory", context, params)[0].inventory
    other = run_stage("inventory", context._replace(position_lots=-context.position_lots), params)[0].inventory
    assert (one.bid_shift_ticks, one.ask_shift_ticks) == (-other.ask_shift_ticks, -other.bid_shift_ticks)
    assert (one.room_bid_lots, one.room_ask_lots) == (other.room_ask_lots, other.room_bid_lots)
    assert one.inventory_pct == -other.inventory_pct


@given(contexts(), st.integers(-1, 300), floats(0.0, 300.0))
def test_room_never_takes_the_position_beyond_the_smaller_limit(context, budget, own):
    context = context._replace(control=context.control._replace(budget_lots=budget))
    had = run_stage("inventory", context, params_of("inventory", max_position_lots=own))[0].inventory
    limit = int(own) if budget < 0 else min(int(own), budget)
    assert had.room_bid_lots == max(limit - context.position_lots, 0)
    assert had.room_ask_lots == max(limit + context.position_lots, 0)


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.integers(0, 10**6))
def test_inventory_percent_is_within_100_and_rises_with_the_position(one, other, limit):
    assert -100.0 <= inventory_pct(one, limit) <= 100.0
    if one <= other:
        assert inventory_pct(one, limit) <= inventory_pct(other, limit)


@given(st.sampled_from((0, 1, 60_000)), LOTS, LOTS, LOTS)
def test_the_percentile_is_within_0_and_100_and_rises_with_what_is_ahead(price, one, other, top):
    assert 0.0 <= percentile(price, one, top) <= 100.0
    assert price > 0 or percentile(price, one, top) == 0.0
    if one <= other:
        assert percentile(price, one, top) <= percentile(price, other, top)


@given(LOTS, LOTS, LOTS)
def test_the_eta_is_finite_and_rises_with_what_is_ahead(one, other, absorb):
    assert 0.0 <= eta_ms(1, one, absorb) <= 3_600_000.0
    if one <= other:
        assert eta_ms(1, one, absorb) <= eta_ms(1, other, absorb)


@given(ticks_in_a_row(8), st.sampled_from((0.5, 3.0, 50.0, 500.0)), floats(0.0, 60.0))
def test_a_nudge_is_bounded_and_grows_neither_past_the_best_nor_past_fair_value(row, most, threshold):
    params, memory = params_of("queue_aware", max_reprice_bps=most, join_threshold_pct=threshold), memory_of("queue_aware")
    for context in row:
        had = memory
        context, memory = run_stage("queue_aware", context, params, memory)
        market, queue, nudge = context.market, context.queue, context.nudge
        limit = most * 1e-4 * market.mid_ticks
        assert 0.0 <= nudge.bid_nudge_ticks <= limit
        assert 0.0 <= nudge.ask_nudge_ticks <= limit
        grown = nudge.bid_nudge_ticks - had.bid_nudge_ticks
        if grown > 0.0:
            fair = min(market.mid_ticks, market.microprice_ticks)
            assert queue.bid_ticks + grown <= min(market.bid_ticks, fair) + 1e-6
            assert nudge.bid_percentile > threshold
        grown = nudge.ask_nudge_ticks - had.ask_nudge_ticks
        if grown > 0.0:
            fair = max(market.mid_ticks, market.microprice_ticks)
            assert queue.ask_ticks - grown >= max(market.ask_ticks, fair) - 1e-6
            assert nudge.ask_percentile > threshold


@given(ticks_in_a_row(8), st.sampled_from((0.0, 60.0, 150.0, 1000.0)))
def test_nudges_of_a_side_are_at_least_the_headroom_apart(row, headroom_ms):
    params = params_of("queue_aware", headroom_ms=headroom_ms, max_reprice_bps=500, join_threshold_pct=0, cooldown_bps=0)
    memory, last_ns = memory_of("queue_aware"), None
    for context in row:
        had = memory.bid_nudge_ticks
        context, memory = run_stage("queue_aware", context, params, memory)
        if context.nudge.bid_nudge_ticks > had:
            assert last_ns is None or context.market.elapsed_ns - last_ns >= headroom_ms * 1e6
            last_ns = context.market.elapsed_ns


@given(contexts(), floats(0.0, 1e4), floats(0.0, 1e4), floats(0.0, 50.0), st.integers(0, 1))
def test_a_nudged_quote_is_past_neither_the_best_nor_fair_value(context, bid_nudge, ask_nudge, half, micro):
    """Where it would be without a nudge it may stay: an adaptive spread may be narrower than the market's."""
    context = context._replace(spread=context.spread._replace(half_ticks=half))
    nudged = context._replace(nudge=context.nudge._replace(bid_nudge_ticks=bid_nudge, ask_nudge_ticks=ask_nudge))
    params = params_of("emit", use_microprice=micro)
    without, moved = (run_stage("emit", each, params)[0].quote for each in (context, nudged))
    market = context.market
    if moved.bid_lots > 0:
        fair = min(market.mid_ticks, market.microprice_ticks)
        assert without.bid_ticks <= moved.bid_ticks <= max(without.bid_ticks, min(market.bid_ticks, fair))
    if moved.ask_lots > 0:
        fair = max(market.mid_ticks, market.microprice_ticks)
        assert without.ask_ticks >= moved.ask_ticks >= min(without.ask_ticks, max(market.ask_ticks, fair))


def test_an_order_deep_in_the_queue_is_nudged_once_and_keeps_its_place():
    """One nudge to the best price; when the place is better, the order does not go back."""
    chain = Chain()
    first = chain.tick(make_context(market_view(100_000_000))).quote.bid_ticks
    deep = QUEUE._replace(bid_ticks=first, worst_bid_ticks=first, bid_better_lots=30.0, bid_top_lots=40.0)
    moved = chain.tick(make_context(market_view(200_000_000))._replace(queue=deep)).quote.bid_ticks
    front = QUEUE._replace(bid_ticks=moved, worst_bid_ticks=moved, bid_ahead_lots=1.0, bid_top_lots=40.0)
    stays = chain.tick(make_context(market_view(300_000_000))._replace(queue=front)).quote.bid_ticks
    assert first < moved == stays == 60_000
