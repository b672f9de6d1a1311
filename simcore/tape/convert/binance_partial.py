"""Which depth the book is made from: changes of all levels, or books of the best 5, 10 or 20.

Changes are more than books of a few levels, so these are used only where there are no changes. Without a stream's
name the two look alike on futures: depth messages that all hold the same 5, 10 or 20 levels a side, in order, none of
them removed, are books of the best levels; changes never look so for long.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from simcore.tape.convert.binance_book import DIFF, PARTIAL_BOOK, UNUSED, Messages

_SIZES = (5, 10, 20)
_LEAST = 3  # messages that must look so before it is believed


def chosen_depth(messages: Messages, is_named: bool, counts: Counter[str], warnings: list[str]) -> Messages:
    """Return the messages with one kind of depth. is_named: a stream's name says that there are changes of depth."""
    m = messages
    diffs = np.flatnonzero(m.kind == DIFF)
    if not is_named and len(diffs) >= _LEAST and _are_books(m, diffs):
        levels = int(m.bids[diffs[0]])
        kind, first_id = m.kind.copy(), m.first_id.copy()
        kind[diffs], first_id[diffs] = PARTIAL_BOOK, levels
        m = m._replace(kind=kind, first_id=first_id)
        warnings.append(f"inferred: each of the {len(diffs)} depth messages is the book's best {levels} levels, since all hold so many and remove none")
    partial = m.kind == PARTIAL_BOOK
    if not partial.any():
        return m
    deepest = 0 if (m.kind == DIFF).any() else int(m.first_id[partial].max())
    kind = m.kind.copy()
    for levels in np.unique(m.first_id[partial]).tolist():
        own = partial & (m.first_id == levels)
        if levels != deepest:
            kind[own] = UNUSED
            counts[f"ignored_depth{levels}"] += int(own.sum())
            better = f"depth{deepest}" if deepest else "depth"
            warnings.append(f"{int(own.sum())} books of the best {levels} levels were left out, since {better} was recorded too")
    if deepest:
        counts["partial_books"] = int((kind == PARTIAL_BOOK).sum())
        warnings.append(f"the book is the best {deepest} levels only; what stands behind them is not known")
    return m._replace(kind=kind)


def _are_books(m: Messages, diffs: Any) -> bool:
    """Return whether the messages all hold equally many levels a side, best first, bids below asks, each with a quantity."""
    count = int(m.bids[diffs[0]])
    if count not in _SIZES or (m.bids[diffs] != count).any() or (m.asks[diffs] != count).any():
        return False
    starts = (np.cumsum(m.bids + m.asks) - m.bids - m.asks)[diffs]
    levels = m.levels[starts[:, None] + np.arange(2 * count)]
    price = levels[:, :, 0]
    steps = np.diff(price, axis=1)
    falls, rises = steps[:, : count - 1] < 0, steps[:, count:] > 0
    return bool((levels[:, :, 1] > 0).all() and falls.all() and rises.all() and (price[:, 0] < price[:, count]).all())
