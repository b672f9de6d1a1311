"""Guéant-Lehalle-Fernandez-Tapia: the optimal quotes of Avellaneda and Stoikov's model far from any horizon, in closed form.

With the same market (the mid diffuses by sigma; market orders reach a quote at distance d at the rate A exp(-k d)) and a
position q in orders, the distances of bid and ask from the mid are close to

    bid   ln(1 + gamma / k) / gamma + xi / 2 + (2 q + 1) / 2 exp(k xi / 4) C
    ask   ln(1 + gamma / k) / gamma + xi / 2 - (2 q - 1) / 2 exp(k xi / 4) C
    C   = sqrt(sigma^2 gamma / (2 k A) (1 + gamma / k)^(1 + k / gamma))

where xi is how far a market order moves the mid. Source: O. Guéant, C.-A. Lehalle and J. Fernandez-Tapia, "Dealing with the
inventory risk: a solution to the market making problem", Mathematics and Financial Economics 7(4), 2013, sections 4 and 5.
Unlike the strategy avellaneda_stoikov it needs no horizon, but how often fills come (A). Prices are in bps of the mid, times in
seconds, so that one set of parameters means the same on every instrument.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext, no_quote, with_half_spread, with_quote
from simcore.kernels.formulas import glft_offsets
from simcore.kernels.reasons import COLD
from simcore.kernels.stages.priced import Size, quote_between, step_of
from simcore.kernels.stages.volatility import VolatilityMemory, observe, sigma_of
from simcore.units import BPS


class Params(NamedTuple):
    """The model's numbers, and the size of our orders.

    gamma           risk aversion, 1 / bps an order.
    k               how fast fills fall off with the distance from the mid, 1 / bps.
    arrivals_per_s  A, market orders a second and side that would reach a quote at the mid.
    sigma_bps       volatility of the mid, bps per root of a second; 0: measured over window_s seconds.
    impact_bps      xi, how far a market order moves the mid.
    step_bps        prices are multiples of it, in whole ticks: quotes stay in place while they move less.
    order_lots, max_position_lots    as `priced.Size`.
    """

    gamma: float = 0.05
    k: float = 1.0
    arrivals_per_s: float = 0.08
    sigma_bps: float = 0.0
    window_s: float = 600.0
    impact_bps: float = 0.0
    step_bps: float = 0.5
    order_lots: float = 1.0
    max_position_lots: float = 20.0


@kernel
def quote(context: QuoteContext, params: Params, memory: VolatilityMemory) -> tuple[QuoteContext, VolatilityMemory]:
    """Quote at the closed form's distances; nothing while sigma is to be measured and too little has been seen."""
    if not (params.gamma >= 0.0 and params.k > 0.0 and params.arrivals_per_s > 0.0 and params.order_lots >= 1.0):
        raise ValueError("expected gamma >= 0, k > 0, arrivals_per_s > 0 and order_lots >= 1")
    mid = context.market.mid_ticks
    memory = observe(memory, mid, context.market.elapsed_ns, params.window_s)
    sigma = sigma_of(memory, params.sigma_bps)
    if sigma < 0.0:
        return with_quote(context, no_quote(COLD)), memory
    held = context.position_lots / params.order_lots
    bid_bps, ask_bps = glft_offsets(held, params.gamma, sigma, params.arrivals_per_s, params.k, params.impact_bps)
    context = with_half_spread(context, 0.0, sigma)
    size = Size(params.order_lots, params.max_position_lots, 1.0, step_of(params.step_bps, mid))
    return quote_between(context, mid * (1.0 - bid_bps * BPS), mid * (1.0 + ask_bps * BPS), size), memory


STAGES = {"quote": quote}
