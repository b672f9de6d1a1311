"""`mmsim tape …`: make, check and read tapes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from simcore.commands.options import JSON, TAPE, pairs
from simcore.commands.output import print_figures, say

FORMATS = ("binance", "bitstamp", "bybit", "cryptofeed", "databento", "hftbacktest", "hyperliquid", "lobster", "mbo", "nautilus", "tardis")


@click.group()
def tape() -> None:
    """Make, check and read tapes (recorded market rows)."""


@tape.command("convert")
@click.argument("sources", metavar="SOURCE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "format_name", required=True, help=f"What the source is: {', '.join(FORMATS)}.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write to, one file a UTC day; or one .parquet file.")
@click.option("--symbol", help="The instrument, where the source holds several or does not say.")
@click.option("--venue", help="The exchange, where the source does not say.")
@click.option("--kind", type=click.Choice(("linear", "inverse", "spot")), help="Kind of contract.")
@click.option("--tick-size", help="Price step, quote currency.")
@click.option("--lot-size", help="Quantity step.")
@click.option("--contract-size", help="Units of base (inverse: of quote) currency in a quantity of 1.")
@click.option("--maker-rate", help="Maker fee as a fraction (0.0002 is 2 bps; negative is a rebate).")
@click.option("--taker-rate", help="Taker fee as a fraction.")
@click.option("--base", help="What is traded, as BTC of BTCUSDT, where the symbol does not tell.")
@click.option("--quote", help="The currency of its price, as USDT of BTCUSDT.")
@click.option("--clock", type=click.Choice(("auto", "shift", "keep")), default="auto", help="What to do when the local clock is behind the exchange's.")
@click.option("--min-latency-us", type=click.IntRange(0), default=0, help="Least feed latency after a clock shift, µs.")
@click.option("--option", "extras", metavar="NAME=VALUE", multiple=True, help="An option of the format (docs/formats.md); repeatable.")
@click.option("--replace", is_flag=True, help="Put the new file or days in the place of those that are there and differ.")
@JSON
def tape_convert(
    sources: tuple[Path, ...], format_name: str, out: Path, extras: tuple[str, ...], replace: bool, as_json: bool, **stated: Any
) -> None:
    """Convert captured data to a tape."""
    from simcore.tape.convert import ConvertOptions, convert

    extra = pairs(extras, "--option")
    made = convert(sources, format_name, out, ConvertOptions(**stated, extra=extra), replace=replace)
    print_figures(made.to_dict(), as_json)


@tape.command("info")
@TAPE
@JSON
def tape_info(tape: Path, as_json: bool) -> None:
    """Say what a tape holds: instrument, rows, times, source."""
    from simcore.tape.read import Tape

    print_figures(Tape.open(tape).describe(), as_json)


@tape.command("validate")
@TAPE
@JSON
def tape_validate(tape: Path, as_json: bool) -> None:
    """Check the content hash and every row of a tape.

    Exit code 1 if a row is wrong.
    """
    from simcore.tape.read import Tape
    from simcore.tape.validate import validate

    opened = Tape.open(tape)
    found = validate(opened)
    if found.is_usable:
        opened.verify()
    print_figures(found.to_dict(), as_json)
    if not found.is_usable:
        raise click.exceptions.Exit(1)


@tape.command("head")
@TAPE
@click.option("-n", "--rows", type=click.IntRange(1, 1_000_000), default=10, show_default=True, help="How many rows.")
@JSON
def tape_head(tape: Path, rows: int, as_json: bool) -> None:
    """Print the first rows of a tape."""
    from simcore.tape.read import Tape

    table = Tape.open(tape).to_pandas(rows)
    if as_json:
        say(table.to_json(orient="table", index=False, date_unit="ns"))
    else:
        say(table.to_string(index=False))


@tape.command("synth")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write the tapes to.")
@click.option("--preset", default="small-tick-thin", show_default=True, help="small-tick or large-tick; with -thin: a day of few rows (docs/synthetic.md).")
@click.option("--level", type=click.Choice(("l2", "l3", "both")), default="l2", show_default=True, help="Which view of it.")
@click.option("--symbol", metavar="NAME", help="Name of the instrument, for runs of several; default: the preset's.")
@click.option("--seed", type=click.IntRange(0), help="Seed of all draws.")
@click.option("--date", metavar="YYYY-MM-DD", type=click.DateTime(["%Y-%m-%d"]), help="Its UTC day; default: 2024-01-01.")
@click.option("--duration", "duration_s", metavar="SECONDS", type=click.IntRange(1), help="Length of the tape.")
@click.option("--rows", "rows_max", type=click.IntRange(1), help="Stop after this many rows.")
@click.option("--replace", is_flag=True, help="Put tapes in the place of those that are there and differ.")
@JSON
def tape_synth(out: Path, preset: str, level: str, date: datetime | None, replace: bool, as_json: bool, **changes: Any) -> None:
    """Make a synthetic day: seeded order flow against a real book."""
    from simcore.config.values import given_time
    from simcore.tape.synth import preset_spec, synth

    if date is not None:
        changes["start_ns"] = given_time(date.date().isoformat(), "--date")
    spec = preset_spec(preset, **{name: value for name, value in changes.items() if value is not None})
    made = synth(spec, out, level, replace_files=replace)
    print_figures({"tapes": [{"path": str(one.path), "rows": one.meta.rows, "content_hash": one.meta.content_hash} for one in made]}, as_json)


@tape.command("samples")
@click.option("--out", default="datasets", show_default=True, type=click.Path(path_type=Path), help="Folder to copy them to.")
@click.option("--replace", is_flag=True, help="Put tapes in the place of those that are there and differ.")
@JSON
def tape_samples(out: Path, replace: bool, as_json: bool) -> None:
    """Copy the sample tapes that come with mmsim into a folder."""
    from simcore.tape.samples import copy_samples

    print_figures({"tapes": [str(path) for path in copy_samples(out, replace=replace)]}, as_json)


@tape.command("export")
@TAPE
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The .npz file to write.")
@click.option("--best", type=click.Choice(("depth", "bbo")), default="depth", show_default=True, help="Best quotes as level changes or as they are.")
@click.option("--replace", is_flag=True, help="Put the file in the place of one that is there and differs.")
@JSON
def tape_export(tape: Path, out: Path, best: str, replace: bool, as_json: bool) -> None:
    """Write a tape as hftbacktest events (.npz)."""
    from simcore.tape.export import export_npz
    from simcore.tape.read import Tape

    print_figures({"out": str(out), **export_npz(Tape.open(tape), out, best, replace=replace)}, as_json)
