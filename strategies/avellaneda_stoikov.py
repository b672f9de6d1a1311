"""Avellaneda-Stoikov: quotes around a reservation price that moves against the position.

A maker with the utility -exp(-gamma x wealth) at a horizon T, a mid that diffuses by sigma, and market orders that reach
a quote at distance d from the mid at the rate A exp(-k d), quotes

    reservation price   r = mid - q gamma sigma^2 (T - t)
    bid, ask            r -+ [gamma sigma^2 (T - t) / 2 + ln(1 + gamma / k) / gamma]

where q is the position in orders. Source: M. Avellaneda and S. Stoikov, "High-frequency trading in a limit order book",
Quantitative Finance 8(3), 2008, equations 3.17 and 3.18. Prices are in bps of the mid and times in seconds, so that one set
of parameters means the same on every instrument. A market that never closes has no T; `rolling` says what stands for it.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext, no_quote, with_half_spread, with_quote
from simcore.kernels.formulas import avellaneda_stoikov_quotes
from simcore.kernels.reasons import COLD
from simcore.kernels.stages.priced import Size, quote_between, step_of
from simcore.kernels.stages.volatility import VolatilityMemory, observe, sigma_of
from simcore.units import BPS, NS_PER_S


class Params(NamedTuple):
    """The model's numbers, and the size of our orders.

    gamma         risk aversion, 1 / bps an order; 0 quotes mid -+ 1 / k whatever the position.
    k             how fast fills fall off with the distance from the mid, 1 / bps.
    sigma_bps     volatility of the mid, bps per root of a second; 0: measured over window_s seconds.
    horizon_s     T, seconds.
    rolling       1: the horizon is always horizon_s away. 0: it comes nearer, and starts anew every horizon_s.
    step_bps      prices are multiples of it, in whole ticks: quotes stay in place while they move less.
    order_lots, max_position_lots    as `priced.Size`.
    """

    gamma: float = 0.05
    k: float = 1.0
    sigma_bps: float = 0.0
    window_s: float = 600.0
    horizon_s: float = 60.0
    rolling: float = 1.0
    step_bps: float = 0.5
    order_lots: float = 1.0
    max_position_lots: float = 20.0


@kernel
def quote(context: QuoteContext, params: Params, memory: VolatilityMemory) -> tuple[QuoteContext, VolatilityMemory]:
    """Quote the optimal bid and ask; nothing while sigma is to be measured and too little has been seen."""
    if not (params.gamma >= 0.0 and params.k > 0.0 and params.horizon_s > 0.0 and params.order_lots >= 1.0):
        raise ValueError("expected gamma >= 0, k > 0, horizon_s > 0 and order_lots >= 1")
    mid = context.market.mid_ticks
    memory = observe(memory, mid, context.market.elapsed_ns, params.window_s)
    sigma = sigma_of(memory, params.sigma_bps)
    if sigma < 0.0:
        return with_quote(context, no_quote(COLD)), memory
    left_s = params.horizon_s
    if params.rolling == 0.0:
        left_s -= context.market.elapsed_ns / NS_PER_S % params.horizon_s
    held = context.position_lots / params.order_lots
    bid_bps, ask_bps = avellaneda_stoikov_quotes(0.0, held, params.gamma, sigma, params.k, left_s)
    context = with_half_spread(context, 0.0, sigma)
    size = Size(params.order_lots, params.max_position_lots, 1.0, step_of(params.step_bps, mid))
    return quote_between(context, mid * (1.0 + bid_bps * BPS), mid * (1.0 + ask_bps * BPS), size), memory


STAGES = {"quote": quote}
