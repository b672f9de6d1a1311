"""The records of a DBN file, plain or zstd, a block of bytes at a time; the package databento-dbn decodes them.

The package stops the process on a record whose length does not fit its type, so lengths are checked here, before, and
records of types that no converter takes are counted here and not decoded. Source: Databento's documents, "Databento
Binary Encoding": a record begins with its length in words of 4 bytes and its type, a file with "DBN", version and the
length of its metadata.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from simcore.errors import ConvertError

_READ_BYTES = 1 << 18
_HEADER_MAX = 1 << 26
_ZSTD = b"\x28\xb5\x2f\xfd"
_VERSIONS = (1, 2, 3)
_HEAD_BYTES = 16  # of a record
# Type of record: its bytes in versions 1, 2 and 3.
_TAKEN = {0xA0: (56, 56, 56), 0x0A: (368, 368, 368), 0x00: (48, 48, 48), 0x13: (360, 400, 520), 0x16: (80, 176, 176)}
_OTHERS = {
    0x01: "mbp-1", 0x11: "ohlcv", 0x12: "status", 0x14: "imbalance", 0x15: "error", 0x17: "system", 0x18: "statistics", 0x20: "ohlcv-1s",
    0x21: "ohlcv-1m", 0x22: "ohlcv-1h", 0x23: "ohlcv-1d", 0x24: "ohlcv-eod", 0xB1: "cmbp-1", 0xC0: "cbbo-1s", 0xC1: "cbbo-1m", 0xC2: "tcbbo",
    0xC3: "bbo-1s", 0xC4: "bbo-1m", 0xC5: "tbbo",
}  # fmt: skip


def package() -> Any:
    """Return the package. CONV-019 if it is not installed."""
    try:
        return importlib.import_module("databento_dbn")
    except ImportError as exc:
        raise ConvertError("CONV-019", f"DBN is read by databento-dbn: run pip install '.[formats]' in the checkout ({exc})") from exc


class DbnFile:
    """An open file: its metadata (dataset, schema, start in ns, mappings), and its records one after another.

    counts : ignored_SCHEMA and unknown_type_N, truncated_stream and truncated_last_record if it was cut off (mutated).
    """

    def __init__(self, path: Path, counts: Counter[str]) -> None:
        self.path = path
        self._counts = counts
        self._dbn = package()
        self._blocks = _blocks(path, counts)
        self._rest = b""
        self._fill(8)
        if self._rest[:3] != b"DBN" or len(self._rest) < 8 or self._rest[3] not in _VERSIONS:
            raise ConvertError("CONV-003", f"{path}: not a file of DBN, version 1 to 3")
        self._version = self._rest[3]
        size = 8 + int.from_bytes(self._rest[4:8], "little")
        if size > _HEADER_MAX:
            raise ConvertError("CONV-003", f"{path}: metadata of {size} bytes")
        self._fill(size)
        if len(self._rest) < size:
            raise ConvertError("CONV-003", f"{path}: cut off within its metadata")
        try:
            self.metadata = self._dbn.Metadata.decode(self._rest[:size])
            self.dataset, self.start = str(self.metadata.dataset), int(self.metadata.start)
            self.schema = str(self.metadata.schema) if self.metadata.schema is not None else ""
        except (self._dbn.DBNError, ValueError) as exc:
            raise ConvertError("CONV-003", f"{path}: metadata: {exc}") from exc
        self._rest = self._rest[size:]

    def records(self) -> Iterator[Any]:
        """Yield the records of mbo, mbp-10, trades, definitions and symbol mappings. CONV-003."""
        dbn = self._dbn
        decoder = dbn.DBNDecoder(has_metadata=False, ts_out=bool(self.metadata.ts_out), input_version=self._version)
        number = 0
        while True:
            whole, number = self._whole_records(number)
            try:
                yield from decoder.write_and_decode(whole)
            except (dbn.DBNError, ValueError) as exc:
                raise ConvertError("CONV-003", f"{self.path}: before record {number + 1}: {exc}") from exc
            block = next(self._blocks, b"")
            if not block:
                break
            self._rest += block
        if self._rest:
            self._counts["truncated_last_record"] += 1

    def _whole_records(self, number: int) -> tuple[bytes, int]:
        """Cut the records that are whole off the bytes read so far; return those to decode, and how many there were."""
        data, at, parts = self._rest, 0, []
        extra = 8 if self.metadata.ts_out else 0
        while at + _HEAD_BYTES <= len(data):
            size, kind = data[at] * 4, data[at + 1]
            if size < _HEAD_BYTES or (kind in _TAKEN and size != _TAKEN[kind][self._version - 1] + extra):
                raise ConvertError("CONV-003", f"{self.path}: record {number + 1}: {size} bytes of type {kind}")
            if at + size > len(data):
                break
            number += 1
            if kind in _TAKEN:
                parts.append(data[at : at + size])
            else:
                self._counts[f"ignored_{_OTHERS[kind]}" if kind in _OTHERS else f"unknown_type_{kind}"] += 1
            at += size
        self._rest = data[at:]
        return b"".join(parts), number

    def _fill(self, size: int) -> None:
        while len(self._rest) < size:
            block = next(self._blocks, b"")
            if not block:
                return
            self._rest += block


def _blocks(path: Path, counts: Counter[str]) -> Iterator[bytes]:
    try:
        with path.open("rb") as plain:
            is_packed = plain.read(4) == _ZSTD
            plain.seek(0)
            stream = pa.CompressedInputStream(plain, "zstd") if is_packed else plain
            while block := stream.read(_READ_BYTES):
                yield bytes(block)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as exc:
        raise ConvertError("CONV-001", f"{path}: {exc.strerror}") from exc
    except OSError as exc:
        if "Truncated" not in str(exc):
            raise ConvertError("CONV-003", f"{path}: not readable: {exc}") from exc
        counts["truncated_stream"] += 1
