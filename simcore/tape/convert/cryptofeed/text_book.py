"""A book that keeps the exchange's own texts of price and quantity: checksums are made of them."""

from __future__ import annotations

from bisect import bisect_left, insort

from simcore.records import ASK
from simcore.tape.convert.levels import number


class TextBook:
    """Levels of both sides, best first, as [price text, quantity text]."""

    def __init__(self) -> None:
        self._texts: tuple[dict[float, tuple[str, str]], dict[float, tuple[str, str]]] = ({}, {})
        self._keys: tuple[list[float], list[float]] = ([], [])  # price of asks, minus price of bids: sorted, best first

    def clear(self) -> None:
        for side in (0, 1):
            self._texts[side].clear()
            self._keys[side].clear()

    def set(self, side: int, price: str, qty: str) -> None:
        """Set a level; quantity 0 removes it."""
        value = number(price)
        key = value if side == ASK else -value
        texts, keys = self._texts[side], self._keys[side]
        if number(qty) != 0:
            if key not in texts:
                insort(keys, key)
            texts[key] = (price, qty)
        elif key in texts:
            del texts[key]
            del keys[bisect_left(keys, key)]

    def top(self, side: int, count: int) -> list[tuple[str, str]]:
        """Return the best levels."""
        texts = self._texts[side]
        return [texts[key] for key in self._keys[side][:count]]

    def cut(self, side: int, depth: int) -> list[str]:
        """Forget the levels behind the best `depth`; return their prices."""
        keys = self._keys[side]
        gone = [self._texts[side].pop(key)[0] for key in keys[depth:]]
        del keys[depth:]
        return gone
