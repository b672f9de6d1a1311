"""Closed forms of optimal market making, for strategies: Avellaneda-Stoikov, and Guéant-Lehalle-Fernandez-Tapia.

Both models have a mid price that diffuses by sigma a root of a time unit, and market orders of one size that reach
a quote at distance d from the mid at the rate arrival_scale exp(-k d). Any units will do, if they are the same ones
throughout: sigma in price per root of time, k in 1 / price, arrival_scale in 1 / time, position in orders of the
one size, gamma (risk aversion) in 1 / money of such an order. docs/published.md sets them beside the papers' numbers.
"""

from __future__ import annotations

import math

from simcore.jit import kernel
from simcore.kernels.dmath import exp, log


@kernel
def log1p_ratio(x: float) -> float:
    """Return ln(1 + x) / x for x >= 0, 1 at 0, relative error below 1e-14 however small x is.

    Source: with u = 1 + x as rounded, ln(u) / (u - 1) takes the same rounding in both (W. Kahan; Goldberg 1991, theorem 4).
    """
    u = 1.0 + x
    if u == 1.0:
        return 1.0
    return log(u) / (u - 1.0)


@kernel
def risk_half_spread(gamma: float, k: float) -> float:
    """Return ln(1 + gamma / k) / gamma, the half-spread of a maker who holds nothing for no time; 1 / k at gamma 0."""
    return log1p_ratio(gamma / k) / k


@kernel
def reservation_price(mid: float, position: float, gamma: float, sigma: float, time_left: float) -> float:
    """Return the mid less gamma sigma^2 time_left a unit of position: what the position makes the asset worth to us.

    Source: M. Avellaneda and S. Stoikov, "High-frequency trading in a limit order book" (2008), equation 3.17.
    """
    return mid - position * gamma * sigma * sigma * time_left


@kernel
def avellaneda_stoikov_spread(gamma: float, sigma: float, k: float, time_left: float) -> float:
    """Return the distance between the optimal bid and ask: gamma sigma^2 time_left + (2 / gamma) ln(1 + gamma / k).

    Source: as `reservation_price`, equation 3.18.
    """
    return gamma * sigma * sigma * time_left + 2.0 * risk_half_spread(gamma, k)


@kernel
def avellaneda_stoikov_quotes(
    mid: float, position: float, gamma: float, sigma: float, k: float, time_left: float
) -> tuple[float, float]:
    """Return the optimal (bid, ask) prices. They are about the reservation price, so both may be on one side of mid.

    gamma 0 is allowed: mid -+ 1 / k.  time_left: to the horizon, in the unit of sigma.
    """
    centre = reservation_price(mid, position, gamma, sigma, time_left)
    half = 0.5 * avellaneda_stoikov_spread(gamma, sigma, k, time_left)
    return centre - half, centre + half


@kernel
def glft_inventory_cost(gamma: float, sigma: float, arrival_scale: float, k: float) -> float:
    """Return C = sqrt(sigma^2 gamma / (2 k A) (1 + gamma / k)^(1 + k / gamma)): by how much a unit of position moves a quote.

    Source: O. Guéant, C.-A. Lehalle and J. Fernandez-Tapia, "Dealing with the inventory risk" (2013), section 4;
    (1 + x)^(1 + 1 / x) is exp((1 + x) ln(1 + x) / x), which is e at gamma 0.
    """
    x = gamma / k
    growth = exp((1.0 + x) * log1p_ratio(x))
    return math.sqrt(sigma * sigma * gamma / (2.0 * k * arrival_scale) * growth)


@kernel
def glft_offsets(
    position: float, gamma: float, sigma: float, arrival_scale: float, k: float, impact: float
) -> tuple[float, float]:
    """Return (bid, ask) distances from the mid that are optimal far from the horizon; a distance may be negative.

    impact: by how much a market order moves the mid (xi), same unit as the distances; 0 without impact.
    Source: as `glft_inventory_cost`, sections 4 and 5, the closed-form approximation.
    """
    cost = exp(0.25 * k * impact) * glft_inventory_cost(gamma, sigma, arrival_scale, k)
    base = risk_half_spread(gamma, k) + 0.5 * impact
    return base + (position + 0.5) * cost, base - (position - 0.5) * cost


@kernel
def arrival_rate(distance: float, arrival_scale: float, k: float) -> float:
    """Return arrival_scale exp(-k distance): how often market orders reach a quote at this distance from the mid."""
    return arrival_scale * exp(-k * distance)
