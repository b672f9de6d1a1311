"""`mmsim calibrate queue` and `mmsim calibrate latency`: models fitted to what was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simcore.commands.options import JSON, OUT, TAPES
from simcore.commands.output import print_figures, print_table, print_warning, say

if TYPE_CHECKING:
    from simcore.report.pages import Table


@click.command()
@TAPES
@click.option("--fills", metavar="FILLS", required=True, type=click.Path(path_type=Path), help="Recorded own orders: a CSV or Parquet table, a tape of own orders, or a run folder (docs/fidelity.md).")
@click.option("--model", "family", metavar="FAMILY", default="power", show_default=True, help="Family to fit: power, power2, power3 or matched.")
@click.option("--tolerance-ms", metavar="MS", type=click.FloatRange(0.0, 60_000.0), default=0.0, show_default=True, help="A fill may be recorded so much before or after the tape's trade.")
@OUT
@JSON
def queue(tapes: tuple[Path, ...], fills: Path, family: str, tolerance_ms: float, out: Path | None, as_json: bool) -> None:
    """Fit a queue model to recorded own orders: which filled, when, and which did not.

    The folder holds pages, figures, and the model for `mmsim replay --config best_queue.yaml`.
    """
    from simcore import manifest
    from simcore.calibrate.fidelity.own_fills import read_own
    from simcore.calibrate.fidelity.own_fit import fit_own
    from simcore.calibrate.fidelity.own_pages import figures, own_table, verdict, write_own_fit
    from simcore.calibrate.fidelity.queue_family import UNFITTED, family_named, models_named
    from simcore.calibrate.pages import refuse_used
    from simcore.tape.read import Tape

    family_named(family)
    if out is not None:
        refuse_used(out)
    tape = Tape.open(tapes)
    own = read_own(fills, tape.instrument)
    found = fit_own(tape, own, models_named(UNFITTED), family=family, tolerance_ms=tolerance_ms, source=str(fills))
    with manifest.claimed(out, "queue", tape.instrument.symbol) as folder:
        write_own_fit(found, folder)
    if as_json:
        print_figures({**figures(found), "folder": str(folder)}, as_json)
        return
    _say(_columns(own_table(found), (0, 1, 3, 4, 5, 6)), f"queue models on {found.orders:,} own orders, {found.filled:,} filled", verdict(found), found.warnings, folder)


@click.command()
@click.argument("recorded", metavar="RECORDED", type=click.Path(path_type=Path))
@click.option("--model", type=click.Choice(("constant", "lognormal", "recorded")), help="The model of every leg; default: what the records support.")
@OUT
@JSON
def latency(recorded: Path, model: str | None, out: Path | None, as_json: bool) -> None:
    """Fit latency models to recorded request and response times.

    RECORDED is a CSV or Parquet table, or a run folder (docs/latency.md). The folder holds pages, figures, and the models for
    `mmsim replay --config best_latency.yaml`.
    """
    from simcore import manifest
    from simcore.calibrate.fidelity.latency_fit import fit_latency
    from simcore.calibrate.fidelity.latency_pages import figures, leg_table, verdict, write_latency
    from simcore.calibrate.fidelity.latency_records import read_recorded
    from simcore.calibrate.pages import refuse_used

    if out is not None:
        refuse_used(out)
    found = fit_latency(read_recorded(recorded), model=model)
    with manifest.claimed(out, "latency", recorded.stem) as folder:
        write_latency(found, folder)
    if as_json:
        print_figures({**figures(found), "folder": str(folder)}, as_json)
        return
    _say(_columns(leg_table(found), range(7)), f"latencies of {recorded}", verdict(found), found.warnings, folder)


def _columns(table: Table, kept: Sequence[int]) -> Table:
    """Return the columns of a table that a terminal has room for."""
    head, numeric = tuple(table.head[i] for i in kept), tuple(table.numeric[i] for i in kept)
    return table._replace(head=head, rows=[tuple(row[i] for i in kept) for row in table.rows], numeric=numeric, note="")


def _say(table: Table, title: str, sentences: Sequence[str], warnings: Sequence[str], folder: Path) -> None:
    """Print a fit's table, what it says, its warnings, and where the rest is."""
    print_table(table, title)
    for text in sentences:
        say(text)
    for text in warnings:
        print_warning(text)
    say(f"folder: {folder}")
