"""The grids and figures of docs/calibrate.md; tests/test_pages.py runs its commands."""

from __future__ import annotations

import re
from pathlib import Path

from simcore.calibrate.grid import read_grid
from simcore.calibrate.metrics import METRICS
from simcore.link import link
from tests.blackbox.command import ROOT

PAGE = (ROOT / "docs" / "calibrate.md").read_text(encoding="utf-8")
GRIDS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
WORDS = {1: "more", -1: "less", 0: ""}


def test_the_grids_of_the_page_are_grids(tmp_path: Path) -> None:
    """The first of the demo maker, the second of the adaptive strategy."""
    sizes = []
    for name, text in zip(("demo_maker", "adaptive"), GRIDS, strict=True):
        (tmp_path / "grid.yaml").write_text(text)
        sizes.append(read_grid(tmp_path / "grid.yaml", link(name).param_names).size)
    assert sizes == [21, 2 * 3 * 2 * 2]


def test_the_values_of_the_page_are_what_it_says(tmp_path: Path) -> None:
    """The table of ranges."""
    for written, values in (("{from: 1, to: 10, step: 3}", (1, 4, 7, 10)), ("[0.3, 0.6, 0.9]", (0.3, 0.6, 0.9))):
        assert f"| `{written}` |" in PAGE
        (tmp_path / "grid.yaml").write_text(f"a: {written}")
        assert read_grid(tmp_path / "grid.yaml", ("a",)).axes[0].values == values


def test_the_figures_of_the_page_are_those_there_are() -> None:
    """Names, units, directions and words, in the same order."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|\s?(\w*) \| (.*) \|$", PAGE, re.MULTILINE)
    assert rows == [(each.name, each.unit, WORDS[each.better], each.words) for each in METRICS.values()]
