"""A plateau rather than a peak: the trial whose neighbourhood is best, and what each parameter is worth.

The best of many noisy scores owes part of its height to luck, and its neighbours do not share that luck. So a trial is
judged by the mean of its own score and its neighbours' (on a grid those one step away in one parameter, otherwise the
nearest ones), or by its own score if that is lower: who only stands next to a peak is not good. Trials that came out
exactly alike are one outcome, and confirm nothing of each other: a neighbour is the next trial that came out otherwise.
At an edge the neighbour inside counts twice, lest a trial with fewer neighbours be judged less. Scores are numbers of which
more is better; NaN where a trial has none.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from simcore.errors import CalibrateError
from simcore.records import FloatArray, IntArray
from simcore.report.wording import plain

GRID, NEAREST = "grid", "nearest"
BINS = 6  # of a parameter whose values were drawn
_BIN_DIGITS = 2
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Axis:
    """A parameter. steps: int64 [T], the number of each trial's value among the values in order; labels: text of each value.

    numbers  the values; none where they are labels without an order, of which no two are neighbours.
    """

    name: str
    steps: IntArray
    labels: tuple[str, ...]
    numbers: tuple[float, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers."""
        return bool(self.numbers)


@dataclass(frozen=True)
class Space:
    """Trials as points. kind GRID: each combination of values once; NEAREST: they were drawn, or some are missing."""

    axes: tuple[Axis, ...]
    kind: str

    @property
    def trials(self) -> int:
        return len(self.axes[0].steps)


@dataclass(frozen=True)
class Choice:
    """The winner by neighbourhood and the peak by its own score (trial numbers), and the neighbourhood means [T]."""

    winner: int
    peak: int
    means: FloatArray


@dataclass(frozen=True)
class Slice:
    """The scores along one axis, NaN where no trial has one. labels [V]; winner_at: the winner's place among them.

    mean, best  [V] over all trials that have the value.  here  [V] of trials that share all else with the winner.
    share       of the variance of all scores, what the values' means explain (the main effect), 0 … 1.
    """

    name: str
    labels: tuple[str, ...]
    mean: FloatArray
    best: FloatArray
    here: FloatArray
    winner_at: int
    share: float


def space_of(params: pd.DataFrame) -> Space:
    """Place trials by their parameters: params [T rows, one column a parameter]. CAL-082: no trial, or no parameter."""
    if params.shape[0] == 0 or params.shape[1] == 0:
        raise CalibrateError("CAL-082", f"a table of {params.shape[0]} trials and {params.shape[1]} parameters")
    axes = tuple(_axis(str(name), list(params.iloc[:, place])) for place, name in enumerate(params.columns))
    steps = np.column_stack([axis.steps for axis in axes])
    whole = math.prod(len(axis.labels) for axis in axes) == len(steps) == len(np.unique(steps, axis=0))
    return Space(axes, GRID if whole else NEAREST)


def classes_of(outcomes: Iterable[bytes]) -> IntArray:
    """Return for each trial [T] the number of its outcome: equal bytes, equal numbers."""
    seen: dict[bytes, int] = {}
    return np.array([seen.setdefault(hashlib.blake2b(each).digest(), len(seen)) for each in outcomes], np.int64)


def dead_axes(space: Space, outcomes: IntArray) -> list[str]:
    """Return the parameters that made no difference: trials that differ in such a one alone came out alike, whatever the rest.

    outcomes  [T] number of each trial's outcome.  A parameter of which no two trials differ alone is not judged.
    """
    steps = np.column_stack([axis.steps for axis in space.axes])
    return [axis.name for place, axis in enumerate(space.axes) if _is_dead(np.delete(steps, place, axis=1), axis.steps, outcomes)]


def _is_dead(others: IntArray, own: IntArray, outcomes: IntArray) -> bool:
    first: dict[bytes, tuple[int, int]] = {}
    compared = False
    for rest, step, outcome in zip(others, own.tolist(), outcomes.tolist(), strict=True):
        known = first.setdefault(rest.tobytes(), (step, outcome))
        if known[0] != step:
            compared = True
            if known[1] != outcome:
                return False
    return compared


def neighbours(space: Space, outcomes: IntArray | None = None) -> list[IntArray]:
    """Return the neighbours of each trial, without itself, in order of their numbers; one that counts twice stands twice.

    GRID: of each ordered parameter the next trial either way that has another outcome; where there is none one way, the other
    counts twice. NEAREST: the 2 P nearest of other outcomes that have the same labels, where a parameter goes from 0 to 1 by the
    order of its values; where distances are equal, the lower number first.
    outcomes  [T] number of each trial's outcome; None: all differ.
    """
    steps = np.column_stack([axis.steps for axis in space.axes])
    ordered = np.array([axis.ordered for axis in space.axes])
    outcomes = np.arange(len(steps)) if outcomes is None else outcomes
    if space.kind == GRID:
        return _on_grid(steps, ordered, outcomes)
    sizes = np.array([max(len(axis.labels) - 1, 1) for axis in space.axes], np.float64)
    places = steps / sizes
    found = []
    for trial in range(len(steps)):
        apart = (places - places[trial])[:, ordered]
        distance = np.sum(apart * apart, axis=1)
        distance[(steps[:, ~ordered] != steps[trial, ~ordered]).any(axis=1)] = np.inf
        distance[trial] = np.inf
        found.append(_nearest(distance, outcomes, trial, 2 * len(space.axes)))
    return found


def _nearest(distance: FloatArray, outcomes: IntArray, trial: int, most: int) -> IntArray:
    seen = {int(outcomes[trial])}
    near: list[int] = []
    for other in np.argsort(distance, kind="stable").tolist():
        if len(near) == most or not math.isfinite(distance[other]):
            break
        if int(outcomes[other]) not in seen:
            seen.add(int(outcomes[other]))
            near.append(other)
    return np.array(sorted(near), np.int64)


def field_of(params: pd.DataFrame, outcomes: IntArray) -> tuple[IntArray, Space, list[IntArray]]:
    """Return the trials that may win, as points, and the neighbours of all trials by their numbers.

    The baseline is one of them if it is a point of a whole grid; else it stands beside. outcomes [T]: as of `neighbours`.
    """
    members = np.arange(len(params), dtype=np.int64)
    space = space_of(params)
    if space.kind != GRID:
        members = members[1:]
        space = space_of(params.iloc[1:])
    near: list[IntArray] = [np.zeros(0, np.int64) for _ in range(len(params))]
    for trial, around in zip(members.tolist(), neighbours(space, outcomes[members]), strict=True):
        near[trial] = members[around]
    return members, space, near


def neighbourhood_means(scores: FloatArray, near: Sequence[IntArray]) -> FloatArray:
    """Return the mean of each trial's score and its neighbours' [T]; those without a score are left out, NaN for itself."""
    means = np.full(len(scores), np.nan)
    for trial in np.flatnonzero(np.isfinite(scores)).tolist():
        around = scores[near[trial]]
        around = around[np.isfinite(around)]
        means[trial] = (scores[trial] + float(np.sum(around))) / (1 + len(around))
    return means


def choose(scores: FloatArray, allowed: BoolArray, near: Sequence[IntArray]) -> Choice | None:
    """Return the choice among the allowed trials that have a score, None if there is none.

    The winner has the best of the lower of neighbourhood mean and own score; of equals the better one, then the first.
    """
    able = allowed & np.isfinite(scores)
    if not able.any():
        return None
    means = neighbourhood_means(scores, near)
    winner = int(max(np.flatnonzero(able).tolist(), key=lambda trial: (min(means[trial], scores[trial]), scores[trial], -trial)))
    peak = int(np.argmax(np.where(able, scores, -np.inf)))
    return Choice(winner, winner if scores[peak] == scores[winner] else peak, means)


def advantage_kept(scores: FloatArray, near: IntArray, winner: int, baseline: float) -> float | None:
    """Return what share of the winner's advantage over the baseline its neighbours have on average; below 0 if they lose.

    None: it has no neighbour with a score, or no advantage.
    """
    around = scores[near]
    around = around[np.isfinite(around)]
    advantage = float(scores[winner]) - baseline
    if not len(around) or not advantage > 0.0:
        return None
    return (float(np.mean(around)) - baseline) / advantage


def slices(space: Space, scores: FloatArray, winner: int) -> list[Slice]:
    """Return the scores along each axis."""
    axes = [binned(axis, space.kind) for axis in space.axes]
    same = np.column_stack([axis.steps == axis.steps[winner] for axis in axes])
    found = []
    for place, axis in enumerate(axes):
        others = np.delete(same, place, axis=1).all(axis=1)
        groups = [scores[axis.steps == value] for value in range(len(axis.labels))]
        here = [scores[others & (axis.steps == value)] for value in range(len(axis.labels))]
        found.append(
            Slice(
                axis.name, axis.labels, _each(groups, np.mean), _each(groups, np.max), _each(here, np.mean),
                int(axis.steps[winner]), _explained(groups),
            )
        )
    return found


def pair_means(first: Axis, second: Axis, scores: FloatArray) -> FloatArray:
    """Return the mean score of the trials of each pair of values [values of first, values of second]; NaN where none is."""
    table = [
        _each([scores[(first.steps == one) & (second.steps == two)] for two in range(len(second.labels))], np.mean)
        for one in range(len(first.labels))
    ]
    return np.array(table)


def binned(axis: Axis, kind: str) -> Axis:
    """Return an axis of few values: that of a grid as it is; drawn numbers in BINS bins with equally many values."""
    if kind == GRID or not axis.ordered or len(axis.labels) <= 2 * BINS:
        return axis
    edges = [(len(axis.labels) * k) // BINS for k in range(BINS + 1)]
    steps = np.searchsorted(np.array(edges[1:]), axis.steps, side="right")
    ends = [(axis.numbers[low], axis.numbers[high - 1]) for low, high in itertools.pairwise(edges)]
    labels = tuple(f"{plain(low, _BIN_DIGITS)}…{plain(high, _BIN_DIGITS)}" for low, high in ends)
    return Axis(axis.name, steps.astype(np.int64), labels, tuple(0.5 * (low + high) for low, high in ends))


def _axis(name: str, values: list[object]) -> Axis:
    if all(isinstance(value, (int, float, np.number)) and not isinstance(value, bool) for value in values):
        numbers, steps = np.unique(np.array(values, np.float64), return_inverse=True)
        return Axis(name, steps.astype(np.int64), tuple(plain(number) for number in numbers.tolist()), tuple(numbers.tolist()))
    texts = [str(value) for value in values]
    labels = list(dict.fromkeys(texts))
    return Axis(name, np.array([labels.index(text) for text in texts], np.int64), tuple(labels))


def _on_grid(steps: IntArray, ordered: BoolArray, outcomes: IntArray) -> list[IntArray]:
    at = {tuple(place): trial for trial, place in enumerate(steps.tolist())}
    axes = np.flatnonzero(ordered).tolist()
    found = []
    for trial in range(len(steps)):
        near: list[int] = []
        for axis in axes:
            ways = [_next_along(at, steps[trial].tolist(), axis, way, outcomes) for way in (-1, 1)]
            known = [other for other in ways if other is not None]
            near += known * (2 // max(len(known), 1))
        found.append(np.array(sorted(near), np.int64))
    return found


def _next_along(at: dict[tuple[int, ...], int], place: list[int], axis: int, way: int, outcomes: IntArray) -> int | None:
    """Return the next trial along an axis that has another outcome than the one at `place`; None if the grid ends before."""
    own = outcomes[at[tuple(place)]]
    while True:
        place[axis] += way
        other = at.get(tuple(place))
        if other is None or outcomes[other] != own:
            return other


def _each(groups: Sequence[FloatArray], statistic: Callable[[FloatArray], float]) -> FloatArray:
    """Return a statistic of the finite scores of each group, NaN of an empty one."""
    finite = [group[np.isfinite(group)] for group in groups]
    return np.array([statistic(group) if len(group) else np.nan for group in finite], np.float64)


def _explained(groups: Sequence[FloatArray]) -> float:
    """Return the variance between groups over the variance of all scores, 0 if they do not vary."""
    finite = [group[np.isfinite(group)] for group in groups]
    everything = np.concatenate(finite)
    if not len(everything):
        return 0.0
    mean = float(np.mean(everything))
    total = float(np.sum((everything - mean) * (everything - mean)))
    between = sum(len(group) * (float(np.mean(group)) - mean) * (float(np.mean(group)) - mean) for group in finite if len(group))
    return min(between / total, 1.0) if total > 0.0 else 0.0
