"""Inventory: skew, its dead zone and its limit, and the room that is left."""

import pytest

from tests.property.contexts import make_context, market_view
from tests.property.plain import params_of, run_stage

TEN_BPS = 60.0  # ticks, of the mid below


def lean(position, budget=-1, **params):
    context = make_context(market_view(100_000_000, 59_999, 60_001), position, control={"budget_lots": budget})
    return run_stage("inventory", context, params_of("inventory", **params))[0].inventory


@pytest.mark.parametrize("position", [-5, 0, 5])
def test_within_five_percent_nothing_moves(position):
    had = lean(position)
    assert (had.bid_shift_ticks, had.ask_shift_ticks, had.skew_bps) == (0.0, 0.0, 0.0)
    assert had.inventory_pct == position


def test_a_long_position_lowers_the_ask_by_half_and_the_bid_by_a_quarter():
    had = lean(6)
    assert had.skew_bps == pytest.approx(0.6)
    assert had.ask_shift_ticks == pytest.approx(-0.06 * TEN_BPS / 2)
    assert had.bid_shift_ticks == pytest.approx(-0.06 * TEN_BPS / 4)


def test_a_short_position_is_mirrored():
    had = lean(-6)
    assert had.bid_shift_ticks == pytest.approx(0.06 * TEN_BPS / 2)
    assert had.ask_shift_ticks == pytest.approx(0.06 * TEN_BPS / 4)


def test_the_slope_counts_from_the_target():
    assert lean(26, target_pct=20, max_skew_bps=9).skew_bps == pytest.approx(0.6)
    assert lean(16, target_pct=20).skew_bps == 0.0
    assert lean(0, target_pct=20, max_skew_bps=9).skew_bps == pytest.approx(-2.0)


def test_the_skew_is_limited():
    assert lean(100).skew_bps == 0.6
    assert lean(-100).skew_bps == -0.6


def test_the_room_is_what_the_smaller_limit_leaves():
    assert (lean(30).room_bid_lots, lean(30).room_ask_lots) == (70, 130)
    assert (lean(30, budget=40).room_bid_lots, lean(30, budget=40).room_ask_lots) == (10, 70)
    assert lean(30, budget=40).inventory_pct == 75.0
    assert (lean(130).room_bid_lots, lean(130).inventory_pct) == (0, 100.0)


@pytest.mark.parametrize(("position", "percent"), [(3, 100.0), (-3, -100.0), (0, 0.0)])
def test_a_budget_of_nothing_makes_any_position_full(position, percent):
    had = lean(position, budget=0)
    assert had.inventory_pct == percent
    assert (had.room_bid_lots, had.room_ask_lots) == (max(-position, 0), max(position, 0))


def test_it_adds_to_what_an_earlier_stage_has_shifted():
    context = make_context(market_view(100_000_000, 59_999, 60_001), 6)
    context = context._replace(inventory=context.inventory._replace(bid_shift_ticks=10.0, ask_shift_ticks=10.0, room_bid_lots=7))
    had = run_stage("inventory", context)[0].inventory
    assert had.ask_shift_ticks == pytest.approx(10.0 - 1.8)
    assert (had.room_bid_lots, had.room_ask_lots) == (7, 106)
