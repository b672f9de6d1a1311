"""The pictures of a run. Import this module late: matplotlib takes half a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from simcore.errors import ConfigError
from simcore.records import ASK, BID, MAKER, NO_PRICE, REASON_LABELS, TAKER
from simcore.report import canvas, sums
from simcore.report.canvas import BLUE, BUY, GREEN, INK, MUTED, ORANGE, PURPLE, SELL, SKY, VERMILION, Picture
from simcore.report.exposure import drawdown_units, positions
from simcore.report.findings import NO_FILLS, NO_SAMPLES
from simcore.report.folder import RunFolder
from simcore.report.markouts import markout_curve
from simcore.report.wording import signed_text
from simcore.units import NS_PER_S

WINDOW_S = 300  # of the close-up of quotes; a fifth of the run if that is shorter
_SIDES = ((BID, "buy", "^", BUY), (ASK, "sell", "v", SELL))


def draw(name: str, run: RunFolder, figures: Mapping[str, Any]) -> Picture:
    """Return one of PLOTS. CONF-014 for another name."""
    if name not in PLOTS:
        raise ConfigError("CONF-014", f"plot: name is {name!r}; expected one of {', '.join(PLOTS)}")
    with canvas.house_style():
        return PLOTS[name][0](run, figures)


def equity(run: RunFolder, figures: Mapping[str, Any]) -> Picture:
    """Equity after and before fees, and how far it is below its highest."""
    picture = canvas.new_picture(4.4)
    upper, lower = picture.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1), "hspace": 0.12})
    picture.subplots_adjust(left=0.085, right=0.975, top=0.91, bottom=0.115)
    samples, unit = run.samples, float(run.money.unit)
    upper.set_title("Equity")
    if not len(samples):
        canvas.say_nothing_to_show(upper, NO_SAMPLES)
    before = samples["equity_units"] + samples["fee_units"]
    for values, label, colour, width in (
        (before, "before fees", SKY, 1.1),
        (samples["equity_units"], "after fees", BLUE, 1.6),
    ):
        kept = canvas.extremes(values)
        upper.plot(canvas.days(samples["ts"][kept]), values[kept] * unit, color=colour, lw=width, label=label, marker=_dot(samples))
    upper.axhline(0, color=MUTED, lw=0.8)
    below = drawdown_units(run)
    kept = canvas.extremes(below)
    moments = canvas.days(samples["ts"][kept])
    lower.fill_between(moments, -below[kept] * unit, 0, color=VERMILION, alpha=0.25, lw=0)
    lower.plot(moments, -below[kept] * unit, color=VERMILION, lw=0.9, marker=_dot(samples))
    upper.set_ylabel(figures["unit_cash"])
    lower.set_ylabel("drawdown")
    if len(samples):
        canvas.legend_above(upper)
    _over_run(run, upper, lower)
    return picture


def inventory(run: RunFolder, figures: Mapping[str, Any]) -> Picture:
    """The position after each fill."""
    picture = canvas.new_picture(2.9)
    axes = picture.subplots()
    picture.subplots_adjust(left=0.085, right=0.975, top=0.87, bottom=0.17)
    axes.set_title("Position")
    times, lots = positions(run)
    held = np.append(lots, lots[-1])
    kept = canvas.extremes(held)
    moments, values = canvas.days(times[kept]), held[kept] * run.money.quantity(1)
    axes.fill_between(moments, np.maximum(values, 0), 0, step="post", color=BUY, alpha=0.22, lw=0, label="long")
    axes.fill_between(moments, np.minimum(values, 0), 0, step="post", color=SELL, alpha=0.22, lw=0, label="short")
    axes.plot(moments, values, drawstyle="steps-post", color=INK, lw=0.9)
    axes.axhline(0, color=MUTED, lw=0.8)
    axes.set_ylabel(figures["unit_size"])
    canvas.legend_above(axes)
    _over_run(run, axes)
    return picture


def quotes(run: RunFolder, figures: Mapping[str, Any]) -> Picture:
    """Mid and fills over the whole run, and our quotes against the market in its busiest minutes."""
    picture = canvas.new_picture(5.8)
    whole, close = picture.subplots(2, 1, gridspec_kw={"height_ratios": (1, 1.25), "hspace": 0.42})
    picture.subplots_adjust(left=0.085, right=0.975, top=0.93, bottom=0.09)
    samples, tick = run.samples, float(run.money.tick_size)
    start, end = busiest_window(run)
    both = sums.add(samples["bid_ticks"], samples["ask_ticks"])
    kept = canvas.extremes(both)
    whole.plot(canvas.days(samples["ts"][kept]), sums.floats(both[kept]) * (tick / 2), color=INK, lw=0.9, label="mid", marker=_dot(samples))
    shown = canvas.thinned(len(run.fills))
    _mark_fills(run, whole, shown, size=4.0, alpha=0.75)
    whole.axvspan(canvas.days(start), canvas.days(end), color=ORANGE, alpha=0.18, lw=0)
    thinned = f" (every {shown[1] - shown[0]}th of {len(run.fills):,} shown)" if 1 < len(shown) < len(run.fills) else ""
    whole.set_title(f"Mid and fills{thinned}")
    _over_run(run, whole, label=False)
    _close_up(run, close, start, end)
    for axes in (whole, close):
        axes.set_ylabel(f"price, {figures['unit_price']}")
        canvas.thousands(axes.yaxis)
        if not len(samples) and not len(run.fills):
            canvas.say_nothing_to_show(axes, f"{NO_SAMPLES}, {NO_FILLS}")
        else:
            canvas.legend_above(axes, 7)
    return picture


def busiest_window(run: RunFolder) -> tuple[int, int]:
    """Return start and end, ns, of the stretch with the most fills (without fills: the first)."""
    start, end = run.start_ts, run.end_ts
    width = max(min(WINDOW_S * NS_PER_S, (end - start) // 5), 1)
    times = np.sort(run.fills["exch_ts"])
    if not len(times):
        return start, start + width
    inside = np.searchsorted(times, times + width, side="right") - np.arange(len(times))
    first = int(times[int(inside.argmax())])
    last = int(times[int(inside.argmax()) + int(inside.max()) - 1])
    begin = max(min((first + last - width) // 2, end - width), start)
    return begin, begin + width


def _close_up(run: RunFolder, axes: Axes, start: int, end: int) -> None:
    samples, fills, tick = run.samples, run.fills, float(run.money.tick_size)
    near = samples[(samples["ts"] >= start) & (samples["ts"] <= end)]
    near = near[canvas.thinned(len(near), canvas.POINTS_MAX)]
    moments = canvas.days(near["ts"])
    axes.fill_between(moments, near["bid_ticks"] * tick, near["ask_ticks"] * tick, step="post", color="#c4c9d2", alpha=0.7, lw=0, label="market")
    for name, label, colour in (("quote_bid_ticks", "our bid", BUY), ("quote_ask_ticks", "our ask", SELL)):
        price = np.where(near[name] == NO_PRICE, np.nan, near[name] * tick)
        axes.plot(moments, price, drawstyle="steps-post", color=colour, lw=1.1, alpha=0.85, label=label)
    inside = np.flatnonzero((fills["exch_ts"] >= start) & (fills["exch_ts"] <= end))
    _mark_fills(run, axes, inside[canvas.thinned(len(inside))], size=6.5, alpha=0.95)
    axes.set_title(f"Busiest {(end - start) / NS_PER_S:,.4g} s: {len(inside):,} fills")
    canvas.time_axis(axes, start, end)


def _mark_fills(run: RunFolder, axes: Axes, index: Any, size: float, alpha: float) -> None:
    fills, tick = run.fills[index], float(run.money.tick_size)
    for side, label, marker, colour in _SIDES:
        for liquidity, face, word in ((MAKER, colour, label), (TAKER, "white", f"{label} (taker)")):
            rows = fills[(fills["side"] == side) & (fills["liquidity"] == liquidity)]
            if len(rows):
                axes.plot(
                    canvas.days(rows["exch_ts"]), rows["price_ticks"] * tick, ls="", marker=marker, ms=size, mfc=face,
                    mec=colour if face == "white" else "white", mew=0.9 if face == "white" else 0.4, alpha=alpha, label=word, zorder=5,
                )  # fmt: skip


def markouts(run: RunFolder, figures: Mapping[str, Any]) -> Picture:
    """How the mid moved after fills, and what was left of the captured half-spread."""
    picture = canvas.new_picture(3.4)
    left, right = picture.subplots(1, 2, gridspec_kw={"wspace": 0.2})
    picture.subplots_adjust(left=0.085, right=0.975, top=0.86, bottom=0.15)
    left.set_title("Mid move against us")
    right.set_title("Realised edge")
    curves = [("all", INK, "o", None), *((f"{label}s", colour, marker, run.fills["side"] == side) for side, label, marker, colour in _SIDES)]
    for i, (label, colour, marker, mask) in enumerate(curves):
        rows = markout_curve(run, mask)
        _curve(left, rows, "adverse", colour, marker, label, 0.12 * (i - 1))
        if label == "all":
            _curve(right, rows, "realised", GREEN, "o", "realised", 0.0)
    if figures["gross_bps"] is not None:
        right.plot([-1], [figures["gross_bps"]], "D", color=GREEN, ms=5)
        right.axhline(figures["edge_fees_bps"], color=PURPLE, lw=1.1, ls="--", label="fees")
    for axes, first in ((left, 0), (right, -1)):
        axes.axhline(0, color=MUTED, lw=0.8)
        places = range(first, len(figures["markouts"]))
        axes.set_xticks(list(places), ["at fill" if k < 0 else f"{figures['markouts'][k]['horizon_s']:g} s" for k in places])
        axes.set_ylabel("bps (± 1 standard error)")
        if axes.get_legend_handles_labels()[0]:
            canvas.legend_above(axes)
        else:
            canvas.say_nothing_to_show(axes, figures["missing"].get("adverse_bps_1s", ""))
    return picture


def _curve(axes: Axes, rows: list[dict[str, Any]], key: str, colour: str, marker: str, label: str, shift: float) -> None:
    known = [(k, row) for k, row in enumerate(rows) if row[f"{key}_bps"] is not None]
    if known:
        axes.errorbar(
            [k + shift for k, _ in known], [row[f"{key}_bps"] for _, row in known],
            yerr=[row[f"{key}_se_bps"] or 0.0 for _, row in known], color=colour, marker=marker, ms=5, lw=1.3,
            elinewidth=1, capsize=2.5, label=label,
        )  # fmt: skip


def queue(run: RunFolder, figures: Mapping[str, Any]) -> Picture:
    """Queue ahead of our resting orders: when they joined, and just before they filled."""
    picture = canvas.new_picture(3.6)
    left, right = picture.subplots(1, 2, gridspec_kw={"wspace": 0.2})
    picture.subplots_adjust(left=0.085, right=0.975, top=0.87, bottom=0.15)
    unit = run.money.quantity(1)
    makers = run.fills[run.fills["liquidity"] == MAKER]
    left.set_title("Queue ahead")
    right.set_title("How often")
    if not len(makers):
        for axes in (left, right):
            canvas.say_nothing_to_show(axes, "no maker fills")
        return picture
    shown = makers[canvas.thinned(len(makers))]
    colours = dict(zip(REASON_LABELS, (INK, BLUE, ORANGE, VERMILION, PURPLE, GREEN), strict=False))
    for reason in np.unique(shown["reason"]):
        rows = shown[shown["reason"] == reason]
        label = REASON_LABELS.get(int(reason), str(int(reason))).replace("_", " ")
        left.plot(
            rows["ahead_entry_lots"] * unit, rows["ahead_lots"] * unit, ls="", marker="o", ms=3.6, alpha=0.55, mew=0,
            color=colours.get(int(reason), GREEN), label=label,
        )  # fmt: skip
    highest = max(float(makers["ahead_entry_lots"].max()), float(makers["ahead_lots"].max()), 1.0) * unit
    left.plot([0, highest], [0, highest], color=MUTED, lw=0.8, ls=":")
    left.set_xlabel(f"when the order joined its level, {figures['unit_size']}")
    left.set_ylabel(f"just before the fill, {figures['unit_size']}")
    edges = np.linspace(0, max(float(np.percentile(makers["ahead_entry_lots"], 99)) * unit, unit), 31)
    for column, label, colour in (("ahead_entry_lots", "when joined", SKY), ("ahead_lots", "before the fill", BLUE)):
        clipped = np.minimum(makers[column] * unit, edges[-1])
        right.hist(clipped, bins=edges, histtype="stepfilled" if colour == SKY else "step", color=colour, lw=1.5, label=label)
    right.set_xlabel(f"queue ahead, {figures['unit_size']} (last bar: and above)")
    right.set_ylabel("maker fills")
    left.legend(loc="upper left")  # an order moves forward, so there are no points
    canvas.legend_above(right)
    return picture


def edge(run: RunFolder, figures: Mapping[str, Any]) -> Picture:  # noqa: ARG001  all plots are called alike
    """From gross to net edge, in bps of turnover; from the figures alone."""
    picture = canvas.new_picture(2.9)
    axes = picture.subplots()
    picture.subplots_adjust(left=0.085, right=0.975, top=0.87, bottom=0.13)
    axes.set_title("From gross to net, bps of turnover")
    if figures["edge_net_bps"] is None:
        canvas.say_nothing_to_show(axes, figures["missing"]["edge_net_bps"])
        return picture
    steps = [
        ("gross:\ncaptured half-spread", figures["edge_gross_bps"]), ("adverse:\nmid move in 1 s", -figures["edge_adverse_bps"]),
        ("fees" if figures["fees"] >= 0 else "fees\n(rebate)", -figures["edge_fees_bps"]), ("funding", -figures["edge_funding_bps"]),
        ("inventory:\nmid move after 1 s", figures["edge_inventory_bps"]),
    ]  # fmt: skip
    level = 0.0
    ends = [0.0, figures["edge_net_bps"]]
    for place, (_, step) in enumerate(steps):
        _bar(axes, place, level, step, GREEN if step >= 0 else VERMILION)
        axes.plot([place + 0.3, place + 0.7], [level + step] * 2, color=MUTED, lw=0.8)
        level += step
        ends.append(level)
    room = 0.18 * (max(ends) - min(ends)) or 1.0
    axes.set_ylim(min(ends) - room, max(ends) + room)
    _bar(axes, len(steps), 0.0, figures["edge_net_bps"], BLUE)
    axes.set_xticks(range(len(steps) + 1), [*(label for label, _ in steps), "net:\nPnL after fees"])
    axes.axhline(0, color=INK, lw=0.8)
    axes.set_ylabel("bps")
    axes.grid(visible=False, axis="x")
    return picture


def _bar(axes: Axes, place: int, bottom: float, height: float, colour: str) -> None:
    axes.bar(place, height, bottom=bottom, width=0.6, color=colour, alpha=0.88)
    up = height >= 0
    axes.annotate(
        signed_text(height, 3), (place, bottom + height), textcoords="offset points", xytext=(0, 4 if up else -4), ha="center",
        va="bottom" if up else "top", fontsize=8.5,
    )  # fmt: skip


def _over_run(run: RunFolder, *axes: Axes, label: bool = True) -> None:
    start, end = run.start_ts, run.end_ts
    for one in axes:
        canvas.time_axis(one, start, end, label and one is axes[-1])


def _dot(samples: Any) -> str:
    return "o" if len(samples) == 1 else ""


Draw = Callable[[RunFolder, Mapping[str, Any]], Picture]
# Name -> how it is drawn, and what the reader sees.
PLOTS: dict[str, tuple[Draw, str]] = {
    "equity": (equity, "Equity at the local mid, sampled, after and before fees; below, the distance from its highest."),
    "edge": (edge, "Where the net edge comes from; the bars add up."),
    "quotes": (quotes, "Mid with fills (hollow: taker), and our quotes against the market's spread in the shaded stretch, as sampled."),
    "inventory": (inventory, "Position at the exchange after each fill."),
    "markouts": (markouts, "Left: mid move since the fill, positive is against us. Right: fill price against the later mid; above the dashed line it pays the fees."),
    "queue": (queue, "Lots ahead of resting orders, as estimated by the queue model; dotted: no progress since joining."),
}  # fmt: skip
