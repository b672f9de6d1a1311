"""`mmsim metrics`: a run as Prometheus text."""

from __future__ import annotations

from pathlib import Path

import click

from simcore.commands.options import RUN
from simcore.commands.output import say


@click.command()
@RUN
@click.option(
    "--out", metavar="FILE", type=click.Path(path_type=Path), help="Write to this file instead, whole or not at all."
)
def metrics(run_dir: Path, out: Path | None) -> None:
    """Print a run's metrics as Prometheus text."""
    from simcore.observe.metrics import metrics_text
    from simcore.report.gates import save

    text = metrics_text(run_dir)
    if out is None:
        say(text, nl=False)
    else:
        save(out, text)
