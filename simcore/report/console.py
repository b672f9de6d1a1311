"""The summary on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from simcore.door.shown import rich_text
from simcore.report.pages import band_table, target_table
from simcore.report.wording import CONSOLE, FIGURES, fee_sentence, line, plain, speed_text

if TYPE_CHECKING:
    from rich.console import RenderableType


def console_table(figures: Mapping[str, Any]) -> RenderableType:
    """Return a run's main figures as a rich table, with its warnings below: `rich.console.Console().print(…)`."""
    from rich import box
    from rich.console import Group
    from rich.table import Table

    title = f"{figures['strategy'] or 'run'} on {figures['venue']} {figures['symbol']} ({figures['kind']}), {figures['start']}, {plain(figures['duration_s'])} s"
    table = Table(title=rich_text(title), title_justify="left", box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for key in CONSOLE:
        shown = line(figures, FIGURES[key])
        table.add_row(rich_text(shown.label), rich_text(shown.value, _style(key, figures[key])), rich_text(shown.unit), rich_text(shown.why or shown.note))
    pace = f"{figures['rows']:,} rows in {plain(figures['wall_s'], 3)} s, {' '.join(speed_text(figures['rows_per_s']))}"
    verdicts = [f"{label}: {value}, target {target}: {verdict}" for label, target, value, verdict in target_table(figures).rows]
    goals = [rich_text(text, "green" if text.endswith(": met") else "red") for text in verdicts]
    failure = [rich_text(f"! {text}", "bold red") for text in figures["warnings"] if figures["status"] == "failed"][:1]
    notes = [rich_text(f"! {text}", "yellow") for text in figures["warnings"][len(failure) :]]
    return Group(*failure, table, *_band(figures), rich_text(fee_sentence(figures)), *goals, *notes, rich_text(pace), rich_text(f"digest {figures['digest']}", "dim"))


def _band(figures: Mapping[str, Any]) -> list[RenderableType]:
    """Return the main columns of the fill band, nothing for a run without one."""
    from simcore.report.terminal import Sheet

    found = band_table(figures)
    if not found.rows:
        return []
    chosen = [i for i, head in enumerate(found.head) if not head.startswith(("turnover", "drawdown"))]  # a terminal is 80 wide
    rows = [[row[i] for i in chosen] for row in found.rows]
    return [Sheet("Fill band", [found.head[i] for i in chosen], rows, [found.numeric[i] for i in chosen])]


def _style(key: str, value: Any) -> str:
    if key not in ("pnl", "net_bps") or not value:
        return ""
    return "green" if value > 0 else "red"
