"""What all converters ask of their files: that they are given in time order, and times in a unit that can be told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from simcore.errors import ConvertError
from simcore.units import NS_PER_MS, NS_PER_S, NS_PER_US

NO_TIME = -1  # where a message carries no time
CLOCK_STEP_NS = NS_PER_S  # a recorder's clock that is set back between two files explains no longer overlap

_UNITS = ((10**9, NS_PER_S), (10**12, NS_PER_MS), (10**15, NS_PER_US), (10**18, 1))  # least time of 2001, and its unit in ns
_AGE = 4  # a unit holds for four times its least time: up to the year 2096


class FileOrder:
    """Refuses files that are out of time order or overlap: their order says in which order the market moved.

    A file may begin before the end of the one before it by CLOCK_STEP_NS at most, and never before its beginning.
    """

    def __init__(self) -> None:
        self._before: tuple[Path | str, int, int] | None = None

    def check(self, file: Path | str, first_ts: int, last_ts: int) -> None:
        """Take the next file, its first and last time in ns. CONV-011 names both files."""
        if self._before is not None:
            other, begin, end = self._before
            if first_ts < begin or first_ts < end - CLOCK_STEP_NS:
                word = "is earlier than" if last_ts <= begin else "overlaps"
                raise ConvertError("CONV-011", f"{file} ({_span(first_ts, last_ts)}) {word} {other} ({_span(begin, end)}), which comes before it")
        self._before = (file, first_ts, last_ts)


def to_ns(times: Any, line: Any, name: str) -> Any:
    """Return times (int64) in ns: 10 digits are s, 13 ms, 16 µs, 19 ns; NO_TIME stays. CONV-004 for any other.

    Exchanges went from ms to µs in the middle of a file; but seconds among finer times are times that lost their digits.
    """
    factor = np.select(
        [times == NO_TIME, *((times > least) & (times < _AGE * least) for least, _ in _UNITS)], [1, *(unit for _, unit in _UNITS)]
    )
    is_whole_s = factor == NS_PER_S
    if is_whole_s.any() and (~is_whole_s & (times != NO_TIME)).any():
        factor[is_whole_s] = 0
    if not factor.all():
        i = int(np.argmin(factor != 0))
        raise ConvertError("CONV-004", f"line {line[i]}: {name} {times[i]} is not s, ms, µs or ns of our age")
    return times * factor


def _span(first_ts: int, last_ts: int) -> str:
    return " to ".join(f"{datetime.fromtimestamp(ts // NS_PER_MS / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] for ts in (first_ts, last_ts))
