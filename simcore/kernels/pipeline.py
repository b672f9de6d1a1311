"""The Node at a tick: what it sees, its strategy, its order manager, its samples."""

from __future__ import annotations

from simcore.jit import cycles, kernel
from simcore.kernels import at, budget, features, guard_log, orders_live, signals, trace
from simcore.kernels import binding, chain, observe, reconcile  # LINK
from simcore.kernels.book import BEST_ASK, BEST_BID
from simcore.kernels.context import QuoteContext, no_quote, refuse_bad_quote
from simcore.kernels.reasons import BAD_BOOK
from simcore.kernels.state import CURVE_NS, MARKS, O_SAMPLES, ORIGIN, P_DEPTH_LEVELS, P_FEATURES, P_TRACE, SAMPLE_NS, STAGE, State
from simcore.records import ASK, BID, STAGES_MAX

STAGES = len(chain.STAGE_NAMES)


@kernel
def tick(state: State, lane: int, now_ns: int, seen: observe.Shared) -> int:
    """Let a lane's strategy act on the local book as seen; now_ns counts from ORIGIN.

    Returns after how many ns the tick is to be run again, since the strategy waits for fresher data; 0 when it is done.
    """
    record = at.lanes(state)[lane]
    record.ticks += 1
    if not seen.has_mid:
        record.skipped_ticks += 1
        record.runs_again = 0
        if chain.CANCELS_ON_BAD_BOOK and record.live_count > 0:
            record.settled = 0
            reconcile.reconcile(state, lane, no_quote(BAD_BOOK), 0, now_ns)
        return 0
    every = at.ints(state)[lane, P_TRACE]
    traced = every > 0 and record.ticks % every == 0
    marks = at.clock(state)[MARKS:]
    context, memory = chain.tick(
        observe.observe(state, lane, now_ns, seen),
        binding.load_params(at.params(state)[lane]),
        binding.load_memory(at.memory(state)[lane]),
        at.clock(state), marks, traced,
    )  # fmt: skip
    at.clock(state)[STAGE] = 0
    binding.save_memory(at.memory(state)[lane], memory)
    record.runs_again = 1 if context.fetch.wait_ns > 0 else 0
    sent = record.request_seq
    if context.fetch.wait_ns == 0:
        refuse_bad_quote(context.quote)
        if record.journal == 1:
            guard_log.note(state, lane, now_ns, context)
        quote = budget.blocked(context.quote) if record.control_blocked == 1 else context.quote
        bid, ask = seen.bid_ticks, seen.ask_ticks
        if not reconcile.is_settled(state, lane, quote, bid + ask):
            reconcile.reconcile(state, lane, quote, bid + ask, now_ns)
            reconcile.settle(state, lane, quote, bid + ask, sent)
        if now_ns >= record.sample_ns:
            _sample_tick(state, lane, now_ns, bid, ask, context)
    if traced:
        marks[STAGES_MAX + 1] = cycles()
        trace.write(state, lane, now_ns, context, marks, STAGES, record.request_seq - sent)
    return context.fetch.wait_ns


@kernel
def _sample_tick(state: State, lane: int, now_ns: int, bid: int, ask: int, context: QuoteContext) -> None:
    """Sample the lane's ledger and features, and set when the next samples are due."""
    record = at.lanes(state)[lane]
    record.sample_ns = now_ns - now_ns % at.clock(state)[SAMPLE_NS] + at.clock(state)[SAMPLE_NS]
    sample(state, lane, now_ns, bid, ask)
    if record.journal == 1 and at.ints(state)[lane, P_FEATURES] == 1:
        depth = 0.5 * (context.market.bid_depth_lots + context.market.ask_depth_lots)
        if not (chain.USES_QUEUE or chain.USES_DEPTH):
            levels = at.ints(state)[lane, P_DEPTH_LEVELS]
            depth = 0.5 * (
                observe.best_levels(state, BID, bid, 0, levels)[1] + observe.best_levels(state, ASK, ask, 0, levels)[1]
            )
        features.renew(state, lane, now_ns, bid + ask, depth, record.equity_units)


@kernel
def sample_end(state: State, lane: int, end_ns: int) -> None:
    """Sample the lane at the end of the run, unless a tick has just done so or the local book has no mid."""
    if not observe.has_mid(state):
        return
    if end_ns > 0 and at.lanes(state)[lane].last_sample_ns == end_ns:  # no tick is at 0
        return
    at.lanes(state)[lane].curve_ns = 0
    sample(state, lane, end_ns, at.meta(state.local)[BEST_BID], at.meta(state.local)[BEST_ASK])


@kernel
def sample(state: State, lane: int, now_ns: int, bid: int, ask: int) -> None:
    """Value the lane at the local mid; keep its highest equity and largest drawdown; journal a row, or a point of its curve."""
    record = at.lanes(state)[lane]
    equity = signals.equity_units(state, lane, bid, ask)
    record.last_sample_ns = now_ns
    record.equity_units = equity
    record.equity_max = max(record.equity_max, equity)
    record.drawdown_max = max(record.drawdown_max, record.equity_max - equity)
    if record.journal == 0:
        step_ns = at.clock(state)[CURVE_NS]
        if step_ns == 0 or now_ns < record.curve_ns:
            return
        record.curve_ns = now_ns - now_ns % step_ns + step_ns
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
    row.quote_bid_ticks = orders_live.best_live(state, lane, BID)
    row.quote_ask_ticks = orders_live.best_live(state, lane, ASK)
    row.open_orders = record.live_count
