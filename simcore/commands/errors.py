"""`mmsim errors`: the codes of what users can do wrong."""

from __future__ import annotations

import click

from simcore.commands.options import JSON
from simcore.commands.output import print_figures, say
from simcore.errors import CODES


@click.command()
@click.argument("code", required=False)
@JSON
def errors(code: str | None, as_json: bool) -> None:
    """List the error codes, or explain one."""
    if code is not None and code.upper() not in CODES:
        raise click.UsageError(f"no such code: {code}; `mmsim errors` lists them")
    chosen = CODES if code is None else {code.upper(): CODES[code.upper()]}
    if as_json:
        print_figures({name: {"title": title, "remedy": remedy} for name, (title, remedy) in chosen.items()}, as_json)
    for name, (title, remedy) in () if as_json else chosen.items():
        say(f"{name:<10} {title}\n{'':<10} {remedy}")
