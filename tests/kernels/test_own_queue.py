"""Where the Node thinks its orders stand: trades at and through their price, levels that change, orders that leave."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simcore import state as memory
from simcore.jit import entry
from simcore.kernels import at, own_queue, queue
from simcore.kernels import state as st
from simcore.kernels.book import set_level
from simcore.records import ASK, BID, Chunk

FOLLOW, LEVEL, TRADE, LEAVE = range(4)
BASE, WIDTH = 9_872, 256


@entry
def _do(handle: Any, what: int, side: int, price: int, lots: int) -> None:
    """Do something to lane 0; of FOLLOW and LEAVE price is the order's slot."""
    state = at.inside(handle)
    if what == FOLLOW:
        own_queue.follow(state, 0, price)
    elif what == LEVEL:
        set_level(state.local, side, price, lots)
        own_queue.level_changed(state, side, price)
    elif what == TRADE:
        own_queue.traded(state, side, price, lots)
    else:
        own_queue.leave(state, at.node_orders(state)[0, price])


class Node:
    """A lane that follows its orders with the queue model power (n = 1)."""

    def __init__(self) -> None:
        ints, floats = np.zeros((1, st.INTS_SIZE), np.int64), np.ones((1, st.FLOATS_SIZE))
        ints[:, st.P_NODE_QUEUE] = queue.POWER
        params = np.zeros((1, 1))
        self.state = memory.new_state(1, 8, WIDTH, BASE, ints, floats, params, params.copy(), [])
        empty = np.zeros(0, np.int64)
        rows = Chunk(empty, empty, empty.astype(np.uint8), empty, empty, empty)
        self._handle = memory.handle(self.state, memory.new_output(self.state), rows, rows)

    def level(self, side: int, price: int, lots: int) -> None:
        _do(self._handle, LEVEL, side, price, lots)

    def follow(self, slot: int, side: int, price: int) -> None:
        order = self.state.node_orders[0, slot]
        order["side"], order["price_ticks"], order["leaves_lots"] = side, price, 3
        _do(self._handle, FOLLOW, side, slot, 0)

    def leave(self, slot: int) -> None:
        _do(self._handle, LEAVE, 0, slot, 0)

    def trade(self, side: int, price: int, lots: int) -> None:
        _do(self._handle, TRADE, side, price, lots)

    def ahead(self, slot: int) -> float:
        return float(self.state.node_orders[0, slot]["ahead_lots"])


def behind(side: int, ticks: int = 1) -> int:
    """Return the sign of prices that are worse on a side, times so many ticks."""
    return -ticks if side == BID else ticks


SIDES = pytest.mark.parametrize("side", [BID, ASK])


def followed(side: int) -> tuple[Node, int]:
    """Return a lane with an order behind ten lots, and its price."""
    node, price = Node(), 9_990 if side == BID else 10_010
    node.level(side, price, 10)
    node.follow(1, side, price)
    assert node.ahead(1) == 10.0
    return node, price


@SIDES
def test_what_traded_is_no_cancel(side: int) -> None:
    """Four of the ten ahead trade, and the level shrinks by four: six are ahead. Another four that go are cancels."""
    node, price = followed(side)
    node.level(side, price, 16)
    node.trade(side, price, 4)
    assert node.ahead(1) == 6.0
    node.level(side, price, 12)
    assert node.ahead(1) == 6.0
    node.level(side, price, 8)
    assert node.ahead(1) == 4.0  # half of the lots stand behind us, and so do half of the cancels


@SIDES
def test_a_trade_through_our_price_empties_the_queue(side: int) -> None:
    """One at a better price leaves it; one on the other side, too."""
    node, price = followed(side)
    node.trade(side, price - behind(side), 50)
    node.trade(ASK if side == BID else BID, price, 50)
    assert node.ahead(1) == 10.0
    node.trade(side, price + behind(side), 1)
    assert node.ahead(1) == 0.0


@SIDES
def test_a_trade_reaches_each_order_by_its_price(side: int) -> None:
    """Through the best, at the second, and not to the third."""
    node, price = followed(side)
    for slot, away in ((2, 2), (3, 4)):
        node.level(side, price + behind(side, away), 20)
        node.follow(slot, side, price + behind(side, away))
    node.trade(side, price + behind(side, 2), 5)
    assert [node.ahead(slot) for slot in (1, 2, 3)] == [0.0, 15.0, 20.0]


@SIDES
def test_an_order_that_left_is_not_followed_and_those_beside_it_are(side: int) -> None:
    """Three at one level; the middle one leaves, then the last, then the first."""
    node, price = followed(side)
    for slot in (2, 3):
        node.follow(slot, side, price)
    for gone, left in ((2, (1, 3)), (3, (1,)), (1, ())):
        before = {slot: node.ahead(slot) for slot in (1, 2, 3)}
        node.leave(gone)
        node.trade(side, price, 1)
        assert {slot: node.ahead(slot) for slot in (1, 2, 3)} == {slot: value - (slot in left) for slot, value in before.items()}
