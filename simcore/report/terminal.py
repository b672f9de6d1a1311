"""Tables on a terminal: whatever its width, no number is cut or broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from simcore.door.shown import rich_text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


class Sheet:
    """A table that a rich console draws as it fits: plain, with heads a word a line, or a block of lines for each row.

    numeric  which columns are figures: they are to the right, and never wrapped. Others may be wrapped at spaces.
    """

    def __init__(self, title: str, head: Sequence[str], rows: Sequence[Sequence[str | Text]], numeric: Sequence[bool]) -> None:
        self.title, self.head, self.rows, self.numeric = title, head, rows, numeric

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for is_stacked in (False, True):
            drawn = self._table(is_stacked)
            if Measurement.get(console, options.update(max_width=10_000), drawn).minimum <= options.max_width:
                yield drawn
                return
        yield from self._blocks()

    def _table(self, is_stacked: bool) -> Table:
        made = Table(title=rich_text(self.title) if self.title else None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for i, (head, numeric) in enumerate(zip(self.head, self.numeric, strict=True)):
            words = head.replace(" ", "\n") if is_stacked and numeric else head
            whole = [*words.split("\n"), *(str(row[i]) for row in self.rows)]
            if not numeric and i > 0:
                whole = [word for text in whole for word in text.split()]
            made.add_column(rich_text(words), justify="right" if numeric else "left", no_wrap=numeric or i == 0, min_width=max(map(len, whole), default=0))
        for row in self.rows:
            made.add_row(*map(_text, row))
        return made

    def _blocks(self) -> RenderResult:
        """Draw a row as lines `head  value`, below its first cell; a column without a head is the unit of the one before."""
        if self.title:
            yield rich_text(self.title)
        for row in self.rows:
            yield Text()
            yield Text.assemble((f"{self.head[0]} " if self.head[0] else ""), _text(row[0]), style="bold")
            lines = Table.grid(padding=(0, 2))
            lines.add_column(min_width=max(map(len, self.head), default=0))
            lines.add_column(overflow="fold")
            for i in range(1, len(row)):
                if self.head[i]:
                    unit = row[i + 1] if i + 1 < len(row) and not self.head[i + 1] else ""
                    lines.add_row(rich_text(self.head[i], "dim"), Text.assemble(_text(row[i]), " " if unit else "", _text(unit)))
            yield lines
        yield Text()


def _text(cell: str | Text) -> Text:
    return rich_text(cell) if isinstance(cell, str) else cell
