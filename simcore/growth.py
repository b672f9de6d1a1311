"""Room for what comes: tables that grow, and own orders listed anew by level after a window has moved."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from simcore import memory
from simcore.errors import EngineError
from simcore.jit import expose
from simcore.kernels import book as bk
from simcore.kernels import l3 as l3k
from simcore.kernels import state as st
from simcore.memory import MB
from simcore.records import FILL, STOP_MARKET, IntArray, Record
from simcore.state import Book, Output, State, far_size, fit_far, held_bytes, records

home_slot = expose(l3k.home_slot)
ENTRIES_MAX = 1 << 30  # links from a level to an entry have 32 bits
# What the tables are called in messages.
TABLES = {
    "exch": "far levels of the Venue's book", "local": "far levels of the Node's book", "requests": "requests on the wire of a lane",
    "reports": "reports on the wire of a lane", "taken": "levels that lanes have taken from", "fill_ring": "fills that wait for their markouts",
    "l3": "market orders of the tape", "out_fills": "fills that wait for the journal",
}  # fmt: skip


def make_room(state: State, out: Output) -> tuple[State, Output]:
    """Make each table that is too short for what comes next longer, and no other; clear what the kernels wanted.

    The kernels write what did not fit (`st.WANTED_FILLS`, …) or set TIGHT when a ring is more than half full. A table is at
    least doubled, so that a run grows it a few times only. Journal buffers must have been emptied by the caller.
    ENG-006: a table would grow beyond its limit.
    """
    changes: dict[str, Any] = {}
    for name in ("exch", "local"):
        book = getattr(state, name)
        if not _has_room(book):
            changes[name] = _fitted(state, out, name, book)
    for name, missing in _missing(state):
        changes[name] = _longer(state, out, name, missing)
    wanted = int(state.clock[st.WANTED_FILLS])
    if len(out.out_fills) < wanted:
        rows = max(2 * len(out.out_fills), wanted)
        _refuse_beyond(state, out, "out_fills", rows, rows * FILL.itemsize)
        out = replace(out, out_fills=_allocated("out_fills", FILL, rows))
    for slot in (st.TIGHT, st.WANTED_FILLS, st.WANTED_LEVELS, st.WANTED_REPORTS):
        state.clock[slot] = 0
    return (replace(state, **changes) if changes else state), out


def fit_books(state: State) -> State:
    """Give back what far tables hold on to after most of their levels have gone: the search for a best price looks at it all."""
    changes = {
        name: fit_far(book)
        for name, book in (("exch", state.exch), ("local", state.local))
        if 2 * far_size(int(book.meta[bk.FAR_USED])) < len(book.far_key)
    }
    return replace(state, **changes) if changes else state


def sizes(state: State) -> dict[str, int]:
    """Return how many entries the tables of a state that can grow have room for; of a ring those of one lane."""
    far = {"exch": len(state.exch.far_key), "local": len(state.local.far_key)}
    return far | {name: getattr(state, name).shape[-1] for name in ("requests", "reports", "taken", "fill_ring", "l3")}


def _missing(state: State) -> Iterator[tuple[str, int]]:
    """Yield the tables that are too short, each with the places that it needs in all."""
    clock, lanes = state.clock, state.lanes
    requests, reports = int(lanes["request_count"].max()), int(lanes["report_count"].max())
    taken, fills = int(clock[st.TAKEN_COUNT]), int(clock[st.FILL_NEXT] - clock[st.FILL_FIRST])
    needed = {
        "requests": requests + 2 * state.node_orders.shape[1],  # of a tick
        "reports": max(reports + int(clock[st.WANTED_REPORTS]), 2 * reports),
        "taken": taken + int(clock[st.WANTED_LEVELS]),
        "fill_ring": max(fills + int(clock[st.WANTED_FILLS]), 2 * fills),
        "l3": 2 * int(clock[st.L3_COUNT]) + 1 if clock[st.IS_L3] else 0,
    }
    for name, entries in needed.items():
        if entries > getattr(state, name).shape[-1]:
            yield name, entries


def _has_room(book: Book) -> bool:
    return bool(2 * book.meta[bk.FAR_USED] < book.far_key.shape[0])


def _fitted(state: State, out: Output, name: str, book: Book) -> Book:
    size = far_size(int(book.meta[bk.FAR_USED]))
    _refuse_beyond(state, out, name, size, size * 2 * book.far_key.itemsize)
    try:
        return fit_far(book)
    except MemoryError as exc:
        raise _none_left(name, size) from exc


def _longer(state: State, out: Output, name: str, needed: int) -> Record:
    """Return a longer copy of a table, in the order that its kernels find things in."""
    table = getattr(state, name)
    entries = max(2 * table.shape[-1], needed)
    shape = (*table.shape[:-1], entries)
    _refuse_beyond(state, out, name, entries, math.prod(shape) * table.itemsize)
    longer = _allocated(name, table.dtype, shape)
    if name == "taken":
        longer[: len(table)] = table
    elif name == "l3":
        _fill_l3(longer, table)
    elif name == "fill_ring":
        positions = np.arange(int(state.clock[st.FILL_FIRST]), int(state.clock[st.FILL_NEXT]))
        longer[positions % entries] = table[positions % len(table)]
    else:
        _fill_ring(longer, table, state.lanes[f"{name[:-1]}_head"], state.lanes[f"{name[:-1]}_count"])
    return longer


def _allocated(name: str, dtype: np.dtype[Any], shape: Any) -> Record:
    try:
        return records(dtype, shape)
    except MemoryError as exc:
        raise _none_left(name, np.prod(shape)) from exc


def _none_left(name: str, entries: int) -> EngineError:
    return EngineError("ENG-006", f"{TABLES[name]}: the system has no memory for {entries:,} entries")


def _refuse_beyond(state: State, out: Output, name: str, entries: int, size: int) -> None:
    """Refuse a table of so many bytes if the engine would then hold more than it may; the old one is still there meanwhile."""
    limit = memory.limit_bytes()
    total = held_bytes(state, out) + size
    if total > limit or entries > ENTRIES_MAX:
        raise EngineError(
            "ENG-006",
            f"{TABLES[name]}: {entries:,} entries, {size / MB:,.0f} MB, would make it {total / MB:,.0f} MB in all; "
            f"its limit is {limit / MB:,.0f} MB ({memory.SHARE_WORDS}) and {ENTRIES_MAX:,} entries a table",
        )


def _fill_ring(wider: Record, ring: Record, heads: IntArray, counts: IntArray) -> None:
    """Copy the messages of each lane to the front of its wider ring."""
    size = ring.shape[1]
    for lane in np.flatnonzero(counts):
        order = (int(heads[lane]) + np.arange(int(counts[lane]))) % size
        wider[lane, : len(order)] = ring[lane, order]
    heads[:] = 0


def _fill_l3(wider: Record, table: Record) -> None:
    wider["order_id"] = l3k.FREE_ID
    mask = wider.shape[0] - 1
    for entry in table[table["order_id"] != l3k.FREE_ID]:
        slot = int(home_slot(int(entry["order_id"]), wider.shape[0]))
        while wider["order_id"][slot] != l3k.FREE_ID:
            slot = (slot + 1) & mask
        wider[slot] = entry


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
