"""A group that imports a command when it is called, and knows its line of help without that."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

import click

from simcore.commands.output import apart


class LazyGroup(click.Group):
    """Commands by name: ("module:attribute", the line that `--help` shows for it)."""

    def __init__(self, *arguments: Any, homes: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's interface
        return list(self.homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's interface
        if cmd_name not in self.homes:
            return None
        return _loaded(self.homes[cmd_name][0])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's interface
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.homes.items()])


@cache
def _loaded(home: str) -> click.Command:
    """Import a command; it, or each command of the group that it is, leaves stdout to results."""
    module, _, attribute = home.partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    for one in command.commands.values() if isinstance(command, click.Group) else (command,):
        assert one.callback is not None, "a group of a group has no commands of its own"
        one.callback = apart(one.callback)
    return command
