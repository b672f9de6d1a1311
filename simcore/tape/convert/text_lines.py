"""Lines of a text file, plain, gzip or xz (told by its first bytes), one after another: never a whole file in memory."""

from __future__ import annotations

import lzma
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simcore.errors import ConvertError

READ_BYTES = 1 << 18
LINE_BYTES_MAX = 1 << 26  # a file that decompresses without end has no line end either


def lines(path: Path, counts: Counter[str]) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without its end).

    What stands after the last line end was cut off while it was written: it is counted (`truncated_last_line`), as is a
    compressed stream that stops early (`truncated_stream`). ConvertError CONV-001 and CONV-003.
    """
    rest = b""
    number = 0
    for block in _blocks(path, counts):
        head, newline, tail = block.rpartition(b"\n")
        if not newline:
            rest += block
        else:
            for line in (rest + head).split(b"\n"):
                number += 1
                yield number, _text(path, number, line)
            rest = tail
        if len(rest) > LINE_BYTES_MAX:
            raise ConvertError("CONV-003", f"{path}: line {number + 1} is longer than {LINE_BYTES_MAX} bytes")
    if rest.strip():
        counts["truncated_last_line"] += 1


def first_line(path: Path) -> str:
    """Return the first line that is not blank, or an empty text."""
    return next((line for _, line in lines(path, Counter()) if line.strip()), "")


def cut_off(counts: Counter[str]) -> list[str]:
    """Return the warning about files that were cut off, if any was."""
    is_cut = counts["truncated_last_line"] or counts["truncated_stream"]
    return ["the capture was cut off; what came before is complete"] if is_cut else []


def _text(path: Path, number: int, line: bytes) -> str:
    try:
        return line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ConvertError("CONV-003", f"{path}: line {number}: not UTF-8: {exc}") from exc


def _blocks(path: Path, counts: Counter[str]) -> Iterator[bytes]:
    """Yield the bytes of the file, decompressed, at most READ_BYTES at a time."""
    try:
        with path.open("rb") as stream:
            magic = stream.peek(6)[:6]
            if magic[:2] == b"\x1f\x8b":
                yield from _inflated(stream, counts, _Gzip)
            elif magic == b"\xfd7zXZ\x00":
                yield from _inflated(stream, counts, lzma.LZMADecompressor)
            else:
                while block := stream.read(READ_BYTES):
                    yield block
    except (FileNotFoundError, IsADirectoryError, PermissionError) as exc:
        raise ConvertError("CONV-001", f"{path}: {exc.strerror}") from exc
    except (OSError, zlib.error, lzma.LZMAError) as exc:
        raise ConvertError("CONV-003", f"{path}: not readable: {exc}") from exc


class _Gzip:
    """zlib's decompressor with the interface of lzma's, so that both give out bounded pieces."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(31)
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    def decompress(self, data: bytes, size: int) -> bytes:
        made = self._inflate.decompress(self._inflate.unconsumed_tail + data, size)
        self.unused_data = self._inflate.unused_data
        return made


def _inflated(stream: Any, counts: Counter[str], begin: Any) -> Iterator[bytes]:
    """Yield the pieces of one or several compressed streams in a row."""
    unpacker, data = begin(), b""
    while True:
        if unpacker.eof:
            data = (unpacker.unused_data or stream.read(READ_BYTES)).lstrip(b"\0")
            if not data:
                return
            unpacker = begin()
        elif unpacker.needs_input:
            data = stream.read(READ_BYTES)
            if not data:
                counts["truncated_stream"] += 1
                return
        else:
            data = b""
        made = unpacker.decompress(data, READ_BYTES)
        if made:
            yield made
