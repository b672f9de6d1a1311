"""How an order takes opposite liquidity: levels of the tape less what the lane has taken, best first."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import account, at, taken
from simcore.kernels.book import BEST_ASK, BEST_BID, NO_ASK, NO_BID, level_lots, next_ask, next_bid
from simcore.kernels.state import TAKEN_ON, State
from simcore.records import ASK, BID, FILL_LIQUIDATION, FILL_TAKE, MARKET, TAKER


@kernel
def reaches(side: int, price: int, opposite: int) -> bool:
    """Return whether a limit price reaches an opposite price (NO_BID and NO_ASK are never reached)."""
    if side == BID:
        return price >= opposite
    return opposite != NO_BID and price <= opposite


@kernel
def best_opposite(state: State, lane: int, side: int) -> int:
    """Return the best opposite price that still has lots for this lane; NO_ASK or NO_BID if none."""
    price = at.meta(state.exch)[BEST_ASK] if side == BID else at.meta(state.exch)[BEST_BID]
    if at.clock(state)[TAKEN_ON + (ASK if side == BID else BID)] == 0:
        return price
    while price != NO_BID and price != NO_ASK and _free_lots(state, lane, side, price) <= 0:
        price = _worse(state, side, price)
    return price


@kernel
def _worse(state: State, side: int, price: int) -> int:
    """Return the next opposite price behind `price` for an order of `side`."""
    if side == BID:
        return next_ask(state.exch, price + 1)
    return next_bid(state.exch, price - 1)


@kernel
def _free_lots(state: State, lane: int, side: int, price: int) -> int:
    opposite = ASK if side == BID else BID
    return level_lots(state.exch, opposite, price) - taken.taken_lots(state, lane, opposite, price)


@kernel
def available(state: State, lane: int, side: int, price: int, wanted: int) -> int:
    """Return the lots up to `wanted` that an order could take down to its limit."""
    total = 0
    level = best_opposite(state, lane, side)
    while total < wanted and level != NO_BID and level != NO_ASK and reaches(side, price, level):
        total += max(_free_lots(state, lane, side, level), 0)
        level = _worse(state, side, level)
    return min(total, wanted)


@kernel
def levels_within(state: State, lane: int, side: int, at_market: bool, price: int, lots: int) -> int:
    """Return how many levels an order of lots could take from: so much room it may need in the tables."""
    count = 0
    left = lots
    level = best_opposite(state, lane, side)
    while left > 0 and level != NO_BID and level != NO_ASK and (at_market or reaches(side, price, level)):
        left -= max(_free_lots(state, lane, side, level), 0)
        count += 1
        level = _worse(state, side, level)
    return count


@kernel
def match(state: State, index: int, now_ns: int) -> None:
    """Take opposite liquidity level by level, best first, up to the limit; an order without id liquidates."""
    order = at.venue_orders(state)[index]
    lane = order.lane
    side = order.side
    opposite = ASK if side == BID else BID
    reason = FILL_LIQUIDATION if order.order_id == 0 else FILL_TAKE
    level = best_opposite(state, lane, side)
    wanted = account.allowed_lots(state, index, order.leaves_lots)
    while wanted > 0 and level != NO_BID and level != NO_ASK:
        if order.tif != MARKET and not reaches(side, order.price_ticks, level):
            break
        lots = min(wanted, _free_lots(state, lane, side, level))
        if lots > 0:
            taken.take(state, lane, opposite, level, lots)
            account.fill(state, index, lots, level, TAKER, reason, now_ns, False)
            wanted -= lots
        level = _worse(state, side, level)
