"""Stage Spread: a base spread, widened by volatility, a thin book, slow answers and losses."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext, SpreadDecision, with_spread

BPS = 1e-4
NS_PER_MS = 1e6
NS_PER_S = 1e9
VOL_FACTOR, LIQ_FACTOR, LAT_FACTOR, PNL_FACTOR = 1.5, 1.0, 0.8, 1.2  # bps that a full score of weight 1 adds


class SpreadParams(NamedTuple):
    """Spreads in bps of the mid, from bid to ask. A score is 0 at its soft point, 1 at its hard point, linear between.

    base_bps           spread while all scores are 0.
    min_bps            never narrower.
    max_bps            never wider.
    vol_weight         weight of volatility; at score 1 it adds 1.5 x the weight, bps.
    liq_weight         weight of a thin book; adds up to 1.0 x the weight.
    lat_weight         weight of slow answers; adds up to 0.8 x the weight.
    pnl_weight         weight of losses; adds up to 1.2 x the weight.
    clamp_step_bps     largest change from one decision to the next.
    cooloff_ms         how long a changed spread stays.
    vol_window_s       window of the EMA of |mid change| a tick.
    vol_soft_bps       EMA of |mid change| a tick at score 0.
    vol_hard_bps       EMA of |mid change| a tick at score 1.
    depth_soft_lots    mean lots of the best node.depth_levels levels at score 0.
    depth_hard_lots    mean lots of the best node.depth_levels levels at score 1.
    lat_soft_ms        95th percentile of our latencies at score 0.
    lat_hard_ms        95th percentile of our latencies at score 1.
    latencies_min      with fewer latencies their score is 0.
    pnl_soft           mean change of equity a tick, cash, at score 0.
    pnl_hard           mean change of equity a tick, cash, at score 1.
    pnl_samples_min    with fewer changes of equity their score is 0.
    """

    enabled: float = 1.0
    base_bps: float = 1.0
    min_bps: float = 0.6
    max_bps: float = 2.5
    vol_weight: float = 0.6
    liq_weight: float = 0.4
    lat_weight: float = 0.3
    pnl_weight: float = 0.3
    clamp_step_bps: float = 0.2
    cooloff_ms: float = 200.0
    vol_window_s: float = 60.0
    vol_soft_bps: float = 0.5
    vol_hard_bps: float = 5.0
    depth_soft_lots: float = 10.0
    depth_hard_lots: float = 1.0
    lat_soft_ms: float = 150.0
    lat_hard_ms: float = 400.0
    latencies_min: float = 5.0
    pnl_soft: float = 0.0
    pnl_hard: float = -10.0
    pnl_samples_min: float = 10.0


class SpreadMemory(NamedTuple):
    """decided: 1 after the first decision; changed_ns: when the spread last changed, since the start of the run."""

    decided: float = 0.0
    spread_bps: float = 0.0
    changed_ns: float = 0.0
    last_mid_ticks: float = 0.0
    last_ns: float = 0.0
    volatility_bps: float = 0.0


@kernel
def adaptive(context: QuoteContext, params: SpreadParams, memory: SpreadMemory) -> tuple[QuoteContext, SpreadMemory]:
    """Decide the spread: base + factors x weights x scores, within [min, max], held in the cool-off, changed step by step."""
    if context.fetch.wait_ns > 0:
        return context, memory
    if not 0.0 <= params.min_bps <= params.max_bps:
        raise ValueError("the limits of the spread are not 0 <= min_bps <= max_bps")
    now, mid = float(context.market.elapsed_ns), context.market.mid_ticks
    volatility = mean_move_bps(params, memory, now, mid)
    depth = 0.5 * (context.market.bid_depth_lots + context.market.ask_depth_lots)
    signals = context.signals
    vol = score(volatility, params.vol_soft_bps, params.vol_hard_bps)
    liq = score(depth, params.depth_soft_lots, params.depth_hard_lots)
    lat = score(signals.latency_p95_ms, params.lat_soft_ms, params.lat_hard_ms) if signals.latencies >= params.latencies_min else 0.0
    pnl = score(signals.pnl_mean, params.pnl_soft, params.pnl_hard) if signals.pnl_samples >= params.pnl_samples_min else 0.0
    wanted = (
        params.base_bps + VOL_FACTOR * params.vol_weight * vol + LIQ_FACTOR * params.liq_weight * liq
        + LAT_FACTOR * params.lat_weight * lat + PNL_FACTOR * params.pnl_weight * pnl
    )  # fmt: skip
    held = memory.decided == 1.0 and now - memory.changed_ns < params.cooloff_ms * NS_PER_MS
    spread = min(max(wanted, params.min_bps), params.max_bps)
    if held:
        spread = memory.spread_bps
    elif memory.decided == 1.0:
        step = max(params.clamp_step_bps, 0.0)
        spread = min(max(spread, memory.spread_bps - step), memory.spread_bps + step)
    changed = now if memory.decided == 0.0 or spread != memory.spread_bps else memory.changed_ns
    decision = SpreadDecision(0.5 * spread * BPS * mid, volatility, spread, vol, liq, lat, pnl, 1 if held else 0)
    return with_spread(context, decision), SpreadMemory(1.0, spread, changed, mid, now, volatility)


@kernel
def score(value: float, soft: float, hard: float) -> float:
    """Return 0 at soft or before it, 1 at hard or beyond it, linear between; hard may be the smaller of the two."""
    if soft == hard:
        raise ValueError("the soft and the hard point of a score are the same")
    return min(max((value - soft) / (hard - soft), 0.0), 1.0)


@kernel
def mean_move_bps(params: SpreadParams, memory: SpreadMemory, now: float, mid: float) -> float:
    """Return the EMA of |mid change| a tick in bps, from 0 on; alpha = 2 / (n + 1), n = ticks of the last length in the window."""
    passed = now - memory.last_ns
    if memory.last_mid_ticks <= 0.0 or passed <= 0.0:
        return memory.volatility_bps
    move_bps = abs(mid - memory.last_mid_ticks) / memory.last_mid_ticks / BPS
    alpha = min(2.0 / (max(params.vol_window_s, 0.0) * NS_PER_S / passed + 1.0), 1.0)
    return memory.volatility_bps + alpha * (move_bps - memory.volatility_bps)
