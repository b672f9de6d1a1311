"""What a strategy sees and decides at a tick: immutable values, handed from stage to stage."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.records import UNITS_MAX

LEVELS_MAX = 256  # as many orders as a lane may have


class MarketView(NamedTuple):
    """The local book at a tick. elapsed_ns counts from the start of the run; now_ns from the Unix epoch.

    Prices in ticks, sizes in lots; mid and microprice are in ticks, as floats.
    """

    now_ns: int
    elapsed_ns: int
    bid_ticks: int
    ask_ticks: int
    bid_lots: int
    ask_lots: int
    mid_ticks: float
    microprice_ticks: float


class SpreadDecision(NamedTuple):
    """half_ticks: half of the wanted spread; volatility_bps: EMA of |mid change| a tick."""

    half_ticks: float
    volatility_bps: float


class InventoryAdjustment(NamedTuple):
    """shift_ticks moves both quotes, down when we are long; room_*_lots is what position limits still allow."""

    shift_ticks: float
    room_bid_lots: int
    room_ask_lots: int


class Quote(NamedTuple):
    """Wanted quotes: levels prices a side, step_ticks apart, away from the market; 0 lots means no quote."""

    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int
    levels: int
    step_ticks: int


class QuoteContext(NamedTuple):
    """Everything that the stages of one tick know."""

    market: MarketView
    position_lots: int
    spread: SpreadDecision
    inventory: InventoryAdjustment
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


@kernel
def new_context(market: MarketView, position_lots: int) -> QuoteContext:
    """Return the context that the first stage gets: a view, a position, no decisions."""
    return QuoteContext(
        market, position_lots, SpreadDecision(0.0, 0.0), InventoryAdjustment(0.0, 0, 0), Quote(0, 0, 0, 0, 0, 1)
    )


@kernel
def with_spread(context: QuoteContext, spread: SpreadDecision) -> QuoteContext:
    """Return the context with another spread decision."""
    return QuoteContext(context.market, context.position_lots, spread, context.inventory, context.quote)


@kernel
def with_inventory(context: QuoteContext, inventory: InventoryAdjustment) -> QuoteContext:
    """Return the context with another inventory adjustment."""
    return QuoteContext(context.market, context.position_lots, context.spread, inventory, context.quote)


@kernel
def with_quote(context: QuoteContext, quote: Quote) -> QuoteContext:
    """Return the context with other quotes."""
    return QuoteContext(context.market, context.position_lots, context.spread, context.inventory, quote)
