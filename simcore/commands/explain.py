"""`mmsim explain`: why a run did what it did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from simcore.commands.options import JSON, RUN, moment
from simcore.commands.output import print_figures, say


@click.command()
@RUN
@click.option("--at", metavar="TIME", help="Explain the last tick at or before this time: ISO 8601 UTC, or s, ms, µs or ns.")
@click.option("--order", "order_id", metavar="ID", type=int, help="Explain the order of this id; --orders lists them.")
@click.option("--orders", "lists_orders", is_flag=True, help="List all orders: when, side, price, size, filled, end.")
@click.option("--silent", is_flag=True, help="List the stretches without quotes, and why.")
@click.option("--least", "least_s", type=click.FloatRange(0.0), default=1.0, show_default=True, metavar="S", help="With --silent: shortest stretch, s.")
@click.option("--symbol", metavar="S", help="Which symbol, of a run of several.")
@JSON
def explain(
    run_dir: Path, at: str | None, order_id: int | None, lists_orders: bool, silent: bool, least_s: float, symbol: str | None, as_json: bool
) -> None:
    """Say why a tick quoted as it did, what became of an order, or when and why nothing was quoted.

    Give one of --at, --order, --orders and --silent.
    """
    if sum((at is not None, order_id is not None, lists_orders, silent)) != 1:
        raise click.UsageError("give one of --at TIME, --order ID, --orders and --silent")
    from simcore.report import explain as explained
    from simcore.report.explain import lists, text

    found: Any
    if at is not None:
        wanted = moment(at, "--at")
        assert wanted is not None, "a text is a time or refused"
        found = explained.explain_tick(run_dir, wanted, symbol)
        shown = text.tick_text(found)
    elif order_id is not None:
        found = explained.explain_order(run_dir, order_id, symbol)
        shown = text.order_text(found)
    elif lists_orders:
        found = {"orders": explained.list_orders(run_dir, symbol)}
        shown = lists.orders_text(found["orders"])
    else:
        found = {"silent": explained.list_silent(run_dir, symbol, least_s)}
        shown = lists.silent_text(found["silent"], least_s)
    if as_json:
        print_figures(found, as_json)
    else:
        say(shown, nl=False)
