"""The one model of a tape's metadata: what a file may say of itself. The reader checks by it, and so does the writer.

Everything here may be forged: a file from elsewhere names its symbol, its sizes, its times. What no market has is refused
here, so that nothing behind has to ask again. Whether the rows agree is seen as they are read (`simcore.tape.decode`).
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from simcore.door.json_text import parse_json
from simcore.door.shown import one_line
from simcore.errors import TapeError
from simcore.records import TIME_END, UNITS_MAX
from simcore.sealed import is_whole
from simcore.tape.schema import META_KEY, METADATA_HASH, SCHEMA_VERSION, UNHASHED_VERSION, Instrument, TapeMeta

META_BYTES_MAX = 1 << 22
ROWS_MAX = 1 << 40
_TEXT_MAX = 10_000
_NAMES_MAX = 100_000
_Time = Annotated[int | None, Field(gt=0, lt=TIME_END)]
_Price = Annotated[int | None, Field(ge=0, le=UNITS_MAX)]
_Text = Annotated[str, Field(max_length=_TEXT_MAX)]
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, lt=1 << 63)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _Source(_Part):
    """Where a tape is from. Formats add what they know: JSON of any form."""

    model_config = ConfigDict(extra="allow")

    format: Annotated[str, Field(max_length=100)] = ""
    files: Annotated[list[Annotated[list[_Text], Field(min_length=2, max_length=2)]], Field(max_length=_NAMES_MAX)] = []
    counts: dict[_Text, _Count] = {}
    warnings: Annotated[list[_Text], Field(max_length=_NAMES_MAX)] = []


def _instrument(value: dict[str, str]) -> dict[str, str]:
    unknown = value.keys() - {item.name for item in fields(Instrument)}
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: not a field of an instrument")
    try:
        Instrument(**value)
    except TypeError as exc:
        raise ValueError(str(exc).partition("() ")[2]) from exc
    return value


class _Meta(_Part):
    """Fields as `TapeMeta` has them."""

    model_config = ConfigDict(extra="forbid")

    instrument: Annotated[dict[str, str], AfterValidator(_instrument)]
    level: Literal["l2", "l3", "own"]
    inferred: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=100)]
    source: _Source
    clock: dict[_Text, Any]
    synthetic: bool
    rows: Annotated[int, Field(ge=0, le=ROWS_MAX)]
    first_exch_ts: _Time
    last_exch_ts: _Time
    first_local_ts: _Time
    last_local_ts: _Time
    price_min_ticks: _Price
    price_max_ticks: _Price
    content_hash: _Hash
    schema_version: int

    @model_validator(mode="after")
    def _agree(self) -> _Meta:
        for lo, hi in (("first_exch_ts", "last_exch_ts"), ("first_local_ts", "last_local_ts"), ("price_min_ticks", "price_max_ticks")):
            least, most = getattr(self, lo), getattr(self, hi)
            if (least is None) != (most is None) or (least is not None and least > most):
                raise ValueError(f"{lo} is {least}, {hi} is {most}; expected both in this order, or neither")
        if self.rows and self.first_exch_ts is None and self.first_local_ts is None:
            raise ValueError("no times of rows, on neither clock")
        return self


def parse_meta(text: bytes, where: str) -> TapeMeta:
    """Read TapeMeta from the JSON of file `where`. TapeError TAPE-003 (version), TAPE-004 (no JSON), TAPE-015 (a field), TAPE-012 (another hash)."""
    at = f"{where}: metadata {META_KEY.decode()}"
    data = parse_json(text, at, TapeError, "TAPE-004", META_BYTES_MAX)
    if not isinstance(data, dict) or "schema_version" not in data:
        raise TapeError("TAPE-004", f"{at} without schema_version")
    version = data["schema_version"]
    if version not in (UNHASHED_VERSION, SCHEMA_VERSION) or not isinstance(version, int):
        raise TapeError("TAPE-003", f"{where}: schema version {one_line(str(version), 60)}, this mmsim reads {UNHASHED_VERSION} and {SCHEMA_VERSION}")
    whole = METADATA_HASH not in data if version == UNHASHED_VERSION else is_whole(data, METADATA_HASH)
    data.pop(METADATA_HASH, None)
    try:
        _Meta.model_validate(data)
    except pydantic.ValidationError as exc:
        raise TapeError("TAPE-015", f"{where}: {_cause(exc)}") from exc
    if not whole:  # last, so that the reasons above, which say more, come first
        raise TapeError("TAPE-012", f"{at} do not have the hash that they carry")
    return TapeMeta(**{**data, "instrument": Instrument(**data["instrument"]), "inferred": tuple(data["inferred"])})


def check_instrument(instrument: Instrument, where: str) -> None:
    """Refuse what the writer could not finish with: TAPE-015. Called before rows are taken."""
    try:
        Instrument(**asdict(instrument))
    except ValueError as exc:
        raise TapeError("TAPE-015", f"{where}: instrument: {exc}") from exc


def checked_json(meta: TapeMeta, where: str) -> bytes:
    """Return the JSON that a file is to carry, after the check that its readers will make: TAPE-015."""
    try:
        text = meta.to_json()
        parse_meta(text, where)
    except (TypeError, ValueError, RecursionError) as exc:
        raise TapeError("TAPE-015", f"{where}: {exc}") from exc
    except TapeError as exc:
        raise TapeError("TAPE-015", exc.cause) from exc
    return text


def _cause(error: pydantic.ValidationError) -> str:
    """Return the first trouble: field, what was found, what was expected."""
    first = error.errors(include_url=False)[0]
    place = one_line(".".join(str(part) for part in first["loc"]), 200)
    said = str(first.get("ctx", {}).get("error") or first["msg"][:1].lower() + first["msg"][1:])
    found = "" if not place or isinstance(first["input"], (dict, list)) else f" is {ascii(first['input'])[:60]}"
    return one_line(f"{place}{found}: {said}" if place else said, 500)
