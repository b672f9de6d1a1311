"""The level book: a dense window of price ticks around the market, and an exact table of all other levels.

The window is only an accelerator. Levels outside it live in an open-addressing table, so results never
depend on where the window stands; `simcore.state` moves it when the market leaves its middle half. The table holds
what there is and nothing else: a level that goes leaves no mark behind, so that no tape fills it with what is gone.
"""

from __future__ import annotations

from typing import Any

from simcore.jit import inlined, kernel, unsigned
from simcore.kernels import at
from simcore.records import ASK, BID, IntArray

NO_BID = 0  # best bid of an empty side: below every price
NO_ASK = 1 << 62  # best ask of an empty side: above every price
EMPTY_KEY = -1

# Fields of Book.meta.
BASE = 0  # price in ticks of window column 0
BEST_BID = 1
BEST_ASK = 2
FAR_USED = 3  # levels in the far table
SUM_LO = 4  # best bid + best ask below this: the window should move
SUM_HI = 5
MOVE_WANTED = 6
STEPS = 7  # places that searches for a best price and clears have looked at, until the engine counts them as work
META_SIZE = 8


Book = Any  # a record of addresses (JIT) or an object with the arrays of at.BOOK_ARRAYS (no JIT)


@kernel
def far_home(key: int, size: int) -> int:
    """Return the slot where a key would like to be; size is a power of two. `simcore.state.far_homes` is the same on arrays."""
    whole = int(key)
    return ((whole ^ whole >> 31) & 0x7FFFFFFF) * 1640531527 >> 20 & (size - 1)  # the product is below 2^62


@kernel
def far_slot(book: Book, key: int) -> int:
    """Return the slot of key in the far table, or of the free place where it belongs."""
    size = at.far_key(book).shape[0]
    slot = far_home(key, size)
    while at.far_key(book)[slot] != key and at.far_key(book)[slot] != EMPTY_KEY:
        slot = (slot + 1) & (size - 1)
    return slot


@kernel
def remove_far(book: Book, slot: int) -> None:
    """Remove the level of a slot and shift its followers back, so that no search is cut short."""
    keys, lots = at.far_key(book), at.far_lots(book)
    size = keys.shape[0]
    mask = size - 1
    hole = slot
    probe = (slot + 1) & mask
    while keys[probe] != EMPTY_KEY:
        if (probe - far_home(keys[probe], size)) & mask >= (probe - hole) & mask:
            keys[hole], lots[hole] = keys[probe], lots[probe]
            hole = probe
        probe = (probe + 1) & mask
    keys[hole] = EMPTY_KEY
    at.meta(book)[FAR_USED] -= 1


@kernel
def level_lots(book: Book, side: int, price: int) -> int:
    """Return the lots at a price, 0 if none."""
    column = price - at.meta(book)[BASE]
    if 0 <= column < at.lots(book).shape[1]:
        return at.lots(book)[side, column]
    slot = far_slot(book, 2 * price + side)
    if at.far_key(book)[slot] == EMPTY_KEY:
        return 0
    return at.far_lots(book)[slot]


@kernel
def has_room(book: Book) -> bool:
    """Return whether the far table can take another level (load factor at most 1/2)."""
    return 2 * at.meta(book)[FAR_USED] < at.far_key(book).shape[0]


@kernel
def set_far(book: Book, side: int, price: int, lots: int) -> int:
    """Set a level outside the window; return its previous lots. Needs `has_room`."""
    key = 2 * price + side
    slot = far_slot(book, key)
    if at.far_key(book)[slot] == EMPTY_KEY:
        if lots > 0:
            at.far_key(book)[slot] = key
            at.far_lots(book)[slot] = lots
            at.meta(book)[FAR_USED] += 1
        return 0
    previous = at.far_lots(book)[slot]
    if lots > 0:
        at.far_lots(book)[slot] = lots
    else:
        remove_far(book, slot)
    return previous


@kernel
def set_level(book: Book, side: int, price: int, lots: int) -> int:
    """Set a level to lots >= 0 and keep the best prices right; return its previous lots. Book is mutated."""
    column = price - at.meta(book)[BASE]
    if 0 <= column < at.lots(book).shape[1]:
        previous = at.lots(book)[side, column]
        at.lots(book)[side, column] = lots
    else:
        previous = set_far(book, side, price, lots)
    if side == BID:
        if price >= at.meta(book)[BEST_BID]:
            renew_best_bid(book, price, lots)
    elif price <= at.meta(book)[BEST_ASK]:
        renew_best_ask(book, price, lots)
    return previous


@kernel
def renew_best_bid(book: Book, price: int, lots: int) -> None:
    """Keep the best bid right after the level at price >= best bid was set to lots."""
    best = at.meta(book)[BEST_BID]
    if lots > 0:
        if price > best:
            at.meta(book)[BEST_BID] = price
            note_best(book)
    elif price == best:
        at.meta(book)[BEST_BID] = next_bid(book, price - 1)
        note_best(book)


@kernel
def renew_best_ask(book: Book, price: int, lots: int) -> None:
    """Keep the best ask right after the level at price <= best ask was set to lots."""
    best = at.meta(book)[BEST_ASK]
    if lots > 0:
        if price < best:
            at.meta(book)[BEST_ASK] = price
            note_best(book)
    elif price == best:
        at.meta(book)[BEST_ASK] = next_ask(book, price + 1)
        note_best(book)


@inlined
def bid_in_window(bids: IntArray, base: int, best: int, price: int, lots: int) -> int:
    """Return the best bid after price >= best was set to lots; NO_BID if that is no level of the window.

    bids : [window] lots by price - base; price and best are in the window.  For the loops over rows.
    """
    if lots > 0:
        return price
    if price > best:
        return best
    column = best - base - 1
    while column >= 0 and bids[unsigned(column)] == 0:
        column -= 1
    return base + column if column >= 0 else NO_BID


@inlined
def ask_in_window(asks: IntArray, base: int, best: int, price: int, lots: int) -> int:
    """Return the best ask after price <= best was set to lots; NO_ASK if that is no level of the window."""
    if lots > 0:
        return price
    if price < best:
        return best
    column = best - base + 1
    width = asks.shape[0]
    while column < width and asks[unsigned(column)] == 0:
        column += 1
    return base + column if column < width else NO_ASK


@inlined
def level_in_window(
    bids: IntArray, asks: IntArray, base: int, sum_lo: int, sum_hi: int, best_bid: int, best_ask: int,
    is_ask: bool, price: int, lots: int,
) -> tuple[bool, int, int]:  # fmt: skip
    """Set a level in the window; return (True, best bid, best ask).

    (False, …): nothing was done, since the best level leaves the window, or its middle half (`sum_lo`, `sum_hi`).
    """
    if is_ask:
        if price <= best_ask:
            best = ask_in_window(asks, base, best_ask, price, lots)
            if best_bid + best < sum_lo or best_bid + best > sum_hi:
                return False, best_bid, best_ask
            best_ask = best
        asks[unsigned(price - base)] = lots
    else:
        if price >= best_bid:
            best = bid_in_window(bids, base, best_bid, price, lots)
            if best + best_ask < sum_lo or best + best_ask > sum_hi:
                return False, best_bid, best_ask
            best_bid = best
        bids[unsigned(price - base)] = lots
    return True, best_bid, best_ask


@inlined
def quote_in_window(
    bids: IntArray, asks: IntArray, base: int, sum_lo: int, sum_hi: int, best_bid: int, best_ask: int,
    is_ask: bool, price: int, lots: int,
) -> tuple[bool, int, int]:  # fmt: skip
    """Make a level of the window, lots > 0, the best of its side; better levels go. Returns as level_in_window."""
    if is_ask:
        if best_bid + price < sum_lo or best_bid + price > sum_hi or best_ask < base:
            return False, best_bid, best_ask
        for better in range(best_ask, price):
            asks[unsigned(better - base)] = 0
        asks[unsigned(price - base)] = lots
        return True, best_bid, price
    if price + best_ask < sum_lo or price + best_ask > sum_hi or best_bid >= base + bids.shape[0]:
        return False, best_bid, best_ask
    for better in range(price + 1, best_bid + 1):
        bids[unsigned(better - base)] = 0
    bids[unsigned(price - base)] = lots
    return True, price, best_ask


@kernel
def note_best(book: Book) -> None:
    """Ask for a move of the window when the middle of the market has left its middle half."""
    bid = at.meta(book)[BEST_BID]
    ask = at.meta(book)[BEST_ASK]
    if bid == NO_BID:
        if ask == NO_ASK:
            return
        total = 2 * ask
    elif ask == NO_ASK:
        total = 2 * bid
    else:
        total = bid + ask
    if total < at.meta(book)[SUM_LO] or total > at.meta(book)[SUM_HI]:
        at.meta(book)[MOVE_WANTED] = 1


@kernel
def drop_better(book: Book, side: int, price: int) -> None:
    """Remove the levels of a side that are better than price, best first. Book is mutated."""
    if side == BID:
        while at.meta(book)[BEST_BID] > price:
            set_level(book, BID, at.meta(book)[BEST_BID], 0)
    else:
        while at.meta(book)[BEST_ASK] < price:
            set_level(book, ASK, at.meta(book)[BEST_ASK], 0)


@kernel
def next_bid(book: Book, price: int) -> int:
    """Return the highest bid at or below price, or NO_BID."""
    base = at.meta(book)[BASE]
    width = at.lots(book).shape[1]
    if price >= base + width:
        found = far_best_bid(book, price)
        if found >= base + width:
            return found
        price = base + width - 1
    column = price - base
    at.meta(book)[STEPS] += column
    while column >= 0:
        if at.lots(book)[BID, column] > 0:
            at.meta(book)[STEPS] -= column
            return base + column
        column -= 1
    return far_best_bid(book, min(price, base - 1))


@kernel
def next_ask(book: Book, price: int) -> int:
    """Return the lowest ask at or above price, or NO_ASK."""
    base = at.meta(book)[BASE]
    width = at.lots(book).shape[1]
    if price < base:
        found = far_best_ask(book, price)
        if found < base:
            return found
        price = base
    column = price - base
    at.meta(book)[STEPS] += width - column
    while column < width:
        if at.lots(book)[ASK, column] > 0:
            at.meta(book)[STEPS] -= width - column
            return base + column
        column += 1
    return far_best_ask(book, max(price, base + width))


@kernel
def far_best_bid(book: Book, price: int) -> int:
    """Return the highest far bid at or below price, or NO_BID."""
    best = NO_BID
    if at.meta(book)[FAR_USED] == 0:
        return best
    at.meta(book)[STEPS] += at.far_key(book).shape[0]
    for slot in range(at.far_key(book).shape[0]):
        key = at.far_key(book)[slot]
        if key != EMPTY_KEY and key & 1 == BID:
            level = key >> 1
            if best < level <= price:
                best = level
    return best


@kernel
def far_best_ask(book: Book, price: int) -> int:
    """Return the lowest far ask at or above price, or NO_ASK."""
    best = NO_ASK
    if at.meta(book)[FAR_USED] == 0:
        return best
    at.meta(book)[STEPS] += at.far_key(book).shape[0]
    for slot in range(at.far_key(book).shape[0]):
        key = at.far_key(book)[slot]
        if key != EMPTY_KEY and key & 1 == ASK:
            level = key >> 1
            if price <= level < best:
                best = level
    return best


@kernel
def clear_side(book: Book, side: int, bound: int) -> None:
    """Remove the levels of a side from the best to bound inclusive; bound NO_BID / NO_ASK removes all."""
    best = at.meta(book)[BEST_BID] if side == BID else at.meta(book)[BEST_ASK]
    base = at.meta(book)[BASE]
    width = at.lots(book).shape[1]
    if side == BID:
        lo = max(bound - base, 0)
        hi = min(best - base, width - 1)
    else:
        lo = max(best - base, 0)
        hi = min(bound - base, width - 1)
    at.meta(book)[STEPS] += max(hi - lo, 0)
    for column in range(lo, hi + 1):
        at.lots(book)[side, column] = 0
    if at.meta(book)[FAR_USED] > 0:
        clear_far(book, side, bound)
    if side == BID:
        if best >= bound and best != NO_BID:
            at.meta(book)[BEST_BID] = next_bid(book, bound - 1) if bound > NO_BID else NO_BID
    elif best <= bound and best != NO_ASK:
        at.meta(book)[BEST_ASK] = next_ask(book, bound + 1) if bound < NO_ASK else NO_ASK
    note_best(book)


@kernel
def clear_far(book: Book, side: int, bound: int) -> None:
    """Remove the far levels of a side that are at bound or better.

    A removal fills its slot with a level from farther on, which is looked at next. Around the end of the table that may
    be one that was looked at before, and stays.
    """
    slot = 0
    at.meta(book)[STEPS] += at.far_key(book).shape[0]
    while slot < at.far_key(book).shape[0]:
        key = at.far_key(book)[slot]
        level = key >> 1
        if key != EMPTY_KEY and key & 1 == side and (level >= bound if side == BID else level <= bound):
            remove_far(book, slot)
        else:
            slot += 1
