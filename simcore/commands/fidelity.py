"""`mmsim fidelity`: queue models against the single orders of an L3 tape."""

from __future__ import annotations

from pathlib import Path

import click

from simcore.commands.options import JSON, OUT, TAPES, moment
from simcore.commands.output import print_figures, print_table, print_warning, say


@click.command()
@TAPES
@click.option("--models", metavar="LIST", help="Models to compare, as power:2,log2; default: all of levels, the power models with n = 1, 2 and 3.")
@click.option("--fit", "family", metavar="FAMILY", default="matched", show_default=True, help="Family that is fitted before each block: matched, power, power2, power3; none: compare only.")
@click.option("--split", metavar="SHARE", type=float, default=0.2, show_default=True, help="Share of the executions that come before the first block.")
@click.option("--blocks", metavar="N", type=int, default=5, show_default=True, help="Blocks on which models are scored, one after the other.")
@click.option("--from", "from_ts", metavar="TIME", help="Orders that join earlier do not count; ISO 8601 UTC, or s, ms, µs or ns.")
@click.option("--to", "to_ts", metavar="TIME", help="The end, ISO 8601 UTC, or s, ms, µs or ns.")
@click.option("--seed", metavar="N", type=click.IntRange(0), default=1, show_default=True, help="Seed of the bootstrap.")
@OUT
@JSON
def fidelity(
    tapes: tuple[Path, ...], models: str | None, family: str, split: float, blocks: int, from_ts: str | None, to_ts: str | None,
    seed: int, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Hold queue models against the single orders of an L3 tape.

    Every real order is shadowed, and predicted fills are compared with the true ones. Each model sees what a tape of levels
    shows. One is fitted to all before a block and scored, like the others, on the block, and so on; the folder holds pages,
    figures, and the model to use for `mmsim replay --config best_queue.yaml`: the fitted one only if it surely pays.
    """
    from simcore import manifest
    from simcore.calibrate.fidelity.measure import measure
    from simcore.calibrate.fidelity.pages import console_table, figures, verdict, write_fidelity
    from simcore.calibrate.fidelity.queue_family import UNFITTED, models_named
    from simcore.calibrate.pages import refuse_used
    from simcore.report.warnings import outside
    from simcore.tape.read import Tape

    chosen = models_named(UNFITTED if models is None else models.split(","))
    start, end = (moment(text, option) for text, option in ((from_ts, "--from"), (to_ts, "--to")))
    if out is not None:
        refuse_used(out)
    tape = Tape.open(tapes)
    for text in outside(tape.start_ts, tape.end_ts, start, end, ("--from", "--to")):
        print_warning(text)
    found = measure(tape, chosen, family=None if family == "none" else family, split=split, blocks=blocks, from_ts=start, to_ts=end, seed=seed)
    with manifest.claimed(out, "fidelity", tape.instrument.symbol) as folder:
        write_fidelity(found, folder)
    if as_json:
        print_figures({**figures(found), "folder": str(folder)}, as_json)
        return
    print_table(console_table(found), f"queue models on {found.test.lives:,} orders of {tape.instrument.symbol}, {found.test.filled:,} filled")
    for text in verdict(found):
        say(text)
    say(f"folder: {folder}")
