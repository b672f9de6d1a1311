"""Checkpoints: the state arrays and where the run was, in one file, replaced atomically: a SHA-256, and what it is of."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from simcore.errors import JournalError
from simcore.files import write_atomic

NAME = ".checkpoint.npz"
_HASH_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Position:
    """Where a run is: first rows of the two chunks in use, seconds, hashes of the journal segments, what must not change."""

    exch_start: int
    local_start: int
    wall_s: float
    segments: dict[str, list[str]]
    fingerprint: str


def save(run_dir: Path, position: Position, arrays: dict[str, Any]) -> None:
    """Write a checkpoint; JRNL-005 if the disk refuses."""
    note = np.frombuffer(json.dumps(asdict(position)).encode(), np.uint8)

    def write(temporary: Path) -> None:
        with temporary.open("w+b") as file:
            file.write(bytes(_HASH_BYTES))
            np.savez(file, __position__=note, **arrays)
            found = _hash_of_rest(file)
            file.seek(0)
            file.write(found)

    try:
        write_atomic(run_dir / NAME, write)
    except OSError as exc:
        raise JournalError("JRNL-005", f"{run_dir / NAME}: {exc}") from exc


def load(run_dir: Path) -> tuple[Position, dict[str, Any]] | None:
    """Read the checkpoint of a run, None if there is none; JRNL-008 if it is damaged or cannot be read."""
    path = run_dir / NAME
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            if _hash_of_rest(file) != _hash(file):
                raise JournalError("JRNL-008", f"{path}: its content does not have the hash that it carries")
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        position = Position(**json.loads(arrays.pop("__position__").tobytes()))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as exc:
        raise JournalError("JRNL-008", f"{path}: {exc}") from exc
    return position, arrays


def _hash(file: IO[bytes]) -> bytes:
    """Return the hash that a checkpoint begins with; the file stands behind it then."""
    file.seek(0)
    return file.read(_HASH_BYTES)


def _hash_of_rest(file: IO[bytes]) -> bytes:
    """Return the SHA-256 of what comes after the hash."""
    file.seek(_HASH_BYTES)
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]


def remove(run_dir: Path) -> None:
    """Remove the checkpoint of a finished run, its journal segments, and what a killed process left half-written."""
    (run_dir / NAME).unlink(missing_ok=True)
    for path in (*run_dir.glob(".*.part"), *(run_dir / "journal").glob(".*")):
        path.unlink()


def remove_unfinished(run_dir: Path) -> None:
    """Remove the files that a killed process left half-written."""
    for path in (*run_dir.glob(".*.part"), *(run_dir / "journal").glob(".*.part")):
        path.unlink()
