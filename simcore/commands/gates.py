"""`mmsim gate …`: hold a run against a baseline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simcore.commands.options import JSON, pairs
from simcore.commands.output import print_figures, say

if TYPE_CHECKING:
    from simcore.report.gates import Gate

_FILE = click.Path(path_type=Path)
_OUT = click.option("--out", type=_FILE, help="Write the Markdown report to this file, too.")
_BASELINE = click.option(
    "--baseline", metavar="FILE|RUN", type=_FILE, help="What it should be: a baseline file, or a run folder."
)
_WRITE = click.option(
    "--write-baseline", metavar="FILE", type=_FILE, help="Write the baseline file instead, on purpose."
)


@click.group()
def gate() -> None:
    """Hold a run's timings or edge against a baseline."""


@gate.command()
@_BASELINE
@click.option(
    "--current", metavar="FILE|RUN", required=True, type=_FILE, help="What it is: a stages.json, or a run folder."
)
@_OUT
@_WRITE
@JSON
def stages(baseline: Path | None, current: Path, out: Path | None, write_baseline: Path | None, as_json: bool) -> None:
    """Compare the timings of stages with a baseline and the budgets.

    Exit code 1 if a stage's p95 grew by more than 3 %, or a budget is exceeded (docs/gates.md).
    """
    from simcore.report import gates

    if write_baseline is not None:
        print_figures(gates.write_stage_baseline(write_baseline, current), as_json)
        return
    _judge(lambda base: gates.gate_stages(base, current), baseline, out, as_json)


@gate.command()
@_BASELINE
@click.option(
    "--current", metavar="FILE|RUN", required=True, type=_FILE, help="What it is: a summary.json, or a run folder."
)
@_OUT
@_WRITE
@click.option(
    "--tolerance",
    "tolerances",
    metavar="FIGURE=VALUE",
    multiple=True,
    help="With --write-baseline: how far a figure may move; repeatable.",
)
@click.option("--worse-only", is_flag=True, help="Let figures get better by any amount.")
@JSON
def edge(
    baseline: Path | None, current: Path, out: Path | None, write_baseline: Path | None, tolerances: tuple[str, ...],
    worse_only: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compare net edge, slippage, taker share and fill ratio with a baseline.

    Exit code 1 if one moved by more than its tolerance.
    """
    from simcore.report import gates

    if write_baseline is not None:
        print_figures(gates.write_edge_baseline(write_baseline, current, _numbers(tolerances)), as_json)
        return
    if tolerances:
        raise click.UsageError("--tolerance goes with --write-baseline: a baseline holds its tolerances")
    _judge(lambda base: gates.gate_edge(base, current, worse_only), baseline, out, as_json)


def _judge(compare: Callable[[Path], Gate], baseline: Path | None, out: Path | None, as_json: bool) -> None:
    """Print a gate's report; end with 1 if it does not pass."""
    from simcore.report.gates import save

    if baseline is None:
        raise click.UsageError("give --baseline FILE|RUN, or --write-baseline FILE")
    result = compare(baseline)
    if out is not None:
        save(out, result.markdown())
    if as_json:
        print_figures(result.to_dict(), as_json)
    else:
        say(result.markdown(), nl=False)
    if not result.passed:
        raise click.exceptions.Exit(1)


def _numbers(texts: tuple[str, ...]) -> dict[str, Any]:
    try:
        return {name: float(value) for name, value in pairs(texts, "--tolerance").items()}
    except ValueError as exc:
        raise click.UsageError(f"--tolerance: {exc}") from exc
