"""Where the arrays of a state are: `at.lanes(state)[lane]`.

K lanes, M order slots a lane, R messages in flight a lane, B fills waiting for markouts, T taken levels,
n rows of a tape chunk. `simcore.state` allocates and saves the arrays, `simcore.growth` makes room.
"""

from __future__ import annotations

import numpy as np

from simcore.jit import array_field, first_record
from simcore.kernels.state import L3_ORDER, LANE, NODE_ORDER, PENDING_FILL, QUOTED, TAKEN, VENUE_ORDER, WIRE_REQUEST
from simcore.records import FEATURE, FILL, GUARD, MARKOUT, REPORT, REQUEST, SAMPLE, TRACE

I8, F8, I4, U1 = (np.dtype(code) for code in ("i8", "f8", "i4", "u1"))

# name -> (dtype, dimensions)
BOOK_ARRAYS = {
    "lots": (I8, 2),  # [2, window] lots by side and price - meta[BASE]
    "meta": (I8, 1),
    "far_key": (I8, 1),  # 2 * price + side, or EMPTY_KEY
    "far_lots": (I8, 1),
}
ARRAYS = {
    "clock": (I8, 1),  # [CLOCK_SIZE] what all lanes share
    "keys": (I8, 1),  # [64B] time * 8 + class of each lane's next event, NEVER behind the last lane
    "blocks": (I8, 1),  # [B] the least key of each 64 lanes
    "lanes": (LANE, 1),  # [K]
    "heads": (I4, 2),  # [2, window] first own order + 1 at a level of the exchange window
    "tails": (I4, 2),
    "far_heads": (I8, 1),  # [2] own orders outside the window
    "far_tails": (I8, 1),
    "venue_orders": (VENUE_ORDER, 1),  # [K * M + K] by lane and slot, then the order that liquidates each lane
    "node_orders": (NODE_ORDER, 2),  # [K, M]
    "quotes": (QUOTED, 1),  # [K]
    "live": (I8, 2),  # [K, M] slots of live orders, in order of placing
    "free": (I8, 2),  # [K, M] stack of free slots
    "requests": (WIRE_REQUEST, 2),  # [K, R] on the wire to the Venue
    "reports": (REPORT, 2),  # [K, R] on the wire to the Node
    "taken": (TAKEN, 1),  # [T]
    "taken_heads": (I4, 2),  # [2, window] link of the first taken entry at a level of the exchange window
    "taken_far": (I8, 1),  # [2] the same outside the window
    "fill_ring": (PENDING_FILL, 1),  # [B]
    "l3": (L3_ORDER, 1),  # open addressing by order_id
    "followed": (I4, 2),  # [2, window] link of the first order that the Node follows at a level of the local window
    "sums": (I8, 2),  # [2, SPAN_TICKS + 1] lots of a side of the local book within so many ticks of the best price
    "rings": (F8, 2),  # [K, RETURNS]
    "whole": (I8, 2),  # [K, WHOLE_SIZE]
    "ints": (I8, 2),  # [K, INTS_SIZE]
    "rates": (I8, 2),  # [K, 2 * MAX_RATES + 1] requests counted by the rate limits
    "floats": (F8, 2),  # [K, FLOATS_SIZE]
    "params": (F8, 2),  # [K, n]
    "memory": (F8, 2),  # [K, n]
    "latency_times": (I8, 2),  # [tables, n] ns since ORIGIN
    "latency_values": (I8, 2),  # [tables, n] ns
    "latency_sizes": (I8, 1),
}
OUTPUT_ARRAYS = {
    "counts": (I8, 1),
    "out_requests": (REQUEST, 1),
    "out_reports": (REPORT, 1),
    "out_fills": (FILL, 1),
    "out_markouts": (MARKOUT, 1),
    "out_samples": (SAMPLE, 1),
    "out_features": (FEATURE, 1),
    "out_traces": (TRACE, 1),
    "out_guards": (GUARD, 1),
}
ROW_ARRAYS = {
    "exch_ts": (I8, 1),
    "local_ts": (I8, 1),
    "ev": (U1, 1),
    "price_ticks": (I8, 1),
    "qty_lots": (I8, 1),
    "order_id": (I8, 1),
}


def _handle(arrays: dict[str, tuple[np.dtype[np.generic], int]]) -> list[tuple[str, str]]:
    return [(f"{name}_{part}", "<i8") for name in arrays for part in ("at", "rows", "columns")]


BOOK_HANDLE = np.dtype(_handle(BOOK_ARRAYS))
ROWS_HANDLE = np.dtype(_handle(ROW_ARRAYS))
HANDLE = np.dtype(
    [
        *_handle(ARRAYS), *_handle(OUTPUT_ARRAYS), ("exch", BOOK_HANDLE), ("local", BOOK_HANDLE),
        ("exch_rows", ROWS_HANDLE), ("local_rows", ROWS_HANDLE),
    ]
)  # fmt: skip

inside = first_record  # the state in what `simcore.state.handle` returns

lots = array_field("lots", *BOOK_ARRAYS["lots"])
meta = array_field("meta", *BOOK_ARRAYS["meta"])
far_key = array_field("far_key", *BOOK_ARRAYS["far_key"])
far_lots = array_field("far_lots", *BOOK_ARRAYS["far_lots"])
clock = array_field("clock", *ARRAYS["clock"])
keys = array_field("keys", *ARRAYS["keys"])
blocks = array_field("blocks", *ARRAYS["blocks"])
lanes = array_field("lanes", *ARRAYS["lanes"])
heads = array_field("heads", *ARRAYS["heads"])
tails = array_field("tails", *ARRAYS["tails"])
far_heads = array_field("far_heads", *ARRAYS["far_heads"])
far_tails = array_field("far_tails", *ARRAYS["far_tails"])
venue_orders = array_field("venue_orders", *ARRAYS["venue_orders"])
node_orders = array_field("node_orders", *ARRAYS["node_orders"])
quotes = array_field("quotes", *ARRAYS["quotes"])
live = array_field("live", *ARRAYS["live"])
free = array_field("free", *ARRAYS["free"])
requests = array_field("requests", *ARRAYS["requests"])
reports = array_field("reports", *ARRAYS["reports"])
taken = array_field("taken", *ARRAYS["taken"])
taken_heads = array_field("taken_heads", *ARRAYS["taken_heads"])
taken_far = array_field("taken_far", *ARRAYS["taken_far"])
fill_ring = array_field("fill_ring", *ARRAYS["fill_ring"])
l3 = array_field("l3", *ARRAYS["l3"])
followed = array_field("followed", *ARRAYS["followed"])
sums = array_field("sums", *ARRAYS["sums"])
rings = array_field("rings", *ARRAYS["rings"])
whole = array_field("whole", *ARRAYS["whole"])
ints = array_field("ints", *ARRAYS["ints"])
rates = array_field("rates", *ARRAYS["rates"])
floats = array_field("floats", *ARRAYS["floats"])
params = array_field("params", *ARRAYS["params"])
memory = array_field("memory", *ARRAYS["memory"])
latency_times = array_field("latency_times", *ARRAYS["latency_times"])
latency_values = array_field("latency_values", *ARRAYS["latency_values"])
latency_sizes = array_field("latency_sizes", *ARRAYS["latency_sizes"])
counts = array_field("counts", *OUTPUT_ARRAYS["counts"])
out_requests = array_field("out_requests", *OUTPUT_ARRAYS["out_requests"])
out_reports = array_field("out_reports", *OUTPUT_ARRAYS["out_reports"])
out_fills = array_field("out_fills", *OUTPUT_ARRAYS["out_fills"])
out_markouts = array_field("out_markouts", *OUTPUT_ARRAYS["out_markouts"])
out_samples = array_field("out_samples", *OUTPUT_ARRAYS["out_samples"])
out_features = array_field("out_features", *OUTPUT_ARRAYS["out_features"])
out_traces = array_field("out_traces", *OUTPUT_ARRAYS["out_traces"])
out_guards = array_field("out_guards", *OUTPUT_ARRAYS["out_guards"])
exch_ts = array_field("exch_ts", *ROW_ARRAYS["exch_ts"])
local_ts = array_field("local_ts", *ROW_ARRAYS["local_ts"])
ev = array_field("ev", *ROW_ARRAYS["ev"])
price_ticks = array_field("price_ticks", *ROW_ARRAYS["price_ticks"])
qty_lots = array_field("qty_lots", *ROW_ARRAYS["qty_lots"])
order_id = array_field("order_id", *ROW_ARRAYS["order_id"])
