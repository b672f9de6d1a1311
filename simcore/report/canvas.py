"""What all plots share: colours, sizes, time axes, and drawing no more points than a picture can show."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import dates, ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from simcore.records import IntArray
from simcore.units import NS_PER_S

# Okabe and Ito's palette: told apart with any kind of colour blindness.
BLUE, VERMILION, GREEN, SKY, ORANGE, PURPLE = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#E69F00", "#CC79A7"
BUY, SELL = BLUE, VERMILION
INK, MUTED, FAINT = "#1f2430", "#6b7280", "#e5e7eb"
WIDTH_IN, DPI = 10.0, 120
POINTS_MAX = 2_000  # a curve: about one low and one high a pixel column
MARKS_MAX = 3_000
STYLE: dict[str, Any] = {
    "figure.dpi": DPI, "savefig.dpi": DPI, "figure.facecolor": "white", "axes.facecolor": "white",
    "font.family": "DejaVu Sans", "font.size": 9.5, "text.color": INK, "axes.labelcolor": MUTED, "axes.labelsize": 9,
    "axes.titlesize": 10.5, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.titlepad": 9,
    "axes.titley": 1.0,  # said, not sought: matplotlib would lay out all labels twice to find what is in a title's way

    "axes.edgecolor": "#c4c9d2", "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.axisbelow": True, "grid.color": FAINT, "grid.linewidth": 0.8, "xtick.color": MUTED, "ytick.color": MUTED,
    "xtick.labelsize": 8.5, "ytick.labelsize": 8.5, "xtick.major.size": 3, "ytick.major.size": 0,
    "legend.frameon": False, "legend.fontsize": 8.5, "legend.handlelength": 1.6, "lines.linewidth": 1.3,
    "text.parse_math": False,  # names from outside may hold a `$`
    "lines.solid_joinstyle": "round", "agg.path.chunksize": 10_000,
}  # fmt: skip


class Picture(Figure):
    """A Figure that a notebook shows whether or not pyplot is loaded."""

    def _repr_png_(self) -> bytes:
        return png_bytes(self)


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with our style, whatever the user's matplotlibrc says, and leave his settings as they were."""
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # of a name: drawn as a box, told in full beside
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(STYLE)
        yield


def new_picture(height_in: float) -> Picture:
    """Return an empty picture of report width."""
    picture = Picture(figsize=(WIDTH_IN, height_in), dpi=DPI)
    FigureCanvasAgg(picture)
    return picture


def png_bytes(picture: Figure) -> bytes:
    """Return the PNG of a picture: the same bytes each time, no times or versions inside."""
    buffer = io.BytesIO()
    with house_style():
        picture.savefig(buffer, format="png", metadata={"Software": None}, pil_kwargs={"compress_level": 3})  # half the time
    return buffer.getvalue()


def extremes(values: Any, points_max: int = POINTS_MAX) -> IntArray:
    """Return indices that keep the shape of a curve: first, last, lowest and highest of each of many buckets."""
    count = len(values)
    if count <= points_max:
        return np.arange(count)
    width = -(-4 * count // points_max)
    whole = count // width * width
    blocks = np.asarray(values[:whole]).reshape(-1, width)
    starts = np.arange(0, whole, width)
    picks = (starts, starts + blocks.argmin(axis=1), starts + blocks.argmax(axis=1), starts + width - 1, np.array([count - 1]))
    return np.unique(np.concatenate(picks)).astype(np.int64)


def thinned(count: int, marks_max: int = MARKS_MAX) -> IntArray:
    """Return evenly spaced indices, at most marks_max of count."""
    return np.arange(0, count, max(-(-count // marks_max), 1))


def days(ts_ns: Any) -> Any:
    """Return matplotlib's day numbers of times in ns."""
    return np.asarray(ts_ns, dtype=np.int64) / (86_400.0 * NS_PER_S)


def time_axis(axes: Axes, start_ts: int, end_ts: int, label: bool = True) -> None:
    """Give an axis UTC times, and the date below."""
    pad = max((end_ts - start_ts) // 200, NS_PER_S // 10)
    axes.set_xlim(days(start_ts - pad), days(end_ts + pad))
    make: Any = dates  # matplotlib gives these two no types
    locator = make.AutoDateLocator(tz=UTC, minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    formatter = make.ConciseDateFormatter(locator, tz=UTC, show_offset=False)
    formatter.zero_formats[3] = "%d %b"
    axes.xaxis.set_major_formatter(formatter)
    if label:
        axes.set_xlabel(date_label(start_ts, end_ts))


def date_label(start_ts: int, end_ts: int) -> str:
    """Return the date or dates of a time axis."""
    first, last = (f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=ts // 1000):%Y-%m-%d}" for ts in (start_ts, end_ts))
    return f"UTC, {first}" if first == last else f"UTC, {first} to {last}"


def thousands(axis: Any) -> None:
    """Write an axis' numbers with separators and without offsets."""
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.12g}".replace("-", "\u2212")))


def plain_log_axis(axis: Any) -> None:
    """Give an axis a few plain numbers, also one that is logarithmic and spans less than a power of ten."""
    axis.set_major_locator(ticker.MaxNLocator(5))
    axis.set_minor_locator(ticker.NullLocator())
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:.6g}"))


def powers_axis(axis: Any) -> None:
    """Give a logarithmic axis of several powers plain numbers: matplotlib's own are formulas, which plots here do not read."""
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def legend_above(axes: Axes, columns: int = 4) -> None:
    """Put the legend at the right of the title line, where it hides nothing."""
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=columns, borderaxespad=0.2, columnspacing=1.4)


def say_nothing_to_show(axes: Axes, reason: str) -> None:
    """Say on an empty plot why it is empty."""
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=11)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.xaxis.set_major_formatter(ticker.NullFormatter())  # that of a time axis fails without ticks
    axes.grid(visible=False)
