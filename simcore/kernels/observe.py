"""What a lane's strategy gets to see at a tick: the context before its first stage."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels import at, orders_live, own_queue, signals
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
    State,
)
from simcore.records import ASK, BID
from simcore.units import INVERSE

SPAN_TICKS = 512  # levels farther than this from the best are not looked for
ABSORB_ALPHA = 0.1
NS_PER_S = 1e9


class Shared(NamedTuple):
    """What all lanes see alike at one time; zeros where the book has no mid.

    lot_value  what one lot is worth at the mid, cash: lanes have the instrument in common.
    """

    has_mid: bool
    bid_ticks: int
    ask_ticks: int
    bid_lots: int
    ask_lots: int
    mid_ticks: float
    microprice_ticks: float
    lot_value: float


@kernel
def shared(state: State) -> Shared:
    """Return what all lanes see of the local book as it is."""
    if not has_mid(state):
        return Shared(False, 0, 0, 0, 0, 0.0, 0.0, 0.0)
    bid = at.meta(state.local)[BEST_BID]
    ask = at.meta(state.local)[BEST_ASK]
    bid_lots = level_lots(state.local, BID, bid)
    ask_lots = level_lots(state.local, ASK, ask)
    mid = 0.5 * (bid + ask)
    micro = (bid * float(ask_lots) + ask * float(bid_lots)) / float(bid_lots + ask_lots)
    return Shared(True, bid, ask, bid_lots, ask_lots, mid, micro, lot_value(state, 0, mid))


@kernel
def has_mid(state: State) -> bool:
    """Return whether the local book has both sides and is not crossed."""
    bid = at.meta(state.local)[BEST_BID]
    ask = at.meta(state.local)[BEST_ASK]
    return not (bid == NO_BID or ask == NO_ASK or bid >= ask)


@kernel
def observe(state: State, lane: int, now_ns: int, seen: Shared) -> QuoteContext:
    """Return the context of a tick at now_ns (since ORIGIN), and take the tick into the windows; needs a mid.

    Parts that no stage of the strategy reads stay at their zeros.
    """
    record = at.lanes(state)[lane]
    clock = at.clock(state)
    bid, ask = seen.bid_ticks, seen.ask_ticks
    queue = OwnQueue(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    bid_depth, ask_depth = 0.0, 0.0
    if chain.USES_QUEUE:
        queue, bid_depth, ask_depth = _own_queue(state, lane, now_ns, bid, ask)
    elif chain.USES_DEPTH:
        bid_depth = levels_ahead(state, lane, BID, bid, 0)[1]
        ask_depth = levels_ahead(state, lane, ASK, ask, 0)[1]
    measured = Signals(0.0, 0, 0.0, 0, 0.0, 0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0)
    if chain.USES_SIGNALS:
        measured = signals.measure(state, lane, now_ns, bid, ask)
    age_ns = 0
    if chain.USES_FEED:
        age_ns = now_ns + clock[ORIGIN] - clock[LAST_LOCAL_TS]
        record.rewinds += 1 if clock[LAST_LOCAL_EXCH_TS] < record.last_exch_ts else 0
        record.last_exch_ts = clock[LAST_LOCAL_EXCH_TS]
    view = MarketView(
        now_ns + clock[ORIGIN], now_ns, bid, ask, seen.bid_lots, seen.ask_lots, seen.mid_ticks, seen.microprice_ticks,
        seen.lot_value, bid_depth, ask_depth, age_ns, clock[GAPS], record.rewinds,
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
def levels_ahead(state: State, lane: int, side: int, best: int, own: int) -> tuple[float, float, float]:
    """Look at a side from its best price on, at most SPAN_TICKS.

    Returns lots of the best P_QUEUE_LEVELS levels, mean lots of the best P_DEPTH_LEVELS, lots at better prices than `own`
    (0: no own order).
    """
    top_levels = at.ints(state)[lane, P_QUEUE_LEVELS]
    depth_levels = at.ints(state)[lane, P_DEPTH_LEVELS]
    away = -1 if side == BID else 1
    top, depth, better = 0, 0, 0
    found = 0
    for i in range(SPAN_TICKS):
        price = best + away * i
        is_better = own > 0 and (price > own if side == BID else price < own)
        if price <= 0 or (found >= top_levels and found >= depth_levels and not is_better):
            break
        lots = level_lots(state.local, side, price)
        if lots > 0:
            found += 1
            top += lots if found <= top_levels else 0
            depth += lots if found <= depth_levels else 0
            better += lots if is_better else 0
    return float(top), depth / float(max(min(found, depth_levels), 1)), float(better)


@kernel
def _own_queue(state: State, lane: int, now_ns: int, bid: int, ask: int) -> tuple[OwnQueue, float, float]:
    """Return where the lane's best orders stand, and the mean depth of both sides; renew the absorb rates."""
    record = at.lanes(state)[lane]
    own_bid, own_ask = orders_live.best_live(state, lane, BID), orders_live.best_live(state, lane, ASK)
    top_bid, depth_bid, better_bid = levels_ahead(state, lane, BID, bid, own_bid)
    top_ask, depth_ask, better_ask = levels_ahead(state, lane, ASK, ask, own_ask)
    bid_id, ahead_bid = own_queue.place_of(state, lane, BID, own_bid)
    ask_id, ahead_ask = own_queue.place_of(state, lane, ASK, own_ask)
    passed_s = (now_ns - record.queue_ns) / NS_PER_S
    if passed_s > 0.0:
        if bid_id != 0 and bid_id == record.queue_bid_id:
            gone = max(record.ahead_bid - ahead_bid, 0.0) / passed_s
            record.absorb_bid += ABSORB_ALPHA * (gone - record.absorb_bid)
        if ask_id != 0 and ask_id == record.queue_ask_id:
            gone = max(record.ahead_ask - ahead_ask, 0.0) / passed_s
            record.absorb_ask += ABSORB_ALPHA * (gone - record.absorb_ask)
    record.queue_ns = now_ns
    record.queue_bid_id, record.ahead_bid = bid_id, ahead_bid
    record.queue_ask_id, record.ahead_ask = ask_id, ahead_ask
    places = OwnQueue(
        own_bid, own_ask, orders_live.worst_live(state, lane, BID), orders_live.worst_live(state, lane, ASK),
        ahead_bid, ahead_ask, better_bid, better_ask, top_bid, top_ask, record.absorb_bid, record.absorb_ask,
    )  # fmt: skip
    return places, depth_bid, depth_ask
