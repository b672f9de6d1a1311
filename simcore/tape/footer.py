"""The hash of a tape's end, where Parquet says what stands where, and the tape's metadata are.

Checksums cover the pages, not the end of the file, in which one flipped bit may make a column begin at another page. So
between the last page and the end stand a mark and the SHA-256 of the end; readers of Parquet pass over them. A tape that
another writer has copied has none: its metadata still carry a hash of their own.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import IO

from simcore.errors import TapeError

_MARK = b"mmsim.end"
_TAIL_BYTES = 8  # length of the end, and the magic number, which count as part of it here
_HASH_BYTES = hashlib.sha256().digest_size


def protect(file: IO[bytes]) -> None:
    """Put the hash of a complete file's end before it. file: open to read and write, of bytes."""
    file.seek(_start(file))
    end = file.read()
    file.seek(-len(end), os.SEEK_END)
    file.write(_MARK + hashlib.sha256(end).digest() + end)


def check_end(path: Path) -> None:
    """Compare a tape's end with its hash, if it carries one: TAPE-012 if it differs. Raises OSError."""
    with path.open("rb") as file:
        before = _start(file) - len(_MARK) - _HASH_BYTES
        if before < 0:
            return
        file.seek(before)
        if file.read(len(_MARK)) != _MARK:
            return
        known = file.read(_HASH_BYTES)
        if hashlib.sha256(file.read()).digest() != known:
            raise TapeError("TAPE-012", f"{path}: the end of the file does not have the hash that stands before it")


def _start(file: IO[bytes]) -> int:
    """Return where the end of a Parquet file begins; not above 0 if it is no such file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _TAIL_BYTES, 0))
    return size - _TAIL_BYTES - int.from_bytes(file.read(4), "little")
