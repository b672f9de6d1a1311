"""What commands print: figures as lines or JSON, the summary of a run, a progress bar on stderr."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simcore.errors import MmsimError

if TYPE_CHECKING:
    from simcore.report.pages import Table


def print_figures(figures: Mapping[str, Any], as_json: bool) -> None:
    """Print a result: one JSON object, or `name  value` lines."""
    if as_json:
        click.echo(json.dumps(figures, allow_nan=False))
        return
    width = max(map(len, figures), default=0)
    for name, value in figures.items():
        shown = json.dumps(value) if isinstance(value, (dict, list, tuple, bool)) or value is None else value
        click.echo(f"{name:<{width}}  {shown}")


def print_warning(text: str) -> None:
    """Print a warning on stderr."""
    click.echo(f"warning: {text}", err=True)


def print_refusal(error: MmsimError) -> None:
    """Print a user error on stderr: code, title and cause on one line, the remedy on the next."""
    click.echo(f"error {error.code}: {error.title}: {' '.join(error.cause.split())}\nremedy: {error.remedy}", err=True)


def print_summary(run_dir: Path, as_json: bool) -> None:
    """Print a run's figures, of one symbol or several: the main ones as JSON, or tables and the folder."""
    from simcore.portfolio.kind import is_portfolio

    if is_portfolio(run_dir):
        from simcore.report.portfolio import open_portfolio, portfolio_headline, summarise_portfolio
        from simcore.report.portfolio_pages import portfolio_console as table

        figures = summarise_portfolio(open_portfolio(run_dir))
        main = portfolio_headline(figures)
    else:
        from simcore.report.console import console_table as table
        from simcore.report.statistics import headline, summary

        figures = summary(run_dir)
        main = headline(figures) | ({"band": figures["band"]} if figures["band"] else {})
    if as_json:
        print_figures(main, as_json)
        return
    from rich.console import Console

    Console().print(table(figures))
    click.echo(f"run folder: {run_dir}")


def print_table(table: Table, title: str) -> None:
    """Print a table of a report on the terminal."""
    from rich.console import Console

    from simcore.report.terminal import Sheet

    Console().print(Sheet(title, table.head, table.rows, table.numeric))
    if table.note:
        click.echo(table.note)


@contextlib.contextmanager
def progress() -> Iterator[Callable[[Any], None] | None]:
    """Give a callback that draws a bar on stderr, or None when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=None, speed="starting…")

        def show(now: Any) -> None:
            speed = f"{now.rows_per_s / 1e6:,.1f} M rows/s"
            if getattr(now, "compiling", False):
                speed = "compiling the engine, once…"
            bar.update(task, total=now.total_rows, completed=now.rows, speed=speed)

        yield show
