"""Which of the recorded trades are on the tape: each once, from one stream, and only prints of a quantity.

An id says which trade it is, not when it came: ids arrive out of order, so a trade is repeated if its id came before,
however large the ids between were.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from simcore.tape.convert.binance_book import AGG_TRADE, NO_SIDE, NOT_MARKET, PRINT, UNUSED, Messages

_ENOUGH = 0.99  # of the quantity of the aggregated trades: so much the single trades must hold to be preferred
_NAMES = {PRINT: "trade", AGG_TRADE: "aggTrade"}


def chosen_trades(messages: Messages, counts: Counter[str], warnings: list[str]) -> Any:
    """Return the kinds of the messages without the trades that are not on the tape; counts and warnings are added to."""
    m = messages
    kind = m.kind.copy()
    at = np.cumsum(m.bids + m.asks) - m.bids - m.asks  # of each message: its first level
    stream = np.where(kind == NOT_MARKET, m.prev_id, kind)
    firsts = {}
    for which in (PRINT, AGG_TRADE):
        own = np.flatnonzero(stream == which)
        _, first = np.unique(m.last_id[own], return_index=True)
        firsts[which] = own[first]
    taken = _chosen_stream(m, kind, at, firsts, counts, warnings)
    kind[kind == NOT_MARKET] = UNUSED
    if not len(firsts[taken]):
        return kind
    _missing(m.last_id[firsts[taken]], taken, counts, warnings)
    prints = np.flatnonzero(kind == taken)
    empty = prints[m.levels[at[prints], 1] == 0]
    kind[empty] = UNUSED
    _repeats(m, kind, np.flatnonzero(kind == taken), at, counts, warnings)
    sideless = int((m.prev_id[kind == taken] == NO_SIDE).sum())
    not_market = sum(count for name, count in counts.items() if name.startswith("trades_not_market_"))
    counts["trades_without_quantity"] += len(empty)
    counts["trades_without_side"] += sideless
    if len(empty):
        warnings.append(f"{len(empty)} trades without a quantity were left out")
    if sideless:
        warnings.append(f"{sideless} trades do not say who the aggressor was (no m)")
    if not_market:
        warnings.append(f"{not_market} trades that were not made in the market (insurance fund, auto-deleveraging) were left out")
    return kind


def _chosen_stream(m: Messages, kind: Any, at: Any, firsts: dict[int, Any], counts: Counter[str], warnings: list[str]) -> int:
    """Choose single or aggregated trades for the whole source, and leave out the others (kind is changed)."""
    quantities = {}
    for which, first in firsts.items():
        prints = first[kind[first] == which]
        quantities[which] = float(m.levels[at[prints], 1].sum())
    if not len(firsts[PRINT]) or not len(firsts[AGG_TRADE]):
        return PRINT if len(firsts[PRINT]) else AGG_TRADE
    taken = PRINT if quantities[PRINT] >= _ENOUGH * quantities[AGG_TRADE] else AGG_TRADE
    other = AGG_TRADE if taken == PRINT else PRINT
    left_out = kind == other
    kind[left_out] = UNUSED
    counts[f"ignored_{_NAMES[other]}"] += int(left_out.sum())
    texts = [f"{_NAMES[which]} ({len(firsts[which])} trades, quantity {quantities[which]:.8g})" for which in (taken, other)]
    warnings.append(f"the source holds each trade in two streams: {texts[0]} was taken for all of it, {texts[1]} was left out")
    return taken


def _repeats(m: Messages, kind: Any, own: Any, at: Any, counts: Counter[str], warnings: list[str]) -> None:
    """Leave out trades whose id came before (kind is changed); say so where they differ from the first one."""
    _, first, which = np.unique(m.last_id[own], return_index=True, return_inverse=True)
    again = own[first[which] != np.arange(len(own))]
    if not len(again):
        return
    before = own[first[which]][first[which] != np.arange(len(own))]
    same = (m.exch[again] == m.exch[before]) & (m.asks[again] == m.asks[before]) & (m.levels[at[again]] == m.levels[at[before]]).all(axis=1)
    kind[again] = UNUSED
    differing = int((~same).sum())
    counts["trades_repeated"] += len(again) - differing
    counts["trades_with_a_known_id_that_differ"] += differing
    if len(again) > differing:
        warnings.append(f"{len(again) - differing} trades were recorded again (same id) and left out")
    if differing:
        line = int(m.line[again[~same][0]])
        warnings.append(f"{differing} trades have the id of another trade but differ from it; the first was kept (line {line})")


def _missing(ids: Any, taken: int, counts: Counter[str], warnings: list[str]) -> None:
    """Count ids between the first and the last that never came. ids: each once."""
    missing = int(ids.max()) - int(ids.min()) + 1 - len(ids)
    counts["trades_missing"] += missing
    if missing:
        warnings.append(f"{missing} {_NAMES[taken]} ids between {ids.min()} and {ids.max()} are missing: trades that were not recorded")
