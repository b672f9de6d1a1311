"""Spread stage: a fixed half-spread, plus a part that grows with the volatility of the mid."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext, SpreadDecision, with_spread

BPS = 1e-4


class SpreadParams(NamedTuple):
    """half_spread_ticks and half_spread_bps add up; vol_factor multiplies the EMA of |mid change| a tick in bps."""

    half_spread_ticks: float = 0.0
    half_spread_bps: float = 1.0
    vol_factor: float = 0.0
    vol_window_ticks: float = 600.0


class SpreadMemory(NamedTuple):
    """last_mid_ticks: mid of the last tick, 0 before the first; volatility_bps: EMA."""

    last_mid_ticks: float = 0.0
    volatility_bps: float = 0.0


@kernel
def volatility_spread(
    context: QuoteContext, params: SpreadParams, memory: SpreadMemory
) -> tuple[QuoteContext, SpreadMemory]:
    """Decide the half-spread: ticks + bps of mid + vol_factor x EMA of |mid change| (alpha = 2 / (window + 1))."""
    mid = context.market.mid_ticks
    volatility = memory.volatility_bps
    if memory.last_mid_ticks > 0.0:
        move_bps = abs(mid - memory.last_mid_ticks) / memory.last_mid_ticks / BPS
        volatility += 2.0 / (params.vol_window_ticks + 1.0) * (move_bps - volatility)
    half_bps = params.half_spread_bps + params.vol_factor * volatility
    half_ticks = params.half_spread_ticks + half_bps * BPS * mid
    return with_spread(context, SpreadDecision(half_ticks, volatility)), SpreadMemory(mid, volatility)
