"""How well queue models foretell fills: every real order of an L3 tape, shadowed through what a tape of levels shows.

The truth is in the tape: when each order joined, left, and executed. A model sees what a user of a tape of levels sees,
the lots of each level and the trades, without the order's own lots. Spreads of probabilities and the fitted model come from
what was before a block of orders, scores from the block; the blocks follow one another (`rolling`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from simcore.calibrate.fidelity.cancels import cancels_of
from simcore.calibrate.fidelity.judge import Gap, Verdict, judged
from simcore.calibrate.fidelity.knowing import Help, helps
from simcore.calibrate.fidelity.queue_family import QueueModel, family_named
from simcore.calibrate.fidelity.queue_fit import Sample
from simcore.calibrate.fidelity.queue_score import Bin, Outcomes, Timing, calibration_curve, timing
from simcore.calibrate.fidelity.rolling import Rolled, before, between, roll
from simcore.calibrate.fidelity.shadow import NEVER, Orders
from simcore.calibrate.fidelity.shadow_rows import Lives, Slots, l3_lives, l3_rows, l3_view
from simcore.calibrate.intervals import Interval, block_bootstrap_mean
from simcore.config.values import given_time
from simcore.errors import CalibrateError
from simcore.records import Chunk, IntArray
from simcore.tape.read import Tape
from simcore.tape.schema import Instrument

FILLS_MIN = 20  # before the first block: fewer say nothing about a model
BLOCK_FILLS_MIN = 10  # in each block
BLOCKS_MAX = 100


@dataclass(frozen=True)
class Score:
    """How one model did on all blocks together.

    brier       mean squared error of its probabilities.  brier_hard: share of lives whose hard prediction was wrong.
    likelihood  mean log likelihood of a life.  missed: filled, not foretold; invented: foretold, not filled.
    spread      of its probabilities on the last block, as fitted to all before.
    model       of the fitted one: the fit to the whole tape, which stands for those of the blocks.
    """

    model: QueueModel
    spread: float
    brier: Interval
    brier_hard: Interval
    likelihood: Interval
    missed: int
    invented: int
    timing: Timing
    curve: tuple[Bin, ...]


class Part(NamedTuple):
    """A part of a tape: from, to in ns of exchange time; lives that are scored, of these filled; lives left out by crossed books."""

    start_ts: int
    end_ts: int
    lives: int
    filled: int
    crossed: int


@dataclass(frozen=True)
class Fidelity:
    """What a comparison found. scores: in order of the joint loss, the least first.

    train  the part before the first block.  gaps: the fitted model against every other, all blocks together.
    block_gaps: block by block, against the best unfitted model, and against the one that is kept where nothing is better.
    helps  what knowing more would bring.
    """

    instrument: Instrument
    tape_hash: str
    split: float
    seed: int
    train: Part
    test: Part
    rolled: Rolled
    scores: tuple[Score, ...]
    gaps: tuple[Gap, ...]
    block_gaps: tuple[tuple[Gap, ...], ...]
    verdict: Verdict
    helps: tuple[Help, ...]

    @property
    def fitted(self) -> Score | None:
        """The fitted model's score."""
        return next((score for score in self.scores if score.model.fitted), None)


def measure(
    tape: Tape, models: Sequence[QueueModel], *, family: str | None = "matched", split: float = 0.2, blocks: int = 5,
    from_ts: int | str | None = None, to_ts: int | str | None = None, seed: int = 1,
) -> Fidelity:  # fmt: skip
    """Compare models on an L3 tape, and one of a family that is fitted anew before each block.

    split  share of the executions that come before the first block; the blocks have as many each of the rest.  from_ts, to_ts
    exchange times, as configurations have them: orders that join earlier, and rows that come later, do not count.  family: None fits none.
    CONF-003: not a time; CAL-030: no L3 tape; CAL-031: too few fills; CAL-032: a family that cannot be fitted; CAL-037: blocks that cannot be.
    """
    if tape.level != "l3":
        raise CalibrateError("CAL-030", f"{tape.instrument.symbol}: a tape of level {tape.level}; the truth about queues needs single orders (l3)")
    from_ts, to_ts = given_time(from_ts, "from_ts"), given_time(to_ts, "to_ts")
    chosen = None if family is None else family_named(family)
    rows = l3_rows(tape.chunks())
    if to_ts is not None:
        rows = Chunk(*(column[: int(np.searchsorted(rows.exch_ts, to_ts, side="right"))] for column in rows))
    lives, owner = l3_lives(rows)
    first = 0 if from_ts is None else int(np.searchsorted(rows.exch_ts, from_ts))
    edges = _edges(rows, lives, first, split, blocks)
    sample, crossed = _sample(rows, lives, owner, first)
    _refuse_few(sample, edges)
    rolled = roll(sample, edges, models, chosen)
    pairs = cancels_of(sample.view, sample.orders, sample.slots.bids, sample.slots.asks)
    gaps, block_gaps, found = judged(rolled, seed)
    train = before(sample, edges[0])
    return Fidelity(
        tape.instrument, tape.content_hash, split, seed, _part(train, rows, crossed, first, edges[0]),
        _part(between(sample, edges[0], edges[-1]), rows, crossed, edges[0], edges[-1]), rolled, _scores(rolled, seed), gaps, block_gaps, found,
        helps(pairs.part(np.flatnonzero(pairs.row >= first)), np.array(edges), seed),
    )  # fmt: skip


def _edges(rows: Chunk, lives: Lives, first: int, split: float, blocks: int) -> list[int]:
    """Return the rows at which blocks begin, each after an event, and the end. CAL-031, CAL-037."""
    fills = np.sort(lives.fill_row[(lives.fill_row >= 0) & (lives.join >= first)])
    if not 0.0 < split < 1.0:
        raise CalibrateError("CAL-037", f"--split {split:g}: expected a share between 0 and 1")
    if not 1 <= blocks <= BLOCKS_MAX:
        raise CalibrateError("CAL-037", f"--blocks {blocks}: expected 1 to {BLOCKS_MAX}")
    if len(fills) < FILLS_MIN + BLOCK_FILLS_MIN * blocks:
        raise CalibrateError("CAL-031", f"{len(fills)} orders executed; at least {FILLS_MIN + BLOCK_FILLS_MIN * blocks} are needed, for {blocks} blocks and what comes before them")
    shares = split + (1.0 - split) * np.arange(blocks) / blocks
    last = fills[np.maximum((shares * len(fills)).astype(np.int64) - 1, 0)]
    return [*np.searchsorted(rows.exch_ts, rows.exch_ts[last], side="right").tolist(), len(rows.ev)]


def _sample(rows: Chunk, lives: Lives, owner: IntArray, first: int) -> tuple[Sample, IntArray]:
    """Return the sample of all lives, of which those count that join from a row on, and which ones crossed books leave out."""
    slots = Slots.of(lives.side, lives.price_ticks)
    filled = lives.fill_row >= 0
    fill_ts = np.where(filled, rows.exch_ts[np.maximum(lives.fill_row, 0)], -1)
    never = np.where(filled, fill_ts, NEVER)
    end = np.where(filled, NEVER, lives.end)  # a filled one's shadow goes on
    orders = Orders(lives.join, end, slots.find(lives.side, lives.price_ticks), never, never)
    plain = Sample(l3_view(rows, owner, slots), orders, slots, Outcomes(filled, fill_ts, fill_ts), lives.join >= first)
    crossed = plain.shadows(QueueModel(family_named("power"), (3.0,))).crossed == 1  # of the tape alone: any model says so
    return Sample(plain.view, orders, slots, plain.outcomes, plain.kept & ~crossed), crossed


def _refuse_few(sample: Sample, edges: Sequence[int]) -> None:
    """Refuse a part with too few fills, or with nothing else. CAL-031."""
    parts = [("the part before the blocks", before(sample, edges[0]), FILLS_MIN)]
    parts += [(f"block {k}", between(sample, start, stop), BLOCK_FILLS_MIN) for k, (start, stop) in enumerate(pairwise(edges), 1)]
    for name, part, least in parts:
        filled, count = int(part.counted.filled.sum()), int(part.kept.sum())
        if filled < least or filled == count:
            raise CalibrateError("CAL-031", f"{name} has {count} orders, {filled} of which filled; expected at least {least}, and some that did not: another --split, fewer --blocks, or a longer tape")


def _part(sample: Sample, rows: Chunk, crossed: IntArray, start: int, stop: int) -> Part:
    join = sample.orders.join
    out = crossed[: len(join)] & (join >= start) & (join < stop)
    return Part(
        int(rows.exch_ts[min(start, len(rows.ev) - 1)]), int(rows.exch_ts[stop - 1]), int(sample.kept.sum()),
        int(sample.counted.filled.sum()), int(out.sum()),
    )  # fmt: skip


def _scores(rolled: Rolled, seed: int) -> tuple[Score, ...]:
    """Return the scores of all models, in order of the joint loss."""
    which = [*enumerate(rolled.models), *([] if rolled.fit is None else [(None, rolled.fit.model)])]
    order = sorted(which, key=lambda each: float(np.mean(rolled.pooled(each[0]).joint)))
    return tuple(_score(rolled, k, model, seed) for k, model in order)


def _score(rolled: Rolled, which: int | None, model: QueueModel, seed: int) -> Score:
    pooled, outcomes = rolled.pooled(which), rolled.outcomes
    real, said = outcomes.filled, pooled.said
    return Score(
        model, pooled.spread,
        block_bootstrap_mean(pooled.losses.brier, seed=seed), block_bootstrap_mean((said.filled != real).astype(np.float64), seed=seed),
        block_bootstrap_mean(-pooled.losses.unlikelihood, seed=seed), int((real & ~said.filled).sum()), int((said.filled & ~real).sum()),
        timing(said, outcomes), tuple(calibration_curve(rolled.probability(which), real)),
    )  # fmt: skip
