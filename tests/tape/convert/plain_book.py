"""A book of levels in its plainest form, for comparing tapes with what their sources say."""

from __future__ import annotations

from typing import Any

from simcore.records import ASK_BIT, BEST, CLEAR, DEPTH, KIND_MASK, NO_SIDE_BIT, SNAPSHOT


class PlainBook:
    """Price to quantity of bids and asks, in whatever units the rows have."""

    def __init__(self) -> None:
        self.sides: tuple[dict[Any, Any], dict[Any, Any]] = ({}, {})

    def apply(self, ev: int, price: Any, qty: Any) -> None:
        kind, side = ev & KIND_MASK, 1 if ev & ASK_BIT else 0
        levels = self.sides[side]
        if kind == BEST:
            for old in [p for p in levels if (p < price if side else p > price)]:
                del levels[old]
        if kind in (DEPTH, SNAPSHOT, BEST):
            levels.pop(price, None)
            if qty:
                levels[price] = qty
        elif kind == CLEAR:
            for one in (0, 1) if ev & NO_SIDE_BIT else (side,):
                self.sides[one].clear()

    def best(self, side: int) -> Any:
        """Return (price, quantity) of the best level, or None."""
        levels = self.sides[side]
        price = (min(levels) if side else max(levels)) if levels else None
        return None if price is None else (price, levels[price])

    def copy(self) -> tuple[dict[Any, Any], dict[Any, Any]]:
        return dict(self.sides[0]), dict(self.sides[1])
