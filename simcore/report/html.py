"""report.html: one file with everything inside; it opens offline, in light or dark."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from simcore.report.pictures import NOT_DRAWN
from simcore.report.templates import environment, text_of


def prose(text: str) -> Markup:
    """Return a sentence whose code, between backticks, is set as code."""
    parts = [escape(part) for part in text.split("`")]
    if len(parts) % 2 == 0:  # a lone backtick begins no code
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))


def render_html(page: Mapping[str, Any], pictures: Mapping[str, bytes], name: str = "report") -> str:
    """Return the page. page: see `pages.context`; pictures: PNG bytes by plot name; name: the template's."""
    images = {name: f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}" for name, data in pictures.items()}
    jinja = environment(escape=True)
    jinja.filters["prose"] = prose
    return jinja.get_template(f"{name}.html.j2").render(**page, images=images, not_drawn=NOT_DRAWN, style=text_of("report.css"))
