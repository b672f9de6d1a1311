"""Own resting orders by price level, all lanes together: a market row elsewhere costs nothing per lane.

A level's orders form a list in order of arrival. Links are order index + 1; 0 ends a list. Levels outside
the window of the exchange book share one list a side.
"""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.book import BASE, NO_ASK, NO_BID
from simcore.kernels.state import (
    LINK_SERIAL,
    OWN_BEST_ASK,
    OWN_BEST_BID,
    OWN_COUNT,
    OWN_WORST_ASK,
    OWN_WORST_BID,
    State,
)
from simcore.records import BID


@kernel
def first_at(state: State, side: int, price: int) -> int:
    """Return the link of the first own order at a level, 0 if none."""
    column = price - at.meta(state.exch)[BASE]
    if 0 <= column < at.heads(state).shape[1]:
        return at.heads(state)[side, column]
    return _same_price(state, at.far_heads(state)[side], price)


@kernel
def next_at(state: State, link: int, side: int, price: int) -> int:
    """Return the link of the own order behind `link` at its level, 0 if it is the last."""
    following = at.venue_orders(state)[link - 1].next_link
    column = price - at.meta(state.exch)[BASE]
    if 0 <= column < at.heads(state).shape[1]:
        return following
    return _same_price(state, following, price)


@kernel
def _same_price(state: State, link: int, price: int) -> int:
    while link != 0 and at.venue_orders(state)[link - 1].price_ticks != price:
        link = at.venue_orders(state)[link - 1].next_link
    return link


@kernel
def link_order(state: State, index: int) -> None:
    """Append an order to its level."""
    order = at.venue_orders(state)[index]
    side = order.side
    price = order.price_ticks
    column = price - at.meta(state.exch)[BASE]
    at.clock(state)[LINK_SERIAL] += 1
    order.link_serial = at.clock(state)[LINK_SERIAL]
    order.next_link = 0
    if 0 <= column < at.heads(state).shape[1]:
        tail = at.tails(state)[side, column]
        at.tails(state)[side, column] = index + 1
        if tail == 0:
            at.heads(state)[side, column] = index + 1
    else:
        tail = at.far_tails(state)[side]
        at.far_tails(state)[side] = index + 1
        if tail == 0:
            at.far_heads(state)[side] = index + 1
    order.prev_link = tail
    if tail != 0:
        at.venue_orders(state)[tail - 1].next_link = index + 1
    at.clock(state)[OWN_COUNT + side] += 1
    if side == BID:
        at.clock(state)[OWN_BEST_BID] = max(at.clock(state)[OWN_BEST_BID], price)
        at.clock(state)[OWN_WORST_BID] = min(at.clock(state)[OWN_WORST_BID], price)
    else:
        at.clock(state)[OWN_BEST_ASK] = min(at.clock(state)[OWN_BEST_ASK], price)
        at.clock(state)[OWN_WORST_ASK] = max(at.clock(state)[OWN_WORST_ASK], price)


@kernel
def unlink_order(state: State, index: int) -> None:
    """Take an order out of its level."""
    order = at.venue_orders(state)[index]
    side = order.side
    price = order.price_ticks
    column = price - at.meta(state.exch)[BASE]
    before = order.prev_link
    after = order.next_link
    inside = 0 <= column < at.heads(state).shape[1]
    if before != 0:
        at.venue_orders(state)[before - 1].next_link = after
    elif inside:
        at.heads(state)[side, column] = after
    else:
        at.far_heads(state)[side] = after
    if after != 0:
        at.venue_orders(state)[after - 1].prev_link = before
    elif inside:
        at.tails(state)[side, column] = before
    else:
        at.far_tails(state)[side] = before
    order.next_link = 0
    order.prev_link = 0
    at.clock(state)[OWN_COUNT + side] -= 1
    best = OWN_BEST_BID if side == BID else OWN_BEST_ASK
    if price == at.clock(state)[best] and first_at(state, side, price) == 0:
        at.clock(state)[best] = next_own(state, side, price, NO_BID if side == BID else NO_ASK)
    if inside and at.heads(state)[side, column] == 0:
        tighten_worst(state, side, price)


@kernel
def tighten_worst(state: State, side: int, price: int) -> None:
    """Move the bound of own prices after the level at price became empty; it may stay wider than need be."""
    clock = at.clock(state)
    worst = OWN_WORST_BID if side == BID else OWN_WORST_ASK
    if clock[OWN_COUNT + side] == 0:
        clock[worst] = NO_ASK if side == BID else NO_BID
        return
    if clock[worst] != price:
        return
    base = at.meta(state.exch)[BASE]
    column = price - base
    best = clock[OWN_BEST_BID if side == BID else OWN_BEST_ASK] - base
    step = 1 if side == BID else -1
    while column != best and 0 <= column < at.heads(state).shape[1] and at.heads(state)[side, column] == 0:
        column += step
    clock[worst] = base + column


@kernel
def next_own(state: State, side: int, price: int, bound: int) -> int:
    """Return the best own price of a side strictly worse than price, as far as bound; NO_BID or NO_ASK if none."""
    if at.clock(state)[OWN_COUNT + side] == 0:
        return NO_BID if side == BID else NO_ASK
    base = at.meta(state.exch)[BASE]
    width = at.heads(state).shape[1]
    best = _next_far(state, side, price)
    if side == BID:
        column = min(price - 1 - base, width - 1)
        floor = max(max(best, bound) - base, 0)
        while column >= floor:
            if at.heads(state)[side, column] != 0:
                return base + column
            column -= 1
        return best
    column = max(price + 1 - base, 0)
    ceiling = min(min(best, bound) - base, width - 1)
    while column <= ceiling:
        if at.heads(state)[side, column] != 0:
            return base + column
        column += 1
    return best


@kernel
def _next_far(state: State, side: int, price: int) -> int:
    best = NO_BID if side == BID else NO_ASK
    link = at.far_heads(state)[side]
    while link != 0:
        level = at.venue_orders(state)[link - 1].price_ticks
        if (side == BID and best < level < price) or (side != BID and price < level < best):
            best = level
        link = at.venue_orders(state)[link - 1].next_link
    return best
