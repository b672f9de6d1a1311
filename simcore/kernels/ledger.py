"""Exact money: notional, cash, fees and equity in integer cash units (docs/semantics.md 4.6)."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.records import BID
from simcore.units import INVERSE, RATE_SCALE


@kernel
def notional(kind: int, scale: int, price: int, lots: int) -> int:
    """Return the value in cash units of lots >= 0 at price > 0; inverse contracts are rounded half up."""
    if kind == INVERSE:
        return (lots * scale + price // 2) // price
    return price * lots * scale


@kernel
def cash_change(kind: int, side: int, value: int) -> int:
    """Return what a trade of this value adds to cash: a purchase costs cash, except of inverse contracts."""
    if (side == BID) == (kind == INVERSE):
        return value
    return -value


@kernel
def proportion(value: int, rate: int) -> int:
    """Return value * rate / 1e8 rounded half up, without overflow; value >= 0, rate in 1e-8, any sign."""
    whole = value // RATE_SCALE
    rest = value - whole * RATE_SCALE
    return whole * rate + (rest * rate + RATE_SCALE // 2) // RATE_SCALE


@kernel
def position_value(kind: int, scale: int, position: int, bid: int, ask: int) -> int:
    """Return the value in cash units of a position at the mid of bid and ask, rounded down."""
    if kind == INVERSE:
        return (-position * 2 * scale) // (bid + ask)
    return (position * (bid + ask) * scale) // 2
