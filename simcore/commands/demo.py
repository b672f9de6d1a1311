"""`mmsim demo`: a first run, of a tape that comes with mmsim."""

from __future__ import annotations

from pathlib import Path

import click

from simcore.commands.options import JSON, OUT
from simcore.commands.runs import replay


@click.command()
@OUT
@JSON
@click.pass_context
def demo(ctx: click.Context, out: Path | None, as_json: bool) -> None:
    """Replay a sample tape that comes with mmsim: a first run, anywhere."""
    from simcore.tape.samples import sample

    ctx.invoke(replay, tapes=(sample(),), out=out, as_json=as_json)
