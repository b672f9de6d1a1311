"""The pictures of a portfolio run. Import this module late: matplotlib takes half a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from simcore.errors import ConfigError
from simcore.report import canvas
from simcore.report.canvas import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILION, Picture
from simcore.report.portfolio import PortfolioFolder, gross_values, total_equity

_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, INK, MUTED)
_NO_BARRIERS = "no allocator and no limit: symbols ran on their own"


def draw(name: str, opened: PortfolioFolder, figures: Mapping[str, Any]) -> Picture:
    """Return one of PLOTS. CONF-014 for another name."""
    if name not in PLOTS:
        raise ConfigError("CONF-014", f"plot: name is {name!r}; expected one of {', '.join(PLOTS)}")
    with canvas.house_style():
        return PLOTS[name][0](opened, figures)


def equity(opened: PortfolioFolder, figures: Mapping[str, Any]) -> Picture:
    """Equity of all symbols of each currency, and of each symbol."""
    currencies = [row["currency"] for row in figures["by_currency"]]
    picture = canvas.new_picture(3.2 * len(currencies) + 0.6)
    panels = np.atleast_1d(picture.subplots(len(currencies), 1, sharex=True))
    picture.subplots_adjust(left=0.085, right=0.975, top=0.9, bottom=0.13)
    for axes, currency in zip(panels, currencies, strict=True):
        times, total = total_equity(opened, currency)
        for number, (part, run) in enumerate(zip(opened.parts, opened.runs, strict=True)):
            if run.money.cash == currency:
                values = run.samples["equity_units"] * float(run.money.unit)
                kept = canvas.extremes(values)
                axes.plot(canvas.days(run.samples["ts"][kept]), values[kept], color=_colour(number), lw=0.8, label=part.name)
        kept = canvas.extremes(total)
        axes.plot(canvas.days(times[kept]), total[kept], color=INK, lw=1.8, label="all")
        axes.axhline(0, color=MUTED, lw=0.8)
        axes.set_title("Equity")
        axes.set_ylabel(currency)
        canvas.legend_above(axes, 9)
        canvas.time_axis(axes, figures["start_ts"], figures["end_ts"])
    return picture


def exposure(opened: PortfolioFolder, figures: Mapping[str, Any]) -> Picture:
    """Sum of the values of all positions, and the limit."""
    picture = canvas.new_picture(2.9)
    axes = picture.subplots()
    picture.subplots_adjust(left=0.085, right=0.975, top=0.87, bottom=0.17)
    for number, (quote, (times, values)) in enumerate(gross_values(opened).items()):
        kept = canvas.extremes(values)
        axes.plot(canvas.days(times[kept]), values[kept], color=_colour(number), lw=0.9, drawstyle="steps-post", label=quote or "quote")
    if figures["gross_value_limit"]:
        axes.axhline(figures["gross_value_limit"], color=VERMILION, lw=1.0, ls="--", label="limit")
    axes.set_title("Gross exposure")
    axes.set_ylabel("sum of |position value|")
    canvas.thousands(axes.yaxis)
    canvas.legend_above(axes)
    canvas.time_axis(axes, figures["start_ts"], figures["end_ts"])
    return picture


def weights(opened: PortfolioFolder, figures: Mapping[str, Any]) -> Picture:
    """Each symbol's weight and score at the barriers."""
    picture = canvas.new_picture(4.4)
    upper, lower = picture.subplots(2, 1, sharex=True, gridspec_kw={"hspace": 0.25})
    picture.subplots_adjust(left=0.085, right=0.975, top=0.92, bottom=0.115)
    for axes, name, title in ((upper, "weight", "Weights"), (lower, "score", "Scores")):
        axes.set_title(title)
        for number, part in enumerate(opened.parts):
            own = [entry for entry in opened.entries if entry.symbol == part.key and not entry.ended]
            values = np.array([np.nan if getattr(entry, name) is None else getattr(entry, name) for entry in own], np.float64)
            axes.plot(canvas.days([entry.ts for entry in own]), values, color=_colour(number), lw=1.2, drawstyle="steps-post", label=part.name)
        if opened.entries:
            canvas.legend_above(axes, 8)
            canvas.time_axis(axes, figures["start_ts"], figures["end_ts"], label=axes is lower)
        else:
            canvas.say_nothing_to_show(axes, _NO_BARRIERS)
    return picture


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


PLOTS: dict[str, tuple[Callable[[PortfolioFolder, Mapping[str, Any]], Picture], str]] = {
    "equity": (equity, "Equity after fees, of each symbol and of all whose money is of one currency."),
    "exposure": (exposure, "Sum of the values of all positions at the mids of the samples, whatever their sign."),
    "weights": (weights, "What the allocator decided at its barriers, and the scores it decided by; a gap: too few windows with fills."),
}
