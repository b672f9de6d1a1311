"""What `mmsim calibrate queue` leaves in its folder: pages, pictures, queue_fit.json, and the fitted model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from simcore.calibrate.fidelity.judge import FITTED, KEPT, UNFITTED
from simcore.calibrate.fidelity.judge_words import (
    ABOUT_BLOCKS,
    block_table,
    gap_table,
    model_lines,
    rolled_figures,
    verdict_lines,
)
from simcore.calibrate.fidelity.own_fit import OwnFit, OwnScore
from simcore.calibrate.fidelity.queue_file import config_text, model_text, write_queue
from simcore.calibrate.fidelity.queue_fit import Profile
from simcore.calibrate.fidelity.shadow import MATCHED
from simcore.calibrate.pages import Page, Section, write_page
from simcore.report import canvas
from simcore.report.build import write_bytes
from simcore.report.canvas import BLUE, MUTED, VERMILION
from simcore.report.pages import Table


def write_own_fit(found: OwnFit, folder: Path) -> None:
    """Write a fit's files; the same fit gives the same bytes. JRNL-005 if the disk refuses."""
    with canvas.house_style():
        pictures = {"fit": canvas.png_bytes(draw(found))}
    write_page(folder, page(found), pictures)
    write_bytes(folder / "queue_fit.json", (json.dumps(figures(found), indent=2, allow_nan=False) + "\n").encode())
    write_queue(folder, found.verdict.model, origin(found))


def origin(found: OwnFit) -> str:
    """Return the line that says what the model to use rests on."""
    how = {FITTED: "Fitted to", UNFITTED: "Unfitted, the best on", KEPT: "The default, which nothing surely beats on"}[found.verdict.kind]
    return f"{how} {found.orders:,} own orders on {found.instrument.venue} {found.instrument.symbol}, {found.filled:,} of which filled."


def figures(found: OwnFit) -> dict[str, Any]:
    """Return all of a fit as JSON holds it."""
    return {
        "instrument": {"venue": found.instrument.venue, "symbol": found.instrument.symbol}, "tape": found.tape_hash, "fills": found.source,
        "orders": found.orders, "filled": found.filled, "outside": found.outside, "unmatched": found.unmatched,
        "model": found.fit.model.family.name, "params": found.fit.model.named(), "spread": found.fit.spread,
        "intervals": {each.parameter: [each.low, each.high] for each in found.profiles},
        "profiles": [asdict(each) for each in found.profiles],
        "models": [_score_figures(score) for score in found.scores],
        **({} if found.rolled is None else rolled_figures(found.rolled, found.gaps, found.block_gaps, found.verdict)), "warnings": list(found.warnings), "verdict": verdict(found),
    }  # fmt: skip


def _score_figures(score: OwnScore) -> dict[str, Any]:
    return {
        "model": score.model.family.name, "params": score.model.named(), "fitted": score.model.fitted, "spread": score.spread,
        "log_likelihood": score.log_likelihood, "brier": score.brier, "wrong": score.wrong, "time_to_fill": score.timing._asdict(),
    }  # fmt: skip


def own_table(found: OwnFit) -> Table:
    """Return the models as rows, the likeliest first."""
    head = ("model", "log likelihood", "Brier", "wrong, %", "in time", "early", "late", "never")
    rows = [
        (
            score.model.label, f"{score.log_likelihood:,.1f}".replace("-", "−"), f"{score.brier:.5f}", f"{100 * score.wrong:.2f}",
            *(f"{score.timing[k]:,}" for k in (4, 3, 5, 6)),
        )
        for score in found.scores
    ]  # fmt: skip
    if found.rolled is None:
        note = f"Of {found.orders:,} own orders, {found.filled:,} of which filled; in time: by the event of the real fill. The fitted model has seen all of them."
    else:
        scored = found.rolled.outcomes.filled
        note = f"Of {len(scored):,} own orders in {len(found.rolled.blocks)} blocks, {int(scored.sum()):,} of which filled; in time: by the event of the real fill. {ABOUT_BLOCKS}"
    return Table("Models", head, rows, (False, *(True,) * (len(head) - 1)), note)


def verdict(found: OwnFit) -> list[str]:
    """Return what a fit says, a sentence each."""
    text = ", ".join(_parameter(found, name, value) for name, value in found.fit.model.named().items())
    said = [f"Fitted to all of them the {found.fit.model.family.name} model has {text}."]
    if found.rolled is None:
        return [*said, f"Verdict: keep {found.verdict.kept.label}. The fills are too few to check the fit on orders that it has not seen."]
    return [*said, *verdict_lines(found.rolled, found.verdict, found.gaps)]


def _parameter(found: OwnFit, name: str, value: float) -> str:
    interval = next((each for each in found.profiles if each.parameter == name), None)
    if interval is None:
        return f"{name} = {value:.4g}"
    ends = ("…" if end is None else f"{end:.4g}" for end in (interval.low, interval.high))
    return f"{name} = {value:.4g} (95 % profile interval {' to '.join(ends)})"


def page(found: OwnFit) -> Page:
    """Return the page of a fit."""
    model = found.verdict.model
    code = model_text(model, origin(found)) if model.family.code == MATCHED else config_text(model, origin(found))
    caption = "Left: log likelihood of a parameter less that of the fit, and the 95 % interval. Right: share of orders that filled against predicted probability; the area of a mark grows with the number of orders."
    sections = [Section("What it says", verdict(found), picture="fit", caption=caption), Section("Models", (), own_table(found))]
    said: Sequence[str] = (f"{found.fit.calls} models were tried.",)
    if found.rolled is not None:
        sections += [Section("Block by block", (), block_table(found.rolled, found.block_gaps)), Section("All blocks", (), gap_table(found.gaps))]
        said = model_lines(found.rolled, found.verdict)
    sections += [
        Section("The model to use", said, code=code),
        Section("Rests on", (f"orders: {found.source}", f"tape: {found.tape_hash}", f"{found.outside:,} orders outside of the tape, {found.unmatched:,} fills that the tape does not know")),
    ]
    title = f"Queue model from own fills: {found.instrument.symbol}"
    sub = f"{found.instrument.venue} {found.instrument.symbol} · {found.orders:,} orders, {found.filled:,} filled"
    return Page(title, sub, sections, found.warnings, "Definitions: docs/fidelity.md of mmsim. Unrounded figures: queue_fit.json.")


def draw(found: OwnFit) -> canvas.Picture:
    """Return the picture of a fit: profile likelihood and calibration curve; without a profile, likelihoods of the models."""
    picture = canvas.new_picture(3.7)
    left, right = picture.subplots(1, 2, gridspec_kw={"wspace": 0.25})
    picture.subplots_adjust(left=0.085, right=0.975, top=0.88, bottom=0.15)
    if found.profiles:
        _profile(left, found.profiles[0], found.fit.model.values[0])
    else:
        _bars(left, found)
    right.set_title("Calibration")
    right.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls="--")
    for score, colour in [(next(each for each in found.scores if each.model.fitted), VERMILION), *[(each, BLUE) for each in found.scores if not each.model.fitted][:1]]:
        at = [part.predicted for part in score.curve], [part.filled for part in score.curve]
        right.plot(*at, color=colour, lw=1.0, label=score.model.label)
        right.scatter(*at, s=[6 + 14 * np.log10(part.lives) for part in score.curve], color=colour, zorder=3)
    right.set_xlabel("predicted probability of a fill")
    right.set_ylabel("share of orders that filled")
    right.legend(loc="lower right")
    return picture


def _profile(axes: Any, each: Profile, value: float) -> None:
    """Draw a profile likelihood."""
    heights = np.array(each.log_likelihoods) - max(each.log_likelihoods)
    axes.set_title(f"Log likelihood of {each.parameter}, less the best")
    axes.plot(each.values, heights, color=BLUE, marker="o", ms=3)
    axes.axvline(value, color=VERMILION, lw=1.1)
    axes.axvspan(each.values[0] if each.low is None else each.low, each.values[-1] if each.high is None else each.high, color=VERMILION, alpha=0.1, lw=0)
    axes.set_xscale("log")
    axes.set_ylim(max(float(heights.min()) * 1.1, -25.0) - 0.5, 0.5)
    axes.set_xlabel(each.parameter)
    canvas.plain_log_axis(axes.xaxis)


def _bars(axes: Any, found: OwnFit) -> None:
    """Draw the log likelihood of each model, less the best."""
    axes.set_title("Log likelihood, less the best")
    best = found.scores[0].log_likelihood
    for place, score in enumerate(reversed(found.scores)):
        axes.barh(place, score.log_likelihood - best, color=VERMILION if score.model.fitted else BLUE, height=0.6)
    axes.set_yticks(range(len(found.scores)), [score.model.label for score in reversed(found.scores)])
    axes.set_xscale("symlog", linthresh=10.0)
    canvas.powers_axis(axes.xaxis)
