"""Which arm a unit of trade goes to: a stable hash of salt, symbol, day and time block (docs/ab.md).

The place of a unit, 0 to 100, depends on nothing else: not on the other units, the process, the Python version or the split.
So the same unit is in the same arm in every run, adding symbols moves no other, and raising the split moves units to B only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import NamedTuple

BY_SYMBOL, BY_DAY, BY_WINDOW = "symbol", "day", "window"
_PLACES = 1 << 64


class Router(NamedTuple):
    """split: share of units that go to B, percent. by: what a unit is. only_a: symbols that never go to B.

    only: if not empty, the only symbols that may go to B.
    """

    split: float
    salt: str
    by: str = BY_DAY
    only: Collection[str] = ()
    only_a: Collection[str] = ()

    def is_b(self, key: str, name: str, day: str, window: int) -> bool:
        """Whether a symbol trades with B in a window of a day.

        key: venue:SYMBOL. name: how users call it; lists may hold either. window: its number since 1970.
        """
        if key in self.only_a or name in self.only_a:
            return False
        if self.only and key not in self.only and name not in self.only:
            return False
        parts = (key,) if self.by == BY_SYMBOL else (key, day) if self.by == BY_DAY else (key, day, str(window))
        return place(self.salt, *parts) < self.split


def place(salt: str, *parts: str) -> float:
    """Return where a unit stands, 0 <= place < 100: the first 64 bits of SHA-256 of its parts as a JSON list, as a percentage.

    Only the first 53 of these bits count, so that the float is exact and never 100.
    """
    text = json.dumps([salt, *parts], ensure_ascii=True, separators=(",", ":"))
    whole = int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "big")
    return 100.0 * ((whole >> 11) / (_PLACES >> 11))
