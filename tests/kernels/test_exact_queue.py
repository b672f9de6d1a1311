"""Exact queues of L3 tapes: only what stood before us moves us up, and only executions behind that reach us."""

from __future__ import annotations

import pytest

from simcore.kernels import state as st
from simcore.records import ASK, BID, GTC, L3_ADD, L3_EXEC, L3_REDUCE, TRADE
from tests.regression.venue import Venue

SIDES = pytest.mark.parametrize("side", [BID, ASK])
PRICE = 10_000


def between(side: int) -> Venue:
    """An order of four lots, then ours of three, then one of six, at one price."""
    venue = Venue(queue_model="fifo")
    venue.state.clock[st.IS_L3] = 1
    venue.row(1, L3_ADD, side, PRICE, 4, 1)
    venue.place(2, 1, side, GTC, PRICE, 3)
    venue.row(3, L3_ADD, side, PRICE, 6, 2)
    assert venue.ahead(1) == 4.0
    return venue


def filled(events):
    return [(event.qty, event.leaves) for event in events if event.kind == "TRADED"]


@SIDES
def test_a_reduction_before_us_moves_us_up_and_one_behind_does_not(side):
    venue = between(side)
    venue.row(4, L3_REDUCE, side, PRICE, 5, 2)
    assert venue.ahead(1) == 4.0
    venue.row(5, L3_REDUCE, side, PRICE, 3, 1)
    assert venue.ahead(1) == 1.0
    venue.row(6, L3_REDUCE, side, PRICE, 1, 1)
    assert venue.ahead(1) == 0.0


@SIDES
def test_an_execution_before_us_moves_us_up_and_one_behind_fills_us(side):
    """The order behind us cannot trade before us: what it had is ours, up to our lots."""
    venue = between(side)
    assert filled(venue.row(4, L3_EXEC, side, PRICE, 4, 1)) == []
    assert venue.ahead(1) == 0.0
    assert filled(venue.row(5, L3_EXEC, side, PRICE, 2, 2)) == [(2, 1)]
    assert filled(venue.row(6, L3_EXEC, side, PRICE, 4, 2)) == [(1, 0)]


@SIDES
def test_an_execution_behind_us_while_others_stand_before_us_is_not_ours(side):
    venue = between(side)
    assert filled(venue.row(4, L3_EXEC, side, PRICE, 6, 2)) == []
    assert venue.ahead(1) == 4.0


@SIDES
def test_a_trade_that_names_no_order_moves_nothing(side):
    """Even where the tape is not said to be one of single orders."""
    venue = Venue(queue_model="fifo")
    venue.row(1, L3_ADD, side, PRICE, 4, 1)
    venue.place(2, 1, side, GTC, PRICE, 3)
    assert filled(venue.row(3, TRADE, ASK if side == BID else BID, PRICE, 9)) == []
    assert venue.ahead(1) == 4.0
