"""Limits on requests and on the values of orders, semantics 4.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from simcore import records as r
from tests.oracle.account import notional_units
from tests.oracle.params import OracleParams


class RateLimits:
    """Windows of exchange time that each hold, and bans."""

    def __init__(self, limits: Sequence[tuple[int, int, int]]) -> None:
        self.limits = limits
        self.times: list[int] = []  # of all requests so far
        self.banned_until = 0

    def refuse(self, now: int) -> bool:
        """Count a request; return whether it is refused."""
        self.times.append(now)
        broken = []
        for allowed, window_ns, penalty_ns in self.limits:
            start = now // window_ns * window_ns
            if sum(1 for time in self.times if time >= start) > allowed:
                broken.append(penalty_ns)
        if now < self.banned_until:
            return True
        if broken:
            self.banned_until = now + max(broken)
        return bool(broken)


class Values(Protocol):
    """What an order is made of."""

    tif: int
    trigger: int
    display: int
    reduce_only: bool


MARKET_TYPES = (r.MARKET, r.STOP_MARKET, r.TAKE_PROFIT_MARKET)
CONDITIONAL = (r.STOP_MARKET, r.STOP_LIMIT, r.TAKE_PROFIT_MARKET, r.TAKE_PROFIT_LIMIT)


def value_refusal(p: OracleParams, order: Values, price: int, qty: int, value_price: int | None, mid2: int | None) -> int:
    """Return the first reason of an order's own values to refuse it, else 0.

    value_price: what the order is valued at, None if unknown. mid2: the sum of the exchange's best prices, None without both.
    """
    if order.display and order.tif not in (r.GTC, r.POST_ONLY):
        return r.NOT_SUPPORTED
    if qty <= 0 or order.display < 0:
        return r.OFF_GRID
    if (price <= 0 and order.tif not in MARKET_TYPES) or (order.trigger <= 0 and order.tif in CONDITIONAL):
        return r.OFF_GRID
    if qty < p.min_lots:
        return r.MIN_QTY
    if p.max_order_lots and qty > p.max_order_lots:
        return r.MAX_QTY
    has_band = order.tif not in MARKET_TYPES and order.tif not in CONDITIONAL
    if has_band and mid2 is not None and beyond_band(p, price, mid2):
        return r.PRICE_BAND
    if not order.reduce_only and value_price is not None and notional_units(p, value_price, qty) < p.min_notional_units:
        return r.MIN_NOTIONAL
    return 0


def beyond_band(p: OracleParams, price: int, mid2: int) -> bool:
    """Whether a price is farther from the mid (mid2: twice it) than the band, which is rounded to half ticks."""
    return p.price_band > 0 and abs(2 * price - mid2) > (mid2 * p.price_band + 5 * 10**7) // 10**8
