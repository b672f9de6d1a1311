"""`mmsim replay`, `verify`, `report`, `bench` and `warmup`: run the engine, and look at what it left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from simcore.commands.lean import import_matplotlib, import_numba
from simcore.commands.options import CONFIG, JOBS, JSON, PICTURES, RUN, SETS, TAPES, VENUE, chosen_config
from simcore.commands.output import print_figures, print_summary, progress


@click.command()
@TAPES
@click.option("--strategy", metavar="NAME|FILE", help="A strategy of strategies/, or a .py file (docs/strategies.md).")
@VENUE
@CONFIG
@SETS
@click.option("--queue-model", metavar="NAME|FILE", help="How our place in the queue moves: risk_averse, power, … (docs/config.md), or a .py file (docs/strategies.md).")
@click.option("--latency", metavar="SPEC", help="10ms; place=10ms,cancel=12ms; lognormal:10ms:0.4; feed:1.0; recorded:FILE (docs/latency.md).")
@click.option("--seed", type=int, help="Seed of all draws.")
@click.option("--from", "from_ts", metavar="TIME", help="Start, ISO 8601 UTC, or s, ms, µs or ns.")
@click.option("--to", "to_ts", metavar="TIME", help="End, ISO 8601 UTC, or s, ms, µs or ns.")
@click.option("--repeat", type=int, metavar="N", help="Play the tape N times in a row.")
@click.option("--checked", is_flag=True, help="Check array bounds: slower, finds faults of own strategies.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder; default: a new one under reports/.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out that was stopped.")
@click.option("--queue-band", is_flag=True, help="Play an optimistic and a pessimistic queue as well, in the same pass (docs/sweeps.md).")
@click.option("--band-models", metavar="MODEL,MODEL", help="Optimistic and pessimistic queue model of --queue-band; default: those that bound the run's.")
@PICTURES
@JOBS
@JSON
def replay(
    tapes: tuple[Path, ...], out: Path | None, resume: bool, queue_band: bool, band_models: str | None, jobs: int | None,
    pictures: bool | None, as_json: bool, **choices: Any,
) -> None:  # fmt: skip
    """Replay tapes and write a run folder.

    Tapes of one instrument are given in time order. Tapes of several run side by side (docs/portfolio.md).
    """
    if resume and out is None:
        raise click.UsageError("--resume needs --out: the run folder to go on with")
    if band_models is not None and not queue_band:
        raise click.UsageError("--band-models goes with --queue-band")
    config = chosen_config(**choices)
    import_numba()
    from simcore.portfolio.run import replay as run
    from simcore.report import build_report

    with progress() as shown:
        if queue_band:
            from simcore.calibrate.sweeps.band import parse_bounds, replay_band

            bounds = None if band_models is None else parse_bounds(band_models)
            run_dir = replay_band(tapes, config, out, bounds=bounds, resume=resume, progress=shown)
        else:
            run_dir = run(tapes, config, out, resume=resume, jobs=jobs, progress=shown)
    if pictures is not False:
        import_matplotlib()
    report = build_report(run_dir, pictures)
    if config.node.trace_every > 0:
        from simcore.report.feeds import write_feeds

        write_feeds(run_dir)
    print_summary(run_dir, report.figures, as_json)


@click.command()
@RUN
@click.option("--tape", "moved", metavar="FILE", multiple=True, type=click.Path(path_type=Path), help="Where a tape of the run is now, if it was moved; repeatable.")
@JOBS
@JSON
def verify(run_dir: Path, moved: tuple[Path, ...], jobs: int | None, as_json: bool) -> None:
    """Replay a run again and compare digests.

    Exit code 1 if they differ.
    """
    import_numba()
    from simcore.portfolio.run import verify as check

    with progress() as shown:
        result = check(run_dir, progress=shown, jobs=jobs, moved=moved)
    print_figures({"ok": result.ok, "expected": result.expected, "found": result.found, "first_difference": result.first_difference}, as_json)
    if not result.ok:
        raise click.exceptions.Exit(1)


@click.command()
@RUN
@PICTURES
@JSON
def report(run_dir: Path, pictures: bool | None, as_json: bool) -> None:
    """Build the report of a run again."""
    from simcore.report import build_report

    if pictures is not False:
        import_matplotlib()
    built = build_report(run_dir, pictures)
    print_summary(run_dir, built.figures, as_json)


@click.command()
@click.argument("tape", metavar="[TAPE]", required=False, type=click.Path(path_type=Path))
@click.option("--lanes", type=click.IntRange(1), default=1, show_default=True, help="Parameter sets in one pass.")
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="Play the tape N times in a row.")
@click.option("--peer", is_flag=True, help="Measure hftbacktest on the same rows, too (docs/peers.md).")
@JSON
def bench(tape: Path | None, lanes: int, repeat: int, peer: bool, as_json: bool) -> None:
    """Measure decode, book, replay and end-to-end speed."""
    from simcore.bench import bench as measure

    with progress() as shown:
        print_figures(measure(tape, lanes=lanes, repeat=repeat, peer=peer, progress=shown), as_json)


@click.command()
@click.option("--strategy", metavar="NAME|FILE", help="A strategy of strategies/, or a .py file (docs/strategies.md).")
@click.option("--queue-model", metavar="NAME|FILE", help="A queue model; a .py file is compiled, too.")
@VENUE
@CONFIG
@SETS
@click.option("--checked", is_flag=True, help="Compile with array bounds checked, for runs with --checked.")
@JSON
def warmup(as_json: bool, **choices: Any) -> None:
    """Compile a strategy's engine ahead of its first run."""
    config = chosen_config(**choices)
    from simcore.engine import warmup as compile_engine
    from simcore.link import is_compiled, link
    from simcore.params import queue_file

    linked = link(config.strategy.name, queue_file(config.venue.queue_model))
    click.echo("loading the compiled engine…" if is_compiled(linked) else "compiling the engine, once…", err=True)
    print_figures({"seconds": round(compile_engine(config), 3)}, as_json)
