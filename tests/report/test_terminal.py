"""Tables on a terminal of any width: every figure whole, on one line."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.text import Text

from simcore.report.terminal import Sheet

HEAD = ("", "PnL after fees", "", "net, bps", "turnover", "largest drawdown", "why")
ROWS = [
    ("BTCUSDT", "−10.04512", "USDT", "−0.350", "10,146,283.75", "11.0386", "a sentence that may be broken at its spaces"),
    ("ETHUSDT", "−0.0004512", "USDT", "0.017", "283,666.7", "1,011.25", "another"),
]
NUMERIC = (False, True, False, True, True, True, False)


def printed(width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(Sheet("Totals", HEAD, ROWS, NUMERIC))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 60, 72, 80, 100, 200])
def test_no_figure_is_cut(width: int) -> None:
    text = printed(width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "Totals" in text
    for row in ROWS:
        assert all(cell in text for cell, numeric in zip(row, NUMERIC, strict=True) if numeric or cell in ("BTCUSDT", "ETHUSDT"))
    assert "…" not in text


def test_a_wide_terminal_has_a_row_a_line_and_a_narrow_one_a_line_a_figure() -> None:
    wide, narrow = printed(200).splitlines(), printed(40).splitlines()
    assert any(all(cell in line for cell in ROWS[0]) for line in wide)
    assert any("PnL after fees" in line and "−10.04512 USDT" in line for line in narrow)  # with its unit
    stacked = printed(78).splitlines()
    assert any(ROWS[0][1] in line and ROWS[0][5] in line for line in stacked)
    assert not any("PnL after fees" in line for line in stacked)  # a word a line


def test_cells_keep_their_style() -> None:
    console = Console(file=io.StringIO(), width=40, force_terminal=True, color_system="standard")
    console.print(Sheet("", ("", "x"), [("a", Text("1.5", "red"))], (False, True)))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[31m1.5" in console.file.getvalue()
