"""`mmsim dataset …`: from calibration feeds to a table of intervals."""

from __future__ import annotations

from pathlib import Path

import click

from simcore.commands.options import JSON, moment
from simcore.commands.output import print_figures, print_table, print_warning, say


@click.group()
def dataset() -> None:
    """Make data sets of calibration feeds."""


@dataset.command()
@click.argument("feeds", metavar="FEEDS…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--from", "from_ts", metavar="DAY", help="First UTC day; default: that of the feeds.")
@click.option("--to", "to_ts", metavar="DAY", help="The day after the last; default: that of the feeds.")
@click.option("--interval", "interval_s", metavar="SECONDS", type=int, default=300, show_default=True, help="Length of an interval; it divides a day.")
@click.option("--min-ticks", metavar="N", type=int, default=10, show_default=True, help="Traced ticks that an interval needs.")
@click.option("--max-gap", metavar="SECONDS", type=float, default=60.0, show_default=True, help="Longest time without a traced tick.")
@click.option("--max-misses", metavar="SHARE", type=float, default=0.05, show_default=True, help="Largest share of ticks that missed their deadline.")
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="New folder of the data set; default: one under reports/.")
@JSON
def build(
    feeds: tuple[Path, ...], from_ts: str | None, to_ts: str | None, interval_s: int, min_ticks: int, max_gap: float, max_misses: float,
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Build a data set of feeds.

    FEEDS are run folders, folders of feeds, or single files that `mmsim feeds` wrote (docs/sweeps.md).
    """
    from simcore import manifest
    from simcore.calibrate.datasets.build import build_dataset, write_dataset
    from simcore.calibrate.datasets.intervals import Limits
    from simcore.calibrate.datasets.report import drop_table, filter_table, summary

    first, past = moment(from_ts, "--from"), moment(to_ts, "--to")
    found = build_dataset(list(feeds), from_ts=first, to_ts=past, interval_s=interval_s, limits=Limits(min_ticks, max_gap, max_misses))
    told = summary(found)
    with manifest.claimed(out, "dataset", "-".join(told["symbols"][:3])) as folder:
        write_dataset(found, folder)
    if as_json:
        print_figures({**told, "folder": str(folder)}, as_json)
        return
    for table in (filter_table(found), drop_table(found)):
        print_table(table, table.title)
    for text in told["warnings"]:
        print_warning(text)
    say(f"folder: {folder}")
