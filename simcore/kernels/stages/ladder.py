"""Sizes of a ladder: level i has floor(lots x factor^i) lots, at least 1."""

from __future__ import annotations

import math

from simcore.jit import kernel
from simcore.kernels.context import LEVELS_MAX
from simcore.records import UNITS_MAX

BISECTIONS = 53  # halvings of up to 2^52 lots


@kernel
def factor_at(factor: float, level: int) -> float:
    """Return factor^level, or what is certainly more lots than a size may have."""
    result = 1.0
    for _ in range(min(level, LEVELS_MAX)):
        result = min(result * factor, 4.0 * UNITS_MAX)
    return result


@kernel
def level_lots(lots: int, factor: float, level: int) -> float:
    """Return the lots of a level, as a float, multiplied in the order in which the order manager does it."""
    value = float(lots)
    for _ in range(level):
        value = min(value * factor, float(UNITS_MAX))
    return max(math.floor(value), 1.0)


@kernel
def ladder_lots(lots: int, factor: float, levels: int) -> float:
    """Return the lots of all levels, as a float."""
    total, value = 0.0, float(lots)
    for _ in range(levels):
        total += max(math.floor(value), 1.0)
        value = min(value * factor, float(UNITS_MAX))
    return total


@kernel
def fit_room(lots: int, factor: float, levels: int, room_lots: int) -> int:
    """Return the most lots, up to `lots`, whose whole ladder fits into the room; 0 if none does."""
    if ladder_lots(lots, factor, levels) <= room_lots:
        return lots
    fits, too_many = 0, lots
    for _ in range(BISECTIONS):
        if too_many - fits <= 1:
            break
        middle = (fits + too_many) // 2
        if ladder_lots(middle, factor, levels) <= room_lots:
            fits = middle
        else:
            too_many = middle
    return fits


@kernel
def fit_order(lots: int, factor: float, levels: int, max_order_lots: int) -> int:
    """Return the most lots, up to `lots`, of which no level is larger than an order may be; max_order_lots >= 1."""
    largest = max(factor_at(factor, levels - 1), 1.0)
    return min(lots, int(math.floor(max_order_lots / largest)))
