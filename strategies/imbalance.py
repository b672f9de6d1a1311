"""Order-book imbalance: quotes around a microprice, the mid moved towards the thinner side of the book.

    imbalance     (bid lots - ask lots) / (bid lots + ask lots), of the best quotes and of the first levels of the book
    fair price    mid + lean x imbalance x (best ask - best bid) / 2

With lean 1 and the best quotes alone the fair price is the weighted mid (J. Gatheral and R. Oomen, "Zero-intelligence
realized variance estimation", Finance and Stochastics 14, 2010), the first approximation of S. Stoikov's "The micro-price: a
high-frequency estimator of future prices", Quantitative Finance 18(12), 2018. The side that the imbalance is about to run over
is not quoted at all (after Á. Cartea, R. Donnelly and S. Jaimungal, "Enhancing trading strategies with order book signals",
Applied Mathematical Finance 25(1), 2018): the ask when nearly all lots are bid, the bid when nearly all are offered.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext
from simcore.kernels.stages.priced import Size, quote_between, step_of, with_sides
from simcore.units import BPS, NS_PER_S


class Params(NamedTuple):
    """The signal, the spread, and the size of our orders.

    lean             how far the fair price moves, in half spreads of the market, when all lots are on one side.
    depth_share      weight of the first node.depth_levels levels in the imbalance, 0 to 1; the rest is of the best quotes.
    smoothing_s      time constant of the imbalance's moving average, seconds; 0 is none.
    withdraw         no quote on the threatened side from this imbalance on; above 1 is never.
    half_spread_bps  from the fair price to either quote.
    skew_bps         how far both quotes move against the position when it is at its limit.
    step_bps         prices are multiples of it, in whole ticks: quotes stay in place while they move less.
    order_lots, max_position_lots    as `priced.Size`.
    """

    lean: float = 0.5
    depth_share: float = 0.5
    smoothing_s: float = 2.0
    withdraw: float = 0.7
    half_spread_bps: float = 1.0
    skew_bps: float = 3.0
    step_bps: float = 0.5
    order_lots: float = 1.0
    max_position_lots: float = 20.0


class Memory(NamedTuple):
    """imbalance: moving average, -1 to 1; last_s: time of the last tick."""

    imbalance: float = 0.0
    last_s: float = 0.0


@kernel
def share(bid_lots: float, ask_lots: float) -> float:
    """Return (bid - ask) / (bid + ask), 0 if there is nothing."""
    total = bid_lots + ask_lots
    return (bid_lots - ask_lots) / total if total > 0.0 else 0.0


@kernel
def quote(context: QuoteContext, params: Params, memory: Memory) -> tuple[QuoteContext, Memory]:
    """Quote around the fair price, on the sides that are not threatened."""
    if not (params.max_position_lots > 0.0 and 0.0 <= params.depth_share <= 1.0 and params.smoothing_s >= 0.0):
        raise ValueError("expected max_position_lots > 0, depth_share 0 to 1 and smoothing_s >= 0")
    view = context.market
    now_s = view.elapsed_ns / NS_PER_S
    best = share(float(view.bid_lots), float(view.ask_lots))
    seen = best + params.depth_share * (share(view.bid_depth_lots, view.ask_depth_lots) - best)
    passed_s = now_s - memory.last_s
    imbalance = memory.imbalance + passed_s / (passed_s + params.smoothing_s) * (seen - memory.imbalance)
    fair = view.mid_ticks + params.lean * imbalance * 0.5 * (view.ask_ticks - view.bid_ticks)
    fair -= params.skew_bps * BPS * view.mid_ticks * context.position_lots / params.max_position_lots
    half = params.half_spread_bps * BPS * view.mid_ticks
    size = Size(params.order_lots, params.max_position_lots, 1.0, step_of(params.step_bps, view.mid_ticks))
    context = quote_between(context, fair - half, fair + half, size)
    return with_sides(context, imbalance > -params.withdraw, imbalance < params.withdraw), Memory(imbalance, now_s)


STAGES = {"quote": quote}
