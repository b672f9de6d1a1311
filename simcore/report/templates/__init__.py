"""The templates of the report pages, read as package data."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(escape: bool) -> Environment:
    """Return a jinja2 environment over this folder; a name that is not given is an error."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(text_of),
        autoescape=escape,  # noqa: S701  Markdown is not HTML: its cells are escaped by their own filter
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def text_of(name: str) -> str:
    """Return a template's text."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
