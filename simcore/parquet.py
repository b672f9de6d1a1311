"""Parquet files as mmsim writes and reads them: a checksum a page, and a hash of the whole file inside.

Checksums of pages do not cover what stands between them, and the end of the file, which says where what is. So the
file's metadata hold, under HASH_KEY, the SHA-256 of the file with 64 zeros in place of that hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

HASH_KEY = b"mmsim.sha256"
_NO_HASH = b"0" * hashlib.sha256().digest_size * 2
# How Thrift writes the pair: the key, the next field is a string, its length.
_MARK = HASH_KEY + bytes([0x18, len(_NO_HASH)])
_END = 8  # length of the metadata, and the magic number
_PIECE = 1 << 20


def write_table(table: pa.Table, path: Path, **options: Any) -> None:
    """Write a table to a path, with its hash; options: of Parquet, else compressed with zstd."""
    with writing(path, table.schema, **options) as writer:
        writer.write_table(table)


@contextmanager
def writing(path: Path, schema: pa.Schema, **options: Any) -> Iterator[pq.ParquetWriter]:
    """Give a writer of a Parquet file at a path; at the end the file gets its hash."""
    with pq.ParquetWriter(path, schema, **{"compression": "zstd", **options, "write_page_checksum": True}) as writer:
        yield writer
        writer.add_key_value_metadata({HASH_KEY: _NO_HASH})
    with path.open("r+b") as file:
        at = _place(file)
        assert at is not None, "the place for the hash was just written"
        found = _hash(file, at)
        file.seek(at)
        file.write(found)


def read_table(path: Path, columns: Sequence[str] | None = None, *, sealed: bool = True) -> pa.Table:
    """Read a table, checked. Raises OSError, ArrowException, and ValueError for a file that is not what was written.

    sealed: refuse a file that carries no hash; False for files that others may have written.
    """
    check(path, sealed=sealed)
    return read_pages(path, columns)


def read_pages(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table whose file was compared with a hash before; only checksums of pages are looked at."""
    with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
        return parquet.read(columns=None if columns is None else list(columns))


def check(path: Path, *, sealed: bool = True) -> None:
    """Compare a file with its hash: ValueError if it differs, or if there is none and `sealed`. Raises OSError."""
    with path.open("rb") as file:
        at = _place(file)
        if at is None:
            if sealed:
                raise ValueError("it carries no hash: mmsim did not write it, or it is damaged")
            return
        file.seek(at)
        if file.read(len(_NO_HASH)) != _hash(file, at):
            raise ValueError("its hash differs from the one that it carries: the file is damaged")


def _place(file: IO[bytes]) -> int | None:
    """Return where the hash stands in a file; None if there is none."""
    size = file.seek(0, 2)
    if size < _END:
        return None
    file.seek(size - _END)
    length = int.from_bytes(file.read(4), "little")
    first = max(size - _END - length, 0)
    file.seek(first)
    at = file.read(size - first).rfind(_MARK)
    return None if at < 0 else first + at + len(_MARK)


def _hash(file: IO[bytes], at: int) -> bytes:
    """Return the hex SHA-256 of a file with zeros from `at` on in place of a hash."""
    digest = hashlib.sha256()
    file.seek(0)
    left = at
    while piece := file.read(min(left, _PIECE)):
        digest.update(piece)
        left -= len(piece)
    digest.update(_NO_HASH)
    file.seek(at + len(_NO_HASH))
    while piece := file.read(_PIECE):
        digest.update(piece)
    return digest.hexdigest().encode()
