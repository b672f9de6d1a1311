"""`mmsim explain`: why a run did what it did."""

from __future__ import annotations

from pathlib import Path

import click

from simcore.commands.options import JSON, RUN
from simcore.commands.output import print_figures, say


@click.command()
@RUN
@click.option("--at", metavar="TIME", help="Explain the last tick at or before this time: ISO 8601 UTC or ns.")
@click.option(
    "--order", "order_id", metavar="ID", type=int, help="Explain the order of this id (order_id of the journal)."
)
@click.option("--symbol", metavar="S", help="Which symbol, of a run of several.")
@JSON
def explain(run_dir: Path, at: str | None, order_id: int | None, symbol: str | None, as_json: bool) -> None:
    """Say why a tick quoted as it did, or what became of an order.

    Give --at or --order.
    """
    if (at is None) == (order_id is None):
        raise click.UsageError("give one of --at TIME and --order ID")
    from simcore.report.explain import explain_order, explain_tick
    from simcore.report.explain.text import order_text, tick_text

    if at is not None:
        found, shown = explain_tick(run_dir, at, symbol), tick_text
    else:
        assert order_id is not None, "one of the two is given"
        found, shown = explain_order(run_dir, order_id, symbol), order_text
    if as_json:
        print_figures(found, as_json)
    else:
        say(shown(found), nl=False)
