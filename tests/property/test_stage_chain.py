"""What holds for the chain of the six stages, whatever the market, the order of the stages and their params."""

import math

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from simcore.jit import JIT, expose
from simcore.kernels.context import GUARD_HARD, GUARD_NONE, GUARD_SOFT
from simcore.kernels.finite import is_finite
from simcore.kernels.reasons import HALTED
from strategies import adaptive
from tests.property.contexts import calm_contexts, contexts, floats, market_view, ticks_in_a_row
from tests.property.plain import STAGES, Chain, memory_of, params_of, plain, run_stage

ORDERS = st.permutations(list(STAGES))
is_finite_plain = plain(is_finite)


@st.composite
def emit_params(draw):
    """Return params of emit: ladders, filters, hold times, order types."""
    return {
        "use_microprice": draw(st.integers(0, 1)), "order_lots": draw(st.sampled_from((1, 1, 5, 50, 0))), "levels": draw(st.sampled_from((1, 1, 3, 6, 0))),
        "level_step_ticks": draw(st.integers(1, 9)), "lots_factor": draw(st.sampled_from((0.5, 1.0, 1.5, 3.0))),
        "max_order_lots": draw(st.sampled_from((0, 0, 3, 40))), "min_notional": draw(st.sampled_from((0.0, 0.0, 0.0, 100.0))),
        "refresh_ms": draw(st.sampled_from((0, 0, 400, 5000))), "post_only": draw(st.integers(0, 1)),
        "fast_cancel_bps": draw(st.sampled_from((0.0, 3.0, 1.0))), "cooldown_bps": draw(st.sampled_from((0.0, 10.0))),
        "stop_bps": draw(st.sampled_from((0.0, 20.0))), "take_profit_bps": draw(st.sampled_from((0.0, 20.0))),
        "taker_cap_by_regime": draw(st.integers(0, 1)), "display_lots": draw(st.integers(0, 2)),
    }  # fmt: skip


def assert_does_not_cross(context):
    market, quote = context.market, context.quote
    if quote.bid_lots > 0:
        assert quote.bid_ticks < market.mid_ticks
        assert quote.bid_ticks < market.ask_ticks
    if quote.ask_lots > 0:
        assert quote.ask_ticks > market.mid_ticks
        assert quote.ask_ticks > market.bid_ticks


@given(ticks_in_a_row(6), ORDERS, emit_params())
def test_bid_is_below_mid_is_below_ask_in_any_order_of_the_stages(row, order, emit):
    chain = Chain(order, emit=emit)
    for context in row:
        assert_does_not_cross(chain.tick(context))


@given(ticks_in_a_row(4), st.sets(st.sampled_from(list(STAGES))), emit_params())
def test_bid_is_below_mid_is_below_ask_with_any_stages_off(row, off, emit):
    chain = Chain(**{"emit": emit} | {stage: {"enabled": 0.0} for stage in off})
    for context in row:
        assert_does_not_cross(chain.tick(context))


@given(ticks_in_a_row(6), ORDERS, emit_params())
def test_finite_in_finite_out(row, order, emit):
    chain = Chain(order, emit=emit)
    for context in row:
        done = chain.tick(context)
        assert is_finite_plain(done)
        for memory in chain.memory.values():
            assert all(math.isfinite(value) for value in (memory or ()) if isinstance(value, float))


@given(contexts(), st.sampled_from(list(STAGES)))
def test_a_stage_that_is_off_changes_nothing(context, stage):
    memory = memory_of(stage)
    assert run_stage(stage, context, params_of(stage, enabled=0.0), memory) == (context, memory)


@given(ticks_in_a_row(6), emit_params())
def test_hard_means_no_quotes_at_once_and_for_the_whole_halt(row, emit):
    chain = Chain(emit=emit)
    until = 0
    for context in row:
        done = chain.tick(context)
        if done.fetch.wait_ns > 0:
            continue
        if done.guards.hard & ~HALTED:
            until = context.market.elapsed_ns + 2_000_000_000
        if context.market.elapsed_ns < until:
            assert done.guards.level == GUARD_HARD
            assert (done.quote.bid_lots, done.quote.ask_lots, done.quote.levels) == (0, 0, 0)
            assert done.quote.reasons & done.guards.hard == done.guards.hard != 0
        elif done.guards.hard == 0:
            assert done.guards.level < GUARD_HARD


@given(ticks_in_a_row(4), emit_params(), floats(0.0, 3.0), floats(0.0, 3.0), floats(0.0, 20.0))
def test_soft_never_narrows_the_spread_nor_enlarges_the_size(row, emit, size, wide, half):
    """The same past, then one tick as it is and one that a SOFT guard has seen, whatever that guard's scales."""
    memory, params = memory_of("emit"), params_of("emit", **emit)
    for context in row[:-1]:
        _, memory = run_stage("emit", context._replace(spread=context.spread._replace(half_ticks=6.0)), params, memory)
    last = row[-1]
    calm = last._replace(spread=last.spread._replace(half_ticks=half), guards=last.guards._replace(level=GUARD_NONE))
    soft = calm._replace(guards=calm.guards._replace(level=GUARD_SOFT, size_scale=size, spread_scale=wide))
    without, with_guard = (run_stage("emit", each, params, memory)[0].quote for each in (calm, soft))
    if with_guard.bid_lots > 0 and without.bid_lots > 0:
        assert with_guard.bid_ticks <= without.bid_ticks
    if with_guard.ask_lots > 0 and without.ask_lots > 0:
        assert with_guard.ask_ticks >= without.ask_ticks
    assert with_guard.bid_lots <= without.bid_lots
    assert with_guard.ask_lots <= without.ask_lots
    assert with_guard.levels <= without.levels


@given(calm_contexts(), floats(0.0, 20.0), floats(0.0, 20.0), floats(1.0, 3.0), st.integers(-2, 2))
def test_a_guard_that_becomes_soft_never_narrows_quotes_that_are_held(context, half, half_now, wider, step):
    """The prices of the last tick stand; those of a SOFT tick are no nearer than them, and no nearer than its own."""
    assume(context.market.bid_ticks > 100)
    params = params_of("emit", refresh_ms=1000, fast_cancel_bps=0)
    first, memory = run_stage("emit", context._replace(spread=context.spread._replace(half_ticks=half)), params)
    market = market_view(context.market.elapsed_ns + 1, context.market.bid_ticks + step, context.market.ask_ticks + step)
    assume(first.quote.bid_ticks < market.mid_ticks < first.quote.ask_ticks)
    now = context._replace(market=market, spread=context.spread._replace(half_ticks=half_now))
    soft = now._replace(guards=now.guards._replace(level=GUARD_SOFT, spread_scale=wider))
    fresh = run_stage("emit", soft, params)[0].quote
    without, with_guard = (run_stage("emit", each, params, memory)[0].quote for each in (now, soft))
    assert (without.bid_ticks, without.ask_ticks) == (first.quote.bid_ticks, first.quote.ask_ticks)
    assert with_guard.bid_ticks == min(without.bid_ticks, fresh.bid_ticks)
    assert with_guard.ask_ticks == max(without.ask_ticks, fresh.ask_ticks)


@given(calm_contexts(), ORDERS)
def test_a_calm_market_is_always_quoted(context, order):
    """Nothing is wrong and the position is small: whatever the order, as long as emit is last, both sides are quoted."""
    order = [stage for stage in order if stage != "emit"] + ["emit"]
    quote = Chain(order).tick(context).quote
    assert quote.bid_lots > 0 or context.market.bid_ticks == 1
    assert quote.ask_lots > 0


@given(ticks_in_a_row(5), emit_params())
def test_a_run_that_waits_for_a_refresh_leaves_every_later_stage_as_it_was(row, emit):
    chain = Chain(emit=emit)
    for context in row:
        before = dict(chain.memory)
        done = chain.tick(context)
        if done.fetch.wait_ns > 0:
            assert done == context._replace(fetch=done.fetch)
            assert {name: chain.memory[name] for name in before if name != "fetch_md"} == {
                name: memory for name, memory in before.items() if name != "fetch_md"
            }


@given(ticks_in_a_row(5), emit_params())
def test_the_same_ticks_give_the_same_quotes(row, emit):
    one, other = Chain(emit=emit), Chain(emit=emit)
    assert [one.tick(context) for context in row] == [other.tick(context) for context in row]
    assert one.memory == other.memory


def as_floats(values):
    return type(values)(*(as_floats(each) if isinstance(each, tuple) else float(each) for each in values))


def test_machine_code_gives_the_same_bits_as_python():
    """Each stage, compiled, on contexts of a few runs."""
    assert JIT, "run this test with the JIT on"
    compiled = {name: expose(stage) for name, stage in adaptive.STAGES.items()}

    @settings(max_examples=20, database=None)
    @given(ticks_in_a_row(5), emit_params())
    def compare(row, emit):
        chain = Chain(emit=emit)
        for context in row:
            done = context
            for name in chain.order:
                memory = chain.memory[name]
                arguments = (done, chain.params[name]) if memory is None else (done, chain.params[name], as_floats(memory))
                was = done
                done, chain.memory[name] = run_stage(name, was, chain.params[name], memory)
                assert compiled[name](*arguments) == (done if memory is None else (done, chain.memory[name]))

    compare()


@given(contexts(), floats(0.0, 1.0))
def test_every_reason_of_the_guards_is_a_reason_of_the_quote(context, scale):
    assume(context.market.gaps == 0)
    done = Chain(guards={"size_scale": scale}).tick(context)
    bits = done.guards.soft | done.guards.hard
    assert done.quote.reasons & bits == bits
