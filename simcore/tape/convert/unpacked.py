"""Source files as bytes and lines: plain, gzip, xz, bzip2 or zip, unpacked a block at a time and within a limit.

A few kilobytes can unpack to more than any disk holds. So what a file unpacks to is bounded in proportion to its size
(CONV-025), and so is a line (CONV-026): whoever reads through here holds a block and a line, whatever the file says.
"""

from __future__ import annotations

import bz2
import lzma
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from simcore.door.files import check_file
from simcore.errors import ConvertError
from simcore.tape.convert.base import ConvertOptions

BLOCK_BYTES = 1 << 20
LINE_BYTES_MAX = 1 << 26
RATIO_MAX = 100  # JSON of market data shrinks to a tenth, at most to a thirtieth
ALWAYS_BYTES = 1 << 24  # whatever the ratio
OPTION = "unpack-max-gb"

_GZIP, _XZ, _BZIP2, _ZIP = b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh", b"PK\x03\x04"
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError)


class _Inflater(Protocol):
    """What the decompressors of the standard library have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def members(path: Path, options: ConvertOptions, counts: Counter[str] | None = None) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield name and blocks of each file inside: of a zip its members by name, else the file itself.

    counts: a gzip, xz or bzip2 stream that stops early counts there as `truncated_gzip`; without, it is refused.
    ConvertError: CONV-001 no file, CONV-003 damaged, CONV-025 too much inside.
    """
    check_file(path, ConvertError, "CONV-001")
    limit = limit_of(path, options)
    try:
        with path.open("rb") as file:
            magic = file.read(6)
            file.seek(0)
            if not magic.startswith(_ZIP):
                yield path.name, _bounded(_unpacked(file, magic, counts), limit, path)
                return
            with zipfile.ZipFile(file) as archive:
                left = [limit]  # of all members together
                for name in sorted(name for name in archive.namelist() if not name.endswith("/")):
                    with archive.open(name) as member:
                        yield name, _bounded(_read(member), limit, path, left)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as exc:
        raise ConvertError("CONV-001", f"{path}: {exc.strerror}") from exc
    except _DAMAGED as exc:
        raise ConvertError("CONV-003", f"{path}: not readable: {exc}") from exc


def blocks(path: Path, options: ConvertOptions, counts: Counter[str] | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked, in blocks; those of a zip's members one after the other. Raises as `members`."""
    for _, part in members(path, options, counts):
        yield from part


def lines(parts: Iterator[bytes], where: str) -> Iterator[tuple[bytes, bool]]:
    """Yield (line without its newline, whether the bytes ended before one). ConvertError CONV-026: a line without end."""
    rest: list[bytes] = []
    held = 0
    for block in parts:
        head, newline, tail = block.rpartition(b"\n")
        if newline:
            rest.append(head)
            for line in b"".join(rest).split(b"\n"):
                yield line, False
            rest, held = [], 0
        rest.append(tail)
        held += len(tail)
        if held > LINE_BYTES_MAX:
            raise ConvertError("CONV-026", f"{where}: a line of more than {LINE_BYTES_MAX} bytes")
    if held:
        yield b"".join(rest), True


def limit_of(path: Path, options: ConvertOptions) -> int:
    """Return how many bytes a file may unpack to. CONV-025: the option is no number."""
    text = options.extra.get(OPTION)
    if text is None:
        return max(RATIO_MAX * path.stat().st_size, ALWAYS_BYTES)
    try:
        limit = float(text) * 1e9
    except ValueError:
        limit = 0.0
    if not 0.0 < limit <= 1e18:
        raise ConvertError("CONV-025", f"--option {OPTION}={text[:60]}: expected a number of gigabytes")
    return int(limit)


def check_size(path: Path, size: int, options: ConvertOptions) -> None:
    """Refuse a file that says that it holds more than it may: for readers that unpack it themselves. CONV-025."""
    limit = limit_of(path, options)
    if size > limit:
        raise ConvertError("CONV-025", f"{path}: {size} bytes inside, expected at most {limit}")


def _unpacked(file: IO[bytes], magic: bytes, counts: Counter[str] | None) -> Iterator[bytes]:
    """Yield the blocks of one file by what its first bytes say; several streams in a row are one."""
    make: Any = None
    if magic.startswith(_GZIP):
        make = _Gzip
    elif magic.startswith(_XZ):
        make = lzma.LZMADecompressor
    elif magic.startswith(_BZIP2):
        make = bz2.BZ2Decompressor
    if make is None:
        yield from _read(file)
        return
    inflater: _Inflater = make()
    data = file.read(BLOCK_BYTES)
    while data:
        yield inflater.decompress(data, BLOCK_BYTES)
        while not inflater.eof and not inflater.needs_input:
            yield inflater.decompress(b"", BLOCK_BYTES)
        data = (inflater.unused_data.lstrip(b"\0") if inflater.eof else b"") or file.read(BLOCK_BYTES)
        if inflater.eof and data:
            inflater = make()
    if not inflater.eof:
        if counts is None:
            raise EOFError("the compressed data end too early")
        counts["truncated_gzip"] += 1


class _Gzip:
    """zlib's decompressor with the manners of the others: it keeps what it could not unpack yet."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        made = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        self.needs_input = len(made) < max_length and not self._inflate.unconsumed_tail
        return made


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block


def _bounded(parts: Iterator[bytes], limit: int, path: Path, left: list[int] | None = None) -> Iterator[bytes]:
    """Yield blocks until they come to more than is left of the limit."""
    left = [limit] if left is None else left
    try:
        for block in parts:
            left[0] -= len(block)
            if left[0] < 0:
                raise ConvertError("CONV-025", f"{path}: more than {limit} bytes inside, {path.stat().st_size} packed")
            yield block
    except _DAMAGED as exc:
        raise ConvertError("CONV-003", f"{path}: not readable: {exc}") from exc
