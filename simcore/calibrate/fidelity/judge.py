"""Whether a fitted queue model is to be used: its scores on rolling blocks against those of all others, pair by pair.

What is kept unless something is surely better is the engine's default, `power` with n = 3. Surely better is a model whose
joint loss is less, by 1 % or more and with an interval below 0, and neither of whose two scores is surely worse. Of those
that are, the one with the least joint loss is chosen. Unfitted models are many, and one of many is the best by chance: their
intervals are as much wider as Bonferroni has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simcore.calibrate.fidelity.queue_family import DEFAULT, QueueModel
from simcore.calibrate.fidelity.queue_score import LOSS_LEAST
from simcore.calibrate.fidelity.rolling import Rolled, Scored
from simcore.calibrate.intervals import LEVEL, Interval, block_bootstrap_paired

KEPT, UNFITTED, FITTED = "default", "unfitted", "fitted"
WORTH = 0.01  # of the other model's joint loss: a gain below this is not worth a change
NOTHING = 0.1 * LOSS_LEAST  # of a score: no difference


class Gap(NamedTuple):
    """What a model scores less what another one does, on the same orders, with intervals.

    brier, joint: below 0 it is better.  likelihood: of the log likelihood, above 0 it is better.  base: the other's joint loss.
    """

    other: QueueModel
    base: float
    brier: Interval
    likelihood: Interval
    joint: Interval

    @property
    def as_good(self) -> bool:
        """Whether it is as good or better in both scores, by chance or not."""
        return self.brier.estimate <= NOTHING and self.likelihood.estimate >= -NOTHING

    @property
    def alike(self) -> bool:
        """Whether both scores together differ by less than WORTH."""
        return abs(self.joint.estimate) < WORTH * self.base

    @property
    def surely_better(self) -> bool:
        """Whether its joint loss is less, by WORTH or more, and neither score worse, by more than chance."""
        return not self.alike and self.joint.high < 0.0 and self.brier.low <= NOTHING and self.likelihood.high >= -NOTHING


@dataclass(frozen=True)
class Verdict:
    """The model to use. kind: KEPT, UNFITTED or FITTED.  kept: what is used where nothing is better.

    best  the unfitted model with the least joint loss.  gap: of the model to use against the kept one, None if it is that.
    """

    kind: str
    model: QueueModel
    kept: QueueModel
    best: QueueModel
    gap: Gap | None


def judged(rolled: Rolled, seed: int) -> tuple[tuple[Gap, ...], tuple[tuple[Gap, ...], ...], Verdict]:
    """Return the fitted model's gaps to all others, those block by block to the best and the kept one, and the verdict."""
    pooled = [rolled.pooled(k) for k in range(len(rolled.models))]
    joint = [float(np.mean(each.joint)) for each in pooled]
    best = int(np.argmin(joint))
    kept = rolled.models.index(DEFAULT) if DEFAULT in rolled.models else best
    level = 1.0 - (1.0 - LEVEL) / max(len(rolled.models) - 1, 1)
    against = [_gap(each, pooled[kept], rolled.models[kept], seed, level) for each in pooled]
    sure = [(joint[k], UNFITTED, rolled.models[k], gap) for k, gap in enumerate(against) if gap.surely_better]
    gaps: tuple[Gap, ...] = ()
    by_block: tuple[tuple[Gap, ...], ...] = ()
    if rolled.model is not None:
        fitted = rolled.pooled(None)
        gaps = tuple(_gap(fitted, each, model, seed, LEVEL) for each, model in zip(pooled, rolled.models, strict=True))
        by_block = tuple(_block_gaps(rolled, k, sorted({best, kept}), seed) for k in range(len(rolled.blocks)))
        if gaps[kept].surely_better and rolled.share is not None:
            sure.append((float(np.mean(fitted.joint)), FITTED, rolled.model, gaps[kept]))
    if not sure:
        return gaps, by_block, Verdict(KEPT, rolled.models[kept], rolled.models[kept], rolled.models[best], None)
    _loss, kind, model, gap = min(sure, key=lambda each: each[0])
    return gaps, by_block, Verdict(kind, model, rolled.models[kept], rolled.models[best], gap)


def _block_gaps(rolled: Rolled, number: int, others: Sequence[int], seed: int) -> tuple[Gap, ...]:
    block = rolled.blocks[number]
    assert block.fitted is not None
    return tuple(_gap(block.fitted, block.unfitted[k], rolled.models[k], seed, LEVEL) for k in others)


def _gap(mine: Scored, other: Scored, model: QueueModel, seed: int, level: float) -> Gap:
    pairs = (
        (mine.losses.brier, other.losses.brier), (-mine.losses.unlikelihood, -other.losses.unlikelihood), (mine.joint, other.joint),
    )  # fmt: skip
    return Gap(model, float(np.mean(other.joint)), *(block_bootstrap_paired(*pair, seed=seed, level=level) for pair in pairs))
