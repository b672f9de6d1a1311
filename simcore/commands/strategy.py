"""`mmsim strategy …`: list, show and begin strategies."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simcore.commands.options import JSON
from simcore.commands.output import print_figures, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simcore.strategy_files import Parameter


@click.group()
def strategy() -> None:
    """List and show strategies, and begin a new one."""


@strategy.command("list")
@JSON
def strategy_list(as_json: bool) -> None:
    """List the strategies that come with mmsim, for `--strategy NAME`."""
    from simcore.strategy_files import titles

    print_figures(titles(), as_json)


@strategy.command("show")
@click.argument("name", metavar="NAME|FILE")
@JSON
def strategy_show(name: str, as_json: bool) -> None:
    """Show a strategy's idea, its stages, and every parameter with its default."""
    from simcore.strategy_files import describe

    found = describe(name)
    if as_json:
        print_figures(asdict(found), as_json)
        return
    say(f"{found.docs.rstrip()}\n\n{found.path}, {'stages' if found.form == 'stages' else 'a Python class'}")
    _print_parameters(found.parameters)
    for number, stage in enumerate(found.stages, 1):
        say(f"\n{number}. {stage.name}: {stage.docs} ({stage.function})")
        if stage.parameters_docs:
            say(f"   {stage.parameters_docs}")
        _print_parameters(stage.parameters)


def _print_parameters(parameters: Iterable[Parameter]) -> None:
    shown = [(each.key, f"{each.default:g}", each.docs) for each in parameters]
    widths = [max((len(row[i]) for row in shown), default=0) for i in range(2)]
    for key, default, docs in shown:
        say(f"   {key:<{widths[0]}}  {default:>{widths[1]}}  {docs}".rstrip())


@strategy.command("new")
@click.argument("name")
@click.option("--python", "is_python", is_flag=True, help="A plain Python class (on_tick, on_fill) instead of compiled stages.")
@click.option("--out", type=click.Path(path_type=Path), default=Path(), show_default="here", help="Folder of the file.")
@JSON
def strategy_new(name: str, is_python: bool, out: Path, as_json: bool) -> None:
    """Write NAME.py: a strategy that runs at once, to be changed."""
    from simcore.strategy_files import create

    path = create(name, out, is_python)
    if as_json:
        print_figures({"path": str(path)}, as_json)
        return
    say(f"{path}\nmmsim replay datasets/synbtc-perp-20240101-l2.parquet --strategy {path}")
