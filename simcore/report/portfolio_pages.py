"""The pages of a portfolio run: report.html, report.md, and the table on a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simcore.door.shown import rich_text
from simcore.journal import note as notes
from simcore.report.build import ReportFiles, build_report, summary_text, write_bytes
from simcore.report.html import render_html
from simcore.report.markdown import render_markdown
from simcore.report.pages import Table
from simcore.report.pictures import NONE, PORTFOLIO_NAMES, draw_portfolio, remove_others
from simcore.report.portfolio import PortfolioFolder, open_portfolio, summarise_portfolio
from simcore.report.wording import plain, shown, speed_text

if TYPE_CHECKING:
    from rich.console import RenderableType

PAGE = "portfolio"
_ON_PAPER_ONLY = ("symbols", "funding", "gross, bps", "adverse 1 s, bps", "fees", "orders")  # a terminal is 80 wide


def build_portfolio_report(run_dir: Path | str, pictures: bool | None = None) -> ReportFiles:
    """Write the report of a finished portfolio run, and that of each symbol, each file whole or not at all.

    Pictures and what is raised: as `build_report`.
    """
    opened = open_portfolio(run_dir)
    figures = summarise_portfolio(opened)
    for part in opened.parts:
        build_report(part.folder, pictures is True)
    drawn, captions = NONE if pictures is False else draw_portfolio(opened, figures)
    page = context(opened, figures, captions)
    links = {name: f"plots/{name}.png" for name in drawn}
    path = opened.path
    files = ReportFiles(
        path / "summary.json", path / "report.html", path / "report.md", {name: path / link for name, link in links.items()}, figures
    )
    for name, data in drawn.items():
        write_bytes(files.plots[name], data)
    write_bytes(files.markdown, render_markdown(page, links, PAGE).encode())
    write_bytes(files.html, render_html(page, drawn, PAGE).encode())
    write_bytes(files.summary, summary_text(figures).encode())
    remove_others(files.plots, path / "plots", PORTFOLIO_NAMES)
    notes.write_report_hashes(path, files.paths)
    return files


def context(opened: PortfolioFolder, figures: Mapping[str, Any], captions: Mapping[str, str]) -> dict[str, Any]:
    """Return what the templates use."""
    tapes = [str(tape["path"]) for run in opened.runs for tape in run.note["tapes"]]
    return {
        "figures": figures,
        "title": f"{figures['strategy']} on {figures['symbols']} symbols",
        "totals": total_table(figures),
        "symbols": symbol_table(figures),
        "allocation": allocation_table(figures),
        "links": [(part.name, f"{part.folder.name}/report.html") for part in opened.parts],
        "followers": [(part.name, opened.names.get(part.leader, part.leader)) for part in opened.parts if part.leader],
        "identity": [(key, str(figures[key])) for key in ("digest", "strategy", "seed", "config_hash", "mmsim")],
        "command": shlex.join(["mmsim", "replay", *tapes, "--config", "config.yaml", "--out", "NEW_FOLDER"]),
        "config": notes.checked(opened.path, notes.CONFIG).read_text(encoding="utf-8"),
        "captions": captions,
        "duration": plain(figures["duration_s"]),
        "speed": speed_text(figures["rows_per_s"]),
    }


def total_table(figures: Mapping[str, Any]) -> Table:
    """Money by currency."""
    rows = [
        (
            row["currency"], shown(row["symbols"], "count"), shown(row["pnl"], "cash"), shown(row["net_bps"], "bps"),
            shown(row["fees"], "cash"), shown(row["funding"], "cash"), shown(row["turnover"], "cash"), shown(row["max_drawdown"], "cash"),
        )
        for row in figures["by_currency"]
    ]  # fmt: skip
    head = ("", "symbols", "PnL after fees", "net, bps", "fees", "funding", "turnover", "largest drawdown")
    return Table("Totals", head, rows, (False, *(True,) * 7))


def symbol_table(figures: Mapping[str, Any]) -> Table:
    """One row a symbol."""
    rows = [
        (
            row["symbol"], shown(row["pnl"], "cash"), row["currency"], shown(row["net_bps"], "bps"), shown(row["gross_bps"], "bps"),
            shown(row["adverse_bps_1s"], "bps"), shown(row["turnover"], "cash"), shown(row["fees"], "cash"), shown(row["orders"], "count"),
            shown(row["fills"], "count"), shown(row["position"]), row["size"],
        )
        for row in figures["by_symbol"]
    ]  # fmt: skip
    head = ("", "PnL after fees", "", "net, bps", "gross, bps", "adverse 1 s, bps", "turnover", "fees", "orders", "fills", "position", "")
    return Table("Symbols", head, rows, (False, True, False, *(True,) * 8, False))


def allocation_table(figures: Mapping[str, Any]) -> Table:
    """What the allocator made of each symbol; no rows without barriers."""
    rows = [
        (
            row["symbol"], shown(row["score"]), shown(row["weight"]), shown(row["weight_low"]), shown(row["weight_high"]),
            shown(row["blocked_share"], "share"),
        )
        for row in figures["by_symbol"]
        if figures["barriers"]
    ]  # fmt: skip
    head = ("", "last score", "last weight", "lowest", "highest", "blocked, % of barriers")
    return Table("Allocation", head, rows, (False, *(True,) * 5))


def portfolio_console(figures: Mapping[str, Any]) -> RenderableType:
    """Return the main figures as rich tables: `rich.console.Console().print(…)`."""
    from rich.console import Group

    from simcore.report.terminal import Sheet

    def drawn(table: Table, title: str) -> Sheet:
        chosen = [i for i, head in enumerate(table.head) if head not in _ON_PAPER_ONLY]
        rows = [[row[i] for i in chosen] for row in table.rows]
        return Sheet(title, [table.head[i] for i in chosen], rows, [table.numeric[i] for i in chosen])

    title = f"{figures['strategy']} on {figures['symbols']} symbols, {figures['start']}, {plain(figures['duration_s'])} s"
    pace = f"{figures['rows']:,} rows in {plain(figures['wall_s'], 3)} s, {' '.join(speed_text(figures['rows_per_s']))}"
    allocation = [drawn(allocation_table(figures), "Allocation")] if figures["barriers"] else []
    return Group(
        drawn(total_table(figures), title), drawn(symbol_table(figures), "Symbols"), *allocation, rich_text(pace),
        rich_text(f"digest {figures['digest']}", "dim"),
    )  # fmt: skip
