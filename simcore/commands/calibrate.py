"""`mmsim calibrate GRID DAY…`, and what else is fitted to data: `mmsim calibrate queue …`, `… latency …`."""

from __future__ import annotations

from typing import Any

import click

from simcore.commands.lazy import LazyGroup

# name: (where it is, the first line of its help).
SUBCOMMANDS: dict[str, tuple[str, str]] = {}


class DefaultGroup(LazyGroup):
    """A group whose first command is meant where no command is named: `calibrate GRID.yaml DAY` is `calibrate run …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default's name before arguments that begin with no command and ask for no help."""
        if args and args[0] not in self.homes and args[0] not in ctx.help_option_names:
            args = [next(iter(self.homes)), *args]
        return super().parse_args(ctx, args)


@click.group(cls=DefaultGroup, homes=SUBCOMMANDS)
def calibrate(**_: Any) -> None:
    """Search for the best parameters over days, and fit models to recorded fills and times."""
