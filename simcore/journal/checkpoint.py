"""Checkpoints: the state arrays and where the run was, in one file, replaced atomically."""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simcore.errors import JournalError
from simcore.files import write_atomic

NAME = ".checkpoint.npz"


@dataclass(frozen=True)
class Position:
    """Where a run is: first rows of the two chunks in use, rows decided, journal segments, and what must not change."""

    exch_start: int
    local_start: int
    wall_s: float
    segments: dict[str, int]
    fingerprint: str


def save(run_dir: Path, position: Position, arrays: dict[str, Any]) -> None:
    """Write a checkpoint; JRNL-005 if the disk refuses."""
    note = np.frombuffer(json.dumps(asdict(position)).encode(), np.uint8)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, __position__=note, **arrays)

    try:
        write_atomic(run_dir / NAME, write)
    except OSError as exc:
        raise JournalError("JRNL-005", f"{run_dir / NAME}: {exc}") from exc


def load(run_dir: Path) -> tuple[Position, dict[str, Any]] | None:
    """Read the checkpoint of a run, None if there is none; JRNL-003 if it cannot be read."""
    path = run_dir / NAME
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:  # np.load(path) leaves damaged files open
            arrays = {name: archive[name] for name in archive.files}
        position = Position(**json.loads(arrays.pop("__position__").tobytes()))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as exc:
        raise JournalError("JRNL-003", f"{path}: {exc}") from exc
    return position, arrays


def remove(run_dir: Path) -> None:
    """Remove the checkpoint of a finished run, its journal segments, and what a killed process left half-written."""
    (run_dir / NAME).unlink(missing_ok=True)
    for path in (*run_dir.glob(".*.part"), *(run_dir / "journal").glob(".*")):
        path.unlink()


def remove_unfinished(run_dir: Path) -> None:
    """Remove the files that a killed process left half-written."""
    for path in (*run_dir.glob(".*.part"), *(run_dir / "journal").glob(".*.part")):
        path.unlink()
