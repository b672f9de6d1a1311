"""A maker that leans on another instrument's price: where the leader's mid goes, ours is about to follow.

    basis     moving average of our mid - leader's mid, both in our ticks
    signal    leader's mid + basis - our mid, cut to ± reach_bps
    quotes    around mid + lean x signal, leaning against the position

A link says who leads (docs/portfolio.md); without one, or while the leader has no book, it quotes around its own mid. That
prices of a liquid market lead those of others is measured by J. Hasbrouck, "One security, many markets: determining the
contributions to price discovery", Journal of Finance 50(4), 1995.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext
from simcore.kernels.stages.priced import Size, quote_between, step_of
from simcore.units import BPS, NS_PER_S


class Params(NamedTuple):
    """The signal, the spread, and the size of our orders.

    lean             share of the signal that our quotes follow.
    reach_bps        largest signal.
    basis_s          time constant of the basis' moving average, seconds.
    half_spread_bps  from the fair price to either quote.
    skew_bps         how far both quotes move against the position when it is at its limit.
    step_bps         prices are multiples of it, in whole ticks: quotes stay in place while they move less.
    order_lots, max_position_lots    as `priced.Size`.
    """

    lean: float = 1.0
    reach_bps: float = 5.0
    basis_s: float = 30.0
    half_spread_bps: float = 1.0
    skew_bps: float = 1.0
    step_bps: float = 0.5
    order_lots: float = 1.0
    max_position_lots: float = 20.0


class Memory(NamedTuple):
    """basis_ticks: moving average; last_s: time of the last tick that saw the leader, below 0 before the first."""

    basis_ticks: float = 0.0
    last_s: float = -1.0


@kernel
def quote(context: QuoteContext, params: Params, memory: Memory) -> tuple[QuoteContext, Memory]:
    """Quote around the mid that the leader's book foretells."""
    if not (params.max_position_lots > 0.0 and params.basis_s > 0.0 and params.reach_bps >= 0.0):
        raise ValueError("expected max_position_lots > 0, basis_s > 0 and reach_bps >= 0")
    mid = context.market.mid_ticks
    signal = 0.0
    if context.linked.present == 1:
        now_s = context.market.elapsed_ns / NS_PER_S
        gap = mid - context.linked.mid_ticks
        passed_s = now_s - memory.last_s
        basis = gap if memory.last_s < 0.0 else memory.basis_ticks + passed_s / (passed_s + params.basis_s) * (gap - memory.basis_ticks)
        reach = params.reach_bps * BPS * mid
        signal = min(max(basis - gap, -reach), reach)
        memory = Memory(basis, now_s)
    fair = mid + params.lean * signal - params.skew_bps * BPS * mid * context.position_lots / params.max_position_lots
    half = params.half_spread_bps * BPS * mid
    size = Size(params.order_lots, params.max_position_lots, 1.0, step_of(params.step_bps, mid))
    return quote_between(context, fair - half, fair + half, size), memory


STAGES = {"quote": quote}
