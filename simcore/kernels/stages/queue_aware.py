"""Stage QueueAware: where our orders stand in the queue, and whether to move them towards the best price.

A nudge belongs to the orders of a side: it stays, and grows up to its limit, until that side has no live order.
Were it dropped as soon as the place in the queue is better, the order would go back, and lose the place.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QueueAdjustment, QuoteContext, with_nudge
from simcore.kernels.stages.cooling import cool_until_ns

BPS = 1e-4
NS_PER_MS = 1e6
ETA_MS_MAX = 3_600_000.0  # an hour, also said where nothing leaves the queue


class NudgeParams(NamedTuple):
    """join_threshold_pct: a worse percentile is nudged; max_reprice_bps: largest sum of nudges; headroom_ms: between nudges.

    cooldown_bps, cooldown_ms    as in the emit stage: no nudges while a side cools down.
    """

    enabled: float = 1.0
    join_threshold_pct: float = 30.0
    headroom_ms: float = 150.0
    max_reprice_bps: float = 0.5
    cooldown_bps: float = 10.0
    cooldown_ms: float = 500.0


class NudgeMemory(NamedTuple):
    """Nudges in force in ticks, when they last grew, and until when a side cools down (ns since the start of the run).

    nudged_ticks: ticks of the pipeline at which a nudge was in force.
    """

    bid_nudge_ticks: float = 0.0
    ask_nudge_ticks: float = 0.0
    bid_nudged_ns: float = -1e18
    ask_nudged_ns: float = -1e18
    bid_cool_ns: float = 0.0
    ask_cool_ns: float = 0.0
    nudged_ticks: float = 0.0


@kernel
def nudge(context: QuoteContext, params: NudgeParams, memory: NudgeMemory) -> tuple[QuoteContext, NudgeMemory]:
    """Measure percentile and ETA of our best orders, and nudge those that stand too far back."""
    if context.fetch.wait_ns > 0:
        return context, memory
    market, queue, now = context.market, context.queue, float(context.market.elapsed_ns)
    mid = market.mid_ticks
    far = params.cooldown_bps * BPS * mid
    bid_cool = cool_until_ns(memory.bid_cool_ns, now, queue.worst_bid_ticks, mid, far, params.cooldown_ms)
    ask_cool = cool_until_ns(memory.ask_cool_ns, now, queue.worst_ask_ticks, mid, far, params.cooldown_ms)
    bid_pct = percentile(queue.bid_ticks, queue.bid_better_lots + queue.bid_ahead_lots, queue.bid_top_lots)
    ask_pct = percentile(queue.ask_ticks, queue.ask_better_lots + queue.ask_ahead_lots, queue.ask_top_lots)
    # How far our best order may still go: neither past the best price nor past fair value.
    bid_way = min(float(market.bid_ticks), min(mid, market.microprice_ticks)) - queue.bid_ticks
    ask_way = queue.ask_ticks - max(float(market.ask_ticks), max(mid, market.microprice_ticks))
    bid = _nudged(params, memory.bid_nudge_ticks, memory.bid_nudged_ns, now, mid, queue.bid_ticks, bid_pct, bid_way, bid_cool)
    ask = _nudged(params, memory.ask_nudge_ticks, memory.ask_nudged_ns, now, mid, queue.ask_ticks, ask_pct, ask_way, ask_cool)
    decision = QueueAdjustment(
        bid_pct, ask_pct, eta_ms(queue.bid_ticks, queue.bid_ahead_lots, queue.bid_absorb_lots),
        eta_ms(queue.ask_ticks, queue.ask_ahead_lots, queue.ask_absorb_lots), bid, ask,
    )  # fmt: skip
    bid_ns = now if bid > memory.bid_nudge_ticks else memory.bid_nudged_ns
    ask_ns = now if ask > memory.ask_nudge_ticks else memory.ask_nudged_ns
    nudged = memory.nudged_ticks + (1.0 if bid > 0.0 or ask > 0.0 else 0.0)
    return with_nudge(context, decision), NudgeMemory(bid, ask, bid_ns, ask_ns, bid_cool, ask_cool, nudged)


@kernel
def percentile(order_ticks: int, ahead_lots: float, top_lots: float) -> float:
    """Return what is ahead of our best order, at its price and better ones, in percent of the side's top: 0 to 100."""
    if order_ticks <= 0 or ahead_lots <= 0.0:
        return 0.0
    if top_lots <= 0.0:
        return 100.0
    return min(100.0 * ahead_lots / top_lots, 100.0)


@kernel
def eta_ms(order_ticks: int, ahead_lots: float, absorb_lots: float) -> float:
    """Return the time until the queue ahead is gone at its present rate (lots a second), at most an hour."""
    if order_ticks <= 0 or ahead_lots <= 0.0:
        return 0.0
    if absorb_lots <= 0.0:
        return ETA_MS_MAX
    return min(1e3 * ahead_lots / absorb_lots, ETA_MS_MAX)


@kernel
def _nudged(
    params: NudgeParams, had_ticks: float, nudged_ns: float, now: float, mid: float, order_ticks: int, percent: float,
    way_ticks: float, cool_ns: float,
) -> float:  # fmt: skip
    """Return a side's nudge in ticks: what it was, more, or 0 without an order or in the cool-down."""
    if order_ticks <= 0 or now < cool_ns:
        return 0.0
    most = max(params.max_reprice_bps, 0.0) * BPS * mid
    is_due = percent > params.join_threshold_pct and way_ticks > 0.0 and now - nudged_ns >= params.headroom_ms * NS_PER_MS
    return min(had_ticks + way_ticks if is_due else had_ticks, most)
