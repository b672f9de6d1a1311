"""The typed configuration of a run: every key, its unit, its default, its limits.

Models are frozen and refuse unknown keys. `simcore.config.load` reads YAML, `--set` and keyword arguments into
them; docs/config.md is `config_reference()`.
"""

from __future__ import annotations

import itertools
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from simcore import units

# As simcore.kernels.queue.NAMES, which cannot be imported here: it would load the compiler.
QUEUE_MODELS = ("risk_averse", "power", "power2", "power3", "log", "log2", "front", "fifo", "pro_rata")
LATENCY_KINDS = ("place", "amend", "cancel", "response")
TIERS_MAX = 8
INT64_MAX = (1 << 63) - 1

_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?\s*(Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)
_TIME_EXPECTED = "expected an ISO 8601 time such as 2024-05-01T08:00:00Z (UTC if no zone), or nanoseconds since 1970"


def parse_time(value: Any) -> Any:
    """Return nanoseconds since 1970 UTC of an ISO 8601 text, a datetime, or nanoseconds; None stays None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str, datetime)):
        raise ValueError(_TIME_EXPECTED)  # noqa: TRY004  pydantic turns ValueError into a refusal
    text = value.isoformat() if isinstance(value, datetime) else str(value).strip()
    ts_ns = int(text) if re.fullmatch(r"\d{1,19}", text) else _iso_ns(text)
    if not 0 <= ts_ns <= INT64_MAX:
        raise ValueError("expected a time from 1970 to 2262")
    return ts_ns


def _iso_ns(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(_TIME_EXPECTED)
    day, clock, seconds, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}:{seconds or '00'}").replace(tzinfo=UTC)
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[4:6])
        moment -= timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    whole_s = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    return whole_s * units.NS_PER_S + int((fraction or "").ljust(9, "0"))


def _decimal(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError("expected a decimal number")  # noqa: TRY004  pydantic turns ValueError into a refusal
    return units.to_decimal(value)


def _rate_bps(value: Any) -> Any:
    bps = _decimal(value)
    if abs(bps) > 1000 or bps * 10_000 != (bps * 10_000).to_integral_value():
        raise ValueError("expected basis points from -1000 to 1000, in steps of 0.0001; negative is a rebate")
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
Bps = Annotated[Decimal, BeforeValidator(_rate_bps), _Plain]
Time = Annotated[int | None, BeforeValidator(parse_time)]
Count = Annotated[int, Field(ge=0, le=INT64_MAX)]
Ms = Annotated[float, Field(ge=0, le=86_400_000.0, allow_inf_nan=False)]
PositiveMs = Annotated[float, Field(ge=0.000001, le=86_400_000.0, allow_inf_nan=False)]


class Section(BaseModel):
    """A mapping of known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


def _flat_params(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError("expected a mapping of parameter names to numbers")  # noqa: TRY004  see above
    flat: dict[str, float | int | bool] = {}
    for name, number in _leaves(value, ""):
        if isinstance(number, bool) or (isinstance(number, (int, float)) and math.isfinite(number)):
            flat[name] = number
        else:
            raise ValueError(f"{name} is {number!r}; expected a finite number, true or false")
    return dict(sorted(flat.items()))


def _leaves(value: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner


class StrategyConfig(Section):
    """The quoting code and its parameters."""

    name: str = Field("demo_maker", min_length=1, description="a strategy of strategies/, or the path of a .py file")
    params: Annotated[dict[str, float | int | bool], BeforeValidator(_flat_params)] = Field(
        default_factory=dict,
        description="parameters of the strategy, nested or with dotted names (`spread.half_spread_bps`); the strategy's file lists them",
    )


class NodeConfig(Section):
    """The trading side."""

    tick_interval_ms: PositiveMs = Field(100.0, description="time between two runs of the pipeline, ms")
    use_amend: bool = Field(False, description="move working orders by amends instead of cancel and place")
    wait_cancel: bool = Field(False, description="place on a side only when no cancel of that side is in flight")
    sample_interval_ms: PositiveMs = Field(1000.0, description="time between two rows of the ledger samples, ms")


def _queue_model(value: Any) -> Any:
    if isinstance(value, str) and (value in QUEUE_MODELS or value.endswith(".py")):
        return value
    raise ValueError(f"expected one of {', '.join(QUEUE_MODELS)}, or the path of a .py file")


class VenueConfig(Section):
    """The simulated exchange."""

    queue_model: Annotated[str, BeforeValidator(_queue_model)] = Field(
        "power",
        description=f"how our place in the queue moves: {', '.join(QUEUE_MODELS)}, or the path of a .py file (docs/semantics.md 4.2)",
    )
    queue_n: float = Field(3.0, gt=0, le=100, allow_inf_nan=False, description="exponent of the power models")
    fill_whole: bool = Field(False, description="a trade that reaches our order fills all of it, whatever its size")
    cross_fill_whole: bool = Field(False, description="a book that crosses our order fills all of it")
    pro_rata_min_lots: Count = Field(1, description="smallest pro rata share, lots; less is none")
    max_open_orders: int = Field(64, ge=1, le=256, description="open orders that the exchange allows")
    min_notional: Amount = Field(Decimal(0), description="smallest value of an order, quote currency (inverse: base coin); 0 = no limit")
    max_order_qty: Amount = Field(Decimal(0), description="largest quantity of an order, in the instrument's unit; 0 = no limit")
    rate_limit_count: Count = Field(0, description="requests allowed in one window; 0 = no limit")
    rate_limit_window_ms: PositiveMs = Field(1000.0, description="length of the window of the rate limit, ms")
    balance: Amount = Field(Decimal(0), description="money on the account, quote currency (inverse: base coin); 0 = no margin check")
    leverage: int = Field(1, ge=1, le=1000, description="largest position, in multiples of equity")
    self_trade: Literal["refuse", "cancel_resting", "ignore"] = Field(
        "refuse", description="when our order would match our own: refuse it, cancel the resting one, or let it pass"
    )


class FeeTier(Section):
    """Fees from a turnover on."""

    turnover: Amount = Field(description="turnover from which the tier holds, in cash")
    maker_bps: Bps | None = Field(None, description="maker fee, bps; negative is a rebate; null = as below the tiers")
    taker_bps: Bps | None = Field(None, description="taker fee, bps; null = as below the tiers")


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class FeeConfig(Section):
    """What trading costs."""

    maker_bps: Bps | None = Field(None, description="maker fee, bps; negative is a rebate; null = the tape's instrument")
    taker_bps: Bps | None = Field(None, description="taker fee, bps; null = the tape's instrument")
    per_contract: Amount = Field(Decimal(0), description="fee per contract (unit of quantity) on top, in cash")
    initial_turnover: Amount = Field(Decimal(0), description="turnover before the run, in cash; it counts for the tiers")
    tiers: Annotated[tuple[FeeTier, ...], BeforeValidator(_as_tuple)] = Field(
        (), max_length=TIERS_MAX, description=f"at most {TIERS_MAX} tiers by increasing turnover; below the first, maker_bps and taker_bps hold"
    )

    @model_validator(mode="after")
    def _tiers_increase(self) -> FeeConfig:
        marks = [tier.turnover for tier in self.tiers]
        if any(later <= earlier for earlier, later in itertools.pairwise(marks)):
            raise ValueError("expected tiers of increasing turnover")
        return self


class LatencyModel(Section):
    """One delay of the wire (docs/latency.md)."""

    model: Literal["constant", "lognormal", "recorded", "feed"] = Field(
        "constant", description="constant; lognormal around ms; recorded, from file; feed, proportional to the feed's latency"
    )
    ms: Ms = Field(10.0, description="the latency, ms (lognormal: its median; feed: added to the scaled feed latency)")
    sigma: float = Field(0.5, ge=0, le=10, allow_inf_nan=False, description="lognormal: standard deviation of the logarithm")
    min_ms: Ms = Field(0.0, description="no latency is below this, ms")
    scale: float = Field(1.0, ge=0, le=1e6, allow_inf_nan=False, description="feed: factor on the feed's latency")
    file: str | None = Field(None, min_length=1, description="recorded: CSV or Parquet with a column of latencies, and time_ns to interpolate")
    column: str | None = Field(None, min_length=1, description="recorded: the column of latencies, its name ends in _ns, _us, _ms or _s; null = the first whose name starts with latency")
    sampling: Literal["interpolate", "sample"] = Field(
        "interpolate", description="recorded: interpolate in time, or draw at random"
    )

    @model_validator(mode="after")
    def _file_fits_model(self) -> LatencyModel:
        if (self.model == "recorded") != (self.file is not None):
            found = f"model {self.model} {'without a file' if self.file is None else 'with a file'}"
            raise ValueError(f"{found}; expected a file with model recorded, and only there")
        return self


class LatencyConfig(Section):
    """The delays of the wire, each way and kind of request."""

    place: LatencyModel = Field(default_factory=LatencyModel, description="from sending an order to its arrival")
    amend: LatencyModel = Field(default_factory=LatencyModel, description="from sending an amend to its arrival")
    cancel: LatencyModel = Field(default_factory=LatencyModel, description="from sending a cancel to its arrival")
    response: LatencyModel = Field(default_factory=LatencyModel, description="from the exchange back to us; at least 1 ns")


class RunConfig(Section):
    """Which part of the tape, how often, and how."""

    seed: Count = Field(0, description="seed of all draws")
    from_ts: Time = Field(None, alias="from", description="start: ISO 8601 (UTC) or ns since 1970; earlier rows build the books only; null = the tape's start")
    to_ts: Time = Field(None, alias="to", description="end: ISO 8601 (UTC) or ns since 1970; null = the tape's end")
    repeat: int = Field(1, ge=1, le=1_000_000, description="times that the tape is played in a row")
    checkpoint_s: float = Field(10.0, ge=0, le=1e9, allow_inf_nan=False, description="wall time between two checkpoints, s; 0 = none")
    checked: bool = Field(False, description="run with bounds checks, slower: finds faults of own strategies")

    @model_validator(mode="after")
    def _from_before_to(self) -> RunConfig:
        if self.from_ts is not None and self.to_ts is not None and self.from_ts >= self.to_ts:
            raise ValueError("expected `from` before `to`")
        return self


def _power_of_two(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and (1 << 8) <= value <= (1 << 24) and value & (value - 1) == 0:
        return value
    raise ValueError("expected a power of two from 256 to 16777216")


class BookConfig(Section):
    """Memory of the books."""

    window_ticks: Annotated[int, BeforeValidator(_power_of_two)] = Field(
        65536, description="prices that each book holds in its fast array, ticks; farther levels are kept exactly, but slower"
    )


class Config(Section):
    """All of it."""

    version: Literal[1] = Field(1, description="version of this layout")
    strategy: StrategyConfig = Field(default_factory=StrategyConfig)
    node: NodeConfig = Field(default_factory=NodeConfig)
    venue: VenueConfig = Field(default_factory=VenueConfig)
    fees: FeeConfig = Field(default_factory=FeeConfig)
    latency: LatencyConfig = Field(default_factory=LatencyConfig)
    run: RunConfig = Field(default_factory=RunConfig)
    book: BookConfig = Field(default_factory=BookConfig)


def key_of(name: str, field: pydantic.fields.FieldInfo) -> str:
    """Return the name of a field as YAML spells it."""
    return field.alias or name


def section_of(field: pydantic.fields.FieldInfo) -> type[Section] | None:
    """Return the section that a field holds; None for a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def config_keys(section: type[Section] = Config, prefix: str = "") -> Iterator[tuple[str, pydantic.fields.FieldInfo]]:
    """Yield (dotted key, field) of every value, in order."""
    for name, field in section.model_fields.items():
        inner = section_of(field)
        if inner is None:
            yield prefix + key_of(name, field), field
        else:
            yield from config_keys(inner, f"{prefix}{key_of(name, field)}.")


def config_reference() -> str:
    """Return docs/config.md: how to configure a run, and every key."""
    lines = [_REFERENCE_HEAD]
    for name, field in Config.model_fields.items():
        section = section_of(field)
        if section is None:
            lines += ["\n## version\n", _TABLE_HEAD, _row(name, field)]
            continue
        lines += [f"\n## {name}\n", f"{section.__doc__}\n", _TABLE_HEAD]
        if section is LatencyConfig:
            lines[-1:] = [
                *(f"* `latency.{key}`: {inner.description}" for key, inner in section.model_fields.items()),
                "\nEach of the four has these keys:\n",
                _TABLE_HEAD,
            ]
            section = LatencyModel
        lines += [_row(key, inner) for key, inner in config_keys(section)]
        if section is FeeConfig:
            lines += ["\nEach tier has these keys:\n", _TABLE_HEAD, *(_row(k, f) for k, f in config_keys(FeeTier))]
    return "\n".join(lines) + "\n"


_TABLE_HEAD = "| key | type | default | what |\n|---|---|---|---|"
_REFERENCE_HEAD = """# Configuration

This page is generated from `simcore/config/model.py`.

A run takes its configuration from, each over the one before: the defaults below, a YAML file (`--config FILE`),
`--set key=value` (any number of them; the value is YAML), and the options of the command (`--seed`, `--latency`, …) or
the keyword arguments in Python. Unknown keys and bad values are refused. The run folder holds the whole result as
`config.yaml`.

```yaml
version: 1
strategy:
  name: demo_maker
venue:
  queue_model: power
latency:
  place: {model: lognormal, ms: 8, sigma: 0.4}
```

Paths in a YAML file are relative to the file, those in `--set` to the current folder. Numbers of money and fees are
read as exact decimals. `--latency` is short for the latency keys: `10ms` (all four), `place=10ms,cancel=12ms`,
`lognormal:10ms:0.4`, `feed:1.0`, `recorded:FILE`; the units are ns, us, ms and s."""


def _row(key: str, field: pydantic.fields.FieldInfo) -> str:
    default = "required" if field.is_required() else f"`{_shown(field.get_default(call_default_factory=True))}`"
    return f"| `{key}` | {_kind(field.annotation)} | {default} | {field.description} |"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[]"
    return str(value)


_KINDS = {int: "integer", float: "number", Decimal: "decimal", bool: "true/false", str: "text", dict: "mapping", tuple: "list"}


def _kind(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        parts = [a for a in typing.get_args(annotation) if a is not type(None)]
        return f"{_kind(parts[0])} or null"
    if origin is Annotated:
        return _kind(typing.get_args(annotation)[0])
    return _KINDS[origin or annotation]
