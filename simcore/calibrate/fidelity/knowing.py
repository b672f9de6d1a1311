"""Would anything else that a tape of levels shows help a queue model? Asked of where cancels really came from.

A queue model gets lots: of the level, of the change, of trades. A regression of each cancel's place on what the model
`matched` makes of these, and on one thing more, tells what that would be worth, on cancels that it was not fitted to.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from simcore.calibrate.fidelity.cancels import KNOWN, Cancels
from simcore.calibrate.intervals import Interval, block_bootstrap_paired
from simcore.records import FloatArray, IntArray

PAIRS_MIN = 100  # before a block and in it: fewer say nothing about what else would help
_LEAST = 1e-4  # a share is never surer than this
_RIDGE = 1e-3  # of the regressions, a pair
_NEWTON_STEPS = 30


class Help(NamedTuple):
    """What knowing more would bring: the mean gain of log likelihood a cancel, out of sample, with its interval.

    base  log likelihood of the model without it.
    """

    name: str
    gain: Interval
    base: float


def helps(cancels: Cancels, edges: IntArray, seed: int) -> tuple[Help, ...]:
    """Return what each of KNOWN would bring beside place, size and match, over rolling blocks of rows from edges on.

    A logistic regression is fitted to the pairs before a block, and scored on those in it. Empty where too few pairs are left.
    """
    plain = _plain(cancels)
    extra = _known(cancels)
    scored = [(cancels.row < start, (cancels.row >= start) & (cancels.row < stop)) for start, stop in pairwise(edges)]
    scored = [(before, inside) for before, inside in scored if min(before.sum(), inside.sum()) >= PAIRS_MIN]
    if not scored:
        return ()
    base = _rolling(plain, cancels.ahead, scored)
    found = []
    for name, column in zip(KNOWN, extra, strict=True):
        more = _rolling(np.column_stack([plain, column]), cancels.ahead, scored)
        found.append(Help(name, block_bootstrap_paired(more, base, seed=seed), float(np.mean(base))))
    return tuple(found)


def _plain(cancels: Cancels) -> FloatArray:
    """Return what the model `matched` knows, as columns of a regression."""
    ratio = np.log(cancels.back / cancels.front)
    over = [np.log(np.maximum(cancels.lots / side, 1.0)) for side in (cancels.front, cancels.back)]
    return np.column_stack([np.ones(len(ratio)), ratio, cancels.matched, ratio * cancels.matched, *over])


def _known(cancels: Cancels) -> list[FloatArray]:
    """Return KNOWN as columns of a regression, centred: logarithms, of imbalance with its side."""
    size, balance, spread, age, rate = cancels.known
    columns = (np.log(size), np.log(balance), np.log(np.maximum(spread, 1.0)), np.log(1e6 + age), np.log1p(rate))
    return [column - np.mean(column) for column in columns]


def _rolling(columns: FloatArray, ahead: IntArray, scored: list[tuple[IntArray, IntArray]]) -> FloatArray:
    """Return the log likelihood of each pair in the blocks, by regressions on the pairs before its block."""
    parts = []
    for before, inside in scored:
        weights = _regression(columns[before], ahead[before])
        share = _logistic(columns[inside] @ weights)
        parts.append(np.log(np.clip(np.where(ahead[inside] == 1, share, 1.0 - share), _LEAST, 1.0)))
    return np.concatenate(parts)


def _regression(columns: FloatArray, ahead: IntArray) -> FloatArray:
    """Return the weights of a logistic regression, by Newton's method, with a small ridge."""
    count, width = columns.shape
    weights = np.zeros(width)
    for _ in range(_NEWTON_STEPS):
        share = _logistic(columns @ weights)
        slope = columns.T @ (share - ahead) / count + _RIDGE * weights
        bend = (columns * (share * (1.0 - share))[:, None]).T @ columns / count + _RIDGE * np.eye(width)
        step = np.linalg.solve(bend, slope)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-8:
            break
    return weights


def _logistic(x: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0))), np.float64)
