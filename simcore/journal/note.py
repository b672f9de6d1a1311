"""run.json, the manifest of a run folder, and the hashes of the folder's files in it; loads no engine.

run.json         what ran, and the hash of each file that a figure comes from, under `files`; its own under `sha256`
report.sha256    the hashes of the files of the report, in the form of `sha256sum`; `mmsim report` makes all of them again
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from simcore import parquet
from simcore.errors import JournalError
from simcore.files import write_text
from simcore.sealed import file_hash, is_whole, sealed

NAME = "run.json"
CONFIG, COUNTS = "config.yaml", "counts.json"
REPORT = "report.sha256"


def read(folder: Path) -> dict[str, Any]:
    """Return run.json. JRNL-001: there is none, or it is none of ours. JRNL-007: it is not as it was written."""
    path = folder / NAME
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise JournalError("JRNL-001", f"{path}: {exc}") from exc
    if not isinstance(found, dict):
        raise JournalError("JRNL-001", f"{path}: found {type(found).__name__}, expected an object")
    if not isinstance(found.get("sha256"), str) or not isinstance(found.get("files"), dict):
        raise JournalError("JRNL-001", f"{path}: not the manifest of a run of this version: it holds no hashes")
    if not is_whole(found):
        raise JournalError("JRNL-007", f"{path}: its content does not have the hash that it carries")
    return found


def write(folder: Path, note: Mapping[str, Any]) -> None:
    """Write run.json with its own hash. JRNL-005."""
    save(folder / NAME, json.dumps(sealed(note), indent=2) + "\n")


def save(path: Path, text: str) -> None:
    """Write a file of a run folder, whole or not at all. JRNL-005 if the disk refuses."""
    try:
        write_text(path, text)
    except OSError as exc:
        raise JournalError("JRNL-005", f"{path}: {exc}") from exc


def hashes(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the hashes of those of these files that are there, by name. JRNL-005 if one cannot be read."""
    try:
        return {name: file_hash(folder / name) for name in names if (folder / name).exists()}
    except OSError as exc:
        raise JournalError("JRNL-005", f"{exc.filename or folder}: {exc}") from exc


def checked(folder: Path, name: str, note: Mapping[str, Any] | None = None) -> Path:
    """Return the path of a file of a run, which is as the run wrote it.

    note: run.json, if it has been read. JRNL-001: the file is not there. JRNL-007: it is another one than run.json says.
    """
    path = folder / name
    known = (read(folder) if note is None else note)["files"].get(name)
    try:
        found = file_hash(path)
    except OSError as exc:
        raise JournalError("JRNL-001", f"{path}: {exc}") from exc
    if found != known:
        raise JournalError("JRNL-007", f"{path}: its SHA-256 is {found}, {NAME} says {known}")
    return path


def read_json(folder: Path, name: str, note: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a JSON object of a run, checked: JRNL-001, JRNL-007 as `checked`."""
    path = checked(folder, name, note)
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise JournalError("JRNL-001", f"{path}: {exc}") from exc
    if not isinstance(found, dict):
        raise JournalError("JRNL-001", f"{path}: found {type(found).__name__}, expected an object")
    return found


def check_files(folder: Path) -> None:
    """Check every file that run.json has the hash of, and the report and the feeds where they are.

    JRNL-001, JRNL-007 as `checked`, JRNL-009 for a report or a feed.
    """
    note = read(folder)
    for name in note["files"]:
        checked(folder, name, note)
    check_report(folder)
    for path in sorted((folder / "feeds").glob("[!.]*.parquet")):
        try:
            parquet.check(path)
        except (OSError, ValueError) as exc:
            raise JournalError("JRNL-009", f"{path}: {exc}") from exc


def write_report_hashes(folder: Path, paths: Iterable[Path]) -> None:
    """Write report.sha256 for the files of a report. JRNL-005."""
    found = hashes(folder, sorted(path.relative_to(folder).as_posix() for path in paths))
    save(folder / REPORT, "".join(f"{value}  {name}\n" for name, value in found.items()))


def check_report(folder: Path) -> None:
    """Compare a report with report.sha256, if it is there. JRNL-009 names the first file that differs."""
    path = folder / REPORT
    if not path.exists():
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        for line in lines:
            value, _, name = line.partition("  ")
            if file_hash(folder / name) != value:
                raise JournalError("JRNL-009", f"{folder / name}: it does not have the SHA-256 that {REPORT} says")
    except (OSError, ValueError) as exc:
        raise JournalError("JRNL-009", f"{getattr(exc, 'filename', None) or path}: {exc}") from exc
