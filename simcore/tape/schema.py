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
from simcore.records import UNITS_MAX, Chunk
from simcore.sealed import sealed
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
TEXT_MAX = 100  # characters of a name
DIGITS_MAX = 18  # of a size or rate
SIZE_MIN, SIZE_MAX = Decimal("1e-12"), Decimal("1e12")
RATE_MAX = Decimal("0.1")

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


class InstrumentError(TapeError, ValueError):
    """What an instrument cannot be: TAPE-015. A ValueError as well: formats and files say it in their own words."""

    def __init__(self, cause: str) -> None:
        super().__init__("TAPE-015", cause)

    def __str__(self) -> str:
        return self.cause


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
        """Refuse what is no instrument (InstrumentError)."""
        try:
            self._check()
        except (ValueError, TypeError) as exc:
            raise InstrumentError(str(exc)) from exc

    def _check(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, str):
                raise ValueError(f"{item.name}: not a string")  # noqa: TRY004  callers expect ValueError
            if len(value) > TEXT_MAX or not value.isprintable():
                raise ValueError(f"{item.name} {ascii(value)[:60]}: expected at most {TEXT_MAX} characters that can be printed")
        if self.kind not in KIND_NAMES:
            raise ValueError(f"kind {self.kind!r}, expected one of {', '.join(KIND_NAMES)}")
        for name in ("tick_size", "lot_size", "contract_size"):
            if not SIZE_MIN <= _bounded(name, getattr(self, name)) <= SIZE_MAX:
                raise ValueError(f"{name} {getattr(self, name)}: expected {SIZE_MIN:g} to {SIZE_MAX:g}")
        for name in ("maker_rate", "taker_rate"):
            if abs(_bounded(name, getattr(self, name))) > RATE_MAX:
                raise ValueError(f"{name} {getattr(self, name)}: expected -{RATE_MAX} to {RATE_MAX}")
            rate_units(getattr(self, name))
        if self.cash_scale().value_scale > UNITS_MAX:
            raise ValueError(
                f"tick {self.tick_size} × lot {self.lot_size} × contract {self.contract_size}: more than 2^52 units of {self.cash_scale().unit}"
            )

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


def _bounded(name: str, text: str) -> Decimal:
    """Return a decimal whose sums cost nothing: 1e999999999 is one, too."""
    value = to_decimal(text)
    if len(value.as_tuple().digits) > DIGITS_MAX or (value and abs(value.adjusted()) > DIGITS_MAX):
        raise ValueError(f"{name} {text}: expected at most {DIGITS_MAX} digits")
    return value


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
