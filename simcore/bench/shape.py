"""What a tape is like, as far as speed depends on it."""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.config.model import BookConfig
from simcore.records import BEST, DEPTH, KIND_MASK, L3_ADD, L3_EXEC, L3_REDUCE, SNAPSHOT, TRADE
from simcore.tape.read import Tape

_LEVELS = (DEPTH, SNAPSHOT, BEST, L3_ADD, L3_REDUCE, L3_EXEC)


def shape(tape: Tape) -> dict[str, Any]:
    """Return the share of trades among the rows, and of rows that are far from the market, both in %.

    Far: the price of a level is more than half the default book window (`book.window_ticks`) from the last trade (before the
    first trade: from the first level's price). Books keep such levels outside their fast array.
    """
    rows = trades = far = 0
    last = -1
    for chunk in tape.chunks(columns=("ev", "price_ticks"), check=False):
        kind, price = chunk.ev & KIND_MASK, chunk.price_ticks
        is_trade = kind == TRADE
        level = np.isin(kind, _LEVELS) & (price > 0)
        place = np.maximum.accumulate(np.where(is_trade, np.arange(len(kind)), -1))
        if last < 0:
            seen = np.flatnonzero(level | is_trade)
            last = int(price[seen[0]]) if len(seen) else -1
        market = np.where(place >= 0, price[place], last)
        far += int(np.count_nonzero(level & (np.abs(price - market) > BookConfig().window_ticks // 2)))
        trades += int(np.count_nonzero(is_trade))
        rows += len(kind)
        if len(kind) and place[-1] >= 0:
            last = int(price[place[-1]])
    return {"trades_pct": round(100 * trades / rows, 2), "far_rows_pct": round(100 * far / rows, 2)}
