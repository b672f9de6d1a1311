"""A row for a traced tick: what the stages decided, and how long each took. Nothing here goes into a decision or a digest."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import at
from simcore.kernels.context import QuoteContext
from simcore.kernels.state import O_TRACES, ORIGIN, State
from simcore.records import STAGES_MAX, IntArray, Record


@kernel
def write(
    state: State, lane: int, now_ns: int, context: QuoteContext, marks: IntArray, stages: int, requests: int
) -> None:
    """Journal a traced tick; marks: cycle counter before the first stage, after each, and after the requests."""
    row = at.out_traces(state)[at.counts(state)[O_TRACES]]
    at.counts(state)[O_TRACES] += 1
    row.ts = now_ns + at.clock(state)[ORIGIN]
    row.lane = lane
    row.tick = at.lanes(state)[lane].ticks
    row.cache_hit = context.fetch.hit
    row.cache_age_ns = context.fetch.age_ns
    row.used_stale = context.fetch.stale
    row.wait_ns = context.fetch.wait_ns
    row.level = context.guards.level
    row.soft = context.guards.soft
    row.hard = context.guards.hard
    quote = context.quote
    row.bid_ticks, row.ask_ticks, row.bid_lots, row.ask_lots = (
        quote.bid_ticks, quote.ask_ticks, quote.bid_lots, quote.ask_lots,
    )  # fmt: skip
    row.requests = requests
    row.reasons = quote.reasons
    row.stages = stages
    spread = context.spread
    row.spread_bps = spread.spread_bps
    row.vol_score, row.liq_score = spread.vol_score, spread.liq_score
    row.lat_score, row.pnl_score = spread.lat_score, spread.pnl_score
    row.inventory_pct = context.inventory.inventory_pct
    row.skew_bps = context.inventory.skew_bps
    row.bid_nudge_ticks = context.nudge.bid_nudge_ticks
    row.ask_nudge_ticks = context.nudge.ask_nudge_ticks
    _write_marks(row, marks)


@kernel
def _write_marks(row: Record, marks: IntArray) -> None:
    row.mark0, row.mark1, row.mark2, row.mark3 = marks[0], marks[1], marks[2], marks[3]
    row.mark4, row.mark5, row.mark6, row.mark7 = marks[4], marks[5], marks[6], marks[7]
    row.mark8, row.mark9, row.mark10, row.mark11 = marks[8], marks[9], marks[10], marks[11]
    row.mark12, row.mark13 = marks[STAGES_MAX], marks[STAGES_MAX + 1]
