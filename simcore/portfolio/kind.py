"""Which folders hold a run of several symbols; loads nothing, so that commands can ask first."""

from __future__ import annotations

import json
from pathlib import Path

KIND = "portfolio"


def is_portfolio(run_dir: Path | str) -> bool:
    """Return whether a folder holds a run of several symbols, finished or not."""
    try:
        note = json.loads((Path(run_dir) / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(note, dict) and note.get("kind") == KIND
