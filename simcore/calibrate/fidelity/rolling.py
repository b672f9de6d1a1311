"""Rolling-origin cross-validation of queue models: fit on what came before a block, score on the block, go on.

Half of a fit is kept, the rest shrunk towards a model of its family that nothing was fitted for. Only if more of it, nothing
of it, or the best unfitted model of any family did surely better on two blocks before or more is that taken for the next block. What became of their orders after the next block's start does not count in that. So every score is of orders that
nothing was fitted to or chosen by, and nothing looks ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from simcore.calibrate.fidelity.queue_family import FAMILIES, GENERAL, Family, QueueModel
from simcore.calibrate.fidelity.queue_fit import Fit, Sample, fit, shrunk
from simcore.calibrate.fidelity.queue_score import (
    Losses,
    Outcomes,
    Predictions,
    Weights,
    best_spread,
    even_weights,
    losses,
    outcomes_of,
    probability,
)
from simcore.calibrate.fidelity.shadow import CLEAR, MATCHED, NEVER, Z_NONE, Orders, View
from simcore.calibrate.intervals import block_bootstrap_paired
from simcore.records import FloatArray, IntArray

SHARES = (None, 0.0, 0.5, 1.0)  # of a fit that may be kept; None: the best unfitted model of any family
FIRST = SHARES.index(0.5)  # before anything is known, and until another one is better
BLOCKS_LEAST = 2  # before another one is taken: what is best in one block tells little of the next
_ANY = QueueModel(FAMILIES["risk_averse"])  # what trades reach does not depend on the model

Whole = tuple[Fit, list[QueueModel]]  # a fit, and what each of SHARES makes of it


class Scored(NamedTuple):
    """What a model says of the orders of blocks, and what it loses on each; joint: by the weights of its block."""

    said: Predictions
    losses: Losses
    joint: FloatArray
    spread: float


@dataclass(frozen=True)
class Block:
    """A block of orders that were scored. start_ts, end_ts: ns of exchange time, of the first and after the last that joined.

    trained  orders, and fills among them, that came before.  share: of the fit that was kept (SHARES).  model: the fitted one.
    unfitted, fitted: what models, in order, and the fitted one said.
    """

    start_ts: int
    end_ts: int
    trained: tuple[int, int]
    outcomes: Outcomes
    weights: Weights
    share: float | None
    model: QueueModel | None
    unfitted: tuple[Scored, ...]
    fitted: Scored | None

    @property
    def filled(self) -> int:
        """Orders of the block that filled."""
        return int(self.outcomes.filled.sum())


@dataclass(frozen=True)
class Rolled:
    """All blocks, and the fit to everything that came until their end. share: of it that is kept; model: what that is."""

    models: tuple[QueueModel, ...]
    blocks: tuple[Block, ...]
    fit: Fit | None
    share: float | None
    model: QueueModel | None

    def pooled(self, which: int | None) -> Scored:
        """Return what a model (None: the fitted one) said of all blocks; spread: of the last."""
        parts = []
        for block in self.blocks:
            part = block.fitted if which is None else block.unfitted[which]
            assert part is not None
            parts.append(part)
        said = Predictions(*(np.concatenate(columns) for columns in zip(*(part.said for part in parts), strict=True)))
        lost = Losses(*(np.concatenate(columns) for columns in zip(*(part.losses for part in parts), strict=True)))
        return Scored(said, lost, np.concatenate([part.joint for part in parts]), parts[-1].spread)

    def probability(self, which: int | None) -> FloatArray:
        """Return the probabilities that a model (None: the fitted one) gave the orders of all blocks."""
        parts = [block.fitted if which is None else block.unfitted[which] for block in self.blocks]
        return np.concatenate([probability(part.said.z_at, part.spread) for part in parts if part is not None])

    @property
    def outcomes(self) -> Outcomes:
        """What became of the orders of all blocks."""
        return Outcomes(*(np.concatenate(columns) for columns in zip(*(block.outcomes for block in self.blocks), strict=True)))


def roll(
    sample: Sample, edges: Sequence[int], models: Sequence[QueueModel], family: Family | None, *, whole: Whole | None = None
) -> Rolled:
    """Score models over blocks of orders, each by what came before its block, and a fitted one if a family is given.

    edges  rows at which blocks begin, and where the last one ends.  whole: the fit to all of it, if it is known.
    """
    blocks: list[Block] = []
    history: list[_Tried] = []
    for start, stop in pairwise(edges):
        known = before(sample, start)
        block, tried = _block(known, between(sample, start, stop), (start, stop), models, family, _choice(_lost(known, history)))
        blocks.append(block)
        history.append(tried)
    if family is None:
        return Rolled(tuple(models), tuple(blocks), None, None, None)
    found, candidates = whole or fit_whole(sample, models, family)
    choice = _choice(_lost(sample, history))
    return Rolled(tuple(models), tuple(blocks), found, SHARES[choice], candidates[choice])


class _Learnt(NamedTuple):
    """What came before: a lean sample, what unfitted models say of it, their joint losses, and the weights of these."""

    sample: Sample
    said: list[Predictions]
    joint: list[float]
    weights: Weights


def _learn(known: Sample, models: Sequence[QueueModel]) -> _Learnt:
    train = lean(known)
    filled = train.counted.filled
    said = [train.said(model) for model in models]
    weights = even_weights([(each, filled) for each in said])
    return _Learnt(train, said, [best_spread(each, filled, weights)[1] for each in said], weights)


def fit_whole(sample: Sample, models: Sequence[QueueModel], family: Family) -> Whole:
    """Return the fit of a family to a whole sample, and what each of SHARES makes of it."""
    return _candidates(_learn(sample, models), models, family)


class _Tried(NamedTuple):
    """What each of SHARES made before a block, (model, spread): to be held against what becomes of its orders. rows: of the block."""

    rows: tuple[int, int]
    candidates: list[tuple[QueueModel, float]]
    weights: Weights


def _lost(known: Sample, history: Sequence[_Tried]) -> list[FloatArray]:
    """Return, for each past block, the joint loss of each of SHARES [SHARES, orders] by what is known of its orders now."""
    found = []
    for tried in history:
        test = between(known, *tried.rows)
        each = [tried.weights.joint(losses(test.said(model), test.counted.filled, spread)) for model, spread in tried.candidates]
        if each:
            found.append(np.stack(each))
    return found


def _block(
    known: Sample, test: Sample, rows: tuple[int, int], models: Sequence[QueueModel], family: Family | None, choice: int
) -> tuple[Block, _Tried]:
    """Return a block of these rows, scored by what was known before it, and what was tried for it."""
    learnt = _learn(known, models)
    unfitted = tuple(_scored(test, model, said, learnt) for model, said in zip(models, learnt.said, strict=True))
    candidates: list[tuple[QueueModel, float]] = []
    fitted, model = None, None
    if family is not None:
        made = _candidates(learnt, models, family)[1]
        filled = learnt.sample.counted.filled
        candidates = [(each, best_spread(learnt.sample.said(each), filled, learnt.weights)[0]) for each in made]
        model = made[choice]
        fitted = _scored(test, model, learnt.sample.said(model), learnt)
    ts = test.view.ts
    trained = int(known.kept.sum()), int(known.counted.filled.sum())
    block = Block(
        int(ts[rows[0]]), int(ts[min(rows[1], len(ts)) - 1]), trained, test.counted, learnt.weights, SHARES[choice], model, unfitted, fitted
    )
    return block, _Tried(rows, candidates, learnt.weights)


def _candidates(learnt: _Learnt, models: Sequence[QueueModel], family: Family) -> Whole:
    """Return the fit to what came before, and what each of SHARES makes of it."""
    centre = _centre(learnt, models, family)
    found = fit(learnt.sample, family, learnt.weights, centre=centre)
    best = models[int(np.argmin(learnt.joint))]
    return found, [best if share is None else shrunk(found.model, centre, share) for share in SHARES]


def _centre(learnt: _Learnt, models: Sequence[QueueModel], family: Family) -> QueueModel:
    """Return the model of a family that fits are shrunk towards: GENERAL, or with one parameter the unfitted one that did best.

    Without an unfitted model of the family it is that in which all lots are alike, n = 1.
    """
    if family.code == MATCHED:
        return GENERAL
    near = [(loss, model.values[0]) for loss, model in zip(learnt.joint, models, strict=True) if model.family is family]
    return QueueModel(family, (min(near)[1] if near else 1.0,))


def _scored(test: Sample, model: QueueModel, said: Predictions, learnt: _Learnt) -> Scored:
    """Return what a model says of a block, with the spread that was best by what it said before."""
    spread, _value = best_spread(said, learnt.sample.counted.filled, learnt.weights)
    told = test.said(model)
    lost = losses(told, test.counted.filled, spread)
    return Scored(told, lost, learnt.weights.joint(lost), spread)


def _choice(history: Sequence[FloatArray]) -> int:
    """Return which of SHARES to take after some blocks: FIRST, or the best of those that did surely better."""
    if len(history) < BLOCKS_LEAST:
        return FIRST
    lost = np.concatenate(history, axis=1)
    gaps = [block_bootstrap_paired(each, lost[FIRST], repetitions=500) for each in lost]
    better = [k for k, gap in enumerate(gaps) if gap.high < 0.0]
    return min(better, key=lambda k: gaps[k].estimate, default=FIRST)


def before(sample: Sample, row: int) -> Sample:
    """Return what was known of a sample before a row: orders that had joined, censored where they had neither filled nor left."""
    view, orders, outcomes = sample.view, sample.orders, sample.outcomes
    count = int(np.searchsorted(orders.join, row))
    last_ts = int(view.ts[row - 1]) if row else -1
    filled = outcomes.filled[:count] & (outcomes.fill_ts[:count] <= last_ts)
    known = [np.where(filled, column[:count], NEVER) for column in (orders.fill_lo, orders.fill_hi)]
    seen = Outcomes(filled, np.where(filled, outcomes.fill_ts[:count], -1), np.where(filled, outcomes.until_ts[:count], -1))
    return Sample(View(*(column[:row] for column in view)), Orders(*(column[:count] for column in orders[:3]), *known), sample.slots, seen, sample.kept[:count])


def between(sample: Sample, start: int, stop: int) -> Sample:
    """Return a sample of which the orders count that joined from a row on and before another; they are followed to the end."""
    join: IntArray = sample.orders.join
    return replace(sample, kept=sample.kept & (join >= start) & (join < stop))


def lean(sample: Sample) -> Sample:
    """Return a sample without the orders on which all models agree, and without the rows that no other order sees.

    These did not fill, and nothing traded at their price or beyond it: no model loses anything on them. That is most of a book.
    """
    seen = sample.outcomes.filled | (sample.shadows(_ANY).z_at > Z_NONE)
    chosen = np.flatnonzero(sample.kept & seen)
    number = np.full(len(sample.kept) + 1, -1, np.int64)
    number[chosen] = np.arange(len(chosen))
    orders, view = Orders(*(column[chosen] for column in sample.orders)), sample.view
    used = np.zeros(sample.slots.count + 1, bool)
    used[orders.slot] = True
    rows = used[view.slot] | (view.hi > view.lo) | (view.op == CLEAR)
    place = np.concatenate([[0], np.cumsum(rows)]).astype(np.int64)
    end = np.where(orders.end == NEVER, NEVER, place[np.minimum(orders.end, len(rows))])
    kept = View(*(np.ascontiguousarray(column[rows]) for column in view))
    moved = Orders(place[orders.join], end, *orders[2:])
    return Sample(kept._replace(owner=np.ascontiguousarray(number[kept.owner])), moved, sample.slots, outcomes_of(sample.outcomes, chosen), np.ones(len(chosen), bool))
