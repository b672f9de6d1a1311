"""The picture of a fill band. Import this module late: matplotlib takes half a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simcore.report import canvas
from simcore.report.band import WORLDS, curves, differs, stretches
from simcore.report.canvas import BLUE, GREEN, MUTED, ORANGE, SKY, VERMILION, Picture
from simcore.report.folder import RunFolder

NAME = "band"
CAPTION = "PnL so far in the three queue worlds; red: while they disagree on its sign. The run is the line in the middle of the legend."
_COLOURS = dict(zip(WORLDS, (GREEN, BLUE, ORANGE), strict=True))


def draw(run: RunFolder, figures: Mapping[str, Any]) -> Picture:
    """Return the picture of a run that has a band."""
    with canvas.house_style():
        picture = canvas.new_picture(3.4)
        axes = picture.subplots()
        picture.subplots_adjust(left=0.085, right=0.975, top=0.88, bottom=0.15)
        axes.set_title("Fill band")
        times, equity = curves(run)
        moments, values = canvas.days(times), equity * float(run.money.unit)
        axes.fill_between(moments, values.min(axis=0), values.max(axis=0), color=SKY, alpha=0.18, lw=0)
        for world, curve in zip(WORLDS, values, strict=True):
            own = world == "estimated"  # on top: where all agree, the run is what is seen
            axes.plot(moments, curve, color=_COLOURS[world], lw=1.5 if own else 1.1, label=world, zorder=3 if own else 2)
        for i, (first, last) in enumerate(stretches(differs(equity))):
            begin = moments[first - 1] if first else canvas.days(run.start_ts)
            axes.axvspan(begin, moments[last], color=VERMILION, alpha=0.12, lw=0, label="signs differ" if i == 0 else None)
        axes.axhline(0, color=MUTED, lw=0.8)
        axes.set_ylabel(figures["unit_cash"])
        canvas.thousands(axes.yaxis)
        canvas.legend_above(axes)
        canvas.time_axis(axes, run.start_ts, run.end_ts)
        return picture
