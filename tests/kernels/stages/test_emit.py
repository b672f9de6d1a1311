"""Emit: prices, sizes, filters, holding, fast cancels, the taker cap, protective orders."""

import pytest

from simcore.kernels import reasons
from simcore.kernels.context import GUARD_HARD, GUARD_SOFT
from simcore.records import GTC, POST_ONLY
from tests.property.contexts import MS, make_context, market_view
from tests.property.plain import memory_of, params_of, run_stage


def emit(milliseconds=100, memory=None, params=None, market=None, half=3.0, position=0, **parts):
    """Return (quote, memory) at a mid of 60,001 ticks, or another; parts: changes to parts of the context, by name."""
    context = make_context(market or market_view(milliseconds * MS, 60_000, 60_002), position)
    context = context._replace(spread=context.spread._replace(half_ticks=half))
    context = context._replace(**{name: getattr(context, name)._replace(**values) for name, values in parts.items()})
    context, after = run_stage("emit", context, params_of("emit", **params or {}), memory)
    return context.quote, after


def prices(quote):
    return quote.bid_ticks, quote.ask_ticks


def test_quotes_are_half_a_spread_from_the_mid_and_rounded_away():
    assert prices(emit()[0]) == (59_998, 60_004)
    assert prices(emit(half=3.01)[0]) == (59_997, 60_005)
    quote = emit()[0]
    assert (quote.bid_lots, quote.ask_lots, quote.levels, quote.tif, quote.max_batch, quote.reasons) == (1, 1, 1, POST_ONLY, 20, 0)


def test_a_narrow_spread_stays_off_the_mid():
    assert prices(emit(half=0.0)[0]) == (60_000, 60_002)
    narrow = market_view(100 * MS, 60_000, 60_001)
    assert prices(emit(market=narrow, half=0.0)[0]) == (60_000, 60_001)
    assert prices(emit(market=narrow, half=0.0, inventory={"bid_shift_ticks": 9.0, "ask_shift_ticks": 9.0})[0]) == (60_000, 60_010)


def test_quotes_may_be_about_the_microprice():
    market = market_view(100 * MS, 60_000, 60_002, bid_lots=30, ask_lots=10)  # 60,001.5
    assert prices(emit(market=market, params={"use_microprice": 1})[0]) == (59_998, 60_005)


def test_shifts_and_guards_move_the_prices():
    assert prices(emit(inventory={"bid_shift_ticks": -2.0, "ask_shift_ticks": -1.0})[0]) == (59_996, 60_003)
    assert prices(emit(guards={"spread_scale": 1.5, "level": GUARD_SOFT})[0]) == (59_996, 60_006)


def test_nudges_stop_at_the_best_price():
    assert prices(emit(nudge={"bid_nudge_ticks": 1.0})[0]) == (59_999, 60_004)
    assert prices(emit(nudge={"bid_nudge_ticks": 50.0, "ask_nudge_ticks": 50.0})[0]) == (60_000, 60_002)


def test_size_is_scaled_by_guard_and_allocator():
    quote = emit(params={"order_lots": 10}, guards={"size_scale": 0.5}, control={"weight": 1.5})[0]
    assert (quote.bid_lots, quote.ask_lots) == (7, 7)
    assert emit(guards={"size_scale": 0.5})[0].bid_lots == 1  # a lot cannot be halved


def test_a_size_of_no_lot_is_not_quoted():
    quote = emit(params={"order_lots": 0.5})[0]
    assert (quote.bid_lots, quote.ask_lots, quote.reasons) == (0, 0, reasons.SMALL_NOTIONAL)


def test_a_ladder_has_its_steps_and_sizes():
    quote = emit(params={"levels": 3, "level_step_ticks": 5, "order_lots": 8, "lots_factor": 0.5})[0]
    assert (quote.levels, quote.step_ticks, quote.bid_lots, quote.lots_factor) == (3, 5, 8, 0.5)


def test_the_allocator_limits_the_levels():
    assert emit(params={"levels": 5}, control={"max_quotes": 2})[0].levels == 2


def test_the_room_limits_a_ladder_as_a_whole():
    """8 + 4 + 2 lots do not fit 10; 6 + 3 + 1 do."""
    ladder = {"levels": 3, "order_lots": 8, "lots_factor": 0.5}
    assert emit(params=ladder, inventory={"room_bid_lots": 10})[0][1::2][:2] == (6, 8)
    quote = emit(params=ladder, inventory={"room_bid_lots": 2})[0]
    assert (quote.bid_lots, quote.ask_lots, quote.reasons) == (0, 8, reasons.BID_LIMIT)
    quote = emit(inventory={"room_ask_lots": 0})[0]
    assert (quote.bid_lots, quote.ask_lots, quote.ask_ticks, quote.reasons) == (1, 0, 0, reasons.ASK_LIMIT)


def test_an_order_is_no_larger_than_the_filter():
    assert emit(params={"order_lots": 9, "max_order_lots": 4})[0].bid_lots == 4
    growing = {"order_lots": 9, "max_order_lots": 9, "levels": 5, "lots_factor": 2}
    quote = emit(params=growing)[0]
    assert (quote.levels, quote.bid_lots) == (4, 1)  # 1, 2, 4, 8 lots; 16 would be too many


def test_an_order_worth_less_than_the_filter_is_not_sent():
    """A lot is worth 6 at the mid, and a little less at the bid; of the ask an inverse lot would be worth less."""
    assert emit(params={"order_lots": 2, "min_notional": 11.9})[0].bid_lots == 2
    quote = emit(params={"order_lots": 2, "min_notional": 12})[0]
    assert (quote.bid_lots, quote.ask_lots, quote.reasons) == (0, 0, reasons.SMALL_NOTIONAL)


def test_an_order_worth_just_the_filter_is_sent():
    """Two lots of 8 at three quarters of the mid are 12."""
    market = market_view(100 * MS, 65_535, 65_537, lot_value=8.0)
    for least, lots in ((12.0, 2), (12.0001, 0)):
        assert emit(params={"order_lots": 2, "min_notional": least}, market=market, half=16_384.0)[0].bid_lots == lots


NOTHING = [
    ({"guards": {"level": GUARD_HARD, "hard": reasons.PNL}}, reasons.PNL),
    ({"fetch": {"invalid": 1}}, reasons.FEED_GAP),
    ({"fetch": {"invalid": 1, "stale": 1}}, reasons.STALE_BOOK),
    ({"control": {"blocked": 1}}, reasons.BLOCKED),
    ({"control": {"max_quotes": 0}}, reasons.BLOCKED),
    ({"control": {"weight": 0.0}}, reasons.BLOCKED),
    ({"market": market_view(100 * MS, 60_002, 60_002)}, reasons.BAD_BOOK),
]


@pytest.mark.parametrize(("given", "reason"), NOTHING)
def test_what_stops_all_quotes(given, reason):
    quote, _ = emit(**given)
    assert (quote.bid_lots, quote.ask_lots, quote.levels, quote.reasons) == (0, 0, 0, reason)


def test_prices_stand_for_the_refresh_interval_times_the_root_of_the_weight():
    held = {"refresh_ms": 400}
    quote, memory = emit(100, None, held)
    assert quote.reasons == 0
    quote, after = emit(200, memory, held, half=9.0)
    assert (prices(quote), quote.reasons) == ((59_998, 60_004), reasons.HELD)
    assert prices(emit(500, after, held, half=9.0)[0]) == (59_992, 60_010)
    assert prices(emit(299, after, held, half=9.0, control={"weight": 0.25})[0]) == (59_998, 60_004)
    assert prices(emit(300, after, held, half=9.0, control={"weight": 0.25})[0]) == (59_992, 60_010)


def test_held_prices_give_way_when_the_market_comes_to_them_or_leaves_them():
    held = {"refresh_ms": 4000}
    _, memory = emit(100, None, held)
    up = market_view(200 * MS, 60_004, 60_006)  # the mid is beyond our ask
    assert prices(emit(200, memory, held, up)[0]) == (60_002, 60_008)
    _, memory = emit(100, None, held, half=30.0)
    away = market_view(200 * MS, 59_998, 60_000)  # the ask is now 32 ticks away, and may be 30
    assert prices(emit(200, memory, held, away, half=30.0)[0]) == (59_969, 60_029)


def test_a_stricter_guard_moves_held_prices_only_away():
    held = {"refresh_ms": 4000}
    _, memory = emit(100, None, held)
    soft = {"level": GUARD_SOFT, "spread_scale": 1.5, "size_scale": 0.5}
    assert prices(emit(200, memory, held, guards=soft)[0]) == (59_996, 60_006)
    quote, _ = emit(200, memory, held, half=1.0, guards=soft)
    assert (prices(quote), quote.reasons) == ((59_998, 60_004), reasons.HELD)


def test_far_orders_are_cancelled_but_never_the_wanted_ones():
    assert emit()[0].far_ticks == pytest.approx(18.0003)
    assert emit(half=30.0)[0].far_ticks == 30.0
    assert emit(params={"levels": 3, "level_step_ticks": 20})[0].far_ticks == 43.0
    assert emit(params={"fast_cancel_bps": 0})[0].far_ticks == 0.0


def test_an_order_very_far_away_rests_its_side():
    quote, memory = emit(100, queue={"worst_bid_ticks": 59_940})
    assert (quote.bid_lots, quote.ask_lots, quote.reasons) == (0, 1, reasons.COOL_DOWN)
    assert emit(599, memory)[0].bid_lots == 0
    assert emit(600, memory)[0].bid_lots == 1
    assert emit(100, queue={"worst_bid_ticks": 59_941})[0].bid_lots == 1  # 10 bps exactly are not beyond 10 bps


def test_orders_of_a_deep_ladder_do_not_rest_their_side():
    deep = {"levels": 5, "level_step_ticks": 30}
    _, memory = emit(100, None, deep)
    assert emit(200, memory, deep, queue={"worst_bid_ticks": 59_998 - 120})[0].bid_lots == 1


TAKING = {"post_only": 0}


@pytest.mark.parametrize(
    ("signals", "may"),
    [
        ({"fills_1h": 498, "taker_fills_1h": 48}, True),
        ({"fills_1h": 999, "taker_fills_1h": 49}, False),  # both orders could take: 51
        ({"fills_1h": 999, "taker_fills_1h": 46, "open_orders": 3}, False),
        ({"fills_1h": 18, "taker_fills_1h": 0}, True),  # 2 of 20 are 10 %
        ({"fills_1h": 17, "taker_fills_1h": 0}, False),
        ({"fills_1h": 38, "taker_fills_1h": 2}, True),  # 4 of 40
        ({"fills_1h": 37, "taker_fills_1h": 2}, False),  # those that were takers are among the fills already
    ],
)
def test_quotes_may_take_while_cap_and_share_would_hold(signals, may):
    quote, _ = emit(params=TAKING, signals=signals)
    assert (quote.tif, quote.reasons) == ((GTC, 0) if may else (POST_ONLY, reasons.TAKER_CAP))


@pytest.mark.parametrize(("volatility", "cap"), [(9.9, 50), (10.0, 75), (20.0, 75), (20.1, 30)])
def test_the_cap_follows_the_regime(volatility, cap):
    known = {"return_std_bps": volatility, "returns": 20, "fills_1h": 10_000}
    regime = TAKING | {"taker_cap_by_regime": 1}
    assert emit(params=regime, signals=known | {"taker_fills_1h": cap - 2})[0].tif == GTC
    assert emit(params=regime, signals=known | {"taker_fills_1h": cap - 1})[0].tif == POST_ONLY


def test_the_fixed_cap_holds_until_the_regime_is_known():
    cold = {"return_std_bps": 15.0, "returns": 19, "fills_1h": 10_000, "taker_fills_1h": 49}
    assert emit(params=TAKING | {"taker_cap_by_regime": 1}, signals=cold)[0].tif == POST_ONLY


PROTECTED = {"stop_bps": 10, "take_profit_bps": 20}


def test_protective_orders_stand_at_their_distance_from_the_entry():
    quote, memory = emit(100, None, PROTECTED, position=3)
    assert (quote.stop_ticks, quote.take_profit_ticks) == (59_940, 60_122)
    later = market_view(200 * MS, 60_100, 60_102)
    quote, memory = emit(200, memory, PROTECTED, later, position=3)
    assert (quote.stop_ticks, quote.take_profit_ticks) == (59_940, 60_122)
    quote, memory = emit(200, memory, PROTECTED, later, position=6)  # as many again, 100 ticks higher
    assert memory.entry_ticks == 60_051.0
    quote, memory = emit(300, memory, PROTECTED, position=-1)
    assert (quote.stop_ticks, quote.take_profit_ticks) == (60_062, 59_880)
    assert emit(400, memory, PROTECTED)[0][9:11] == (0, 0)


def test_protective_orders_stand_while_quotes_are_stopped():
    quote, _ = emit(params=PROTECTED, position=3, guards={"level": GUARD_HARD, "hard": reasons.HALTED})
    assert (quote.levels, quote.stop_ticks, quote.take_profit_ticks) == (0, 59_940, 60_122)


def test_a_run_that_waits_is_not_quoted():
    quote, memory = emit(fetch={"wait_ns": 1})
    assert quote.levels == 0
    assert memory == memory_of("emit")


def test_a_size_below_nothing_is_refused():
    """It stops the run under STRAT-004 instead of never quoting."""
    with pytest.raises(ValueError, match="negative"):
        emit(params={"order_lots": -3})
