"""Types of configuration values: times, exact decimals, durations; each refuses what it cannot hold exactly."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from simcore import units
from simcore.errors import ConfigError

INT64_MAX = (1 << 63) - 1

_DECIMAL_PLACES = 30
_DECIMAL_END = 10**_DECIMAL_PLACES
_DECIMAL_TEXT_MAX = 60

_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)
_TIME_EXPECTED = "expected an ISO 8601 time such as 2024-05-01T08:00:00Z (UTC if no zone), or s, ms, µs or ns since 1970"
TIME_NS_MIN = 315_532_800 * units.NS_PER_S  # 1980: a whole number of s, ms, µs or ns from here to 2262 is of one unit only
_UNITS = {"s": units.NS_PER_S, "ms": units.NS_PER_MS, "µs": units.NS_PER_US, "ns": 1}
_ZONE_HOURS_MAX = 18


def parse_time(value: Any) -> Any:
    """Return nanoseconds since 1970 UTC of an ISO 8601 text, a datetime, or a count of s, ms, µs or ns, told apart by its size.

    None stays None. ValueError for what is not a time from 1980 to 2262.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str, datetime)):
        raise ValueError(_TIME_EXPECTED)  # noqa: TRY004  pydantic turns ValueError into a refusal
    text = value.isoformat() if isinstance(value, datetime) else str(value).strip()
    if re.fullmatch(r"\d+", text, re.ASCII):
        return _counted(text)[0]
    ts_ns = _iso_ns(text)
    if not TIME_NS_MIN <= ts_ns <= INT64_MAX:
        raise ValueError("expected a time from 1980 to 2262")
    return ts_ns


def given_time(value: Any, name: str) -> int | None:
    """Return the time that a user gave for `name`, ns since 1970. ConfigError CONF-003 if it is not a time."""
    try:
        found: int | None = parse_time(value)
    except ValueError as exc:
        raise ConfigError("CONF-003", f"{name} {value}: {exc}") from exc
    return found


def time_reading(value: Any) -> str | None:
    """Return how a count of s, ms or µs is read, in words: a user may have meant another unit. None for what needs no word."""
    text = str(value).strip()
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not re.fullmatch(r"\d+", text, re.ASCII):
        return None
    ts_ns, unit = _counted(text)
    if unit == "ns":
        return None
    moment = datetime.fromtimestamp(ts_ns // units.NS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{ts_ns % units.NS_PER_S:09d}".rstrip("0").rstrip(".")
    return f"{text} was read as {unit} since 1970: {moment}{fraction}Z"


def _counted(text: str) -> tuple[int, str]:
    """Return ns and the unit of a whole number of s, ms, µs or ns; its size tells which."""
    if len(text) <= len(str(INT64_MAX)):
        for unit, factor in _UNITS.items():
            if TIME_NS_MIN <= int(text) * factor <= INT64_MAX:
                return int(text) * factor, unit
    raise ValueError(f"it is no count of s, ms, µs or ns since 1970 of a time from 1980 to 2262; {_TIME_EXPECTED}")


def _iso_ns(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(_TIME_EXPECTED)
    day, clock, seconds, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{seconds or '00'}").replace(tzinfo=UTC)
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        if hours > _ZONE_HOURS_MAX or not 1 < moment.year < 9999:
            raise ValueError(_TIME_EXPECTED)
        moment -= timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    whole_s = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    return whole_s * units.NS_PER_S + int((fraction or "").ljust(9, "0"))


def _decimal(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError("expected a decimal number")  # noqa: TRY004  pydantic turns ValueError into a refusal
    if isinstance(value, int) and abs(value) >= _DECIMAL_END:
        raise ValueError(f"expected less than {_DECIMAL_END:g}")
    if isinstance(value, str) and len(value) > _DECIMAL_TEXT_MAX:
        raise ValueError(f"expected at most {_DECIMAL_TEXT_MAX} characters")
    number = units.to_decimal(value)
    # 1e999999999 and 1e-999999999 are decimals, too; sums with them take all memory.
    if number and not -_DECIMAL_PLACES <= number.adjusted() <= _DECIMAL_PLACES:
        raise ValueError(f"expected 0, or a number between 1e-{_DECIMAL_PLACES} and 1e{_DECIMAL_PLACES}")
    return number


def _signed_bps(value: Any) -> Any:
    bps = _decimal(value)
    if abs(bps) > 1000 or bps * 10_000 != (bps * 10_000).to_integral_value():
        raise ValueError("expected basis points from -1000 to 1000, in steps of 0.0001")
    return bps


def plain_number(value: Decimal | None) -> int | float | str | None:
    """Return a decimal as YAML and JSON hold it: an int or a float where that is exact, else text."""
    if value is None:
        return None
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else format(value.normalize(), "f")


_Plain = PlainSerializer(plain_number)
Amount = Annotated[Decimal, BeforeValidator(_decimal), Field(ge=0, le=Decimal("1e15")), _Plain]
Bps = Annotated[Decimal, BeforeValidator(_signed_bps), _Plain]
Time = Annotated[
    int | None, BeforeValidator(parse_time), WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]})
]
Count = Annotated[int, Field(ge=0, le=INT64_MAX)]
Ms = Annotated[float, Field(ge=0, le=86_400_000.0, allow_inf_nan=False)]
PositiveMs = Annotated[float, Field(ge=0.000001, le=86_400_000.0, allow_inf_nan=False)]
