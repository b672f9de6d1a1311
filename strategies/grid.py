"""A symmetric grid: several prices on each side of the mid, equally far apart, at fixed places of the price axis.

    best bid of ours   the highest multiple of the spacing that is at least half_spread_bps below the centre
    best ask of ours   the lowest multiple of the spacing that is at least half_spread_bps above it
    centre             mid - skew_bps x position / limit

and `levels` prices a side, one spacing apart. As the places are fixed, orders stay where they are, and keep their place in the
queue, until the centre has moved by a whole spacing; then one order a side leaves and one comes. It needs no forecast and no
model: it earns the spacing in a market that goes to and fro, and loses in one that runs away, up to its position limit.
Source: the strategy is folklore; as a market maker's baseline it is described in the tutorial "High-Frequency Grid Trading"
of hftbacktest's documentation.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext
from simcore.kernels.stages.priced import Size, quote_between, step_of
from simcore.units import BPS


class Params(NamedTuple):
    """The grid, and the size of our orders.

    half_spread_bps    smallest distance of a quote from the centre.
    spacing_bps        distance of the prices, of the first mid of the run, in whole ticks: at least one.
    spacing_ticks      the same in ticks; it counts if it is not 0.
    levels             prices a side.
    skew_bps           how far the centre lies below the mid when the position is at its limit.
    order_lots         a price.
    max_position_lots  limit on either side: a side is quoted while all its levels fit into what is left of it.
    """

    half_spread_bps: float = 0.5
    spacing_bps: float = 0.5
    spacing_ticks: float = 0.0
    levels: float = 5.0
    skew_bps: float = 3.0
    order_lots: float = 1.0
    max_position_lots: float = 20.0


class Memory(NamedTuple):
    """spacing_ticks: of this run, 0 before its first tick."""

    spacing_ticks: float = 0.0


@kernel
def quote(context: QuoteContext, params: Params, memory: Memory) -> tuple[QuoteContext, Memory]:
    """Quote the grid around the centre."""
    if not (params.max_position_lots > 0.0 and params.levels >= 1.0 and params.spacing_bps >= 0.0):
        raise ValueError("expected max_position_lots > 0, levels >= 1 and spacing_bps >= 0")
    mid = context.market.mid_ticks
    spacing = memory.spacing_ticks
    if spacing == 0.0:
        spacing = params.spacing_ticks if params.spacing_ticks > 0.0 else step_of(params.spacing_bps, mid)
    centre = mid * (1.0 - params.skew_bps * BPS * context.position_lots / params.max_position_lots)
    half = params.half_spread_bps * BPS * mid
    size = Size(params.order_lots, params.max_position_lots, params.levels, spacing)
    return quote_between(context, centre - half, centre + half, size), Memory(spacing)


STAGES = {"quote": quote}
