"""Allocate, grow, save and restore the state arrays of a run; move the books' windows."""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import numpy as np

from simcore.jit import JIT
from simcore.kernels import at
from simcore.kernels import book as bk
from simcore.kernels import l3 as l3k
from simcore.kernels import state as st
from simcore.kernels.context import LEVELS_MAX
from simcore.records import FEATURE, FILL, GUARD, MARKOUT, REPORT, REQUEST, SAMPLE, TRACE, Chunk, IntArray, Record

OUTPUT_ROWS = 1 << 13



@dataclass(frozen=True)
class Book:
    """The arrays of one book (`at.BOOK_ARRAYS`)."""

    lots: Any
    meta: Any
    far_key: Any
    far_lots: Any


@dataclass(frozen=True)
class State:
    """The arrays of a run (`at.ARRAYS`), its two books; what a checkpoint holds."""

    clock: Any
    keys: Any
    blocks: Any
    lanes: Any
    heads: Any
    tails: Any
    far_heads: Any
    far_tails: Any
    venue_orders: Any
    node_orders: Any
    quotes: Any
    live: Any
    free: Any
    requests: Any
    reports: Any
    taken: Any
    taken_heads: Any
    taken_far: Any
    fill_ring: Any
    l3: Any
    followed: Any
    sums: Any
    rings: Any
    whole: Any
    ints: Any
    rates: Any
    floats: Any
    params: Any
    memory: Any
    latency_times: Any
    latency_values: Any
    latency_sizes: Any
    exch: Book
    local: Book


@dataclass(frozen=True)
class Output:
    """Journal buffers (`at.OUTPUT_ARRAYS`)."""

    counts: Any
    out_requests: Any
    out_reports: Any
    out_fills: Any
    out_markouts: Any
    out_samples: Any
    out_features: Any
    out_traces: Any
    out_guards: Any


def handle(state: State, out: Output, exch_rows: Chunk, local_rows: Chunk) -> Any:
    """Return what an entry kernel takes: one record of addresses in an array, or with the JIT off an object of the arrays.

    A record by itself takes numba 25 us to unpack at each call. The caller keeps all four alive while it uses the handle.
    """
    if not JIT:
        return SimpleNamespace(**vars(state), **vars(out), exch_rows=exch_rows, local_rows=local_rows)
    values = (
        *_places(at.ARRAYS, state), *_places(at.OUTPUT_ARRAYS, out), _places(at.BOOK_ARRAYS, state.exch),
        _places(at.BOOK_ARRAYS, state.local), _places(at.ROW_ARRAYS, exch_rows), _places(at.ROW_ARRAYS, local_rows),
    )  # fmt: skip
    return np.array([values], at.HANDLE)


def show_rows(handle: Any, name: str, rows: Chunk) -> None:
    """Let a handle see other rows; name is exch_rows or local_rows, and the caller keeps the rows alive."""
    if JIT:
        handle[0][name] = _places(at.ROW_ARRAYS, rows)
    else:
        setattr(handle, name, rows)


def _places(arrays: dict[str, Any], owner: Any) -> tuple[int, ...]:
    """Return address, rows and columns of each array, as at.HANDLE wants them."""
    places: list[int] = []
    for name, (dtype, dimensions) in arrays.items():
        array = getattr(owner, name)
        if array.dtype != dtype or array.ndim != dimensions or not array.flags.c_contiguous:
            raise TypeError(f"{name}: {array.dtype} [{array.ndim}] where the kernels read {dtype} [{dimensions}]")
        places += (array.__array_interface__["data"][0], array.shape[0], array.shape[1] if dimensions == 2 else 1)
    return tuple(places)


def records(dtype: np.dtype[np.void], shape: int | tuple[int, ...]) -> Record:
    """Return zeroed records; as a recarray when the JIT is off, since only those have attributes in Python."""
    array = np.zeros(shape, dtype)
    return array if JIT else array.view(np.recarray)


def new_book(window_ticks: int, base: int, far_capacity: int = 4096) -> Book:
    """Return an empty book whose window starts at price `base` (ticks)."""
    meta = np.zeros(bk.META_SIZE, np.int64)
    meta[bk.BEST_BID] = bk.NO_BID
    meta[bk.BEST_ASK] = bk.NO_ASK
    book = Book(
        np.zeros((2, window_ticks), np.int64), meta, np.full(far_capacity, bk.EMPTY_KEY, np.int64),
        np.zeros(far_capacity, np.int64),
    )  # fmt: skip
    set_window(book, base)
    return book


def set_window(book: Book, base: int) -> None:
    """Write where the window stands, and the sums of best bid and ask at which it should move."""
    width = book.lots.shape[1]
    book.meta[bk.BASE] = base
    book.meta[bk.SUM_LO] = 2 * base + width // 2
    book.meta[bk.SUM_HI] = 2 * base + 3 * width // 2
    book.meta[bk.MOVE_WANTED] = 0


def levels(book: Book) -> tuple[IntArray, IntArray, IntArray]:
    """Return (side, price, lots) of all levels, window and far."""
    side, column = np.nonzero(book.lots)
    far = (book.far_key != bk.EMPTY_KEY) & (book.far_lots > 0)
    keys = book.far_key[far]
    return (
        np.concatenate([side, keys & 1]),
        np.concatenate([column + book.meta[bk.BASE], keys >> 1]),
        np.concatenate([book.lots[side, column], book.far_lots[far]]),
    )


def move_book(book: Book) -> Book:
    """Centre the window on the market; return the book, with a larger far table if it needs one."""
    side, price, lots = levels(book)
    bid, ask = int(book.meta[bk.BEST_BID]), int(book.meta[bk.BEST_ASK])
    middle = bid if ask == bk.NO_ASK else ask if bid == bk.NO_BID else (bid + ask) // 2
    width = book.lots.shape[1]
    base = middle - width // 2
    inside = (price >= base) & (price < base + width)
    capacity = book.far_key.shape[0]
    while capacity < 4 * (np.count_nonzero(~inside) + 16):
        capacity *= 2
    moved = Book(
        book.lots, book.meta, np.full(capacity, bk.EMPTY_KEY, np.int64), np.zeros(capacity, np.int64)
    )  # fmt: skip
    book.lots[:] = 0
    set_window(moved, base)
    book.lots[side[inside], price[inside] - base] = lots[inside]
    fill_far(moved, side[~inside], price[~inside], lots[~inside])
    return moved


def fill_far(book: Book, side: IntArray, price: IntArray, lots: IntArray) -> None:
    """Enter levels into an empty far table with the kernels' own hash."""
    mask = book.far_key.shape[0] - 1
    for key, value in zip((2 * price + side).tolist(), lots.tolist(), strict=True):
        slot = ((key * 40503) ^ (key >> 9)) & mask
        while book.far_key[slot] != bk.EMPTY_KEY:
            slot = (slot + 1) & mask
        book.far_key[slot] = key
        book.far_lots[slot] = value
    book.meta[bk.FAR_USED] = len(price)


def new_state(
    lanes: int, slots: int, window_ticks: int, base: int, ints: IntArray, floats: Any, params: Any, memory: Any,
    tables: list[tuple[IntArray, IntArray]], ring: int = 512,
) -> State:  # fmt: skip
    """Return the state of a run before its first row.

    lanes K, slots M (orders a lane, <= 256).  ints, floats, params, memory : [K, n] parameters and memories.
    tables : recorded latencies, (ns since ORIGIN, ns) each.
    """
    clock = np.zeros(st.CLOCK_SIZE, np.int64)
    clock[st.MARKOUT_DUE] = st.NEVER // 16
    clock[st.PAUSE_KEY] = st.NEVER
    clock[st.OWN_BEST_BID] = bk.NO_BID
    clock[st.OWN_BEST_ASK] = bk.NO_ASK
    clock[st.OWN_WORST_BID] = bk.NO_ASK
    clock[st.OWN_WORST_ASK] = bk.NO_BID
    clock[st.NODE_BEST_BID], clock[st.NODE_BEST_ASK] = bk.NO_BID, bk.NO_ASK
    clock[st.NODE_WORST_BID], clock[st.NODE_WORST_ASK] = bk.NO_ASK, bk.NO_BID
    clock[st.TAKEN_WORST_BID], clock[st.TAKEN_WORST_ASK] = bk.NO_ASK, bk.NO_BID
    clock[st.TRIGGER_LO], clock[st.TRIGGER_HI] = bk.NO_BID, bk.NO_ASK
    clock[st.USES_FEED] = (ints[:, st.P_LAT_MODEL : st.P_LAT_MODEL + 4] == st.FEED).any()
    blocks = (lanes >> st.BLOCK_BITS) + (1 if lanes & ((1 << st.BLOCK_BITS) - 1) else 0)
    longest = max([1, *(len(values) for _, values in tables)])
    times = np.zeros((max(len(tables), 1), longest), np.int64)
    values = np.zeros_like(times)
    sizes = np.zeros(max(len(tables), 1), np.int64)
    for i, (moments, latency) in enumerate(tables):
        times[i, : len(moments)], values[i, : len(latency)], sizes[i] = moments, latency, len(latency)
    accounts = records(st.LANE, lanes)
    accounts["order_serial"] = 1  # so that no order has id 0
    for due in ("account_ns", "funding_due_ns", "margin_due_ns"):
        accounts[due] = st.NEVER // 8
    accounts["control_weight"], accounts["control_quotes"], accounts["control_budget"] = 1_000_000, LEVELS_MAX, -1
    l3 = records(st.L3_ORDER, 1 << 12)
    l3["order_id"] = l3k.FREE_ID
    window = np.zeros((2, window_ticks), np.int32)
    return State(
        clock=clock,
        keys=np.full(blocks << st.BLOCK_BITS, st.NEVER),
        blocks=np.full(blocks, st.NEVER),
        lanes=accounts,
        exch=new_book(window_ticks, base),
        local=new_book(window_ticks, base),
        heads=window,
        tails=window.copy(),
        far_heads=np.zeros(2, np.int64),
        far_tails=np.zeros(2, np.int64),
        venue_orders=records(st.VENUE_ORDER, lanes * slots + lanes),
        node_orders=records(st.NODE_ORDER, (lanes, slots)),
        quotes=records(st.QUOTED, lanes),
        live=np.zeros((lanes, slots), np.int64),
        free=np.tile(np.arange(slots - 1, -1, -1, dtype=np.int64), (lanes, 1)),
        requests=records(st.WIRE_REQUEST, (lanes, max(ring, 8 * slots))),
        reports=records(REPORT, (lanes, max(ring, 8 * slots))),
        taken=records(st.TAKEN, 256),
        taken_heads=window.copy(),
        taken_far=np.zeros(2, np.int64),
        fill_ring=records(st.PENDING_FILL, 1 << 12),
        l3=l3,
        followed=window.copy(),
        sums=np.zeros((2, st.SPAN_TICKS + 1), np.int64),
        rings=np.zeros((lanes + 1, st.RING_SIZE)),
        whole=np.zeros((lanes, st.WHOLE_SIZE), np.int64),
        ints=ints,
        rates=np.zeros((lanes, st.BAN_END + 1), np.int64),
        floats=floats,
        params=params,
        memory=memory,
        latency_times=times,
        latency_values=values,
        latency_sizes=sizes,
    )


def start_ticks(state: State) -> None:
    """Schedule every lane's first tick, one interval after the start."""
    state.lanes["tick_ns"] = np.minimum(state.ints[:, st.P_TICK_NS], st.NEVER // 8)
    never = state.lanes["tick_ns"] >= st.NEVER // 8
    state.keys[: len(never)] = np.where(never, st.NEVER, state.lanes["tick_ns"] * 8 + st.CLASS_TICK)
    settle(state)


def start_accounts(state: State) -> None:
    """Schedule every lane's timed funding and margin checks: at multiples of their intervals of exchange time."""
    lanes, origin = state.lanes, int(state.clock[st.ORIGIN])
    has_margin = (state.ints[:, st.P_BALANCE] > 0) & (state.ints[:, st.P_MAINTENANCE] > 0)
    for due, parameter, is_on in (("funding_due_ns", st.P_FUNDING_NS, True), ("margin_due_ns", st.P_MARGIN_NS, has_margin)):
        interval = state.ints[:, parameter]
        first = interval - origin % np.maximum(interval, 1)
        lanes[due] = np.where((interval > 0) & is_on, first, st.NEVER // 8)
    lanes["account_ns"] = np.minimum(lanes["funding_due_ns"], lanes["margin_due_ns"])
    keys = state.keys[: len(lanes)]
    np.minimum(keys, lanes["account_ns"] * 8 + st.CLASS_ACCOUNT, out=keys)
    settle(state)


def settle(state: State) -> None:
    """Find the first event of each block of lanes anew."""
    state.blocks[:] = state.keys.reshape(len(state.blocks), -1).min(axis=1)


def next_lane(state: State) -> int:
    """Return the lane that has the next event, of equals the first."""
    return int(np.argmin(state.keys))


def new_output(state: State, least_rows: int = OUTPUT_ROWS) -> Output:
    """Return journal buffers that hold at least two of whatever one market row can cause in all lanes."""
    lanes, slots = state.node_orders.shape
    rows = max(least_rows, 4 * lanes * slots)
    few = max(least_rows // 4, 4 * lanes)  # one a tick at most
    return Output(
        np.zeros(8, np.int64), records(REQUEST, rows), records(REPORT, rows), records(FILL, rows),
        records(MARKOUT, rows), records(SAMPLE, rows), records(FEATURE, few), records(TRACE, few),
        records(GUARD, few),
    )  # fmt: skip


def save(state: State) -> dict[str, Any]:
    """Return the state as named plain arrays, ready for np.savez."""
    named: dict[str, Any] = {}
    for name, value in vars(state).items():
        if isinstance(value, Book):
            named.update({f"{name}.{part}": np.asarray(array) for part, array in vars(value).items()})
        else:
            named[name] = np.asarray(value)
    return named


def restore(named: Any) -> State:
    """Rebuild a state from what `save` returned."""

    def array(name: str) -> Any:
        value = np.ascontiguousarray(named[name])
        return value if JIT or value.dtype.names is None else value.view(np.recarray)

    parts = {
        name: Book(*(array(f"{name}.{part}") for part in [f.name for f in fields(Book)])) if name in ("exch", "local") else array(name)
        for name in [f.name for f in fields(State)]
    }
    return State(**parts)
