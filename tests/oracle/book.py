"""The book of semantics section 2: a dict of levels and a sorted list of prices for each side."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import NamedTuple

from simcore import records as r
from tests.oracle.rows import Row

SET_KINDS = (r.DEPTH, r.SNAPSHOT, r.BEST)
L3_LESS = (r.L3_REDUCE, r.L3_EXEC)


class Change(NamedTuple):
    """A level that a row set, cleared or changed: prev lots before, new lots after."""

    side: int
    price: int
    prev: int
    new: int


def better(side: int, price: int, other: int) -> bool:
    """Whether price is strictly better than other for a resting order of the side."""
    return price > other if side == r.BID else price < other


class Book:
    """Levels by side: price ticks -> lots (always positive)."""

    def __init__(self) -> None:
        self.levels: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._prices: tuple[list[int], list[int]] = ([], [])

    def lots(self, side: int, price: int) -> int:
        return self.levels[side].get(price, 0)

    def best(self, side: int) -> int | None:
        prices = self._prices[side]
        if not prices:
            return None
        return prices[-1] if side == r.BID else prices[0]

    def prices_best_first(self, side: int) -> Iterator[int]:
        prices = self._prices[side]
        return reversed(prices) if side == r.BID else iter(prices)

    def top(self) -> tuple[int, int]:
        """Return (best bid, best ask), NO_PRICE where a side is empty."""
        return self.best(r.BID) or r.NO_PRICE, self.best(r.ASK) or r.NO_PRICE

    def apply(self, row: Row) -> list[Change]:
        """Change the book by a row. Returns the levels touched, best first."""
        if row.kind == r.CLEAR:
            sides = (r.BID, r.ASK) if row.side is None else (row.side,)
            return [change for side in sides for change in self._clear(side, row)]
        if row.side is None:
            return []
        if row.kind in SET_KINDS:
            changes = self._remove_better(row.side, row.price) if row.kind == r.BEST else []
            return [*changes, self._set(row.side, row.price, row.qty)]
        if row.kind == r.L3_ADD:
            return [self._set(row.side, row.price, self.lots(row.side, row.price) + row.qty)]
        if row.kind in L3_LESS:
            return [self._set(row.side, row.price, max(self.lots(row.side, row.price) - row.qty, 0))]
        return []

    def _set(self, side: int, price: int, lots: int) -> Change:
        levels, prices = self.levels[side], self._prices[side]
        prev = levels.get(price, 0)
        if lots > 0:
            levels[price] = lots
            if prev == 0:
                insort(prices, price)
        elif prev > 0:
            del levels[price]
            del prices[bisect_left(prices, price)]
        return Change(side, price, prev, max(lots, 0))

    def _remove_better(self, side: int, price: int) -> list[Change]:
        gone = []
        for level in self.prices_best_first(side):
            if not better(side, level, price):
                break
            gone.append(level)
        return [self._set(side, level, 0) for level in gone]

    def _clear(self, side: int, row: Row) -> list[Change]:
        gone = []
        for level in self.prices_best_first(side):
            if row.qty != 0 and better(side, row.price, level):
                break
            gone.append(level)
        return [self._set(side, level, 0) for level in gone]
