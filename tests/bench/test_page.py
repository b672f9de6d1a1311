"""The table of all captures, from figures that were made up; and the shape of a tape, from rows that were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore.bench.shape import shape
from simcore.records import ASK_BIT, BOTH_BITS, DEPTH, TRADE, Chunk
from simcore.tape.read import Tape
from simcore.tape.synth import preset_spec, synth
from tests.bench import page
from tests.support import MemoryTape

KEYS = ("replay", "pipeline", "few_lane", "lane", "pipeline_lane", "end_to_end")
OURS = {
    "capture": "x Y", "tape_rows": 1_234_567, "trades_pct": 4.0, "far_rows_pct": 1.0, "rows_per_tick": 17.4, "orders_per_tick": 0.25,
    "fresh_cpu_s": 1.25, "fresh_pictures_cpu_s": 2.0, **{f"{key}_rows_per_s": 50_000_000 for key in KEYS},
}  # fmt: skip
RATIOS = {f"ratio_{key}_{depth}{end}": ratio for key in KEYS for depth, ratio in (("range", 5.0), ("hashmap", 4.0)) for end in ("", "_best")}


def test_the_table_says_the_smaller_ratio() -> None:
    """Beside the peer's faster depth; a capture that the peer did not play has its own speed only."""
    text = page.page({"a": {**OURS, **RATIOS, "peer_fresh_cpu_s": 7.5}, "b": {**OURS, "capture": "x Z"}})
    assert "| x Y | 1,234,567 | 4.0 | 1.0 | 17.4 | 0.25 |" in text
    assert f"| x Y {'| 50.0 (4.0) ' * 6}|" in text
    assert f"| x Z {'| 50.0 ' * 6}|" in text
    assert "| x Y | 1.25 | 2.00 | 7.50 |" in text
    assert "| x Z | 1.25 | 2.00 |  |" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert widths == {7, 8, 5}


def test_tables_go_between_the_marks_of_the_page() -> None:
    """What was there goes; the page around it stays. docs/performance.md has the marks."""
    text = f"a\n{page.BEGIN}old\n{page.END}\nb"
    assert page.with_tables(text, "new\n") == f"a\n{page.BEGIN}new\n{page.END}\nb"
    with pytest.raises(ValueError, match="bench: begin"):
        page.with_tables("a", "new")
    shown = page.SHOWN.read_text(encoding="utf-8")
    assert shown.count(page.BEGIN) == shown.count(page.END) == 1


def test_what_is_measured_fits_into_a_few_minutes(tmp_path: Path) -> None:
    """A capture that is absent is left out; a short tape is repeated, one of few rows and many ticks is not."""
    path = synth(preset_spec("small-tick", seed=3, rows_max=20_000), tmp_path)[0].path
    tape = Tape.open(path)
    assert page.repeats(tape) == min(page.ROWS // tape.rows, 36_000 * 10**9 // tape.span_ns) > 1


class Rows(MemoryTape):
    """Rows in memory, all columns whatever is asked for."""

    def chunks(self, *_: Any, **_options: Any) -> Iterator[Chunk]:
        yield from super().chunks()


def test_shape_counts_trades_and_rows_far_from_the_last_trade() -> None:
    """A level 40,000 ticks from the last trade is far (half the window is 32,768), one that was near before the trade is not."""
    kind = np.array([DEPTH, DEPTH | ASK_BIT, TRADE, DEPTH, TRADE, DEPTH], np.uint8) | np.uint8(BOTH_BITS)
    price = np.array([50_000, 90_000, 50_000, 82_768, 90_000, 50_000], np.int64)
    ts = np.arange(6, dtype=np.int64) + 10
    rows = Chunk(ts, ts, kind, price, np.ones(6, np.int64), np.zeros(0, np.int64))
    whole, cut = (shape(Rows(rows, chunk_rows=size)) for size in (6, 1))
    assert whole == cut == {"trades_pct": 33.33, "far_rows_pct": 33.33}
