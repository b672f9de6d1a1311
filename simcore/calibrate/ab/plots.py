"""The pictures of an A/B test. Import this module late: matplotlib takes half a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from simcore.calibrate.ab.figures import LIVE_NAMES, by_window, in_cash, live_masks, live_pnl
from simcore.calibrate.ab.gates import GATE_UNITS, GATES, Reading, Watch
from simcore.calibrate.ab.run import AbResult
from simcore.calibrate.ab.stats import BETTER, WORSE, Judged
from simcore.records import FloatArray
from simcore.report import canvas
from simcore.report.canvas import BLUE, GREEN, INK, MUTED, ORANGE, PURPLE, SKY, VERMILION, Picture

_COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
_LIVE_STYLE = ((SKY, 1.4, "-"), (VERMILION, 1.4, "-"), (INK, 1.1, "--"), (BLUE, 2.0, "-"))
_SYMBOLS_MAX = 6  # more lines than colours say nothing
_GATE_TITLES = {"slippage": "Slippage, bps", "taker_share": "Taker share of fills, %", "tick_p95": "Tick p95, ms", "deadline_misses": "Deadline misses, %"}


def draw(name: str, result: AbResult) -> Picture:
    """Return one of PLOTS. KeyError for another name."""
    with canvas.house_style():
        return PLOTS[name][0](result)


def metrics(result: AbResult) -> Picture:
    """The differences B − A with their intervals, each metric in its own unit."""
    picture = canvas.new_picture(3.6)
    panels = picture.subplots(2, 3)
    picture.subplots_adjust(left=0.07, right=0.975, top=0.9, bottom=0.1, hspace=0.62, wspace=0.28)
    for axes, paired, routed in zip(panels.flat, result.paired, result.routed, strict=True):
        unit = "%" if paired.metric.unit == "share" else paired.metric.unit
        axes.set_title(f"{paired.metric.label}, {unit}")
        drawn = [_difference(axes, place, one) for place, one in ((1, paired), (0, routed))]
        if not any(drawn):
            canvas.say_nothing_to_show(axes, "no difference to measure")
            continue
        axes.axvline(0, color=INK, lw=0.9)
        axes.set_yticks([0, 1], ["routed", "paired"])
        axes.set_ylim(-0.6, 1.6)
        axes.margins(x=0.15)
        if not any(axes.dataLim.intervalx):  # a picture of zeros has no scale
            axes.set_xlim(-1, 1)
            axes.set_xticks([0])
        axes.grid(visible=False, axis="y")
    return picture


def _difference(axes: Axes, place: int, one: Judged) -> bool:
    """Draw a difference and its interval; return whether there is one."""
    if one.difference is None:
        return False
    scale = 100.0 if one.metric.unit == "share" else 1.0
    colour = {BETTER: GREEN, WORSE: VERMILION}.get(one.verdict, MUTED)
    if one.low is not None and one.high is not None:
        axes.plot([one.low * scale, one.high * scale], [place, place], color=colour, lw=2.4, alpha=0.75, solid_capstyle="butt")
    axes.plot([one.difference * scale], [place], "o", color=colour, ms=6, mfc=colour if one.low is not None else "white")
    return True


def profit(result: AbResult) -> Picture:
    """Profit of A, of B and of what was live, and the difference B − A of each symbol, by currency."""
    cells = result.cells
    currencies = sorted({*cells.cash})
    picture = canvas.new_picture(3.4 * len(currencies) + 0.3)
    panels = np.atleast_2d(picture.subplots(len(currencies), 2, gridspec_kw={"wspace": 0.24, "hspace": 0.45}))
    picture.subplots_adjust(left=0.095, right=0.975, top=1 - 0.42 / picture.get_figheight(), bottom=0.55 / picture.get_figheight())
    for (left, right), cash in zip(panels, currencies, strict=True):
        mine = in_cash(cells, cash)
        for name, arms, (colour, width, dash) in zip(LIVE_NAMES, live_masks(result), _LIVE_STYLE, strict=True):
            _grow(left, result, np.where(mine, live_pnl(cells, arms), 0.0), color=colour, lw=width, ls=dash, label=name)
        left.set_title("Profit after fees")
        gained = np.where(mine, cells.b.values["pnl"] - cells.a.values["pnl"], 0.0)
        keys = [key for key in sorted({unit.key for unit in cells.units}) if mine[cells.of_symbol(key)].any()]
        names = {unit.key: unit.name for unit in cells.units}
        for number, key in enumerate(keys if 1 < len(keys) <= _SYMBOLS_MAX else ()):
            _grow(right, result, np.where(cells.of_symbol(key), gained, 0.0), color=_COLOURS[number], lw=1.0, label=names[key])
        _grow(right, result, gained, color=INK, lw=1.8, label="all" if len(keys) > 1 else names[keys[0]])
        right.set_title("B − A")
        for axes in (left, right):
            axes.axhline(0, color=MUTED, lw=0.8)
            axes.set_ylabel(cash)
            _over_test(axes, result)
            axes.ticklabel_format(axis="y", style="plain", useOffset=False)
            axes.legend(loc="best", frameon=True, framealpha=0.85, edgecolor="none")
        for watch in result.watches:
            _mark_rollback(left, watch)
    return picture


def _grow(axes: Axes, result: AbResult, amounts: FloatArray, **style: Any) -> None:
    """Draw what amounts [n] add up to over the windows."""
    cells = result.cells
    total = np.concatenate([[0.0], np.cumsum(by_window(cells, amounts))])
    windows = np.unique(cells.window)
    times = np.concatenate([windows[:1], windows + 1]) * cells.window_ns
    kept = canvas.extremes(total)
    axes.plot(canvas.days(times[kept]), total[kept], **style)


def gates(result: AbResult) -> Picture:
    """What the four gates saw: A, B and the limit in each window; broken windows and the rollback are marked."""
    picture = canvas.new_picture(4.6)
    panels = picture.subplots(2, 2, sharex=True)
    picture.subplots_adjust(left=0.07, right=0.975, top=0.91, bottom=0.1, hspace=0.32, wspace=0.16)
    shown = shown_watch(result)
    for number, (axes, gate) in enumerate(zip(panels.flat, GATES, strict=True)):
        axes.set_title(_GATE_TITLES[gate])
        seen = [each for each in shown.readings if each.gate == gate and each.b is not None]
        if seen:
            _gate(axes, seen, gate, result.cells.window_ns)
            _mark_rollback(axes, shown)
            if number == 0:
                canvas.legend_above(axes)
            _over_test(axes, result, label=number > 1)
        else:
            canvas.say_nothing_to_show(axes, "never judged" if result.arms.any() else "nothing is routed to B")
    return picture


def shown_watch(result: AbResult) -> Watch:
    """Return the watch that the picture shows: the first that rolled back, else the first."""
    return min(result.watches, key=lambda watch: (watch.rollback is None, watch.rollback.ts if watch.rollback else 0))


def _gate(axes: Axes, seen: list[Reading], gate: str, window_ns: int) -> None:
    """Draw A, B and the limit; windows that do not follow each other are not joined."""
    scale = 100.0 if GATE_UNITS[gate] == "share" else 1.0
    numbers = np.array([each.window for each in seen])
    breaks = np.flatnonzero(np.diff(numbers) > 1) + 1
    times = np.insert(canvas.days((2 * numbers + 1) * window_ns // 2), breaks, np.nan)

    def level(name: str) -> FloatArray:
        found = [np.nan if getattr(each, name) is None else getattr(each, name) * scale for each in seen]
        return np.insert(np.array(found, np.float64), breaks, np.nan)

    small: dict[str, Any] = {"marker": "o", "ms": 2.6, "mew": 0}
    axes.plot(times, level("a"), color=SKY, lw=1.0, label="A", **small)
    axes.plot(times, level("b"), color=BLUE, lw=1.0, label="B", **small)
    axes.plot(times, level("limit"), color=MUTED, lw=1.0, ls="--", marker="_", ms=4, label="limit for B")
    broken = np.insert(np.array([bool(each.broken) for each in seen]), breaks, values=False)
    axes.plot(times[broken], level("b")[broken], "o", color=VERMILION, ms=5, mew=0, label="broken")


def _mark_rollback(axes: Axes, watch: Watch) -> None:
    if watch.rollback is not None:
        axes.axvline(canvas.days(watch.rollback.ts), color=PURPLE, lw=1.4, ls=":")


def _over_test(axes: Axes, result: AbResult, label: bool = True) -> None:
    cells = result.cells
    canvas.time_axis(axes, int(cells.window.min()) * cells.window_ns, (int(cells.window.max()) + 1) * cells.window_ns, label)


Draw = Callable[[AbResult], Picture]
# Name -> how it is drawn, and what the reader sees.
PLOTS: dict[str, tuple[Draw, str]] = {
    "metrics": (metrics, "Differences B − A with their intervals. Green: better, red: worse, grey: no difference shown. Hollow: too little to judge."),
    "profit": (profit, "Left: profit of A, of B, and of what was live; dotted: the rollback. Right: what B made more than A, on the same market."),
    "gates": (gates, "The four gates in each window in which B is live, until the rollback (dotted)."),
}  # fmt: skip
