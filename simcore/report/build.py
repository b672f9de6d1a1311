"""Build a run's report: summary.json, report.html, report.md and, if drawn, plots/*.png; the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcore.door.arguments import FLAG, PATH, optional, public
from simcore.errors import JournalError
from simcore.files import write_atomic
from simcore.journal import note as notes
from simcore.portfolio.kind import is_portfolio
from simcore.report.folder import open_run
from simcore.report.html import render_html
from simcore.report.markdown import render_markdown
from simcore.report.pages import context
from simcore.report.pictures import NAMES, NONE, draw_run, remove_others
from simcore.report.stages import FILE as STAGES_FILE
from simcore.report.stages import stage_timings, stages_text
from simcore.report.statistics import summarise
from simcore.sealed import sealed


@dataclass(frozen=True)
class ReportFiles:
    """Where the report is. figures: the summary, unrounded. plots: name -> PNG."""

    summary: Path
    html: Path
    markdown: Path
    plots: Mapping[str, Path]
    figures: Mapping[str, Any]

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them, and stages.json where there is one."""
        stages = self.summary.with_name(STAGES_FILE)
        return (self.summary, self.html, self.markdown, *self.plots.values(), *([stages] if stages.exists() else []))


@public(run_dir=PATH, pictures=optional(FLAG))
def build_report(run_dir: Path | str, pictures: bool | None = None) -> ReportFiles:
    """Write the report of a finished run, of one symbol or several, into its folder, each file whole or not at all.

    pictures: whether to draw them. None: those of the run itself; of several symbols the common ones, not each symbol's,
    which take a second a symbol. Those of an earlier report that are not drawn again are removed.
    Raises JournalError JRNL-001 (no run), JRNL-005 (cannot write), JRNL-007 (a file is damaged), ReportError REP-001.
    """
    if is_portfolio(run_dir):
        from simcore.report.portfolio_pages import build_portfolio_report

        return build_portfolio_report(run_dir, pictures)
    run = open_run(run_dir)
    figures = summarise(run)
    timings = stage_timings(run.path)
    drawn, captions = NONE if pictures is False else draw_run(run, figures)
    page = context(run, figures, captions, timings)
    links = {name: f"plots/{name}.png" for name in drawn}
    files = ReportFiles(
        run.path / "summary.json", run.path / "report.html", run.path / "report.md",
        {name: run.path / link for name, link in links.items()}, figures,
    )  # fmt: skip
    for name, data in drawn.items():
        write_bytes(files.plots[name], data)
    if timings is not None:
        write_bytes(run.path / STAGES_FILE, stages_text(timings).encode())
    write_bytes(files.markdown, render_markdown(page, links).encode())
    write_bytes(files.html, render_html(page, drawn).encode())
    write_bytes(files.summary, summary_text(figures).encode())
    remove_others(files.plots, run.path / "plots", NAMES)
    notes.write_report_hashes(run.path, files.paths)
    return files


def summary_text(figures: Mapping[str, Any]) -> str:
    """Return summary.json, with its hash. run_dir is ".", so that a folder can be moved and its report rebuilt to the same bytes."""
    return json.dumps(sealed({**figures, "run_dir": "."}), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file of a report, whole or not at all. JRNL-005 if the disk refuses."""
    try:
        write_atomic(path, lambda temporary: _fill(temporary, data))
    except OSError as exc:
        raise JournalError("JRNL-005", f"{path}: {exc}") from exc


def _fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)
