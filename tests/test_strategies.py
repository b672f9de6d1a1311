"""The shipped strategies' quotes, against their formulas written out with the standard library."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simcore import jit
from simcore.kernels import context as c
from simcore.kernels.reasons import ASK_LIMIT, BID_LIMIT, BLOCKED, COLD, LATENCY
from simcore.kernels.stages import volatility
from strategies import avellaneda_stoikov, glft, grid, imbalance

MID = 80_000.0
SECOND = 10**9


def context(position: int = 0, elapsed_ns: int = SECOND, mid: float = MID, half_market: int = 2, **changes: Any) -> c.QuoteContext:
    """Return what a first stage sees: the market at mid -+ half_market ticks, 6 lots bid, 2 offered."""
    view = c.MarketView(
        now_ns=1_700_000_000 * SECOND + elapsed_ns, elapsed_ns=elapsed_ns, bid_ticks=int(mid) - half_market,
        ask_ticks=int(mid) + half_market, bid_lots=6, ask_lots=2, mid_ticks=mid, microprice_ticks=mid + half_market / 2,
        lot_value=1.0, bid_depth_lots=9.0, ask_depth_lots=1.0, book_age_ns=0, gaps=0, rewinds=0,
    )  # fmt: skip
    signals = c.Signals(0.0, 0, 0.0, 0, 0.0, 0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, 0)
    queue = c.OwnQueue(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    seen = new_context(view, position, signals, queue, c.Control(1.0, 256, -1, 0), c.LinkedView(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    return seen._replace(**changes)


new_context = jit.expose(c.new_context)
QUOTES = {module.__name__: jit.expose(module.quote) for module in (avellaneda_stoikov, glft, grid, imbalance)}


def quoted(module: Any, seen: c.QuoteContext, memory: Any = None, **params: float) -> tuple[c.QuoteContext, Any]:
    """Return the context and the memory after one tick of a strategy."""
    chosen = module.Params()._replace(**params)
    kind = getattr(module, "Memory", volatility.VolatilityMemory)
    return QUOTES[module.__name__](seen, chosen, memory or kind())  # type: ignore[no-any-return]


def whole(price: float, step: int, side: str) -> int:
    """Return a price rounded away from the market to a multiple of the step."""
    return (math.floor(price / step) if side == "bid" else math.ceil(price / step)) * step


@pytest.mark.parametrize("held", [-6, 0, 2, 15])
@pytest.mark.parametrize("gamma", [0.001, 0.05, 1.0])
def test_avellaneda_stoikov_quotes_its_formula(held: int, gamma: float) -> None:
    """Reservation price and spread in bps of the mid, over a rolling horizon; the position counts in orders."""
    seen, _ = quoted(avellaneda_stoikov, context(2 * held), sigma_bps=0.5, gamma=gamma, k=1.8, order_lots=2.0, max_position_lots=100.0)
    variance = 0.5 * 0.5 * 60.0
    centre = -held * gamma * variance
    half = gamma * variance / 2 + math.log(1 + gamma / 1.8) / gamma
    bid, ask = MID * (1 + (centre - half) / 1e4), MID * (1 + (centre + half) / 1e4)
    assert (seen.quote.bid_ticks, seen.quote.ask_ticks) == (
        whole(min(bid, MID + 1), 4, "bid"), whole(max(ask, MID - 1), 4, "ask"),
    )  # fmt: skip
    assert (seen.quote.bid_lots, seen.quote.ask_lots) == (2, 2)
    assert seen.spread.half_ticks == pytest.approx(MID * half / 1e4)
    assert seen.inventory.bid_shift_ticks == pytest.approx(MID * centre / 1e4, abs=1e-9)


def test_a_horizon_that_comes_nearer_narrows_the_spread_and_starts_anew() -> None:
    """45 s into a horizon of 60 s, 15 s are left; a minute later again."""
    halves = [
        quoted(avellaneda_stoikov, context(elapsed_ns=at * SECOND), sigma_bps=0.5, rolling=0.0)[0].spread.half_ticks
        for at in (5, 45, 65, 105)
    ]
    assert halves[0] > halves[1]
    assert halves[2:] == pytest.approx(halves[:2])
    expected = 0.05 * 0.25 * 15.0 / 2 + math.log(1 + 0.05) / 0.05
    assert halves[1] == pytest.approx(MID * expected / 1e4)


@pytest.mark.parametrize("held", [-3, 0, 4])
@pytest.mark.parametrize("impact", [0.0, 0.4])
def test_glft_quotes_its_formula(held: int, impact: float) -> None:
    """The closed form's distances in bps of the mid."""
    seen, _ = quoted(glft, context(held), sigma_bps=0.4, gamma=0.2, k=1.5, arrivals_per_s=0.1, impact_bps=impact)
    cost = math.sqrt(0.16 * 0.2 / (2 * 1.5 * 0.1) * (1 + 0.2 / 1.5) ** (1 + 1.5 / 0.2)) * math.exp(1.5 * impact / 4)
    base = math.log(1 + 0.2 / 1.5) / 0.2 + impact / 2
    bid, ask = MID * (1 - (base + (2 * held + 1) / 2 * cost) / 1e4), MID * (1 + (base - (2 * held - 1) / 2 * cost) / 1e4)
    assert (seen.quote.bid_ticks, seen.quote.ask_ticks) == (
        whole(min(bid, MID + 1), 4, "bid"), whole(max(ask, MID - 1), 4, "ask"),
    )  # fmt: skip


@pytest.mark.parametrize("module", [avellaneda_stoikov, glft])
def test_volatility_is_measured_before_anything_is_quoted(module: Any) -> None:
    """Moves of 1 bps a second for 30 s: nothing, and why; then the quotes of sigma 1."""
    memory, price = None, MID
    for second in range(1, 32):
        seen, memory = quoted(module, context(elapsed_ns=second * SECOND, mid=price), memory)
        assert seen.quote.reasons == (COLD if second < 31 else 0)
        assert (seen.quote.bid_lots > 0) == (second == 31)
        price += 8.0 if second % 2 else -8.0
    assert seen.spread.volatility_bps == pytest.approx(1.0, rel=1e-3)
    given, _ = quoted(module, context(elapsed_ns=31 * SECOND, mid=seen.market.mid_ticks), sigma_bps=seen.spread.volatility_bps)
    assert given.quote == seen.quote


def test_steps_of_less_than_a_second_are_not_measured() -> None:
    """A mid that bounces every 100 ms has no more volatility than its seconds show."""
    memory = None
    for tick in range(1, 401):
        _, memory = quoted(avellaneda_stoikov, context(elapsed_ns=tick * 10**8, mid=MID + 8.0 * (tick % 2)), memory)
    assert memory.samples == 39
    assert memory.variance == 0.0


def test_the_grid_stands_at_multiples_of_its_spacing_until_the_centre_has_moved_that_far() -> None:
    """Spacing 0.5 bps is 4 ticks at 80,000, and stays 4 when the price doubles."""
    seen, memory = quoted(grid, context())
    assert (seen.quote.bid_ticks, seen.quote.ask_ticks, seen.quote.step_ticks, seen.quote.levels) == (79_996, 80_004, 4, 5)
    for mid, bid in ((MID + 3.0, 79_996), (MID + 5.0, 80_000), (MID - 1.0, 79_992)):
        assert quoted(grid, context(mid=mid), memory)[0].quote.bid_ticks == bid
    assert quoted(grid, context(mid=2 * MID), memory)[0].quote.step_ticks == 4
    assert quoted(grid, context(), spacing_ticks=10.0)[0].quote.step_ticks == 10


def test_a_grid_leans_against_its_position() -> None:
    """At the limit by 3 bps, 24 ticks; and that side is not quoted."""
    seen, _ = quoted(grid, context(20, half_market=40))
    assert (seen.quote.ask_ticks, seen.quote.bid_lots, seen.quote.reasons) == (whole(MID - 24 + 4, 4, "ask"), 0, BID_LIMIT)


def test_a_ladder_is_quoted_while_all_of_it_fits_into_the_limit() -> None:
    for position, bid_lots, reasons in ((15, 1, 0), (16, 0, BID_LIMIT), (-16, 1, ASK_LIMIT), (30, 0, BID_LIMIT)):
        seen, _ = quoted(grid, context(position))
        assert (seen.quote.bid_lots, seen.quote.reasons) == (bid_lots, reasons)


def test_one_level_quotes_what_is_left_of_the_limit() -> None:
    seen, _ = quoted(imbalance, context(15), order_lots=10.0, depth_share=0.0)
    assert (seen.quote.bid_lots, seen.quote.ask_lots) == (5, 10)


@pytest.mark.parametrize(("depth_share", "expected"), [(0.0, 0.5), (1.0, 0.8), (0.5, 0.65)])
def test_the_fair_price_lies_towards_the_thinner_side(depth_share: float, expected: float) -> None:
    """6 lots against 2 at the best prices, 9 against 1 in depth: without smoothing, lean 1 and no depth it is the microprice."""
    seen, memory = quoted(imbalance, context(), lean=1.0, depth_share=depth_share, smoothing_s=0.0, withdraw=2.0)
    assert memory.imbalance == pytest.approx(expected)
    assert seen.inventory.bid_shift_ticks == pytest.approx(2.0 * expected)
    if depth_share == 0.0:
        assert seen.market.microprice_ticks == MID + seen.inventory.bid_shift_ticks


def test_the_imbalance_is_smoothed_over_time() -> None:
    """A second of weight 1 / (1 + smoothing_s)."""
    _, memory = quoted(imbalance, context(), smoothing_s=3.0, depth_share=0.0)
    assert memory.imbalance == pytest.approx(0.25 * 0.5)


@pytest.mark.parametrize(("withdraw", "ask_lots"), [(0.6, 0), (0.7, 1)])
def test_the_threatened_side_is_withdrawn(withdraw: float, ask_lots: int) -> None:
    """Nearly all lots are bid: the ask would be run over."""
    seen, _ = quoted(imbalance, context(), withdraw=withdraw, smoothing_s=0.0)
    assert (seen.quote.bid_lots, seen.quote.ask_lots) == (1, ask_lots)


@pytest.mark.parametrize("module", [avellaneda_stoikov, glft, grid, imbalance])
def test_a_quote_obeys_guards_and_allocator(module: Any) -> None:
    """HARD and blocked: nothing; SOFT: wider and smaller; the allocator's weight, budget and count of quotes."""
    known = {"sigma_bps": 0.5} if "sigma_bps" in module.Params._fields else {}
    plain, _ = quoted(module, context(), order_lots=8.0, max_position_lots=100.0, **known)
    hard, _ = quoted(module, context(guards=c.GuardAssessment(c.GUARD_HARD, 0.0, 1.0, 0, LATENCY)), **known)
    assert (hard.quote.levels, hard.quote.reasons) == (0, LATENCY)
    blocked, _ = quoted(module, context(control=c.Control(1.0, 256, -1, 1)), **known)
    assert (blocked.quote.bid_lots, blocked.quote.ask_lots, blocked.quote.reasons) == (0, 0, BLOCKED)
    soft, _ = quoted(
        module, context(guards=c.GuardAssessment(c.GUARD_SOFT, 0.5, 1.5, LATENCY, 0)), order_lots=8.0, max_position_lots=100.0, **known
    )
    assert (soft.quote.bid_lots, soft.quote.reasons) == (4, LATENCY)
    assert soft.spread.half_ticks == pytest.approx(1.5 * plain.spread.half_ticks)
    weighed, _ = quoted(module, context(control=c.Control(0.25, 1, -1, 0)), order_lots=8.0, max_position_lots=100.0, **known)
    assert (weighed.quote.bid_lots, weighed.quote.levels) == (2, 1)
    capped, _ = quoted(module, context(control=c.Control(1.0, 256, 0, 0)), **known)
    assert (capped.quote.bid_lots, capped.quote.ask_lots) == (0, 0)


@pytest.mark.parametrize("module", [avellaneda_stoikov, glft, grid, imbalance])
@pytest.mark.parametrize("position", [-300, 300])
def test_no_quote_crosses_the_market_however_large_the_position(module: Any, position: int) -> None:
    """The formulas alone would."""
    known = {"sigma_bps": 5.0} if "sigma_bps" in module.Params._fields else {}
    seen, _ = quoted(module, context(position), max_position_lots=400.0, **known)
    assert seen.quote.bid_ticks < seen.market.ask_ticks
    assert seen.quote.ask_ticks > seen.market.bid_ticks
    assert seen.quote.bid_ticks < seen.quote.ask_ticks


@pytest.mark.parametrize(
    ("module", "bad"),
    [
        (avellaneda_stoikov, {"gamma": -1.0}), (avellaneda_stoikov, {"k": 0.0}), (avellaneda_stoikov, {"horizon_s": math.nan}),
        (glft, {"arrivals_per_s": 0.0}), (glft, {"order_lots": 0.0}), (grid, {"levels": 0.0}), (grid, {"max_position_lots": 0.0}),
        (imbalance, {"depth_share": 1.5}), (imbalance, {"smoothing_s": -1.0}),
    ],
)  # fmt: skip
def test_parameters_without_a_meaning_are_refused(module: Any, bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        quoted(module, context(), **bad)
