"""Params and memory of the emit stage."""

from __future__ import annotations

from typing import NamedTuple


class EmitParams(NamedTuple):
    """Switches are 1 or 0; of the limits, distances and sizes that may be off, 0 is off.

    use_microprice      quote around the microprice instead of the mid.
    order_lots          lots of the best level; each further one has lots_factor times as many, level_step_ticks away.
    max_order_lots, min_notional    filters of the exchange: lots, and cash, of one order.
    refresh_ms          how long prices stand, times the root of the allocator's weight.
    fast_cancel_bps     farther orders are cancelled at once; beyond cooldown_bps the side then rests for cooldown_ms.
    post_only           0: quotes may take (GTC) while the taker cap leaves room.
    taker_cap           taker fills in an hour; taker_share_max_pct: of all fills in that hour.
    taker_cap_by_regime    the cap follows the volatility: low, mid and high, with the borders regime_*_bps.
    display_lots        what an iceberg shows.
    stop_bps, take_profit_bps    protective orders so far from the entry (docs/pipeline.md).
    max_batch           requests that leave in one message.
    """

    enabled: float = 1.0
    use_microprice: float = 0.0
    order_lots: float = 1.0
    max_order_lots: float = 0.0
    min_notional: float = 0.0
    levels: float = 1.0
    level_step_ticks: float = 1.0
    lots_factor: float = 1.0
    refresh_ms: float = 0.0
    fast_cancel_bps: float = 3.0
    cooldown_bps: float = 10.0
    cooldown_ms: float = 500.0
    post_only: float = 1.0
    taker_cap: float = 50.0
    taker_share_max_pct: float = 10.0
    taker_cap_by_regime: float = 0.0
    taker_cap_low: float = 50.0
    taker_cap_mid: float = 75.0
    taker_cap_high: float = 30.0
    regime_low_bps: float = 10.0
    regime_high_bps: float = 20.0
    returns_min: float = 20.0
    display_lots: float = 0.0
    stop_bps: float = 0.0
    take_profit_bps: float = 0.0
    max_batch: float = 20.0


class EmitMemory(NamedTuple):
    """The last quotes and what they were about; times in ns since the start of the run.

    bid_ticks, ask_ticks    their best prices, 0: none stand.  quoted_ns: since when.  level: of the guards then.
    far_ticks               how far from the mid an order of theirs may be.
    bid_cool_ns, ask_cool_ns    until when a side rests.
    entry_ticks, position_lots    mean mid at which the position was built, and the position at the last tick.
    """

    bid_ticks: float = 0.0
    ask_ticks: float = 0.0
    quoted_ns: float = 0.0
    level: float = 0.0
    far_ticks: float = 0.0
    bid_cool_ns: float = 0.0
    ask_cool_ns: float = 0.0
    entry_ticks: float = 0.0
    position_lots: float = 0.0
