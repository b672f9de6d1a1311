"""The link between Node and Venue: latency of each request and report, in order of sending."""

from __future__ import annotations

from simcore import rng
from simcore.jit import inlined, kernel
from simcore.kernels import at, dmath
from simcore.kernels.state import (
    BLOCK_BITS,
    CLASS_ACCOUNT,
    CLASS_REPORT,
    CLASS_REQUEST,
    CLASS_TICK,
    CONSTANT,
    F_LAT_SCALE,
    FEED,
    FEED_EXCH_NS,
    FEED_LOCAL_NS,
    INTERPOLATED,
    LOGNORMAL,
    NEVER,
    NODE_ONLY,
    P_LAT_MIN,
    P_LAT_MODEL,
    P_LAT_NS,
    P_LAT_TABLE,
    P_SEED,
    P_STREAM,
    RESPONSE,
    State,
)


@inlined
def latency_ns(state: State, lane: int, which: int, now_ns: int) -> int:
    """Return the latency of a message sent now; which: place, amend, cancel or response (0..3).

    Models: constant; log-normal around its median; a multiple of the feed latency plus a constant;
    recorded latencies, interpolated in time or drawn. now_ns counts from ORIGIN. Draws are keyed by seed, instrument
    and leg, so that a run beside others draws what it draws alone.
    """
    result = at.ints(state)[lane, P_LAT_NS + which]
    if at.ints(state)[lane, P_LAT_MODEL + which] != CONSTANT:
        result = _changing_ns(state, lane, which, now_ns)
    result = max(result, at.ints(state)[lane, P_LAT_MIN + which])
    return max(result, 1 if which == RESPONSE else 0)


@kernel
def _changing_ns(state: State, lane: int, which: int, now_ns: int) -> int:
    """Return a latency of a model that is not constant, before its bounds."""
    model = at.ints(state)[lane, P_LAT_MODEL + which]
    base = at.ints(state)[lane, P_LAT_NS + which]
    scale = at.floats(state)[lane, F_LAT_SCALE + which]
    if model == FEED:
        feed = at.clock(state)[FEED_EXCH_NS] if which == RESPONSE else at.clock(state)[FEED_LOCAL_NS]
        return base + int(scale * feed)
    if model == INTERPOLATED:
        return base + interpolated(state, at.ints(state)[lane, P_LAT_TABLE + which], now_ns)
    record = at.lanes(state)[lane]
    uniform = rng.draw(at.ints(state)[lane, P_SEED], (at.ints(state)[lane, P_STREAM] << 2) + which, record.draws)
    record.draws += 1
    if model == LOGNORMAL:
        return int(base * dmath.exp(scale * dmath.normal_quantile(uniform)))
    table = at.ints(state)[lane, P_LAT_TABLE + which]
    return base + at.latency_values(state)[table, int(uniform * at.latency_sizes(state)[table])]


@kernel
def interpolated(state: State, table: int, now_ns: int) -> int:
    """Return the recorded latency at a time, linear between records and constant beyond both ends."""
    times = at.latency_times(state)[table]
    values = at.latency_values(state)[table]
    last = at.latency_sizes(state)[table] - 1
    if now_ns <= times[0]:
        return values[0]
    if now_ns >= times[last]:
        return values[last]
    lo = 0
    hi = last
    while hi - lo > 1:
        middle = (lo + hi) // 2
        if times[middle] <= now_ns:
            lo = middle
        else:
            hi = middle
    share = float(now_ns - times[lo]) / float(times[hi] - times[lo])
    return values[lo] + int(share * (values[hi] - values[lo]))


@kernel
def place_behind(head: int, count: int, size: int) -> int:
    """Return the place behind the last of `count` messages in a ring."""
    place = head + count
    return place - size if place >= size else place


@kernel
def following(head: int, left: int, size: int) -> int:
    """Return where the first of the `left` messages behind the head is; an empty ring starts anew, where memory is warm."""
    if left == 0:
        return 0
    return head + 1 if head + 1 < size else 0


@kernel
def send_request(
    state: State, lane: int, now_ns: int, kind: int, order_id: int, side: int, tif: int, price: int, lots: int,
    trigger_ticks: int, display_lots: int, reduce_only: int, batched: int,
) -> None:  # fmt: skip
    """Put a request on the wire to the Venue; it never overtakes an earlier one of the lane.

    batched  1: the lane's requests of one time that have it travel as one message, as late as the first of them.
    """
    if at.clock(state)[NODE_ONLY] == 1:
        return
    record = at.lanes(state)[lane]
    if batched == 1 and record.batch_ns == now_ns:
        arrive = record.batch_arrive_ns
    else:
        arrive = now_ns + latency_ns(state, lane, min(kind, 2), now_ns)
    arrive = max(arrive, record.request_last_ns)
    record.request_last_ns = arrive
    if batched == 1:
        record.batch_ns = now_ns  # no tick is at 0
        record.batch_arrive_ns = arrive
    size = at.requests(state).shape[1]
    message = at.requests(state)[lane, place_behind(record.request_head, record.request_count, size)]
    record.request_count += 1
    message.arrive_ns = arrive
    message.kind = kind
    message.order_id = order_id
    message.side = side
    message.tif = tif
    message.price_ticks = price
    message.qty_lots = lots
    message.trigger_ticks = trigger_ticks
    message.display_lots = display_lots
    message.reduce_only = reduce_only
    sooner(state, lane, arrive * 8 + CLASS_REQUEST)


@kernel
def report_arrival_ns(state: State, lane: int, now_ns: int) -> int:
    """Return when a report made now at the Venue arrives; it never overtakes an earlier one of the lane."""
    record = at.lanes(state)[lane]
    arrive = max(now_ns + latency_ns(state, lane, RESPONSE, now_ns), record.report_last_ns)
    record.report_last_ns = arrive
    return arrive


@kernel
def lane_key(state: State, lane: int) -> int:
    """Return time * 8 + class of the lane's next event."""
    record = at.lanes(state)[lane]
    key = min(NEVER, record.account_ns * 8 + CLASS_ACCOUNT)
    if record.tick_ns < NEVER // 8:
        key = min(key, record.tick_ns * 8 + CLASS_TICK)
    if record.report_count > 0:
        key = min(key, at.reports(state)[lane, record.report_head].ts * 8 + CLASS_REPORT)
    if record.request_count > 0:
        key = min(key, at.requests(state)[lane, record.request_head].arrive_ns * 8 + CLASS_REQUEST)
    return key


@kernel
def sooner(state: State, lane: int, key: int) -> None:
    """Let a lane's next event come no later than `key`."""
    if key < at.keys(state)[lane]:
        at.keys(state)[lane] = key
        block = lane >> BLOCK_BITS
        at.blocks(state)[block] = min(at.blocks(state)[block], key)


@kernel
def settle_block(state: State, block: int) -> None:
    """Find the first event of a block of lanes anew, after some of its lanes' events have been done."""
    keys = at.keys(state)
    first = block << BLOCK_BITS
    least = keys[first]
    for lane in range(first + 1, min(first + (1 << BLOCK_BITS), at.lanes(state).shape[0])):
        least = min(least, keys[lane])
    at.blocks(state)[block] = least


@kernel
def first_block(state: State) -> int:
    """Return the block of lanes that has the next event, of equals the first."""
    blocks = at.blocks(state)
    first = 0
    for block in range(1, blocks.shape[0]):
        if blocks[block] < blocks[first]:
            first = block
    return first
