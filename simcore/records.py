"""Every dtype, bit and code that crosses a wall: tape rows, messages, orders, journal rows.

All record fields are 8 bytes wide, so records have no padding and equal values have equal bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Record = Any  # a structured array or one of its records

# --- tape rows -------------------------------------------------------------------------------------
# ev : uint8 = kind (bits 0-3) | side (bit 4) | no side (bit 5) | EXCH (bit 6) | LOCAL (bit 7)

DEPTH = 0  # level of `side` at price now holds qty lots (absolute; 0 removes it)
SNAPSHOT = 1  # as DEPTH, from a full snapshot
TRADE = 2  # qty lots printed at price; side is the aggressor's
BEST = 3  # best quote of `side`: better levels vanish, this one holds qty lots
CLEAR = 4  # levels of `side` vanish: all when qty is 0, else from the best to price inclusive
GAP = 5  # rows are missing from here on: qty = how many updates, 0 if unknown
FUNDING = 6  # price = mark price ticks, qty = rate in 1e-8 (longs pay when positive)
L3_ADD = 7  # order order_id joins `side` at price with qty lots, behind all there
L3_REDUCE = 8  # order order_id loses qty lots and keeps its place (cancelled when none is left)
L3_EXEC = 9  # resting order order_id executes qty lots at price
OWN_ORDER = 10  # fill tapes: our order order_id was placed at price for qty lots
OWN_FILL = 11  # fill tapes: our order order_id filled qty lots at price
OWN_CANCEL = 12  # fill tapes: our order order_id ended with qty lots unfilled
KIND_COUNT = 13
KIND_LABELS = (
    "depth", "snapshot", "trade", "best", "clear", "gap", "funding",
    "l3_add", "l3_reduce", "l3_exec", "own_order", "own_fill", "own_cancel",
)  # fmt: skip

SIDED_KINDS = (DEPTH, SNAPSHOT, BEST, L3_ADD, L3_REDUCE, L3_EXEC)  # rows of a level, which always has a side

KIND_MASK = 15
ASK_BIT = 16
NO_SIDE_BIT = 32
EXCH_BIT = 64  # the Venue sees the row, at exch_ts
LOCAL_BIT = 128  # the Node sees the row, at local_ts
BOTH_BITS = EXCH_BIT | LOCAL_BIT

TIME_END = 7_258_118_400_000_000_000  # 2200-01-01, ns: times are before it
UNITS_MAX = (1 << 52) - 1  # ticks or lots; up to here floats are exact, halves included, and sums stay within 64 bits

BID = 0  # also: buy
ASK = 1  # also: sell
SIDE_LABELS = ("buy", "sell")


class Chunk(NamedTuple):
    """Read-only, C-contiguous columns of consecutive tape rows.

    exch_ts, local_ts : int64 [n], ns.  ev : uint8 [n], see above.  price_ticks, qty_lots : int64 [n].
    order_id : int64 [n], or [0] on tapes without order ids.
    """

    exch_ts: Any
    local_ts: Any
    ev: Any
    price_ticks: Any
    qty_lots: Any
    order_id: Any


# --- orders ----------------------------------------------------------------------------------------
# Order states. NONE marks a free slot.
NONE, NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, REJECTED = range(7)
STATE_LABELS = ("NONE", "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "REJECTED")

# Time in force and type in one code. The last four wait for their trigger price.
GTC, POST_ONLY, IOC, FOK, MARKET, STOP_MARKET, STOP_LIMIT, TAKE_PROFIT_MARKET, TAKE_PROFIT_LIMIT = range(9)
TIF_LABELS = (
    "GTC", "POST_ONLY", "IOC", "FOK", "MARKET", "STOP_MARKET", "STOP_LIMIT", "TAKE_PROFIT_MARKET", "TAKE_PROFIT_LIMIT",
)  # fmt: skip

# Request kinds (Node -> Venue).
PLACE, AMEND, CANCEL, CANCEL_ALL = range(4)
REQUEST_LABELS = ("PLACE", "AMEND", "CANCEL", "CANCEL_ALL")

# Report kinds (Venue -> Node; CONTROL comes from the portfolio's allocator).
ACKED, TRADED, AMENDED, ENDED, REFUSED, AMEND_REFUSED, CANCEL_REFUSED, FUNDED, CONTROL, TRIGGERED = range(10)
REPORT_LABELS = (
    "ACKED", "TRADED", "AMENDED", "ENDED", "REFUSED", "AMEND_REFUSED", "CANCEL_REFUSED", "FUNDED", "CONTROL", "TRIGGERED",
)  # fmt: skip

MAKER = 1
TAKER = 2

# Reasons of fills.
FILL_QUEUE = 1  # a trade at our price reached our place in the queue
FILL_THROUGH = 2  # a trade printed through our price
FILL_CROSS = 3  # the opposite side of the book came to our price
FILL_TAKE = 4  # our order took resting liquidity
FILL_PRO_RATA = 5  # our share of a trade at our price, pro rata
FILL_LIQUIDATION = 6  # the exchange closed the position; order_id is 0
# Reasons of ends and refusals.
WOULD_CROSS = 11
OFF_GRID = 12  # price not positive, or quantity not positive
MIN_NOTIONAL = 13
TOO_MANY_ORDERS = 14
RATE_LIMIT = 15
MARGIN = 16
UNKNOWN_ORDER = 17
SELF_TRADE = 18
NO_LIQUIDITY = 19  # IOC or market remainder, or a FOK that cannot fill
BY_REQUEST = 20
PRICE_BAND = 21
MAX_QTY = 22
MIN_QTY = 23
NOT_SUPPORTED = 24  # the exchange does not amend, or not this order; a part to show of an order that never rests
WOULD_TRIGGER = 25  # the last trade has already reached the trigger
REDUCE_ONLY = 26  # the order would not reduce the position
LIQUIDATION = 27  # the exchange closes the position: open orders end
REASON_LABELS = {
    0: "", FILL_QUEUE: "queue", FILL_THROUGH: "trade_through", FILL_CROSS: "book_cross", FILL_TAKE: "take",
    FILL_PRO_RATA: "pro_rata", FILL_LIQUIDATION: "liquidation_fill", WOULD_CROSS: "would_cross", OFF_GRID: "off_tick_or_lot",
    MIN_NOTIONAL: "min_notional", TOO_MANY_ORDERS: "too_many_open_orders", RATE_LIMIT: "rate_limit",
    MARGIN: "margin", UNKNOWN_ORDER: "unknown_order", SELF_TRADE: "self_trade",
    NO_LIQUIDITY: "no_liquidity", BY_REQUEST: "by_request", PRICE_BAND: "price_band", MAX_QTY: "max_qty",
    MIN_QTY: "min_qty", NOT_SUPPORTED: "not_supported", WOULD_TRIGGER: "would_trigger", REDUCE_ONLY: "reduce_only",
    LIQUIDATION: "liquidation",
}  # fmt: skip


def record(ints: str, floats: str = "") -> np.dtype[np.void]:
    fields = [(name, "<i8") for name in ints.split()] + [(name, "<f8") for name in floats.split()]
    return np.dtype(fields)


# Outbound: what the Node sends. ts is local time of sending; reason says why (`simcore.kernels.reasons`); bid/ask_ticks
# are the local best quotes then. trigger_ticks: of stop and take-profit orders; display_lots: what an iceberg shows, else 0.
REQUEST = record(
    "ts lane seq kind order_id side tif price_ticks qty_lots trigger_ticks display_lots reduce_only bid_ticks ask_ticks reason"
)

# Inbound: what the Venue reports. ts is local time of arrival. For TRADED price and qty are of the execution,
# else of the order. state is the order's state after the event; units are cash units (FUNDED: units paid).
# CONTROL: price_ticks = weight in 1e-6, qty_lots = position budget (-1: none), leaves_lots = quotes a side, state = 1 if blocked.
REPORT = record(
    "ts exch_ts lane seq kind order_id side price_ticks qty_lots leaves_lots state liquidity fee_units reason"
)

# Fills as the Venue made them. bid/ask_ticks: exchange book just before; ahead_entry_lots: queue ahead when the
# order joined its level, ahead_lots: just before the fill.
FILL = record(
    "exch_ts ts lane seq order_id side price_ticks qty_lots leaves_lots liquidity reason fee_units "
    "bid_ticks ask_ticks position_lots",
    "ahead_entry_lots ahead_lots",
)

# Exchange mid after a fill. horizon indexes MARKOUT_NS; bid/ask_ticks are 0 where a side was empty.
MARKOUT = record("exch_ts lane fill_seq horizon bid_ticks ask_ticks")
MARKOUT_NS = (100_000_000, 1_000_000_000, 5_000_000_000, 30_000_000_000)

# The Node's ledger, sampled at ticks. equity = cash - fees + position at local mid (see docs/semantics.md).
SAMPLE = record(
    "ts lane bid_ticks ask_ticks position_lots cash_units fee_units equity_units "
    "quote_bid_ticks quote_ask_ticks open_orders"
)

# What the Node has measured, once a sample (docs/metrics.md).
FEATURE = record(
    "ts lane fills_total fills_maker fills_taker",
    "vol_realized liq_top_depth latency_p95_ms pnl_dev fill_rate taker_share queue_absorb_rate queue_eta_ms slippage_bps "
    "adverse_move_bps",
)

# A traced tick: what was decided, and the cycle counter before the first and after each stage (not part of any digest).
STAGES_MAX = 12
TRACE = record(
    "ts lane tick cache_hit cache_age_ns used_stale wait_ns level soft hard bid_ticks ask_ticks bid_lots ask_lots requests "
    "reasons stages " + " ".join(f"mark{i}" for i in range(STAGES_MAX + 2)),
    "spread_bps vol_score liq_score lat_score pnl_score inventory_pct skew_bps bid_nudge_ticks ask_nudge_ticks",
)

# The guards' verdict from ts on, until the next row of the lane; lots, fills, requests, ns, then bps, ms and cash.
GUARD = record(
    "ts lane level soft hard position_lots takers_15m requests_10s open_orders open_lots waiting_ns book_age_ns",
    "size_scale spread_scale return_std_bps latency_p95_ms pnl_mean pnl_day turnover_day open_notional",
)

NO_PRICE = 0  # "no price": an empty side of a book, an absent quote
