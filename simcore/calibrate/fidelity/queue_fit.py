"""Fit a queue model's parameters to what happened to orders: to lives of an L3 tape, or to recorded own orders.

A `Sample` is a view of a tape, orders in it, and what became of them; an objective scores a model on it. The spread of the
probabilities is fitted along, for each place of the search anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from simcore.calibrate.fidelity.queue_family import Family, QueueModel
from simcore.calibrate.fidelity.queue_score import Flags, Outcomes, Predictions, best_spread, predictions
from simcore.calibrate.fidelity.shadow import Orders, Shadows, View, follow
from simcore.calibrate.fidelity.shadow_rows import Slots
from simcore.calibrate.fidelity.simplex import minimise
from simcore.records import FloatArray

GRID = 41  # values of a single parameter that are tried before the search is refined
PROFILE_DROP = 1.92  # of the log likelihood at the ends of a 95 % profile interval: half the 0.95 quantile of chi²(1)
_PROFILE_POINTS = 25
_TOLERANCE = 1e-4  # of a single parameter, on its scale


@dataclass(frozen=True)
class Sample:
    """Orders in a view, and what became of them. kept: bool [orders], those that count."""

    view: View
    orders: Orders
    slots: Slots
    outcomes: Outcomes
    kept: Flags

    def shadows(self, model: QueueModel) -> Shadows:
        """Return the shadows of all orders by a model."""
        return follow(self.view, self.orders, len(self.slots.bids), len(self.slots.asks), model.family.code, model.row)

    def said(self, model: QueueModel) -> Predictions:
        """Return what a model says of the orders that count."""
        every = predictions(self.shadows(model), self.view.ts, self.outcomes)
        kept = self.kept
        return Predictions(every.filled[kept], every.ts[kept], every.z_before[kept], every.z_at[kept])

    @property
    def counted(self) -> Outcomes:
        """What became of the orders that count."""
        filled, fill_ts, until_ts = self.outcomes
        return Outcomes(filled[self.kept], fill_ts[self.kept], until_ts[self.kept])


@dataclass(frozen=True)
class Fit:
    """A fitted model, the spread of its probabilities, and the mean loss that it reached; calls: models that were tried."""

    model: QueueModel
    spread: float
    loss: float
    calls: int


@dataclass(frozen=True)
class Profile:
    """The profile likelihood of a parameter: at each value the largest log likelihood over all others.

    low, high: ends of the 95 % interval; None where the likelihood does not fall enough within the parameter's limits.
    """

    parameter: str
    values: tuple[float, ...]
    log_likelihoods: tuple[float, ...]
    low: float | None
    high: float | None


def fit(sample: Sample, family: Family, *, by_likelihood: bool, start: Sequence[float] | None = None, rounds: int = 80) -> Fit:
    """Return the model of a family with the largest likelihood on a sample, or the least Brier score.

    One parameter is searched on a grid, which is then refined; several by Nelder–Mead from the family's start, or `start`.
    """
    calls = 0

    def loss(scaled: FloatArray) -> float:
        nonlocal calls
        calls += 1
        return _loss(sample, _model(family, scaled), by_likelihood=by_likelihood)[1]

    each = family.parameters
    if len(each) == 1:
        lo, hi = (each[0].scaled(value) for value in (each[0].lo, each[0].hi))
        scaled = np.array([_least(lambda x: loss(np.array([x])), lo, hi)])
    else:
        begin = [one.scaled(one.start) for one in each] if start is None else [one.scaled(x) for one, x in zip(each, start, strict=True)]
        scaled, _value = minimise(loss, begin, [one.step for one in each], rounds=rounds)
    model = _model(family, scaled)
    spread, value = _loss(sample, model, by_likelihood=by_likelihood)
    return Fit(model, spread, value, calls)


def profile(sample: Sample, found: Fit, index: int) -> Profile:
    """Return the profile likelihood of a fitted model's parameter, and its interval, in log likelihoods of the whole sample.

    Lives that wait for the same trades are not independent, so the interval is the narrowest that can be meant.
    """
    family, one = found.model.family, found.model.family.parameters[index]
    count = int(sample.kept.sum())
    centre = one.scaled(found.model.values[index])

    def best_at(scaled: float) -> float:
        fixed = one.value(scaled)
        if len(family.parameters) == 1:
            return -_loss(sample, QueueModel(family, (fixed,), fitted=True), by_likelihood=True)[1] * count
        others = [k for k in range(len(family.parameters)) if k != index]

        def loss(place: FloatArray) -> float:
            values = list(found.model.values)
            values[index] = fixed
            for k, x in zip(others, place, strict=True):
                values[k] = family.parameters[k].value(float(x))
            return _loss(sample, QueueModel(family, tuple(values), fitted=True), by_likelihood=True)[1]

        begin = [family.parameters[k].scaled(found.model.values[k]) for k in others]
        return -minimise(loss, begin, [0.5 * family.parameters[k].step for k in others], rounds=12)[1] * count

    top = -found.loss * count
    low, high = (_edge(best_at, centre, one.scaled(end), top) for end in (one.lo, one.hi))
    ends = [one.scaled(end) if edge is None else edge for end, edge in ((one.lo, low), (one.hi, high))]
    reach = max(centre - ends[0], ends[1] - centre, 10 * _TOLERANCE) * 1.5
    places = np.clip(np.linspace(centre - reach, centre + reach, _PROFILE_POINTS), one.scaled(one.lo), one.scaled(one.hi))
    places = np.unique(places)
    return Profile(
        one.name, tuple(one.value(float(x)) for x in places), tuple(best_at(float(x)) for x in places),
        None if low is None else one.value(low), None if high is None else one.value(high),
    )  # fmt: skip


def _model(family: Family, scaled: FloatArray) -> QueueModel:
    return QueueModel(family, tuple(one.value(float(x)) for one, x in zip(family.parameters, scaled, strict=True)), fitted=True)


def _loss(sample: Sample, model: QueueModel, *, by_likelihood: bool) -> tuple[float, float]:
    """Return (best spread, mean loss): less log likelihood, or Brier score."""
    spread, value = best_spread(sample.said(model), sample.counted.filled, by_likelihood=by_likelihood)
    return spread, -value if by_likelihood else value


def _least(loss: Callable[[float], float], lo: float, hi: float) -> float:
    """Return where a function of one parameter is least: the middle of the best places of ever finer grids.

    Fills are whole events, so the function is a staircase: of equally good places the middle one stands for all.
    """
    size = GRID
    while True:
        places = np.linspace(lo, hi, size)
        values = np.array([loss(float(x)) for x in places])
        best = np.flatnonzero(values <= values.min() + 1e-12)
        step = float(places[1] - places[0])
        if step <= _TOLERANCE:
            return float(places[best[len(best) // 2]])
        lo, hi = max(lo, float(places[best[0]]) - step), min(hi, float(places[best[-1]]) + step)
        if (hi - lo) / (size - 1) > 0.9 * step:  # equally good nearly everywhere: no finer grid can tell
            return float(places[best[len(best) // 2]])
        size = 13


def _edge(best_at: Callable[[float], float], centre: float, end: float, top: float) -> float | None:
    """Return where the profile has fallen by PROFILE_DROP between the centre and a limit; None if it has not."""
    wanted = top - PROFILE_DROP
    step = 0.01 if end > centre else -0.01
    inside, outside = centre, centre
    while abs(outside - centre) < abs(end - centre):
        outside = min(centre + step, end) if step > 0 else max(centre + step, end)
        if best_at(outside) < wanted:
            break
        inside = outside
        step *= 2.0
    else:
        return None
    for _ in range(8):
        middle = 0.5 * (inside + outside)
        inside, outside = (inside, middle) if best_at(middle) < wanted else (middle, outside)
    return 0.5 * (inside + outside)
