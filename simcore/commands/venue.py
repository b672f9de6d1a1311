"""`mmsim venue …`: the profiles of exchanges, each value with its source."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from simcore.commands.options import JSON
from simcore.commands.output import print_figures, say


@click.group()
def venue() -> None:
    """List and show the profiles of exchanges."""


@venue.command("list")
@JSON
def venue_list(as_json: bool) -> None:
    """List the profiles, for `--venue NAME`."""
    from simcore.config.venue import profile, profile_names

    found = [profile(name) for name in profile_names()]
    if as_json:
        print_figures({each.name: {"title": each.title, "kind": each.kind} for each in found}, as_json)
    else:
        print_figures({each.name: f"{each.kind:<8} {each.title}" for each in found}, as_json)


@venue.command("show")
@click.argument("name")
@JSON
def venue_show(name: str, as_json: bool) -> None:
    """Show the values of a profile, with their sources and days."""
    from simcore.config.venue import profile

    found = profile(name)
    if as_json:
        print_figures(asdict(found), as_json)
        return
    say(f"{found.name}: {found.title} ({found.kind})")
    for title, entries in (("sets", found.values), ("beyond the configuration", found.facts)):
        say(f"\n{title}")
        for key, stated in entries.items():
            value = stated.value if isinstance(stated.value, str) else json.dumps(stated.value)
            say(f"  {key}: {value}\n      {stated.source}, {stated.date}")
            if stated.note:
                say(f"      {stated.note}")
