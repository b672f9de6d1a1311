"""`mmsim sweep …`: profit against latency or fees, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simcore.commands.options import CONFIG, JSON, OUT, SETS, TAPES, VENUE, chosen_config
from simcore.commands.output import print_figures, print_table, print_warning, progress, say

if TYPE_CHECKING:
    from simcore.calibrate.sweeps.sweep import Drawing, Sweep

_LEGS = ("place", "amend", "cancel", "response")


def _numbers(context: click.Context, parameter: click.Parameter, text: str | None) -> list[Decimal] | None:  # noqa: ARG001  click's interface
    """Return the numbers of a list with commas."""
    if text is None:
        return None
    try:
        values = [Decimal(part.strip()) for part in text.split(",")]
    except ArithmeticError:
        values = []
    if not values or not all(value.is_finite() for value in values):
        raise click.BadParameter(f"{text!r} is not a list of numbers such as 0,1,2.5")
    return values


def _common(command: Callable[..., None]) -> Callable[..., None]:
    """Add what both sweeps take."""
    for option in reversed(
        (
            TAPES,
            click.option("--strategy", metavar="NAME|FILE", help="A strategy of strategies/, or a .py file (docs/strategies.md)."),
            VENUE, CONFIG, SETS,
            click.option("--queue-model", metavar="NAME|FILE", help="How our place in the queue moves, as in `mmsim replay`."),
            click.option("--latency", metavar="SPEC", help="Delays of the wire, as in `mmsim replay`."),
            click.option("--from", "from_ts", metavar="TIME", help="Start, ISO 8601 UTC, or s, ms, µs or ns."),
            click.option("--to", "to_ts", metavar="TIME", help="End, ISO 8601 UTC, or s, ms, µs or ns."),
            click.option("--interval", "interval_s", metavar="SECONDS", type=float, help="Length of the equity changes that intervals rest on; default: a minute, less for a short window."),
            click.option("--repetitions", metavar="N", type=click.IntRange(100, 1_000_000), default=2000, show_default=True, help="Resamples of the bootstrap."),
            click.option("--level", metavar="SHARE", type=click.FloatRange(0.5, 0.999), default=0.95, show_default=True, help="Confidence level of the intervals."),
            click.option("--seed", "draw_seed", metavar="N", type=click.IntRange(0), default=1, show_default=True, help="Seed of the resamples."),
            OUT,
            JSON,
        )
    ):  # fmt: skip
        command = option(command)
    return command


@click.group()
def sweep() -> None:
    """Play a configuration at several latencies or fees at once."""


@sweep.command()
@_common
@click.option("--ms", metavar="LIST", callback=_numbers, help="One-way latencies, ms; default: 0,1,2,5,10,20,50.")
@click.option("--leg", "legs", type=click.Choice(_LEGS), multiple=True, help="Which delay is swept; repeatable; default: all four.")
def latency(tapes: tuple[Path, ...], ms: list[Decimal] | None, legs: tuple[str, ...], out: Path | None, as_json: bool, **choices: Any) -> None:
    """Net profit against milliseconds of latency."""
    drawing, config = _chosen(choices, out)
    from simcore.calibrate.sweeps.sweep import LATENCIES_MS, sweep_latency

    values = LATENCIES_MS if ms is None else [float(each) for each in ms]
    with progress() as shown:
        _finish(sweep_latency(tapes, config, values, legs or _LEGS, drawing, shown), out, as_json)


@sweep.command()
@_common
@click.option("--tiers", metavar="VENUE", help="The fee schedule of a venue profile; default: that of the configuration.")
@click.option("--maker-bps", metavar="LIST", callback=_numbers, help="Maker fees, bps; negative is a rebate.")
@click.option("--taker-bps", metavar="LIST", callback=_numbers, help="Taker fees, bps, as many as maker fees, or one.")
def fees(
    tapes: tuple[Path, ...], tiers: str | None, maker_bps: list[Decimal] | None, taker_bps: list[Decimal] | None,
    out: Path | None, as_json: bool, **choices: Any,
) -> None:  # fmt: skip
    """Net profit against maker and taker fees."""
    if (maker_bps is None) != (taker_bps is None) or (tiers is not None and maker_bps is not None):
        raise click.UsageError("give --maker-bps and --taker-bps, or --tiers, or none of them")
    drawing, config = _chosen(choices, out)
    from simcore.calibrate.sweeps.sweep import pair_rates, sweep_fees, venue_rates

    rates = None
    if maker_bps is not None and taker_bps is not None:
        rates = pair_rates(maker_bps, taker_bps)
    elif tiers is not None:
        rates = venue_rates(tiers, tapes)
    with progress() as shown:
        _finish(sweep_fees(tapes, config, rates, drawing, shown), out, as_json)


def _chosen(choices: dict[str, Any], out: Path | None) -> tuple[Drawing, Any]:
    """Return how intervals are made, and the configuration, which is read before the compiler is imported. CAL-004: `out` is in use."""
    from simcore.calibrate.pages import refuse_used

    if out is not None:
        refuse_used(out)  # before all is played
    names = ("interval_s", "repetitions", "draw_seed", "level")
    interval_s, repetitions, seed, level = (choices.pop(name) for name in names)
    config = chosen_config(**choices)
    from simcore.calibrate.sweeps.sweep import Drawing

    return Drawing(interval_s, repetitions, seed, level), config


def _finish(found: Sweep, out: Path | None, as_json: bool) -> None:
    """Write a sweep's folder and print what it says."""
    from simcore import manifest
    from simcore.calibrate.sweeps.sweep_report import console_table, figures, verdict, write_sweep

    with manifest.claimed(out, f"sweep-{found.kind}", found.instrument["symbol"]) as folder:
        write_sweep(found, folder)
    if as_json:
        print_figures({**figures(found), "folder": str(folder)}, as_json)
        return
    print_table(console_table(found), f"{found.kind} of {found.strategy} on {found.instrument['symbol']}")
    for text in verdict(found):
        say(text)
    for text in found.warnings:
        print_warning(text)
    say(f"folder: {folder}")
