"""Pages of what calibration finds: a Markdown and an HTML file of sections, each with text, a table or a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from simcore.errors import CalibrateError
from simcore.report.build import write_bytes
from simcore.report.html import render_html
from simcore.report.markdown import render_markdown
from simcore.report.pages import Table
from simcore.version import VERSION

PAGE = "sections"  # the template's name


@dataclass(frozen=True)
class Section:
    """A part of a page. picture: a name of the page's pictures; caption: what it shows; code: shown as it is."""

    title: str
    text: Sequence[str] = ()
    table: Table | None = None
    picture: str = ""
    caption: str = ""
    code: str = ""


@dataclass(frozen=True)
class Page:
    """A page: title, what is below it, what a reader must know first, and sections. note: the last line."""

    title: str
    sub: str
    sections: Sequence[Section]
    warnings: Sequence[str] = ()
    note: str = ""
    version: str = field(default=VERSION)


def write_page(folder: Path, page: Page, pictures: Mapping[str, bytes]) -> tuple[Path, Path]:
    """Write report.md, report.html and plots/NAME.png into a folder, each file whole or not at all; return both pages.

    pictures: PNG bytes by name.  The same page gives the same bytes.  JRNL-005 if the disk refuses.
    """
    links = {name: f"plots/{name}.png" for name in pictures}
    shown = {"page": page}
    for name, data in pictures.items():
        write_bytes(folder / links[name], data)
    markdown, html = folder / "report.md", folder / "report.html"
    write_bytes(markdown, render_markdown(shown, links, PAGE).encode())
    write_bytes(html, render_html(shown, pictures, PAGE).encode())
    return markdown, html


def refuse_used(folder: Path) -> None:
    """Refuse a folder that holds something already: results of two kinds or runs would mix there. CAL-004."""
    if folder.is_dir() and any(folder.iterdir()):
        raise CalibrateError("CAL-004", f"{folder} is not empty")
    if folder.exists() and not folder.is_dir():
        raise CalibrateError("CAL-004", f"{folder} is not a folder")
