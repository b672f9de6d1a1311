"""`mmsim ab`: test one configuration against another on recorded days."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simcore.commands.options import JSON, SETS, VENUE, pairs
from simcore.commands.output import print_figures, print_warning, progress, say, terminal

if TYPE_CHECKING:
    from simcore.config import Config

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("days", metavar="DAY…", nargs=-1, required=True, type=_FILE)
@click.option("--a", "a_path", metavar="YAML", required=True, type=_FILE, help="Configuration A: what trades today.")
@click.option("--b", "b_path", metavar="YAML", required=True, type=_FILE, help="Configuration B: what may replace it.")
@click.option("--split", type=float, help="Share of units that go to B, percent; default 50.")
@click.option("--route", metavar="symbol|day|window", help="What goes to an arm as one unit; default day: a symbol's day.")
@click.option("--salt", help="Text that changes which units go to B.")
@click.option("--window", "window_s", metavar="SECONDS", type=int, help="Length of the time windows; default 300.")
@click.option("--gate", "gates", metavar="NAME=VALUE", multiple=True, help="A setting of the safety gates, such as slippage_bps=0.2 or sustain_s=900; repeatable.")
@click.option("--settings", "settings_path", metavar="YAML", type=_FILE, help="File with a section `ab:` of settings (docs/ab.md).")
@SETS
@VENUE
@click.option("--out", type=_FILE, help="Folder for the report; default: a new one under reports/.")
@JSON
def ab(
    days: tuple[Path, ...], a_path: Path, b_path: Path, gates: tuple[str, ...], settings_path: Path | None, sets: tuple[str, ...],
    venue: str | None, out: Path | None, as_json: bool, **choices: Any,
) -> None:  # fmt: skip
    """Test configuration B against A on recorded days.

    DAY… are tapes of one or several symbols, in any order. Both configurations are played on all of them; --set and
    --venue hold for both. The report says how they differ, what would have been live, and when the safety gates would
    have rolled B back.
    """
    a, b = (_config(path, sets, venue) for path in (a_path, b_path))
    from simcore.calibrate.ab.settings import load_settings

    chosen = {name: value for name, value in choices.items() if value is not None}
    settings = load_settings(settings_path, {**chosen, **{f"gates.{name}": _value(value) for name, value in pairs(gates, "--gate").items()}})
    from simcore.calibrate.ab.pages import console
    from simcore.calibrate.ab.report import write_ab

    with progress() as shown:
        made = write_ab(days, a, b, settings, out, progress=shown)
    if as_json:
        print_figures({**made.figures, "folder": str(made.folder)}, as_json)
        return
    terminal().print(console(made.figures))
    say(f"report: {made.folder / 'report.html'}")


def _config(path: Path, sets: tuple[str, ...], venue: str | None) -> Config:
    """Return a configuration; must run before the compiler is imported."""
    from simcore.config import load_config

    made = load_config(path, sets, {} if venue is None else {"venue.name": venue}, os.environ, print_warning)
    if made.run.checked:
        os.environ["MMSIM_CHECKED"] = "1"  # read by simcore.jit when it is imported
    return made


def _value(text: str) -> Any:
    """Return the value of a text as YAML has it."""
    from simcore.config.yaml_text import parse_yaml

    return parse_yaml(text, "--gate", "CONF-005")
