"""Arguments and options that several commands share, and the configuration that they ask for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simcore.commands.output import print_warning

if TYPE_CHECKING:
    from simcore.config import Config, Resolved

TAPES = click.argument("tapes", metavar="TAPE…", nargs=-1, required=True, type=click.Path(path_type=Path))
TAPE = click.argument("tape", metavar="TAPE", type=click.Path(path_type=Path))
RUN = click.argument("run_dir", metavar="RUN", type=click.Path(path_type=Path))
CONFIG = click.option("--config", "config_path", metavar="YAML", type=click.Path(path_type=Path), help="Configuration file (docs/config.md).")
SETS = click.option("--set", "sets", metavar="KEY=VALUE", multiple=True, help="Set one configuration key; repeatable.")
VENUE = click.option("--venue", metavar="NAME", help="Rules and fees of an exchange: `mmsim venue list` (docs/venues.md).")
JOBS = click.option("--jobs", metavar="N", type=click.IntRange(1), help="Worker processes for several symbols; default: as many as are quickest. The result is the same.")
OUT = click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="New folder of the results; default: one under reports/.")
PICTURES = click.option(
    "--pictures/--no-pictures", default=None,
    help="Draw the report's pictures; default: those of the run, of several symbols the common ones without each symbol's own.",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


def chosen_config(**options: Any) -> Config:
    """Return the configuration that the options ask for; must run before the compiler is imported."""
    config = resolved(**options).config
    if config.run.checked:
        os.environ["MMSIM_CHECKED"] = "1"  # read by simcore.jit when it is imported
    return config


def resolved(
    config_path: Path | None = None, sets: Sequence[str] = (), latency: str | None = None, checked: bool = False, **options: Any
) -> Resolved:
    """Return the configuration that file, environment and options ask for, with the origin of each value."""
    from simcore.config import parse_latency, resolve_config

    keys = {
        "strategy": "strategy.name", "venue": "venue.name", "queue_model": "venue.queue_model", "seed": "run.seed",
        "from_ts": "run.from", "to_ts": "run.to", "repeat": "run.repeat",
    }  # fmt: skip
    overrides = {keys[name]: value for name, value in options.items() if value is not None}
    if checked:
        overrides["run.checked"] = True
    overrides |= parse_latency(latency) if latency else {}
    return resolve_config(config_path, sets, overrides, os.environ, print_warning)


def moment(text: str | None, option: str) -> int | None:
    """Return the time that an option gives, ns since 1970; say how it was read where that is open. CONF-003 if it is not a time."""
    from simcore.config.values import given_time, time_reading

    found = given_time(text, option)
    if reading := time_reading(text):
        print_warning(f"{option}: {reading}")
    return found


def pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return the values of repeated `NAME=VALUE` texts by name."""
    for text in texts:
        if not text.partition("=")[0] or "=" not in text:
            raise click.UsageError(f"{option} {text}: expected NAME=VALUE")
    return {text.partition("=")[0]: text.partition("=")[2] for text in texts}
