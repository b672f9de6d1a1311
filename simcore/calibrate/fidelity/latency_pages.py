"""What `mmsim calibrate latency` leaves in its folder: pages, a picture, latency_fit.json, and the models for a replay."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from simcore.calibrate.fidelity.latency_fit import (
    CONSTANT,
    LOGNORMAL,
    SAMPLED,
    LatencyFit,
    LegFit,
    distribution,
    missing_legs,
    samples,
)
from simcore.calibrate.fidelity.latency_records import RESPONSE, Leg
from simcore.calibrate.pages import Page, Section, write_page
from simcore.report import canvas
from simcore.report.build import write_bytes
from simcore.report.canvas import BLUE, VERMILION
from simcore.report.pages import Table
from simcore.report.wording import ABSENT, plain

CONFIG_NAME = "best_latency.yaml"
_RESPONSE_LEAST = "{model: constant, ms: 0.000001}"  # 1 ns, the least that a response may take


def write_latency(found: LatencyFit, folder: Path) -> None:
    """Write a fit's files; the same fit gives the same bytes. JRNL-005 if the disk refuses."""
    with canvas.house_style():
        pictures = {"latency": canvas.png_bytes(draw(found))}
    write_page(folder, page(found), pictures)
    write_bytes(folder / "latency_fit.json", (json.dumps(figures(found), indent=2, allow_nan=False) + "\n").encode())
    write_bytes(folder / CONFIG_NAME, config_text(found).encode())
    for leg, fitted in zip(found.recorded.legs, found.legs, strict=True):
        if fitted.chosen == SAMPLED:
            rows = "\n".join(str(value) for value in samples(leg).tolist())
            write_bytes(folder / f"{leg.name}.csv", f"latency_ns\n{rows}\n".encode())


def config_text(found: LatencyFit) -> str:
    """Return the configuration fragment of the fitted models."""
    lines = [f"# Fitted to {sum(leg.count for leg in found.legs):,} latencies of {Path(found.recorded.source).name}.", "latency:"]
    lines += [f"  {leg.name}: {_model_text(leg)}" for leg in found.legs]
    if found.recorded.round_trip:
        lines.append(f"  {RESPONSE}: {_RESPONSE_LEAST}")
    return "\n".join([*lines, ""])


def _model_text(leg: LegFit) -> str:
    if leg.chosen == SAMPLED:
        return f"{{model: recorded, file: {leg.name}.csv, column: latency_ns, sampling: sample}}"
    if leg.chosen == LOGNORMAL:
        return f"{{model: lognormal, ms: {leg.median_ms:.6f}, sigma: {leg.sigma:.6f}}}"
    least = 1e-6 if leg.name == RESPONSE else 0.0
    return f"{{model: constant, ms: {max(leg.median_ms, least):.6f}}}"


def figures(found: LatencyFit) -> dict[str, Any]:
    """Return all of a fit as JSON holds it."""
    return {
        "recorded": found.recorded.source, "round_trip": found.recorded.round_trip, "legs": [asdict(leg) for leg in found.legs],
        "missing": list(missing_legs(found)), "config": config_text(found), "warnings": list(found.warnings), "verdict": verdict(found),
    }  # fmt: skip


def verdict(found: LatencyFit) -> list[str]:
    """Return what a fit says, a sentence a leg."""
    said = []
    for leg in found.legs:
        if leg.chosen == CONSTANT:
            said.append(f"{leg.name}: constant, {plain(leg.median_ms, 6)} ms.")
        elif leg.chosen == LOGNORMAL:
            said.append(f"{leg.name}: lognormal, median {plain(leg.median_ms, 5)} ms ({plain(leg.median_low_ms, 5)} to {plain(leg.median_high_ms, 5)}), sigma {plain(leg.sigma, 4)} ({plain(leg.sigma_low, 4)} to {plain(leg.sigma_high, 4)}).")
        else:
            said.append(f"{leg.name}: drawn from the records{_why_drawn(leg)}.")
    gone = [name for name in missing_legs(found) if not (name == RESPONSE and found.recorded.round_trip)]
    if gone:
        said.append(f"Nothing is recorded of {', '.join(gone)}: {'it keeps' if len(gone) == 1 else 'they keep'} what the configuration has.")
    return said


def _why_drawn(leg: LegFit) -> str:
    """Return what the KS distance says of records that are drawn from; nothing where there is none."""
    if leg.ks is None or leg.ks_limit is None:
        return ""
    law = "no lognormal law" if leg.ks > leg.ks_limit else "a lognormal law would do, too"
    return f"; {law} (KS distance {plain(leg.ks, 3)}, limit {plain(leg.ks_limit, 3)})"


def leg_table(found: LatencyFit) -> Table:
    """Return the legs as rows."""
    head = ("leg", "records", "held up", "model", "p50, ms", "p99, ms", "most, ms", "median, ms", "sigma", "KS", "limit", "AIC")
    rows = [
        (
            leg.name, f"{leg.count:,}", f"{leg.held_up:,}", leg.chosen, plain(leg.p50_ms, 5), plain(leg.p99_ms, 5), plain(leg.max_ms, 5),
            ABSENT if leg.chosen == SAMPLED else plain(leg.median_ms, 5), plain(leg.sigma, 4),
            ABSENT if leg.ks is None else plain(leg.ks, 3), ABSENT if leg.ks_limit is None else plain(leg.ks_limit, 3), ABSENT if leg.aic is None else plain(leg.aic, 6),
        )
        for leg in found.legs
    ]  # fmt: skip
    note = "Held up: arrived together with the message before it, so that its own latency is at most what was recorded. Sigma, KS, AIC: of the lognormal law; above the limit, which 5 % of true laws exceed, it is refused, and latencies are drawn from the records."
    return Table("Legs", head, rows, (False, True, True, False, *(True,) * 8), note)


def page(found: LatencyFit) -> Page:
    """Return the page of a fit."""
    sections = (
        Section("What it says", verdict(found), picture="latency", caption="Share of latencies that are at most so long: records (blue), the lognormal law (red)."),
        Section("Legs", (), leg_table(found)),
        Section("The fitted models", (f"`mmsim replay --config {CONFIG_NAME}`",), code=config_text(found)),
        Section("Rests on", (f"records: {found.recorded.source}",)),
    )
    name = Path(found.recorded.source).name
    return Page(f"Latency of {name}", f"{sum(leg.count for leg in found.legs):,} latencies", sections, found.warnings, "Definitions: docs/latency.md of mmsim. Unrounded figures: latency_fit.json.")


def draw(found: LatencyFit) -> canvas.Picture:
    """Return the picture of a fit: a distribution a leg."""
    picture = canvas.new_picture(3.2)
    panels = picture.subplots(1, len(found.legs), squeeze=False, sharey=True, gridspec_kw={"wspace": 0.08})[0]
    picture.subplots_adjust(left=0.07, right=0.98, top=0.86, bottom=0.17)
    for axes, leg, fitted in zip(panels, found.recorded.legs, found.legs, strict=True):
        _distribution(axes, leg, fitted)
    panels[0].set_ylabel("share of messages")
    return picture


def _distribution(axes: Any, leg: Leg, fitted: LegFit) -> None:
    own, share = distribution(leg)
    kept = canvas.extremes(own)
    axes.set_title(f"{leg.name}: {fitted.chosen}")
    axes.step(own[kept], share[kept], where="post", color=BLUE)
    if fitted.sigma > 0.0 and fitted.chosen != CONSTANT:
        at = np.exp(np.linspace(math.log(max(own[0], 1e-6)), math.log(max(own[-1], 1e-6)), 200))
        law = [0.5 * math.erfc(-math.log(x / fitted.median_ms) / (fitted.sigma * math.sqrt(2.0))) for x in at.tolist()]
        axes.plot(at, law, color=VERMILION, lw=1.1)
        axes.set_xscale("log")
    canvas.plain_log_axis(axes.xaxis)
    axes.set_xlabel("ms")
