"""The portfolio's limit: budgets of position, so that the sum of |position value| cannot exceed max_gross.

At a barrier each symbol's worst position is known: what its Node holds plus all that its open orders, those with a
cancel under way too, could still fill on one side. Fills that the Node has not heard of are among these. From then on
the Node sends nothing that could take it beyond its budget, so until the next barrier its position stays within the
larger of budget and worst position. `budgets` gives out lots such that these larger ones, at the barrier's mids, sum to
at most max_gross. Only prices can carry the sum beyond; then no symbol may add to its position.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple


class Exposure(NamedTuple):
    """What a symbol has at stake.

    lot_value    value of one lot at the last mid, quote currency; None before the first mid.
    worst_lots   largest position, of either sign, that it can reach with the orders it has; >= 0.
    """

    lot_value: Fraction | None
    worst_lots: int

    @property
    def value(self) -> Fraction:
        """Value of the worst position, quote currency."""
        return self.worst_lots * (self.lot_value or Fraction(0))


def budgets(exposures: Mapping[str, Exposure], weights: Mapping[str, float], max_gross: Fraction) -> dict[str, int]:
    """Return the largest position of each symbol, lots; shares of max_gross go by weight.

    A symbol without weight, or without a mid, gets 0. One whose worst position is worth more than its share keeps that
    share as its budget (it may only reduce) while what it holds is taken off for the others.
    """
    over: dict[str, Fraction] = {}
    while True:
        left = max(max_gross - sum((exposures[symbol].value for symbol in over), Fraction(0)), Fraction(0))
        shares = _shares(left, {symbol: weights.get(symbol, 0.0) for symbol in exposures if symbol not in over})
        newly = {symbol: share for symbol, share in shares.items() if exposures[symbol].value > share}
        if not newly:
            return {symbol: _lots(exposures[symbol], (shares | over)[symbol]) for symbol in exposures}
        over |= newly


def _shares(value: Fraction, weights: Mapping[str, float]) -> dict[str, Fraction]:
    exact = {symbol: Fraction(weight) for symbol, weight in weights.items()}
    total = sum(exact.values(), Fraction(0))
    return {symbol: value * weight / total if total else Fraction(0) for symbol, weight in exact.items()}


def _lots(exposure: Exposure, value: Fraction) -> int:
    return int(value / exposure.lot_value) if exposure.lot_value else 0


def committed(exposure: Exposure, budget_lots: int) -> Fraction:
    """Return the most that a symbol can be worth until the next barrier, at this barrier's mid."""
    return max(exposure.worst_lots, budget_lots) * (exposure.lot_value or Fraction(0))
