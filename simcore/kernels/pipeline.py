"""The Node at a tick: market view, strategy, order manager, ledger sample."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at, ledger, orders
from simcore.kernels.book import BEST_ASK, BEST_BID, NO_ASK, NO_BID, level_lots
from simcore.kernels.context import Control, LinkedView, MarketView, OwnQueue, Signals, new_context, refuse_bad_quote
from simcore.kernels import binding, chain  # LINK
from simcore.kernels.state import O_SAMPLES, ORIGIN, P_KIND, P_SCALE, SAMPLE_NS, State
from simcore.records import ASK, BID, NO_PRICE


@kernel
def tick(state: State, lane: int, now_ns: int) -> None:
    """Let a lane's strategy act on the local book; now_ns counts from ORIGIN."""
    record = at.lanes(state)[lane]
    record.ticks += 1
    bid = at.meta(state.local)[BEST_BID]
    ask = at.meta(state.local)[BEST_ASK]
    if bid == NO_BID or ask == NO_ASK or bid >= ask:
        record.skipped_ticks += 1
        return
    bid_lots = level_lots(state.local, BID, bid)
    ask_lots = level_lots(state.local, ASK, ask)
    mid = 0.5 * (bid + ask)
    micro = (bid * float(ask_lots) + ask * float(bid_lots)) / float(bid_lots + ask_lots)
    view = MarketView(
        now_ns + at.clock(state)[ORIGIN], now_ns, bid, ask, bid_lots, ask_lots, mid, micro, 0.0, 0.0, 0.0, 0, 0, 0
    )
    context, memory = chain.tick(
        new_context(
            view, record.node_position_lots, Signals(0.0, 0, 0.0, 0, 0.0, 0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0),
            OwnQueue(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0), Control(1.0, 256, -1, 0),
            LinkedView(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        ),
        binding.load_params(at.params(state)[lane]),
        binding.load_memory(at.memory(state)[lane]),
        at.clock(state), at.clock(state), False,
    )
    binding.save_memory(at.memory(state)[lane], memory)
    refuse_bad_quote(context.quote)
    orders.reconcile(state, lane, context.quote, now_ns)
    if now_ns >= record.sample_ns:
        record.sample_ns = now_ns - now_ns % at.clock(state)[SAMPLE_NS] + at.clock(state)[SAMPLE_NS]
        sample(state, lane, now_ns, bid, ask)


@kernel
def sample_end(state: State, lane: int, end_ns: int) -> None:
    """Sample the lane at the end of the run, unless a tick has just done so or the local book has no mid."""
    bid = at.meta(state.local)[BEST_BID]
    ask = at.meta(state.local)[BEST_ASK]
    if bid == NO_BID or ask == NO_ASK or bid >= ask:
        return
    if end_ns > 0 and at.lanes(state)[lane].last_sample_ns == end_ns:  # no tick is at 0
        return
    sample(state, lane, end_ns, bid, ask)


@kernel
def sample(state: State, lane: int, now_ns: int, bid: int, ask: int) -> None:
    """Value the lane at the local mid; keep its highest equity and largest drawdown; journal a row."""
    record = at.lanes(state)[lane]
    held = ledger.position_value(
        at.ints(state)[lane, P_KIND], at.ints(state)[lane, P_SCALE], record.node_position_lots, bid, ask
    )
    equity = record.node_cash_units - record.node_fee_units + held
    record.last_sample_ns = now_ns
    record.equity_units = equity
    record.equity_max = max(record.equity_max, equity)
    record.drawdown_max = max(record.drawdown_max, record.equity_max - equity)
    if record.journal == 0:
        return
    row = at.out_samples(state)[at.counts(state)[O_SAMPLES]]
    at.counts(state)[O_SAMPLES] += 1
    row.ts = now_ns + at.clock(state)[ORIGIN]
    row.lane = lane
    row.bid_ticks = bid
    row.ask_ticks = ask
    row.position_lots = record.node_position_lots
    row.cash_units = record.node_cash_units
    row.fee_units = record.node_fee_units
    row.equity_units = equity
    row.quote_bid_ticks = best_live(state, lane, BID)
    row.quote_ask_ticks = best_live(state, lane, ASK)
    row.open_orders = record.live_count


@kernel
def best_live(state: State, lane: int, side: int) -> int:
    """Return the best price of the lane's live orders of a side, NO_PRICE if there is none."""
    best = NO_PRICE
    for i in range(at.lanes(state)[lane].live_count):
        order = at.node_orders(state)[lane, at.live(state)[lane, i]]
        if order.side == side:
            price = orders.live_price(order)
            if best == NO_PRICE or (price > best) == (side == BID):
                best = price
    return best
