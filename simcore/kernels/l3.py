"""Market orders by id at the Venue: an open-addressing table of priority and lots left."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.state import IS_L3, L3_COUNT, PRIORITY, State

FREE_ID = -1  # order ids are >= 0


@kernel
def home_slot(order_id: int, size: int) -> int:
    """Return the slot where an id would like to be; size is a power of two."""
    whole = int(order_id)
    return ((whole & 0xFFFFFFFF) * 1640531527 >> 11 ^ whole >> 7) & (size - 1)  # the product is below 2^63


@kernel
def l3_has_room(state: State) -> bool:
    """Return whether another order fits (load factor at most 1/2)."""
    return at.clock(state)[IS_L3] == 0 or 2 * at.clock(state)[L3_COUNT] < at.l3(state).shape[0]


@kernel
def find_order(state: State, order_id: int) -> int:
    """Return the slot of an order, -1 if it is unknown."""
    size = at.l3(state).shape[0]
    slot = home_slot(order_id, size)
    while at.l3(state)[slot].order_id != FREE_ID:
        if at.l3(state)[slot].order_id == order_id:
            return slot
        slot = (slot + 1) & (size - 1)
    return -1


@kernel
def add_order(state: State, order_id: int, lots: int) -> None:
    """Enter an order with the present priority; an id that is there already is replaced."""
    size = at.l3(state).shape[0]
    slot = home_slot(order_id, size)
    while at.l3(state)[slot].order_id != FREE_ID and at.l3(state)[slot].order_id != order_id:
        slot = (slot + 1) & (size - 1)
    entry = at.l3(state)[slot]
    if entry.order_id == FREE_ID:
        at.clock(state)[L3_COUNT] += 1
    entry.order_id = order_id
    entry.priority = at.clock(state)[PRIORITY]
    entry.leaves_lots = lots


@kernel
def forget_orders(state: State) -> None:
    """Remove all orders: the book has been cleared. Otherwise those of before would stay for good."""
    if at.clock(state)[L3_COUNT] > 0:
        at.clock(state)[L3_COUNT] = 0
        for slot in range(at.l3(state).shape[0]):
            at.l3(state)[slot].order_id = FREE_ID


@kernel
def remove_order(state: State, slot: int) -> None:
    """Remove an entry and shift its followers back, so that no probe is cut short."""
    size = at.l3(state).shape[0]
    mask = size - 1
    hole = slot
    probe = (slot + 1) & mask
    while at.l3(state)[probe].order_id != FREE_ID:
        home = home_slot(at.l3(state)[probe].order_id, size)
        if (probe - home) & mask >= (probe - hole) & mask:
            at.l3(state)[hole].order_id = at.l3(state)[probe].order_id
            at.l3(state)[hole].priority = at.l3(state)[probe].priority
            at.l3(state)[hole].leaves_lots = at.l3(state)[probe].leaves_lots
            hole = probe
        probe = (probe + 1) & mask
    at.l3(state)[hole].order_id = FREE_ID
    at.clock(state)[L3_COUNT] -= 1
