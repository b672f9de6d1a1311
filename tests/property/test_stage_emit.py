"""Emit: sizes, ladders, filters, holding, cool-downs, and the taker cap against an exchange that means us ill."""

import math

from hypothesis import given
from hypothesis import strategies as st

from simcore.kernels.reasons import ASK_LIMIT, BID_LIMIT, BLOCKED, COOL_DOWN, HELD, SMALL_NOTIONAL, TAKER_CAP
from simcore.kernels.stages import ladder, protection
from simcore.records import GTC, POST_ONLY, UNITS_MAX
from tests.property.contexts import calm_contexts, contexts, floats, make_context, market_view, ticks_in_a_row
from tests.property.plain import memory_of, params_of, plain, run_stage

FACTORS = st.sampled_from((0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 16.0))
LADDERS = st.fixed_dictionaries(
    {"levels": st.integers(0, 256), "lots_factor": FACTORS, "order_lots": st.integers(0, 10_000), "level_step_ticks": st.integers(0, 50)}
)
fit_room, fit_order, ladder_lots = plain(ladder.fit_room), plain(ladder.fit_order), plain(ladder.ladder_lots)
entry_ticks, stop_ticks = plain(protection.entry_ticks), plain(protection.stop_ticks)


def sizes(quote, lots):
    """Return the lots of the levels of a side, as the order manager works them out."""
    return [] if lots == 0 else [max(math.floor(lots * math.prod([quote.lots_factor] * i)), 1) for i in range(quote.levels)]


@given(calm_contexts(), LADDERS, st.integers(1, 500), st.integers(0, 400))
def test_a_ladder_fits_the_position_the_order_size_and_the_quotes_allowed(context, ladder_params, largest, room):
    context = context._replace(
        inventory=context.inventory._replace(room_bid_lots=room), control=context.control._replace(max_quotes=10)
    )
    quote = run_stage("emit", context, params_of("emit", max_order_lots=largest, **ladder_params))[0].quote
    assert quote.levels <= min(10, ladder_params["levels"])
    for lots in (quote.bid_lots, quote.ask_lots):
        assert all(0 < each <= largest for each in sizes(quote, lots))
        assert lots <= max(ladder_params["order_lots"], 0)
    assert sum(sizes(quote, quote.bid_lots)) <= room
    if quote.bid_lots == 0 and ladder_params["order_lots"] > 0 and quote.levels > 0 and room < quote.levels:
        assert quote.reasons & (BID_LIMIT | SMALL_NOTIONAL)


@given(st.integers(1, 10**6), FACTORS, st.integers(1, 40), st.integers(0, 10**6))
def test_the_largest_ladder_that_fits_is_found(lots, factor, levels, room):
    found = fit_room(lots, factor, levels, room)
    assert 0 <= found <= lots
    assert found == 0 or ladder_lots(found, factor, levels) <= room
    assert found == lots or ladder_lots(found + 1, factor, levels) > room


@given(st.integers(1, 10**6), FACTORS, st.integers(1, 40), st.integers(1, 10**6))
def test_no_level_is_larger_than_an_order_may_be(lots, factor, levels, largest):
    found = fit_order(lots, factor, levels, largest)
    assert found <= lots
    assert found * max(factor ** (levels - 1), 1.0) <= largest * (1.0 + 1e-9)


@given(calm_contexts(), LADDERS)
def test_a_ladder_without_limits_stays_within_what_an_order_can_be(context, ladder_params):
    quote = run_stage("emit", context, params_of("emit", **ladder_params))[0].quote
    for lots in (quote.bid_lots, quote.ask_lots):
        assert all(each <= UNITS_MAX for each in sizes(quote, lots))


@given(calm_contexts(), LADDERS, floats(0.0, 1e6), floats(0.0, 1e3))
def test_no_order_is_worth_less_than_the_filter(context, ladder_params, least, lot_value):
    context = context._replace(market=context.market._replace(lot_value=lot_value))
    quote = run_stage("emit", context, params_of("emit", min_notional=least, **ladder_params))[0].quote
    deepest = quote.bid_ticks - (quote.levels - 1) * quote.step_ticks
    for lots in sizes(quote, quote.bid_lots):
        assert lots * lot_value * deepest / context.market.mid_ticks >= least * (1.0 - 1e-9)
    for lots in sizes(quote, quote.ask_lots):  # an inverse contract is worth less, the higher its price
        highest = quote.ask_ticks + (quote.levels - 1) * quote.step_ticks
        assert lots * lot_value * context.market.mid_ticks / highest >= least * (1.0 - 1e-9)


@given(contexts(), st.integers(1, 1000), floats(0.0, 3.0), floats(0.0, 1.0))
def test_size_scales_with_guards_and_allocator_and_is_at_least_a_lot(context, lots, weight, scale):
    context = context._replace(
        control=context.control._replace(weight=weight), guards=context.guards._replace(size_scale=scale), position_lots=0
    )
    quote = run_stage("emit", context, params_of("emit", order_lots=lots))[0].quote
    for side in (quote.bid_lots, quote.ask_lots):
        if side > 0:
            assert side == max(math.floor(lots * (scale * weight)), 1)
    if scale * weight == 0.0:
        assert quote.bid_lots == quote.ask_lots == 0


@given(contexts())
def test_a_blocked_symbol_has_no_quotes(context):
    blocked = context._replace(control=context.control._replace(blocked=1))
    quote = run_stage("emit", blocked)[0].quote
    assert quote.levels == quote.bid_lots == quote.ask_lots == 0
    assert quote.reasons & BLOCKED


@given(contexts())
def test_an_invalid_view_has_no_quotes(context):
    quote = run_stage("emit", context._replace(fetch=context.fetch._replace(invalid=1)))[0].quote
    assert quote.levels == quote.bid_lots == quote.ask_lots == 0
    assert quote.reasons != 0


@given(contexts(), st.integers(0, 1), st.integers(0, 1))
def test_a_side_without_room_is_not_quoted(context, bid_room, ask_room):
    room = context.inventory._replace(room_bid_lots=5 * bid_room, room_ask_lots=5 * ask_room)
    quote = run_stage("emit", context._replace(inventory=room, control=context.control._replace(blocked=0)))[0].quote
    if not bid_room:
        assert quote.bid_lots == 0
        assert quote.levels == 0 or quote.reasons & (BID_LIMIT | COOL_DOWN | SMALL_NOTIONAL)
    if not ask_room:
        assert quote.ask_lots == 0
        assert quote.levels == 0 or quote.reasons & (ASK_LIMIT | COOL_DOWN | SMALL_NOTIONAL)


@given(ticks_in_a_row(10), st.sampled_from((0.0, 20.0, 120.0, 200.0, 350.0, 2000.0)), st.sampled_from((1.0, 0.25, 2.25)), floats(0.0, 0.5))
def test_held_quotes_are_those_of_the_last_tick_and_held_no_longer_than_said(row, refresh_ms, weight, far):
    params, memory = params_of("emit", refresh_ms=refresh_ms, fast_cancel_bps=far), memory_of("emit")
    for context in row:
        had = memory
        half = context.spread._replace(half_ticks=4.0)
        context = context._replace(control=context.control._replace(weight=weight), spread=half)
        context, memory = run_stage("emit", context, params, memory)
        quote, now = context.quote, context.market.elapsed_ns
        if quote.reasons & HELD:
            assert now - memory.quoted_ns < refresh_ms * 1e6 * math.sqrt(weight)
            assert memory.quoted_ns == had.quoted_ns
            assert quote.bid_ticks in (0, had.bid_ticks)
            assert quote.ask_ticks in (0, had.ask_ticks)
            mid = context.market.mid_ticks
            assert had.far_ticks == 0.0 or max(mid - had.bid_ticks, had.ask_ticks - mid) <= had.far_ticks


@given(ticks_in_a_row(10), floats(0.0, 20.0), floats(0.0, 3000.0))
def test_a_side_with_an_order_too_far_away_rests_for_the_cool_down(row, cooldown_bps, cooldown_ms):
    params = params_of("emit", cooldown_bps=cooldown_bps, cooldown_ms=cooldown_ms, fast_cancel_bps=0.0)
    memory, until = memory_of("emit"), -1.0
    for context in row:
        context, memory = run_stage("emit", context, params, memory)
        market, worst = context.market, context.queue.worst_bid_ticks
        limit = cooldown_bps * 1e-4 * market.mid_ticks  # 0, also of a number too small for the product, is no limit
        if worst > 0 and 0.0 < limit < abs(worst - market.mid_ticks):
            until = max(until, market.elapsed_ns + cooldown_ms * 1e6)
        if market.elapsed_ns < until:
            assert context.quote.bid_lots == 0
        elif context.quote.levels > 0 and context.quote.ask_lots > 0:
            assert context.quote.bid_lots > 0 or context.quote.reasons & (BID_LIMIT | SMALL_NOTIONAL)


@given(ticks_in_a_row(6), LADDERS, floats(0.01, 20.0), floats(0.0, 50.0), floats(0.0, 1000.0))
def test_no_wanted_order_is_too_far_to_live(row, ladder_params, fast_cancel_bps, half, refresh_ms):
    params = params_of("emit", fast_cancel_bps=fast_cancel_bps, refresh_ms=refresh_ms, **ladder_params)
    memory = memory_of("emit")
    for context in row:
        context = context._replace(spread=context.spread._replace(half_ticks=half))
        context, memory = run_stage("emit", context, params, memory)
        quote, mid = context.quote, context.market.mid_ticks
        depth = (quote.levels - 1) * quote.step_ticks
        if quote.levels > 0:
            assert quote.far_ticks >= fast_cancel_bps * 1e-4 * mid
        if quote.bid_lots > 0:
            assert mid - (quote.bid_ticks - depth) <= quote.far_ticks
        if quote.ask_lots > 0:
            assert quote.ask_ticks + depth - mid <= quote.far_ticks


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 300)), max_size=60), st.integers(0, 12),
    floats(0.0, 100.0), st.integers(1, 3), st.integers(0, 40),
)  # fmt: skip
def test_the_taker_cap_holds_even_if_every_order_takes(moves, cap, share, levels, makers):
    """An exchange that fills as takers whatever it likes of the live orders never gets beyond cap or share.

    Makers' fills stay in the window here: the share could otherwise rise without any new taker fill.
    """
    params = params_of("emit", post_only=0.0, taker_cap=cap, taker_share_max_pct=share, levels=levels)
    memory, live, takers, now = memory_of("emit"), 0, [], 0
    for taken, cancelled, seconds in moves:
        now += seconds * 10**9 + 1
        hour = [t for t in takers if now - t <= 3600 * 10**9]
        context = make_context(
            market_view(now), signals={"fills_1h": makers + len(hour), "taker_fills_1h": len(hour), "open_orders": live}
        )
        context, memory = run_stage("emit", context, params, memory)
        if context.quote.tif == GTC:
            live += 2 * levels
        else:
            assert context.quote.tif == POST_ONLY
            assert context.quote.reasons & TAKER_CAP
        fills = min(taken, live)
        live -= fills
        takers += [now] * fills
        hour = [t for t in takers if now - t <= 3600 * 10**9]
        assert len(hour) <= cap
        assert 100.0 * len(hour) <= share * (makers + len(hour)) + 1e-9
        live = max(live - cancelled, 0)


@given(contexts(), st.integers(0, 1), floats(0.0, 200.0), floats(0.0, 100.0))
def test_quotes_are_post_only_unless_the_config_lets_them_take(context, by_regime, cap, share):
    params = params_of("emit", taker_cap_by_regime=by_regime, taker_cap=cap, taker_share_max_pct=share)
    assert run_stage("emit", context, params)[0].quote.tif == POST_ONLY


@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(50_000, 70_000)), min_size=1, max_size=30), floats(0.1, 100.0))
def test_the_entry_is_among_the_mids_seen_and_the_stop_loses(path, bps):
    entry, had, seen = 0.0, 0.0, []
    for position, mid in path:
        was, entry = entry, entry_ticks(entry, had, float(position), float(mid))
        if had * position <= 0.0:
            seen = []
        elif abs(position) > abs(had) and was != mid:
            assert min(was, mid) < entry < max(was, mid)
        elif abs(position) <= abs(had):
            assert entry == was
        had = float(position)
        seen.append(mid)
        stop, profit = stop_ticks(entry, had, bps), stop_ticks(entry, -had, bps)
        if position == 0:
            assert entry == stop == profit == 0
        else:
            assert min(seen) - 1e-6 <= entry <= max(seen) + 1e-6
            assert (stop < entry < profit) if position > 0 else (profit < entry < stop)
