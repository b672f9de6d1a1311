"""Contexts of one tick and of several in a row, for Hypothesis: books that could be, everything else as it likes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from simcore.kernels.context import Control, LinkedView, MarketView, OwnQueue, QuoteContext, Signals, new_context
from tests.property.plain import plain

START_NS = 1_704_067_200_000_000_000  # 2024-01-01
MS = 1_000_000
TICK_NS = 100 * MS
_new_context = plain(new_context)


def market_view(
    elapsed_ns: int = TICK_NS, bid: int = 60_000, ask: int = 60_001, bid_lots: int = 5, ask_lots: int = 5, **changes: Any
) -> MarketView:
    """Return a quiet, fresh market, with changes."""
    mid = 0.5 * (bid + ask)
    micro = (bid * float(ask_lots) + ask * float(bid_lots)) / float(bid_lots + ask_lots)
    view = MarketView(
        START_NS + elapsed_ns, elapsed_ns, bid, ask, bid_lots, ask_lots, mid, micro, 6.0, 50.0, 50.0, 10 * MS, 0, 0
    )
    return view._replace(**changes)


SIGNALS = Signals(0.0, 0, 0.0, 0, 0.0, 0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0)
QUEUE = OwnQueue(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
CONTROL = Control(1.0, 256, -1, 0)
LINKED = LinkedView(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def make_context(
    market: MarketView | None = None, position: int = 0, signals: dict[str, Any] | None = None,
    queue: dict[str, Any] | None = None, control: dict[str, Any] | None = None, **changes: Any,
) -> QuoteContext:  # fmt: skip
    """Return the context of a tick: quiet, flat and without orders, but for what is given."""
    context: QuoteContext = _new_context(
        market or market_view(), position, SIGNALS._replace(**signals or {}), QUEUE._replace(**queue or {}),
        CONTROL._replace(**control or {}), LINKED,
    )  # fmt: skip
    return context._replace(**changes)


def floats(lo: float, hi: float) -> Any:
    """Return a strategy of ordinary floats."""
    return st.floats(lo, hi, allow_nan=False, allow_infinity=False)


@st.composite
def markets(draw: Any, elapsed_ns: int | None = None, wide: bool = True) -> MarketView:
    """Return books with a mid, from a price of one tick to that of 10^8; sometimes old, with gaps and rewinds."""
    bid = draw(st.one_of(st.integers(1, 5), st.integers(50_000, 70_000), st.integers(1, 100_000_000)))
    ask = bid + draw(st.one_of(st.just(1), st.integers(1, 40), st.integers(1, 4_000 if wide else 3)))
    lots = st.one_of(st.integers(1, 20), st.integers(1, 1_000_000))
    return market_view(
        draw(st.integers(0, 10**14)) if elapsed_ns is None else elapsed_ns, bid, ask, draw(lots), draw(lots),
        lot_value=draw(floats(0.0, 1e6)), bid_depth_lots=draw(floats(0.0, 200.0)), ask_depth_lots=draw(floats(0.0, 200.0)),
        book_age_ns=draw(st.one_of(st.integers(0, 100 * MS), st.integers(0, 10_000 * MS))),
        gaps=draw(st.sampled_from((0, 0, 0, 1, 7))), rewinds=draw(st.sampled_from((0, 0, 0, 1))),
    )  # fmt: skip


@st.composite
def signals(draw: Any) -> Signals:
    """Return signals: half of the time cold or harmless, otherwise anything."""
    counts = st.one_of(st.integers(0, 4), st.integers(0, 100))
    fills = draw(st.integers(0, 500))
    takers = draw(st.integers(0, fills))
    return Signals(
        draw(st.one_of(floats(0, 10), floats(0, 100))), min(draw(counts), 20), draw(st.one_of(floats(0, 200), floats(0, 2000))),
        draw(counts), draw(st.one_of(floats(-5, 5), floats(-100, 100))), min(draw(counts), 60), draw(floats(-1e5, 1e5)),
        draw(floats(0, 1e7)), fills, takers, draw(st.integers(0, min(takers, 30))), draw(st.integers(0, 300)),
        draw(st.one_of(st.integers(0, 500 * MS), st.integers(0, 9_000 * MS))), draw(st.integers(0, 30)), draw(st.integers(0, 3000)),
    )  # fmt: skip


@st.composite
def queues(draw: Any, market: MarketView) -> OwnQueue:
    """Return where orders stand: none, near the market or far off; the bid below the ask."""
    away = st.one_of(st.integers(0, 6), st.integers(0, 60), st.integers(0, 2 * market.bid_ticks))
    bid = draw(st.sampled_from((0, 1, 1))) and max(market.bid_ticks - draw(away), 1)
    ask = draw(st.sampled_from((0, 1, 1))) and market.ask_ticks + draw(away)
    lots = st.one_of(st.just(0.0), floats(0.0, 100.0), floats(0.0, 1e6))
    return OwnQueue(
        bid, ask, max(bid - draw(away), 1) if bid else 0, ask + draw(away) if ask else 0, *(draw(lots) for _ in range(8))
    )


@st.composite
def controls(draw: Any) -> Control:
    """Return what an allocator may say."""
    return Control(
        draw(st.one_of(st.just(1.0), floats(0.0, 3.0))), draw(st.sampled_from((256, 256, 256, 10, 1, 0))),
        draw(st.sampled_from((-1, -1, 0, 5, 1000))), draw(st.sampled_from((0, 0, 0, 0, 0, 1))),
    )  # fmt: skip


@st.composite
def contexts(draw: Any, elapsed_ns: int | None = None) -> QuoteContext:
    """Return contexts before the first stage, of any market."""
    market = draw(markets(elapsed_ns))
    context: QuoteContext = _new_context(
        market, draw(st.one_of(st.integers(-15, 15), st.integers(-300, 300))), draw(signals()), draw(queues(market)),
        draw(controls()), LINKED,
    )  # fmt: skip
    return context


@st.composite
def calm_contexts(draw: Any) -> QuoteContext:
    """Return contexts in which nothing stops quotes: fresh, no gaps, no signals yet, room for the position, no old orders."""
    market = draw(markets(wide=False))._replace(book_age_ns=draw(st.integers(0, 60 * MS)), gaps=0, rewinds=0)
    return make_context(market, draw(st.integers(-5, 5)))


@st.composite
def ticks_in_a_row(draw: Any, most: int = 12) -> list[QuoteContext]:
    """Return contexts of one run: time goes on, gaps and rewinds never go back.

    Most ticks are the one before with the market a few ticks on, so that what is held or remembered counts; some are new.
    Half of the rows begin calm: no signals, no orders, a fresh book.
    """
    elapsed = draw(st.integers(0, 10**12))
    context = draw(st.one_of(calm_contexts(), contexts()))
    row: list[QuoteContext] = []
    gaps, rewinds = 0, 0
    for _ in range(draw(st.integers(1, most))):
        elapsed += draw(st.sampled_from((TICK_NS, TICK_NS, 30 * MS, 1, 3_000 * MS)))
        if row and draw(st.integers(0, 9)) == 9:
            context = draw(contexts())
        elif row:
            step = draw(st.integers(-3, 3))
            now = context.market
            context = _moved(context, max(step, 1 - now.bid_ticks), draw(st.sampled_from((0, 0, 1, -1))))
        gaps += draw(st.sampled_from((0, 0, 0, 0, 0, 0, 1)))
        rewinds += draw(st.sampled_from((0, 0, 0, 0, 0, 0, 1)))
        view = context.market._replace(
            now_ns=START_NS + elapsed, elapsed_ns=elapsed, gaps=gaps, rewinds=rewinds,
            book_age_ns=draw(st.sampled_from((0, 10 * MS, 80 * MS, 150 * MS, 400 * MS))),
        )  # fmt: skip
        context = context._replace(market=view)
        row.append(context)
    return row


def _moved(context: QuoteContext, step: int, bought: int) -> QuoteContext:
    """Return the context with the market `step` ticks higher and the position `bought` lots longer."""
    market = context.market
    view = market_view(
        market.elapsed_ns, market.bid_ticks + step, market.ask_ticks + step, market.bid_lots, market.ask_lots,
        lot_value=market.lot_value, bid_depth_lots=market.bid_depth_lots, ask_depth_lots=market.ask_depth_lots,
    )  # fmt: skip
    return context._replace(market=view, position_lots=context.position_lots + bought)
