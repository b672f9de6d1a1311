"""What a pass costs as lanes grow from 1 to 1,000 and days from 1 to 8: `python -m simcore.bench.scaling TAPE --out PICTURE.png`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from simcore.bench.process import measure
from simcore.report.build import write_bytes
from simcore.report.canvas import BLUE, VERMILION, house_style, new_picture, png_bytes, powers_axis

LANES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
DAYS = (1, 2, 3, 4, 5, 6, 7, 8)
DAY_LANES = 100
SERIES = {"the demo maker": (False, BLUE), "all six stages": (True, VERMILION)}


def scaling(tape: Path, repeat: int) -> dict[str, Any]:
    """Measure both series in processes of their own; a day is the tape played once more."""
    found: dict[str, Any] = {}
    for name, (stages, _) in SERIES.items():
        options = {"tape": str(tape), "stages": stages}
        found[name] = {
            "lanes": [measure("lane_cost", repeat=repeat, lanes=lanes, **options) for lanes in LANES],
            "days": [measure("lane_cost", repeat=days, lanes=DAY_LANES, **options) for days in DAYS],
        }
    return found


def draw(found: dict[str, Any]) -> bytes:
    """Return a PNG: CPU seconds against lanes, ns a row and lane against lanes, CPU seconds against days."""
    with house_style():
        picture = new_picture(3.4)
        seconds, each, days = picture.subplots(1, 3)
        for name, (_, colour) in SERIES.items():
            points = found[name]["lanes"]
            count = [point["lanes"] for point in points]
            seconds.loglog(count, [point["cpu_s"] for point in points], "o-", color=colour, label=name, markersize=3)
            each.loglog(count, [1e9 * point["cpu_s"] / point["rows"] / point["lanes"] for point in points], "o-", color=colour, markersize=3)
            spent = [point["cpu_s"] for point in found[name]["days"]]
            days.plot(DAYS[: len(spent)], spent, "o-", color=colour, markersize=3)
        for axes in (seconds, each):
            powers_axis(axes.xaxis)
            powers_axis(axes.yaxis)
        seconds.set_title("CPU seconds of a pass")
        seconds.set_xlabel("lanes")
        seconds.legend()
        each.set_title("ns a row and lane")
        each.set_xlabel("lanes")
        days.set_title(f"CPU seconds of {DAY_LANES} lanes")
        days.set_xlabel("days (times the tape is played)")
        days.set_ylim(bottom=0)
        picture.tight_layout()
        return png_bytes(picture)


@click.command()
@click.argument("tape", type=click.Path(exists=True, path_type=Path))
@click.option("--repeat", type=int, default=4, show_default=True, help="Times that the tape is played as lanes grow.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The picture; figures go to stdout as JSON.")
def main(tape: Path, repeat: int, out: Path) -> None:
    """Measure what lanes and days cost, and draw it."""
    found = scaling(tape, repeat)
    write_bytes(out, draw(found))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
