"""What commands print: figures as lines or JSON, the summary of a run, a progress bar on stderr.

Stdout is for results alone. While a command runs, `sys.stdout` is stderr for everyone else: a strategy that prints does not
end up in the JSON object.
"""

from __future__ import annotations

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from simcore.door.shown import on_terminal, one_line
from simcore.errors import MmsimError

if TYPE_CHECKING:
    from rich.console import Console

    from simcore.report.pages import Table


_results: list[TextIO] = []  # stdout of the command that runs


def apart(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command that leaves stdout to `say` and `console`."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        _results.append(sys.stdout)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return command(*arguments, **options)
        finally:
            _results.pop()

    return run


def say(text: str, *, nl: bool = True) -> None:
    """Print a result, or a line of one, on stdout. Text may come from outside: what would steer the terminal is spelt out."""
    click.echo(on_terminal(text), file=_results[-1], nl=nl)


def terminal() -> Console:
    """Return what draws tables on stdout."""
    from rich.console import Console

    return Console(file=_results[-1])


def print_figures(figures: Mapping[str, Any], as_json: bool) -> None:
    """Print a result: one JSON object, or `name  value` lines."""
    if as_json:
        say(json.dumps(figures, allow_nan=False))
        return
    width = max(map(len, figures), default=0)
    for name, value in figures.items():
        shown = json.dumps(value) if isinstance(value, (dict, list, tuple, bool)) or value is None else value
        say(f"{name:<{width}}  {shown}")


def print_warning(text: str) -> None:
    """Print a warning on stderr."""
    click.echo(f"warning: {one_line(text)}", err=True)


def print_refusal(error: MmsimError) -> None:
    """Print a user error on stderr: code, title and cause on one line, the remedy on the next."""
    click.echo(f"error {error.code}: {error.title}: {one_line(error.cause)}\nremedy: {error.remedy}", err=True)


def print_summary(run_dir: Path, figures: Mapping[str, Any], as_json: bool) -> None:
    """Print what a report says of a run, of one symbol or several: the main figures as JSON, or tables and the folder."""
    from simcore.portfolio.kind import is_portfolio

    if is_portfolio(run_dir):
        from simcore.report.portfolio import portfolio_headline
        from simcore.report.portfolio_pages import portfolio_console as table

        main = portfolio_headline(figures)
    else:
        from simcore.report.console import console_table as table
        from simcore.report.statistics import headline

        main = headline(figures) | ({"band": figures["band"]} if figures["band"] else {})
    if as_json:
        print_figures(main, as_json)
        return
    terminal().print(table(figures))
    say(f"run folder: {run_dir}")


def print_table(table: Table, title: str) -> None:
    """Print a table of a report on the terminal."""
    from simcore.report.terminal import Sheet

    terminal().print(Sheet(title, table.head, table.rows, table.numeric))
    if table.note:
        say(table.note)


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
