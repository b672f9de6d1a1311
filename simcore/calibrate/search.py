"""Which parameter sets are tried: the whole grid, random points of it, or what optuna proposes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from simcore.calibrate.draws import uniforms
from simcore.calibrate.grid import Axis, Grid, Point
from simcore.errors import CalibrateError

GRID_MAX = 10_000
TRIALS_MAX = 10_000
TRIALS = 100  # of a random search or optuna, where the user names no number
BATCH = 16  # proposals of optuna that ride one pass, before it hears of them
NAMES = ("grid", "random", "optuna")
_EXCESS_MAX = 1e300  # optuna sums what it is told
_STREAM = 0x5EA4C4  # of random draws; axis i draws from stream _STREAM + i


class Search(Protocol):
    """Proposes points in batches. What it proposes depends on grid, seed, and what it was told, on nothing else."""

    def ask(self) -> list[Point]:
        """Return the next points; none when the search is over."""

    def tell(self, gains: Sequence[float], excesses: Sequence[float]) -> None:
        """Say what came of the points that were asked for last: the objective, more is better, NaN if there is none, and the
        sum of what was beyond the constraints.
        """


def new_search(name: str, grid: Grid, trials: int | None, seed: int) -> Search:
    """Return a search by its name. CAL-010, CAL-023, CAL-024: see the classes."""
    if name not in NAMES:
        raise ValueError(f"search is {name!r}; expected one of {', '.join(NAMES)}")
    if name == "grid":
        return _All(grid, trials)
    count = TRIALS if trials is None else trials
    if count > TRIALS_MAX:
        raise CalibrateError("CAL-024", f"--trials {count}: at most {TRIALS_MAX}")
    return _Random(grid, count, seed) if name == "random" else _Optuna(grid, count, seed)


class _Once:
    """A search that knows all its points beforehand."""

    def __init__(self, points: list[Point]) -> None:
        self._left = points

    def ask(self) -> list[Point]:
        points, self._left = self._left, []
        return points

    def tell(self, gains: Sequence[float], excesses: Sequence[float]) -> None:
        """Nothing depends on it."""


class _All(_Once):
    """The full product. CAL-010: a range has no steps.  CAL-024: it is too large."""

    def __init__(self, grid: Grid, trials: int | None) -> None:
        size = grid.size
        if size is None:
            loose = next(axis.name for axis in grid.axes if not axis.values)
            raise CalibrateError("CAL-010", f"{loose}: a range without steps has no grid; give steps or step, or --search random")
        most = GRID_MAX if trials is None else min(trials, GRID_MAX)
        if size > most:
            raise CalibrateError("CAL-024", f"the grid has {size} points; at most {most}")
        super().__init__(list(grid.points()))


class _Random(_Once):
    """Points drawn by counter: point i is the same whatever came before. A point that was drawn already is drawn anew, ten
    times at most: a small grid may have fewer points than were asked for.
    """

    def __init__(self, grid: Grid, trials: int, seed: int) -> None:
        shares = [uniforms(seed, _STREAM + i, np.arange(10 * trials)).tolist() for i in range(len(grid.axes))]
        points: dict[Point, None] = {}
        for draw in zip(*shares, strict=True):
            if len(points) < trials:
                points[tuple(axis.at(share) for axis, share in zip(grid.axes, draw, strict=True))] = None
        super().__init__(list(points))


class _Optuna:
    """Tree-structured Parzen estimator, seeded; it is asked for a batch and then told of it. CAL-023: optuna is not installed."""

    def __init__(self, grid: Grid, trials: int, seed: int) -> None:
        try:
            import optuna
        except ImportError as exc:
            raise CalibrateError("CAL-023", "--search optuna: pip install 'optuna>=5'") from exc
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._worst = optuna.trial.TrialState.PRUNED  # a trial that failed would not count as bad
        self._grid, self._left, self._asked = grid, trials, list[Any]()
        sampler = optuna.samplers.TPESampler(seed=seed % 2**32, constant_liar=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._spaces = [_space(optuna, axis) for axis in grid.axes]

    def ask(self) -> list[Point]:
        count = min(BATCH, self._left)
        self._left -= count
        spaces = {axis.key: space for axis, space in zip(self._grid.axes, self._spaces, strict=True)}
        self._asked = [self._study.ask(spaces) for _ in range(count)]
        return [tuple(self._value(axis, trial.params[axis.key]) for axis in self._grid.axes) for trial in self._asked]

    def tell(self, gains: Sequence[float], excesses: Sequence[float]) -> None:
        for trial, gain, excess in zip(self._asked, gains, excesses, strict=True):
            trial.set_constraint("excess", min(excess, _EXCESS_MAX))
            if math.isfinite(gain):
                self._study.tell(trial, gain)
            else:
                self._study.tell(trial, state=self._worst)

    @staticmethod
    def _value(axis: Axis, found: Any) -> Any:
        return axis.values[found] if axis.values else float(f"{found:.12g}")


def _space(optuna: Any, axis: Axis) -> Any:
    """Return the distribution of an axis. Steps in order are numbers of steps; values without one are categories of them."""
    if not axis.values:
        return optuna.distributions.FloatDistribution(axis.low, axis.high, log=axis.log)
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in axis.values)
    rising = numbers and list(axis.values) == sorted(axis.values)  # type: ignore[type-var]
    places = list(range(len(axis.values)))
    return optuna.distributions.IntDistribution(0, places[-1]) if rising else optuna.distributions.CategoricalDistribution(places)
