"""Stage Spread: a base spread, widened by volatility, a thin book, slow answers and losses."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext, Signals, SpreadDecision, with_spread
from simcore.kernels.stages.usual import Usual, deviations, learn

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
    soft_z             at score 0: deviations from what is usual for the instrument; a loss: times the usual size.
    hard_z             at score 1: the same.
    history_s          how far back "usual" reaches.
    warmup_s           a score is 0 until its signal has been watched for so long.
    latencies_min      with fewer latencies their score is 0.
    pnl_samples_min    with fewer changes of equity their score is 0.
    absolute_points    1: the points below count instead of soft_z and hard_z.
    vol_soft_bps       EMA of |mid change| a tick at score 0.
    vol_hard_bps       EMA of |mid change| a tick at score 1.
    depth_soft_lots    mean lots of the best node.depth_levels levels at score 0.
    depth_hard_lots    mean lots of the best node.depth_levels levels at score 1.
    lat_soft_ms        95th percentile of our latencies at score 0.
    lat_hard_ms        95th percentile of our latencies at score 1.
    pnl_soft           mean change of equity a tick, cash, at score 0.
    pnl_hard           mean change of equity a tick, cash, at score 1.
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
    soft_z: float = 0.5
    hard_z: float = 3.0
    history_s: float = 600.0
    warmup_s: float = 30.0
    latencies_min: float = 5.0
    pnl_samples_min: float = 10.0
    absolute_points: float = 0.0
    vol_soft_bps: float = 0.5
    vol_hard_bps: float = 5.0
    depth_soft_lots: float = 10.0
    depth_hard_lots: float = 1.0
    lat_soft_ms: float = 150.0
    lat_hard_ms: float = 400.0
    pnl_soft: float = 0.0
    pnl_hard: float = -10.0


class SpreadMemory(NamedTuple):
    """decided: 1 after the first decision; changed_ns: when the spread last changed, since the start of the run.

    volatility_bps rests on `moves` changes of the mid. What is usual: of volatility, of depth, of our latency, and of
    the size of gains and losses. *_ticks: ticks at which a weight has widened the spread that was wanted.
    """

    decided: float = 0.0
    spread_bps: float = 0.0
    changed_ns: float = 0.0
    last_mid_ticks: float = 0.0
    last_ns: float = 0.0
    volatility_bps: float = 0.0
    moves: float = 0.0
    usual_vol: Usual = Usual()
    usual_depth: Usual = Usual()
    usual_latency: Usual = Usual()
    usual_pnl: Usual = Usual()
    vol_ticks: float = 0.0
    liq_ticks: float = 0.0
    lat_ticks: float = 0.0
    pnl_ticks: float = 0.0


class Scores(NamedTuple):
    """The four scores, 0 to 1."""

    vol: float
    liq: float
    lat: float
    pnl: float


@kernel
def adaptive(context: QuoteContext, params: SpreadParams, memory: SpreadMemory) -> tuple[QuoteContext, SpreadMemory]:
    """Decide the spread: base + factors x weights x scores, within [min, max], held in the cool-off, changed step by step."""
    if context.fetch.wait_ns > 0:
        return context, memory
    if not 0.0 <= params.min_bps <= params.max_bps:
        raise ValueError("the limits of the spread are not 0 <= min_bps <= max_bps")
    now, mid = float(context.market.elapsed_ns), context.market.mid_ticks
    memory = watched(params, memory, now, context)
    scores = absolute_scores(params, memory, context) if params.absolute_points != 0.0 else usual_scores(params, memory, context)
    wanted = (
        params.base_bps + VOL_FACTOR * params.vol_weight * scores.vol + LIQ_FACTOR * params.liq_weight * scores.liq
        + LAT_FACTOR * params.lat_weight * scores.lat + PNL_FACTOR * params.pnl_weight * scores.pnl
    )  # fmt: skip
    held = memory.decided == 1.0 and now - memory.changed_ns < params.cooloff_ms * NS_PER_MS
    spread = min(max(wanted, params.min_bps), params.max_bps)
    if held:
        spread = memory.spread_bps
    elif memory.decided == 1.0:
        step = max(params.clamp_step_bps, 0.0)
        spread = min(max(spread, memory.spread_bps - step), memory.spread_bps + step)
    changed = now if memory.decided == 0.0 or spread != memory.spread_bps else memory.changed_ns
    decision = SpreadDecision(
        0.5 * spread * BPS * mid, memory.volatility_bps, spread, scores.vol, scores.liq, scores.lat, scores.pnl, 1 if held else 0
    )
    return with_spread(context, decision), SpreadMemory(
        1.0, spread, changed, memory.last_mid_ticks, memory.last_ns, memory.volatility_bps, memory.moves,
        memory.usual_vol, memory.usual_depth, memory.usual_latency, memory.usual_pnl,
        memory.vol_ticks + acts(params.vol_weight, scores.vol), memory.liq_ticks + acts(params.liq_weight, scores.liq),
        memory.lat_ticks + acts(params.lat_weight, scores.lat), memory.pnl_ticks + acts(params.pnl_weight, scores.pnl),
    )  # fmt: skip


@kernel
def watched(params: SpreadParams, memory: SpreadMemory, now: float, context: QuoteContext) -> SpreadMemory:
    """Return the memory with this tick's signals in it; only the volatility's if the points are absolute."""
    mid, signals = context.market.mid_ticks, context.signals
    passed = now - memory.last_ns if memory.last_mid_ticks > 0.0 else 0.0
    volatility, moves = mean_move_bps(params, memory, passed, mid)
    vol, depth, latency, pnl = memory.usual_vol, memory.usual_depth, memory.usual_latency, memory.usual_pnl
    if params.absolute_points == 0.0:
        history = max(params.history_s, 0.0) * NS_PER_S
        vol = learn(vol, volatility, passed, history)
        depth = learn(depth, depth_lots(context), passed, history)
        if signals.latencies >= params.latencies_min:
            latency = learn(latency, signals.latency_p95_ms, passed, history)
        if has_pnl(params, signals) and signals.pnl_mean != 0.0:  # without a position nothing is said about losses
            pnl = learn(pnl, abs(signals.pnl_mean), passed, history)
    return SpreadMemory(
        memory.decided, memory.spread_bps, memory.changed_ns, mid, now, volatility, moves, vol, depth, latency, pnl,
        memory.vol_ticks, memory.liq_ticks, memory.lat_ticks, memory.pnl_ticks,
    )  # fmt: skip


@kernel
def usual_scores(params: SpreadParams, memory: SpreadMemory, context: QuoteContext) -> Scores:
    """Return the scores in units of what is usual for the instrument; a loss in units of the usual size of gains and losses."""
    signals, warmup = context.signals, max(params.warmup_s, 0.0) * NS_PER_S
    lat, pnl = 0.0, 0.0
    if signals.latencies >= params.latencies_min:
        lat = deviations(memory.usual_latency, signals.latency_p95_ms, warmup)
    usual = memory.usual_pnl
    if has_pnl(params, signals) and usual.learned_ns >= warmup and usual.level > 0.0:
        pnl = -signals.pnl_mean / usual.level
    soft, hard = params.soft_z, params.hard_z
    return Scores(
        score(deviations(memory.usual_vol, memory.volatility_bps, warmup), soft, hard),
        score(-deviations(memory.usual_depth, depth_lots(context), warmup), soft, hard),
        score(lat, soft, hard), score(pnl, soft, hard),
    )  # fmt: skip


@kernel
def absolute_scores(params: SpreadParams, memory: SpreadMemory, context: QuoteContext) -> Scores:
    """Return the scores between the soft and hard points of the four signals themselves."""
    signals = context.signals
    lat, pnl = 0.0, 0.0
    if signals.latencies >= params.latencies_min:
        lat = score(signals.latency_p95_ms, params.lat_soft_ms, params.lat_hard_ms)
    if has_pnl(params, signals):
        pnl = score(signals.pnl_mean, params.pnl_soft, params.pnl_hard)
    return Scores(
        score(memory.volatility_bps, params.vol_soft_bps, params.vol_hard_bps),
        score(depth_lots(context), params.depth_soft_lots, params.depth_hard_lots), lat, pnl,
    )  # fmt: skip


@kernel
def acts(weight: float, score: float) -> float:
    """Return 1 if a score has widened the spread, else 0."""
    return 1.0 if weight != 0.0 and score > 0.0 else 0.0


@kernel
def depth_lots(context: QuoteContext) -> float:
    """Return the mean lots of the best node.depth_levels levels of both sides."""
    return 0.5 * (context.market.bid_depth_lots + context.market.ask_depth_lots)


@kernel
def has_pnl(params: SpreadParams, signals: Signals) -> bool:
    """Return whether enough changes of equity are known."""
    return signals.pnl_samples >= params.pnl_samples_min


@kernel
def score(value: float, soft: float, hard: float) -> float:
    """Return 0 at soft or before it, 1 at hard or beyond it, linear between; hard may be the smaller of the two."""
    if soft == hard:
        raise ValueError("the soft and the hard point of a score are the same")
    return min(max((value - soft) / (hard - soft), 0.0), 1.0)


@kernel
def mean_move_bps(params: SpreadParams, memory: SpreadMemory, passed: float, mid: float) -> tuple[float, float]:
    """Return the EMA of |mid change| a tick in bps, and how many changes it rests on.

    alpha = 2 / (n + 1), n = ticks of the last length in the window; the first changes weigh alike, so that it need not
    climb from 0.
    """
    if passed <= 0.0:
        return memory.volatility_bps, memory.moves
    move_bps = abs(mid - memory.last_mid_ticks) / memory.last_mid_ticks / BPS
    moves = memory.moves + 1.0
    alpha = min(max(2.0 / (max(params.vol_window_s, 0.0) * NS_PER_S / passed + 1.0), 1.0 / moves), 1.0)
    return memory.volatility_bps + alpha * (move_bps - memory.volatility_bps), moves
