"""Config and instrument -> the integer and float parameters of a lane."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from simcore import parquet
from simcore.arrow import numbers
from simcore.config.model import Config, FeeConfig, LatencyModel, VenueConfig, config_keys
from simcore.config.venue import profile
from simcore.door.files import check_file
from simcore.errors import ConfigError
from simcore.kernels import queue
from simcore.kernels import state as st
from simcore.link import Linked
from simcore.records import UNITS_MAX, FloatArray, IntArray
from simcore.tape.schema import Instrument
from simcore.units import NS_PER_MS, CashScale, rate_units, to_decimal

SELF_TRADE = {"refuse": 0, "cancel_resting": 1, "ignore": 2, "cancel_both": 3}
SLOTS_MIN, SLOTS_MAX = 8, 256  # live orders of a lane: those that the exchange allows, and as many on the way out
_LATENCY_NS_END = 86_400 * 10**9  # of recorded latencies: a longer one is a time, or in another unit
LATENCY_LEGS = ("place", "amend", "cancel", "response")
Tables = list[tuple[IntArray, IntArray]]


@dataclass(frozen=True)
class LaneParams:
    """One lane's rows: ints [INTS_SIZE], floats [FLOATS_SIZE], params [n]; tables are shared by all lanes."""

    ints: IntArray
    floats: FloatArray
    params: FloatArray


def instrument_scale(instrument: Instrument) -> CashScale:
    """Return the cash scale of an instrument; CONF-003 if its sizes do not fit integer money."""
    try:
        return instrument.cash_scale()
    except ValueError as exc:
        raise ConfigError("CONF-003", f"instrument {instrument.symbol}: {exc}") from exc


def lane_params(config: Config, instrument: Instrument, linked: Linked, is_l3: bool, tables: Tables) -> LaneParams:
    """Return a lane's parameters; appends recorded latencies to `tables`. CONF-002, CONF-003 on bad values."""
    ints = np.zeros(st.INTS_SIZE, np.int64)
    floats = np.zeros(st.FLOATS_SIZE, np.float64)
    scale = instrument_scale(instrument)
    venue = config.venue
    _refuse_other_kind(venue, instrument)
    ints[st.P_TICK_NS] = _ns(config.node.tick_interval_ms, "node.tick_interval_ms", 1)
    ints[st.P_KIND] = instrument.kind_code
    ints[st.P_SCALE] = scale.value_scale
    ints[st.P_QUEUE] = queue_code(venue.queue_model, is_l3)
    floats[st.F_QUEUE_N] = venue.queue_n
    node = config.node
    ints[st.P_DEPTH_LEVELS], ints[st.P_QUEUE_LEVELS] = node.depth_levels, node.queue_levels
    ints[st.P_NODE_QUEUE], floats[st.F_NODE_QUEUE_N] = queue.NAMES.index(node.queue_model), node.queue_n
    ints[st.P_TRACE], ints[st.P_FEATURES] = node.trace_every, node.features
    floats[st.F_LINK_TICK] = floats[st.F_LINK_LOT] = 1.0
    floats[st.F_CASH_UNIT] = float(scale.unit)
    ints[st.P_FILL_WHOLE] = venue.fill_whole
    ints[st.P_CROSS_WHOLE] = venue.cross_fill_whole
    ints[st.P_PRO_RATA_MIN] = venue.pro_rata_min_lots
    ints[st.P_MAX_OPEN] = venue.max_open_orders
    ints[st.P_SLOTS] = slots_of(venue)
    ints[st.P_MIN_NOTIONAL] = _units(venue.min_notional, scale, "venue.min_notional")
    ints[st.P_MAX_ORDER] = _lots(venue.max_order_qty, instrument, "venue.max_order_qty")
    ints[st.P_BALANCE] = _units(venue.balance, scale, "venue.balance")
    ints[st.P_LEVERAGE] = int(venue.leverage)
    ints[st.P_SELF_TRADE] = SELF_TRADE[venue.self_trade]
    ints[st.P_SEED] = config.run.seed
    ints[st.P_STREAM] = draw_stream(instrument)
    ints[st.P_USE_AMEND] = config.node.use_amend
    ints[st.P_WAIT_CANCEL] = config.node.wait_cancel
    _set_rules(ints, venue, instrument)
    _set_fees(ints, config.fees, instrument, scale)
    for leg, name in enumerate(LATENCY_LEGS):
        _set_latency(ints, floats, leg, getattr(config.latency, name), name, tables)
    return LaneParams(ints, floats, strategy_params(config.strategy.params, linked))


def slots_of(venue: VenueConfig) -> int:
    """Return the live orders that a lane's Node may have."""
    return min(max(2 * venue.max_open_orders, SLOTS_MIN), SLOTS_MAX)


def _set_rules(ints: IntArray, venue: VenueConfig, instrument: Instrument) -> None:
    """Write what a profile says of an exchange's rules: limits, filters, waiting orders, margin, timed funding."""
    for i, limit in enumerate(venue.rate_limits):
        key = f"venue.rate_limits.{i}"
        window_ns, penalty_ns = _ns(limit.window_ms, f"{key}.window_ms", 1), _ns(limit.penalty_ms, f"{key}.penalty_ms", 0)
        ints[st.P_RATE + 3 * i : st.P_RATE + 3 * i + 3] = limit.count, window_ns, penalty_ns
    ints[st.P_PRICE_BAND] = _rate(venue.price_band_bps, "venue.price_band_bps", 1_000_000)
    ints[st.P_MIN_QTY] = _least_lots(venue.min_qty, instrument, "venue.min_qty")
    ints[st.P_NO_AMEND] = venue.amend == "refused"
    ints[st.P_AMEND_TO_BACK] = not venue.amend_keeps_place
    ints[st.P_MAX_TRIGGER] = venue.max_trigger_orders
    ints[st.P_MAINTENANCE] = _rate(venue.maintenance_bps, "venue.maintenance_bps", 10_000)
    ints[st.P_LIQUIDATION_FEE] = _bps(venue.liquidation_fee_bps, "venue.liquidation_fee_bps")
    ints[st.P_MARGIN_NS] = _ns(venue.margin_check_ms, "venue.margin_check_ms", 1)
    ints[st.P_FUNDING_NS] = _ns(venue.funding_interval_h * 3_600_000, "venue.funding_interval_h", 0)
    ints[st.P_FUNDING_RATE] = _bps(venue.funding_rate_bps, "venue.funding_rate_bps")
    if instrument.kind == "spot":
        for name in ("maintenance_bps", "funding_interval_h"):
            if getattr(venue, name) != 0:
                raise ConfigError("CONF-003", f"venue.{name}: {getattr(venue, name)}; {instrument.symbol} is spot, which has neither margin nor funding: expected 0")


def draw_stream(instrument: Instrument) -> int:
    """Return the key of an instrument's draws, 30 bits: another instrument beside it does not shift them."""
    name = f"{instrument.venue}:{instrument.symbol}".encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:4], "big") >> 2


def _refuse_other_kind(venue: VenueConfig, instrument: Instrument) -> None:
    """Refuse a profile of another kind of contracts: its limits are in other money, its margin of another rule."""
    kind = instrument.kind if venue.name is None else profile(venue.name).kind
    if kind != instrument.kind:
        raise ConfigError("CONF-003", f"venue.name: {venue.name} is of {kind} contracts, {instrument.symbol} is {instrument.kind}; see `mmsim venue list`")


def queue_code(model: str, is_l3: bool) -> int:
    """Return the code of a queue model; a .py file is the custom one. CONF-003 for an unknown or unfit one."""
    if model.endswith(".py"):
        return queue.CUSTOM
    if model not in queue.NAMES[: queue.CUSTOM]:
        raise ConfigError("CONF-003", f"venue.queue_model: {model!r} is not one of {', '.join(queue.NAMES[:-1])}")
    if model == "fifo" and not is_l3:
        raise ConfigError("CONF-003", "venue.queue_model: fifo needs a tape with order ids (L3); this one has levels")
    return queue.NAMES.index(model)


def queue_file(model: str) -> Path | None:
    """Return the file of a user's queue model, None for a built-in one. CONF-001 if it is not there."""
    if not model.endswith(".py"):
        return None
    if not Path(model).is_file():
        raise ConfigError("CONF-001", f"venue.queue_model: {model}: no such file")
    return Path(model)


def strategy_params(given: Mapping[str, Any], linked: Linked) -> FloatArray:
    """Return a strategy's parameter row: its defaults, with the given values. CONF-002 for an unknown name."""
    row = np.array(linked.param_defaults, np.float64)
    for name, value in given.items():
        if name not in linked.param_names:
            raise ConfigError("CONF-002", f"strategy.params.{name}: {linked.name or 'the strategy'} has no such parameter{_nearest(name, linked)}")
        row[linked.param_names.index(name)] = float(value)
    return row


def _nearest(name: str, linked: Linked) -> str:
    """Return words for the parameter, or the key of the configuration, that may have been meant."""
    keys = {key: key for key, _ in config_keys()} | {each: f"strategy.params.{each}" for each in linked.param_names}
    near = difflib.get_close_matches(name, keys, 1)
    same = [keys[each] for each in keys if each.rpartition(".")[2] == name.rpartition(".")[2]]
    meant = keys[near[0]] if near else same[0] if same else ""
    return f"; did you mean {meant}?" if meant else f"; it has {', '.join(linked.param_names) or 'none'}"


def _ns(milliseconds: float, key: str, least: int) -> int:
    value = round(to_decimal(milliseconds) * NS_PER_MS)
    if value < least:
        raise ConfigError("CONF-003", f"{key}: {milliseconds} ms; expected at least {least} ns")
    return int(value)


def _units(amount: Any, scale: CashScale, key: str) -> int:
    value = to_decimal(amount) / scale.unit
    if abs(value) > Decimal(4 * 10**18):
        raise ConfigError("CONF-003", f"{key}: {amount} does not fit 64 bits at {scale.unit} a unit")
    return int(value.to_integral_value())


def _lots(qty: Decimal, instrument: Instrument, key: str) -> int:
    """Return whole lots of a limit, 0 for none; CONF-003 if it is less than one lot: it would not be one."""
    lots = to_decimal(qty) / to_decimal(instrument.lot_size)
    if 0 < lots < 1:
        raise ConfigError("CONF-003", f"{key}: {qty} is less than one lot of {instrument.lot_size}")
    return int(lots)


def _least_lots(qty: Decimal, instrument: Instrument, key: str) -> int:
    """Return the fewest whole lots that are no less than qty; CONF-003 if no order can be so large."""
    lots = int((to_decimal(qty) / to_decimal(instrument.lot_size)).to_integral_value(ROUND_CEILING))
    if lots > UNITS_MAX:
        raise ConfigError("CONF-003", f"{key}: {qty} is more than {UNITS_MAX} lots of {instrument.lot_size}")
    return lots


def _set_fees(ints: IntArray, fees: FeeConfig, instrument: Instrument, scale: CashScale) -> None:
    maker = rate_units(instrument.maker_rate) if fees.maker_bps is None else _bps(fees.maker_bps, "fees.maker_bps")
    taker = rate_units(instrument.taker_rate) if fees.taker_bps is None else _bps(fees.taker_bps, "fees.taker_bps")
    tiers: list[tuple[int, int, int]] = [(0, maker, taker)]
    for i, tier in enumerate(fees.tiers):
        key = f"fees.tiers[{i}]"
        tiers.append(
            (
                _units(tier.turnover, scale, key),
                maker if tier.maker_bps is None else _bps(tier.maker_bps, key),
                taker if tier.taker_bps is None else _bps(tier.taker_bps, key),
            )
        )
    for i, row in enumerate(tiers):
        ints[st.P_TIER + 3 * i : st.P_TIER + 3 * i + 3] = row
    ints[st.P_TIERS] = len(tiers)
    ints[st.P_TURNOVER_0] = _units(fees.initial_turnover, scale, "fees.initial_turnover")
    contracts = to_decimal(instrument.lot_size)
    ints[st.P_FEE_PER_LOT] = _units(to_decimal(fees.per_contract) * contracts, scale, "fees.per_contract")


def _rate(value: Decimal, key: str, most: int) -> int:
    if value > most:
        raise ConfigError("CONF-003", f"{key}: {value} bps; expected at most {most}")
    return _bps(value, key)


def _bps(value: Any, key: str) -> int:
    try:
        return rate_units(to_decimal(value) / 10_000)
    except ValueError as exc:
        raise ConfigError("CONF-003", f"{key}: {exc}") from exc


def _set_latency(
    ints: IntArray, floats: FloatArray, leg: int, latency: LatencyModel, name: str, tables: Tables
) -> None:
    key = f"latency.{name}"
    model = {"constant": st.CONSTANT, "lognormal": st.LOGNORMAL, "feed": st.FEED}.get(latency.model)
    scale = latency.sigma if latency.model == "lognormal" else latency.scale
    if latency.model == "recorded":
        times, values = recorded(latency, key)
        model = st.SAMPLED if latency.sampling == "sample" else st.INTERPOLATED
        ints[st.P_LAT_TABLE + leg] = len(tables)
        tables.append((times, values))
        if model == st.INTERPOLATED and len(np.unique(times)) < len(times):
            raise ConfigError("CONF-003", f"{key}.file: {latency.file}: interpolation needs strictly increasing times")
    assert model is not None, "the config model lists the same names"
    ints[st.P_LAT_MODEL + leg] = model
    ints[st.P_LAT_NS + leg] = 0 if latency.model == "recorded" else _ns(latency.ms, f"{key}.ms", 0)
    ints[st.P_LAT_MIN + leg] = _ns(latency.min_ms, f"{key}.min_ms", 0)
    floats[st.F_LAT_SCALE + leg] = scale


def recorded(latency: LatencyModel, key: str) -> tuple[IntArray, IntArray]:
    """Read recorded latencies: (times in ns since the run's start, latencies in ns).

    The file is CSV or Parquet; `column` names the latency column, whose name ends in its unit (_ns, _us, _ms or _s);
    `interpolate` also needs a column `time_ns`. CONF-001, CONF-003 on a bad file.
    """
    path = Path(latency.file or "")
    check_file(path, ConfigError, "CONF-001")
    try:
        table = _table(path)
    except (OSError, pa.ArrowException, ValueError) as exc:
        raise ConfigError("CONF-003", f"{key}.file: {path}: {exc}") from exc
    column = latency.column or next((n for n in table.column_names if n.startswith("latency")), "")
    units = {"_ns": 1, "_us": 1_000, "_ms": 1_000_000, "_s": 1_000_000_000}
    unit = next((factor for suffix, factor in units.items() if column.endswith(suffix)), 0)
    if column not in table.column_names or unit == 0:
        known = ", ".join(table.column_names)
        raise ConfigError("CONF-003", f"{key}.column: {column!r}; expected a column of {path} ending in _ns, _us, _ms or _s, one of: {known}")
    raw = _numbers(table, column, np.float64, f"{key}.file: {path}")
    if len(raw) == 0 or not np.all(np.isfinite(raw)) or np.any(raw < 0) or np.any(raw * unit >= _LATENCY_NS_END):
        raise ConfigError("CONF-003", f"{key}.file: {path}: latencies must be finite, not negative and less than a day")
    values = np.round(raw * unit).astype(np.int64)
    if latency.sampling == "sample":
        return np.arange(len(values), dtype=np.int64), values
    if "time_ns" not in table.column_names:
        raise ConfigError("CONF-003", f"{key}.file: {path}: interpolation needs a column time_ns")
    times = _numbers(table, "time_ns", np.int64, f"{key}.file: {path}")
    order = np.argsort(times, kind="stable")
    return times[order], values[order]


def _numbers(table: pa.Table, column: str, dtype: type[np.generic], where: str) -> Any:
    """Return a column of a table as an array; CONF-003 if it holds anything else."""
    kind = table[column].type
    if not (pa.types.is_integer(kind) or (dtype is np.float64 and pa.types.is_floating(kind))) or table[column].null_count:
        raise ConfigError("CONF-003", f"{where}: column {column} holds {kind} with {table[column].null_count} nulls; expected numbers")
    return numbers(table[column]).astype(dtype)


def _table(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return parquet.read_table(path, sealed=False)
    from pyarrow import csv  # few runs need it

    return csv.read_csv(path)


def stack(lanes: Sequence[LaneParams]) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return ints, floats and params of several lanes, [K, n] each."""
    return (
        np.ascontiguousarray([lane.ints for lane in lanes], np.int64),
        np.ascontiguousarray([lane.floats for lane in lanes], np.float64),
        np.ascontiguousarray([lane.params for lane in lanes], np.float64),
    )
