"""The pictures of a comparison of queue models. Import late: matplotlib takes half a second."""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.calibrate.fidelity.measure import Fidelity, Score
from simcore.report import canvas
from simcore.report.canvas import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILION

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
_CURVES = 3  # unfitted models whose calibration is drawn beside the fitted one's


def pictures(found: Fidelity) -> dict[str, bytes]:
    """Return the PNG bytes of all pictures by name."""
    with canvas.house_style():
        return {name: canvas.png_bytes(draw(found)) for name, draw in (("scores", scores), ("calibration", calibration), ("times", times))}


def scores(found: Fidelity) -> canvas.Picture:
    """Brier scores with intervals; what is missed and invented."""
    picture, (left, right) = _two(found)
    left.set_title("Brier score")
    right.set_title("Wrong predictions, % of orders")
    for place, score in enumerate(reversed(found.scores)):
        colour = VERMILION if score.model.fitted else BLUE
        left.hlines(place, score.brier.low, score.brier.high, color=colour, lw=1.4)
        left.plot([score.brier.estimate], [place], "o", color=colour, ms=5)
        missed, invented = (100 * count / found.test.lives for count in (score.missed, score.invented))
        right.barh(place, missed, color=SKY, height=0.6, label="missed" if place == 0 else None)
        right.barh(place, invented, left=missed, color=ORANGE, height=0.6, label="invented" if place == 0 else None)
    left.set_xscale("log")
    left.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    left.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if round(value / 10 ** np.floor(np.log10(value))) in (2, 5) else "")
    right.legend(loc="upper right")
    return picture


def calibration(found: Fidelity) -> canvas.Picture:
    """Calibration curves of the fitted model and of the best others."""
    picture = canvas.new_picture(4.4)
    axes = picture.subplots()
    picture.subplots_adjust(left=0.085, right=0.7, top=0.91, bottom=0.115)
    axes.set_title("Share that filled, by predicted probability")
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.9, ls="--")
    others = [score for score in found.scores if not score.model.fitted][:_CURVES]
    for score, colour in zip([*([found.fitted] if found.fitted else []), *others], (VERMILION, *_COLOURS) if found.fitted else _COLOURS, strict=False):
        _curve(axes, score, colour)
    axes.set_xlabel("predicted probability of a fill before the order's end")
    axes.set_ylabel("share of orders that filled")
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5))
    return picture


def _curve(axes: Any, score: Score, colour: str) -> None:
    predicted, filled = [part.predicted for part in score.curve], [part.filled for part in score.curve]
    axes.plot(predicted, filled, color=colour, label=score.model.label)
    axes.scatter(predicted, filled, s=[6 + 14 * np.log10(part.lives) for part in score.curve], color=colour, zorder=3)


def times(found: Fidelity) -> canvas.Picture:
    """How many real fills a model makes in time, early, late, or never; and how early or late."""
    picture, (left, right) = _two(found, 0.35)
    left.set_title("Real fills, %")
    right.set_title("Time to fill: predicted less real, s")
    parts = (("same event", GREEN, "on_time"), ("early", ORANGE, "early"), ("late", SKY, "late"), ("never", MUTED, "never"))
    for place, score in enumerate(reversed(found.scores)):
        start = 0.0
        for label, colour, name in parts:
            width = 100 * getattr(score.timing, name) / found.test.filled
            left.barh(place, width, left=start, color=colour, height=0.6, label=label if place == 0 else None)
            start += width
        colour = VERMILION if score.model.fitted else BLUE
        if score.timing.mean_s is not None:
            right.plot([score.timing.mean_s], [place], "o", color=colour, ms=5, label="mean" if place == 0 else None)
        if score.timing.p90_abs_s is not None:
            right.plot([score.timing.p90_abs_s], [place], "|", color=INK, ms=9, label="90 % of errors are less" if place == 0 else None)
    right.axvline(0, color=MUTED, lw=0.8)
    right.set_xscale("symlog", linthresh=0.01)
    canvas.powers_axis(right.xaxis)
    picture.legend(handles=[*left.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]], loc="lower center", ncols=6)
    return picture


def _two(found: Fidelity, below_in: float = 0.0) -> tuple[canvas.Picture, Any]:
    """Return a picture with two panels that have the models on their left; below_in: room below them, inches."""
    picture = canvas.new_picture(1.4 + below_in + 0.27 * len(found.scores))
    axes = picture.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.08})
    picture.subplots_adjust(left=0.16, right=0.975, top=1 - 0.38 / picture.get_figheight(), bottom=(0.32 + below_in) / picture.get_figheight())
    axes[0].set_yticks(range(len(found.scores)), [score.model.label for score in reversed(found.scores)])
    axes[0].set_ylim(-0.6, len(found.scores) - 0.4)
    for panel in axes:
        panel.grid(axis="y", visible=False)
    return picture, axes
