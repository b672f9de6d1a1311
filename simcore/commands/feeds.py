"""`mmsim feeds`: what calibration reads."""

from __future__ import annotations

from pathlib import Path

import click

from simcore.commands.options import JSON, RUN
from simcore.commands.output import print_figures


@click.command()
@RUN
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder to write to; default: feeds/ in the run folder.",
)
@click.option("--replace", is_flag=True, help="Put files in the place of those of another run in --out.")
@JSON
def feeds(run_dir: Path, out: Path | None, replace: bool, as_json: bool) -> None:
    """Write a run's fills and traced ticks as daily files for calibration."""
    from simcore.report.feeds import write_feeds

    written = write_feeds(run_dir, out, replace=replace)
    paths = {"fills": [str(path) for path in written.fills], "ticks": [str(path) for path in written.ticks]}
    print_figures({**paths, "fill_rows": written.fill_rows, "tick_rows": written.tick_rows}, as_json)
