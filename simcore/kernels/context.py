"""What the stages of a strategy see and decide at a tick: immutable values, handed from stage to stage."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.records import POST_ONLY, UNITS_MAX

LEVELS_MAX = 256  # as many orders as a lane may have

GUARD_NONE, GUARD_SOFT, GUARD_HARD = range(3)


class MarketView(NamedTuple):
    """The local book at a tick. elapsed_ns counts from the start of the run; now_ns from the Unix epoch.

    Prices in ticks, sizes in lots; mid and microprice are in ticks, as floats.
    lot_value           cash (quote currency; inverse: base coin) that one lot is worth at the mid.
    bid/ask_depth_lots  mean lots of the best node.depth_levels levels of a side.
    book_age_ns         since the last row of the feed.
    gaps, rewinds       rows that were missing, and times that the exchange's clock went back, so far in the run.
    """

    now_ns: int
    elapsed_ns: int
    bid_ticks: int
    ask_ticks: int
    bid_lots: int
    ask_lots: int
    mid_ticks: float
    microprice_ticks: float
    lot_value: float
    bid_depth_lots: float
    ask_depth_lots: float
    book_age_ns: int
    gaps: int
    rewinds: int


class Signals(NamedTuple):
    """What the Node has measured of the market and of itself (`simcore.kernels.signals`).

    return_std_bps    standard deviation of the last 20 log returns of the mid from tick to tick; returns: how many there are.
    latency_p95_ms    95th percentile of the last 100 times from request to answer; latencies: how many there are.
    pnl_mean          mean change of equity from tick to tick, last 60, cash; pnl_samples: how many there are.
    pnl_day           change of equity since 00:00 UTC or the start, cash; turnover_day likewise.
    fills_1h, taker_fills_1h, taker_fills_15m    in steps of 10 s, never less than the exact window holds.
    requests_10s      requests sent in the last 10 to 11 s.
    waiting_ns        age of the oldest request that has no answer.
    open_orders, open_lots    live orders of both sides and what they have left.
    """

    return_std_bps: float
    returns: int
    latency_p95_ms: float
    latencies: int
    pnl_mean: float
    pnl_samples: int
    pnl_day: float
    turnover_day: float
    fills_1h: int
    taker_fills_1h: int
    taker_fills_15m: int
    requests_10s: int
    waiting_ns: int
    open_orders: int
    open_lots: int


class OwnQueue(NamedTuple):
    """Where our orders stand. bid/ask_ticks: best live order, 0 if none; worst_*: the one farthest from the market.

    *_ahead_lots      estimated lots ahead of the best order at its price.
    *_better_lots     lots of its side at better prices.
    *_top_lots        lots of the best node.queue_levels levels of the side.
    *_absorb_lots     moving average of the lots a second that left the queue ahead of it.
    """

    bid_ticks: int
    ask_ticks: int
    worst_bid_ticks: int
    worst_ask_ticks: int
    bid_ahead_lots: float
    ask_ahead_lots: float
    bid_better_lots: float
    ask_better_lots: float
    bid_top_lots: float
    ask_top_lots: float
    bid_absorb_lots: float
    ask_absorb_lots: float


class Control(NamedTuple):
    """What the portfolio's allocator has said last: weight 1, no limits and not blocked without one.

    weight scales the size; max_quotes: levels a side; budget_lots: largest position, -1 is no limit; blocked: 1 is no quotes.
    """

    weight: float
    max_quotes: int
    budget_lots: int
    blocked: int


class LinkedView(NamedTuple):
    """The first linked instrument in our own units; present is 0 without one, or while its book has no mid.

    Prices in our ticks (floats: its grid is another), sizes and position in our lots.
    """

    present: int
    bid_ticks: float
    ask_ticks: float
    bid_lots: float
    ask_lots: float
    mid_ticks: float
    position_lots: float


class FetchDecision(NamedTuple):
    """How the market view was got. hit: from the cache; stale: older than asked; wait_ns: run this tick again after so long.

    invalid: the view may not be used for pricing (a gap, a rewind or a silent feed that no refresh has mended).
    """

    hit: int
    age_ns: int
    stale: int
    wait_ns: int
    invalid: int


class SpreadDecision(NamedTuple):
    """half_ticks: half of the wanted spread; volatility_bps: EMA of |mid change| a tick; scores are 0 to 1."""

    half_ticks: float
    volatility_bps: float
    spread_bps: float
    vol_score: float
    liq_score: float
    lat_score: float
    pnl_score: float
    held: int


class GuardAssessment(NamedTuple):
    """level: GUARD_NONE, SOFT or HARD (no quotes, working quotes are cancelled); soft, hard: reason bits (`reasons`)."""

    level: int
    size_scale: float
    spread_scale: float
    soft: int
    hard: int


class InventoryAdjustment(NamedTuple):
    """*_shift_ticks move the quotes, down when we are long; room_*_lots is what position limits still allow."""

    bid_shift_ticks: float
    ask_shift_ticks: float
    room_bid_lots: int
    room_ask_lots: int
    inventory_pct: float
    skew_bps: float


class QueueAdjustment(NamedTuple):
    """Percentiles are 0 (front) to 100; eta_ms: time until the queue ahead is gone; nudges move towards the market, >= 0."""

    bid_percentile: float
    ask_percentile: float
    bid_eta_ms: float
    ask_eta_ms: float
    bid_nudge_ticks: float
    ask_nudge_ticks: float


class Quote(NamedTuple):
    """Wanted quotes: levels prices a side, step_ticks apart, away from the market; 0 lots means no quote.

    lots_factor           lots of level i are floor(lots x lots_factor^i), at least 1.
    tif                   POST_ONLY or GTC.  display_lots: what an iceberg shows, 0 is all.
    stop_ticks            wanted stop-market order for the position, 0 is none; take_profit_ticks likewise.
    far_ticks             live orders farther than this from the mid are cancelled, 0 is off.
    max_batch             requests that may leave at one tick, as one message, 0: no limit, and each by itself.
    reasons               bits of `reasons`: why this quote, or why none.
    """

    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    levels: int
    step_ticks: int
    lots_factor: float
    tif: int
    display_lots: int
    stop_ticks: int
    take_profit_ticks: int
    far_ticks: float
    max_batch: int
    reasons: int


class QuoteContext(NamedTuple):
    """Everything that the stages of one tick know. Parts that no stage of a strategy reads are left at their zeros."""

    market: MarketView
    position_lots: int
    signals: Signals
    queue: OwnQueue
    control: Control
    linked: LinkedView
    fetch: FetchDecision
    spread: SpreadDecision
    guards: GuardAssessment
    inventory: InventoryAdjustment
    nudge: QueueAdjustment
    quote: Quote


@kernel
def bounded(value: float) -> float:
    """Return a float that will become an integer; ValueError for NaN and beyond 2^52, where compiled code and Python differ."""
    if not -float(UNITS_MAX) <= value <= float(UNITS_MAX):
        raise ValueError("a price or a parameter is beyond 2^52")
    return value


@kernel
def refuse_bad_quote(quote: Quote) -> None:
    """Raise ValueError if no exchange could take a strategy's quote: a NaN or an overflow became an integer."""
    if not (-UNITS_MAX <= quote.bid_ticks <= UNITS_MAX and -UNITS_MAX <= quote.ask_ticks <= UNITS_MAX):
        raise ValueError("a quote's price is beyond 2^52 ticks")
    if not (0 <= quote.bid_lots <= UNITS_MAX and 0 <= quote.ask_lots <= UNITS_MAX):
        raise ValueError("a quote's lots are not between 0 and 2^52")
    if not (0 <= quote.levels <= LEVELS_MAX and 1 <= quote.step_ticks <= UNITS_MAX):
        raise ValueError("a quote's levels are not between 0 and 256, or not 1 to 2^52 ticks apart")
    if not (0.0 < quote.lots_factor <= 16.0 and 0 <= quote.display_lots <= UNITS_MAX):
        raise ValueError("a quote's lots factor is not above 0 and up to 16, or its shown lots are not between 0 and 2^52")
    if not (0 <= quote.stop_ticks <= UNITS_MAX and 0 <= quote.take_profit_ticks <= UNITS_MAX and quote.far_ticks >= 0.0):
        raise ValueError("a quote's stop, take-profit or farthest distance is negative or beyond 2^52 ticks")


@kernel
def whole_lots(lots: float) -> int:
    """Return the whole lots of a parameter, a part of a lot is none; ValueError for less than 0: no limit and no size is so."""
    whole = int(bounded(lots))
    if whole < 0:
        raise ValueError("a parameter in lots is negative")
    return whole


@kernel
def allowed_levels(levels: float, control: Control) -> int:
    """Return the levels a side that are wanted and that the allocator allows; ValueError if no lane could have so many."""
    wanted = int(bounded(levels))
    if not 0 <= wanted <= LEVELS_MAX:
        raise ValueError("the quote's levels are not between 0 and 256")
    return min(wanted, control.max_quotes)


@kernel
def plain_quote(bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> Quote:
    """Return one post-only price a side."""
    return Quote(bid_ticks, bid_lots, ask_ticks, ask_lots, 1, 1, 1.0, POST_ONLY, 0, 0, 0, 0.0, 0, 0)


@kernel
def ladder_quote(bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int, levels: int, step_ticks: int) -> Quote:
    """Return `levels` post-only prices a side, step_ticks apart."""
    return Quote(bid_ticks, bid_lots, ask_ticks, ask_lots, levels, step_ticks, 1.0, POST_ONLY, 0, 0, 0, 0.0, 0, 0)


@kernel
def no_quote(reasons: int) -> Quote:
    """Return the quote that wants nothing: all working orders are withdrawn."""
    return Quote(0, 0, 0, 0, 0, 1, 1.0, POST_ONLY, 0, 0, 0, 0.0, 0, reasons)


@kernel
def new_context(
    market: MarketView, position_lots: int, signals: Signals, queue: OwnQueue, control: Control, linked: LinkedView
) -> QuoteContext:
    """Return the context that the first stage gets: what is known, and no decisions."""
    return QuoteContext(
        market, position_lots, signals, queue, control, linked, FetchDecision(1, 0, 0, 0, 0),
        SpreadDecision(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0), GuardAssessment(GUARD_NONE, 1.0, 1.0, 0, 0),
        InventoryAdjustment(0.0, 0.0, UNITS_MAX, UNITS_MAX, 0.0, 0.0), QueueAdjustment(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), no_quote(0),
    )  # fmt: skip


@kernel
def with_fetch(context: QuoteContext, fetch: FetchDecision) -> QuoteContext:
    """Return the context with another fetch decision."""
    return QuoteContext(
        context.market, context.position_lots, context.signals, context.queue, context.control, context.linked,
        fetch, context.spread, context.guards, context.inventory, context.nudge, context.quote,
    )  # fmt: skip


@kernel
def with_spread(context: QuoteContext, spread: SpreadDecision) -> QuoteContext:
    """Return the context with another spread decision."""
    return QuoteContext(
        context.market, context.position_lots, context.signals, context.queue, context.control, context.linked,
        context.fetch, spread, context.guards, context.inventory, context.nudge, context.quote,
    )  # fmt: skip


@kernel
def with_half_spread(context: QuoteContext, half_ticks: float, volatility_bps: float) -> QuoteContext:
    """Return the context with another half-spread in ticks; the scores are 0."""
    spread_bps = 2e4 * half_ticks / context.market.mid_ticks
    return with_spread(context, SpreadDecision(half_ticks, volatility_bps, spread_bps, 0.0, 0.0, 0.0, 0.0, 0))


@kernel
def with_guards(context: QuoteContext, guards: GuardAssessment) -> QuoteContext:
    """Return the context with another guard assessment."""
    return QuoteContext(
        context.market, context.position_lots, context.signals, context.queue, context.control, context.linked,
        context.fetch, context.spread, guards, context.inventory, context.nudge, context.quote,
    )  # fmt: skip


@kernel
def with_inventory(context: QuoteContext, inventory: InventoryAdjustment) -> QuoteContext:
    """Return the context with another inventory adjustment."""
    return QuoteContext(
        context.market, context.position_lots, context.signals, context.queue, context.control, context.linked,
        context.fetch, context.spread, context.guards, inventory, context.nudge, context.quote,
    )  # fmt: skip


@kernel
def with_shift(context: QuoteContext, shift_ticks: float) -> QuoteContext:
    """Return the context with both quotes moved by shift_ticks more; up when positive."""
    had = context.inventory
    return with_inventory(
        context,
        InventoryAdjustment(
            had.bid_shift_ticks + shift_ticks, had.ask_shift_ticks + shift_ticks, had.room_bid_lots, had.room_ask_lots,
            had.inventory_pct, had.skew_bps,
        ),
    )  # fmt: skip


@kernel
def with_nudge(context: QuoteContext, nudge: QueueAdjustment) -> QuoteContext:
    """Return the context with another queue adjustment."""
    return QuoteContext(
        context.market, context.position_lots, context.signals, context.queue, context.control, context.linked,
        context.fetch, context.spread, context.guards, context.inventory, nudge, context.quote,
    )  # fmt: skip


@kernel
def with_quote(context: QuoteContext, quote: Quote) -> QuoteContext:
    """Return the context with other quotes."""
    return QuoteContext(
        context.market, context.position_lots, context.signals, context.queue, context.control, context.linked,
        context.fetch, context.spread, context.guards, context.inventory, context.nudge, quote,
    )  # fmt: skip
