"""Queue models against single orders: what is known of small books, and the ES capture."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from simcore.calibrate.draws import picks
from simcore.calibrate.fidelity.measure import Fidelity, measure
from simcore.calibrate.fidelity.pages import figures, verdict, write_fidelity
from simcore.calibrate.fidelity.queue_family import DEFAULT, FAMILIES, UNFITTED, QueueModel, model_named, models_named
from simcore.calibrate.fidelity.queue_fit import Sample
from simcore.calibrate.fidelity.queue_score import (
    LIKELIHOOD,
    OUTLIERS,
    Outcomes,
    Predictions,
    Weights,
    best_spread,
    calibration_curve,
    even_weights,
    log_likelihood,
    losses,
    predictions,
    probability,
    timing,
)
from simcore.calibrate.fidelity.shadow import MATCHED, NEVER, Orders
from simcore.calibrate.fidelity.shadow_rows import Slots, l3_lives, l3_rows, l3_view
from simcore.config.load import load_config
from simcore.errors import CalibrateError
from simcore.jit import expose
from simcore.kernels import queue, queue_matched
from simcore.records import ASK_BIT, L3_ADD, L3_EXEC, L3_REDUCE, Chunk
from tests.blackbox.command import assert_refused, mmsim_here
from tests.calibrate.fidelity.planted import tape_of
from tests.support import INSTRUMENT, MemoryTape, rows
from tests.truth.captures import CAPTURES, ROOT, converted
from tests.truth.shadow import lives_of

DATA = Path(__file__).parents[3] / "datasets"

matched_change, power_change = expose(queue_matched.after_change), expose(queue.after_change)

BOOK = rows(
    (10, 10, L3_ADD, 100, 6, 1), (20, 20, L3_ADD, 100, 4, 2), (30, 30, L3_ADD, 100, 5, 3), (35, 35, L3_ADD | ASK_BIT, 102, 9, 4),
    (40, 40, L3_REDUCE, 100, 5, 3), (50, 50, L3_EXEC, 100, 3, 1), (60, 60, L3_EXEC, 100, 3, 1), (60, 60, L3_EXEC, 100, 2, 2),
    (70, 70, L3_REDUCE, 100, 2, 2),
)  # fmt: skip


def sample_of(book: Chunk) -> Sample:
    """All lives of a small book, all of which count."""
    single = l3_rows([book])
    lives, owner = l3_lives(single)
    slots = Slots.of(lives.side, lives.price_ticks)
    filled = lives.fill_row >= 0
    fill_ts = np.where(filled, single.exch_ts[np.maximum(lives.fill_row, 0)], -1)
    never = np.where(filled, fill_ts, NEVER)
    orders = Orders(lives.join, np.where(filled, NEVER, lives.end), slots.find(lives.side, lives.price_ticks), never, never)
    outcomes = Outcomes(filled, fill_ts, fill_ts)
    return Sample(l3_view(single, owner, slots), orders, slots, outcomes, np.ones(len(filled), bool))


def test_shadows_of_a_small_book_see_levels_and_trades_only() -> None:
    """Ten lots before the third order; it goes; the second is reached by the third execution, in its own event."""
    sample = sample_of(BOOK)
    averse = sample.shadows(model_named("risk_averse"))
    assert averse.entry_lots.tolist() == [0.0, 6.0, 10.0, 0.0]
    assert averse.row.tolist() == [5, 7, -1, -1]
    front = sample.shadows(model_named("front"))
    assert front.row.tolist() == [5, 5, -1, -1]
    said = predictions(averse, sample.view.ts, sample.outcomes)
    assert said.filled.tolist() == [True, True, False, False]
    assert said.ts.tolist() == [50, 60, -1, -1]
    assert timing(predictions(front, sample.view.ts, sample.outcomes), sample.outcomes)[3:] == (1, 1, 0, 0)


def test_an_orders_own_lots_are_no_part_of_its_level() -> None:
    """The second of two orders is halved by its owner: that is no cancel of the one before it."""
    book = rows(
        (10, 10, L3_ADD, 100, 6, 1), (20, 20, L3_ADD, 100, 8, 2), (30, 30, L3_REDUCE, 100, 4, 2), (40, 40, L3_EXEC, 100, 6, 1),
        (50, 50, L3_EXEC, 100, 1, 2), (60, 60, L3_ADD | ASK_BIT, 102, 1, 3),
    )  # fmt: skip
    shadows = sample_of(book).shadows(model_named("power:1"))
    assert shadows.row.tolist() == [3, 4, -1]
    assert shadows.z_before[1] < 0 < shadows.z_at[1]


def test_cancels_move_a_shadow_as_the_model_says() -> None:
    """Six ahead, four behind: of five that go, n = 1 takes three from ahead, so that four traded lots reach the order."""
    book = rows(
        (10, 10, L3_ADD, 100, 6, 1), (20, 20, L3_ADD, 100, 1, 2), (30, 30, L3_ADD, 100, 4, 3), (40, 40, L3_REDUCE, 100, 1, 1),
        (40, 40, L3_REDUCE, 100, 4, 3), (50, 50, L3_EXEC, 100, 4, 1), (60, 60, L3_ADD | ASK_BIT, 102, 1, 4),
    )  # fmt: skip
    sample = sample_of(book)
    whole = sample.shadows(model_named("power:1"))
    assert whole.row[1] == 5
    assert sample.shadows(model_named("risk_averse")).row[1] == -1
    assert sample.shadows(QueueModel(FAMILIES["matched"], (1.0, 1.0, 1e6, 0.0, 0.0))).row[1] == -1  # the four are the last join


def test_scores_are_what_they_say() -> None:
    """Sure and right: no loss; sure and wrong: 1; a fill's likelihood is the probability of its event."""
    filled = np.array([True, False, True])
    z = np.array([1e9, -1e9, -1e9])
    assert probability(z, 1.0).tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-300)
    said = Predictions(filled, np.zeros(3, np.int64), np.full(3, -1e9), z)
    assert np.exp(log_likelihood(said, filled, 1.0)).tolist() == pytest.approx([1 - OUTLIERS + OUTLIERS**2, 1.0, OUTLIERS**2])
    bins = calibration_curve(np.array([0.05, 0.06, 0.95, 1.0]), np.array([False, True, True, True]))
    assert [(part.lives, part.filled) for part in bins] == [(2, 0.5), (2, 1.0)]


def test_a_spread_is_found_that_tells_true_probabilities() -> None:
    """Fills drawn with a spread of 2: both measures find it again."""
    z = np.linspace(-8, 8, 4001)
    drawn = (np.arange(4001) * 0.6180339887) % 1.0
    filled = drawn < probability(z, 2.0)
    said = Predictions(filled, np.zeros(4001, np.int64), np.full(4001, -1e9), z)
    for weights in (Weights(1.0, 0.0), LIKELIHOOD, Weights(1.0, 1.0)):
        assert best_spread(said, filled, weights)[0] == pytest.approx(2.0, rel=0.15)


def test_the_joint_loss_is_the_sum_of_both() -> None:
    """Even weights: the least of each score counts a half."""
    filled = np.array([True, False])
    said = Predictions(filled, np.zeros(2, np.int64), np.array([-1e9, -1e9]), np.array([0.0, 0.0]))
    lost = losses(said, filled, 1.0)
    assert lost.brier.tolist() == [0.25, 0.25]
    assert np.exp(-lost.unlikelihood).tolist() == pytest.approx([0.99 * 0.5 + 0.01 * 0.01, 0.99 * 0.5 + 0.01])
    assert Weights(2.0, 3.0).joint(lost).tolist() == pytest.approx([0.5 + 3 * lost.unlikelihood[0], 0.5 + 3 * lost.unlikelihood[1]])
    even = even_weights([(said, filled)])
    assert even.brier * 0.25 == pytest.approx(0.5)
    assert even.likelihood * float(np.mean(lost.unlikelihood)) == pytest.approx(0.5)


@pytest.mark.parametrize("text", ["", "powr", "power:0", "power:nan", "front:2", "fifo", "matched", "matched:1:1:1:0", "matched:1:1:1:0:2"])
def test_what_is_no_model_of_levels_is_refused(text: str) -> None:
    with pytest.raises(CalibrateError, match="CAL-032"):
        models_named([text])


def test_tapes_without_orders_or_fills_are_refused() -> None:
    with pytest.raises(CalibrateError, match="CAL-030"):
        measure(MemoryTape(BOOK, INSTRUMENT, "l2"), models_named(UNFITTED))  # type: ignore[arg-type]
    with pytest.raises(CalibrateError, match="CAL-031"):
        measure(MemoryTape(BOOK, INSTRUMENT, "l3"), models_named(UNFITTED))  # type: ignore[arg-type]
    with pytest.raises(CalibrateError, match="CAL-032"):
        measure(MemoryTape(BOOK, INSTRUMENT, "l3"), models_named(UNFITTED), family="log")  # type: ignore[arg-type]


needs_es = pytest.mark.skipif(not (ROOT / CAPTURES["es"].path).exists(), reason="no order captures (MMSIM_REAL_DATA)")


@cache
def on(name: str, family: str = "matched") -> Fidelity:
    made = converted(name)
    return measure(tape_of(made.rows, made.instrument), models_named(UNFITTED), family=family)  # type: ignore[arg-type]


@pytest.mark.real
@needs_es
def test_the_fitted_model_beats_every_unfitted_one_on_blocks_that_it_has_not_seen() -> None:
    """ES, five rolling blocks: less Brier score and more log likelihood than each of eleven; surely so against the default."""
    found = on("es")
    assert len(found.gaps) == 11
    assert all(gap.brier.estimate < 0 < gap.likelihood.estimate for gap in found.gaps)
    default = next(gap for gap in found.gaps if gap.other == DEFAULT)
    assert default.brier.high < 0 < default.likelihood.low
    assert (found.verdict.kind, found.verdict.model.family.name) == ("fitted", "matched")
    assert (found.test.lives, found.test.filled, len(found.rolled.blocks)) == (13304, 2350, 5)
    assert max(abs(each.gain.estimate) for each in found.helps) < 0.02 * abs(found.helps[0].base)


@pytest.mark.real
@pytest.mark.slow
@needs_es
def test_orders_that_stand_alone_are_told_as_well_as_by_any_other_model() -> None:
    """AMZN: less joint loss than each, more likelihood than each; in Brier score no worse than by chance but for `front`."""
    found = on("amzn")
    assert all(gap.joint.estimate < 0 < gap.likelihood.estimate for gap in found.gaps)
    assert [gap.other.label for gap in found.gaps if gap.brier.low > 0] == ["front"]
    assert found.verdict.kind == "fitted"


@pytest.mark.real
@needs_es
def test_where_nothing_is_better_the_default_is_kept() -> None:
    """Bitstamp: a tie, and said to be one."""
    found = on("bitstamp")
    assert (found.verdict.kind, found.verdict.model) == ("default", DEFAULT)
    assert "keep power, n = 3" in verdict(found)[-1]
    assert not next(gap for gap in found.gaps if gap.other == DEFAULT).surely_better


@pytest.mark.real
@needs_es
def test_the_folder_of_a_comparison_is_whole_and_the_same_each_time(tmp_path: Path) -> None:
    found = on("es", "power")
    for name in ("a", "b"):
        write_fidelity(found, tmp_path / name)
    names = sorted(path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert names == [*(["best_queue.py"] if found.verdict.model.family.code == MATCHED else []), "best_queue.yaml", "fidelity.json", "plots/calibration.png", "plots/scores.png", "plots/times.png", "report.html", "report.md"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads((tmp_path / "a" / "fidelity.json").read_text()) == json.loads(json.dumps(figures(found)))
    assert verdict(found)[0] in (tmp_path / "a" / "report.html").read_text()


@pytest.mark.real
@needs_es
def test_lives_are_those_of_the_plain_lists() -> None:
    """Joins, ends and first fills of all ES orders, as `tests/truth` follows them through plain lists."""
    made = converted("es")
    lives, _owner = l3_lives(l3_rows([made.rows]))
    plain = lives_of(made.rows)
    single = np.flatnonzero(np.isin(made.rows.ev & 15, (L3_ADD, L3_REDUCE, L3_EXEC)))
    assert single[lives.join].tolist() == [life.row for life in plain]
    assert [-1 if row < 0 else int(single[row]) for row in lives.fill_row] == [life.fills[0][0] if life.fills else -1 for life in plain]
    assert [-1 if row == NEVER else int(single[row - 1]) for row in lives.end] == [life.end for life in plain]


def test_the_command_compares_fits_and_refuses(tmp_path: Path) -> None:
    """On the synthetic day: figures as JSON, a folder whose model a replay takes; levels are refused."""
    out = tmp_path / "out"
    found = json.loads(mmsim_here("fidelity", str(DATA / "synes-20240101-l3.parquet"), "--models", "power:3,front", "--out", str(out), "--json").stdout)
    assert {model["model"] for model in found["models"]} == {"matched", "power", "front"}
    assert [model["fitted"] for model in found["models"]].count(True) == 1
    assert (len(found["blocks"]), [len(block["against"]) for block in found["blocks"]], len(found["against"])) == (5, [1] * 5, 2)
    use = load_config(out / "best_queue.yaml").venue
    assert found["use"]["model"] == ("matched" if use.queue_model.endswith(".py") else use.queue_model)
    for arguments, code in (
        (("fidelity", str(DATA / "synes-20240101-l2.parquet")), "CAL-030"),
        (("fidelity", str(DATA / "synes-20240101-l3.parquet"), "--to", "2024-01-01T00:10:00Z"), "CAL-031"),
        (("fidelity", str(DATA / "synes-20240101-l3.parquet"), "--split", "1"), "CAL-037"),
        (("fidelity", str(DATA / "synes-20240101-l3.parquet"), "--blocks", "0"), "CAL-037"),
        (("fidelity", str(DATA / "synes-20240101-l3.parquet"), "--split", "nan"), "CAL-037"),
        (("fidelity", str(DATA / "synes-20240101-l3.parquet"), "--out", str(out)), "CAL-004"),
        (("fidelity", str(DATA / "synes-20240101-l3.parquet"), "--from", "noon"), "CONF-003"),
    ):
        assert_refused(mmsim_here(*arguments), code)


def book_of(moves: list[tuple[int, int, int, int]]) -> Chunk:
    """Turn (what, side, price step, lots) into an L3 book that is never crossed: adds, cancels, executions of the front."""
    resting: dict[tuple[int, int], list[list[int]]] = {}
    made: list[tuple[int, ...]] = []
    for k, (what, side, step, lots) in enumerate(moves):
        price = 100 - step if side == 0 else 101 + step
        bit = ASK_BIT if side else 0
        ts = 10 * (k + 1)
        queue = resting.setdefault((side, price), [])
        if what == 0 or not queue:
            queue.append([k + 1, lots])
            made.append((ts, ts, L3_ADD | bit, price, lots, k + 1))
            continue
        order = queue[0] if what == 1 else queue[lots % len(queue)]
        taken = min(lots, order[1])
        order[1] -= taken
        made.append((ts, ts, (L3_EXEC if what == 1 else L3_REDUCE) | bit, price, taken, order[0]))
        if order[1] == 0:
            queue.remove(order)
    return rows(*made)


def followed(book: Chunk, model: QueueModel) -> list[int]:
    """First fill rows of all lives, one life after the other, by the kernels of the engine and plain Python."""
    events = list(zip((book.ev & 15).tolist(), ((book.ev >> 4) & 1).tolist(), book.price_ticks.tolist(), book.qty_lots.tolist(), book.order_id.tolist(), strict=True))
    return [_fill_row(events, row, model) for row, event in enumerate(events) if event[0] == L3_ADD]


def _fill_row(events: list[tuple[int, int, int, int, int]], join: int, model: QueueModel) -> int:
    _kind, side, price, _lots, own_id = events[join]
    level = sum(lots if kind == L3_ADD else -lots for kind, s, p, lots, _id in events[:join] if (s, p) == (side, price))
    ahead, own, executed = 0.0 if model.family.name == "front" else float(level), 0, False
    for row in range(join, len(events)):
        kind, s, p, lots, order = events[row]
        if kind == L3_EXEC and s == side and (p < price if side == 0 else p > price):
            return row
        if (s, p) != (side, price):
            continue
        change = lots if kind == L3_ADD else -lots
        traded = 0.0
        if kind == L3_EXEC:
            ahead -= lots
            traded = float(lots)
            if ahead < -0.5:
                return row
            executed |= order == own_id
        if order == own_id:
            own += change
            if own == 0 and not executed:
                return -1
        else:
            ahead = _moved(model, max(ahead, 0.0), level - own, level + change - own, traded)
        level += change
    return -1


def _moved(model: QueueModel, ahead: float, previous: int, new: int, traded: float) -> float:
    if model.family.code == MATCHED:
        return float(matched_change(ahead, previous, new, traded, *model.values))
    return float(power_change(model.family.code, float(model.row[0]), ahead, previous, new, traded)) if ahead > 0 else 0.0


@settings(max_examples=60, deadline=None)
@given(
    some.integers(0, 10**6), some.integers(1, 3),
    some.sampled_from([*(model_named(name) for name in UNFITTED), QueueModel(FAMILIES["matched"], (0.6, 1.3, 8.0, 0.9, 0.5))]),
)
def test_all_shadows_at_once_fill_as_each_by_itself_in_plain_python(seed: int, steps: int, model: QueueModel) -> None:
    """Random books of single orders: the pass over all orders, and one order after the other in lists."""
    count = 160
    what, side, step, lots = (picks(seed, stream, np.arange(count), size).tolist() for stream, size in enumerate((9, 2, steps, 9)))
    moves = [(0 if kind < 4 else 1 if kind < 6 else 2, one, place, 1 + size) for kind, one, place, size in zip(what, side, step, lots, strict=True)]
    book = book_of(moves)
    assert sample_of(book).shadows(model).row.tolist() == followed(book, model)
