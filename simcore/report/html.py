"""report.html: one file with everything inside; it opens offline, in light or dark."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from simcore.report.templates import environment, text_of


def render_html(page: Mapping[str, Any], pictures: Mapping[str, bytes], name: str = "report") -> str:
    """Return the page. page: see `pages.context`; pictures: PNG bytes by plot name; name: the template's."""
    images = {name: f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}" for name, data in pictures.items()}
    template = environment(escape=True).get_template(f"{name}.html.j2")
    return template.render(**page, images=images, style=text_of("report.css"))
