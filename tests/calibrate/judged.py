"""Calibrations as arrays, for the tests of the judge."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from simcore.calibrate.evidence import Case

GRID = list(itertools.product(range(4), range(3)))  # 12 points of the parameters a and b; trial 1 is the first
WALK = (((0, 1, 2), (3,)), ((1, 2, 3), (4,)), ((2, 3, 4), (5,)))


def case_of(days, points=GRID, folds=WALK, ever=None, measure="mean", excess=None, gains=None, whole=None, baseline=(-1, -1)):
    """Return a case of changes of days [n, T]; trial 0 is the baseline. gains, excess: of days, None for money and none."""
    changes = tuple(np.asarray(day, np.float64) for day in days)
    trials = changes[0].shape[1]
    params = pd.DataFrame([baseline, *points], columns=["a", "b"])
    return Case(
        params, tuple(f"day {k + 1}" for k in range(len(changes))), changes, np.ones(trials, bool) if whole is None else np.array(whole),
        gains or (lambda chosen: np.sum([changes[day].sum(axis=0) for day in chosen], axis=0)),
        excess or (lambda chosen: np.zeros(trials)), folds, ever or trials, measure,
    )  # fmt: skip


def noise(seed, kind="independent", days=6, intervals=48, trials=13):
    """Return changes of days [n, T] without any skill, of a kind."""
    random = np.random.default_rng(seed)
    shape = (days, intervals, trials)
    if kind == "heavy":
        return list(random.standard_t(3, size=shape))
    own = random.normal(size=shape)
    if kind == "common":  # most of what happens happens to all trials
        return list(own + 2.0 * random.normal(size=(days, intervals, 1)))
    if kind == "lasting":  # a change goes on in the next ones
        return list(own + 0.7 * np.roll(own, 1, axis=1) + 0.5 * np.roll(own, 2, axis=1))
    if kind == "like neighbours":  # trials next to each other share half of their luck
        own[:, :, 1:] += np.roll(own[:, :, 1:], 1, axis=2)
    return list(own)


KINDS = ("independent", "heavy", "common", "lasting", "like neighbours")


def hill(top=(1, 1), height=0.7, width=2.0):
    """Return what each trial earns an interval: a hill over the grid, 0 for the baseline."""
    apart = [(a - top[0]) ** 2 + (b - top[1]) ** 2 for a, b in GRID]
    return np.array([0.0, *(height * np.exp(-np.array(apart) / width))])
