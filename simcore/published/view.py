"""How results are shown: as text on a terminal, and as the Markdown page docs/published.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from simcore.published.result import Cell, Result, Table
from simcore.published.size import FAST, FULL

_TEMPLATE = Path(__file__).parent / "page.md"
_MARK = re.compile(r"^\{\{(\S+)\}\}$", re.MULTILINE)


def result_text(result: Result, every_number: bool = False) -> str:
    """Return a result as lines: a line a table; with every_number, and where a table fails, its numbers, too."""
    lines = [f"{result.name}: {result.title}"]
    for table in result.tables:
        lines.append(f"  {'ok' if table.ok else 'FAILED':<6}  {_summary(table)}")
        for cell in table.cells():
            if every_number or not cell.ok:
                mark = "" if cell.ok else "  FAILED"
                lines.append(f"            {cell.row}, {cell.column}: {pair(cell, table)}{mark}")
    return "\n".join(lines)


def _summary(table: Table) -> str:
    count = len(list(table.cells()))
    worst = f"{table.worst:.1f}" if table.standard_errors is not None else plain(f"{table.worst:.2g}")
    limit = f"{table.limit:g} {table.unit}" if table.standard_errors is not None else f"{table.limit:g}"
    return f"{table.title} — {table.method}, against {table.source}: {count} numbers, largest error {worst} (limit {limit})"


def number(value: float, digits: int) -> str:
    """Return a number with so many digits after the point; no negative zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def error(cell: Cell, table: Table) -> str:
    """Return an error with its sign: in standard errors, or the plain difference."""
    return f"{cell.error:+.1f}" if table.standard_errors is not None else plain(f"{cell.error:+.1g}")


def plain(difference: str) -> str:
    """Return a difference, 0 where it is the rounding of floats, which is not the same on all machines."""
    return difference if abs(float(difference)) > 1e-9 else "0"


def pair(cell: Cell, table: Table) -> str:
    """Return `ours (theirs, error)`."""
    return f"{number(cell.ours, table.digits)} ({number(cell.theirs, table.their_digits)}, {error(cell, table)})"


def table_markdown(table: Table) -> str:
    """Return a table of "ours (theirs, error)" below a line that says what it is."""
    cells = {(cell.row, cell.column): cell for cell in table.cells()}
    lines = [f"*{_summary(table)}*", "", f"| | {' | '.join(table.columns)} |", f"|---|{'---|' * len(table.columns)}"]
    for row in table.rows:
        shown = [pair(cells[row, column], table) if (row, column) in cells else "–" for column in table.columns]
        lines.append(f"| {row} | {' | '.join(shown)} |")
    return "\n".join(lines)


def page(results: Sequence[Result], fast: bool) -> str:
    """Return docs/published.md: the template's text with the tables of all results and the sizes of the samples."""
    size = FAST if fast else FULL
    fields = {name: f"{value:,}" for name, value in vars(size).items()} | {"episodes": f"{25 * size.rounds:,}"}
    tables = {f"{result.name}/{i}": table_markdown(table) for result in results for i, table in enumerate(result.tables, 1)}
    text = _TEMPLATE.read_text(encoding="utf-8")
    for name, value in fields.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return _MARK.sub(lambda mark: tables[mark[1]], text)
