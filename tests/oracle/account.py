"""Money of semantics 4.6, in integers."""

from __future__ import annotations

from dataclasses import dataclass

from simcore import records as r
from tests.oracle.params import INVERSE, OracleParams

RATE_SCALE = 10**8


def notional_units(p: OracleParams, price: int, lots: int) -> int:
    if p.kind == INVERSE:
        return (lots * p.value_scale + price // 2) // price
    return price * lots * p.value_scale


def round_rate(units: int, rate: int) -> int:
    """Return units × rate, rate in 1e-8, to the nearest unit (a half goes up)."""
    return (units * rate + RATE_SCALE // 2) // RATE_SCALE


def position_value(p: OracleParams, position: int, bid: int, ask: int) -> int:
    """Return the equity of a position at the mid of bid and ask, rounded down."""
    if p.kind == INVERSE:
        return -position * 2 * p.value_scale // (bid + ask)
    return position * (bid + ask) * p.value_scale // 2


@dataclass
class Account:
    """Position in lots, cash, fees and turnover in cash units."""

    p: OracleParams
    position: int = 0
    cash: int = 0
    fees: int = 0
    turnover: int = 0

    def fee(self, price: int, lots: int, liquidity: int) -> int:
        """Return the fee of a fill that is not booked yet."""
        rates = self.p.tiers[0]
        for tier in self.p.tiers:
            if tier[0] <= self.p.initial_turnover_units + self.turnover:
                rates = tier
        rate = rates[1] if liquidity == r.MAKER else rates[2]
        return round_rate(notional_units(self.p, price, lots), rate) + self.p.fee_per_lot_units * lots

    def book_fill(self, side: int, price: int, lots: int, fee: int) -> None:
        notional = notional_units(self.p, price, lots)
        sign = 1 if side == r.BID else -1
        self.position += sign * lots
        self.cash += sign * notional if self.p.kind == INVERSE else -sign * notional
        self.fees += fee
        self.turnover += notional

    def funding_payment(self, mark: int, rate: int) -> int:
        """Return what a funding row takes from the account (negative: what it gives)."""
        payment = round_rate(notional_units(self.p, mark, abs(self.position)), rate)
        return payment if self.position > 0 else -payment

    def equity(self, bid: int, ask: int) -> int:
        value = position_value(self.p, self.position, bid, ask) if self.position else 0
        return self.cash - self.fees + value
