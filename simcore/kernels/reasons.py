"""Why a quote is as it is, or why there is none: bits of Quote.reasons, GuardAssessment.soft and .hard; why a request was sent.

REQUEST.reason = reasons of the quote | what the order manager did << ACTION_SHIFT.
"""

from __future__ import annotations

COLD = 1 << 0  # too little seen yet
STALE_BOOK = 1 << 1
FEED_GAP = 1 << 2
BAD_BOOK = 1 << 3  # one side empty, or crossed
VOLATILITY = 1 << 4
LATENCY = 1 << 5
PNL = 1 << 6
INVENTORY = 1 << 7
TAKER_FILLS = 1 << 8
RATE_PRESSURE = 1 << 9
VENUE_OUTAGE = 1 << 10
KILL_SWITCH = 1 << 11
LOSS_CAP = 1 << 12
TURNOVER_CAP = 1 << 13
OPEN_ORDERS = 1 << 14
OPEN_NOTIONAL = 1 << 15
HALTED = 1 << 16  # a HARD guard's halt still runs
BID_LIMIT = 1 << 17  # the position limit leaves no room to buy
ASK_LIMIT = 1 << 18
SMALL_NOTIONAL = 1 << 19  # the wanted size is below the smallest that the filters allow
COOL_DOWN = 1 << 20  # after a fast cancel
BLOCKED = 1 << 21  # by the allocator
TAKER_CAP = 1 << 22  # only post-only orders are allowed
HELD = 1 << 23  # the refresh interval has not passed: the last quote stands

LABELS = {
    COLD: "cold", STALE_BOOK: "stale_book", FEED_GAP: "feed_gap", BAD_BOOK: "bad_book", VOLATILITY: "volatility",
    LATENCY: "latency", PNL: "pnl", INVENTORY: "inventory", TAKER_FILLS: "taker_fills", RATE_PRESSURE: "rate_pressure",
    VENUE_OUTAGE: "venue_outage", KILL_SWITCH: "kill_switch", LOSS_CAP: "loss_cap", TURNOVER_CAP: "turnover_cap",
    OPEN_ORDERS: "open_orders", OPEN_NOTIONAL: "open_notional", HALTED: "halted", BID_LIMIT: "bid_limit",
    ASK_LIMIT: "ask_limit", SMALL_NOTIONAL: "small_notional", COOL_DOWN: "cool_down", BLOCKED: "blocked",
    TAKER_CAP: "taker_cap", HELD: "held",
}  # fmt: skip

ACTION_SHIFT = 40
# What the order manager did, and why.
QUOTED, MOVED, NOT_WANTED, TOO_FAR, PROTECTED, UNPROTECTED, OVER_BUDGET = range(1, 8)
ACTION_LABELS = {
    0: "", QUOTED: "quoted", MOVED: "moved", NOT_WANTED: "not_wanted", TOO_FAR: "too_far", PROTECTED: "protected",
    UNPROTECTED: "unprotected", OVER_BUDGET: "over_budget",
}  # fmt: skip


def labels(bits: int) -> list[str]:
    """Return the names of the reasons in a bit set, lowest bit first."""
    return [name for bit, name in LABELS.items() if bits & bit]
