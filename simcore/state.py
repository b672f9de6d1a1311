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
RING = 512  # messages in flight, of a lane and way, at first
FAR_SIZE = 1024  # of a far table at least


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
        places += (array.ctypes.data, array.shape[0], array.shape[1] if dimensions == 2 else 1)
    return tuple(places)


def records(dtype: np.dtype[Any], shape: int | tuple[int, ...]) -> Record:
    """Return zeroed records; as a recarray when the JIT is off, since only those have attributes in Python."""
    array = np.zeros(shape, dtype)
    return array if JIT or dtype.names is None else array.view(np.recarray)


def new_book(window_ticks: int, base: int) -> Book:
    """Return an empty book whose window starts at price `base` (ticks)."""
    meta = np.zeros(bk.META_SIZE, np.int64)
    meta[bk.BEST_BID] = bk.NO_BID
    meta[bk.BEST_ASK] = bk.NO_ASK
    book = Book(
        np.zeros((2, window_ticks), np.int64), meta, np.full(FAR_SIZE, bk.EMPTY_KEY, np.int64), np.zeros(FAR_SIZE, np.int64),
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
    far = book.far_key != bk.EMPTY_KEY
    keys = book.far_key[far]
    return (
        np.concatenate([side, keys & 1]),
        np.concatenate([column + book.meta[bk.BASE], keys >> 1]),
        np.concatenate([book.lots[side, column], book.far_lots[far]]),
    )


def move_book(book: Book) -> Book:
    """Centre the window on the market; return the book, with a far table of the size that it needs now."""
    side, price, lots = levels(book)
    bid, ask = int(book.meta[bk.BEST_BID]), int(book.meta[bk.BEST_ASK])
    middle = bid if ask == bk.NO_ASK else ask if bid == bk.NO_BID else (bid + ask) // 2
    width = book.lots.shape[1]
    base = middle - width // 2
    inside = (price >= base) & (price < base + width)
    far = ~inside
    moved = _with_far(book, 2 * price[far] + side[far], lots[far])
    book.lots[:] = 0
    set_window(moved, base)
    book.lots[side[inside], price[inside] - base] = lots[inside]
    return moved


def far_size(levels_count: int) -> int:
    """Return the size of a far table for so many levels: a quarter of it or less is used, an eighth or more."""
    return max(1 << (4 * max(levels_count, 1) - 1).bit_length(), FAR_SIZE)


def fit_far(book: Book) -> Book:
    """Return the book with a far table of the size that its levels need; the window stays where it is."""
    far = book.far_key != bk.EMPTY_KEY
    return _with_far(book, book.far_key[far], book.far_lots[far])


def _with_far(book: Book, keys: IntArray, lots: IntArray) -> Book:
    """Return the book with these levels in a far table of the size that they need."""
    size = far_size(len(keys))
    far_key, far_lots = np.full(size, bk.EMPTY_KEY, np.int64), np.zeros(size, np.int64)
    slots = far_homes(keys, size)
    left = np.arange(len(keys))
    while len(left):  # all at once: of those that want a free slot one takes it, the others look at the next
        free = left[far_key[slots[left]] == bk.EMPTY_KEY]
        far_key[slots[free]], far_lots[slots[free]] = keys[free], lots[free]
        left = left[far_key[slots[left]] != keys[left]]
        slots[left] = (slots[left] + 1) & (size - 1)
    book.meta[bk.FAR_USED] = len(keys)
    return Book(book.lots, book.meta, far_key, far_lots)


def far_homes(keys: IntArray, size: int) -> IntArray:
    """Return where keys would like to be in a far table: `simcore.kernels.book.far_home` on an array."""
    return ((keys ^ keys >> 31) & 0x7FFFFFFF) * 1640531527 >> 20 & (size - 1)


def new_state(
    lanes: int, slots: int, window_ticks: int, base: int, ints: IntArray, floats: Any, params: Any, memory: Any,
    tables: list[tuple[IntArray, IntArray]], ring: int = RING,
) -> State:  # fmt: skip
    """Return the state of a run before its first row.

    lanes K, slots M (orders a lane, <= 256).  ints, floats, params, memory : [K, n] parameters and memories.
    tables : recorded latencies, (ns since ORIGIN, ns) each.
    """
    clock = np.zeros(st.CLOCK_SIZE, np.int64)
    clock[st.MARKOUT_DUE] = st.NEVER // 16
    clock[st.PAUSE_KEY] = clock[st.WORK_LEFT] = st.NEVER
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
    own = {name: records(dtype, shape) for name, (dtype, shape) in lane_arrays(lanes, slots, ring).items()}
    accounts = own["lanes"]
    accounts["order_serial"] = 1  # so that no order has id 0
    for due in ("account_ns", "funding_due_ns", "margin_due_ns"):
        accounts[due] = st.NEVER // 8
    accounts["control_weight"], accounts["control_quotes"], accounts["control_budget"] = 1_000_000, LEVELS_MAX, -1
    l3 = records(st.L3_ORDER, 1 << 12)
    l3["order_id"] = l3k.FREE_ID
    window = np.zeros((2, window_ticks), np.int32)
    return State(
        **own,
        clock=clock,
        keys=np.full(blocks << st.BLOCK_BITS, st.NEVER),
        blocks=np.full(blocks, st.NEVER),
        exch=new_book(window_ticks, base),
        local=new_book(window_ticks, base),
        heads=window,
        tails=window.copy(),
        far_heads=np.zeros(2, np.int64),
        far_tails=np.zeros(2, np.int64),
        free=np.tile(np.arange(slots - 1, -1, -1, dtype=np.int64), (lanes, 1)),
        taken=records(st.TAKEN, 256),
        taken_heads=window.copy(),
        taken_far=np.zeros(2, np.int64),
        fill_ring=records(st.PENDING_FILL, 1 << 12),
        l3=l3,
        followed=window.copy(),
        sums=np.zeros((2, st.SPAN_TICKS + 1), np.int64),
        rings=np.zeros((lanes + 1, st.RING_SIZE)),
        ints=ints,
        floats=floats,
        params=params,
        memory=memory,
        latency_times=times,
        latency_values=values,
        latency_sizes=sizes,
    )


def lane_arrays(lanes: int, slots: int, ring: int = RING) -> dict[str, tuple[np.dtype[Any], Any]]:
    """Return type and shape of the arrays that begin with zeros and grow with the lanes."""
    messages = (lanes, max(ring, 8 * slots))
    whole = np.dtype(np.int64)
    return {
        "lanes": (st.LANE, lanes), "venue_orders": (st.VENUE_ORDER, lanes * slots + lanes), "node_orders": (st.NODE_ORDER, (lanes, slots)),
        "quotes": (st.QUOTED, lanes), "live": (whole, (lanes, slots)), "requests": (st.WIRE_REQUEST, messages), "reports": (REPORT, messages),
        "whole": (whole, (lanes, st.WHOLE_SIZE)), "rates": (whole, (lanes, st.BAN_END + 1)),
    }  # fmt: skip


def output_arrays(lanes: int, slots: int) -> dict[str, tuple[np.dtype[Any], int]]:
    """Return type and length of the journal buffers: they hold at least two of whatever one market row can cause in all lanes."""
    rows = max(OUTPUT_ROWS, 4 * lanes * slots)
    few = max(OUTPUT_ROWS // 4, 4 * lanes)  # one a tick at most
    return {
        "out_requests": (REQUEST, rows), "out_reports": (REPORT, rows), "out_fills": (FILL, rows), "out_markouts": (MARKOUT, rows),
        "out_samples": (SAMPLE, rows), "out_features": (FEATURE, few), "out_traces": (TRACE, few),
        "out_guards": (GUARD, few),
    }  # fmt: skip


def lane_bytes(slots: int, parameters: int) -> int:
    """Return the bytes that a lane more takes, once its arrays are filled; parameters: numbers of its own (ints, params, …)."""
    many = 1 << 20
    arrays = (*lane_arrays(many, slots).values(), *output_arrays(many, slots).values())
    of_all = sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in arrays)
    return of_all // many + 8 * (slots + st.RING_SIZE + parameters)


def held_bytes(*holders: State | Output) -> int:
    """Return the bytes of all arrays of a state and of journal buffers."""
    parts = [part for holder in holders for part in vars(holder).values()]
    return sum(sum(array.nbytes for array in vars(part).values()) if isinstance(part, Book) else part.nbytes for part in parts)


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


def new_output(state: State) -> Output:
    """Return empty journal buffers."""
    buffers = {name: records(dtype, rows) for name, (dtype, rows) in output_arrays(*state.node_orders.shape).items()}
    return Output(counts=np.zeros(len(buffers), np.int64), **buffers)


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
