"""Guards: what triggers, what never does, and what a cap remembers."""

from hypothesis import given
from hypothesis import strategies as st

from simcore.kernels.context import GUARD_HARD, GUARD_NONE, GUARD_SOFT
from simcore.kernels.reasons import HALTED, INVENTORY, LATENCY, LOSS_CAP, PNL, TURNOVER_CAP, VOLATILITY
from simcore.records import UNITS_MAX
from tests.property.contexts import START_NS, contexts, floats, make_context, market_view, ticks_in_a_row
from tests.property.plain import memory_of, params_of, run_stage

DAY_NS = 86_400 * 10**9


@given(ticks_in_a_row(8), floats(-1.0, 4.0), floats(-1.0, 4.0))
def test_levels_and_scales_agree_with_the_reasons(row, size, wider):
    params, memory = params_of("guards", size_scale=size, spread_scale=wider), memory_of("guards")
    for context in row:
        context, memory = run_stage("guards", context, params, memory)
        guards = context.guards
        assert guards.level == (GUARD_HARD if guards.hard else GUARD_SOFT if guards.soft else GUARD_NONE)
        assert guards.spread_scale >= 1.0
        assert 0.0 <= guards.size_scale <= 1.0
        if guards.level == GUARD_NONE:
            assert (guards.size_scale, guards.spread_scale) == (1.0, 1.0)
        if guards.level == GUARD_HARD:
            assert guards.size_scale == 0.0


@given(contexts(), floats(0.0, 1000.0), floats(0.0, 1000.0), st.integers(0, 4))
def test_cold_signals_trigger_nothing(context, volatility, latency, few):
    cold = context.signals._replace(
        return_std_bps=volatility, returns=4 * few, latency_p95_ms=latency, latencies=few, pnl_mean=-1000.0, pnl_samples=2 * few
    )
    guards = run_stage("guards", context._replace(signals=cold))[0].guards
    assert (guards.soft | guards.hard) & (VOLATILITY | LATENCY | PNL) == 0


@given(contexts())
def test_what_is_hard_of_a_market_or_pnl_is_soft_as_well(context):
    """Soft limits lie before the hard ones, so that no reason is hard without having been soft."""
    guards = run_stage("guards", context)[0].guards
    both = VOLATILITY | LATENCY | PNL | INVENTORY
    assert guards.hard & both & ~guards.soft == 0


@given(ticks_in_a_row(10), floats(1.0, 1e5), floats(1.0, 1e7), st.lists(st.tuples(st.sampled_from((0, 0, 1)), floats(0.0, 2.0), floats(0.0, 2.0)), min_size=10, max_size=10))
def test_a_cap_that_was_reached_stays_until_the_utc_day_ends(row, loss, turnover, days):
    params, memory = params_of("guards", max_day_loss=loss, max_day_turnover=turnover), memory_of("guards")
    reached = {LOSS_CAP: -1, TURNOVER_CAP: -1}
    for i, context in enumerate(row):
        later = sum(day for day, _, _ in days[: i + 1]) * DAY_NS
        view = context.market._replace(now_ns=context.market.now_ns + later, elapsed_ns=context.market.elapsed_ns + later)
        money = context.signals._replace(pnl_day=-days[i][1] * loss, turnover_day=days[i][2] * turnover)
        context, memory = run_stage("guards", context._replace(market=view, signals=money), params, memory)
        day = view.now_ns // DAY_NS
        if -context.signals.pnl_day >= loss:
            reached[LOSS_CAP] = day
        if context.signals.turnover_day >= turnover:
            reached[TURNOVER_CAP] = day
        for bit, since in reached.items():
            assert bool(context.guards.hard & bit) == (since == day)


@given(ticks_in_a_row(10), floats(0.0, 5000.0))
def test_a_halt_lasts_exactly_as_long_as_said_after_its_last_trigger(row, halt_ms):
    params, memory = params_of("guards", halt_ms=halt_ms), memory_of("guards")
    until = -1.0
    for context in row:
        context, memory = run_stage("guards", context, params, memory)
        now = context.market.elapsed_ns
        if context.guards.hard & ~HALTED:
            until = now + halt_ms * 1e6
        assert bool(context.guards.hard & HALTED) == (now < until)


@given(ticks_in_a_row(10))
def test_every_reason_is_counted_once_a_tick(row):
    memory, soft, hard = memory_of("guards"), 0, 0
    for context in row:
        context, memory = run_stage("guards", context, memory=memory)
        soft += context.guards.soft.bit_count()
        hard += context.guards.hard.bit_count()
    counts = memory._asdict()
    assert sum(value for name, value in counts.items() if name.startswith("soft_")) == soft
    assert sum(value for name, value in counts.items() if name.startswith("hard_")) == hard


@given(contexts(), floats(0.0, 1.0), floats(1.0, 5.0), st.integers(0, 2**24), st.integers(0, 2**24))
def test_a_second_guard_never_loosens_what_the_first_has_said(context, size, wider, soft, hard):
    level = GUARD_HARD if hard else GUARD_SOFT if soft else GUARD_NONE
    first = context.guards._replace(level=level, size_scale=size, spread_scale=wider, soft=soft, hard=hard)
    guards = run_stage("guards", context._replace(guards=first))[0].guards
    assert guards.level >= level
    assert guards.size_scale <= size
    assert guards.spread_scale >= wider
    assert guards.soft & soft == soft
    assert guards.hard & hard == hard


@given(st.integers(10, 100), st.sampled_from((1, -1)), floats(450.0, 2000.0))
def test_a_guard_does_not_halt_for_ever_for_what_only_quoting_can_mend(position, sign, latency):
    """A position and a latency that stay as they are halt once; then they are SOFT."""
    memory, levels = memory_of("guards"), []
    for i in range(40):
        context = make_context(
            market_view(i * 100_000_000), sign * position, signals={"latency_p95_ms": latency, "latencies": 100}
        )
        context, memory = run_stage("guards", context, memory=memory)
        levels.append(context.guards.level)
    assert levels == [GUARD_HARD] * 20 + [GUARD_SOFT] * 20


@given(contexts(), floats(0.0, 100.0), st.integers(0, 500))
def test_at_the_hard_limit_of_inventory_only_the_reducing_side_has_room(context, hard_pct, limit):
    params = params_of("guards", inventory_hard_pct=hard_pct, max_position_lots=limit)
    room = run_stage("guards", context, params)[0].inventory
    pct = min(100.0 * abs(context.position_lots) / limit, 100.0) if limit else 0.0
    if limit and pct >= hard_pct and pct > 0.0:
        adding, reducing = (room.room_bid_lots, room.room_ask_lots)[:: 1 if context.position_lots > 0 else -1]
        assert (adding, reducing) == (0, UNITS_MAX)
    else:
        assert room == context.inventory


def test_a_day_ends_at_midnight_utc():
    assert START_NS % DAY_NS == 0
