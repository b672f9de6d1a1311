"""One table of all captures: `make bench` prints it and writes it to reports/bench.md.

`python -m tests.bench.page` puts what was written last into docs/performance.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from simcore.tape.convert import convert
from simcore.tape.read import Tape
from simcore.tape.synth import preset_spec, synth
from tests.property.real import CAPTURES, ROOT

_HERE = Path(__file__).parents[2]
WRITTEN, SHOWN = _HERE / "reports" / "bench.md", _HERE / "docs" / "performance.md"
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->"
ROWS = 6_000_000  # that a measurement plays, about; short captures are repeated
HOURS = 10  # that it plays at most: ES has few rows and many ticks
SYNTHETIC = {"small-tick": 2_000_000, "large-tick": 2_000_000}  # preset: rows
NAMES = (*CAPTURES, *SYNTHETIC)
Found = Mapping[str, Mapping[str, Any]]

_SHAPE: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("rows", lambda one: f"{one['tape_rows']:,}"),
    ("trades, % of rows", lambda one: f"{one['trades_pct']:.1f}"),
    ("far from the market, %", lambda one: f"{one['far_rows_pct']:.1f}"),
    ("rows a tick", lambda one: f"{one['rows_per_tick']:.1f}"),
    ("orders a tick", lambda one: f"{one['orders_per_tick']:.2f}"),
)
_SPEED = (
    ("the maker", "replay"), ("six stages", "pipeline"), ("16 sets", "few_lane"), ("100 sets", "lane"),
    ("100 sets of six stages", "pipeline_lane"), ("from file", "end_to_end"),
)  # fmt: skip
_FRESH = (("without pictures", "fresh_cpu_s"), ("with pictures", "fresh_pictures_cpu_s"), ("the peer", "peer_fresh_cpu_s"))


def make_tape(name: str, folder: Path) -> Path | None:
    """Convert a capture, or make a synthetic tape; None where the capture is absent."""
    if name in SYNTHETIC:
        return synth(preset_spec(name, seed=3, rows_max=SYNTHETIC[name]), folder / name)[0].path
    capture = CAPTURES[name]
    paths = [ROOT / file for file in capture.files]
    if not all(path.is_file() for path in paths):
        return None
    out = folder / f"{name}.parquet"
    convert(paths, capture.fmt, out, capture.options)
    return out


def repeats(tape: Tape) -> int:
    """Return how often a tape is played in one measurement."""
    return max(min(ROWS // tape.rows, HOURS * 3_600_000_000_000 // tape.span_ns), 1)


def page(found: Found) -> str:
    """Return the tables of all captures as Markdown: their shape, speed beside the peer's, and whole commands."""
    names = [str(one["capture"]) for one in found.values()]
    shapes = [[text(one) for _, text in _SHAPE] for one in found.values()]
    speeds = [[_speed(one, key) for _, key in _SPEED] for one in found.values()]
    fresh = [[f"{one[key]:.2f}" if key in one else "" for _, key in _FRESH] for one in found.values()]
    return "\n".join([
        "What they are like:\n", _table(("", *(head for head, _ in _SHAPE)), names, shapes),
        "\nMillion rows a second on one core, and in brackets how many times the peer's with its faster depth:\n",
        _table(("", *(head for head, _ in _SPEED)), names, speeds),
        "\nA fresh process, one pass of the maker, CPU seconds:\n", _table(("", *(head for head, _ in _FRESH)), names, fresh),
    ])  # fmt: skip


def _speed(one: Mapping[str, Any], key: str) -> str:
    own = f"{one[f'{key}_rows_per_s'] / 1e6:,.1f}"
    ratio = fastest(one, key, "")
    return own if ratio is None else f"{own} ({ratio:,.1f})"


def fastest(one: Mapping[str, Any], key: str, end: str) -> float | None:
    """Return our speed beside the faster of the peer's depths; None where the peer was not measured. end: "" or "_best"."""
    ratios = [float(one[name]) for depth in ("range", "hashmap") if (name := f"ratio_{key}_{depth}{end}") in one]
    return min(ratios) if ratios else None


def _table(head: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ("---", *("---:" for _ in head[1:]))
    lines = [head, rule, *((name, *cells) for name, cells in zip(names, rows, strict=True))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def with_tables(text: str, tables: str) -> str:
    """Return a page with other tables between its marks. ValueError if it has none."""
    head, _, rest = text.partition(BEGIN)
    _, found, tail = rest.partition(END)
    if not found:
        raise ValueError(f"no {BEGIN.strip()} and {END}")
    return f"{head}{BEGIN}{tables}{END}{tail}"


def main() -> int:
    """Put the tables of the last `make bench` into the page."""
    if not WRITTEN.is_file():
        sys.stderr.write(f"no {WRITTEN}: run `make bench`\n")
        return 2
    SHOWN.write_text(with_tables(SHOWN.read_text(encoding="utf-8"), WRITTEN.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
