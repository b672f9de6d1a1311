"""From source rows to tape rows: instrument, ticks and lots, clocks, and the one file order for two views."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from simcore.errors import ConvertError
from simcore.records import (
    BOTH_BITS,
    CLEAR,
    EXCH_BIT,
    FUNDING,
    GAP,
    KIND_COUNT,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    TRADE,
    UNITS_MAX,
    Chunk,
)
from simcore.tape.convert.base import CLOCKS, ConvertOptions, Source, SourceRows
from simcore.tape.convert.grid import infer_size, is_on_grid, plain, to_multiples
from simcore.tape.convert.views import merge_views
from simcore.tape.instruments import look_up, split_symbol, venue_defaults
from simcore.tape.schema import LEVELS_WITH_IDS, Instrument, as_chunk
from simcore.units import NS_PER_MS, NS_PER_US, RATE_SCALE

_INT_END = 2.0**62  # floats below fit int64
_SIZES = (1e-18, 1e18)  # of ticks and lots: their number stays a finite float
_SAMPLE = 1_000_000  # rows that the percentiles of the feed latency are taken from, evenly spaced


@dataclass(frozen=True)
class Assembled:
    """A tape in memory: rows in file order, and what the conversion has to say about them."""

    rows: Chunk
    instrument: Instrument
    inferred: tuple[str, ...]
    clock: dict[str, Any]
    counts: dict[str, int]
    warnings: list[str]


def assemble(source: Source, options: ConvertOptions, fmt: str) -> Assembled:
    """Turn a source into tape rows. ConvertError CONV-002, CONV-004, CONV-005."""
    if options.clock not in CLOCKS:
        raise ConvertError("CONV-007", f"clock {options.clock!r}, expected one of {', '.join(CLOCKS)}")
    warnings = list(source.warnings)
    source = _without_empty_trades(source, warnings)
    rows = source.rows
    if not len(rows.ev):
        raise ConvertError("CONV-002", f"{fmt}: no rows")
    if not source.flagged:
        views = rows.ev & np.uint8(BOTH_BITS)
        rows = rows._replace(ev=np.where(views == 0, rows.ev | np.uint8(BOTH_BITS), rows.ev))
    _check_rows(rows)
    instrument, inferred = resolve(source, options, fmt, warnings)
    price_ticks, qty_lots = to_units(rows, instrument)
    rows, clock = set_clocks(rows, source, options, warnings)
    if source.flagged:
        order, bits = np.arange(len(rows.ev)), rows.ev & np.uint8(BOTH_BITS)
    else:
        exch_order = rows.exch_ts if source.exch_rank is None else source.exch_rank
        order, bits = merge_views(exch_order, rows.local_ts, rows.ev, rows.line)
    doubled = len(order) - len(rows.ev)
    if doubled:
        clock["rows_written_twice"] = doubled
        warnings.append(f"{doubled} rows are out of exchange order and were written twice, once for each clock")
    columns = [
        rows.exch_ts[order], rows.local_ts[order], rows.ev[order] & np.uint8(0xFF ^ BOTH_BITS) | bits,
        price_ticks[order], qty_lots[order],
    ]  # fmt: skip
    if source.level in LEVELS_WITH_IDS:
        columns.append(rows.order_id[order])
    counts = {name: count for name, count in sorted(source.counts.items()) if count}
    return Assembled(as_chunk(columns), instrument, inferred, clock, counts, warnings)


def _without_empty_trades(source: Source, warnings: list[str]) -> Source:
    """Leave out prints of no quantity: nothing was traded, yet a print fills what it passes."""
    rows = source.rows
    is_empty = ((rows.ev & KIND_MASK) == TRADE) & (rows.qty == 0)
    if not is_empty.any():
        return source
    keep = ~is_empty
    count = int(is_empty.sum())
    counts = {**source.counts, "trades_without_quantity": source.counts.get("trades_without_quantity", 0) + count}
    warnings.append(f"{count} trades without a quantity were left out")
    columns: list[Any] = [column[keep] if len(column) else column for column in rows]
    rows = SourceRows(*columns)
    rank = None if source.exch_rank is None else source.exch_rank[keep]
    return replace(source, rows=rows, counts=counts, exch_rank=rank)


def resolve(source: Source, options: ConvertOptions, fmt: str, warnings: list[str]) -> tuple[Instrument, tuple[str, ...]]:
    """Return the instrument, and the names of the fields that were inferred.

    Each field comes from the options, else from the catalogue, else from the source, else from the data.
    A catalogue size that the data do not fit (exchanges change them) is replaced, with a warning. CONV-005.
    """
    symbol = options.symbol or source.symbol
    venue = options.venue or source.venue or fmt
    if not symbol:
        raise ConvertError("CONV-005", "the source names no symbol; give --symbol")
    listed = look_up(venue, symbol)
    default = venue_defaults(venue)
    inferred = [name for name in source.inferred if getattr(options, name) is None]

    kind = options.kind or (listed.kind if listed else None) or source.kind or (default[0] if default else None)
    if kind is None:
        kind = "linear"
        inferred.append("kind")
    contract = options.contract_size or (listed.contract_size if listed else None) or source.hints.get("contract_size")
    if contract is None:
        if kind == "inverse":
            raise ConvertError("CONV-005", f"{venue} {symbol}: the value of an inverse contract cannot be seen; give --contract-size")
        contract = "1"
        inferred.append("contract_size")
    sizes = {name: _size(name, source, options, listed, inferred, warnings) for name in ("tick_size", "lot_size")}
    base, quote = _currencies(symbol, source, options, listed, inferred, warnings)
    if inferred:
        found = {"venue": venue, "symbol": symbol, "kind": kind, "contract_size": contract, **sizes, "base": base, "quote": quote}
        warnings.append("inferred: " + ", ".join(f"{name} {found[name]}" for name in inferred))
    rates = default[1:] if default else ("0", "0")
    if default is None and options.maker_rate is None and options.taker_rate is None:
        warnings.append(f"fees of {venue} are not known: 0 was taken; give --maker-rate and --taker-rate")
    try:
        instrument = Instrument(
            venue, symbol, kind, plain(sizes["tick_size"]), plain(sizes["lot_size"]), plain(contract), base, quote,
            plain(options.maker_rate or rates[0]), plain(options.taker_rate or rates[1]),
        )  # fmt: skip
        instrument.cash_scale()
    except ValueError as exc:
        raise ConvertError("CONV-005", f"{venue} {symbol}: {exc}") from exc
    for name, size in sizes.items():
        if not _SIZES[0] <= float(size) <= _SIZES[1]:
            raise ConvertError("CONV-005", f"{venue} {symbol}: {name} {size}, expected {_SIZES[0]:g} to {_SIZES[1]:g}")
    return instrument, tuple(inferred)


def _size(
    name: str, source: Source, options: ConvertOptions, listed: Instrument | None, inferred: list[str], warnings: list[str]
) -> str:  # fmt: skip
    """Return the tick or lot size; a listed one that the data do not fit is replaced, with a warning."""
    stated = getattr(options, name)
    if stated is not None:
        return str(stated)
    values = _priced(source.rows) if name == "tick_size" else _sized(source.rows)
    for offered, origin in ((getattr(listed, name, None), "catalogue"), (source.hints.get(name), "source")):
        if offered is not None:
            if len(values) == 0 or is_on_grid(values, offered).all():
                return str(offered)
            warnings.append(f"{name} {offered} of the {origin} does not fit the data; it was inferred instead")
    size = infer_size(values, name)
    inferred.append(name)
    return size


def _currencies(
    symbol: str, source: Source, options: ConvertOptions, listed: Instrument | None, inferred: list[str], warnings: list[str]
) -> tuple[str, str]:  # fmt: skip
    """Return base and quote; where the symbol's letters allow several, the likeliest, as inferred."""
    base = options.base or (listed.base if listed else source.hints.get("base", ""))
    quote = options.quote or (listed.quote if listed else source.hints.get("quote", ""))
    if base and quote:
        return base, quote
    pairs = [pair for pair in split_symbol(symbol) if base in ("", pair[0]) and quote in ("", pair[1])]
    if not pairs and quote and symbol.upper().endswith(quote.upper()):
        pairs = [(symbol[: -len(quote)].rstrip("-/_"), quote)]
    if not pairs:
        flags = " and ".join(f"--{name}" for name, value in (("base", base), ("quote", quote)) if not value)
        warnings.append(f"the name {symbol} does not tell its currencies: give {flags}")
        return base, quote
    if len(pairs) > 1:
        inferred += ["base", "quote"]
        others = " or ".join("/".join(pair) for pair in pairs[1:])
        warnings.append(f"{symbol} was read as {'/'.join(pairs[0])}, it may be {others}: give --base and --quote")
    return pairs[0]


def to_units(rows: SourceRows, instrument: Instrument) -> tuple[Any, Any]:
    """Return (price_ticks, qty_lots), int64, exact. CONV-004 names the first line that is off the grid.

    FUNDING: the mark price is rounded to a tick, the rate becomes 1e-8. GAP and CLEAR: the quantity is a count
    or a flag and stays.
    """
    kind = rows.ev & KIND_MASK
    has_price = (kind != GAP) & ~((kind == CLEAR) & (rows.qty == 0))
    tick, lot = instrument.tick_size, instrument.lot_size
    ticks, is_on_tick = to_multiples(rows.price, tick)
    price = np.where(has_price, ticks, 0.0)
    _refuse(has_price & ((price < 0) | (price > UNITS_MAX)), rows.price, rows.line, "price", _limit("ticks", tick))
    _refuse(has_price & (kind != FUNDING) & ~is_on_tick, rows.price, rows.line, "price", f"tick size {tick}")
    _refuse(has_price & (price < 1), rows.price, rows.line, "price", _limit("ticks", tick))
    is_lots = ~np.isin(kind, (GAP, CLEAR, FUNDING))
    lots, is_on_lot = to_multiples(rows.qty, lot)
    qty = np.rint(np.where(is_lots, lots, np.where(kind == FUNDING, rows.qty * RATE_SCALE, rows.qty)))
    _refuse(np.abs(qty) > UNITS_MAX, rows.qty, rows.line, "quantity", _limit("lots", lot))
    _refuse(is_lots & ~is_on_lot, rows.qty, rows.line, "quantity", f"lot size {lot}")
    return price.astype(np.int64), qty.astype(np.int64)


def set_clocks(
    rows: SourceRows, source: Source, options: ConvertOptions, warnings: list[str]
) -> tuple[SourceRows, dict[str, Any]]:
    """Make up a missing clock, clamp local times that go back, and apply the clock policy.

    Returns the rows, and the report for the tape's metadata (times in ns). Feed latency is local - exchange time
    over rows that both views see.
    """
    floor_ns = options.min_latency_us * NS_PER_US
    clock: dict[str, Any] = {"policy": options.clock, "offset_ns": 0}
    exch, local = rows.exch_ts, rows.local_ts
    if not source.has_local_clock:
        local = exch + floor_ns
        clock["synthesised"] = "local_ts"
        warnings.append(f"the source has no receive time: local time is exchange time + {options.min_latency_us} µs")
    elif not source.has_exch_clock:
        exch = local - floor_ns
        clock["synthesised"] = "exch_ts"
        warnings.append(f"the source has no exchange time: exchange time is local time - {options.min_latency_us} µs")
    if not source.flagged:
        raised, clock["local_times_clamped"] = _clamped(local, (rows.ev & LOCAL_BIT) != 0)
        if clock["local_times_clamped"]:
            most_ms = int((raised - local).max()) / NS_PER_MS
            warnings.append(f"{clock['local_times_clamped']} local times went back, by up to {most_ms:.3f} ms, and were raised to the time before them")
        local = raised
    latency = (local - exch)[(rows.ev & BOTH_BITS) == BOTH_BITS]
    if not len(latency):
        return rows._replace(exch_ts=exch, local_ts=local), clock
    lowest = int(latency.min())
    if "synthesised" not in clock and (options.clock == "shift" or (options.clock == "auto" and lowest < 0)):
        clock["offset_ns"] = floor_ns - lowest
        clock["feed_latency_before_ns"] = _spread(latency)
        local = local + clock["offset_ns"]
        latency = latency + clock["offset_ns"]
        before, after = clock["feed_latency_before_ns"], _spread(latency)
        warnings.append(
            f"local clock shifted by {clock['offset_ns'] / NS_PER_MS:+.3f} ms: least feed latency was "
            f"{before['min'] / NS_PER_MS:.3f} ms, is {after['min'] / NS_PER_MS:.3f} ms "
            f"(p1 {after['p1'] / NS_PER_MS:.3f}, median {after['median'] / NS_PER_MS:.3f}, p99 {after['p99'] / NS_PER_MS:.3f})"
        )
    elif lowest < 0:
        warnings.append(f"{int((latency < 0).sum())} rows were received before the exchange made them (clock kept as it is)")
    clock["feed_latency_ns"] = _spread(latency)
    return rows._replace(exch_ts=exch, local_ts=local), clock


def _check_rows(rows: SourceRows) -> None:
    kind = rows.ev & KIND_MASK
    _refuse(kind >= KIND_COUNT, kind, rows.line, "kind", "the known kinds")
    has_price = (kind != GAP) & ~((kind == CLEAR) & (rows.qty == 0))
    for values, name in ((rows.price, "price"), (rows.qty, "quantity")):
        _refuse(~(np.abs(values) < _INT_END), values, rows.line, name, "finite numbers below 2^62")
    _refuse(has_price & (rows.price <= 0), rows.price, rows.line, "price", "positive numbers")
    _refuse((rows.qty < 0) & (kind != FUNDING), rows.qty, rows.line, "quantity", "numbers from 0")
    for times, bit, name in ((rows.exch_ts, EXCH_BIT, "exchange time"), (rows.local_ts, LOCAL_BIT, "local time")):
        wrong = ((rows.ev & bit) != 0) & ((times <= 0) | (times >= 1 << 62))
        _refuse(wrong, times, rows.line, name, "positive times in ns")
    if len(rows.order_id):
        is_order = (kind == L3_ADD) | (kind == L3_REDUCE) | (kind == L3_EXEC)
        _refuse(is_order & (rows.order_id < 1), rows.order_id, rows.line, "order id", "ids from 1")


def _refuse(bad: Any, values: Any, lines: Any, name: str, expected: str) -> None:
    if bad.any():
        i = int(np.argmax(bad))
        raise ConvertError("CONV-004", f"line {lines[i]}: {name} {values[i]!s} is not within {expected} ({int(bad.sum())} such rows)")


def _limit(units: str, size: str) -> str:
    return f"1 to 2^52 - 1 {units} of {size}, the most being {float(size) * UNITS_MAX:.6g}"


def _priced(rows: SourceRows) -> Any:
    kind = rows.ev & KIND_MASK
    return rows.price[(kind != GAP) & (kind != FUNDING) & (kind != CLEAR)]


def _sized(rows: SourceRows) -> Any:
    return rows.qty[~np.isin(rows.ev & KIND_MASK, (GAP, CLEAR, FUNDING))]


def _clamped(times: Any, seen: Any) -> tuple[Any, int]:
    """Raise times that go back, among rows that are seen; return them and how many were raised."""
    risen = np.maximum.accumulate(np.where(seen, times, np.iinfo(np.int64).min))
    changed = seen & (risen != times)
    return (np.where(changed, risen, times), int(changed.sum())) if changed.any() else (times, 0)


def _spread(latency: Any) -> dict[str, int]:
    sample = latency[:: max(len(latency) // _SAMPLE, 1)]
    p1, median, p99 = (int(x) for x in np.percentile(sample, (1, 50, 99)))
    return {"min": int(latency.min()), "p1": p1, "median": median, "p99": p99}
