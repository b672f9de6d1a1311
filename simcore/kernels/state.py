"""All state of a run as arrays, with a lane dimension: dump them and the run is saved.

K lanes, M order slots a lane, R messages in flight a lane. Allocation and growth: `simcore.alloc`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.records import REQUEST, record

# Why the engine returned to Python.
DONE, NEED_EXCH, NEED_LOCAL, ROOM, MOVE_BOOK, FAILED, REACHED, CHANGED, PAUSED = range(9)

# Fields of State.clock (int64), what all lanes share.
ORIGIN = 0  # start_ts: lane keys count from here, ns
END_TS = 1
EXCH_ROW = 2  # next row of the exchange chunk
LOCAL_ROW = 3
EXCH_LAST = 4  # 1: no rows after this exchange chunk
LOCAL_LAST = 5
NODE_ONLY = 6  # 1: reports come from the journal, there is no Venue
FEED_EXCH_NS = 7  # feed latency of the last row at the Venue, if USES_FEED
FEED_LOCAL_NS = 8  # feed latency of the last row at the Node, if USES_FEED
TAKEN_COUNT = 9
FILL_FIRST = 10  # ring of fills that wait for markouts: position of the oldest still wanted
FILL_NEXT = 11  # position where the next fill goes
PRIORITY = 12  # count of L3_ADD rows at the Venue
L3_COUNT = 13  # orders in the L3 table
OPEN_ORDERS = 14  # open orders of all lanes
TIGHT = 15  # 1: some table may not hold the next event
HALT_CODE = 16
HALT_LANE = 17
HALT_TS = 18
EXCH_ROWS_DONE = 19
LOCAL_ROWS_DONE = 20
MARKOUT_DUE = 21  # ns since ORIGIN of the next markout, NEVER if none
MARKOUT_AT = 22  # 4 positions in the ring of fills, one a horizon
IS_L3 = 26
SAMPLE_NS = 27
USES_FEED = 28  # 1: a latency follows the feed's; otherwise no row's other time is read, which costs a cache miss
OWN_BEST_BID = 29  # highest own bid of any lane, NO_BID if none
OWN_BEST_ASK = 30
OWN_WORST_BID = 37  # no own bid is lower, NO_ASK if there is none; may be lower than the lowest
OWN_WORST_ASK = 38
OWN_COUNT = 31  # own resting bids, asks
STAMP = 33  # serial of the row or request that shares its lots among the orders of a lane
EVENT_BID = 35  # exchange book before the row or request that is being handled, NO_PRICE if empty
EVENT_ASK = 36
LINK_SERIAL = 34  # counts orders that joined a level
STAGE = 39  # number of the stage that runs, from 1
PAUSE_KEY = 40  # events from this key on wait: the engine returns PAUSED before them; NEVER without a pause
# The first linked instrument, in its own units: 1 if its book has a mid, best prices and their lots.
LINKED_PRESENT, LINKED_BID, LINKED_ASK, LINKED_BID_LOTS, LINKED_ASK_LOTS = range(41, 46)
CLOCK_SIZE = 64

NEVER = 1 << 60

# An order id is its serial number << SLOT_BITS | its slot in the Node's table.
SLOT_BITS = 16
SLOT_MASK = (1 << SLOT_BITS) - 1

# Halt codes.
HALT_NONE, HALT_MONEY = range(2)

# Integer parameters of a lane: State.ints[lane, P_...].
(
    P_TICK_NS, P_KIND, P_SCALE, P_QUEUE, P_FILL_WHOLE, P_CROSS_WHOLE, P_PRO_RATA_MIN, P_MAX_OPEN, P_MIN_NOTIONAL,
    P_MAX_ORDER, P_RATE_COUNT, P_RATE_WINDOW, P_BALANCE, P_LEVERAGE, P_SELF_TRADE, P_FEE_PER_LOT, P_TURNOVER_0,
    P_TIERS, P_SEED, P_USE_AMEND, P_WAIT_CANCEL, P_SLOTS, P_LAT_MODEL, P_LAT_NS, P_LAT_MIN, P_LAT_TABLE, P_TIER,
) = (*range(23), 26, 30, 34, 38)  # fmt: skip
# P_SLOTS: live orders that the Node may have, 0 = as many as its table holds. P_LAT_*: four entries each (place, amend, cancel, response). P_TIER: 9 x (threshold, maker rate, taker rate).
MAX_TIERS = 9
P_VENUE = P_TIER + 3 * MAX_TIERS
(P_STREAM,) = range(P_VENUE, P_VENUE + 1)
# P_STREAM: key of the instrument's random draws, 30 bits.
INTS_SIZE = P_STREAM + 1
# Float parameters: queue exponent, then four latency sigmas or scales, then a tick and a lot of the linked instrument in
# our own, and the cash that one cash unit is worth.
F_QUEUE_N, F_LAT_SCALE, F_LINK_TICK, F_LINK_LOT, F_CASH_UNIT = 0, 1, 5, 6, 7
FLOATS_SIZE = 12

CONSTANT, LOGNORMAL, FEED, INTERPOLATED, SAMPLED = range(5)
RESPONSE = 3

# Key classes of a lane's next event (docs/semantics.md section 1).
CLASS_REQUEST, CLASS_MARKOUT, CLASS_REPORT, CLASS_TICK = 1, 2, 4, 5

LANE = record(
    # next events: ns since ORIGIN * 8 + class
    "next_key tick_ns sample_ns last_sample_ns ticks "
    # wire: rings of messages in flight; last_ns keeps their order
    "request_head request_count request_last_ns batch_ns batch_arrive_ns report_head report_count report_last_ns draws journal "
    # Venue's account
    "open_orders open_buy_lots open_sell_lots position_lots cash_units fee_units turnover_units funding_units "
    "rate_window rate_used report_seq fill_seq used_stamp used_lots "
    # Node's account and orders
    "control_weight control_quotes control_budget control_blocked linked_position_lots "
    "node_position_lots node_cash_units node_fee_units node_funding_units order_serial request_seq live_count late_reports "
    # counters
    "orders amends cancels fills maker_fills taker_fills partial_fills volume_lots refused expired skipped_ticks "
    "equity_units equity_max drawdown_max "
    # signed sums of markouts against the fill price, in half ticks x lots, per horizon, and the lots they cover
    "markout0 markout1 markout2 markout3 marked0 marked1 marked2 marked3"
)

VENUE_ORDER = record(
    "order_id lane side tif price_ticks qty_lots leaves_lots state priority entry_ts next_link prev_link link_serial",
    "ahead_lots traded_lots ahead_entry_lots",
)
NODE_ORDER = record("order_id side tif price_ticks qty_lots leaves_lots state pending sent_ts want_price want_lots")
WIRE_REQUEST = np.dtype([*REQUEST.descr, ("arrive_ns", "<i8")])
PENDING_FILL = record("fill_ns lane fill_seq side price_ticks qty_lots")
TAKEN = record("lane side price_ticks taken_lots")
L3_ORDER = record("order_id priority leaves_lots")


State = Any  # a record of addresses (JIT) or an object with the arrays (no JIT): see `simcore.kernels.at`

# Rows used of the journal buffers: State.counts[O_...].
O_REQUESTS, O_REPORTS, O_FILLS, O_MARKOUTS, O_SAMPLES = range(5)

