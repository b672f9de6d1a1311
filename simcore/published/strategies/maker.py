"""The makers of the published models, one stage each; a run switches on the one that it needs.

All are in one file, so that one compiled engine serves all simulations.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import Quote, QuoteContext, bounded, no_quote, plain_quote, with_quote
from simcore.kernels.formulas import avellaneda_stoikov_quotes, avellaneda_stoikov_spread, glft_offsets


class PatientParams(NamedTuple):
    """One order at bid_ticks and one at ask_ticks, in every other half of a slot; 0 lots: none on that side."""

    enabled: float = 0.0
    half_ns: float = 1e8
    bid_ticks: float = 0.0
    bid_lots: float = 0.0
    ask_ticks: float = 0.0
    ask_lots: float = 0.0


@kernel
def patient(context: QuoteContext, params: PatientParams) -> QuoteContext:
    """Want the same orders throughout the second half of each slot, and none in the first."""
    if context.market.elapsed_ns // int(params.half_ns) % 2 == 0:
        return with_quote(context, no_quote(0))
    return with_quote(
        context,
        plain_quote(int(params.bid_ticks), int(params.bid_lots), int(params.ask_ticks), int(params.ask_lots)),
    )


class FiniteParams(NamedTuple):
    """Paths of `steps` ticks and one to read them, one path after the other.

    gamma 1 / tick, k 1 / tick, sigma_ticks a root of a step; symmetric 1: the average spread around the mid.
    """

    enabled: float = 0.0
    step_ns: float = 1e8
    steps: float = 200.0
    gamma: float = 0.0
    k: float = 1.0
    sigma_ticks: float = 1.0
    symmetric: float = 0.0


class FiniteMemory(NamedTuple):
    """path: the path that we are in; base_lots: what we held when it began, which is none of its inventory."""

    path: float = -1.0
    base_lots: float = 0.0


@kernel
def avellaneda_stoikov(
    context: QuoteContext, params: FiniteParams, memory: FiniteMemory
) -> tuple[QuoteContext, FiniteMemory]:
    """Quote one lot a side as Avellaneda and Stoikov do, to the nearest tick; nothing at the last tick of a path."""
    tick = context.market.elapsed_ns // int(params.step_ns) - 1
    steps = int(params.steps)
    path, step = tick // (steps + 1), tick % (steps + 1)
    if memory.path != path:
        memory = FiniteMemory(float(path), float(context.position_lots))
    if step == steps:
        return with_quote(context, no_quote(0)), memory
    mid = context.market.mid_ticks
    if params.symmetric != 0.0:
        half = 0.5 * avellaneda_stoikov_spread(params.gamma, params.sigma_ticks, params.k, 0.5 * steps)
        bid, ask = mid - half, mid + half
    else:
        held = context.position_lots - memory.base_lots
        bid, ask = avellaneda_stoikov_quotes(mid, held, params.gamma, params.sigma_ticks, params.k, float(steps - step))
    return with_quote(context, nearest(bid, ask)), memory


class StationaryParams(NamedTuple):
    """As FiniteParams without an end; arrival_scale a step; impact_ticks: how far a market order moves the mid."""

    enabled: float = 0.0
    gamma: float = 0.0
    k: float = 1.0
    sigma_ticks: float = 1.0
    arrival_scale: float = 1.0
    impact_ticks: float = 0.0


@kernel
def glft(context: QuoteContext, params: StationaryParams) -> QuoteContext:
    """Quote one lot a side at the closed-form distances of Guéant, Lehalle and Fernandez-Tapia, to the nearest tick."""
    bid_away, ask_away = glft_offsets(
        float(context.position_lots), params.gamma, params.sigma_ticks, params.arrival_scale, params.k, params.impact_ticks
    )
    mid = context.market.mid_ticks
    return with_quote(context, nearest(mid - bid_away, mid + ask_away))


@kernel
def nearest(bid: float, ask: float) -> Quote:
    """Return one lot a side at the nearest ticks."""
    return plain_quote(math.floor(bounded(bid) + 0.5), 1, math.floor(bounded(ask) + 0.5), 1)


STAGES = {"patient": patient, "avellaneda_stoikov": avellaneda_stoikov, "glft": glft}
