"""What `mmsim fidelity` leaves in its folder: pages, pictures, fidelity.json, and the fitted model."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from simcore.calibrate.fidelity.measure import Fidelity, Score
from simcore.calibrate.fidelity.queue_family import QueueModel
from simcore.calibrate.fidelity.queue_file import CONFIG_NAME, config_text, model_text, write_queue
from simcore.calibrate.fidelity.shadow import MATCHED
from simcore.calibrate.intervals import Interval
from simcore.calibrate.pages import Page, Section, write_page
from simcore.report.build import write_bytes
from simcore.report.pages import Table
from simcore.report.wording import ABSENT, utc_text


def write_fidelity(found: Fidelity, folder: Path) -> None:
    """Write a comparison's files; the same comparison gives the same bytes. JRNL-005 if the disk refuses."""
    from simcore.calibrate.fidelity.plots import pictures  # matplotlib takes half a second

    write_page(folder, page(found), pictures(found))
    write_bytes(folder / "fidelity.json", (json.dumps(figures(found), indent=2, allow_nan=False) + "\n").encode())
    write_queue(folder, chosen(found), origin(found))


def origin(found: Fidelity) -> str:
    """Return the line that says what the model to use comes from."""
    how = "Fitted to" if chosen(found).fitted else "The best of those compared on"
    return f"{how} {found.train.lives:,} orders of {found.instrument.venue} {found.instrument.symbol}, {utc_text(found.train.start_ts)} to {utc_text(found.train.end_ts)}."


def chosen(found: Fidelity) -> QueueModel:
    """Return the model to use: the fitted one if it beats every other, else the unfitted one with the least Brier score."""
    fitted = found.fitted
    return fitted.model if fitted is not None and _beats_all(found) else found.best_unfitted.model


def _beats_all(found: Fidelity) -> bool:
    fitted, best, hard = found.fitted, found.best_unfitted, found.best_unfitted_hard
    return fitted is not None and fitted.brier.estimate < best.brier.estimate and fitted.brier_hard.estimate < hard.brier_hard.estimate


def figures(found: Fidelity) -> dict[str, Any]:
    """Return all of a comparison as JSON holds it."""
    return {
        "instrument": {"venue": found.instrument.venue, "symbol": found.instrument.symbol},
        "tape": found.tape_hash, "split": found.split, "seed": found.seed, "straddling": found.straddling,
        "train": found.train._asdict(), "test": found.test._asdict(), "models": [_score_figures(score) for score in found.scores],
        "advantage": _ends(found.advantage), "advantage_hard": _ends(found.advantage_hard), "verdict": verdict(found),
    }  # fmt: skip


def _score_figures(score: Score) -> dict[str, Any]:
    return {
        "model": score.model.family.name, "params": score.model.named(), "fitted": score.model.fitted, "spread": score.spread,
        "brier": _ends(score.brier), "brier_hard": _ends(score.brier_hard), "log_likelihood": score.likelihood,
        "missed": score.missed, "invented": score.invented, "time_to_fill": score.timing._asdict(),
        "calibration": [part._asdict() for part in score.curve],
        "train": {"brier": score.train_brier, "log_likelihood": score.train_likelihood},
    }  # fmt: skip


def _ends(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else {"estimate": interval.estimate, "low": interval.low, "high": interval.high, "level": interval.level}


def score_table(found: Fidelity) -> Table:
    """Return the models as rows, the best first."""
    head = ("model", "Brier", "95 %", "wrong, %", "log lik.", "missed", "invented", "|error| p90", "bias", "early", "late", "never")
    rows = [
        (
            score.model.label, f"{score.brier.estimate:.5f}", f"{score.brier.low:.5f} … {score.brier.high:.5f}",
            f"{100 * score.brier_hard.estimate:.2f}", f"{score.likelihood:.4f}".replace("-", "−"), f"{score.missed:,}", f"{score.invented:,}",
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
    kept = (0, 1, 3, 5, 6, 8)
    return Table("Models", tuple(full.head[i] for i in kept), [tuple(row[i] for i in kept) for row in full.rows], (False, *(True,) * (len(kept) - 1)))


def _seconds(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ABSENT
    size = abs(value)
    unit, factor = ("s", 1.0) if size >= 1.0 else ("ms", 1e3) if size >= 1e-3 or size == 0.0 else ("µs", 1e6)
    return f"{value * factor:.3g} {unit}".replace("-", "−")


def verdict(found: Fidelity) -> list[str]:
    """Return what a comparison says, a sentence each."""
    best, hard = found.best_unfitted, found.best_unfitted_hard
    said = [f"Of the models that nothing was fitted for, {best.model.label} has the least Brier score, {best.brier.estimate:.5f}, and {'it has' if hard.model == best.model else hard.model.label} the fewest wrong predictions, {100 * hard.brier_hard.estimate:.2f} %."]
    fitted = found.fitted
    if fitted is None or found.advantage is None or found.advantage_hard is None:
        return said
    said.append(_comparison("Brier score", f"{fitted.brier.estimate:.5f}", best, found.advantage, best.brier.estimate))
    said.append(_comparison("share of wrong predictions", f"{100 * fitted.brier_hard.estimate:.2f} %", hard, found.advantage_hard, hard.brier_hard.estimate))
    if _beats_all(found):
        surely = "" if found.advantage.excludes_zero and found.advantage_hard.excludes_zero else ", though perhaps by chance"
        said.append(f"The fitted model is better than every other by both{surely}: `mmsim replay --config {CONFIG_NAME}` uses it.")
    else:
        said.append(f"The fitted model does not beat every other: prefer {best.model.label}, which is in {CONFIG_NAME}.")
    return said


def _comparison(what: str, value: str, other: Score, gap: Interval, base: float) -> str:
    change = 100 * gap.estimate / base if base else 0.0
    if gap.estimate == 0.0:
        return f"The fitted model's {what} is {value}, as that of {other.model.label}."
    known = "the difference is known to be one" if gap.excludes_zero else "it may be chance"
    return (
        f"The fitted model's {what} is {value}, {abs(change):.0f} % {'less' if change < 0 else 'more'} than that of {other.model.label}; "
        f"95 % interval of the difference {gap.low:+.5f} to {gap.high:+.5f}: {known}."
    ).replace("-0.", "−0.")


def page(found: Fidelity) -> Page:
    """Return the page of a comparison."""
    sections = [
        Section("What it says", verdict(found)),
        Section("Scores", (), score_table(found), "scores", "Left: Brier score with 95 % intervals. Right: shares of orders that were missed and invented."),
        Section("Calibration", (_CALIBRATION,), None, "calibration", "Share of orders that filled against the probability that a model gave them; the area of a mark grows with the number of orders. On the line a model means what it says."),
        Section("Time to fill", (_TIMES,), None, "times", "Of the orders that really filled: how many a model fills in the same event, earlier, later, or never."),
    ]
    sections.append(Section("The model to use", _model_lines(found), code=_model_code(found)))
    sections.append(Section("Rests on", _about(found)))
    title = f"Queue models against single orders: {found.instrument.symbol}"
    sub = f"{found.instrument.venue} {found.instrument.symbol} · scored {utc_text(found.test.start_ts)} to {utc_text(found.test.end_ts)}"
    return Page(title, sub, sections, (), "Definitions: docs/fidelity.md of mmsim. Unrounded figures: fidelity.json.")


_CALIBRATION = "A model gives each order a probability that it filled before its end; its spread is fitted on the first part, for every model."
_TIMES = "Predicted less real time of the first fill. A model that expects a fill later than it came is patient; one that expects it earlier flatters."


def _model_lines(found: Fidelity) -> list[str]:
    said = [f"`mmsim replay --config {CONFIG_NAME}`: {chosen(found).label}."]
    if found.fit is None:
        return said
    values = ", ".join(f"{name} = {value:.4g}" for name, value in found.fit.model.named().items())
    return [
        *said,
        f"Fitted: {found.fit.model.family.name}: {values}; spread of its probabilities {found.fit.spread:.3g}. {found.fit.calls} models were tried on the first part; the second was not looked at.",
        f"On the first part its Brier score is {found.fit.loss:.5f}.",
    ]


def _model_code(found: Fidelity) -> str:
    model = chosen(found)
    return model_text(model, origin(found)) if model.family.code == MATCHED else config_text(model, origin(found))


def _about(found: Fidelity) -> list[str]:
    parts = [
        f"{name} part: {utc_text(part.start_ts)} to {utc_text(part.end_ts)}, {part.lives:,} orders, {part.filled:,} of which filled; {part.crossed:,} left out because the book was crossed at their price (auctions)"
        for name, part in (("first", found.train), ("second", found.test))
    ]
    return [
        *parts, f"{found.straddling:,} orders lived in both parts: in the first they count up to its end, in the second not at all",
        f"the first part ends after {100 * found.split:g} % of the executions", f"tape: {found.tape_hash}",
        f"intervals: circular block bootstrap over orders by the time they joined, seed {found.seed}",
    ]  # fmt: skip
