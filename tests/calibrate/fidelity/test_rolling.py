"""Fits over rolling blocks: what came before is all that is known, planted laws are found, and nothing is adopted that does not pay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from simcore.calibrate.draws import picks, uniforms
from simcore.calibrate.fidelity import judge
from simcore.calibrate.fidelity.cancels import cancels_of
from simcore.calibrate.fidelity.judge import FITTED, KEPT, judged
from simcore.calibrate.fidelity.judge_words import verdict_lines
from simcore.calibrate.fidelity.knowing import helps
from simcore.calibrate.fidelity.measure import measure
from simcore.calibrate.fidelity.pages import figures, page
from simcore.calibrate.fidelity.queue_family import (
    DEFAULT,
    FAMILIES,
    GENERAL,
    UNFITTED,
    QueueModel,
    model_named,
    models_named,
)
from simcore.calibrate.fidelity.queue_fit import Sample, fit, shrunk
from simcore.calibrate.fidelity.queue_score import Losses, Outcomes, Predictions, Weights, best_spread
from simcore.calibrate.fidelity.rolling import (
    FIRST,
    SHARES,
    Block,
    Rolled,
    Scored,
    _choice,
    before,
    between,
    lean,
    roll,
)
from simcore.errors import CalibrateError
from simcore.records import L3_ADD, L3_REDUCE, Chunk
from tests.calibrate.fidelity.planted import planted_tape
from tests.calibrate.fidelity.test_fidelity import book_of, sample_of


def random_book(seed: int, count: int = 300) -> Chunk:
    what, side, step, lots = (picks(seed, stream, np.arange(count), size).tolist() for stream, size in enumerate((9, 2, 2, 9)))
    return book_of([(0 if kind < 4 else 1 if kind < 6 else 2, one, place, 1 + size) for kind, one, place, size in zip(what, side, step, lots, strict=True)])


@settings(max_examples=30, deadline=None)
@given(some.integers(0, 10**6), some.integers(20, 290), some.sampled_from(["power:2", "log2", "front", "matched:1.3:1:8:0.6:0.75"]))
def test_what_was_known_before_a_row_is_what_a_tape_that_ends_there_shows(seed: int, row: int, name: str) -> None:
    """Predictions and outcomes from the cut sample are those of the cut book."""
    book, model = random_book(seed), model_named(name)
    cut = sample_of(Chunk(*(column[:row] for column in book)))
    known = before(sample_of(book), row)
    assert known.outcomes.filled.tolist() == cut.outcomes.filled.tolist()
    assert known.outcomes.fill_ts.tolist() == cut.outcomes.fill_ts.tolist()
    for mine, other in zip(known.said(model), cut.said(model), strict=True):
        assert mine.tolist() == other.tolist()


@settings(max_examples=30, deadline=None)
@given(some.integers(0, 10**6), some.sampled_from(["power:2", "log2", "risk_averse", "matched:1.3:1:8:0.6:0.75"]))
def test_orders_and_rows_that_are_left_out_change_no_loss(seed: int, name: str) -> None:
    """A lean sample says the same of its orders; on all others every model is right and sure."""
    sample, model = sample_of(random_book(seed)), model_named(name)
    part = lean(sample)
    every, some_of = sample.said(model), part.said(model)
    seen = sample.outcomes.filled | (every.z_at > -1e9)
    for mine, whole in zip((some_of.z_at, some_of.z_before, some_of.filled), (every.z_at, every.z_before, every.filled), strict=True):
        assert mine.tolist() == whole[seen].tolist()
    assert part.outcomes.filled.tolist() == sample.outcomes.filled[seen].tolist()
    weights = Weights(1.0, 0.1)
    if seen.any():
        whole_loss, lean_loss = (best_spread(each.said(model), each.counted.filled, weights) for each in (sample, part))
        assert whole_loss[0] == lean_loss[0]
        assert whole_loss[1] * len(sample.kept) == pytest.approx(lean_loss[1] * len(part.kept))


def test_a_block_holds_the_orders_that_joined_in_it() -> None:
    sample = sample_of(random_book(3))
    blocks = [between(sample, start, stop) for start, stop in ((0, 90), (90, 200), (200, 300))]
    assert sum(int(block.kept.sum()) for block in blocks) == int(sample.kept.sum())
    assert all((sample.orders.join[block.kept] >= start).all() for block, start in zip(blocks, (0, 90, 200), strict=True))


def test_a_fit_is_kept_in_part() -> None:
    far = QueueModel(FAMILIES["matched"], (5.2, 1.0, 32.0, 1.0, 0.25), fitted=True)
    half = shrunk(far, GENERAL, 0.5).values
    assert half == pytest.approx((2.6, 1.0, 16.0, 0.8, 0.5))
    assert shrunk(far, GENERAL, 1.0).values == pytest.approx(far.values)
    assert shrunk(far, GENERAL, 0.0).values == pytest.approx(GENERAL.values)
    with pytest.raises(ValueError, match="around a centre"):
        fit(sample_of(random_book(1)), FAMILIES["matched"], Weights(1.0, 1.0))


def test_another_share_is_taken_only_if_it_is_better_by_more_than_chance() -> None:
    swing = np.where(np.arange(500) % 2 == 0, 0.3, -0.3)
    noise = uniforms(1, 1, np.arange(500)) + (np.arange(len(SHARES)) - FIRST)[:, None] * swing  # as good on average
    assert _choice([]) == FIRST
    assert _choice([noise]) == FIRST
    for k in range(len(SHARES)):
        better = noise.copy()
        better[k] -= 0.2
        assert _choice([better]) == FIRST  # one block
        assert _choice([better, noise[:, :20]]) == k
        assert _choice([better, -2 * better]) == FIRST  # what was won is lost again


def test_nothing_that_comes_later_changes_what_a_block_was_scored_by() -> None:
    """The blocks of a tape, and of the same tape with another continuation: models, spreads and shares of all but the new ones agree."""
    tape = planted_tape(1.0, lots=4, events=5000, seed=3)
    book = Chunk(*(np.concatenate(columns) for columns in zip(*tape.chunks(), strict=True)))
    whole, start = sample_of(book), [1500, 2200, 2900]
    short = sample_of(Chunk(*(column[:3600] for column in book)))
    models = models_named(["power:1", "power:3", "log2"])
    longer, shorter = (roll(each, [*start, stop], models, FAMILIES["matched"]) for each, stop in ((whole, len(book.ev)), (short, 3600)))
    for one, other in zip(longer.blocks, shorter.blocks, strict=True):
        assert (one.share, one.model, one.weights, one.trained) == (other.share, other.model, other.weights, other.trained)
        assert [each.spread for each in (*one.unfitted, one.fitted)] == [each.spread for each in (*other.unfitted, other.fitted)]  # type: ignore[union-attr]
    assert longer.fit != shorter.fit


def test_models_are_compared_without_a_fit() -> None:
    found = measure(planted_tape(1.0, events=4000), models_named(["power:1", "power:3"]), family=None)  # type: ignore[arg-type]
    assert (found.fitted, found.gaps, found.block_gaps, found.rolled.model) == (None, (), (), None)
    assert [score.model.label for score in found.scores] == ["power, n = 1", "power, n = 3"]
    assert page(found).sections
    assert figures(found)["against"] == []


def rolled_of(losses: dict[str, tuple[float, float]], fitted: tuple[float, float]) -> Rolled:
    """One block of 400 orders on which models lose what is said on average, (Brier score, unlikelihood), with noise of their own."""
    def scored(stream: int, mean: tuple[float, float]) -> Scored:
        noise = uniforms(5, stream, np.arange(800)).reshape(2, 400) - 0.5
        lost = Losses(mean[0] + 0.02 * noise[0], mean[1] + 0.2 * noise[1])
        zeros = np.zeros(400)
        return Scored(Predictions(zeros > 1, zeros.astype(np.int64), zeros, zeros), lost, Weights(5.0, 0.5).joint(lost), 1.0)

    models = tuple(models_named(list(losses)))
    unfitted = tuple(scored(k, mean) for k, mean in enumerate(losses.values()))
    model = replace(GENERAL, fitted=True)
    nothing = Outcomes(np.zeros(400, bool), np.zeros(400, np.int64), np.zeros(400, np.int64))
    block = Block(0, 1, (100, 50), nothing, Weights(5.0, 0.5), 0.5, model, unfitted, scored(99, fitted))
    return Rolled(models, (block,), None, 0.5, model)


@pytest.mark.parametrize(
    ("losses", "fitted", "kind", "name"),
    [
        ({"power:3": (0.10, 1.0), "log2": (0.10, 1.0)}, (0.08, 0.8), FITTED, "matched"),
        ({"power:3": (0.10, 1.0), "log2": (0.08, 0.8)}, (0.10, 1.0), judge.UNFITTED, "log2"),
        ({"power:3": (0.10, 1.0), "log2": (0.07, 0.7)}, (0.08, 0.8), judge.UNFITTED, "log2"),
        ({"power:3": (0.10, 1.0), "log2": (0.10, 1.0)}, (0.0998, 0.998), KEPT, "power"),
        ({"power:3": (0.10, 1.0), "log2": (0.11, 1.1)}, (0.11, 0.5), KEPT, "power"),
        ({"power:3": (0.10, 1.0), "log2": (0.11, 1.1)}, (0.09, 1.05), KEPT, "power"),
    ],
)
def test_a_model_is_used_only_if_it_is_surely_better_and_in_neither_score_worse(
    losses: dict[str, tuple[float, float]], fitted: tuple[float, float], kind: str, name: str
) -> None:
    rolled = rolled_of(losses, fitted)
    gaps, by_block, found = judged(rolled, 1)
    assert (found.kind, found.model.family.name) == (kind, name)
    assert [gap.other for gap in gaps] == list(rolled.models)
    assert len(by_block) == 1
    said = verdict_lines(rolled, found, gaps)[-1]
    assert said.startswith(f"Verdict: keep {DEFAULT.label}" if kind == KEPT else f"Verdict: use {found.model.label}")


def test_a_fit_of_which_nothing_is_kept_is_not_adopted() -> None:
    rolled = replace(rolled_of({"power:3": (0.10, 1.0)}, (0.05, 0.5)), share=None)
    assert judged(rolled, 1)[2].kind == KEPT


def l3_sample(n: float, lots: int, seed: int) -> Sample:
    return sample_of(Chunk(*(np.concatenate(columns) for columns in zip(*planted_tape(n, lots=lots, seed=seed).chunks(), strict=True))))


@pytest.mark.parametrize(("n", "seed"), [(1.0, 2), (2.5, 1)])
def test_cancels_come_from_where_they_were_planted(n: float, seed: int) -> None:
    """The share of cancels from ahead is (ahead / all)^n, in each tenth of the queue, within four standard errors."""
    sample = l3_sample(n, 1, seed)
    pairs = cancels_of(sample.view, sample.orders, sample.slots.bids, sample.slots.asks)
    share = np.power(pairs.front / (pairs.front + pairs.back + 1), n)  # the order itself is in the queue as well
    after = np.power((pairs.front + 1) / (pairs.front + pairs.back + 1), n)
    told = share / (1.0 - after + share)  # given that it was not the order itself
    for tenth in range(10):
        inside = (told >= tenth / 10) & (told < (tenth + 1) / 10)
        error = float(np.sqrt(np.sum(told[inside] * (1 - told[inside])))) + 1.0
        assert abs(float(np.sum(pairs.ahead[inside] - told[inside]))) < 4 * error


@settings(max_examples=25, deadline=None)
@given(some.integers(0, 10**6))
def test_pairs_are_those_of_plain_lists(seed: int) -> None:
    """Front, back and origin of every cancel as lists of orders have them; levels further than three behind the best do not count."""
    book = random_book(seed, 200)
    sample = sample_of(book)
    pairs = cancels_of(sample.view, sample.orders, sample.slots.bids, sample.slots.asks)
    found = list(zip(*(column.astype(int).tolist() for column in (pairs.row, pairs.front, pairs.back, pairs.lots, pairs.ahead)), strict=True))
    queues: dict[tuple[int, int], list[list[int]]] = {}
    wanted = []
    for row, (ev, price, lots, order) in enumerate(zip(*(column.tolist() for column in (book.ev, book.price_ticks, book.qty_lots, book.order_id)), strict=True)):
        queue = queues.setdefault(((ev >> 4) & 1, price), [])
        if ev & 15 == L3_ADD:
            queue.append([order, lots])
            continue
        place = next(k for k, each in enumerate(queue) if each[0] == order)
        for k in range(len(queue) - 1, -1, -1):
            front, back = sum(each[1] for each in queue[:k]), sum(each[1] for each in queue[k + 1 :])
            if k != place and front and back and ev & 15 == L3_REDUCE:
                wanted.append((row, front, back, lots, int(place < k)))
        queue[place][1] -= lots
        if not queue[place][1]:
            queue.pop(place)
    assert found == wanted


def test_nothing_is_said_to_help_where_nothing_does() -> None:
    """Cancels by place alone: no gain is above chance; with too few pairs nothing is said."""
    sample = l3_sample(1.0, 1, 5)
    pairs = cancels_of(sample.view, sample.orders, sample.slots.bids, sample.slots.asks)
    edges = np.linspace(2000, len(sample.view.ts), 6).astype(np.int64)
    assert [each.name for each in helps(pairs, edges, 1)] == ["queue size", "imbalance", "spread", "age of level", "trade rate"]
    assert not any(each.gain.low > 0 for each in helps(pairs, edges, 1))
    assert helps(pairs.part(np.arange(150)), edges, 1) == ()


def test_what_helps_is_found() -> None:
    """Were cancels from ahead where the level is old, its age would be said to help, and nothing else."""
    sample = l3_sample(1.0, 1, 5)
    pairs = cancels_of(sample.view, sample.orders, sample.slots.bids, sample.slots.asks)
    age = uniforms(1, 2, np.arange(len(pairs.row))) * 1e9
    known = pairs.known.copy()
    known[3] = np.where(pairs.ahead == 1, age, 0.3 * age)
    edges = np.linspace(2000, len(sample.view.ts), 6).astype(np.int64)
    found = {each.name: each.gain for each in helps(pairs._replace(known=known), edges, 1)}
    assert found["age of level"].low > 0.02
    assert all(gain.low <= 0 for name, gain in found.items() if name != "age of level")


def test_no_memory_is_adopted_where_sizes_say_nothing() -> None:
    """All orders of one lot, cancels from anywhere: `matched` brings nothing, and is not used."""
    found = measure(planted_tape(1.0, seed=2), models_named(UNFITTED))  # type: ignore[arg-type]
    assert found.verdict.kind != FITTED
    assert found.verdict.model.family.name != "matched"


def test_a_planted_exponent_is_approached() -> None:
    """Cancels from the back: of `power3` the fit goes above 1; from anywhere it stays near 1 (a guess of a guess is less sharp)."""
    low, high = (measure(planted_tape(n, seed=1), models_named(UNFITTED), family="power3", blocks=2).rolled.fit for n in (1.0, 4.0))  # type: ignore[arg-type]
    assert low is not None
    assert high is not None
    assert 0.7 < low.model.values[0] < 1.2
    assert high.model.values[0] > 1.5


def test_a_tape_too_short_for_its_blocks_is_refused() -> None:
    with pytest.raises(CalibrateError, match=r"CAL-031.*for 50 blocks"):
        measure(planted_tape(1.0, events=1500), models_named(UNFITTED), blocks=50)  # type: ignore[arg-type]
