"""Make run folders and tapes whole again that a test has changed on purpose: as if they had been written so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simcore.journal import note as notes
from simcore.sealed import sealed
from simcore.tape.schema import METADATA_HASH


def reseal(run: Path, **changes: Any) -> Path:
    """Give a run folder's run.json the hashes of its files as they are, and these keys; return the folder."""
    note = json.loads((run / notes.NAME).read_text()) | changes
    files = [*note.get("files", {}), notes.CONFIG, notes.COUNTS]
    found = sorted(path.relative_to(run).as_posix() for path in (run / "journal").glob("[!.]*.parquet"))
    notes.write(run, {**note, "files": notes.hashes(run, dict.fromkeys([*files, *found]))})
    return run


def meta_text(note: Mapping[str, Any]) -> bytes:
    """Return the metadata of a tape as its file carries them, with their hash."""
    return json.dumps(sealed(note, METADATA_HASH)).encode()
