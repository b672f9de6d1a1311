"""`mmsim calibrate GRID DAY…`, and what else is fitted to data: `mmsim calibrate queue …`, `… latency …`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simcore.commands.lazy import LazyGroup
from simcore.commands.options import CONFIG, JSON, SETS, VENUE, chosen_config
from simcore.commands.output import print_figures, print_warning, say, terminal
from simcore.door.shown import on_terminal

if TYPE_CHECKING:
    from simcore.calibrate.folder import Calibration
    from simcore.calibrate.run import Tally
    from simcore.calibrate.verdict import Verdict
    from simcore.config import Config

# name: (where it is, the first line of its help). The first is meant where no command is named.
SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "run": ("simcore.commands.calibrate:run", "Search a grid for the best parameters over days; `run` may be left out."),
    "queue": ("simcore.commands.fit:queue", "Fit a queue model to recorded own orders."),
    "latency": ("simcore.commands.fit:latency", "Fit latency models to recorded request and response times."),
}
_LINES_EVERY = 0.1  # of all work: a line of progress where there is no terminal
_DIGITS = 6
_NOT_JUDGED = ("CAL-082", "CAL-083")  # a single trial; the base configuration was lost


class DefaultGroup(LazyGroup):
    """A group whose first command is meant where no command is named: `calibrate GRID.yaml DAY` is `calibrate run …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default's name before arguments that begin with no command and ask for no help."""
        if args and args[0] not in self.homes and args[0] not in ctx.help_option_names:
            args = [next(iter(self.homes)), *args]
        return super().parse_args(ctx, args)


@click.group(cls=DefaultGroup, homes=SUBCOMMANDS, subcommand_metavar="GRID.yaml DAY… | COMMAND …")
def calibrate() -> None:
    """Search for the best parameters over days; fit models to data.

    `mmsim calibrate run --help` lists the options of `mmsim calibrate GRID.yaml DAY…` (docs/calibrate.md).
    """


@click.command()
@click.argument("grid", metavar="GRID.yaml", type=click.Path(path_type=Path))
@click.argument("days", metavar="DAY…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--strategy", metavar="NAME|FILE", help="A strategy of strategies/, or a .py file (docs/strategies.md).")
@VENUE
@CONFIG
@SETS
@click.option("--objective", metavar="FIGURE", default="net_bps", show_default=True, help="What is to be best (docs/calibrate.md lists the figures).")
@click.option("--subject-to", "constraints", metavar="'FIGURE<=X'", multiple=True, help="A limit that must be kept, with <, <=, >, >= or ==; repeatable.")
@click.option("--search", type=click.Choice(["grid", "random", "optuna"]), default="grid", show_default=True, help="All points of the grid, random ones, or what optuna proposes.")
@click.option("--trials", type=click.IntRange(1), metavar="N", help="How many points random and optuna try (100); for a grid, the most it may have.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of random and optuna (run.seed is that of the runs).")
@click.option("--splits", metavar="SPEC", help="walk-forward:train=3,test=1,purge=0: choose on some days, judge on later ones; 3h: hours of each day.")
@click.option("--interval", "interval_s", type=click.FloatRange(0, min_open=True), metavar="S", help="Seconds between points of equity curves; default 60, less on short days.")
@click.option("--engine", "engine_name", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Processes of this machine, or Ray tasks (the one that RAY_ADDRESS names, or a local one).")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Processes; default: one a core, if the work is long enough. The result is the same.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the calibration; default: a new one under reports/.")
@click.option("--resume", is_flag=True, help="Go on with the calibration in --out that was stopped.")
@JSON
def run(
    grid: Path, days: tuple[Path, ...], objective: str, constraints: tuple[str, ...], search: str, trials: int | None, seed: int,
    splits: str | None, interval_s: float | None, engine_name: str, jobs: int | None, out: Path | None, resume: bool, as_json: bool,
    **choices: Any,
) -> None:  # fmt: skip
    """Search a grid for the best parameters over days.

    Each DAY is a tape, or a folder of tapes that follow each other; all are of one instrument. GRID.yaml names keys and
    values: `spread.base_bps: [0.5, 1.0]` or `{from: 0.5, to: 2.0, steps: 16}` (docs/calibrate.md).
    """
    if resume and out is None:
        raise click.UsageError("--resume needs --out: the folder of the calibration to go on with")
    config = chosen_config(**choices)
    from simcore.calibrate.plan import Asked
    from simcore.calibrate.run import calibrate as search_best

    asked = Asked(grid, days, config, objective, constraints, search, trials, seed, splits, interval_s)
    home = os.environ.get("MMSIM_HOME")
    verdicts: list[Verdict] = []
    with _watching(objective) as watch:
        found = search_best(
            asked, out, resume=resume, jobs=jobs, engine_name=engine_name,
            home=Path(home) if home else None, watch=watch, written=lambda folder: verdicts.extend(_judged(folder)),
        )  # fmt: skip
    _warn_of_times(found, config)
    _print(found, verdicts[0] if verdicts else None, as_json)


def _warn_of_times(found: Calibration, config: Config) -> None:
    """Say which of run.from and run.to lie outside of all days; periods of days are cut, so they cannot tell."""
    from simcore.report.warnings import outside

    days = [day for day in found.days if day.from_ts is None]
    if days:
        for text in outside(min(day.start_ts for day in days), max(day.end_ts for day in days), config.run.from_ts, config.run.to_ts):
            print_warning(text)


def _print_table(found: Calibration, verdict: Verdict | None) -> None:
    """Print the current parameters beside the best ones: what the verdict speaks of, else the figures of the search."""
    from simcore.report.terminal import Sheet

    if verdict is not None and verdict.winner is not None:
        from simcore.calibrate.report import beside, terms_of
        from simcore.calibrate.report_tables import comparison_table

        table = comparison_table(verdict.evidence, terms_of(found), beside(found))
        head, rows = table.head, list(table.rows)
    else:
        figures = found.note["figures"]
        head, rows = ("figure", *(f"{which}, {part}" for part in figures["base"] for which in ("current", "best"))), []
        names = dict.fromkeys([found.note["objective"], *(each.name for each in found.wanted.constraints), "net", "fills", "taker_share", "max_drawdown", "sharpe"])
        for name in names:
            cells = [figures["base" if which == "current" else which][part][name] for part in figures["base"] for which in ("current", "best")]
            rows.append((name, *("-" if cell is None else f"{cell:.{_DIGITS}g}" for cell in cells)))
    terminal().print(Sheet("", head, rows, (False, *(True,) * (len(head) - 1))))


def _judged(folder: Path) -> Iterator[Verdict]:
    """Yield the verdict, after writing its report; nothing but a warning where there is nothing to judge."""
    from simcore.calibrate.report import build
    from simcore.errors import CalibrateError

    try:
        yield build(folder)
    except CalibrateError as exc:
        if exc.code not in _NOT_JUDGED:
            raise
        print_warning(f"no verdict: {exc.cause}")


@contextmanager
def _watching(objective: str) -> Iterator[Callable[[Tally], None]]:
    """Show progress on stderr: a bar on a terminal, else a line for each tenth of the work."""
    if not sys.stderr.isatty():
        yield _lines(objective)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[words]}", markup=False), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("trials", total=None, words="starting…")

        def show(now: Tally) -> None:
            words = "compiling the engine, once…" if now.compiling else _words(now, objective)
            bar.update(task, total=now.total, completed=now.done + now.share, words=words)

        yield show


def _lines(objective: str) -> Callable[[Tally], None]:
    said = 0

    def show(now: Tally) -> None:
        nonlocal said
        step = int(now.done / max(now.total, 1) / _LINES_EVERY)
        if now.compiling:
            click.echo("compiling the engine, once…", err=True)
        elif now.done and step > said:
            said = step
            click.echo(on_terminal(_words(now, objective)), err=True)

    return show


def _words(now: Tally, objective: str) -> str:
    best = "none yet" if now.best is None else f"trial {now.best}, {objective} {now.objective:.{_DIGITS}g} ({now.words})"
    lost = f", {now.lost} lost" if now.lost else ""
    return f"{now.done} of {now.total} trials x days{lost}; best so far: {best}"


def _print(found: Calibration, verdict: Verdict | None, as_json: bool) -> None:
    """Print what was chosen beside the base configuration, what it rests on, the verdict, and the folder."""
    note = found.note
    chosen = {axis.name: value for axis, value in zip(found.axes, found.points[note["best"]], strict=True)}
    counts = {name: note[name] for name in ("trials", "lost", "valueless", "infeasible")}
    if as_json:
        keys = ("objective", "constraints", "best", "figures", "at_edge")
        judged = {"adopt": verdict is not None and verdict.adopt, "verdict": None if verdict is None else verdict.sentence}
        figures = {**{key: note[key] for key in keys}, "values": chosen, **counts, "tried": found.tried, **judged}
        print_figures({**figures, "folder": str(found.folder)}, as_json)
        return
    if verdict is not None:
        for text in verdict.notes[: bool(verdict.evidence.dead)]:  # before the search is read
            print_warning(text)
    _print_table(found, verdict)
    say(f"best: trial {note['best']} of {note['trials']}: " + ", ".join(f"{name}={value}" for name, value in chosen.items()))
    if note["at_edge"] and verdict is None:  # else its notes say so
        say(f"it lies at the end of {', '.join(note['at_edge'])}: a better value may lie beyond the grid")
    say(
        f"crashed {counts['lost']}, without a value of {note['objective']} {counts['valueless']}, breaking constraints {counts['infeasible']}; "
        f"{found.tried:,} configurations were ever tried on this data, which the verdict corrects for"
    )
    if counts["lost"]:
        say(f"the first that crashed: {next(iter(found.results.causes.values()))}")
    say(f"folder: {found.folder}" + ("" if verdict is None else ", with report.html"))
    if verdict is not None:
        say(verdict.sentence)
        broken = dict.fromkeys(reason.text for reason in verdict.reasons if not reason.holds and reason.text not in verdict.sentence)
        for text in (*broken, *verdict.notes[bool(verdict.evidence.dead) :]):
            say(f"- {text}")
