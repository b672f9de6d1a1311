"""What a lane's strategy gets to see at a tick: the context before its first stage."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import inlined, kernel
from simcore.kernels import at, signals
from simcore.kernels import chain  # LINK
from simcore.kernels.book import BEST_ASK, BEST_BID, NO_ASK, NO_BID, level_lots
from simcore.kernels.context import (
    Control,
    LinkedView,
    MarketView,
    OwnQueue,
    QuoteContext,
    Signals,
    new_context,
)
from simcore.kernels.orders_live import LiveOrders, survey
from simcore.kernels.state import (
    F_CASH_UNIT,
    F_LINK_LOT,
    F_LINK_TICK,
    GAPS,
    LAST_LOCAL_EXCH_TS,
    LAST_LOCAL_TS,
    LINKED_ASK,
    LINKED_ASK_LOTS,
    LINKED_BID,
    LINKED_BID_LOTS,
    LINKED_PRESENT,
    ORIGIN,
    P_DEPTH_LEVELS,
    P_KIND,
    P_QUEUE_LEVELS,
    P_SCALE,
    SPAN_TICKS,
    SUMS_KNOWN,
    State,
)
from simcore.records import ASK, BID
from simcore.units import INVERSE

ABSORB_ALPHA = 0.1
NS_PER_S = 1e9


class Shared(NamedTuple):
    """What all lanes see alike at one time; zeros where the book has no mid.

    lot_value  what one lot is worth at the mid, cash: lanes have the instrument in common.
    *_top      lots of the best queue_levels levels of a side.  *_depth: mean lots of the best depth_levels levels.
    """

    has_mid: bool
    bid_ticks: int
    ask_ticks: int
    bid_lots: int
    ask_lots: int
    mid_ticks: float
    microprice_ticks: float
    lot_value: float
    bid_top: float
    ask_top: float
    bid_depth: float
    ask_depth: float
    queue_levels: int
    depth_levels: int


@kernel
def shared(state: State, lane: int) -> Shared:
    """Return what all lanes see of the local book as it is; levels are counted as `lane` counts them."""
    if not has_mid(state):
        return Shared(False, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0)
    bid = at.meta(state.local)[BEST_BID]
    ask = at.meta(state.local)[BEST_ASK]
    bid_lots = level_lots(state.local, BID, bid)
    ask_lots = level_lots(state.local, ASK, ask)
    mid = 0.5 * (bid + ask)
    micro = (bid * float(ask_lots) + ask * float(bid_lots)) / float(bid_lots + ask_lots)
    at.clock(state)[SUMS_KNOWN + BID] = at.clock(state)[SUMS_KNOWN + ASK] = 0
    queue_levels, depth_levels = at.ints(state)[lane, P_QUEUE_LEVELS], at.ints(state)[lane, P_DEPTH_LEVELS]
    bid_top, bid_depth, ask_top, ask_depth = 0.0, 0.0, 0.0, 0.0
    if chain.USES_QUEUE or chain.USES_DEPTH:
        bid_top, bid_depth = best_levels(state, BID, bid, queue_levels, depth_levels)
        ask_top, ask_depth = best_levels(state, ASK, ask, queue_levels, depth_levels)
    return Shared(
        True, bid, ask, bid_lots, ask_lots, mid, micro, lot_value(state, lane, mid), bid_top, ask_top, bid_depth, ask_depth,
        queue_levels, depth_levels,
    )  # fmt: skip


@kernel
def has_mid(state: State) -> bool:
    """Return whether the local book has both sides and is not crossed."""
    bid = at.meta(state.local)[BEST_BID]
    ask = at.meta(state.local)[BEST_ASK]
    return not (bid == NO_BID or ask == NO_ASK or bid >= ask)


@inlined
def observe(state: State, lane: int, now_ns: int, seen: Shared) -> QuoteContext:
    """Return the context of a tick at now_ns (since ORIGIN), and take the tick into the windows; needs a mid.

    Parts that no stage of the strategy reads stay at their zeros.
    """
    record = at.lanes(state)[lane]
    clock = at.clock(state)
    bid, ask = seen.bid_ticks, seen.ask_ticks
    queue_levels, depth_levels = at.ints(state)[lane, P_QUEUE_LEVELS], at.ints(state)[lane, P_DEPTH_LEVELS]
    if (chain.USES_QUEUE or chain.USES_DEPTH) and (queue_levels != seen.queue_levels or depth_levels != seen.depth_levels):
        seen = shared(state, lane)
    queue = OwnQueue(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    measured = Signals(0.0, 0, 0.0, 0, 0.0, 0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0)
    if chain.USES_QUEUE or chain.USES_SIGNALS:
        live = survey(state, lane, now_ns)
        if chain.USES_QUEUE:
            queue = _own_queue(state, lane, now_ns, seen, live)
        if chain.USES_SIGNALS:
            measured = signals.measure(state, lane, now_ns, bid, ask, live)
    age_ns = 0
    if chain.USES_FEED:
        age_ns = now_ns + clock[ORIGIN] - clock[LAST_LOCAL_TS]
        record.rewinds += 1 if clock[LAST_LOCAL_EXCH_TS] < record.last_exch_ts else 0
        record.last_exch_ts = clock[LAST_LOCAL_EXCH_TS]
    view = MarketView(
        now_ns + clock[ORIGIN], now_ns, bid, ask, seen.bid_lots, seen.ask_lots, seen.mid_ticks, seen.microprice_ticks,
        seen.lot_value, seen.bid_depth, seen.ask_depth, age_ns, clock[GAPS], record.rewinds,
    )  # fmt: skip
    control = Control(
        record.control_weight * 1e-6, record.control_quotes, record.control_budget, record.control_blocked
    )
    return new_context(view, record.node_position_lots, measured, queue, control, _linked(state, lane))


@kernel
def lot_value(state: State, lane: int, mid_ticks: float) -> float:
    """Return what one lot is worth at the mid, cash."""
    unit = at.ints(state)[lane, P_SCALE] * at.floats(state)[lane, F_CASH_UNIT]
    return unit / mid_ticks if at.ints(state)[lane, P_KIND] == INVERSE else unit * mid_ticks


@kernel
def _linked(state: State, lane: int) -> LinkedView:
    clock = at.clock(state)
    if clock[LINKED_PRESENT] == 0:
        return LinkedView(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    tick = at.floats(state)[lane, F_LINK_TICK]
    lot = at.floats(state)[lane, F_LINK_LOT]
    return LinkedView(
        1, tick * clock[LINKED_BID], tick * clock[LINKED_ASK], lot * clock[LINKED_BID_LOTS],
        lot * clock[LINKED_ASK_LOTS], 0.5 * tick * (clock[LINKED_BID] + clock[LINKED_ASK]),
        lot * at.lanes(state)[lane].linked_position_lots,
    )  # fmt: skip


@kernel
def best_levels(state: State, side: int, best: int, top_levels: int, depth_levels: int) -> tuple[float, float]:
    """Return the lots of the best top_levels levels of a side, and the mean lots of the best depth_levels; within SPAN_TICKS."""
    away = -1 if side == BID else 1
    top, depth, found = 0, 0, 0
    for i in range(SPAN_TICKS):
        price = best + away * i
        if price <= 0 or (found >= top_levels and found >= depth_levels):
            break
        lots = level_lots(state.local, side, price)
        if lots > 0:
            found += 1
            top += lots if found <= top_levels else 0
            depth += lots if found <= depth_levels else 0
    return float(top), depth / float(max(min(found, depth_levels), 1))


@kernel
def better_lots(state: State, side: int, best: int, own: int) -> float:
    """Return the lots at better prices than an own order (0: there is none), at most SPAN_TICKS from the best price on.

    Sums from the best price on are kept for the other lanes that look at the same book (`shared` begins them anew).
    """
    if own <= 0:
        return 0.0
    away = -1 if side == BID else 1
    ticks = min(max((own - best) * away, 0), SPAN_TICKS)
    clock, sums = at.clock(state), at.sums(state)[side]
    known = clock[SUMS_KNOWN + side]
    while known < ticks:
        sums[known + 1] = sums[known] + level_lots(state.local, side, best + away * known)
        known += 1
    clock[SUMS_KNOWN + side] = known
    return float(sums[ticks])


@inlined
def _own_queue(state: State, lane: int, now_ns: int, seen: Shared, live: LiveOrders) -> OwnQueue:
    """Return where the lane's best orders stand; renew the absorb rates."""
    record = at.lanes(state)[lane]
    passed_s = (now_ns - record.queue_ns) / NS_PER_S
    if passed_s > 0.0:
        if live.bid_id != 0 and live.bid_id == record.queue_bid_id:
            gone = max(record.ahead_bid - live.bid_ahead, 0.0) / passed_s
            record.absorb_bid += ABSORB_ALPHA * (gone - record.absorb_bid)
        if live.ask_id != 0 and live.ask_id == record.queue_ask_id:
            gone = max(record.ahead_ask - live.ask_ahead, 0.0) / passed_s
            record.absorb_ask += ABSORB_ALPHA * (gone - record.absorb_ask)
    record.queue_ns = now_ns
    record.queue_bid_id, record.ahead_bid = live.bid_id, live.bid_ahead
    record.queue_ask_id, record.ahead_ask = live.ask_id, live.ask_ahead
    return OwnQueue(
        live.best_bid, live.best_ask, live.worst_bid, live.worst_ask, live.bid_ahead, live.ask_ahead,
        better_lots(state, BID, seen.bid_ticks, live.best_bid), better_lots(state, ASK, seen.ask_ticks, live.best_ask),
        seen.bid_top, seen.ask_top, record.absorb_bid, record.absorb_ask,
    )  # fmt: skip
