"""FetchMD: each edge of the cache's state machine, at the default keys."""

import pytest

from tests.property.contexts import MS, make_context, market_view
from tests.property.plain import memory_of, params_of, run_stage

WAIT = 30 * MS  # a refresh


def fetch(milliseconds, age_ms, memory=None, gaps=0, rewinds=0, **params):
    view = market_view(milliseconds * MS, book_age_ns=age_ms * MS, gaps=gaps, rewinds=rewinds)
    context, after = run_stage("fetch_md", make_context(view), params_of("fetch_md", **params), memory)
    return context.fetch, after


def test_a_young_view_is_a_hit():
    decision, memory = fetch(100, 60)
    assert decision == (1, 60 * MS, 0, 0, 0)
    assert (memory.hits, memory.misses, memory.refreshes) == (1, 0, 0)


def test_a_hit_older_than_pricing_wants_is_marked_stale():
    assert fetch(100, 61)[0] == (1, 61 * MS, 1, 0, 0)


def test_a_stale_view_may_be_kept_from_pricing():
    assert fetch(100, 61, skip_pricing_on_stale=1)[0] == (1, 61 * MS, 1, 0, 1)


def test_guards_wait_for_the_refresh_of_an_old_view_and_then_get_it():
    decision, memory = fetch(1000, 101)
    assert decision == (0, 101 * MS, 0, WAIT, 0)
    assert (memory.waiting, memory.misses, memory.refreshes) == (1, 1, 1)
    decision, memory = fetch(1030, 131, memory)
    assert decision == (0, 0, 0, 0, 0)
    assert (memory.waiting, memory.hits, memory.misses, memory.timeouts) == (0, 0, 1, 0)


def test_a_refresh_makes_later_ticks_hits():
    _, memory = fetch(1000, 101)
    _, memory = fetch(1030, 131, memory)
    decision, memory = fetch(1100, 201, memory)
    assert decision == (1, 70 * MS, 1, 0, 0)


def test_a_late_refresh_is_waited_for_until_the_timeout_and_ends_in_the_background():
    decision, memory = fetch(1000, 150, refresh_ms=120)
    assert decision.wait_ns == 50 * MS
    decision, memory = fetch(1050, 200, memory, refresh_ms=120)
    assert decision == (0, 200 * MS, 1, 0, 0)
    assert memory.timeouts == 1
    decision, memory = fetch(1120, 270, memory, refresh_ms=120)
    assert decision == (1, 0, 0, 0, 0)


def test_a_row_that_comes_while_we_wait_is_as_good_as_the_refresh():
    _, memory = fetch(1000, 150, refresh_ms=120)
    assert fetch(1050, 5, memory, refresh_ms=120)[0] == (0, 5 * MS, 0, 0, 0)


def test_without_guards_an_old_view_is_used_while_a_refresh_runs():
    decision, memory = fetch(1000, 150, guards_need_fresh=0)
    assert decision == (0, 150 * MS, 1, 0, 0)
    assert (memory.started_ns, memory.ends_ns) == (1000 * MS, 1030 * MS)
    assert fetch(1020, 170, memory, guards_need_fresh=0)[1].refreshes == 1
    assert fetch(1040, 190, memory, guards_need_fresh=0)[0] == (1, 10 * MS, 0, 0, 0)


def test_stale_views_may_be_forbidden():
    assert fetch(1000, 150, guards_need_fresh=0, stale_ok=0)[0] == (0, 150 * MS, 1, 0, 1)


@pytest.mark.parametrize("broken", [{"gaps": 1}, {"rewinds": 1}])
def test_a_gap_or_a_rewind_invalidates_until_a_refresh_has_ended(broken):
    decision, memory = fetch(1000, 5, guards_need_fresh=0, **broken)
    assert (decision.hit, decision.invalid) == (0, 1)
    decision, memory = fetch(1020, 5, memory, guards_need_fresh=0, **broken)
    assert (decision.hit, decision.invalid) == (0, 1)
    decision, memory = fetch(1030, 5, memory, guards_need_fresh=0, **broken)
    assert (decision.hit, decision.invalid) == (1, 0)


def test_a_refresh_that_began_before_the_gap_does_not_mend_it():
    _, memory = fetch(1000, 150, guards_need_fresh=0)
    decision, memory = fetch(1020, 5, memory, gaps=1, guards_need_fresh=0)
    assert decision.invalid == 1
    assert memory.refreshes == 1  # one in flight is all that may be
    decision, memory = fetch(1040, 5, memory, gaps=1, guards_need_fresh=0)
    assert decision.invalid == 1
    assert memory.refreshes == 2
    assert fetch(1070, 5, memory, gaps=1, guards_need_fresh=0)[0].invalid == 0


def test_a_second_refresh_may_run_beside_one_that_a_gap_has_overtaken():
    _, memory = fetch(1000, 150, guards_need_fresh=0, max_inflight_refresh=2)
    _, memory = fetch(1020, 5, memory, gaps=1, guards_need_fresh=0, max_inflight_refresh=2)
    assert (memory.refreshes, memory.older_ends_ns, memory.ends_ns) == (2, 1030 * MS, 1050 * MS)
    assert fetch(1050, 5, memory, gaps=1, guards_need_fresh=0, max_inflight_refresh=2)[0].invalid == 0


def test_a_gap_while_we_wait_leaves_the_view_invalid_and_is_not_waited_for_again():
    _, memory = fetch(1000, 150)
    decision, memory = fetch(1030, 5, memory, gaps=1)
    assert decision == (0, 0, 0, 0, 1)
    assert memory.refreshes == 2
    assert fetch(1100, 5, memory, gaps=1)[0] == (1, 5 * MS, 0, 0, 0)


def test_silence_invalidates_until_a_row_comes():
    decision, memory = fetch(1000, 301, guards_need_fresh=0, max_inflight_refresh=0)
    assert (decision.stale, decision.invalid) == (1, 1)
    assert fetch(1100, 2, memory, guards_need_fresh=0, max_inflight_refresh=0)[0] == (1, 2 * MS, 0, 0, 0)


def test_a_refresh_ends_a_silence_for_as_long():
    _, memory = fetch(1000, 301, guards_need_fresh=0)
    assert fetch(1050, 351, memory, guards_need_fresh=0)[0] == (1, 20 * MS, 0, 0, 0)
    assert fetch(1331, 632, memory, guards_need_fresh=0)[0].invalid == 1


def test_more_levels_than_the_cache_holds_are_a_miss_and_need_a_refresh_each_time():
    decision, memory = fetch(1000, 5, depth=51)
    assert (decision.hit, decision.wait_ns) == (0, WAIT)
    decision, memory = fetch(1030, 5, memory, depth=51)
    assert (decision.hit, decision.invalid) == (0, 0)
    assert fetch(1100, 5, memory, depth=51)[0].wait_ns == WAIT


def test_more_levels_than_the_cache_holds_are_not_made_up_when_the_refresh_is_late():
    _, memory = fetch(1000, 5, depth=51, refresh_ms=60)
    assert fetch(1050, 5, memory, depth=51, refresh_ms=60)[0] == (0, 5 * MS, 1, 0, 1)


def test_a_refresh_that_takes_no_time_is_there_at_once():
    assert fetch(1000, 150, refresh_ms=0)[0] == (0, 0, 0, 0, 0)


def test_without_refreshes_nothing_is_waited_for():
    decision, memory = fetch(1000, 150, max_inflight_refresh=0)
    assert decision == (0, 150 * MS, 1, 0, 0)
    assert memory.refreshes == 0


def test_a_cache_that_is_off_hands_the_book_on_as_it_is():
    decision, memory = fetch(1000, 5000, gaps=3, cache_enabled=0)
    assert decision == (1, 5000 * MS, 0, 0, 0)
    assert memory == memory_of("fetch_md")
