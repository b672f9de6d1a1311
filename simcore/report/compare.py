"""Two runs side by side: which figures differ, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simcore.door.arguments import PATH, public
from simcore.report.statistics import summary
from simcore.report.wording import ABSENT, EDGE, FIGURES, SECTIONS, shown, unit_text

if TYPE_CHECKING:
    from simcore.report.terminal import Sheet

TIMING = ("wall_s", "rows_per_s")  # differ from run to run by nature
_TEXT = ("digest", "venue", "symbol", "kind", "strategy", "seed", "start", "end", "config_hash", "code_hash", "mmsim")
_UNITS = ("unit_cash", "unit_size")


@dataclass(frozen=True)
class Difference:
    """A figure that differs. change: b - a, None where one is missing or is no number."""

    key: str
    a: Any
    b: Any
    change: float | int | None


@dataclass(frozen=True)
class Comparison:
    """Figures of two runs; `differences` leaves timings out."""

    a: Mapping[str, Any]
    b: Mapping[str, Any]
    differences: tuple[Difference, ...]

    @property
    def same_digest(self) -> bool:
        """Whether both runs did exactly the same."""
        return bool(self.a["digest"] == self.b["digest"])

    def table(self) -> Sheet:
        """Return the differences as a table: `rich.print(…)`."""
        from simcore.report.terminal import Sheet

        rows = []
        for row in self.differences:
            figure = FIGURES.get(row.key)
            unit = figure.unit if figure else ""
            label = figure.label if figure else row.key
            change = ABSENT if row.change is None else shown(row.change, unit)
            rows.append((label, _text(row.a, unit), _text(row.b, unit), change, unit_text(self.a, unit)))
        return Sheet("" if rows else "no figure differs", ("figure", "a", "b", "b − a", ""), rows, (False, True, True, True, False))


@public(run_a=PATH, run_b=PATH)
def compare(run_a: Path | str, run_b: Path | str) -> Comparison:
    """Compare the summaries of two run folders. Raises what `summary` raises."""
    a, b = summary(run_a), summary(run_b)
    return Comparison(a, b, tuple(_differences(a, b)))


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    for key in (*_TEXT, *_UNITS):
        if a[key] != b[key]:
            yield Difference(key, a[key], b[key], None)
    comparable = all(a[key] == b[key] for key in _UNITS)
    for figure in (item for group in (*SECTIONS.values(), EDGE) for item in group):
        before, after = a[figure.key], b[figure.key]
        if figure.key in TIMING or before == after:
            continue
        known = before is not None and after is not None and (comparable or figure.unit not in ("cash", "size"))
        yield Difference(figure.key, before, after, after - before if known else None)


def _text(value: Any, unit: str) -> str:
    return value if isinstance(value, str) else shown(value, unit)
