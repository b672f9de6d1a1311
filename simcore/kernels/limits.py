"""What the Venue refuses because of its rules: rate limits, filters of price and size, margin (docs/semantics.md 4.1)."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import account, at, ledger, taking, triggers
from simcore.kernels.book import BEST_ASK, BEST_BID, NO_ASK, NO_BID
from simcore.kernels.state import (
    BAN_END,
    MAX_RATES,
    ORIGIN,
    P_BALANCE,
    P_KIND,
    P_LEVERAGE,
    P_MAX_ORDER,
    P_MIN_NOTIONAL,
    P_MIN_QTY,
    P_PRICE_BAND,
    P_RATE,
    P_SCALE,
    State,
)
from simcore.records import (
    ASK,
    BID,
    GTC,
    MARKET,
    MAX_QTY,
    MIN_NOTIONAL,
    MIN_QTY,
    NOT_SUPPORTED,
    OFF_GRID,
    POST_ONLY,
    PRICE_BAND,
)


@kernel
def is_over_rate(state: State, lane: int, now_ns: int) -> bool:
    """Count a request in every window; return whether it is over one, or comes during a ban."""
    ints = at.ints(state)[lane]
    if ints[P_RATE] == 0:
        return False
    counts = at.rates(state)[lane]
    is_over = False
    penalty_ns = 0
    for i in range(MAX_RATES):
        allowed = ints[P_RATE + 3 * i]
        if allowed == 0:
            break
        window = (now_ns + at.clock(state)[ORIGIN]) // ints[P_RATE + 3 * i + 1]
        if window != counts[2 * i]:
            counts[2 * i] = window
            counts[2 * i + 1] = 0
        counts[2 * i + 1] += 1
        if counts[2 * i + 1] > allowed:
            is_over = True
            penalty_ns = max(penalty_ns, ints[P_RATE + 3 * i + 2])
    if now_ns < counts[BAN_END]:
        return True
    if is_over:
        counts[BAN_END] = now_ns + penalty_ns
    return is_over


@kernel
def refusal(
    state: State, lane: int, side: int, tif: int, price: int, lots: int, trigger: int, display: int, reduce_only: int
) -> int:  # fmt: skip
    """Return the first reason of the order's own values to refuse it, 0 if none."""
    ints = at.ints(state)[lane]
    if display != 0 and tif != GTC and tif != POST_ONLY:
        return NOT_SUPPORTED
    conditional = triggers.is_conditional(tif)
    at_market = tif == MARKET or triggers.is_at_market(tif)
    if lots <= 0 or (price <= 0 and not at_market) or (trigger <= 0 and conditional) or display < 0:
        return OFF_GRID
    if lots < ints[P_MIN_QTY]:
        return MIN_QTY
    if ints[P_MAX_ORDER] > 0 and lots > ints[P_MAX_ORDER]:
        return MAX_QTY
    if not at_market and not conditional and is_out_of_band(state, lane, price):
        return PRICE_BAND
    if ints[P_MIN_NOTIONAL] > 0 and reduce_only == 0:
        if conditional and at_market:
            price = trigger
        elif at_market:
            price = taking.best_opposite(state, lane, side)
        if price != NO_BID and price != NO_ASK:
            if ledger.notional(ints[P_KIND], ints[P_SCALE], price, lots) < ints[P_MIN_NOTIONAL]:
                return MIN_NOTIONAL
    return 0


@kernel
def is_out_of_band(state: State, lane: int, price: int) -> bool:
    """Return whether a limit price is farther from the exchange mid than the price band; never without a mid."""
    band = at.ints(state)[lane, P_PRICE_BAND]
    bid = at.meta(state.exch)[BEST_BID]
    ask = at.meta(state.exch)[BEST_ASK]
    if band == 0 or bid == NO_BID or ask == NO_ASK:
        return False
    return abs(2 * price - bid - ask) > ledger.proportion(bid + ask, band)


@kernel
def is_over_margin(state: State, lane: int, side: int, tif: int, price: int, lots: int) -> bool:
    """Return whether lots more on a side could make a position of more value than leverage times equity."""
    ints = at.ints(state)[lane]
    if ints[P_BALANCE] <= 0:
        return False
    if tif == MARKET:
        price = taking.best_opposite(state, lane, side)
        if price == NO_BID or price == NO_ASK:
            return False
    record = at.lanes(state)[lane]
    buys = record.open_buy_lots + (lots if side == BID else 0)
    sells = record.open_sell_lots + (lots if side == ASK else 0)
    worst = max(abs(record.position_lots + buys), abs(record.position_lots - sells))
    if worst <= abs(record.position_lots):
        return False
    value = ledger.notional(ints[P_KIND], ints[P_SCALE], price, worst)
    return value > ints[P_LEVERAGE] * account.equity_units(state, lane, price)
