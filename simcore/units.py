"""Ticks, lots, nanoseconds, basis points and money sub-units: the only conversions.

Prices are integer ticks, quantities integer lots, times integer nanoseconds since the Unix epoch,
money integer *cash units* (see `cash_scale`). Floats appear at the edges only.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import NewType

Ticks = NewType("Ticks", int)
Lots = NewType("Lots", int)
Ns = NewType("Ns", int)

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
BPS = 1e-4
RATE_SCALE = 100_000_000  # fee and funding rates are integers in 1e-8, so 1 bps is 10_000

LINEAR = 0
INVERSE = 1
SPOT = 2
KIND_NAMES = ("linear", "inverse", "spot")

_LINEAR_UNIT = Decimal("1e-8")  # finest cash unit of linear and spot instruments, in quote currency
_INVERSE_UNIT = Decimal("1e-10")  # cash unit of inverse instruments, in base coin


@dataclass(frozen=True)
class CashScale:
    """How notional becomes integer cash units.

    value_scale  linear and spot: units = price_ticks * qty_lots * value_scale.
                 inverse: units = round_half_up(qty_lots * value_scale / price_ticks).
    unit         size of one cash unit, in quote currency (inverse: in base coin).
    """

    value_scale: int
    unit: Decimal


def cash_scale(kind: int, tick_size: Decimal, lot_size: Decimal, contract_size: Decimal) -> CashScale:
    """Return the cash scale of an instrument.

    Linear and spot: the value of one tick times one lot is made a whole number of units; the unit is
    1e-8 of the quote currency where that divides it, else finer. Inverse: unit 1e-10 coin.
    int64 holds 9.2e10 quote currency (9.2e8 coins) at these units.
    """
    if kind == INVERSE:
        scale = contract_size * lot_size / tick_size / _INVERSE_UNIT
        whole = scale.to_integral_value()
        if whole != scale or whole <= 0:
            raise ValueError(f"inverse contract {contract_size} × lot {lot_size} / tick {tick_size} is not a multiple of {_INVERSE_UNIT}")
        return CashScale(int(whole), _INVERSE_UNIT)
    tick_lot = tick_size * lot_size * contract_size
    unit = _LINEAR_UNIT
    while (tick_lot / unit) != (tick_lot / unit).to_integral_value():
        unit /= 10
    return CashScale(int(tick_lot / unit), unit)


def to_decimal(text: str | float | Decimal) -> Decimal:
    """Parse a decimal exactly; floats go through their shortest repr. ValueError if not finite."""
    try:
        value = text if isinstance(text, Decimal) else Decimal(str(text))
    except InvalidOperation as exc:
        raise ValueError(f"not a number: {text!r}") from exc
    if not value.is_finite():
        raise ValueError(f"not a finite number: {text!r}")
    return value


def rate_units(rate: str | float | Decimal) -> int:
    """Convert a rate (0.0002 is 2 bps; negative is a rebate) to 1e-8 integers, exactly."""
    scaled = to_decimal(rate) * RATE_SCALE
    if scaled != scaled.to_integral_value():
        raise ValueError(f"rate {rate} is finer than 1e-8")
    return int(scaled)
