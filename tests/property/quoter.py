"""A strategy whose quote is its parameters: for tests of the order manager. Prices are distances from the best quotes."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import FetchDecision, Quote, QuoteContext, with_fetch, with_quote
from simcore.records import POST_ONLY


class Params(NamedTuple):
    """Ticks from the best quotes (behind when positive), lots and the rest of a Quote; wait_ms: of each tick, once."""

    bid_away: float = 0.0
    ask_away: float = 0.0
    bid_lots: float = 3.0
    ask_lots: float = 3.0
    levels: float = 1.0
    step: float = 1.0
    factor: float = 1.0
    tif: float = POST_ONLY
    display: float = 0.0
    stop_away: float = 0.0
    profit_away: float = 0.0
    far: float = 0.0
    batch: float = 0.0
    until_s: float = 1e9
    wait_ms: float = 0.0


class Memory(NamedTuple):
    """waited: 1 in the second run of a tick; start: mid of the first tick, where stops are measured from."""

    waited: float = 0.0
    start: float = 0.0


@kernel
def quote(context: QuoteContext, params: Params, memory: Memory) -> tuple[QuoteContext, Memory]:
    """Return the quote of the parameters until until_s, none after."""
    view = context.market
    start = memory.start if memory.start > 0.0 else view.mid_ticks
    if params.wait_ms > 0.0 and memory.waited == 0.0:
        return with_fetch(context, FetchDecision(0, 0, 1, int(params.wait_ms * 1e6), 0)), Memory(1.0, start)
    on = 1 if view.elapsed_ns < params.until_s * 1e9 else 0
    down = context.position_lots > 0
    stop = start - params.stop_away if down else start + params.stop_away
    profit = start + params.profit_away if down else start - params.profit_away
    wanted = Quote(
        view.bid_ticks - int(params.bid_away), int(params.bid_lots) * on, view.ask_ticks + int(params.ask_away),
        int(params.ask_lots) * on, int(params.levels), int(params.step), params.factor, int(params.tif),
        int(params.display), int(stop) if params.stop_away > 0.0 else 0, int(profit) if params.profit_away > 0.0 else 0,
        params.far, int(params.batch), 5,
    )  # fmt: skip
    return with_quote(context, wanted), Memory(0.0, start)


STAGES = {"quote": quote}
