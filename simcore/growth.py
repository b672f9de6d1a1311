"""Room for what comes: tables that grow, and own orders listed anew by level after a window has moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from simcore.jit import expose
from simcore.kernels import book as bk
from simcore.kernels import l3 as l3k
from simcore.kernels import state as st
from simcore.records import STOP_MARKET, IntArray, Record
from simcore.state import Book, State, move_book, records

home_slot = expose(l3k.home_slot)


def sizes(state: State) -> tuple[int, ...]:
    """Return the sizes of the tables that can grow."""
    tables = (state.requests[0], state.reports[0], state.taken, state.fill_ring, state.l3)
    return (*(len(table) for table in tables), len(state.exch.far_key), len(state.local.far_key))


def make_room(state: State, needed: int) -> State:
    """Double whatever is more than a third full, or has less than `needed` free places; clear TIGHT.

    Journal buffers must have been emptied by the caller.
    """
    clock = state.clock
    clock[st.TIGHT] = 0
    changes: dict[str, Any] = {}
    for name in ("exch", "local"):
        book = getattr(state, name)
        if not _has_room(book):
            changes[name] = move_book(book)
    for name, count in (("requests", "request_count"), ("reports", "report_count")):
        ring = getattr(state, name)
        used = int(state.lanes[count].max())
        if 3 * used > ring.shape[1] or ring.shape[1] - used < needed:
            changes[name] = _wider_ring(ring, state.lanes[count.replace("count", "head")], state.lanes[count], needed)
    needed = max(needed, int(clock[st.OWN_COUNT : st.OWN_COUNT + 2].sum()))  # of what lanes share: one row may fill them all
    if 3 * clock[st.TAKEN_COUNT] > state.taken.shape[0] or state.taken.shape[0] - clock[st.TAKEN_COUNT] < needed:
        changes["taken"] = _longer(state.taken, needed)
    pending = int(clock[st.FILL_NEXT] - clock[st.FILL_FIRST])
    if 3 * pending > state.fill_ring.shape[0] or state.fill_ring.shape[0] - pending < needed:
        changes["fill_ring"] = _wider_fill_ring(state, needed)
    if 3 * clock[st.L3_COUNT] > state.l3.shape[0]:
        changes["l3"] = _wider_l3(state.l3)
    grown = replace(state, **changes)
    if "exch" in changes:
        relink(grown)
        retake(grown)
    if "local" in changes:
        refollow(grown)
    return grown


def _has_room(book: Book) -> bool:
    return bool(2 * book.meta[bk.FAR_USED] < book.far_key.shape[0])


def _longer(array: Record, needed: int) -> Record:
    longer = records(array.dtype, max(2 * array.shape[0], array.shape[0] + 2 * needed))
    longer[: array.shape[0]] = array
    return longer


def _wider_ring(ring: Record, heads: IntArray, counts: IntArray, needed: int) -> Record:
    lanes, size = ring.shape
    wider = records(ring.dtype, (lanes, max(2 * size, size + 2 * needed)))
    for lane in range(lanes):
        order = (int(heads[lane]) + np.arange(int(counts[lane]))) % size
        wider[lane, : len(order)] = ring[lane, order]
        heads[lane] = 0
    return wider


def _wider_fill_ring(state: State, needed: int) -> Record:
    size = state.fill_ring.shape[0]
    wider = records(st.PENDING_FILL, max(2 * size, size + 2 * needed))
    positions = np.arange(int(state.clock[st.FILL_FIRST]), int(state.clock[st.FILL_NEXT]))
    wider[positions % wider.shape[0]] = state.fill_ring[positions % size]
    return wider


def _wider_l3(table: Record) -> Record:
    wider = records(st.L3_ORDER, 2 * table.shape[0])
    wider["order_id"] = l3k.FREE_ID
    mask = wider.shape[0] - 1
    for entry in table[table["order_id"] != l3k.FREE_ID]:
        slot = int(home_slot(int(entry["order_id"]), wider.shape[0]))
        while wider["order_id"][slot] != l3k.FREE_ID:
            slot = (slot + 1) & mask
        wider[slot] = entry
    return wider


def relink(state: State) -> None:
    """Rebuild the lists of own orders by level after the exchange window has moved."""
    orders = state.venue_orders
    state.heads[:] = 0
    state.tails[:] = 0
    state.far_heads[:] = 0
    state.far_tails[:] = 0
    base = int(state.exch.meta[bk.BASE])
    width = state.heads.shape[1]
    rests = ((orders["state"] == 1) | (orders["state"] == 2)) & (orders["tif"] < STOP_MARKET)
    for index in sorted(np.nonzero(rests)[0].tolist(), key=lambda i: int(orders["link_serial"][i])):
        side = int(orders["side"][index])
        column = int(orders["price_ticks"][index]) - base
        inside = 0 <= column < width
        heads, tails = (state.heads[side], state.tails[side]) if inside else (state.far_heads, state.far_tails)
        place = column if inside else side
        tail = int(tails[place])
        orders["prev_link"][index] = tail
        orders["next_link"][index] = 0
        if tail:
            orders["next_link"][tail - 1] = index + 1
        else:
            heads[place] = index + 1
        tails[place] = index + 1


def retake(state: State) -> None:
    """List what lanes have taken by level anew, after the exchange window has moved."""
    state.taken_heads[:] = 0
    state.taken_far[:] = 0
    base, width = int(state.exch.meta[bk.BASE]), state.taken_heads.shape[1]
    for place, entry in enumerate(state.taken[: int(state.clock[st.TAKEN_COUNT])]):
        side, column = int(entry["side"]), int(entry["price_ticks"]) - base
        heads: Any = state.taken_heads[side] if 0 <= column < width else state.taken_far
        at_level = column if 0 <= column < width else side
        entry["prev_link"], entry["next_link"] = 0, heads[at_level]
        if heads[at_level]:
            state.taken["prev_link"][heads[at_level] - 1] = place + 1
        heads[at_level] = place + 1


def refollow(state: State) -> None:
    """List the Node's followed orders by level anew, after the local window has moved."""
    state.followed[:] = 0
    state.clock[st.NODE_FAR] = 0
    orders = state.node_orders
    orders["next_link"] = orders["prev_link"] = 0
    base, width = int(state.local.meta[bk.BASE]), state.followed.shape[1]
    for lane, slot in zip(*np.nonzero(orders["tracked"]), strict=True):
        side, column = int(orders["side"][lane, slot]), int(orders["price_ticks"][lane, slot]) - base
        if not 0 <= column < width:
            state.clock[st.NODE_FAR] += 1
            continue
        link, first = (int(lane) << st.SLOT_BITS) + int(slot) + 1, int(state.followed[side, column])
        orders["next_link"][lane, slot] = first
        if first:
            orders["prev_link"][(first - 1) >> st.SLOT_BITS, (first - 1) & st.SLOT_MASK] = link
        state.followed[side, column] = link
