"""Fit a queue model's parameters to what happened to orders: to lives of an L3 tape, or to recorded own orders.

A `Sample` is a view of a tape, orders in it, and what became of them. A fit has the least joint loss (`queue_score.Weights`):
Brier score and likelihood together, since what is best by one alone may be bad by the other. The spread of the probabilities
is fitted along, for each place of the search anew. A fit of one day says too much of that day, so it can be shrunk
(`shrunk`) towards a model that nothing was fitted for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from simcore.calibrate.fidelity.queue_family import Family, QueueModel
from simcore.calibrate.fidelity.queue_score import (
    LIKELIHOOD,
    Flags,
    Outcomes,
    Predictions,
    Weights,
    best_spread,
    chosen_of,
    outcomes_of,
    predictions,
)
from simcore.calibrate.fidelity.shadow import Orders, Shadows, View, follow
from simcore.calibrate.fidelity.shadow_rows import Slots
from simcore.calibrate.fidelity.simplex import minimise
from simcore.records import FloatArray

GRID = 17  # values of a single parameter that are tried before the search is refined
PRIOR_FILLS = 100.0  # weight of the prior, in fills, two steps of the search away from its centre
PROFILE_DROP = 1.92  # of the log likelihood at the ends of a 95 % profile interval: half the 0.95 quantile of chi²(1)
_PROFILE_POINTS = 25
_TOLERANCE = 4e-3  # of a single parameter, on its scale


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
        return chosen_of(predictions(self.shadows(model), self.view.ts, self.outcomes), self.kept)

    @property
    def counted(self) -> Outcomes:
        """What became of the orders that count."""
        return outcomes_of(self.outcomes, self.kept)


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


def fit(sample: Sample, family: Family, weights: Weights, *, centre: QueueModel | None = None, rounds: int = 60) -> Fit:
    """Return the model of a family with the least joint loss on a sample.

    One parameter is searched on a grid, which is then refined. Several are searched by Nelder–Mead from a model of the family,
    the centre, around which a prior of PRIOR_FILLS holds them: so many parameters explain any hour, and not the next one.
    """
    calls, each = 0, family.parameters
    if len(each) > 1 and centre is None:
        raise ValueError(f"{family.name}: several parameters are fitted around a centre")
    middle = np.array([one.scaled(x) for one, x in zip(each, centre.values, strict=True)]) if centre else np.zeros(len(each))
    widths = np.array([one.step for one in each])
    weight = 0.5 * PRIOR_FILLS / max(int(sample.counted.filled.sum()), 1) if len(each) > 1 else 0.0

    def loss(scaled: FloatArray) -> float:
        nonlocal calls
        calls += 1
        away = (scaled - middle) / (2.0 * widths)
        return _loss(sample, _model(family, scaled), weights)[1] + weight * float(np.sum(away * away))

    if len(each) == 1:
        lo, hi = (each[0].scaled(value) for value in (each[0].lo, each[0].hi))
        scaled = np.array([_least(lambda x: loss(np.array([x])), lo, hi)])
    else:
        scaled, _value = minimise(loss, middle.tolist(), widths.tolist(), rounds=rounds, tolerance=1e-4)
    model = _model(family, scaled)
    return Fit(model, *_loss(sample, model, weights), calls)


def shrunk(model: QueueModel, towards: QueueModel, share: float) -> QueueModel:
    """Return a fitted model of which a share is kept, and the rest is that of another one of its family, on the search's scale."""
    places = ((one, one.scaled(mine), one.scaled(other)) for one, mine, other in zip(model.family.parameters, model.values, towards.values, strict=True))
    return replace(model, values=tuple(one.value(share * mine + (1.0 - share) * other) for one, mine, other in places))


def profile(sample: Sample, model: QueueModel) -> Profile:
    """Return the profile likelihood of the parameter of a model that has one, in log likelihoods of the whole sample.

    Lives that wait for the same trades are not independent, so the interval is the narrowest that can be meant.
    """
    family, one = model.family, model.family.parameters[0]
    count = int(sample.kept.sum())

    def best_at(scaled: float) -> float:
        return -_loss(sample, QueueModel(family, (one.value(scaled),), fitted=True), LIKELIHOOD)[1] * count

    centre = one.scaled(model.values[0])
    top = best_at(centre)
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


def _loss(sample: Sample, model: QueueModel, weights: Weights) -> tuple[float, float]:
    """Return (best spread, mean joint loss)."""
    return best_spread(sample.said(model), sample.counted.filled, weights)


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
        size = 9


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
