"""What a data set says of itself: what was read, refused and dropped, missing days, and how its columns are distributed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from simcore.calibrate.datasets.build import DataSet
from simcore.calibrate.datasets.files import FILLS, TICKS
from simcore.calibrate.datasets.intervals import DROPS, FEATURES, MORE, TARGETS
from simcore.calibrate.datasets.rows import FILTERS
from simcore.calibrate.pages import Page, Section, write_page
from simcore.report.pages import Table
from simcore.report.wording import ABSENT, day_text, plain, shown

_QUANTILES = (0.05, 0.5, 0.95)
_MISSING_SHOWN = 60
FEW_ROWS = 100


def summary(found: DataSet) -> dict[str, Any]:
    """Return all counts and distributions, as JSON holds them."""
    return {
        "rows": found.rows,
        "interval_s": found.interval_s,
        "from": day_text(found.from_day),
        "to": day_text(found.to_day),
        "limits": found.limits._asdict(),
        "symbols": sorted({str(symbol) for symbol in found.columns["symbol"]}),
        "read": found.read,
        "refused": found.refused,
        "dropped": found.dropped,
        "missing_days": [{"instrument": name, "day": day, "missing": what} for name, day, what in found.missing],
        "overlaps": [{"instrument": name, "day": day, "kind": kind} for name, day, kind in found.overlaps],
        "distributions": {name: distribution(found.columns[name]) for name in (*TARGETS, *FEATURES, *MORE)},
        "files": [{"kind": file.kind, "instrument": file.instrument, "day": day_text(file.day), "name": file.path.name} for file in found.files],
        "warnings": warnings(found),
    }


def distribution(values: Any) -> dict[str, float | int | None]:
    """Return count, mean, standard deviation, least, quantiles and largest of the values that there are; null without any."""
    known = values[~np.isnan(values)]
    names = ("mean", "deviation", "min", "p5", "p50", "p95", "max")
    if not len(known):
        return {"count": 0, **dict.fromkeys(names)}
    mean = math.fsum(known.tolist()) / len(known)
    rest = math.fsum(((known - mean) * (known - mean)).tolist())
    deviation = math.sqrt(rest / (len(known) - 1)) if len(known) > 1 else None
    figures = (mean, deviation, float(known.min()), *map(float, np.quantile(known, _QUANTILES)), float(known.max()))
    return {"count": len(known), **dict(zip(names, figures, strict=True))}


def warnings(found: DataSet) -> list[str]:
    """Return what a reader must know before he uses the data set."""
    said = []
    if found.rows < FEW_ROWS:
        said.append(f"Only {found.rows:,} intervals: too few to fit anything to.")
    if found.missing:
        said.append(f"{len(found.missing):,} days of an instrument lack a feed: they have no rows. See Missing days.")
    for kind, refused in found.refused.items():
        total = sum(refused.values())
        if found.read[kind] and total > 0.01 * found.read[kind]:
            said.append(f"{total:,} of {found.read[kind]:,} {kind} were refused by filters, more than 1 %.")
    total = found.rows + sum(found.dropped.values())
    if sum(found.dropped.values()) > 0.5 * total:
        said.append(f"{sum(found.dropped.values()):,} of {total:,} intervals were dropped, more than half.")
    for name, day, kind in found.overlaps:
        said.append(f"{name} {day}: files of {kind} overlap in time. Rows that are alike count once; rows of two different runs do not belong in one data set.")
    return said


def write_report(found: DataSet, folder: Path) -> None:
    """Write report.md, report.html and the picture. JRNL-005 if the disk refuses."""
    from simcore.report.canvas import png_bytes  # takes half a second

    write_page(folder, page(found), {"targets": png_bytes(draw_targets(found))})


def page(found: DataSet) -> Page:
    """Return the page of a data set."""
    symbols = sorted({str(symbol) for symbol in found.columns["symbol"]})
    days = f"{day_text(found.from_day)} to {day_text(found.to_day - 1)}"
    sub = f"{found.rows:,} intervals of {found.interval_s:,} s · {', '.join(symbols)} · {days} · {len(found.files):,} feed files"
    sections = [
        Section("Rows", ("What the feeds held, and what filters refused; each row counts for the first filter that refuses it.",), filter_table(found)),
        Section("Intervals", ("Intervals with a fill or a tick; each counts for the first reason.",), drop_table(found)),
        Section("Targets", table=distribution_table(found, "Targets", TARGETS), picture="targets", caption="How the targets are distributed over the intervals; the lowest and highest 1 % are in the outer bars. Line: median."),
        Section("Features", table=distribution_table(found, "Features", FEATURES)),
        Section("What else is in a row", table=distribution_table(found, "More", MORE)),
    ]  # fmt: skip
    if found.missing:
        sections.append(Section("Missing days", table=missing_table(found)))
    return Page("Data set", sub, sections, warnings(found), "Definitions: docs/sweeps.md of mmsim. All counts: summary.json; the rows: dataset.parquet, dataset.json.")


def filter_table(found: DataSet) -> Table:
    """Return rows by filter."""
    rows = [(name.replace("_", " "), *(f"{found.refused[kind][name]:,}" for kind in (FILLS, TICKS)), what) for name, what in FILTERS.items()]
    left = [found.read[kind] - sum(found.refused[kind].values()) for kind in (FILLS, TICKS)]
    body = [("read", *(f"{found.read[kind]:,}" for kind in (FILLS, TICKS)), ""), *rows, ("used", *(f"{each:,}" for each in left), "")]
    return Table("Rows", ("", "fills", "ticks", ""), body, (False, True, True, False))


def drop_table(found: DataSet) -> Table:
    """Return intervals by reason."""
    total = found.rows + sum(found.dropped.values())
    rows = [(name.replace("_", " "), f"{found.dropped[name]:,}", what) for name, what in DROPS.items()]
    return Table("Intervals", ("", "intervals", ""), [("seen", f"{total:,}", ""), *rows, ("in the data set", f"{found.rows:,}", "")], (False, True, False))


def distribution_table(found: DataSet, title: str, names: tuple[str, ...]) -> Table:
    """Return how columns are distributed."""
    rows = []
    for name in names:
        told = distribution(found.columns[name])
        figures = (told[key] for key in ("mean", "deviation", "min", "p5", "p50", "p95", "max"))
        rows.append((name, shown(told["count"], "count"), *(ABSENT if value is None else plain(float(value), 4) for value in figures)))
    head = ("", "known", "mean", "st. dev.", "least", "5 %", "median", "95 %", "largest")
    return Table(title, head, rows, (False, *(True,) * 8))


def missing_table(found: DataSet) -> Table:
    """Return days without a file."""
    rows = [(name, day, what) for name, day, what in found.missing[:_MISSING_SHOWN]]
    more = len(found.missing) - len(rows)
    return Table("Missing days", ("instrument", "day", "no file of"), rows, (False, False, False), f"{more:,} more are in summary.json." if more else "")


def draw_targets(found: DataSet) -> Any:
    """Return the histograms of the targets."""
    from simcore.report import canvas

    with canvas.house_style():
        picture = canvas.new_picture(3.0)
        axes = picture.subplots(1, len(TARGETS), gridspec_kw={"wspace": 0.28})
        picture.subplots_adjust(left=0.06, right=0.98, top=0.85, bottom=0.13)
        for each, name in zip(axes, TARGETS, strict=True):
            values = found.columns[name]
            low, high = np.quantile(values, (0.01, 0.99))
            if low == high:
                low, high = low - 0.5, high + 0.5
            each.hist(np.clip(values, low, high), bins=30, range=(low, high), color=canvas.BLUE, alpha=0.85)
            each.axvline(float(np.median(values)), color=canvas.VERMILION, lw=1.2)
            each.set_title(name.replace("_", " "))
            canvas.thousands(each.xaxis)
        axes[0].set_ylabel("intervals")
        return picture
