"""Text from outside, made safe for the place where it is shown: a terminal, a table of rich, a message, Markdown.

HTML is escaped by the templates; plots read no formulas (`simcore.report.canvas`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

LINE_MAX = 2000  # of a message

# What moves the cursor, clears the screen, hides or reverses text: controls, and the format characters of Unicode.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_FENCE = re.compile(r"`+")


def on_terminal(text: str) -> str:
    """Return text whose control characters are spelt out, as Python writes them; newlines and tabs stay."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def one_line(text: str, limit: int = LINE_MAX) -> str:
    """Return text as one line of bounded length, for a message."""
    line = on_terminal(" ".join(text[: 4 * limit].split()))
    return line if len(line) <= limit else f"{line[:limit]}…"


def rich_text(text: str, style: str = "") -> Text:
    """Return text for a table of rich: neither its markup (`[/x]`) nor control characters count."""
    from rich.text import Text

    return Text(on_terminal(text), style)


def code_span(text: str) -> str:
    """Return Markdown that shows text as code within a line, whatever is in it."""
    line = on_terminal(" ".join(str(text).split()))
    ticks = _ticks(line, 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def code_block(text: str, language: str = "") -> str:
    """Return Markdown that shows text as a block of code: no line of it can end the block."""
    safe = on_terminal(str(text)).rstrip("\n")
    fence = _ticks(safe, 3)
    return f"{fence}{language}\n{safe}\n{fence}"


def _ticks(text: str, least: int) -> str:
    """Return more backticks than stand together anywhere in the text."""
    return "`" * max(least, 1 + max((len(run) for run in _FENCE.findall(text)), default=0))
