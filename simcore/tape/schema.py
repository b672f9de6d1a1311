"""Tape schema, version 2: columns, encodings, and the metadata that a tape carries.

docs/tapes.md is the same for users. A tape is one Parquet file (or a folder of them) with the columns of
`records.Chunk`, and one JSON object, `TapeMeta`, under the key `mmsim.tape` of the file's metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from simcore.errors import TapeError
from simcore.records import Chunk
from simcore.sealed import is_whole, sealed
from simcore.units import KIND_NAMES, CashScale, cash_scale, rate_units, to_decimal

SCHEMA_VERSION = 2
UNHASHED_VERSION = 1  # the same, without a hash of the metadata; it is still read
METADATA_HASH = "metadata_hash"
META_KEY = b"mmsim.tape"
ROW_GROUP_ROWS = 1 << 18  # also the block of the content hash
COLUMNS = ("exch_ts", "local_ts", "ev", "price_ticks", "qty_lots")
ID_COLUMN = "order_id"
LEVELS = ("l2", "l3", "own")
LEVELS_WITH_IDS = ("l3", "own")

# Measured on the BTCUSDT capture: 4.3 bytes a row, 9.5 ns a row to decode on one thread (docs/tapes.md, "Encoding").
WRITE_OPTIONS: dict[str, Any] = {
    "use_dictionary": False,
    "column_encoding": {
        "exch_ts": "DELTA_BINARY_PACKED", "local_ts": "DELTA_BINARY_PACKED", "ev": "BYTE_STREAM_SPLIT",
        "price_ticks": "BYTE_STREAM_SPLIT", "qty_lots": "BYTE_STREAM_SPLIT", "order_id": "BYTE_STREAM_SPLIT",
    },
    "compression": "lz4",
    "write_statistics": False,
    "write_page_checksum": True,  # damage is found as it is read, not only by `mmsim tape validate`
    "store_schema": False,
}  # fmt: skip


@dataclass(frozen=True)
class Instrument:
    """What is traded. Sizes and rates are decimal strings; a negative rate is a rebate.

    kind           "linear", "inverse" or "spot".
    contract_size  linear: base units per 1 of quantity; inverse: quote currency per contract; spot: 1.
    maker_rate, taker_rate  fee as a fraction of notional (0.0002 is 2 bps).
    """

    venue: str
    symbol: str
    kind: str
    tick_size: str
    lot_size: str
    contract_size: str = "1"
    base: str = ""
    quote: str = ""
    maker_rate: str = "0"
    taker_rate: str = "0"

    def __post_init__(self) -> None:
        """Refuse what is no instrument (ValueError)."""
        wrong = [item.name for item in fields(self) if not isinstance(getattr(self, item.name), str)]
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: not a string")
        if self.kind not in KIND_NAMES:
            raise ValueError(f"kind {self.kind!r}, expected one of {', '.join(KIND_NAMES)}")
        for name in ("tick_size", "lot_size", "contract_size"):
            if to_decimal(getattr(self, name)) <= 0:
                raise ValueError(f"{name} {getattr(self, name)} is not positive")
        rate_units(self.maker_rate)
        rate_units(self.taker_rate)

    @property
    def kind_code(self) -> int:
        """LINEAR, INVERSE or SPOT of `simcore.units`."""
        return KIND_NAMES.index(self.kind)

    def cash_scale(self) -> CashScale:
        """Return how notional becomes cash units."""
        return cash_scale(self.kind_code, Decimal(self.tick_size), Decimal(self.lot_size), Decimal(self.contract_size))


@dataclass(frozen=True)
class TapeMeta:
    """What a tape says about itself: first what its maker states, then what the writer measured.

    level     "l2", "l3" (rows of single orders, with ids) or "own" (our own orders and fills, with ids).
    inferred  names of instrument fields that were inferred from the data.
    source    format, files [[name, sha256]], counts and warnings of the conversion.
    clock     policy, offset_ns and feed latency figures of the conversion.
    first_*, last_*  of the rows that the Venue (exch) or the Node (local) sees, ns; None if there is no such row.
    price_min_ticks, price_max_ticks  of the level rows that hold a quantity; None if there is none.
    content_hash  see `ContentHash`.
    The file holds one key more, METADATA_HASH: the SHA-256 of all the others as canonical JSON.
    """

    instrument: Instrument
    level: str = "l2"
    inferred: tuple[str, ...] = ()
    source: Mapping[str, Any] = field(default_factory=dict)
    clock: Mapping[str, Any] = field(default_factory=dict)
    synthetic: bool = False
    rows: int = 0
    first_exch_ts: int | None = None
    last_exch_ts: int | None = None
    first_local_ts: int | None = None
    last_local_ts: int | None = None
    price_min_ticks: int | None = None
    price_max_ticks: int | None = None
    content_hash: str = ""
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> bytes:
        """Return the canonical JSON that the file carries, with its hash."""
        return json.dumps(sealed(asdict(self), METADATA_HASH), sort_keys=True, separators=(",", ":")).encode()


def parse_meta(text: bytes, where: str) -> TapeMeta:
    """Read TapeMeta from the JSON of file `where`. TapeError TAPE-003 (version), TAPE-004 (no metadata), TAPE-012 (another hash)."""
    try:
        data = json.loads(text)
        version = data["schema_version"]
    except (ValueError, KeyError, TypeError) as exc:
        raise TapeError("TAPE-004", f"{where}: metadata {META_KEY.decode()} is damaged: {exc!r}") from exc
    if version not in (UNHASHED_VERSION, SCHEMA_VERSION):
        raise TapeError("TAPE-003", f"{where}: schema version {version}, this mmsim reads {UNHASHED_VERSION} and {SCHEMA_VERSION}")
    whole = METADATA_HASH not in data if version == UNHASHED_VERSION else is_whole(data, METADATA_HASH)
    data.pop(METADATA_HASH, None)
    try:
        data["instrument"] = Instrument(**data["instrument"])
        data["inferred"] = tuple(data["inferred"])
        meta = TapeMeta(**data)
    except (KeyError, TypeError, ValueError) as exc:
        raise TapeError("TAPE-004", f"{where}: metadata {META_KEY.decode()} is damaged: {exc}") from exc
    optional = (meta.first_exch_ts, meta.last_exch_ts, meta.first_local_ts, meta.last_local_ts)
    if meta.level not in LEVELS or not all(isinstance(x, int) or x is None for x in (meta.rows, *optional)):
        raise TapeError("TAPE-004", f"{where}: metadata {META_KEY.decode()} is damaged: level or figures")
    if not whole:  # last, so that the reasons above, which say more, come first
        raise TapeError("TAPE-012", f"{where}: metadata {META_KEY.decode()} do not have the hash that they carry")
    return meta


def column_names(level: str) -> tuple[str, ...]:
    """Return the columns of a tape of this level, in file order."""
    return (*COLUMNS, ID_COLUMN) if level in LEVELS_WITH_IDS else COLUMNS


def arrow_schema(level: str) -> pa.Schema:
    """Return the Arrow schema of a tape of this level."""
    return pa.schema(
        [pa.field(name, pa.uint8() if name == "ev" else pa.int64(), nullable=False) for name in column_names(level)]
    )


def check_schema(found: pa.Schema, level: str, where: str) -> None:
    """Refuse a file whose columns or types are not those of its level: TapeError TAPE-005."""
    wanted = arrow_schema(level)
    for want in wanted:
        if want.name not in found.names:
            raise TapeError("TAPE-005", f"{where}: column {want.name} is missing")
        got = found.field(want.name)
        if got.type != want.type or got.nullable:
            null = ", nullable" if got.nullable else ""
            raise TapeError("TAPE-005", f"{where}: column {want.name} is {got.type}{null}, expected {want.type}")
    if found.names != wanted.names:
        raise TapeError("TAPE-005", f"{where}: columns {', '.join(found.names)}; expected {', '.join(wanted.names)}")


class ContentHash:
    """SHA-256 of a tape's content, independent of file layout, compression and how rows were appended.

    Fed in this order: the canonical JSON of {"instrument", "level"}; then, for each block of ROW_GROUP_ROWS
    rows (the last one shorter), the little-endian bytes of each column in file order.
    """

    def __init__(self, instrument: Instrument, level: str) -> None:
        head = json.dumps({"instrument": asdict(instrument), "level": level}, sort_keys=True, separators=(",", ":"))
        self._digest = hashlib.sha256(head.encode())
        self._names = column_names(level)

    def update(self, block: Chunk) -> None:
        """Feed one block."""
        for name in self._names:
            column = getattr(block, name)
            self._digest.update(np.ascontiguousarray(column, column.dtype.newbyteorder("<")).data)

    def hexdigest(self) -> str:
        """Return the hash so far."""
        return self._digest.hexdigest()


def as_chunk(columns: Sequence[Any]) -> Chunk:
    """Return columns (with or without order ids) as a read-only Chunk; no copy where the form is right already."""
    arrays = [np.ascontiguousarray(c, np.uint8 if i == 2 else np.int64) for i, c in enumerate(columns)]
    if len(arrays) == len(COLUMNS):
        arrays.append(np.empty(0, np.int64))
    frozen = [a.view() for a in arrays]
    for a in frozen:
        a.setflags(write=False)
    return Chunk(*frozen)
