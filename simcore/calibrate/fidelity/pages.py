"""What `mmsim fidelity` leaves in its folder: pages, pictures, fidelity.json, and the fitted model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from simcore.calibrate.fidelity.judge import FITTED, KEPT, UNFITTED
from simcore.calibrate.fidelity.judge_words import (
    block_table,
    gap_table,
    interval_figures,
    model_lines,
    rolled_figures,
    verdict_lines,
)
from simcore.calibrate.fidelity.measure import Fidelity, Score
from simcore.calibrate.fidelity.queue_file import config_text, model_text, write_queue
from simcore.calibrate.fidelity.shadow import MATCHED
from simcore.calibrate.pages import Page, Section, write_page
from simcore.report.build import write_bytes
from simcore.report.pages import Table
from simcore.report.wording import ABSENT, utc_text


def write_fidelity(found: Fidelity, folder: Path) -> None:
    """Write a comparison's files; the same comparison gives the same bytes. JRNL-005 if the disk refuses."""
    from simcore.calibrate.fidelity.plots import pictures  # matplotlib takes half a second

    write_page(folder, page(found), pictures(found))
    write_bytes(folder / "fidelity.json", (json.dumps(figures(found), indent=2, allow_nan=False) + "\n").encode())
    write_queue(folder, found.verdict.model, origin(found))


def origin(found: Fidelity) -> str:
    """Return the line that says what the model to use comes from."""
    lives, end = found.train.lives + found.test.lives, utc_text(found.test.end_ts)
    how = {FITTED: "Fitted to", UNFITTED: "Unfitted, the best on", KEPT: "The default, which nothing surely beats on"}[found.verdict.kind]
    return f"{how} {lives:,} orders of {found.instrument.venue} {found.instrument.symbol}, {utc_text(found.train.start_ts)} to {end}."


def figures(found: Fidelity) -> dict[str, Any]:
    """Return all of a comparison as JSON holds it."""
    return {
        "instrument": {"venue": found.instrument.venue, "symbol": found.instrument.symbol},
        "tape": found.tape_hash, "split": found.split, "seed": found.seed, "train": found.train._asdict(), "test": found.test._asdict(),
        "models": [_score_figures(score) for score in found.scores], **rolled_figures(found.rolled, found.gaps, found.block_gaps, found.verdict),
        "helps": [{"name": each.name, "gain": interval_figures(each.gain), "base": each.base} for each in found.helps], "verdict": verdict(found),
    }  # fmt: skip


def _score_figures(score: Score) -> dict[str, Any]:
    return {
        "model": score.model.family.name, "params": score.model.named(), "fitted": score.model.fitted, "spread": score.spread,
        "brier": interval_figures(score.brier), "brier_hard": interval_figures(score.brier_hard), "log_likelihood": interval_figures(score.likelihood),
        "missed": score.missed, "invented": score.invented, "time_to_fill": score.timing._asdict(),
        "calibration": [part._asdict() for part in score.curve],
    }  # fmt: skip


def score_table(found: Fidelity) -> Table:
    """Return the models as rows, the best by both scores together first."""
    head = ("model", "Brier", "95 %", "wrong, %", "log lik.", "missed", "invented", "|error| p90", "bias", "early", "late", "never")
    rows = [
        (
            score.model.label, f"{score.brier.estimate:.5f}", f"{score.brier.low:.5f} … {score.brier.high:.5f}",
            f"{100 * score.brier_hard.estimate:.2f}", f"{score.likelihood.estimate:.4f}".replace("-", "−"), f"{score.missed:,}", f"{score.invented:,}",
            _seconds(score.timing.p90_abs_s), _seconds(score.timing.mean_s), f"{score.timing.early:,}", f"{score.timing.late:,}",
            f"{score.timing.never:,}",
        )
        for score in found.scores
    ]  # fmt: skip
    note = (
        f"Of {found.test.lives:,} orders, {found.test.filled:,} of which filled. Brier: mean squared error of the probability of a fill before the order's end, 0 is perfect. "
        "Wrong: orders whose hard prediction, filled or not, failed. Missed: filled, not foretold by then; invented: foretold, not filled. "
        "|error|, bias: predicted less real time to fill of orders that filled."
    )
    return Table("Models", head, rows, (False, *(True,) * (len(head) - 1)), note)


def console_table(found: Fidelity) -> Table:
    """Return the main columns of `score_table`, for a terminal of 80 columns."""
    full = score_table(found)
    kept = (0, 1, 3, 4, 5, 6)
    return Table("Models", tuple(full.head[i] for i in kept), [tuple(row[i] for i in kept) for row in full.rows], (False, *(True,) * (len(kept) - 1)))


def _seconds(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ABSENT
    size = abs(value)
    unit, factor = ("s", 1.0) if size >= 1.0 else ("ms", 1e3) if size >= 1e-3 or size == 0.0 else ("µs", 1e6)
    return f"{value * factor:.3g} {unit}".replace("-", "−")


def verdict(found: Fidelity) -> list[str]:
    """Return what a comparison says, a sentence each."""
    unfitted = [score for score in found.scores if not score.model.fitted]
    brier, likely = min(unfitted, key=lambda score: score.brier.estimate), max(unfitted, key=lambda score: score.likelihood.estimate)
    said = f"Of the models that nothing was fitted for, {brier.model.label} has the least Brier score, {brier.brier.estimate:.5f}, and {'it has' if likely is brier else likely.model.label} the largest log likelihood, {likely.likelihood.estimate:.4f}".replace("-", "−")
    return [f"{said}.", *verdict_lines(found.rolled, found.verdict, found.gaps)]


def help_table(found: Fidelity) -> Table:
    """Return what else a tape of levels shows, and what a queue model would gain by it, as rows."""
    head = ("what a tape shows", "gain of log likelihood a cancel", "95 %", "of")
    rows = [
        (each.name, f"{each.gain.estimate:+.4f}".replace("-", "−"), f"{each.gain.low:+.4f} … {each.gain.high:+.4f}".replace("-", "−"), f"{each.base:.4f}".replace("-", "−"))
        for each in found.helps
    ]  # fmt: skip
    return Table("Knowing more", head, rows, (False, True, True, True), "Of a regression on place in the queue and size of the cancel, with and without it; each fitted before a block and scored in it.")


def page(found: Fidelity) -> Page:
    """Return the page of a comparison."""
    sections = [
        Section("What it says", verdict(found)),
        Section("Scores", (), score_table(found), "scores", "Left: Brier score with 95 % intervals. Right: shares of orders that were missed and invented."),
    ]
    if found.gaps:
        sections += [Section("Block by block", (), block_table(found.rolled, found.block_gaps)), Section("All blocks", (), gap_table(found.gaps))]
    sections += [
        Section("Calibration", (_CALIBRATION,), None, "calibration", "Share of orders that filled against the probability that a model gave them; the area of a mark grows with the number of orders. On the line a model means what it says."),
        Section("Time to fill", (_TIMES,), None, "times", "Of the orders that really filled: how many a model fills in the same event, earlier, later, or never."),
    ]
    if found.helps:
        sections.append(Section("Would knowing more help?", (_HELPS,), help_table(found)))
    code = model_text(found.verdict.model, origin(found)) if found.verdict.model.family.code == MATCHED else config_text(found.verdict.model, origin(found))
    sections.append(Section("The model to use", model_lines(found.rolled, found.verdict), code=code))
    sections.append(Section("Rests on", _about(found)))
    title = f"Queue models against single orders: {found.instrument.symbol}"
    sub = f"{found.instrument.venue} {found.instrument.symbol} · scored {utc_text(found.test.start_ts)} to {utc_text(found.test.end_ts)}"
    return Page(title, sub, sections, (), "Definitions: docs/fidelity.md of mmsim. Unrounded figures: fidelity.json.")


_CALIBRATION = "A model gives each order a probability that it filled before its end; its spread is fitted to what came before a block, for every model."
_HELPS = "A queue model gets the lots of its level and of the change. This is what the rest of the book would tell it of where a cancel came from. No fitted model uses it."
_TIMES = "Predicted less real time of the first fill. A model that expects a fill later than it came is patient; one that expects it earlier flatters."


def _about(found: Fidelity) -> list[str]:
    parts = [
        f"{name}: {utc_text(part.start_ts)} to {utc_text(part.end_ts)}, {part.lives:,} orders, {part.filled:,} of which filled; {part.crossed:,} left out because the book was crossed at their price (auctions)"
        for name, part in (("what came before the blocks", found.train), ("the blocks", found.test))
    ]
    return [
        *parts, f"{100 * found.split:g} % of the executions come before the first of {len(found.rolled.blocks)} blocks, which have as many each of the rest",
        "an order belongs to the block in which it joined, and is followed to the end of the tape", f"tape: {found.tape_hash}",
        f"intervals: circular block bootstrap over orders by the time they joined, seed {found.seed}",
    ]  # fmt: skip
