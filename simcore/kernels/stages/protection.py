"""Protective orders: a stop and a take-profit at fixed distances from where the position was built."""

from __future__ import annotations

import math

from simcore.jit import kernel
from simcore.kernels.context import bounded

BPS = 1e-4


@kernel
def entry_ticks(had_entry: float, had_position: float, position: float, mid_ticks: float) -> float:
    """Return the mean mid at which the position was built, 0 without one; what reduces it leaves the mean as it is."""
    if position == 0.0:
        return 0.0
    if had_position * position <= 0.0:
        return mid_ticks
    if abs(position) > abs(had_position):
        return (had_entry * abs(had_position) + mid_ticks * (abs(position) - abs(had_position))) / abs(position)
    return had_entry


@kernel
def stop_ticks(entry: float, position: float, stop_bps: float) -> int:
    """Return the trigger of the stop order: below the entry of a long position, above that of a short one; 0 is none."""
    if entry <= 0.0 or stop_bps <= 0.0:
        return 0
    if position > 0.0:
        return max(int(math.floor(bounded(entry * (1.0 - stop_bps * BPS)))), 1)
    return int(math.ceil(bounded(entry * (1.0 + stop_bps * BPS))))


@kernel
def take_profit_ticks(entry: float, position: float, take_profit_bps: float) -> int:
    """Return the trigger of the take-profit order, on the other side of the entry than the stop; 0 is none."""
    return stop_ticks(entry, -position, take_profit_bps)
