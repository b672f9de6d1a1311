"""The cache of the market view: what invalidates it, what mends it, how often it may ask."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.contexts import MS, floats, make_context, market_view
from tests.property.plain import memory_of, params_of, run_stage

SWITCH = st.sampled_from((0.0, 1.0))
MILLISECONDS = st.sampled_from((0.0, 1.0, 20.0, 30.0, 50.0, 80.0, 250.0))


@st.composite
def fetch_params(draw, **fixed):
    drawn = {
        "ttl_ms": draw(floats(0.0, 400.0)), "fresh_ms_for_pricing": draw(floats(0.0, 400.0)), "stale_ok": draw(SWITCH),
        "invalidate_on_ws_gap_ms": draw(floats(0.0, 1000.0)), "max_inflight_refresh": draw(st.sampled_from((0.0, 1.0, 2.0, 5.0))),
        "skip_pricing_on_stale": draw(SWITCH), "refresh_ms": draw(MILLISECONDS), "refresh_timeout_ms": draw(MILLISECONDS),
        "guards_need_fresh": draw(SWITCH), "depth": draw(st.sampled_from((5.0, 5.0, 50.0, 51.0))),
    }  # fmt: skip
    return params_of("fetch_md", **drawn | fixed)


@st.composite
def feeds(draw, most=20):
    """Return steps: how long until the next tick, whether rows came (and when), gaps and rewinds."""
    step = st.tuples(
        st.sampled_from((100, 100, 30, 10, 700)), st.one_of(st.just(None), st.integers(0, 30)),
        st.sampled_from((0, 0, 0, 1, 2)), st.sampled_from((0, 0, 0, 0, 1)),
    )  # fmt: skip
    return draw(st.lists(step, min_size=1, max_size=most))


class Feed:
    """Runs ticks as the engine does: again after wait_ns, and keeps what every run decided."""

    def __init__(self, params):
        self.params, self.memory = params, memory_of("fetch_md")
        self.now = self.last_row = self.gaps = self.rewinds = 0
        self.runs = []  # (time, decision, memory before, memory after)

    def run(self):
        view = market_view(self.now, book_age_ns=self.now - self.last_row, gaps=self.gaps, rewinds=self.rewinds)
        before = self.memory
        context, self.memory = run_stage("fetch_md", make_context(view), self.params, before)
        self.runs.append((self.now, context.fetch, before, self.memory))
        return context.fetch

    def step(self, milliseconds, row_age, gap, rewind):
        target = max(self.now, self.now - self.now % MS + milliseconds * MS)
        self.now = target
        if row_age is not None:
            self.last_row = max(self.last_row, target - row_age * MS)
        self.gaps += gap
        decision = self.run()
        if decision.wait_ns > 0:
            self.now += decision.wait_ns
            self.rewinds += rewind  # while we wait
            return self.run()
        self.rewinds += rewind  # seen at the next tick
        return decision

    @property
    def age(self):
        return self.now - max(self.last_row, self.memory.refreshed_ns)


@given(feeds(), fetch_params())
def test_a_tick_waits_at_most_once_and_not_beyond_the_timeout(steps, params):
    feed = Feed(params)
    for step in steps:
        assert feed.step(*step).wait_ns == 0
    for _, decision, before, _after in feed.runs:
        assert 0 <= decision.wait_ns <= min(params.refresh_ms, params.refresh_timeout_ms) * MS
        assert before.waiting == 0.0 or decision.wait_ns == 0
        assert decision.wait_ns == 0 or params.guards_need_fresh == 1.0 or params.depth > params.max_depth


@settings(max_examples=400)
@given(feeds(), fetch_params(ttl_ms=50.0, depth=5.0), st.sampled_from((30.0, 80.0, 250.0)))
def test_after_a_gap_or_a_rewind_only_a_later_refresh_makes_the_view_valid(steps, params, refresh_ms):
    """Told from outside: a refresh that ended mends only gaps that the feed had shown when it began."""
    params = params._replace(refresh_ms=refresh_ms)
    feed = Feed(params)
    broken_ns = -1
    for milliseconds, row_age, gap, rewind in steps:
        decision = feed.step(milliseconds, row_age, gap, rewind)
        for now, _, before, after in feed.runs:
            if (after.gaps, after.rewinds) != (before.gaps, before.rewinds):
                broken_ns = now
        begun = [now for now, _, before, after in feed.runs if after.refreshes > before.refreshes and now >= broken_ns]
        mended = any(now + params.refresh_ms * MS <= feed.now for now in begun)
        if broken_ns >= 0 and not mended:
            assert decision.invalid == 1
            assert decision.hit == 0


@given(feeds(), fetch_params())
def test_a_hit_is_young_deep_and_valid(steps, params):
    feed = Feed(params)
    for step in steps:
        feed.step(*step)
        now, decision, _, after = feed.runs[-1]
        assert decision.age_ns == feed.age
        if decision.hit == 1:
            assert decision.age_ns <= params.ttl_ms * MS
            assert decision.age_ns <= params.invalidate_on_ws_gap_ms * MS
            assert after.broken == 0.0
            assert params.depth <= params.max_depth
            assert decision.stale == int(decision.age_ns > params.fresh_ms_for_pricing * MS)
        assert now == feed.now


@given(feeds(), fetch_params())
def test_a_view_that_is_too_old_for_pricing_is_never_passed_as_fresh(steps, params):
    feed = Feed(params)
    for step in steps:
        decision = feed.step(*step)
        if decision.age_ns > params.fresh_ms_for_pricing * MS:
            assert decision.stale == 1
            assert params.skip_pricing_on_stale == 0.0 or decision.invalid == 1
        if decision.age_ns > params.invalidate_on_ws_gap_ms * MS:
            assert decision.invalid == 1


@given(feeds(), fetch_params())
def test_refreshes_in_flight_are_within_their_limit(steps, params):
    feed = Feed(params)
    for step in steps:
        feed.step(*step)
        ends = [now + params.refresh_ms * MS for now, _, before, after in feed.runs if after.refreshes > before.refreshes]
        assert sum(end > feed.now for end in ends) <= params.max_inflight_refresh


@given(feeds(), fetch_params(depth=51.0))
def test_a_view_deeper_than_the_cache_is_never_made_up(steps, params):
    """It is a miss each time, and valid only when a refresh has just brought it."""
    feed = Feed(params)
    for step in steps:
        decision = feed.step(*step)
        assert decision.hit == 0
        if decision.invalid == 0:
            assert feed.memory.refreshed_ns == feed.now
    assert feed.memory.hits == 0
    assert feed.memory.misses == len(steps)


@given(feeds(), fetch_params())
def test_every_tick_is_a_hit_or_a_miss_once(steps, params):
    feed = Feed(params)
    for step in steps:
        feed.step(*step)
    assert feed.memory.hits + feed.memory.misses == len(steps)
    assert feed.memory.hits == sum(decision.hit for _, decision, _, _ in feed.runs)
    assert feed.memory.timeouts <= sum(decision.wait_ns > 0 for _, decision, _, _ in feed.runs)


@given(feeds(), fetch_params(refresh_ms=30.0, refresh_timeout_ms=50.0, max_inflight_refresh=1.0, depth=5.0, skip_pricing_on_stale=0.0))
def test_the_cache_is_never_stuck(steps, params):
    """With refreshes shorter than a tick, a quiet feed that says nothing wrong is valid again at the second tick."""
    feed = Feed(params._replace(stale_ok=1.0, invalidate_on_ws_gap_ms=300.0))
    for step in steps:
        feed.step(*step)
    feed.step(100, None, 0, 0)
    assert feed.step(100, None, 0, 0).invalid == 0


@given(feeds(), fetch_params(cache_enabled=0.0))
def test_a_cache_that_is_off_costs_nothing(steps, params):
    feed = Feed(params)
    for step in steps:
        decision = feed.step(*step)
        assert (decision.hit, decision.stale, decision.wait_ns, decision.invalid) == (1, 0, 0, 0)
    assert feed.memory == memory_of("fetch_md")


@given(feeds(), fetch_params(guards_need_fresh=0.0, depth=5.0, stale_ok=0.0))
def test_without_stale_ok_an_old_view_is_not_used(steps, params):
    feed = Feed(params)
    for step in steps:
        decision = feed.step(*step)
        if decision.hit == 0 and math.isfinite(feed.age) and feed.memory.refreshed_ns != feed.now:
            assert decision.invalid == 1
