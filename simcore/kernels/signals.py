"""What the Node measures of the market and of itself from tick to tick; all windows are rings in State.rings and State.whole."""

from __future__ import annotations

import math

from simcore.jit import inlined, kernel
from simcore.kernels import at, dmath, ledger
from simcore.kernels.context import Signals
from simcore.kernels.orders_live import LiveOrders
from simcore.kernels.state import (
    F_CASH_UNIT,
    FILL_BUCKETS,
    LATENCIES,
    MEMO_BEFORE,
    MEMO_COUNT,
    MEMO_NOW,
    MEMO_RETURN,
    MEMO_STD,
    ORIGIN,
    P_KIND,
    P_SCALE,
    PNLS,
    REQUEST_BUCKETS,
    RETURNS,
    W_FILLS,
    W_LATENCY,
    W_PNL,
    W_REQUESTS,
    W_SORTED,
    W_TAKERS,
    State,
)
from simcore.records import FloatArray
from simcore.units import NS_PER_S

FILL_BUCKET_NS = 10 * NS_PER_S
QUARTER_BUCKETS = 91  # 15 minutes and the bucket that is filling
DAY_NS = 86_400 * NS_PER_S
NS_PER_MS = 1e6


@kernel
def equity_units(state: State, lane: int, bid: int, ask: int) -> int:
    """Return what the Node knows of its equity at the mid of bid and ask, cash units."""
    record = at.lanes(state)[lane]
    held = ledger.position_value(
        at.ints(state)[lane, P_KIND], at.ints(state)[lane, P_SCALE], record.node_position_lots, bid, ask
    )
    return record.node_cash_units - record.node_fee_units + held


@inlined
def measure(state: State, lane: int, now_ns: int, bid: int, ask: int, live: LiveOrders) -> Signals:
    """Take this tick into the windows and return what they say; now_ns counts from ORIGIN.

    A tick that runs again after a wait adds no second return and no second change of equity.
    """
    record = at.lanes(state)[lane]
    equity = equity_units(state, lane, bid, ask)
    if record.runs_again == 0:
        _note_pnl(state, lane, equity)
        _note_return(state, lane, bid + ask)
    advance_fills(state, lane, now_ns)
    _advance_requests(state, lane, now_ns)
    _start_day(state, lane, now_ns, equity)
    if record.runs_again == 0:
        record.last_equity_units = equity
    cash = at.floats(state)[lane, F_CASH_UNIT]
    pnls = min(record.pnl_seen, PNLS)
    return Signals(
        _return_std_bps(state, lane), min(record.returns_seen, RETURNS),
        latency_p95_ns(state, lane) / NS_PER_MS, min(record.latencies_seen, LATENCIES),
        record.pnl_sum_units * cash / pnls if pnls > 0 else 0.0, pnls,
        (equity - record.day_equity_units) * cash, (record.node_turnover_units - record.day_turnover_units) * cash,
        record.fills_1h, record.takers_1h, record.takers_15m, record.requests_10s,
        live.wait_ns, record.live_count, live.open_lots,
    )  # fmt: skip


@kernel
def _note_return(state: State, lane: int, mid2: int) -> None:
    record = at.lanes(state)[lane]
    if record.last_mid2 > 0:
        at.rings(state)[lane, record.returns_seen % RETURNS] = _log_return(state, record.last_mid2, mid2)
        record.returns_seen += 1
    record.last_mid2 = mid2


@kernel
def _log_return(state: State, before: int, now: int) -> float:
    """Return the logarithm of a ratio of mids; the last one is kept, since lanes that tick together ask for the same."""
    memo, clock = at.rings(state)[at.lanes(state).shape[0]], at.clock(state)
    if clock[MEMO_BEFORE] != before or clock[MEMO_NOW] != now:
        clock[MEMO_BEFORE], clock[MEMO_NOW] = before, now
        memo[MEMO_RETURN] = dmath.log(float(now) / float(before))
    return memo[MEMO_RETURN]


@kernel
def _return_std_bps(state: State, lane: int) -> float:
    """Return the standard deviation (of the population) of the returns in the ring, bps.

    The last ring that was looked at is kept with its result: lanes that tick together have the same returns.
    """
    count = min(at.lanes(state)[lane].returns_seen, RETURNS)
    if count < 2:
        return 0.0
    ring, memo = at.rings(state)[lane], at.rings(state)[at.lanes(state).shape[0]]
    differing = 0
    for i in range(RETURNS):  # places that are not filled yet are 0 in both
        differing += 1 if ring[i] != memo[i] else 0
    if differing != 0 or at.clock(state)[MEMO_COUNT] != count:
        at.clock(state)[MEMO_COUNT] = count
        for i in range(RETURNS):
            memo[i] = ring[i]
        memo[MEMO_STD] = _std_bps(ring, count)
    return memo[MEMO_STD]


@kernel
def _std_bps(ring: FloatArray, count: int) -> float:
    total = 0.0
    for i in range(count):
        total += ring[i]
    mean = total / count
    squares = 0.0
    for i in range(count):
        squares += (ring[i] - mean) * (ring[i] - mean)
    return 1e4 * math.sqrt(squares / count)


@kernel
def _note_pnl(state: State, lane: int, equity: int) -> None:
    """The first tick has no change; sums are integers, so that a window's mean does not depend on what left it."""
    record = at.lanes(state)[lane]
    if record.last_mid2 > 0:
        place = W_PNL + record.pnl_seen % PNLS
        change = equity - record.last_equity_units
        record.pnl_sum_units += change - at.whole(state)[lane, place]
        at.whole(state)[lane, place] = change
        record.pnl_seen += 1


@kernel
def note_latency(state: State, lane: int, latency: int) -> None:
    """Take the time from a request to its answer, ns, into the ring, and into the sorted copy in place of what leaves."""
    record = at.lanes(state)[lane]
    whole = at.whole(state)[lane]
    place = W_LATENCY + record.latencies_seen % LATENCIES
    count = min(record.latencies_seen, LATENCIES)
    if count == LATENCIES:
        gap = W_SORTED
        while whole[gap] != whole[place]:
            gap += 1
    else:
        gap = W_SORTED + count
    while gap > W_SORTED and whole[gap - 1] > latency:
        whole[gap] = whole[gap - 1]
        gap -= 1
    while gap + 1 < W_SORTED + count and whole[gap + 1] < latency:
        whole[gap] = whole[gap + 1]
        gap += 1
    whole[gap] = latency
    whole[place] = latency
    record.latencies_seen += 1


@kernel
def latency_p95_ns(state: State, lane: int) -> int:
    """Return the 95th percentile (nearest rank) of the latencies in the ring, 0 if there are none."""
    count = min(at.lanes(state)[lane].latencies_seen, LATENCIES)
    return at.whole(state)[lane, W_SORTED + (95 * count + 99) // 100 - 1] if count > 0 else 0


@kernel
def advance_fills(state: State, lane: int, now_ns: int) -> None:
    """Move the windows of fills to now: buckets of 10 s, the one that is filling included."""
    record = at.lanes(state)[lane]
    bucket = now_ns // FILL_BUCKET_NS
    whole = at.whole(state)[lane]
    steps = min(bucket - record.fill_bucket, FILL_BUCKETS)
    for step in range(steps):
        entering = bucket - steps + 1 + step
        place = entering % FILL_BUCKETS
        record.fills_1h -= whole[W_FILLS + place]
        record.takers_1h -= whole[W_TAKERS + place]
        whole[W_FILLS + place] = 0
        whole[W_TAKERS + place] = 0
        if steps < FILL_BUCKETS:
            record.takers_15m -= whole[W_TAKERS + (entering - QUARTER_BUCKETS) % FILL_BUCKETS]
    if steps == FILL_BUCKETS:
        record.takers_15m = 0
    record.fill_bucket = bucket


@kernel
def note_fill(state: State, lane: int, now_ns: int, is_taker: bool) -> None:
    """Count a fill in the windows; now_ns is its arrival."""
    advance_fills(state, lane, now_ns)
    record = at.lanes(state)[lane]
    place = record.fill_bucket % FILL_BUCKETS
    record.fills_1h += 1
    at.whole(state)[lane, W_FILLS + place] += 1
    if is_taker:
        record.takers_1h += 1
        record.takers_15m += 1
        at.whole(state)[lane, W_TAKERS + place] += 1


@kernel
def _advance_requests(state: State, lane: int, now_ns: int) -> None:
    """Move the window of requests to now; what was sent since the last tick went out then."""
    record = at.lanes(state)[lane]
    whole = at.whole(state)[lane]
    sent = record.request_seq - record.requests_noted
    whole[W_REQUESTS + record.request_bucket % REQUEST_BUCKETS] += sent
    record.requests_10s += sent
    record.requests_noted = record.request_seq
    bucket = now_ns // NS_PER_S
    steps = min(bucket - record.request_bucket, REQUEST_BUCKETS)
    for step in range(steps):
        place = W_REQUESTS + (bucket - step) % REQUEST_BUCKETS
        record.requests_10s -= whole[place]
        whole[place] = 0
    record.request_bucket = bucket


@kernel
def _start_day(state: State, lane: int, now_ns: int, equity: int) -> None:
    """Begin the day's sums at the first tick, and at the first one of a UTC day from what the last tick left."""
    record = at.lanes(state)[lane]
    day = (now_ns + at.clock(state)[ORIGIN]) // DAY_NS
    if day != record.day:
        record.day_equity_units = equity if record.day == 0 else record.last_equity_units
        record.day_turnover_units = record.node_turnover_units
        record.day = day
