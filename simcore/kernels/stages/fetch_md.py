"""Stage FetchMD: how old is the view of the market, may it be used, and what does a newer one cost.

The cached view is the local book itself. Its age is the time since the later of the last feed row and the last refresh (a
snapshot of the book). docs/pipeline.md draws the state machine. Times in memory count from the start of the run, in ns.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import FetchDecision, MarketView, QuoteContext, bounded, with_fetch

NS_PER_MS = 1e6
NONE_NS = -1.0  # no such time
INFLIGHT_MAX = 2.0  # one refresh that can mend the view, and one that a gap has overtaken


class FetchParams(NamedTuple):
    """Keys of `md_cache`, and the simulated refresh; switches are 1 or 0.

    ttl_ms                   a view up to this age is a hit.
    depth, max_depth         levels that the strategy asks for, and that the cache holds: more than it holds is always a miss.
    fresh_ms_for_pricing     an older view is marked stale.
    stale_ok                 an older view than ttl_ms may be used while a refresh runs in the background.
    invalidate_on_ws_gap_ms  a feed silent for longer invalidates the view.
    max_inflight_refresh     refreshes that may run at once: 0, 1, or 2; more than 2 are never needed.
    skip_pricing_on_stale    a stale view is not priced: no quotes.
    refresh_ms, refresh_timeout_ms  what a refresh takes, and how long the guards wait for one.
    guards_need_fresh        a miss waits for its refresh.
    """

    enabled: float = 1.0
    cache_enabled: float = 1.0
    ttl_ms: float = 100.0
    max_depth: float = 50.0
    depth: float = 5.0
    fresh_ms_for_pricing: float = 60.0
    stale_ok: float = 1.0
    invalidate_on_ws_gap_ms: float = 300.0
    max_inflight_refresh: float = 1.0
    skip_pricing_on_stale: float = 0.0
    refresh_ms: float = 30.0
    refresh_timeout_ms: float = 50.0
    guards_need_fresh: float = 1.0


class FetchMemory(NamedTuple):
    """The cache between ticks. broken: 1 from a gap or rewind (at broken_ns) until a refresh that began later has ended.

    started_ns, ends_ns: the newest refresh, ends_ns is -1 when none runs; older_ends_ns: one that runs on but mends nothing.
    waiting: 1 when the last run of the tick asked to be run again.  hits, misses, refreshes, timeouts: counts so far.
    """

    gaps: float = 0.0
    rewinds: float = 0.0
    broken: float = 0.0
    broken_ns: float = 0.0
    refreshed_ns: float = NONE_NS
    started_ns: float = NONE_NS
    ends_ns: float = NONE_NS
    older_ends_ns: float = NONE_NS
    waiting: float = 0.0
    hits: float = 0.0
    misses: float = 0.0
    refreshes: float = 0.0
    timeouts: float = 0.0


@kernel
def fetch(context: QuoteContext, params: FetchParams, memory: FetchMemory) -> tuple[QuoteContext, FetchMemory]:
    """Decide whether the view is a hit, stale or invalid, or whether this tick shall run again after a refresh."""
    market = context.market
    if params.cache_enabled == 0.0:
        return with_fetch(context, FetchDecision(1, market.book_age_ns, 0, 0, 0)), memory
    now = float(market.elapsed_ns)
    memory = _settle(memory, market, now)
    if memory.waiting == 1.0:
        return _go_on(context, params, memory, now)
    age = view_age_ns(market, memory, now)
    if _is_usable(params, memory, age) and age <= params.ttl_ms * NS_PER_MS and params.depth <= params.max_depth:
        stale = age > params.fresh_ms_for_pricing * NS_PER_MS
        return with_fetch(context, _decision(1, age, stale, stale and params.skip_pricing_on_stale != 0.0)), _counted(memory, 1.0, 0.0)
    memory = _settle(_start(_counted(memory, 0.0, 1.0), params, now), market, now)
    if memory.refreshed_ns == now and refresh_ns(params) == 0.0:
        return with_fetch(context, _decision(0, 0.0, False, memory.broken == 1.0)), memory
    must_wait = params.guards_need_fresh != 0.0 or params.depth > params.max_depth
    wait = min(memory.ends_ns - now, params.refresh_timeout_ms * NS_PER_MS)
    if must_wait and _mends(memory) and wait >= 1.0:
        return with_fetch(context, FetchDecision(0, int(age), 0, int(wait), 0)), _with_waiting(memory, 1.0)
    return _use_stale(context, params, memory, age)


@kernel
def view_age_ns(market: MarketView, memory: FetchMemory, now: float) -> float:
    """Return the time since the later of the last feed row and the last refresh."""
    age = float(market.book_age_ns)
    if memory.refreshed_ns >= 0.0:
        age = min(age, now - memory.refreshed_ns)
    return age


@kernel
def refresh_ns(params: FetchParams) -> float:
    """Return what a refresh takes, in whole ns."""
    return float(int(bounded(max(params.refresh_ms, 0.0) * NS_PER_MS + 0.5)))


@kernel
def _go_on(
    context: QuoteContext, params: FetchParams, memory: FetchMemory, now: float
) -> tuple[QuoteContext, FetchMemory]:
    """Decide the second run of a tick: with the refreshed view, or without it when the refresh is late."""
    memory = _with_waiting(memory, 0.0)
    age = view_age_ns(context.market, memory, now)
    is_late = memory.ends_ns >= 0.0
    if is_late:
        memory = _with_timeout(memory)
    if is_late and (params.depth > params.max_depth or age > params.ttl_ms * NS_PER_MS):
        return _use_stale(context, params, memory, age)
    if memory.broken == 1.0 and not is_late:  # a gap came while we waited: its own refresh starts now
        memory = _start(memory, params, now)
    stale = age > params.fresh_ms_for_pricing * NS_PER_MS
    invalid = not _is_usable(params, memory, age) or (stale and params.skip_pricing_on_stale != 0.0)
    return with_fetch(context, _decision(0, age, stale, invalid)), memory


@kernel
def _use_stale(
    context: QuoteContext, params: FetchParams, memory: FetchMemory, age: float
) -> tuple[QuoteContext, FetchMemory]:
    """Decide a miss that does not wait, or has waited in vain: the old view, where that is allowed."""
    too_deep = params.depth > params.max_depth
    stale = too_deep or age > min(params.fresh_ms_for_pricing, params.ttl_ms) * NS_PER_MS
    may_not = params.stale_ok == 0.0 or (stale and params.skip_pricing_on_stale != 0.0)
    invalid = too_deep or may_not or not _is_usable(params, memory, age)
    return with_fetch(context, _decision(0, age, stale, invalid)), memory


@kernel
def _is_usable(params: FetchParams, memory: FetchMemory, age: float) -> bool:
    """Return whether neither a gap, nor a rewind, nor a silence has made the view worthless."""
    return memory.broken == 0.0 and age <= params.invalidate_on_ws_gap_ms * NS_PER_MS


@kernel
def _decision(hit: int, age: float, stale: bool, invalid: bool) -> FetchDecision:
    return FetchDecision(hit, int(age), 1 if stale else 0, 0, 1 if invalid else 0)


@kernel
def _mends(memory: FetchMemory) -> bool:
    """Return whether a refresh runs that began after the last gap."""
    return memory.ends_ns >= 0.0 and (memory.broken == 0.0 or memory.started_ns >= memory.broken_ns)


@kernel
def _settle(memory: FetchMemory, market: MarketView, now: float) -> FetchMemory:
    """Return the memory after refreshes that have ended by now, and then the gaps that the feed has shown since."""
    m = memory
    refreshed, broken, ends, older = m.refreshed_ns, m.broken, m.ends_ns, m.older_ends_ns
    if 0.0 <= older <= now:
        refreshed = max(refreshed, older)
        older = NONE_NS
    if 0.0 <= ends <= now:
        refreshed = max(refreshed, ends)
        if _mends(m):
            broken = 0.0
        ends = NONE_NS
    broken_ns = m.broken_ns
    gaps, rewinds = float(market.gaps), float(market.rewinds)
    if gaps != m.gaps or rewinds != m.rewinds:
        broken = 1.0
        broken_ns = now
    return FetchMemory(
        gaps, rewinds, broken, broken_ns, refreshed, m.started_ns, ends, older, m.waiting, m.hits, m.misses, m.refreshes,
        m.timeouts,
    )  # fmt: skip


@kernel
def _start(memory: FetchMemory, params: FetchParams, now: float) -> FetchMemory:
    """Start a refresh, unless one runs that will do, or as many run as may."""
    m = memory
    running = (1.0 if m.ends_ns >= 0.0 else 0.0) + (1.0 if m.older_ends_ns >= 0.0 else 0.0)
    if _mends(m) or running >= min(params.max_inflight_refresh, INFLIGHT_MAX):
        return m
    older = m.ends_ns if m.ends_ns >= 0.0 else m.older_ends_ns
    return FetchMemory(
        m.gaps, m.rewinds, m.broken, m.broken_ns, m.refreshed_ns, now, now + refresh_ns(params), older, m.waiting,
        m.hits, m.misses, m.refreshes + 1.0, m.timeouts,
    )  # fmt: skip


@kernel
def _counted(memory: FetchMemory, hits: float, misses: float) -> FetchMemory:
    m = memory
    return FetchMemory(
        m.gaps, m.rewinds, m.broken, m.broken_ns, m.refreshed_ns, m.started_ns, m.ends_ns, m.older_ends_ns, m.waiting,
        m.hits + hits, m.misses + misses, m.refreshes, m.timeouts,
    )  # fmt: skip


@kernel
def _with_waiting(memory: FetchMemory, waiting: float) -> FetchMemory:
    m = memory
    return FetchMemory(
        m.gaps, m.rewinds, m.broken, m.broken_ns, m.refreshed_ns, m.started_ns, m.ends_ns, m.older_ends_ns, waiting, m.hits,
        m.misses, m.refreshes, m.timeouts,
    )  # fmt: skip


@kernel
def _with_timeout(memory: FetchMemory) -> FetchMemory:
    m = memory
    return FetchMemory(
        m.gaps, m.rewinds, m.broken, m.broken_ns, m.refreshed_ns, m.started_ns, m.ends_ns, m.older_ends_ns, m.waiting, m.hits,
        m.misses, m.refreshes, m.timeouts + 1.0,
    )  # fmt: skip
