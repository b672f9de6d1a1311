"""Which days a choice is made on, and which judge it: `walk-forward:train=3,test=1,purge=0`.

    days            1 2 3 4 5 6 7
    first fold      a a a - b         train=3, purge=1, test=1
    second fold       a a a - b
    third fold          a a a - b     its choice is the calibration's

Nobody looks at a purged day, so that what a strategy remembers of the last days of a choice cannot reach its judges.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from simcore.errors import CalibrateError

_EXPECTED = "expected walk-forward:train=3,test=1[,purge=1], in days, or in hours of each day: train=6h,test=2h"
_NAMES = ("train", "test", "purge")


@dataclass(frozen=True)
class Fold:
    """Numbers of the periods that a choice is made on, and of those that judge it."""

    train: tuple[int, ...]
    test: tuple[int, ...]


@dataclass(frozen=True)
class Splits:
    """A walk forward, in periods: train periods, then purge periods that nobody looks at, then test periods.

    hours: 0 if a period is a day, else its length: days are cut into periods, and what is left over at a day's end is no period.
    """

    text: str
    train: int
    test: int
    purge: int
    hours: int = 0

    def folds(self, periods: int) -> tuple[Fold, ...]:
        """Return the folds over so many periods, each a test further; what does not fill a last test is left out at the start.

        CAL-015: there are too few periods for one.
        """
        span = self.train + self.purge + self.test
        if span > periods:
            unit = f"{self.hours} h" if self.hours else "day"
            raise CalibrateError("CAL-015", f"{self.text}: needs {span} periods of a {unit}; there are {periods}")
        starts = range((periods - span) % self.test, periods - span + 1, self.test)
        return tuple(self._fold(start) for start in starts)

    def _fold(self, start: int) -> Fold:
        test = start + self.train + self.purge
        return Fold(tuple(range(start, start + self.train)), tuple(range(test, test + self.test)))


def choosing_days(folds: Sequence[Fold], days: int) -> tuple[int, ...]:
    """Return the days that the calibration's choice is made on: those of the last fold; without folds all of them."""
    return folds[-1].train if folds else tuple(range(days))


def judging_days(folds: Sequence[Fold]) -> tuple[int, ...]:
    """Return the days that judge this choice; none without folds."""
    return folds[-1].test if folds else ()


def parse_splits(text: str | None) -> Splits | None:
    """Return the splits of a text, None without one. CAL-015 if it says anything else."""
    if text is None:
        return None
    kind, _, rest = text.partition(":")
    found: dict[str, tuple[int, str]] = {}
    for item in rest.split(",") if kind == "walk-forward" else ():
        match = re.fullmatch(r"\s*(\w+)\s*=\s*(\d{1,6})\s*(h?)\s*", item)
        if match is None or match[1] not in _NAMES or match[1] in found:
            raise CalibrateError("CAL-015", f"--splits {text}: {item.strip() or 'nothing'}: {_EXPECTED}")
        found[match[1]] = (int(match[2]), match[3])
    numbers = {name: found.get(name, (0, ""))[0] for name in _NAMES}
    if numbers["train"] < 1 or numbers["test"] < 1:
        raise CalibrateError("CAL-015", f"--splits {text}: {_EXPECTED}")
    units = {unit for number, unit in found.values() if number}
    if len(units) > 1:
        raise CalibrateError("CAL-015", f"--splits {text}: days and hours do not mix; {_EXPECTED}")
    if "h" not in units:
        return Splits(text, numbers["train"], numbers["test"], numbers["purge"])
    hours = gcd(*numbers.values())
    return Splits(text, numbers["train"] // hours, numbers["test"] // hours, numbers["purge"] // hours, hours)
