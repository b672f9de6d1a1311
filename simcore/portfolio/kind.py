"""Which folders hold a run of several symbols; loads nothing, so that commands can ask first."""

from __future__ import annotations

from pathlib import Path

from simcore.door.json_text import read_json
from simcore.errors import JournalError

KIND = "portfolio"


def is_portfolio(run_dir: Path | str) -> bool:
    """Return whether a folder holds a run of several symbols, finished or not."""
    try:
        note = read_json(Path(run_dir) / "run.json", JournalError, "JRNL-001")
    except JournalError:
        return False
    return note.get("kind") == KIND
