"""Command lines with a path at each place that takes one, from the commands' own declarations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

Places = Callable[[Path, Path], list[list[str]]]
_HEAVY = {("bench",), ("published",)}  # measure or derive for minutes
# What a command needs beside its paths, so that it comes as far as to open them.
_NEEDED = {
    "format_name": ["--format", "binance"], "strategy": ["--strategy", "demo_maker"], "to_ts": ["--to", "2024-01-01T00:00:01Z"], "at": ["--at", "0"],
    "symbol": ["--symbol", "X"], "tick_size": ["--tick-size", "0.5"], "duration_s": ["--duration", "1"],
}  # fmt: skip


def path_arguments(group: click.Group, prefix: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Places]]:
    """Return (words, lines) of each command that takes paths: lines(path, tape) puts it at one place at a time."""
    found: list[tuple[tuple[str, ...], Places]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        words = (*prefix, name)
        if isinstance(command, click.Group):
            found += path_arguments(command, words)
        elif words not in _HEAVY and any(_is_path(each) for each in command.params):
            found.append((words, _places(command)))
    return found


def _is_path(parameter: click.Parameter) -> bool:
    return isinstance(parameter.type, click.Path)


def _places(command: click.Command) -> Places:
    places = [each for each in command.params if _is_path(each)]

    def lines(path: Path, tape: Path) -> list[list[str]]:
        return [_line(command, at, path, tape) for at in places]

    return lines


def _line(command: click.Command, at: click.Parameter, path: Path, tape: Path) -> list[str]:
    """Return the arguments: the path at one place, a tape (or a new name) at the others that are required."""
    line: list[str] = []
    for each in command.params:
        value = str(path) if each is at else str(tape) if isinstance(each, click.Argument) else "new.parquet"
        if isinstance(each, click.Argument):
            line.append(value if _is_path(each) else "x")
        elif each is at or (each.required and _is_path(each)):
            line += [each.opts[0], value]
        elif each.name in _NEEDED and each.opts[0] == _NEEDED[each.name][0]:
            line += _NEEDED[each.name]
    return line
