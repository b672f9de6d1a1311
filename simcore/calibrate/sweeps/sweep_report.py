"""What a sweep leaves in its folder: sweep.csv, sweep.json, report.md, report.html and a picture; and its table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simcore.calibrate.intervals import Interval
from simcore.calibrate.pages import Page, Section, refuse_used, write_page
from simcore.calibrate.sweeps.sweep import AXES, FEES, LATENCY, Crossing, Sweep
from simcore.door.arguments import PATH, made_by, public
from simcore.report.build import write_bytes
from simcore.report.pages import Table
from simcore.report.wording import plain, shown, signed_text, utc_text

if TYPE_CHECKING:
    from simcore.report.canvas import Picture

_AXIS_LABELS = {"ms": "latency, ms", "maker_bps": "maker fee, bps", "taker_bps": "taker fee, bps"}
_TURNOVER_FALL = 0.2  # share; with less of it net profits of the points are comparable


@public(sweep=made_by("Sweep", "a Sweep"), out=PATH)
def write_sweep(sweep: Sweep, out: Path | str) -> Path:
    """Write a sweep's files into an empty or new folder; the same sweep gives the same bytes. CAL-004, JRNL-005."""
    from simcore.report.canvas import png_bytes  # takes half a second

    folder = Path(out)
    refuse_used(folder)
    write_page(folder, page(sweep), {"sweep": png_bytes(draw_sweep(sweep))})
    write_bytes(folder / "sweep.csv", csv_text(sweep).encode())
    write_bytes(folder / "sweep.json", (json.dumps(figures(sweep), indent=2, allow_nan=False) + "\n").encode())
    return folder


def figures(sweep: Sweep) -> dict[str, Any]:
    """Return all of a sweep as JSON holds it, but its wall time: that is another one each time."""
    found = asdict(sweep)
    del found["wall_s"]
    for each, point in zip(found["points"], sweep.points, strict=True):
        for name in ("net", "net_bps", "change"):
            each[name] = _interval(getattr(point, name))
    return {**found, "verdict": verdict(sweep)}


def rows(sweep: Sweep) -> list[dict[str, Any]]:
    """Return a flat row a point: the columns of sweep.csv."""
    found = []
    for point in sweep.points:
        row: dict[str, Any] = dict(point.values)
        for name in ("net", "net_bps", "change"):
            interval = getattr(point, name)
            for end, value in (("", "estimate"), ("_low", "low"), ("_high", "high")):
                row[name + end] = None if interval is None else getattr(interval, value)
        for name in ("fills", "maker_fills", "taker_fills", "taker_share", "orders", "turnover", "fees", "max_drawdown"):
            row[name] = getattr(point, name)
        found.append(row)
    return found


def csv_text(sweep: Sweep) -> str:
    """Return sweep.csv: numbers as Python writes them, nothing for one that does not exist."""
    text = io.StringIO()
    table = rows(sweep)
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def console_table(sweep: Sweep) -> Table:
    """Return the main columns of `sweep_table`, for a terminal of 80 columns, and its note."""
    level = f"{100 * sweep.level:g} %"
    axes = [{"ms": "ms", "maker_bps": "maker", "taker_bps": "taker"}[axis] for axis in AXES[sweep.kind]]
    head = (*axes, f"net, {sweep.cash}", level, "net, bps", "fills", "taker, %")
    body = [
        (
            *(plain(point.values[axis]) for axis in AXES[sweep.kind]), plain(point.net.estimate, 4), _ends(point.net),
            shown(point.net_bps.estimate if point.net_bps else None, "bps"), shown(point.fills, "count"), shown(point.taker_share, "share"),
        )
        for point in sweep.points
    ]  # fmt: skip
    return Table("Points", head, body, (True,) * len(head), sweep_table(sweep).note)


def sweep_table(sweep: Sweep) -> Table:
    """Return the points as text."""
    level = f"{100 * sweep.level:g} %"
    head = (
        *(_AXIS_LABELS[axis] for axis in AXES[sweep.kind]), f"net, {sweep.cash}", level, "net, bps", level, "against the first",
        level, "fills", "taker, %", f"fees, {sweep.cash}",
    )  # fmt: skip
    body = []
    for i, point in enumerate(sweep.points):
        change = (plain(point.change.estimate, 4), _ends(point.change)) if i else ("", "")
        body.append(
            (
                *(plain(point.values[axis]) for axis in AXES[sweep.kind]), plain(point.net.estimate, 4), _ends(point.net),
                *((shown(point.net_bps.estimate, "bps"), _ends(point.net_bps, "bps")) if point.net_bps else ("—", "")),
                *change, shown(point.fills, "count"), shown(point.taker_share, "share"), plain(point.fees, 4),
            )
        )  # fmt: skip
    note = (
        f"Intervals at {level}: circular block bootstrap of {sweep.intervals:,} changes of equity, one each {plain(sweep.interval_s)} s, in blocks of {sweep.block}; "
        f"{sweep.repetitions:,} resamples, seed {sweep.seed}. Net is after fees, the final position at the last mid."
    )
    return Table("Points", head, body, (True,) * len(head), note)


def verdict(sweep: Sweep) -> list[str]:
    """Return what the sweep says, a sentence each: where profit changes its sign, and where its sign is known at all."""
    found = [_crossing_text(sweep, crossing) for crossing in sweep.crossings]
    if not sweep.crossings:
        signs = {point.net.estimate > 0.0 for point in sweep.points if point.net.estimate != 0.0}
        words = {(): "Nothing is earned or lost at any point.", (True,): "Net profit is positive at every point.", (False,): "Net profit is negative at every point."}
        found.append(words.get(tuple(sorted(signs)), "Net profit changes its sign at points where it is exactly 0."))
    if sweep.kind == FEES and not sweep.crossings and sweep.points[0].turnover > 0.0:
        first = sweep.points[0]
        found.append(f"Before fees the first point makes {shown(1e4 * (first.net.estimate + first.fees) / first.turnover, 'bps')} bps of its turnover.")
    found += _turnover_text(sweep)
    known = [point for point in sweep.points if point.net.excludes_zero]
    level = f"{100 * sweep.level:g} %"
    if not known:
        found.append(f"At no point is the sign of the net profit known at {level}: every interval holds 0.")
    elif len(known) < len(sweep.points):
        unknown = [_setting(sweep, point.values) for point in sweep.points if not point.net.excludes_zero]
        found.append(f"The sign is not known at {level} at {', '.join(unknown)}: the interval holds 0.")
    return found


def _turnover_text(sweep: Sweep) -> list[str]:
    """Return a sentence if the turnover of a latency sweep falls by more than _TURNOVER_FALL below the first point's."""
    first, least = sweep.points[0], min(sweep.points, key=lambda point: point.turnover)
    if sweep.kind != LATENCY or least.turnover >= (1.0 - _TURNOVER_FALL) * first.turnover:
        return []
    fall = f"{100.0 * (1.0 - least.turnover / first.turnover):.0f} % from {_setting(sweep, first.values)} to {_setting(sweep, least.values)}"
    return [f"Turnover falls by {fall}, and profit moved with turnover: net bps is the column to compare."]


def _crossing_text(sweep: Sweep, crossing: Crossing) -> str:
    way = "from profit to loss" if crossing.from_sign > 0 else "from loss to profit"
    text = f"Break-even is at about {_setting(sweep, crossing.values)} ({way}), on a straight line between the points beside it"
    if crossing.share is None:
        return text + "."
    low = "before the first point" if crossing.low is None else _setting(sweep, crossing.low)
    high = "beyond the last point" if crossing.high is None else _setting(sweep, crossing.high)
    return f"{text}; {100 * sweep.level:g} % interval from {low} to {high}; in {100 * crossing.share:.0f} % of the resamples it is between the points."


def _setting(sweep: Sweep, values: Mapping[str, float]) -> str:
    if sweep.kind == LATENCY:
        return f"{plain(values['ms'], 4)} ms"
    return f"{plain(values['maker_bps'], 4)} / {plain(values['taker_bps'], 4)} bps"


def page(sweep: Sweep) -> Page:
    """Return the page of a sweep."""
    title = f"{'Latency' if sweep.kind == LATENCY else 'Fees'}: {sweep.strategy} on {sweep.instrument['symbol']}"
    sub = f"{sweep.instrument['venue']} {sweep.instrument['symbol']}, {sweep.instrument['kind']} · {utc_text(sweep.start_ts)} to {utc_text(sweep.end_ts)} · {sweep.rows:,} rows"
    what = (
        f"Swept: the one-way latency of {', '.join(sweep.legs)}. A round trip is a request's and the response's together."
        if sweep.kind == LATENCY
        else "Swept: maker / taker fee, the same from the first fill on; a negative fee is a rebate."
    )
    about = [f"{name}: {value}" for name, value in (("configuration", sweep.config_hash), *((each["path"], each["content_hash"]) for each in sweep.tapes))]
    sections = (
        Section("What it says", verdict(sweep), picture="sweep", caption=_caption(sweep)),
        Section("Points", (what,), sweep_table(sweep)),
        Section("Rests on", about),
    )
    return Page(title, sub, sections, sweep.warnings, "Definitions: docs/sweeps.md of mmsim. Unrounded figures: sweep.csv and sweep.json.")


def _caption(sweep: Sweep) -> str:
    return f"Left: net profit; dashed: break-even, shaded: its interval. Middle: net profit less that of the first point. Right: fills, and the share of takers. Bars: {100 * sweep.level:g} % intervals."


def draw_sweep(sweep: Sweep) -> Picture:
    """Return the picture of a sweep: net profit, net edge, and fills by point."""
    from matplotlib import ticker

    from simcore.report import canvas

    with canvas.house_style():
        picture = canvas.new_picture(3.7)
        axes = picture.subplots(1, 3, gridspec_kw={"wspace": 0.32, "width_ratios": (1.35, 1.35, 1)})
        picture.subplots_adjust(left=0.075, right=0.935, top=0.86, bottom=0.2)
        places = _places(sweep)
        for each, title, points in (
            (axes[0], f"Net profit, {sweep.cash}", [point.net for point in sweep.points]),
            (axes[1], f"Against the first point, {sweep.cash}", [point.change for point in sweep.points]),
        ):
            _curve(each, places, points)
            each.set_title(title)
            each.axhline(0.0, color=canvas.MUTED, lw=0.8)
            each.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: plain(value, 4)))
        _mark_crossings(sweep, axes[0])
        _fills(sweep, axes[2], places)
        for each in axes:
            _label(sweep, each, places)
        return picture


def _places(sweep: Sweep) -> list[float]:
    """Return where points are drawn: at their latency; fees, which move in pairs, one after the other."""
    if sweep.kind == LATENCY:
        return [point.values["ms"] for point in sweep.points]
    return [float(i) for i in range(len(sweep.points))]


def _curve(axes: Any, at: list[float], points: list[Interval]) -> None:
    from simcore.report.canvas import BLUE

    low, high = ([getattr(point, end) for point in points] for end in ("low", "high"))
    axes.fill_between(at, low, high, color=BLUE, alpha=0.15, lw=0)
    axes.plot(at, [point.estimate for point in points], color=BLUE, marker="o", ms=4)
    axes.vlines(at, low, high, color=BLUE, lw=1.0)


def _mark_crossings(sweep: Sweep, axes: Any) -> None:
    from simcore.report.canvas import VERMILION

    for crossing in sweep.crossings:
        axes.axvline(_place_of(sweep, crossing.values), color=VERMILION, lw=1.1, ls="--")
        if crossing.share is not None:
            first, last = _places(sweep)[0], _places(sweep)[-1]
            low = first if crossing.low is None else _place_of(sweep, crossing.low)
            high = last if crossing.high is None else _place_of(sweep, crossing.high)
            axes.axvspan(low, high, color=VERMILION, alpha=0.08, lw=0)


def _place_of(sweep: Sweep, values: Mapping[str, float]) -> float:
    """Return where a setting between two points is drawn."""
    axis = next((name for name in AXES[sweep.kind] if sweep.points[0].values[name] != sweep.points[-1].values[name]), AXES[sweep.kind][0])
    known, places = [point.values[axis] for point in sweep.points], _places(sweep)
    for i in range(len(known) - 1):
        near, far = known[i], known[i + 1]
        if near != far and min(near, far) <= values[axis] <= max(near, far):
            return places[i] + (values[axis] - near) / (far - near) * (places[i + 1] - places[i])
    return places[-1]


def _fills(sweep: Sweep, axes: Any, places: list[float]) -> None:
    from simcore.report.canvas import GREEN, ORANGE, thousands

    axes.set_title("Fills", color=GREEN)
    axes.plot(places, [point.fills for point in sweep.points], color=GREEN, marker="o", ms=4)
    axes.set_ylim(bottom=0)
    thousands(axes.yaxis)
    share = axes.twinx()
    share.grid(visible=False)
    share.spines["right"].set_visible(False)
    share.plot(places, [100.0 * (point.taker_share or 0.0) for point in sweep.points], color=ORANGE, marker="s", ms=3.5, lw=1.0)
    share.set_ylim(0.0, max(1.0, 1.15 * max(100.0 * (point.taker_share or 0.0) for point in sweep.points)))
    share.set_ylabel("taker share, %", color=ORANGE)


def _label(sweep: Sweep, axes: Any, places: list[float]) -> None:
    if sweep.kind == LATENCY:
        if places[-1] > 10.0:
            axes.set_xscale("symlog", linthresh=1.0, linscale=0.6)
            axes.set_xlim(left=places[0] - 0.1, right=1.12 * places[-1])
        axes.set_xticks(places, [plain(place, 3) for place in places])
        axes.minorticks_off()
        axes.set_xlabel("one-way latency, ms")
        return
    labels = [f"{plain(point.values['maker_bps'], 3)}\n{plain(point.values['taker_bps'], 3)}" for point in sweep.points]
    axes.set_xticks(places, labels)
    axes.set_xlabel("maker / taker fee, bps")


def _ends(interval: Interval | None, unit: str = "") -> str:
    if interval is None:
        return ""
    low, high = (signed_text(end, 3) if unit == "bps" else plain(end, 4) for end in (interval.low, interval.high))
    return f"{low} … {high}"


def _interval(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else {"estimate": interval.estimate, "low": interval.low, "high": interval.high}
