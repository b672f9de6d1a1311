"""What a calibration's results say about its winner, in numbers: chosen on train days, judged on test days.

Everything is compared with the baseline, the configuration that the user has now. A trial's *excess* is the change of its
equity less the baseline's, interval by interval: what moves both cancels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from simcore.calibrate import overfit
from simcore.calibrate.cscv import BLOCKS, Cscv, cscv_of
from simcore.calibrate.intervals import Interval, automatic_block, block_bootstrap_mean
from simcore.calibrate.plateau import (
    BoolArray,
    Choice,
    Slice,
    Space,
    advantage_kept,
    choose,
    classes_of,
    dead_axes,
    field_of,
    slices,
    space_of,
)
from simcore.errors import CalibrateError
from simcore.records import FloatArray, IntArray

Days = Sequence[int]
Scores = Callable[[Days], FloatArray]


@dataclass(frozen=True)
class Case:
    """A finished calibration: T trials on D days. Trial 0 is the baseline.

    params    one row a trial, one column a parameter.
    changes   of each day [n, T]: what equity changed in each interval, cash; 0 of trials that are not whole.
    whole     [T] trials that have come to their end on all days; others are left out.
    gains     the objective over some days [T], signed so that more is better; NaN where a trial has none.
    excess    how far each trial is beyond its constraints over some days [T]; 0 keeps them all.
    folds     days to choose on, and days to judge by; the last fold's choice is the calibration's.
    ever      trials that were ever run on these tapes, this calibration's included.
    measure   what a stretch of changes is worth: "mean" (money), or "sharpe" (money for its risk).
    """

    params: pd.DataFrame
    days: tuple[str, ...]
    changes: tuple[FloatArray, ...]
    whole: BoolArray
    gains: Scores
    excess: Scores
    folds: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    ever: int
    measure: str = "mean"

    @property
    def trials(self) -> int:
        return len(self.whole)

    @cached_property
    def outcomes(self) -> IntArray:
        """The number of each trial's outcome [T]: the same changes on all days are the same one."""
        return classes_of(self.series(trial).tobytes() if self.whole[trial] else b"" for trial in range(self.trials))

    def series(self, trial: int, days: Days | None = None) -> FloatArray:
        """Return the changes of a trial on some days, one after the other [N]; None for all days."""
        chosen = range(len(self.days)) if days is None else days
        return np.concatenate([self.changes[day][:, trial] for day in chosen])


@dataclass(frozen=True)
class Step:
    """One fold. chosen: None if no trial would do. Gains are objectives, more is better, NaN where there is none.

    rank  share of the other candidates that the chosen one beats on the test days, ties half.
    correlation  of ranks, between the candidates' gains on train and on test days.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    chosen: int | None
    train_gain: float
    test_gain: float
    baseline_train: float
    baseline_test: float
    rank: float | None
    correlation: float | None
    kept: bool


@dataclass(frozen=True)
class Record:
    """A series of excess changes: its interval (of the mean of a change), shape, and the independent observations it counts for."""

    changes: FloatArray
    interval: Interval
    shape: overfit.Shape

    @property
    def total(self) -> Interval:
        """The interval of the sum of all changes."""
        return self.interval.times(float(len(self.changes)))


@dataclass(frozen=True)
class Stability:
    """gains [D, T] of each day by itself. correlation: mean over pairs of days of the correlation of the candidates' ranks.

    ranks [D]: share of the other candidates that the winner beats; ahead [D]: its gain less the baseline's.
    """

    gains: FloatArray
    correlation: float | None
    ranks: FloatArray
    ahead: FloatArray


@dataclass(frozen=True)
class Evidence:
    """All of it. winner: the last fold's choice by neighbourhood, and peak the best by its own score, on its train days.

    out     the walk forward: each fold's choice on its test days; None without test days.
    whole   the winner over all days; deflated by `trials_counted`.
    dead    parameters that made no difference in any trial.  distinct: how many different outcomes the whole trials have.
    trials_effective   independent trials that the leads of the different outcomes over the baseline count for.
    """

    case: Case
    candidates: IntArray
    space: Space
    near: list[IntArray]
    choice: Choice | None
    kept_share: float | None
    steps: tuple[Step, ...]
    out: Record | None
    whole: Record | None
    cross: Cscv | None
    stability: Stability | None
    slices: tuple[Slice, ...]
    trials_effective: float
    sharpe_variance: float
    dead: tuple[str, ...]
    distinct: int

    @property
    def trials_counted(self) -> float:
        """How many independent trials the best is the best of: those of this calibration, and all that were run before it."""
        return max(self.case.ever - self.case.trials, 0) + self.trials_effective

    @property
    def same_as_baseline(self) -> bool:
        """Whether the winner came out exactly as the baseline."""
        return self.choice is not None and bool(self.case.outcomes[self.choice.winner] == self.case.outcomes[0])

    @property
    def train(self) -> tuple[int, ...]:
        """The days that the winner was chosen on."""
        return self.case.folds[-1][0] if self.case.folds else tuple(range(len(self.case.days)))

    @property
    def train_gains(self) -> FloatArray:
        """The objective there [T]; NaN of trials that are not whole."""
        return _finished(self.case, self.train)

    @property
    def deflation(self) -> float:
        """The Sharpe ratio that the best of all trials that count would have over all days without any skill.

        Their variance is that of a ratio of 0 in a sample of this length, 1 / (n - 1), and not that across the trials: those of
        a grid differ in skill, and the paper's estimate, which takes all differences for luck, would deflate skill as well.
        """
        assert self.whole is not None
        return overfit.expected_max_sharpe(1.0 / max(self.whole.shape.observations - 1.0, 1.0), self.trials_counted)

    @property
    def deflated(self) -> float:
        """The deflated Sharpe ratio of the winner's excess."""
        assert self.whole is not None
        return overfit.probabilistic_sharpe(self.whole.shape, self.deflation)


def gather(case: Case, seed: int = 1) -> Evidence:
    """Work out the evidence. seed: of the bootstraps.

    CAL-082: no trial but the baseline, or no parameter.  CAL-083: the baseline did not come to its end on all days.
    """
    if case.trials < 2:
        raise CalibrateError("CAL-082", f"{case.trials} trials: one beside the base configuration is needed")
    if not case.whole[0]:
        raise CalibrateError("CAL-083", "the base configuration (trial 0) did not come to its end on all days; nothing can be compared with it")
    outcomes = case.outcomes
    members, space, near = field_of(case.params, outcomes)
    able = np.zeros(case.trials, bool)
    able[members] = case.whole[members]
    candidates = np.flatnonzero(able).astype(np.int64)
    steps, choices = _walk(case, able, near)
    train = case.folds[-1][0] if case.folds else tuple(range(len(case.days)))
    gains = _finished(case, train)
    choice = choices[-1] if case.folds else choose(gains, able & (case.excess(train) == 0.0), near)
    base = case.series(0)
    kept_share = whole = stability = None
    found: list[Slice] = []
    if choice is not None:
        around = near[choice.winner]
        kept_share = advantage_kept(gains, around[around != 0], choice.winner, float(gains[0]))  # the baseline has none of it by definition
        whole = record_of(_excess(case.series(choice.winner), base, case.measure), seed)
        stability = _stability(case, candidates, choice.winner)
        found = slices(space, gains[members], int(np.flatnonzero(members == choice.winner)[0]))
    ratios = np.array([overfit.sharpe_ratio(case.series(trial)) for trial in candidates.tolist()])
    return Evidence(
        case, candidates, space, near, choice, kept_share, tuple(steps), _walked(case, steps, seed), whole,
        _cross(case, len(base)), stability, tuple(found), overfit.effective_trials(case.series(trial) - base for trial in _others(case)),
        float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0, tuple(_dead(case)), len(np.unique(outcomes[case.whole])),
    )  # fmt: skip


def _others(case: Case) -> list[int]:
    """Return a trial of each outcome that is not the baseline's."""
    first: dict[int, int] = {}
    for trial in np.flatnonzero(case.whole).tolist():
        first.setdefault(int(case.outcomes[trial]), trial)
    first.pop(int(case.outcomes[0]), None)
    return list(first.values())


def _dead(case: Case) -> list[str]:
    """Return the parameters that made no difference between trials that came to their end; none if there are no two."""
    whole = np.flatnonzero(case.whole)
    return dead_axes(space_of(case.params.iloc[whole]), case.outcomes[whole])


def record_of(changes: FloatArray, seed: int = 1) -> Record | None:
    """Return a record of excess changes [N]; None with fewer than two."""
    if len(changes) < 2:
        return None
    observations = overfit.effective_observations(changes, automatic_block(changes), seed)  # a variance: its own best block
    return Record(changes, block_bootstrap_mean(changes, seed=seed), overfit.shape_of(changes, observations))


def rank_share(values: FloatArray, place: int) -> float | None:
    """Return the share of the other finite values that values[place] is above, ties half; None if there is nothing to rank."""
    others = np.delete(values, place)
    others = others[np.isfinite(others)]
    if not len(others) or not math.isfinite(values[place]):
        return None
    return float(np.mean(others < values[place]) + 0.5 * np.mean(others == values[place]))


def rank_correlation(one: FloatArray, two: FloatArray) -> float | None:
    """Return Spearman's correlation of two columns where both are finite, ties averaged; None if either does not vary."""
    both = np.isfinite(one) & np.isfinite(two)
    if np.count_nonzero(both) < 3:
        return None
    first, second = _ranks(one[both]), _ranks(two[both])
    first, second = first - np.mean(first), second - np.mean(second)
    size = math.sqrt(float(np.sum(first * first)) * float(np.sum(second * second)))
    return float(np.sum(first * second)) / size if size > 0.0 else None


def _ranks(values: FloatArray) -> FloatArray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - 0.5 * (counts - 1.0))[place])


def _finished(case: Case, days: Days) -> FloatArray:
    return np.where(case.whole, case.gains(days), np.nan)


def _walk(case: Case, able: BoolArray, near: list[IntArray]) -> tuple[list[Step], list[Choice | None]]:
    steps: list[Step] = []
    choices: list[Choice | None] = []
    for train, test in case.folds:
        before, after = _finished(case, train), _finished(case, test)
        choice = choose(before, able & (case.excess(train) == 0.0), near)
        chosen = None if choice is None else choice.winner
        rank, gains, kept = None, (math.nan, math.nan), True
        if chosen is not None:
            rank = rank_share(np.where(able, after, np.nan), chosen)
            gains = (float(before[chosen]), float(after[chosen]))
            kept = bool(case.excess(test)[chosen] == 0.0)
        correlation = rank_correlation(before[able], after[able])
        steps.append(Step(train, test, chosen, *gains, float(before[0]), float(after[0]), rank, correlation, kept))
        choices.append(choice)
    return steps, choices


def _walked(case: Case, steps: Sequence[Step], seed: int) -> Record | None:
    """Return the excess of each fold's choice on its test days; where none would do, the current parameters stay and it is 0."""
    pieces = []
    for step in steps:
        pieces.append(_excess(case.series(step.chosen or 0, step.test), case.series(0, step.test), case.measure))
    return record_of(np.concatenate(pieces), seed) if pieces else None


def _excess(own: FloatArray, base: FloatArray, measure: str) -> FloatArray:
    """Return own less base; with "sharpe" each in units of its own standard deviation, so that the mean is that of the ratios."""
    if measure == "mean":
        return np.asarray(own - base)
    spreads = [float(np.std(each, ddof=1)) if len(each) > 1 else 0.0 for each in (own, base)]
    first, second = (each / spread if spread > 0.0 else np.zeros(len(each)) for each, spread in zip((own, base), spreads, strict=True))
    return np.asarray(first - second)


def _cross(case: Case, intervals: int) -> Cscv | None:
    """Cross-validate over as many blocks as the intervals allow, 16 at most; None if they or the trials are too few."""
    blocks = min(BLOCKS, 2 * (intervals // 8))
    trials = np.flatnonzero(case.whole).tolist()
    if blocks < 2 or len(trials) < 2:
        return None
    return cscv_of((case.series(trial) for trial in trials), blocks, case.measure)


def _stability(case: Case, candidates: IntArray, winner: int) -> Stability:
    gains = np.array([_finished(case, (day,)) for day in range(len(case.days))])
    able = np.zeros(case.trials, bool)
    able[candidates] = True
    ranks = [rank_share(np.where(able, row, np.nan), winner) for row in gains]
    pairs = [rank_correlation(one[candidates], two[candidates]) for one, two in itertools.combinations(gains, 2)]
    known = [pair for pair in pairs if pair is not None]
    return Stability(
        gains, float(np.mean(known)) if known else None, np.array([math.nan if rank is None else rank for rank in ranks]),
        np.asarray(gains[:, winner] - gains[:, 0]),
    )  # fmt: skip
