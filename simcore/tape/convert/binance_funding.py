"""Mark prices to FUNDING rows: one for each funding time that the recording passes.

markPriceUpdate says, every one to three seconds, the mark price, the next funding time and the rate that would be paid
then. Paid is once, at that time: by the last rate and mark price announced for it. A row stands at the funding time, for the
Venue alone: what the Node received were announcements.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from simcore.tape.convert.binance_book import FUND, Messages
from simcore.tape.convert.sources import NO_TIME, to_ns
from simcore.units import NS_PER_S

_STALE_NS = 60 * NS_PER_S  # an announcement older than that is no longer quite the rate that was paid


class _Announced(NamedTuple):
    """The latest announcement for a funding time: its own time, rate as a fraction, mark price, line."""

    at: int
    rate: float
    price: float
    line: int


class Marks:
    """Keeps the last announcement of each symbol and funding time."""

    def __init__(self) -> None:
        self.read = 0
        self._by_symbol: dict[str, dict[int, _Announced]] = {}
        self._read_by_symbol: Counter[str] = Counter()

    def add(self, data: dict[str, Any], local: int, line: int) -> bool:
        """Take a markPriceUpdate; return whether it announces a funding. Those of delivery contracts have an empty r and T 0."""
        symbol = str(data["s"])
        if not data.get("r") or not data.get("T"):
            return False
        due, at = data["T"], data.get("E", local)
        if not isinstance(due, int) or not isinstance(at, int) or max(abs(due), abs(at)) >= 1 << 63:
            raise TypeError(f"T {due!r}, E {at!r}")
        found = _Announced(at, float(data["r"]), float(data["p"]), line)
        if found.price == 0:
            return False
        self.read += 1
        self._read_by_symbol[symbol] += 1
        by_due = self._by_symbol.setdefault(symbol, {})
        before = by_due.get(due)
        if before is None or at >= before.at:
            by_due[due] = found
        return True

    def has(self, symbol: str) -> bool:
        """Return whether mark prices of the symbol were read."""
        return symbol in self._read_by_symbol

    def of(self, symbol: str) -> dict[int, _Announced]:
        """Return the last announcement by funding time, as the exchange wrote it."""
        return self._by_symbol.get(symbol, {})

    def count(self, symbol: str) -> int:
        """Return how many mark prices of the symbol were read."""
        return self._read_by_symbol[symbol]


def with_fundings(messages: Messages, marks: Marks, symbol: str, counts: Counter[str], warnings: list[str]) -> Messages:
    """Return the messages with the fundings in them: each before the first message of its time or later. CONV-004."""
    counts["funding_announcements"] += marks.count(symbol)
    counts["mark_prices_of_other_symbols"] += marks.read - marks.count(symbol)
    found = sorted(marks.of(symbol).items())
    if not found:
        return messages
    lines = np.array([one.line for _, one in found])
    due = to_ns(np.array([time for time, _ in found], dtype=np.int64), lines, "funding time")
    said = to_ns(np.array([one.at for _, one in found], dtype=np.int64), lines, "exchange time")
    passed = np.where(messages.exch == NO_TIME, 0, messages.exch)
    rows = []
    for time, at, (_, one) in zip(due.tolist(), said.tolist(), found, strict=True):
        position = int(np.argmax(passed >= time))
        if position == 0:
            continue  # the recording does not pass it
        rows.append((position, time, one))
        if time - at > _STALE_NS:
            warnings.append(f"the last rate known of the funding due at {time} ns is {(time - at) / NS_PER_S:.0f} s older than it")
    counts["fundings"] += len(rows)
    return _inserted(messages, rows)


def _inserted(m: Messages, rows: list[tuple[int, int, _Announced]]) -> Messages:
    if not rows:
        return m
    at = [position for position, _, _ in rows]
    ends = np.cumsum(m.bids + m.asks)
    made = np.array([(FUND, m.local[p], time, -1, -1, -1, 1, 0, one.line) for p, time, one in rows], dtype=np.int64).T
    columns = [np.insert(old, at, new) for old, new in zip(m[:9], made, strict=True)]
    columns.append(np.insert(m.levels, ends[np.array(at) - 1], [(one.price, one.rate) for _, _, one in rows], axis=0))
    return Messages(*columns)
