"""How many trials a tape has ever seen, over all calibrations: the more were tried, the better the best looks by chance.

Beside the folders of the runs (or in $MMSIM_HOME) is the folder `.trials`, with a file for each tape: one line for each
parameter set that was ever played on it, and their hash. A set is known by the hash of its configuration and of the strategy's file;
playing the same set again adds nothing, so that a repeated or resumed calibration counts once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simcore.errors import CalibrateError
from simcore.files import write_text

FOLDER = ".trials"
_HASHED = "# sha256 of these lines: "
_HEAD = "# mmsim: one line for each parameter set that was ever played on the tape "


def home_of(out: Path, home: Path | None) -> Path:
    """Return the folder of the census: in the user's `home`, else beside the folder of the calibration."""
    return (home if home is not None else out.absolute().parent) / FOLDER


def note_trials(folder: Path, content_hash: str, marks: Iterable[str]) -> int:
    """Enter parameter sets that a tape has seen; return how many it has now. CAL-021 if the census cannot be written.
    CAL-019 if it is damaged.

    Processes may do this at once: each holds a lock from reading to writing.
    """
    path = folder / f"{content_hash[:32]}.txt"
    try:
        with _locked(folder):
            known = _read(path)
            more = {mark: None for mark in marks if mark not in known}
            if more:
                write_text(path, _text(content_hash, sorted([*known, *more])))
            return len(known) + len(more)
    except OSError as exc:
        raise CalibrateError("CAL-021", f"{path}: {exc.strerror or exc}") from exc


def count_trials(folder: Path, *content_hashes: str) -> int:
    """Return how many parameter sets any of these tapes has seen. CAL-019 if the census is damaged."""
    return len({mark for content_hash in content_hashes for mark in _read(folder / f"{content_hash[:32]}.txt")})


def _read(path: Path) -> dict[str, None]:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as exc:
        raise CalibrateError("CAL-019", f"{path}: the census of trials is damaged: {exc}") from exc
    known = [line for line in lines if line and not line.startswith("#")]
    said = [line for line in lines if line.startswith(_HASHED)]  # older ones hold no hash
    if any(" " in line for line in known) or said not in ([], [_hash_line(known)]):
        raise CalibrateError("CAL-019", f"{path}: the census of trials is damaged: it does not have the hash that it carries")
    return dict.fromkeys(known)


def _text(content_hash: str, marks: Sequence[str]) -> str:
    return "\n".join([_HEAD + content_hash, _hash_line(marks), *marks, ""])


def _hash_line(marks: Sequence[str]) -> str:
    return _HASHED + hashlib.sha256("\n".join(marks).encode()).hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
