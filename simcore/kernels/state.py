"""All state of a run as arrays, with a lane dimension: dump them and the run is saved.

K lanes, M order slots a lane, R messages in flight a lane. Allocation: `simcore.state`, growth: `simcore.growth`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.records import REQUEST, record

# Why the engine returned to Python.
DONE, NEED_EXCH, NEED_LOCAL, ROOM, MOVE_BOOK, FAILED, REACHED, CHANGED, PAUSED, YIELDED = range(10)

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
WORK_LEFT = 19  # units of work until the engine returns YIELDED, so that Python can look at signals and keep checkpoints
# What did not fit when the engine returned ROOM: free places in the ring and the buffer of fills, in taken, in a lane's reports.
WANTED_FILLS, WANTED_LEVELS, WANTED_REPORTS = 20, 56, 57
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
# Own orders that the Node follows through its book (`simcore.kernels.own_queue`): how many a side, best and worst price of
# each side as for the Venue's, and how many stand outside the local window.
NODE_COUNT, NODE_BEST_BID, NODE_BEST_ASK, NODE_WORST_BID, NODE_WORST_ASK, NODE_FAR = 46, 48, 49, 50, 51, 52
GAPS = 53  # GAP rows that the Node has seen
LAST_LOCAL_TS, LAST_LOCAL_EXCH_TS = 54, 55  # both times of the last row that the Node has seen, if the strategy asks
MARKS = 64  # cycle counts of a traced tick: before the first stage, after each, at the end
# Waiting orders fire at trades up to TRIGGER_LO or from TRIGGER_HI on; NO_BID and NO_ASK if there are none.
TRIGGER_LO, TRIGGER_HI = 80, 81
LAST_TRADE = 82  # price of the last trade before the exchange chunk, NO_PRICE if there was none
FIRED = 83  # 1: a trade at FIRED_TICKS at FIRED_NS has reached triggers whose orders are not yet sent into the book
FIRED_TICKS, FIRED_NS = 84, 85
TRIGGERS_CHANGED = 88  # 1: TRIGGER_LO and TRIGGER_HI are to be worked out before the next row
SUMS_KNOWN = 90  # entries of each side of State.sums that hold for the local book as it is
SPAN_TICKS = 512  # levels farther than this from the best are not looked for
MEMO_BEFORE, MEMO_NOW, MEMO_COUNT = 92, 93, 94  # what the last row of State.rings holds: a return from one mid to another, a ring
CURVE_NS = 89  # lanes without a journal keep their first sample of each interval of so many ns; 0: none
REFILL_FIRST, REFILL_LAST = 86, 87  # list of icebergs whose shown part is used up (order index + 1, 0 ends it)
# Taken levels (`simcore.kernels.taken`): none is worse than these, NO_ASK and NO_BID if there are none; how many a side.
TAKEN_WORST_BID, TAKEN_WORST_ASK, TAKEN_ON = 95, 96, 97
CLOCK_SIZE = 104

NEVER = 1 << 60
BLOCK_BITS = 6  # lanes whose next events are looked for together: 64

# An order id is its serial number << SLOT_BITS | its slot in the Node's table.
SLOT_BITS = 16
SLOT_MASK = (1 << SLOT_BITS) - 1

# Halt codes.
HALT_NONE, HALT_MONEY = range(2)

# Integer parameters of a lane: State.ints[lane, P_...].
(
    P_TICK_NS, P_KIND, P_SCALE, P_QUEUE, P_FILL_WHOLE, P_CROSS_WHOLE, P_PRO_RATA_MIN, P_MAX_OPEN, P_MIN_NOTIONAL,
    P_MAX_ORDER, P_BALANCE, P_LEVERAGE, P_SELF_TRADE, P_FEE_PER_LOT, P_TURNOVER_0,
    P_TIERS, P_SEED, P_USE_AMEND, P_WAIT_CANCEL, P_SLOTS, P_LAT_MODEL, P_LAT_NS, P_LAT_MIN, P_LAT_TABLE, P_DEPTH_LEVELS, P_QUEUE_LEVELS, P_NODE_QUEUE, P_TRACE, P_FEATURES, P_TIER,
) = (*range(21), 24, 28, 32, 36, 37, 38, 39, 40, 41)  # fmt: skip
# P_SLOTS: live orders that the Node may have, 0 = as many as its table holds. P_LAT_*: four entries each (place, amend, cancel, response). P_TIER: 9 x (threshold, maker rate, taker rate).
MAX_TIERS = 9
P_VENUE = P_TIER + 3 * MAX_TIERS
(
    P_STREAM, P_PRICE_BAND, P_MIN_QTY, P_NO_AMEND, P_AMEND_TO_BACK, P_MAX_TRIGGER, P_MAINTENANCE, P_LIQUIDATION_FEE,
    P_MARGIN_NS, P_FUNDING_NS, P_FUNDING_RATE, P_RATE,
) = range(P_VENUE, P_VENUE + 12)  # fmt: skip
# P_STREAM: key of the instrument's random draws, 30 bits. P_MARGIN_NS, P_FUNDING_NS: intervals, 0 = none. Rates and the
# price band are in 1e-8. P_RATE: 3 x (requests allowed, window ns, penalty ns), the first with 0 requests ends them.
MAX_RATES = 3
BAN_END = 2 * MAX_RATES  # in a row of State.rates, behind (window, requests in it) of each limit: ns since ORIGIN
INTS_SIZE = P_RATE + 3 * MAX_RATES
# Float parameters: queue exponent, then four latency sigmas or scales, then a tick and a lot of the linked instrument in
# our own, and the cash that one cash unit is worth.
F_QUEUE_N, F_LAT_SCALE, F_LINK_TICK, F_LINK_LOT, F_CASH_UNIT, F_NODE_QUEUE_N = 0, 1, 5, 6, 7, 8
FLOATS_SIZE = 12

CONSTANT, LOGNORMAL, FEED, INTERPOLATED, SAMPLED = range(5)
RESPONSE = 3

# Key classes of a lane's next event (docs/semantics.md section 1).
CLASS_REQUEST, CLASS_MARKOUT, CLASS_ACCOUNT, CLASS_REPORT, CLASS_TICK = 1, 2, 3, 4, 5

LANE = record(
    # what a quiet tick needs: next events, ns since ORIGIN; settled: 1 while the live orders are what State.quotes asks for
    "tick_ns ticks runs_again settled live_count request_seq sample_ns node_position_lots "
    # what the allocator has said; account_ns: Venue's next account event, NEVER // 8 is none
    "control_weight control_quotes control_budget control_blocked linked_position_lots account_ns request_count report_count "
    # wire: rings of messages in flight; last_ns keeps their order
    "request_head request_last_ns batch_ns batch_arrive_ns report_head report_last_ns draws journal batch_used "
    # Node's account and orders
    "order_serial late_reports orders amends cancels node_cash_units node_fee_units node_funding_units node_turnover_units "
    # Venue's account
    "open_orders open_buy_lots open_sell_lots waiting_orders report_seq position_lots cash_units fee_units turnover_units "
    "funding_units fill_seq used_stamp used_lots funding_due_ns margin_due_ns "
    # counters
    "fills maker_fills taker_fills partial_fills volume_lots refused expired triggered liquidations skipped_ticks "
    "equity_units equity_max drawdown_max last_sample_ns curve_ns "
    # signed sums of markouts against the fill price, in half ticks x lots, per horizon, and the lots they cover
    "markout0 markout1 markout2 markout3 marked0 marked1 marked2 marked3 "
    # what the Node measures (`simcore.kernels.signals`, `own_queue`, `features`)
    "returns_seen pnl_seen pnl_sum_units latencies_seen last_mid2 last_equity_units fill_bucket fills_1h takers_1h "
    "takers_15m request_bucket requests_10s requests_noted day day_equity_units day_turnover_units "
    "last_exch_ts rewinds queue_ns queue_bid_id queue_ask_id node_fills node_makers node_takers "
    "mark_fills mark_takers mark_orders mark_mid2 mark_equity_units marks_seen fill_lots fill_lots_before "
    "fill_size fill_size_before adverse_seen "
    # soft and hard reasons of the last tick (`simcore.kernels.guard_log`)
    "guard_key",
    "absorb_bid absorb_ask ahead_bid ahead_ask slip_sum_bps ema_vol ema_depth ema_pnl_mean ema_pnl_dev ema_fill_rate "
    "ema_taker_share ema_absorb ema_eta_ms ema_slippage ema_adverse fill_value fill_value_before",
)
# The last quote that the order manager had nothing to send for, lane by lane.
QUOTED = record("bid_ticks bid_lots ask_ticks ask_lots levels step_ticks tif display_lots max_batch low_ticks high_ticks", "lots_factor")

VENUE_ORDER = record(
    "order_id lane side tif price_ticks qty_lots leaves_lots state priority entry_ts next_link prev_link link_serial "
    # display_lots, shown_lots: of icebergs, the size of a part and what is left of the shown one; refill_next: see REFILL_FIRST
    "trigger_ticks display_lots shown_lots reduce_only refill_next",
    "ahead_lots traded_lots ahead_entry_lots",
)
# tracked: 1 while the Node follows the order in the queue of its price, whose lots were level_lots then; *_link: the others there.
NODE_ORDER = record(
    "order_id side tif price_ticks qty_lots leaves_lots state pending sent_ts want_price want_lots trigger_ticks tracked "
    "level_lots next_link prev_link",
    "ahead_lots traded_lots",
)
WIRE_REQUEST = np.dtype([*REQUEST.descr, ("arrive_ns", "<i8")])
PENDING_FILL = record("fill_ns lane fill_seq side price_ticks qty_lots")
TAKEN = record("lane side price_ticks taken_lots next_link prev_link")
L3_ORDER = record("order_id priority leaves_lots")


# What is in flight for an order (NODE_ORDER.pending).
IDLE, PLACING, AMENDING, CANCELLING = range(4)

State = Any  # a record of addresses (JIT) or an object with the arrays (no JIT): see `simcore.kernels.at`

# Rows used of the journal buffers: State.counts[O_...].
O_REQUESTS, O_REPORTS, O_FILLS, O_MARKOUTS, O_SAMPLES, O_FEATURES, O_TRACES, O_GUARDS = range(8)

# State.whole[lane]: rings of integers: equity changes (cash units), latencies (ns) and the same in order, fills and taker fills in buckets of
# 10 s, requests in buckets of 1 s. State.rings[lane]: log returns; its last row, behind all lanes: what was worked out last.
RETURNS, PNLS, LATENCIES, FILL_BUCKETS, REQUEST_BUCKETS = 20, 60, 100, 361, 11
W_PNL, W_LATENCY, W_SORTED, W_FILLS = 0, PNLS, PNLS + LATENCIES, PNLS + 2 * LATENCIES
W_TAKERS = W_FILLS + FILL_BUCKETS
W_REQUESTS = W_TAKERS + FILL_BUCKETS
WHOLE_SIZE = W_REQUESTS + REQUEST_BUCKETS
MEMO_RETURN, MEMO_STD = RETURNS, RETURNS + 1
RING_SIZE = RETURNS + 2

