"""report.md: the same figures for a terminal, a repository or a pull request; pictures are linked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from simcore.door.shown import code_block, code_span, on_terminal
from simcore.report.pages import Table
from simcore.report.pictures import NOT_DRAWN
from simcore.report.templates import environment


def render_markdown(page: Mapping[str, Any], pictures: Mapping[str, str], name: str = "report") -> str:
    """Return the page. page: see `pages.context`; pictures: relative paths by plot name; name: the template's."""
    jinja = environment(escape=False)
    jinja.filters["table"] = table_text
    jinja.filters["cell"] = cell
    jinja.filters["prose"] = prose
    jinja.filters["code"] = code_span
    jinja.filters["block"] = code_block
    return jinja.get_template(f"{name}.md.j2").render(**page, images=pictures, not_drawn=NOT_DRAWN)


def table_text(table: Table) -> str:
    """Return a Markdown table."""
    rule = ["---:" if numeric else "---" for numeric in table.numeric]
    return "\n".join(_row(row) for row in (table.head, rule, *table.rows))


def cell(text: str) -> str:
    """Return text that cannot break a table or become markup."""
    line = on_terminal(" ".join(str(text).splitlines()))
    return re.sub(r"([\\|*_`\[])", r"\\\1", line).replace("<", "&lt;")


def prose(text: str) -> str:
    """Return a sentence whose code, between backticks, stays code; all else as `cell`."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a lone backtick begins no code
        return cell(text)
    return "".join(code_span(part) if place % 2 else cell(part) for place, part in enumerate(parts))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell(text) for text in cells)} |"
