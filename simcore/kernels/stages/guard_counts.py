"""What the guards remember, and how often each reason has held, in ticks."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.reasons import (
    BAD_BOOK,
    FEED_GAP,
    HALTED,
    INVENTORY,
    KILL_SWITCH,
    LATENCY,
    LOSS_CAP,
    OPEN_NOTIONAL,
    OPEN_ORDERS,
    PNL,
    RATE_PRESSURE,
    STALE_BOOK,
    TAKER_FILLS,
    TURNOVER_CAP,
    VENUE_OUTAGE,
    VOLATILITY,
)


class GuardState(NamedTuple):
    """Times in ns since the start of the run; -1 is no time.

    day                      UTC day of loss_reached and turnover_reached (1: the cap was reached in it).
    latency_served_ms, inventory_served_pct    the value that a halt was served for, 0 if none stands.
    gaps, rewinds            the feed's counts at the last tick; invalid_ns: since when the view is invalid.
    """

    halt_until_ns: float = 0.0
    day: float = -1.0
    loss_reached: float = 0.0
    turnover_reached: float = 0.0
    latency_served_ms: float = 0.0
    inventory_served_pct: float = 0.0
    gaps: float = 0.0
    rewinds: float = 0.0
    invalid_ns: float = -1.0


class GuardMemory(NamedTuple):
    """What the guards go by, and soft_*, hard_*: ticks at which a reason held."""

    state: GuardState = GuardState()
    soft_volatility: float = 0.0
    soft_latency: float = 0.0
    soft_pnl: float = 0.0
    soft_inventory: float = 0.0
    soft_taker_fills: float = 0.0
    soft_stale_book: float = 0.0
    soft_feed_gap: float = 0.0
    soft_rate_pressure: float = 0.0
    soft_venue_outage: float = 0.0
    hard_volatility: float = 0.0
    hard_latency: float = 0.0
    hard_pnl: float = 0.0
    hard_inventory: float = 0.0
    hard_taker_fills: float = 0.0
    hard_stale_book: float = 0.0
    hard_feed_gap: float = 0.0
    hard_rate_pressure: float = 0.0
    hard_venue_outage: float = 0.0
    hard_bad_book: float = 0.0
    hard_kill_switch: float = 0.0
    hard_loss_cap: float = 0.0
    hard_turnover_cap: float = 0.0
    hard_open_orders: float = 0.0
    hard_open_notional: float = 0.0
    hard_halted: float = 0.0


@kernel
def counted(state: GuardState, had: GuardMemory, soft: int, hard: int) -> GuardMemory:
    """Return the memory with a new state, the counts of `had`, and one more for each reason that holds."""
    return GuardMemory(
        state,
        had.soft_volatility + _one(soft, VOLATILITY),
        had.soft_latency + _one(soft, LATENCY),
        had.soft_pnl + _one(soft, PNL),
        had.soft_inventory + _one(soft, INVENTORY),
        had.soft_taker_fills + _one(soft, TAKER_FILLS),
        had.soft_stale_book + _one(soft, STALE_BOOK),
        had.soft_feed_gap + _one(soft, FEED_GAP),
        had.soft_rate_pressure + _one(soft, RATE_PRESSURE),
        had.soft_venue_outage + _one(soft, VENUE_OUTAGE),
        had.hard_volatility + _one(hard, VOLATILITY),
        had.hard_latency + _one(hard, LATENCY),
        had.hard_pnl + _one(hard, PNL),
        had.hard_inventory + _one(hard, INVENTORY),
        had.hard_taker_fills + _one(hard, TAKER_FILLS),
        had.hard_stale_book + _one(hard, STALE_BOOK),
        had.hard_feed_gap + _one(hard, FEED_GAP),
        had.hard_rate_pressure + _one(hard, RATE_PRESSURE),
        had.hard_venue_outage + _one(hard, VENUE_OUTAGE),
        had.hard_bad_book + _one(hard, BAD_BOOK),
        had.hard_kill_switch + _one(hard, KILL_SWITCH),
        had.hard_loss_cap + _one(hard, LOSS_CAP),
        had.hard_turnover_cap + _one(hard, TURNOVER_CAP),
        had.hard_open_orders + _one(hard, OPEN_ORDERS),
        had.hard_open_notional + _one(hard, OPEN_NOTIONAL),
        had.hard_halted + _one(hard, HALTED),
    )  # fmt: skip


@kernel
def _one(bits: int, reason: int) -> float:
    return 1.0 if bits & reason != 0 else 0.0
