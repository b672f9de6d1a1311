"""Mutants of the exchange: matching, queues, taken levels, money, margin, limits, icebergs."""

from tests.mutants.harness import Mutant

QUEUE, RESTING, TAKEN, LEDGER, MARGIN, LIMITS, MATCHED, REQUESTS = (
    (f"kernels/test_{name}.py",) for name in ("queue", "resting", "taken", "ledger", "margin", "limits", "queue_matched", "requests")
)
EXACT = ("kernels/test_exact_queue.py",)

MUTANTS = (
    Mutant("kernels/venue.py", "taken.refresh(state, side, NO_BID, bound)", "pass", "what was taken of asks stays taken after a clear", TAKEN),
    Mutant("kernels/venue.py", "taken.refresh(state, side, NO_BID, bound)", "taken.refresh(state, side, bound, NO_ASK)", "a clear of asks forgets what was taken behind its bound", TAKEN),
    Mutant("kernels/venue.py", "taken.refresh(state, side, bound, NO_ASK)", "pass", "what was taken of bids stays taken after a clear", TAKEN),
    Mutant("kernels/taken.py", "lo <= entry.price_ticks <= hi", "lo < entry.price_ticks < hi", "a clear leaves what was taken at its bound", TAKEN),
    Mutant("kernels/taken.py", "if entry.lane == lane and entry.price_ticks == price:", "if entry.price_ticks == price:", "a lane finds what another lane took", TAKEN),
    Mutant("kernels/taken.py", "at.taken(state)[link - 1].taken_lots += lots", "at.taken(state)[link - 1].taken_lots = lots", "of two takes at a level the last one counts", TAKEN),
    Mutant("kernels/taken.py", "    clock[TAKEN_ON + side] -= 1\n    if clock[TAKEN_ON + side] == 0:", "    clock[TAKEN_ON + side] -= 1\n    if clock[TAKEN_ON + side] >= 0:", "the reach of taken levels is forgotten with the first of them", TAKEN),
    Mutant("kernels/taken.py", "        entry.taken_lots = moved.taken_lots\n", "", "the entry that moves into a free place loses its lots", TAKEN),
    Mutant("kernels/queue.py", "return min(ahead, float(new))\n    if model == FRONT:", "return ahead\n    if model == FRONT:", "a risk-averse order stands behind more than the level has", QUEUE),
    Mutant("kernels/queue.py", "change = previous - new - traded", "change = previous - new", "what traded counts as cancelled, too", QUEUE),
    Mutant("kernels/queue.py", "return max(int(round(-ahead)), 0)", "return max(int(-ahead), 0)", "reached lots are cut, not rounded", QUEUE),
    Mutant("kernels/queue.py", "return ratio(b, b + dmath.log(1.0 + front))", "return ratio(b, dmath.log(1.0 + front))", "the log model over the front alone", QUEUE),
    Mutant("kernels/resting.py", "if share < at.ints(state)[lane, P_PRO_RATA_MIN]:", "if share <= at.ints(state)[lane, P_PRO_RATA_MIN]:", "a share of just the least size is none", (*MATCHED, *QUEUE)),
    Mutant("kernels/resting.py", "share = (lots * leaves) // (level_lots + leaves)", "share = (lots * leaves + level_lots + leaves - 1) // (level_lots + leaves)", "pro-rata shares are rounded up", (*MATCHED, *QUEUE)),
    Mutant("kernels/resting.py", "share = (lots * leaves) // (level_lots + leaves)", "share = (lots * leaves) // max(level_lots, 1)", "pro-rata shares of a level without our lots", (*MATCHED, *QUEUE)),
    Mutant("kernels/resting.py", "ahead = order.ahead_lots - (left - share)", "ahead = order.ahead_lots - left", "what our share took also shortens the queue", (*MATCHED, *QUEUE)),
    Mutant("kernels/resting.py", "if at.ints(state)[order.lane, P_QUEUE] == queue.FIFO and priority <= order.priority:", "if at.ints(state)[order.lane, P_QUEUE] == queue.FIFO:", "a reduction behind us moves us up", EXACT),
    Mutant("kernels/resting.py", "        if priority < 0:\n            return\n", "", "a trade without an order moves exact queues", EXACT),
    Mutant("kernels/resting.py", "    at.clock(state)[REFILL_FIRST] = 0\n", "", "an iceberg is refilled twice", RESTING),
    Mutant("kernels/resting.py", "order.shown_lots = min(order.display_lots, order.leaves_lots)", "order.shown_lots = order.display_lots", "an iceberg shows more than it has left", RESTING),
    Mutant("kernels/resting.py", "taken.take(state, lane, side, price, seen)\n", "pass\n", "a book that comes to us keeps the lots that we took", TAKEN),
    Mutant("kernels/resting.py", "left = max(shown - lots_used(state, lane), 0)\n            lots = order", "left = shown\n            lots = order", "each of our orders takes all that a crossing level shows", (*TAKEN, *RESTING)),
    Mutant("kernels/taking.py", "return opposite != NO_BID and price <= opposite", "return opposite != NO_BID and price < opposite", "a sell at the bid takes nothing", TAKEN),
    Mutant("kernels/taking.py", "wanted -= lots", "wanted -= 0", "an order takes again at the next level what it had at the first", TAKEN),
    Mutant("kernels/taking.py", "_free_lots(state, lane, side, price) <= 0:", "_free_lots(state, lane, side, price) < 0:", "a level that is taken up is still the best", TAKEN),
    Mutant("kernels/ledger.py", "return (lots * scale + price // 2) // price", "return lots * scale // price", "the value of inverse contracts is rounded down", LEDGER),
    Mutant("kernels/ledger.py", "(rest * rate + RATE_SCALE // 2) // RATE_SCALE", "(rest * rate) // RATE_SCALE", "fees are rounded down", LEDGER),
    Mutant("kernels/ledger.py", "return (position * (bid + ask) * scale) // 2", "return -((-position * (bid + ask) * scale) // 2)", "positions are valued upwards", LEDGER),
    Mutant("kernels/ledger.py", "return (-position * 2 * scale) // (bid + ask)", "return -((position * 2 * scale) // (bid + ask))", "inverse positions are valued upwards", LEDGER),
    Mutant("kernels/account.py", "ints[P_TIER + 3 * i] <= turnover", "ints[P_TIER + 3 * i] < turnover", "a fee tier begins one unit late", REQUESTS),
    Mutant("kernels/account.py", "        fee += ledger.proportion(value, at.ints(state)[lane, P_LIQUIDATION_FEE])\n", "        fee += 0\n", "liquidations have no fee of their own", MARGIN),
    Mutant("kernels/account.py", "if position < 0:\n        payment = -payment", "if position > 0:\n        payment = -payment", "shorts pay funding", MARGIN),
    Mutant("kernels/account.py", "record.position_lots, bid, ask)\n    return at.ints(state)[lane, P_BALANCE] +", "record.position_lots, bid, ask)\n    return", "equity without the balance", MARGIN + LIMITS),
    Mutant("kernels/margin.py", "record.funding_due_ns += at.ints(state)[lane, P_FUNDING_NS]", "record.funding_due_ns += 2 * at.ints(state)[lane, P_FUNDING_NS]", "every other funding is left out", MARGIN),
    Mutant("kernels/margin.py", "account.equity_units(state, lane, 0) < ledger.proportion", "account.equity_units(state, lane, 0) <= ledger.proportion", "an account at its maintenance margin is liquidated", MARGIN),
    Mutant("kernels/margin.py", "size = -abs(position) if ints[P_KIND] == INVERSE else abs(position)", "size = abs(position)", "inverse contracts have no maintenance margin", MARGIN),
    Mutant("kernels/limits.py", "if counts[2 * i + 1] > allowed:", "if counts[2 * i + 1] >= allowed:", "the last request that a limit allows is refused", LIMITS),
    Mutant("kernels/limits.py", "if now_ns < counts[BAN_END]:", "if now_ns <= counts[BAN_END]:", "a ban lasts one moment too long", LIMITS),
    Mutant("kernels/limits.py", "abs(2 * price - bid - ask) > ledger.proportion", "abs(2 * price - bid - ask) >= ledger.proportion", "a price at its band is refused", LIMITS),
    Mutant("kernels/limits.py", "price = trigger\n        elif at_market:", "price = price\n        elif at_market:", "a stop's least value is looked at without its trigger", LIMITS),
    Mutant("kernels/limits.py", "if worst <= abs(record.position_lots):", "if worst < abs(record.position_lots):", "an order that adds nothing needs margin", LIMITS),
    Mutant("kernels/requests.py", "keeps = price == order.price_ticks and lots <= order.qty_lots and", "keeps = price == order.price_ticks and", "an amend to more lots keeps its place", REQUESTS),
    Mutant("kernels/requests.py", "return order.link_serial < other.link_serial", "return order.link_serial > other.link_serial", "of own orders at one price the newer one ends first", REQUESTS),
    Mutant("kernels/requests.py", "if lots <= executed:", "if lots < executed:", "an amend to what was executed leaves an order of no lots", REQUESTS),
)  # fmt: skip
