"""What is wanted of a parameter set: an objective to make best, and constraints to keep."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simcore.calibrate import plateau
from simcore.calibrate.metrics import METRICS, Figures
from simcore.calibrate.plateau import BoolArray
from simcore.config.refusals import nearest
from simcore.errors import CalibrateError
from simcore.records import FloatArray, IntArray

_CONSTRAINT = re.compile(r"\s*([A-Za-z_][\w.]*)\s*(<=|>=|==|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")
_HINTS = {  # figures of a report that need the journal of a single run -> what lanes have instead
    "gross": "before_fees", "gross_bps": "before_fees_bps or markout_100ms_bps", "pnl": "net", "fill_ratio": "fill_rate",
    "adverse_bps": "markout_1s_bps", "adverse_bps_1s": "markout_1s_bps", "slippage_bps": "before_fees_bps",
    "sharpe_annualised": "sharpe",
}  # fmt: skip


@dataclass(frozen=True)
class Constraint:
    """A figure that must keep a limit."""

    name: str
    sign: str
    limit: float

    @property
    def text(self) -> str:
        """The constraint as the user would write it."""
        return f"{self.name}{self.sign}{self.limit:g}"

    def excess(self, values: FloatArray) -> FloatArray:
        """Return how far values are beyond the limit, 0 where they keep it, as a share of the limit (a limit of 0: in its unit).

        NaN is beyond by infinity. A value at a limit that must not be touched is beyond by the least that float64 holds.
        """
        below, above = values - self.limit, self.limit - values
        beyond = {"<": below, "<=": below, ">": above, ">=": above, "==": np.abs(below)}[self.sign]
        kept = {"<": below < 0, "<=": below <= 0, ">": above < 0, ">=": above <= 0, "==": below == 0}[self.sign]
        with np.errstate(over="ignore"):  # beyond a limit next to 0
            share = np.maximum(beyond / (abs(self.limit) or 1.0), np.nextafter(0.0, 1.0))
        return np.where(kept, 0.0, np.where(np.isnan(values), np.inf, share))


@dataclass(frozen=True)
class Wanted:
    """An objective and constraints."""

    objective: str = "net_bps"
    constraints: tuple[Constraint, ...] = ()

    @property
    def better(self) -> int:
        """+1 if the objective is to be large, -1 if small."""
        return METRICS[self.objective].better

    def gains(self, figures: Figures) -> FloatArray:
        """Return the objective [T] with its sign turned so that more is better; NaN where a trial has none."""
        return self.better * figures[self.objective]

    def excesses(self, figures: Figures) -> FloatArray:
        """Return [T]: the sum of what each trial is beyond its constraints; 0 keeps them all."""
        total = np.zeros(len(figures[self.objective]))
        for constraint in self.constraints:
            total += constraint.excess(figures[constraint.name])
        return total


def wanted(objective: str, constraints: Sequence[str]) -> Wanted:
    """Return objective and constraints of their texts. CAL-014: a name that is no figure, or a text that is no constraint."""
    _refuse_unknown(objective, "--objective ")
    if METRICS[objective].better == 0:
        raise CalibrateError("CAL-014", f"--objective {objective}: neither more nor less of it is better; take it as a constraint")
    return Wanted(objective, tuple(_constraint(text) for text in constraints))


def _constraint(text: str) -> Constraint:
    match = _CONSTRAINT.fullmatch(text)
    if match is None:
        raise CalibrateError("CAL-014", f"--subject-to {text!r}: expected NAME<=NUMBER, with <, <=, >, >= or ==")
    name, sign, number = match.groups()
    _refuse_unknown(name, f"--subject-to {text!r}: ")
    limit = float(number)
    if not math.isfinite(limit):
        raise CalibrateError("CAL-014", f"--subject-to {text!r}: {number} is not finite")
    return Constraint(name, sign, limit)


def _refuse_unknown(name: str, at: str) -> None:
    if name in METRICS:
        return
    hint = f"; a calibration keeps no journals: take {_HINTS[name]}" if name in _HINTS else nearest(name, tuple(METRICS))
    raise CalibrateError("CAL-014", f"{at}{name}: no such figure{hint}")


@dataclass(frozen=True)
class Ranking:
    """How trials stand. peak: the one with the best objective of those that keep the constraints; None: none will do.

    allowed [T]    those that keep them and have an objective.
    ended [T]      those that came to their end.
    valueless      how many came to their end but have no objective.  infeasible: how many have one but break a constraint.
    nearest        of those the ones that break them least, nearest first.
    """

    peak: int | None
    allowed: BoolArray
    ended: BoolArray
    valueless: int
    infeasible: int
    nearest: tuple[int, ...]


NEAREST = 5


def rank(wanted: Wanted, figures: Figures, ended: BoolArray) -> Ranking:
    """Rank trials; of equals the first counts as better.

    ended [T]: which trials have come to their end; the others cannot be chosen.
    """
    gains, excess = wanted.gains(figures), wanted.excesses(figures)
    known = np.isfinite(gains) & ended
    allowed = known & (excess == 0)
    peak = int(np.argmax(np.where(allowed, gains, -np.inf))) if allowed.any() else None
    beyond = np.flatnonzero(known & (excess > 0))
    order = beyond[np.lexsort((beyond, -gains[beyond], excess[beyond]))]
    return Ranking(peak, allowed, ended, int(np.count_nonzero(ended & ~known)), len(beyond), tuple(order[:NEAREST].tolist()))


def winner(wanted: Wanted, figures: Figures, ranking: Ranking, points: Sequence[Sequence[object]], outcomes: IntArray) -> int | None:
    """Return the trial that is chosen: not the peak, but the allowed trial whose neighbourhood is best (`plateau`).

    points [T]: values on the axes; trial 0, the base configuration, is no candidate where it lies off the grid, unless it is
    the only one allowed.  outcomes [T]: number of each trial's outcome (`Results.outcomes`).
    """
    if len(points) > 1 and ranking.allowed.any():
        params = pd.DataFrame([list(point) for point in points], dtype=object)  # a value may be null, which is no NaN
        members, _, near = plateau.field_of(params, outcomes)
        able = np.zeros(len(points), bool)
        able[members] = ranking.allowed[members]
        choice = plateau.choose(np.where(ranking.ended, wanted.gains(figures), np.nan), able, near)
        if choice is not None:
            return choice.winner
    return ranking.peak
