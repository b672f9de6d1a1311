"""Exchange times of Binance messages: estimated where they carry none, and never against the update ids."""

from __future__ import annotations

from collections import Counter

import numpy as np

from simcore.errors import ConvertError
from simcore.tape.convert.binance_book import BBO, DIFF, PARTIAL_BOOK, SNAP, UNUSED, Messages
from simcore.tape.convert.sources import NO_TIME
from simcore.units import NS_PER_MS, NS_PER_S

_BEHIND_NS_MAX = 60 * NS_PER_S  # an exchange time that is further behind that of an earlier update id is no time


def with_exchange_times(messages: Messages, counts: Counter[str], warnings: list[str]) -> Messages:
    """Estimate the exchange time of messages without one (spot bookTicker and snapshots).

    Local time less the median feed delay of the messages that have both, but between the event times of the
    depth messages that end before its update id and at or after it, and never against the order of the ids. A snapshot
    has the event time of the last depth message that it contains, if there is one: a later one says nothing of it.
    """
    kind, exch = messages.kind, messages.exch.copy()
    missing = (exch == NO_TIME) & (kind != UNUSED)
    if not missing.any():
        return messages
    counts["exchange_times_estimated"] = int(missing.sum())
    known = exch != NO_TIME
    delay = int(np.median(messages.local[known] - exch[known])) if known.any() else 0
    exch[missing] = messages.local[missing] - delay
    if not known.any():
        warnings.append("no message has an exchange time: exchange time was set to local time")
    diffs = np.flatnonzero(kind == DIFF)
    diffs = diffs[np.argsort(messages.last_id[diffs], kind="stable")]
    if len(diffs):
        ids, times = messages.last_id[diffs], np.maximum.accumulate(exch[diffs])
        fill = np.flatnonzero(missing)
        after = np.searchsorted(ids, messages.last_id[fill], "left")
        lo = np.where(after > 0, times[after - 1], 0)
        hi = np.where(after < len(ids), times[np.minimum(after, len(ids) - 1)], np.iinfo(np.int64).max)
        exch[fill] = np.clip(exch[fill], lo, hi)
        snaps = fill[kind[fill] == SNAP]
        upto = np.searchsorted(ids, messages.last_id[snaps], "right")
        exch[snaps[upto > 0]] = times[upto[upto > 0] - 1]
    tickers = np.flatnonzero(missing & (kind == BBO))
    tickers = tickers[np.argsort(messages.last_id[tickers], kind="stable")]
    exch[tickers] = np.maximum.accumulate(exch[tickers])
    return messages._replace(exch=exch)


def in_id_order(messages: Messages, counts: Counter[str], warnings: list[str]) -> Messages:
    """Raise exchange times of depth and tickers that are before that of an earlier update id: the ids say what came first.

    CONV-012 if a time is more than a minute behind.
    """
    m = messages
    book = np.flatnonzero(np.isin(m.kind, (DIFF, BBO, PARTIAL_BOOK)))
    book = book[np.lexsort((m.exch[book], m.last_id[book]))]
    risen = np.maximum.accumulate(m.exch[book])
    behind = risen - m.exch[book]
    if not behind.any():
        return m
    worst = int(np.argmax(behind))
    text = f"{behind[worst] / NS_PER_MS:.3f} ms (line {m.line[book[worst]]}, update id {m.last_id[book[worst]]})"
    if behind[worst] > _BEHIND_NS_MAX:
        raise ConvertError("CONV-012", f"an exchange time is before that of an earlier update id by {text}")
    counts["exchange_times_raised"] += int((behind > 0).sum())
    warnings.append(f"{int((behind > 0).sum())} exchange times went back against the update ids, by up to {text}, and were raised")
    exch = m.exch.copy()
    exch[book] = risen
    return m._replace(exch=exch)
