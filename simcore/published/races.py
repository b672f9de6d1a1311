"""Races of two queues, solved exactly: which of bid and ask empties first, and whether our orders fill before.

A queue of the best price gains orders at a constant rate; it loses them to market orders, and to cancellations at a
rate for each order that stands in it (Cont, Stoikov, Talreja) or for the queue as a whole (Cont, de Larrard). The
mid price moves when either is empty. Rates are per second; only their ratios matter here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.records import FloatArray


@dataclass(frozen=True)
class Flow:
    """Rates at each best price: limit orders, market orders against it, cancellations an order and of the queue."""

    limit: float
    market: float
    cancel_each: float = 0.0
    cancel_any: float = 0.0

    def loss(self, orders: int, patient: int = 0) -> float:
        """Return the rate at which a queue of `orders` loses one; `patient` of them are never cancelled."""
        return self.market + self.cancel_each * (orders - patient) + self.cancel_any


# R. Cont, S. Stoikov, R. Talreja (2010), table 2: Sky Perfect Communications, spread of one tick.
STOIKOV_TALREJA = Flow(limit=1.85, market=0.94, cancel_each=0.71)
# The same without cancellations, and balanced: all that leaves a queue trades.
TRADES_ONLY = Flow(limit=0.94, market=0.94)
# R. Cont, A. de Larrard (2013), balanced flow: as many orders come as go; the share of cancellations does not matter.
DE_LARRARD = Flow(limit=1.0, market=0.5, cancel_any=0.5)


def up_probabilities(flow: Flow, shown: int, most: int) -> FloatArray:
    """Return P(mid moves up) for 1..shown orders at the bid (rows) and at the ask (columns).

    most  orders that a queue can hold; one that comes then is turned away, which must hardly ever happen.
    """
    size = most * most
    matrix = np.zeros((size, size))
    hit = np.zeros(size)
    for bid in range(1, most + 1):
        for ask in range(1, most + 1):
            row = (bid - 1) * most + ask - 1
            gain_bid = flow.limit if bid < most else 0.0
            gain_ask = flow.limit if ask < most else 0.0
            matrix[row, row] = gain_bid + gain_ask + flow.loss(bid) + flow.loss(ask)
            if gain_bid > 0.0:
                matrix[row, row + most] = -gain_bid
            if gain_ask > 0.0:
                matrix[row, row + 1] = -gain_ask
            if bid > 1:
                matrix[row, row - most] = -flow.loss(bid)
            if ask > 1:
                matrix[row, row - 1] = -flow.loss(ask)
            else:
                hit[row] = flow.loss(ask)
    return np.asarray(np.linalg.solve(matrix, hit)).reshape(most, most)[:shown, :shown]


def fill_probabilities(flow: Flow, shown: int, most: int) -> FloatArray:
    """Return P(our order fills before the mid moves): [place of our order 1..shown, orders opposite 0..most].

    Our order is the last of the queue and stays; nobody ahead of it comes, and what comes behind does not matter.
    Cont, Stoikov and Talreja (2010), proposition 5; with an empty queue opposite the mid has moved already.
    """
    table = np.zeros((shown + 1, most + 1))
    table[0, 1:] = 1.0
    for place in range(1, shown + 1):
        advance = flow.loss(place, patient=1)
        matrix = np.zeros((most, most))
        hit = advance * table[place - 1, 1:]
        for other in range(1, most + 1):
            gain = flow.limit if other < most else 0.0
            matrix[other - 1, other - 1] = advance + gain + flow.loss(other)
            if gain > 0.0:
                matrix[other - 1, other] = -gain
            if other > 1:
                matrix[other - 1, other - 2] = -flow.loss(other)
        table[place, 1:] = np.linalg.solve(matrix, hit)
    return table[1:]


def spread_probabilities(flow: Flow, shown: int, most: int) -> FloatArray:
    """Return P(our bid and our ask both fill before the mid moves): places in the queues, [1..shown, 1..shown].

    While both stand, the mid cannot move. Once one has filled, the orders behind it are its queue, and the other must
    fill before those are gone: the case of `fill_probabilities`.
    """
    fill = np.vstack([np.zeros(most + 1), fill_probabilities(flow, shown, most)])
    behind = np.arange(most + 1)
    leaves = flow.cancel_each * behind + flow.cancel_any * (behind > 0)
    joins = np.where(behind < most, flow.limit, 0.0)
    first = np.zeros((shown + 1, shown + 1, most + 1))  # ours fills first: [our place, place of the other, behind us]
    for place in range(1, shown + 1):
        for other in range(1, shown + 1):
            advance, advance_other = flow.loss(place, patient=1), flow.loss(other, patient=1)
            matrix = np.diag(advance + advance_other + joins + leaves) - np.diag(joins[:-1], 1) - np.diag(leaves[1:], -1)
            after = fill[other] if place == 1 else first[place - 1, other]
            passed = first[place, other - 1] if other > 1 else np.zeros(most + 1)
            first[place, other] = np.linalg.solve(matrix, advance * after + advance_other * passed)
    ours = first[1:, 1:, 0]
    return np.asarray(ours + ours.T)


def de_larrard_integral(shown: int, nodes: int = 400) -> FloatArray:
    """Return P(mid moves up) of the balanced flow by its integral: bid 1..shown (rows), ask 1..shown (columns).

    P = (1 / pi) int_0^pi (2 - cos t - sqrt((2 - cos t)^2 - 1))^ask sin(bid t) cos(t / 2) / sin(t / 2) dt.
    Cont and de Larrard (2013), proposition 3; Gauss-Legendre quadrature.
    """
    points, weights = np.polynomial.legendre.leggauss(nodes)
    t = 0.5 * np.pi * (points + 1.0)
    base = 2.0 - np.cos(t)
    decay = base - np.sqrt(base * base - 1.0)
    kernel = 0.5 * weights * np.cos(0.5 * t) / np.sin(0.5 * t)
    orders = np.arange(1, shown + 1)
    return np.asarray((kernel * np.sin(orders[:, None] * t)) @ (decay[:, None] ** orders))
