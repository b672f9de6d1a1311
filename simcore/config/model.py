"""The typed configuration of a run: every key, its unit, its default, its limits.

Models are frozen and refuse unknown keys. `simcore.config.load` reads YAML, the environment, `--set` and keyword
arguments into them; docs/config.md is made from them (`simcore.config.reference`).
"""

from __future__ import annotations

import itertools
import math
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from simcore.config.values import Amount, Bps, Count, Ms, PositiveMs, Time

VERSION: Literal[2] = 2  # of the layout; simcore.config.migrate brings older files to it

# As simcore.kernels.queue.NAMES, which cannot be imported here: it would load the compiler.
QUEUE_MODELS = ("risk_averse", "power", "power2", "power3", "log", "log2", "front", "fifo", "pro_rata")
LATENCY_KINDS = ("place", "amend", "cancel", "response")
TIERS_MAX = 8
RATE_LIMITS_MAX = 3
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


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class StrategyConfig(Section):
    """The quoting code and its parameters."""

    name: str = Field("adaptive", min_length=1, description="a strategy of strategies/, or the path of a .py file")
    params: Annotated[dict[str, float | int | bool], BeforeValidator(_flat_params), WithJsonSchema({"type": "object"})] = Field(
        default_factory=dict,
        description="parameters of the strategy, nested or with dotted names (`spread.base_bps`); the strategy's file lists them",
    )


class NodeConfig(Section):
    """The trading side."""

    tick_interval_ms: PositiveMs = Field(100.0, description="time between two runs of the pipeline, ms")
    use_amend: bool = Field(False, description="move working orders by amends instead of cancel and place")
    wait_cancel: bool = Field(False, description="place on a side only when no cancel of that side is in flight")
    sample_interval_ms: PositiveMs = Field(1000.0, description="time between two rows of the ledger samples, ms")
    depth_levels: int = Field(5, ge=1, le=100, description="levels a side that count for the depth that a strategy sees")
    queue_levels: int = Field(3, ge=1, le=100, description="levels a side over which the place in the queue is a percentile")
    queue_model: Literal["risk_averse", "power", "power2", "power3", "log", "log2", "front"] = Field(
        "power", description="how the Node estimates its own place in the queue; the exchange has its own (`venue.queue_model`)"
    )
    queue_n: float = Field(3.0, gt=0, le=100, allow_inf_nan=False, description="exponent of the power models")
    trace_every: Count = Field(0, description="every n-th tick is traced (docs/strategies.md); 0 = none")
    features: bool = Field(True, description="keep the ten features of a symbol, for reports, strategies and the scoreboard")


def _queue_model(value: Any) -> Any:
    if isinstance(value, str) and (value in QUEUE_MODELS or value.endswith(".py")):
        return value
    raise ValueError(f"expected one of {', '.join(QUEUE_MODELS)}, or the path of a .py file")


class RateLimit(Section):
    """A limit on requests of any kind."""

    count: int = Field(ge=1, le=1_000_000_000, description="requests allowed in one window")
    window_ms: PositiveMs = Field(1000.0, description="length of the window, ms")
    penalty_ms: Ms = Field(0.0, description="time for which everything is refused once the count is exceeded, ms; 0 = to the window's end")


class VenueConfig(Section):
    """The simulated exchange; a profile gives it the rules of a real one (docs/venues.md)."""

    name: str | None = Field(None, pattern=r"^[a-z][a-z0-9_]*$", description="a profile of `mmsim venue list`, whose values stand in for the defaults; null = none")
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
    min_qty: Amount = Field(Decimal(0), description="smallest quantity of an order, in the instrument's unit; 0 = no limit")
    price_band_bps: Amount = Field(Decimal(0), description="farthest that the price of an order may be from the mid, bps; 0 = no limit")
    max_trigger_orders: int = Field(10, ge=0, le=256, description="stop and take-profit orders that may wait for their trigger")
    rate_limits: Annotated[tuple[RateLimit, ...], BeforeValidator(_as_tuple)] = Field(
        (), max_length=RATE_LIMITS_MAX, description=f"at most {RATE_LIMITS_MAX} limits on requests, each of which holds"
    )
    amend: Literal["allowed", "refused"] = Field("allowed", description="whether the exchange amends orders")
    amend_keeps_place: bool = Field(True, description="an amend to a smaller quantity at the same price keeps its place in the queue")
    balance: Amount = Field(Decimal(0), description="money on the account, quote currency (inverse: base coin); 0 = no margin check")
    leverage: int = Field(1, ge=1, le=1000, description="largest position, in multiples of equity")
    maintenance_bps: Amount = Field(Decimal(0), description="equity below which the position is liquidated, bps of its value; 0 = never")
    liquidation_fee_bps: Bps = Field(Decimal(0), ge=0, description="fee of a liquidation, bps")
    margin_check_ms: PositiveMs = Field(1000.0, description="time between two checks of the margin, ms")
    funding_interval_h: float = Field(0.0, ge=0, le=8760, allow_inf_nan=False, description="time between two fundings, h, from midnight UTC on, in place of those of the tape; 0 = those of the tape")
    funding_rate_bps: Bps = Field(Decimal(0), description="rate of each of these fundings, bps; positive: longs pay")
    self_trade: Literal["refuse", "cancel_resting", "cancel_both", "ignore"] = Field(
        "refuse", description="when our order would match our own: refuse it, cancel the resting one, cancel both, or let it pass"
    )


class FeeTier(Section):
    """Fees from a turnover on."""

    turnover: Amount = Field(description="turnover from which the tier holds, in cash")
    maker_bps: Bps | None = Field(None, description="maker fee, bps; negative is a rebate; null = as below the tiers")
    taker_bps: Bps | None = Field(None, description="taker fee, bps; null = as below the tiers")


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
    from_ts: Time = Field(None, alias="from", description="start: ISO 8601 (UTC), or s, ms, µs or ns since 1970, told apart by their size; earlier rows build the books only; null = the tape's start")
    to_ts: Time = Field(None, alias="to", description="end: as `from`; null = the tape's end")
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


class LinkConfig(Section):
    """An instrument that another one's quotes depend on."""

    follower: str = Field(min_length=1, description="symbol whose strategy sees the leader's book")
    leader: str = Field(min_length=1, description="symbol whose book it sees")

    @model_validator(mode="after")
    def _two_symbols(self) -> LinkConfig:
        if self.follower == self.leader:
            raise ValueError("expected two symbols: a book does not lead itself")
        return self


_Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
_Symbols = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_tuple)]


class PortfolioConfig(Section):
    """What holds for all symbols of a run together."""

    max_gross: Amount = Field(Decimal(0), description="largest sum of the values of all positions, in cash; 0 = no limit")
    allocate: bool = Field(False, description="shift size between symbols by their scores")
    rebalance_s: float = Field(30.0, ge=0.001, le=31_536_000, allow_inf_nan=False, description="time between two allocations, s")
    temperature: float = Field(2.0, gt=0, le=1e6, allow_inf_nan=False, description="how evenly weights follow scores; high = evenly")
    weight_min: _Weight = Field(0.1, description="least weight of a symbol")
    weight_max: _Weight = Field(3.0, description="largest weight of a symbol")
    hysteresis: _Weight = Field(0.05, description="smaller changes of a weight are left out")
    score_alpha: float = Field(0.1, gt=0, le=1, allow_inf_nan=False, description="weight of a new window in a symbol's moving averages")
    score_samples: int = Field(10, ge=1, le=1_000_000, description="windows with fills that a score needs; with fewer a symbol counts as average")
    score_window_s: float = Field(300.0, ge=0.001, le=31_536_000, allow_inf_nan=False, description="length of the windows that scores are made of, s")
    blacklist_net_bps: float = Field(-5.0, ge=-1e6, le=1e6, allow_inf_nan=False, description="a symbol that earns less than this is blacklisted, bps of its turnover")
    blacklist_min: float = Field(30.0, ge=0, le=1e9, allow_inf_nan=False, description="time for which it must earn less to be blacklisted, and then is, minutes")
    whitelist: _Symbols = Field((), description="if not empty, the only symbols that are quoted")
    blacklist: _Symbols = Field((), description="symbols that are never quoted")

    @model_validator(mode="after")
    def _lists_agree(self) -> PortfolioConfig:
        if self.weight_min > self.weight_max:
            raise ValueError("expected weight_min <= weight_max")
        both = sorted({*self.whitelist} & {*self.blacklist})
        if both:
            raise ValueError(f"{', '.join(both)}: expected in one of whitelist and blacklist")
        return self


OVERRIDES = ("strategy", "node", "venue", "fees", "latency")  # sections that a symbol may have of its own


def _by_symbol(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise ValueError("expected a mapping of symbols to keys")  # noqa: TRY004  pydantic turns ValueError into a refusal
    for symbol, tree in value.items():
        if not isinstance(symbol, str) or not symbol or not isinstance(tree, Mapping):
            raise ValueError(f"{symbol}: expected a symbol with a mapping of keys")
    return {symbol: value[symbol] for symbol in sorted(value)}


_Target = Annotated[float | None, Field(allow_inf_nan=False)]


class TargetConfig(Section):
    """What the report holds a run against: it says met or missed. They change nothing in the run."""

    net_bps: _Target = Field(None, description="net edge that a run should reach, bps (a desk's usual: 2.3); null = no target")
    slippage_bps: _Target = Field(None, description="slippage that it should stay below, bps (usual: 1.8); null = no target")
    taker_share: _Target = Field(None, ge=0, le=1, description="largest share of taker fills, 0 to 1 (usual: 0.09); null = no target")


class Config(Section):
    """All of it."""

    version: Literal[2] = Field(VERSION, description="version of this layout")
    strategy: StrategyConfig = Field(default_factory=StrategyConfig)
    node: NodeConfig = Field(default_factory=NodeConfig)
    venue: VenueConfig = Field(default_factory=VenueConfig)
    fees: FeeConfig = Field(default_factory=FeeConfig)
    latency: LatencyConfig = Field(default_factory=LatencyConfig)
    run: RunConfig = Field(default_factory=RunConfig)
    book: BookConfig = Field(default_factory=BookConfig)
    portfolio: PortfolioConfig = Field(default_factory=PortfolioConfig)
    instruments: Annotated[dict[str, dict[str, Any]], BeforeValidator(_by_symbol)] = Field(
        default_factory=dict,
        description="what differs for one symbol: keys of strategy, node, venue, fees and latency, below the symbol; with a strategy of its own it has none of the common parameters",
    )
    links: Annotated[tuple[LinkConfig, ...], BeforeValidator(_as_tuple)] = Field(
        (), max_length=64, description="symbols that others follow"
    )
    targets: TargetConfig = Field(default_factory=TargetConfig)


def key_of(name: str, field: pydantic.fields.FieldInfo) -> str:
    """Return the name of a field as YAML spells it."""
    return field.alias or name


def section_of(field: pydantic.fields.FieldInfo) -> type[Section] | None:
    """Return the section that a field holds; None for a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def item_of(field: pydantic.fields.FieldInfo) -> type[Section] | None:
    """Return the section that each item of a list holds; None for other fields."""
    arguments = typing.get_args(field.annotation)
    if typing.get_origin(field.annotation) is tuple and isinstance(arguments[0], type) and issubclass(arguments[0], Section):
        return arguments[0]
    return None


def config_keys(section: type[Section] = Config, prefix: str = "") -> Iterator[tuple[str, pydantic.fields.FieldInfo]]:
    """Yield (dotted key, field) of every value, in order."""
    for name, field in section.model_fields.items():
        inner = section_of(field)
        if inner is None:
            yield prefix + key_of(name, field), field
        else:
            yield from config_keys(inner, f"{prefix}{key_of(name, field)}.")
