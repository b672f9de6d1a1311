"""The resumable loop: events of all lanes and both ends of the wire, in one total order."""

from __future__ import annotations

from typing import Any

from simcore.jit import entry, kernel
from simcore.kernels import account, at, margin, triggers, wire, work
from simcore.kernels import node, observe, orders, pipeline, requests, venue  # LINK
from simcore.kernels.state import (
    BLOCK_BITS,
    CHANGED,
    CLASS_ACCOUNT,
    CLASS_MARKOUT,
    CLASS_REPORT,
    CLASS_REQUEST,
    CLASS_TICK,
    DONE,
    END_TS,
    FAILED,
    FILL_FIRST,
    FILL_NEXT,
    FIRED,
    FIRED_TICKS,
    HALT_CODE,
    MARKOUT_AT,
    MARKOUT_DUE,
    NEED_EXCH,
    NEVER,
    NODE_ONLY,
    O_FEATURES,
    O_FILLS,
    O_MARKOUTS,
    O_REPORTS,
    O_REQUESTS,
    O_SAMPLES,
    O_GUARDS,
    O_TRACES,
    ORIGIN,
    P_TICK_NS,
    PAUSE_KEY,
    PAUSED,
    REACHED,
    ROOM,
    TAKEN_COUNT,
    TIGHT,
    WANTED_FILLS,
    WANTED_LEVELS,
    WANTED_REPORTS,
    WORK_LEFT,
    YIELDED,
    State,
)
from simcore.records import BID, EXCH_BIT, MARKOUT_NS, NO_PRICE

HORIZONS = 4
PAUSE, END = 8, 9  # what else may be next; both come after all classes of events


@entry
def engine_run(handle: Any) -> int:
    """Run until the tape's end or until Python is needed; return the reason (`simcore.kernels.state`).

    Calling again with the same arguments, after Python has done what the reason asks, goes on exactly there. At least one
    event, or some rows, are done at each call.
    """
    state = at.inside(handle)
    clock = at.clock(state)
    end_ns = clock[END_TS] - clock[ORIGIN]
    lanes = min(1 << BLOCK_BITS, at.lanes(state).shape[0])  # that may have an event at a time
    while True:
        if clock[HALT_CODE] != 0:
            return FAILED
        if clock[TIGHT] == 1:
            return ROOM
        if clock[WORK_LEFT] <= 0:
            return YIELDED
        work.spend(state, lanes)
        if clock[FIRED] == 1:
            if not _fired_fits(state):
                return ROOM
            requests.fire_next(state)
            continue
        block = wire.first_block(state)
        key = min(at.blocks(state)[block], clock[MARKOUT_DUE] * 8 + CLASS_MARKOUT)
        event = key & 7
        now_ns = key >> 3
        if key >= clock[PAUSE_KEY] and clock[PAUSE_KEY] >> 3 <= end_ns:
            event = PAUSE
            now_ns = clock[PAUSE_KEY] >> 3
        elif now_ns > end_ns:
            event = END
            now_ns = end_ns
        code = _bring_up(state, now_ns, event >= CLASS_REPORT)
        if code == CHANGED:
            continue
        if code != REACHED:
            return code
        if event == PAUSE:
            return PAUSED
        if event == END:
            return _finish(state, end_ns)
        if event == CLASS_MARKOUT:
            if at.out_markouts(state).shape[0] - at.counts(state)[O_MARKOUTS] < HORIZONS:
                return ROOM
            _markout(state, now_ns)
            continue
        code = _ticks(state, block, key) if event == CLASS_TICK else _events(state, block, key)
        wire.settle_block(state, block)
        if code == ROOM:
            return ROOM


@kernel
def _ticks(state: State, block: int, key: int) -> int:
    """Do the ticks that a block of lanes has at one time; REACHED, or ROOM before one that may not fit.

    Lanes do not depend on each other: what all see alike is looked at once, and no other event of the time comes between.
    """
    keys, now_ns = at.keys(state), key >> 3
    first = block << BLOCK_BITS
    seen = observe.shared(state, first)
    for lane in range(first, min(first + (1 << BLOCK_BITS), at.lanes(state).shape[0])):
        if keys[lane] != key:
            continue
        if not _node_fits(state, lane):
            return ROOM
        record = at.lanes(state)[lane]
        again = record.runs_again
        wait_ns = pipeline.tick(state, lane, now_ns, seen)
        interval = at.ints(state)[lane, P_TICK_NS]
        if wait_ns > 0:
            record.tick_ns = now_ns + wait_ns
        elif again == 0:  # ticks are at multiples of the interval
            record.tick_ns = now_ns + interval
        else:
            record.tick_ns = (now_ns // interval + 1) * interval
        keys[lane] = wire.lane_key(state, lane)
    return REACHED


@kernel
def _events(state: State, block: int, key: int) -> int:
    """Do the requests, account events or reports that a block of lanes has at one time; as `_ticks`.

    CHANGED: the tables may not hold the next event, or the exchange has more to do first.
    """
    keys, now_ns, event = at.keys(state), key >> 3, key & 7
    clock = at.clock(state)
    first = block << BLOCK_BITS
    for lane in range(first, min(first + (1 << BLOCK_BITS), at.lanes(state).shape[0])):
        while keys[lane] == key:
            if event == CLASS_REQUEST:
                if not _request_fits(state, lane):
                    return ROOM
                _request(state, lane, now_ns)
            elif event == CLASS_ACCOUNT:
                if not _events_fit(state, lane, margin.levels_taken(state, lane)):
                    return ROOM
                margin.run_due(state, lane, now_ns)
            else:
                if not _node_fits(state, lane):
                    return ROOM
                _report(state, lane)
            keys[lane] = wire.lane_key(state, lane)
            if clock[TIGHT] != 0 or clock[FIRED] != 0 or clock[HALT_CODE] != 0:
                return CHANGED
    return REACHED


@kernel
def _finish(state: State, end_ns: int) -> int:
    """Sample every lane once more at the end of the run."""
    lanes = at.lanes(state).shape[0]
    if at.out_samples(state).shape[0] - at.counts(state)[O_SAMPLES] < lanes:
        return ROOM
    for lane in range(lanes):
        pipeline.sample_end(state, lane, end_ns)
    return DONE


@kernel
def _bring_up(state: State, now_ns: int, wants_node: bool) -> int:
    """Bring the Venue to now, and the Node if the next event is its own; REACHED, or what must be done first.

    Before the Venue takes another chunk the Node comes to where it is, so that few chunks are held at a time: all events
    up to the last row that the Venue has seen are done, and a report that it has yet to make arrives later.
    """
    code = REACHED
    if at.clock(state)[NODE_ONLY] == 0:
        code = venue.advance_venue(state, now_ns)
        if code != REACHED and code != NEED_EXCH:
            return code
    if code == NEED_EXCH:
        now_ns = _last_exch_ns(state)
    elif not wants_node:
        return REACHED
    node_code = node.advance_node(state, now_ns)
    return code if node_code == REACHED else node_code


@kernel
def _last_exch_ns(state: State) -> int:
    """Return the time of the last row of the Venue's chunk that is its own, ns since ORIGIN; -1 if there is none."""
    times, ev_column = at.exch_ts(state.exch_rows), at.ev(state.exch_rows)
    last = times.shape[0] - 1
    while last >= 0 and ev_column[last] & EXCH_BIT == 0:
        last -= 1
    return times[last] - at.clock(state)[ORIGIN] if last >= 0 else -1


@kernel
def _request(state: State, lane: int, now_ns: int) -> None:
    record = at.lanes(state)[lane]
    message = at.requests(state)[lane, record.request_head]
    requests.handle_request(state, lane, message, now_ns)
    record.request_count -= 1
    record.request_head = wire.following(record.request_head, record.request_count, at.requests(state).shape[1])


@kernel
def _report(state: State, lane: int) -> None:
    record = at.lanes(state)[lane]
    message = at.reports(state)[lane, record.report_head]
    record.report_count -= 1
    record.report_head = wire.following(record.report_head, record.report_count, at.reports(state).shape[1])
    orders.apply_report(state, lane, message)


@kernel
def _request_fits(state: State, lane: int) -> bool:
    """Return whether the tables can hold whatever the lane's next request may cause."""
    record = at.lanes(state)[lane]
    message = at.requests(state)[lane, record.request_head]
    return _events_fit(state, lane, requests.levels_taken(state, lane, message))


@kernel
def _fired_fits(state: State) -> bool:
    """Return whether the tables can hold whatever the next triggered order may cause."""
    index = triggers.next_fired(state, at.clock(state)[FIRED_TICKS])
    return index < 0 or _events_fit(state, at.venue_orders(state)[index].lane, requests.fired_levels(state, index))


@kernel
def _events_fit(state: State, lane: int, levels: int) -> bool:
    """Return whether the tables can hold fills of so many levels, an end of each order of the lane, and three reports more."""
    record = at.lanes(state)[lane]
    events = levels + record.open_orders + record.waiting_orders + 3
    pending = at.clock(state)[FILL_NEXT] - at.clock(state)[FILL_FIRST]
    if (
        at.out_fills(state).shape[0] - at.counts(state)[O_FILLS] >= events
        and at.reports(state).shape[1] - record.report_count >= events
        and at.fill_ring(state).shape[0] - pending >= events
        and at.taken(state).shape[0] - at.clock(state)[TAKEN_COUNT] >= levels
    ):
        return True
    clock = at.clock(state)
    clock[WANTED_FILLS], clock[WANTED_REPORTS], clock[WANTED_LEVELS] = events, events, levels
    return False


@kernel
def _node_fits(state: State, lane: int) -> bool:
    """Return whether the tables can hold a tick or a report of the lane."""
    slots = 2 * at.node_orders(state).shape[1]
    return (
        at.out_requests(state).shape[0] - at.counts(state)[O_REQUESTS] >= slots
        and at.out_reports(state).shape[0] - at.counts(state)[O_REPORTS] >= 1
        and at.out_samples(state).shape[0] - at.counts(state)[O_SAMPLES] >= 1
        and at.out_features(state).shape[0] - at.counts(state)[O_FEATURES] >= 1
        and at.out_traces(state).shape[0] - at.counts(state)[O_TRACES] >= 1
        and at.out_guards(state).shape[0] - at.counts(state)[O_GUARDS] >= 1
        and at.requests(state).shape[1] - at.lanes(state)[lane].request_count >= slots
    )


@kernel
def _markout(state: State, now_ns: int) -> None:
    """Mark the fills that fall due now against the exchange mid; set the next due time."""
    clock = at.clock(state)
    size = at.fill_ring(state).shape[0]
    bid = account.shown_bid(state)
    ask = account.shown_ask(state)
    due = NEVER // 16
    for horizon in range(HORIZONS):
        place = clock[MARKOUT_AT + horizon]
        while (
            place < clock[FILL_NEXT]
            and at.fill_ring(state)[place % size].fill_ns + MARKOUT_NS[horizon] <= now_ns
            and at.out_markouts(state).shape[0] > at.counts(state)[O_MARKOUTS]
        ):
            _mark(state, place % size, horizon, bid, ask, now_ns)
            place += 1
        clock[MARKOUT_AT + horizon] = place
        if place < clock[FILL_NEXT]:
            due = min(due, at.fill_ring(state)[place % size].fill_ns + MARKOUT_NS[horizon])
    clock[FILL_FIRST] = clock[MARKOUT_AT + HORIZONS - 1]
    clock[MARKOUT_DUE] = due


@kernel
def _mark(state: State, place: int, horizon: int, bid: int, ask: int, now_ns: int) -> None:
    pending = at.fill_ring(state)[place]
    record = at.lanes(state)[pending.lane]
    if bid != NO_PRICE and ask != NO_PRICE:
        gain = (bid + ask - 2 * pending.price_ticks) * pending.qty_lots
        gain = gain if pending.side == BID else -gain
        if horizon == 0:
            record.markout0 += gain
            record.marked0 += pending.qty_lots
        elif horizon == 1:
            record.markout1 += gain
            record.marked1 += pending.qty_lots
        elif horizon == 2:
            record.markout2 += gain
            record.marked2 += pending.qty_lots
        else:
            record.markout3 += gain
            record.marked3 += pending.qty_lots
    if record.journal == 0:
        return
    row = at.out_markouts(state)[at.counts(state)[O_MARKOUTS]]
    at.counts(state)[O_MARKOUTS] += 1
    row.exch_ts = now_ns + at.clock(state)[ORIGIN]
    row.lane = pending.lane
    row.fill_seq = pending.fill_seq
    row.horizon = horizon
    row.bid_ticks = bid
    row.ask_ticks = ask
