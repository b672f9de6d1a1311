"""The `mmsim` command: parse, call simcore, print. Every heavy import is inside the command that needs it.

Exit codes: 0 done; 1 a verification or validation failed; 2 a user error, as `error CODE: …` and `remedy: …` on
stderr; 130 Ctrl-C or SIGTERM; 141 a closed pipe. A bug shows its traceback. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from simcore.errors import CODES, MmsimError, OutputError
from simcore.version import VERSION

if TYPE_CHECKING:
    from simcore.config import Config

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
FORMATS = ("binance", "bitstamp", "bybit", "hftbacktest", "lobster", "mbo")

_TAPES = click.argument("tapes", metavar="TAPE…", nargs=-1, required=True, type=click.Path(path_type=Path))
_TAPE = click.argument("tape", metavar="TAPE", type=click.Path(path_type=Path))
_RUN = click.argument("run_dir", metavar="RUN", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(VERSION, prog_name="mmsim")
def mmsim() -> None:
    """Replay recorded markets against a simulated exchange, with a market maker in them."""


# --- tapes -------------------------------------------------------------------------------------------


@mmsim.group()
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
@click.option("--clock", type=click.Choice(("auto", "shift", "keep")), default="auto", help="What to do when the local clock is behind the exchange's.")
@click.option("--min-latency-us", type=click.IntRange(0), default=0, help="Least feed latency after a clock shift, µs.")
@click.option("--option", "extras", metavar="NAME=VALUE", multiple=True, help="An option of the format (docs/formats.md); repeatable.")
@_JSON
def tape_convert(sources: tuple[Path, ...], format_name: str, out: Path, extras: tuple[str, ...], as_json: bool, **stated: Any) -> None:
    """Convert captured data to a tape."""
    from simcore.tape.convert import ConvertOptions, convert

    extra = _pairs(extras, "--option")
    made = convert(sources, format_name, out, ConvertOptions(**stated, extra=extra))
    _print(made.to_dict(), as_json)


@tape.command("info")
@_TAPE
@_JSON
def tape_info(tape: Path, as_json: bool) -> None:
    """Say what a tape holds: instrument, rows, times, source."""
    from simcore.tape.read import Tape

    _print(Tape.open(tape).describe(), as_json)


@tape.command("validate")
@_TAPE
@_JSON
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
    _print(found.to_dict(), as_json)
    if not found.is_usable:
        raise click.exceptions.Exit(1)


@tape.command("head")
@_TAPE
@click.option("-n", "--rows", type=click.IntRange(1, 1_000_000), default=10, show_default=True, help="How many rows.")
@_JSON
def tape_head(tape: Path, rows: int, as_json: bool) -> None:
    """Print the first rows of a tape."""
    from simcore.tape.read import Tape

    table = Tape.open(tape).to_pandas(rows)
    if as_json:
        click.echo(table.to_json(orient="table", index=False, date_unit="ns"))
    else:
        click.echo(table.to_string(index=False))


@tape.command("synth")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write the tapes to.")
@click.option("--preset", default="small-tick-thin", show_default=True, help="small-tick or large-tick; with -thin: a day of few rows (docs/synthetic.md).")
@click.option("--level", type=click.Choice(("l2", "l3", "both")), default="l2", show_default=True, help="Which view of it.")
@click.option("--seed", type=click.IntRange(0), help="Seed of all draws.")
@click.option("--duration", "duration_s", metavar="SECONDS", type=click.IntRange(1), help="Length of the tape.")
@click.option("--rows", "rows_max", type=click.IntRange(1), help="Stop after this many rows.")
@_JSON
def tape_synth(out: Path, preset: str, level: str, as_json: bool, **changes: Any) -> None:
    """Make a synthetic day: seeded order flow against a real book."""
    from simcore.tape.synth import preset_spec, synth

    spec = preset_spec(preset, **{name: value for name, value in changes.items() if value is not None})
    made = synth(spec, out, level)
    _print({"tapes": [{"path": str(one.path), "rows": one.meta.rows, "content_hash": one.meta.content_hash} for one in made]}, as_json)


@tape.command("export")
@_TAPE
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The .npz file to write.")
@click.option("--best", type=click.Choice(("depth", "bbo")), default="depth", show_default=True, help="Best quotes as level changes or as they are.")
@_JSON
def tape_export(tape: Path, out: Path, best: str, as_json: bool) -> None:
    """Write a tape as hftbacktest events (.npz)."""
    from simcore.tape.export import export_npz
    from simcore.tape.read import Tape

    _print({"out": str(out), **export_npz(Tape.open(tape), out, best)}, as_json)


# --- runs --------------------------------------------------------------------------------------------


@mmsim.command()
@_TAPES
@click.option("--strategy", metavar="NAME|FILE", help="A strategy of strategies/, or a .py file (docs/strategies.md).")
@click.option("--config", "config_path", metavar="YAML", type=click.Path(path_type=Path), help="Configuration file (docs/config.md).")
@click.option("--set", "sets", metavar="KEY=VALUE", multiple=True, help="Set one configuration key; repeatable.")
@click.option("--queue-model", metavar="NAME|FILE", help="How our place in the queue moves: risk_averse, power, … (docs/config.md), or a .py file (docs/strategies.md).")
@click.option("--latency", metavar="SPEC", help="10ms; place=10ms,cancel=12ms; lognormal:10ms:0.4; feed:1.0; recorded:FILE (docs/latency.md).")
@click.option("--seed", type=int, help="Seed of all draws.")
@click.option("--from", "from_ts", metavar="TIME", help="Start, ISO 8601 UTC or ns.")
@click.option("--to", "to_ts", metavar="TIME", help="End, ISO 8601 UTC or ns.")
@click.option("--repeat", type=int, metavar="N", help="Play the tape N times in a row.")
@click.option("--checked", is_flag=True, help="Check array bounds: slower, finds faults of own strategies.")
@click.option("--out", type=click.Path(path_type=Path), help="Run folder; default: a new one under reports/.")
@click.option("--resume", is_flag=True, help="Go on with the run in --out that was stopped.")
@_JSON
def replay(tapes: tuple[Path, ...], out: Path | None, resume: bool, as_json: bool, **choices: Any) -> None:
    """Replay tapes and write a run folder.

    The tapes are of one instrument, in time order.
    """
    if resume and out is None:
        raise click.UsageError("--resume needs --out: the run folder to go on with")
    config = _config(**choices)
    from simcore.engine import replay as run
    from simcore.report import build_report

    with _progress() as report:
        run_dir = run(tapes, config, out, resume=resume, progress=report)
    build_report(run_dir)
    _print_summary(run_dir, as_json)


@mmsim.command()
@_RUN
@_JSON
def verify(run_dir: Path, as_json: bool) -> None:
    """Replay a run again and compare digests.

    Exit code 1 if they differ.
    """
    from simcore.engine import verify as check

    with _progress() as report:
        result = check(run_dir, progress=report)
    _print({"ok": result.ok, "expected": result.expected, "found": result.found, "first_difference": result.first_difference}, as_json)
    if not result.ok:
        raise click.exceptions.Exit(1)


@mmsim.command()
@_RUN
@_JSON
def report(run_dir: Path, as_json: bool) -> None:
    """Build the report of a run again."""
    from simcore.report import build_report

    build_report(run_dir)
    _print_summary(run_dir, as_json)


@mmsim.command()
@click.argument("tape", metavar="[TAPE]", required=False, type=click.Path(path_type=Path))
@click.option("--lanes", type=click.IntRange(1), default=1, show_default=True, help="Parameter sets in one pass.")
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="Play the tape N times in a row.")
@click.option("--peer", is_flag=True, help="Measure hftbacktest on the same rows, too (docs/peers.md).")
@_JSON
def bench(tape: Path | None, lanes: int, repeat: int, peer: bool, as_json: bool) -> None:
    """Measure decode, book, replay and end-to-end speed."""
    from simcore.bench import bench as measure

    with _progress() as report:
        _print(measure(tape, lanes=lanes, repeat=repeat, peer=peer, progress=report), as_json)


@mmsim.command()
@click.option("--strategy", metavar="NAME|FILE", help="A strategy of strategies/, or a .py file (docs/strategies.md).")
@click.option("--queue-model", metavar="NAME|FILE", help="A queue model; a .py file is compiled, too.")
@click.option("--config", "config_path", metavar="YAML", type=click.Path(path_type=Path), help="Configuration file.")
@click.option("--checked", is_flag=True, help="Compile with array bounds checked, for runs with --checked.")
@_JSON
def warmup(as_json: bool, **choices: Any) -> None:
    """Compile a strategy's engine ahead of its first run."""
    config = _config(**choices)
    from simcore.engine import warmup as compile_engine

    click.echo("compiling…", err=True)
    _print({"seconds": round(compile_engine(config), 3)}, as_json)


@mmsim.command()
@click.argument("code", required=False)
@_JSON
def errors(code: str | None, as_json: bool) -> None:
    """List the error codes, or explain one."""
    if code is not None and code.upper() not in CODES:
        raise click.UsageError(f"no such code: {code}; `mmsim errors` lists them")
    chosen = CODES if code is None else {code.upper(): CODES[code.upper()]}
    if as_json:
        _print({name: {"title": title, "remedy": remedy} for name, (title, remedy) in chosen.items()}, as_json)
    for name, (title, remedy) in () if as_json else chosen.items():
        click.echo(f"{name:<10} {title}\n{'':<10} {remedy}")


# --- parsing and printing ------------------------------------------------------------------------------


def _config(
    config_path: Path | None = None, sets: Sequence[str] = (), latency: str | None = None, checked: bool = False, **options: Any
) -> Config:
    """Return the configuration that the options ask for; must run before the compiler is imported."""
    from simcore.config import load_config, parse_latency

    keys = {
        "strategy": "strategy.name", "queue_model": "venue.queue_model", "seed": "run.seed", "from_ts": "run.from",
        "to_ts": "run.to", "repeat": "run.repeat",
    }  # fmt: skip
    overrides = {keys[name]: value for name, value in options.items() if value is not None}
    if checked:
        overrides["run.checked"] = True
    config = load_config(config_path, sets, overrides | (parse_latency(latency) if latency else {}))
    if config.run.checked:
        os.environ["MMSIM_CHECKED"] = "1"  # read by simcore.jit when it is imported
    return config


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    for text in texts:
        if not text.partition("=")[0] or "=" not in text:
            raise click.UsageError(f"{option} {text}: expected NAME=VALUE")
    return {text.partition("=")[0]: text.partition("=")[2] for text in texts}


def _print(figures: Mapping[str, Any], as_json: bool) -> None:
    """Print a result: one JSON object, or `name  value` lines."""
    if as_json:
        click.echo(json.dumps(figures, allow_nan=False))
        return
    width = max(map(len, figures), default=0)
    for name, value in figures.items():
        shown = json.dumps(value) if isinstance(value, (dict, list, tuple, bool)) or value is None else value
        click.echo(f"{name:<{width}}  {shown}")


def _print_summary(run_dir: Path, as_json: bool) -> None:
    """Print a run's figures: the main ones as JSON, or a table and the folder."""
    from simcore.report.statistics import headline, summary

    figures = summary(run_dir)
    if as_json:
        _print(headline(figures), as_json)
        return
    from rich.console import Console

    from simcore.report.console import console_table

    Console().print(console_table(figures))
    click.echo(f"run folder: {run_dir}")


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[Any], None] | None]:
    """Give a callback that draws a bar on stderr, or None when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=None, speed="starting…")

        def show(now: Any) -> None:
            speed = f"{now.rows_per_s / 1e6:,.1f} M rows/s"
            if getattr(now, "compiling", False):
                speed = "compiling the engine, once…"
            bar.update(task, total=now.total_rows, completed=now.rows, speed=speed)

        yield show


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit with its code. SIGTERM ends it as Ctrl-C does: what is half-written is removed."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    code = run_command(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # all is done: the exit code stands
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End the process without taking the interpreter apart, which takes a quarter of a second after a replay."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # what could not be written has had its message
            stream.flush()
    os._exit(code)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code. Errors that are not the user's pass through."""
    try:
        # click gives the code of an Exit back; a command itself returns nothing.
        return mmsim.main(args=arguments, prog_name="mmsim", standalone_mode=False) or 0
    except MmsimError as exc:
        return _refuse(exc)
    except click.ClickException as exc:
        exc.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except SystemExit:
        return 141  # click's answer to a reader (`| head`) that has gone; as a shell reports SIGPIPE
    except OSError as exc:
        if exc.filename is not None or exc.errno not in _NO_ROOM:
            raise
        return _refuse(OutputError("OUT-001", f"stdout: {exc.strerror}"))


def _refuse(error: MmsimError) -> int:
    """Print a user error: code, title and cause on one line, the remedy on the next. Return the exit code."""
    click.echo(f"error {error.code}: {error.title}: {' '.join(error.cause.split())}\nremedy: {error.remedy}", err=True)
    return 2


if __name__ == "__main__":
    main()
