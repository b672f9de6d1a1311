"""The demo maker, written a second time in plain Python: spread, inventory, emit.

Float operations stand in the order of strategies/demo_maker.py's stages, so that prices can be compared exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.oracle.node import Quotes, Strategy


@dataclass(frozen=True)
class DemoParams:
    """Parameters by the names of the configuration, `strategy.params.<stage>.<name>`, dots as underscores."""

    spread_half_spread_ticks: float = 0.0
    spread_half_spread_bps: float = 1.0
    spread_vol_factor: float = 0.0
    spread_vol_window_ticks: float = 600.0
    inventory_max_position_lots: float = 100.0
    inventory_skew_ticks_per_lot: float = 0.0
    inventory_skew_bps: float = 1.0
    emit_order_lots: float = 1.0
    emit_levels: float = 1.0
    emit_level_step_ticks: float = 1.0


def demo_params(given: Mapping[str, Any]) -> DemoParams:
    """Return the parameters of a configuration; an unknown name is an error."""
    return DemoParams(**{name.replace(".", "_"): float(value) for name, value in given.items()})


def demo_maker(p: DemoParams) -> Strategy:
    """Return a strategy for the reference Node."""

    def tick(
        bid: int, bid_lots: int, ask: int, ask_lots: int, position: int, memory: dict[str, Any]
    ) -> tuple[Quotes, Quotes]:
        mid = 0.5 * (bid + ask)
        half = _half_spread(p, mid, memory)
        share = position / p.inventory_max_position_lots if p.inventory_max_position_lots > 0.0 else 0.0
        shift = -(p.inventory_skew_ticks_per_lot * position + p.inventory_skew_bps * 1e-4 * mid * share)
        reference = mid + shift
        limit = int(p.inventory_max_position_lots)
        best_bid = min(math.floor(reference - half), bid)
        best_ask = max(math.ceil(reference + half), ask)
        lots, step = int(p.emit_order_lots), max(int(p.emit_level_step_ticks), 1)
        levels = range(int(p.emit_levels))
        bids = [(best_bid - i * step, lots) for i in levels] if limit - position > 0 else []
        asks = [(best_ask + i * step, lots) for i in levels] if limit + position > 0 else []
        return bids, asks

    return tick


def _half_spread(p: DemoParams, mid: float, memory: dict[str, Any]) -> float:
    """Return the half-spread in ticks; memory keeps the last mid and the EMA of |mid change| in bps."""
    last, volatility = memory.get("mid", 0.0), memory.get("volatility", 0.0)
    if last > 0.0:
        move_bps = abs(mid - last) / last / 1e-4
        volatility += 2.0 / (p.spread_vol_window_ticks + 1.0) * (move_bps - volatility)
    memory["mid"], memory["volatility"] = mid, volatility
    half_bps = p.spread_half_spread_bps + p.spread_vol_factor * volatility
    return p.spread_half_spread_ticks + half_bps * 1e-4 * mid
