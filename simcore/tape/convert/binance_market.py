"""Which Binance market messages come from: spot, USD-M or COIN-M futures, decided from all that they show.

Each message of use is judged by its symbol, its stream's name and its fields; each judgement leaves a set of markets.
Sets without a common market within one message contradict each other (CONV-010); between messages they mean that two markets
were recorded (CONV-006), of which --venue or --kind chooses one. Source of the rules: Binance API documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from simcore.errors import ConvertError
from simcore.tape.convert.base import ConvertOptions
from simcore.tape.convert.binance_streams import (
    ANY_MARKET,
    COINM,
    DEPTH,
    FUTURES,
    MARKET_NAMES,
    PARTIAL,
    REST,
    SPOT,
    TICKER,
    TRADES,
    USDM,
    Stream,
)

KINDS = {SPOT: "spot", USDM: "linear", COINM: "inverse"}
_COINM_SYMBOL = re.compile(r"USD_(PERP|\d{6})$")
_USDM_SYMBOL = re.compile(r"_\d{6}$")
_SHAPES_MAX = 4096  # kinds of messages that are remembered; more are judged each time
_US_LEAST = 10**15  # times from here on are µs


class Evidence(NamedTuple):
    """Something that only these markets (bits) show, in words."""

    markets: int
    text: str


class Found(NamedTuple):
    """What the messages of one set of markets have in common: where the first stands, and why."""

    line: int
    why: tuple[Evidence, ...]


class Choice(NamedTuple):
    """The market; which sets of markets a message may have to be used; what to tell the user."""

    market: int
    is_stated: bool
    warning: str


class MarketJudge:
    """Judges messages one by one, then decides."""

    def __init__(self) -> None:
        self._shapes: dict[Any, tuple[int, bool]] = {}
        self._found: dict[int, Found] = {}
        self._has_type = False  # `st` names the market

    def judge(self, use: int, stream: Stream | None, symbol: str, data: dict[str, Any], line: int) -> int:
        """Return the markets that a message may come from. CONV-010 if there is none."""
        time = data.get("E")
        shape = (use, stream and stream.name, symbol, tuple(data), repr(data.get("st")), isinstance(time, int) and time >= _US_LEAST)
        known = self._shapes.get(shape)
        if known is None:
            why = tuple(one for one in _evidence(use, stream, symbol, data) if one.markets != ANY_MARKET)
            markets = _common(why)
            if not markets:
                raise ConvertError("CONV-010", f"line {line}: " + _contradiction(why))
            known = (markets, _type_of(data) is not None)
            if len(self._shapes) < _SHAPES_MAX:
                self._shapes[shape] = known
            if markets not in self._found:
                self._found[markets] = Found(line, why)
        self._has_type = self._has_type or known[1]
        return known[0]

    def decide(self, present: Iterable[int], options: ConvertOptions, has_marks: bool) -> Choice:
        """Return the market of messages with these sets of markets.

        CONV-010 where --venue or --kind says another one than all messages, CONV-006 where they come from several and
        nothing chooses.
        """
        sets = sorted(set(present))
        stated = _stated(options)
        wanted = _common(stated)
        if not wanted:
            raise ConvertError("CONV-010", _contradiction(stated))
        fitting = [markets for markets in sets if markets & wanted]
        if not fitting:
            raise ConvertError("CONV-010", f"{' and '.join(one.text for one in stated)}, but {self._describe(sets[0])}")
        common = wanted
        for markets in fitting:
            common &= markets
        if not common:
            found = "; ".join(self._describe(markets) for markets in fitting)
            raise ConvertError("CONV-006", f"it holds messages of several Binance markets: {found}. Choose one with --venue binance_spot, binance_usdm or binance_coinm")
        market = _pick(common, has_marks)
        venue = f"binance_{MARKET_NAMES[market]}"
        if any(one.text.startswith("--venue") for one in stated):
            return Choice(market, True, "")
        reasons = [self._describe(markets) for markets in fitting if markets != ANY_MARKET]
        if common != market:
            others = " or ".join(f"binance_{name}" for bit, name in MARKET_NAMES.items() if bit & common and bit != market)
            return Choice(market, False, f"the market cannot be told for certain: {venue} was taken, it may be {others}; give --venue")
        return Choice(market, self._has_type, f"the market is {venue}: {'; '.join(reasons) or stated[0].text}")

    def usable(self, present: Iterable[int], market: int) -> frozenset[int]:
        """Return the sets of markets whose messages are used: all that hold the market, but none that may be another one recorded too."""
        sets = set(present)
        others = 0
        for markets in sets:
            if not markets & market:
                others |= markets
        return frozenset(markets for markets in sets if markets & market and not markets & others)

    def _describe(self, markets: int) -> str:
        found = self._found[markets]
        names = " or ".join(name for bit, name in MARKET_NAMES.items() if bit & markets)
        return f"{names} by line {found.line} ({', '.join(one.text for one in found.why) or 'which shows nothing of it'})"


def _evidence(use: int, stream: Stream | None, symbol: str, data: dict[str, Any]) -> Iterable[Evidence]:
    """Yield what a message shows."""
    if symbol:
        yield _of_symbol(symbol)
    if stream is not None and stream.markets != ANY_MARKET:
        yield Evidence(stream.markets, f"stream {stream.name[:60]}")
    kind = _type_of(data)
    if kind is not None:
        yield Evidence(kind, f"st {data['st']}")
    if isinstance(data.get("E"), int) and data["E"] >= _US_LEAST:
        yield Evidence(SPOT, "times in µs")
    if "ps" in data or "pair" in data:
        yield Evidence(FUTURES, "a pair")
    if use in (DEPTH, PARTIAL) and "U" in data:
        yield Evidence(FUTURES, "depth with pu") if "pu" in data else Evidence(SPOT, "depth without pu")
    elif use in (PARTIAL, REST):
        is_timed = "E" in data or "T" in data
        yield Evidence(FUTURES, "a snapshot with times") if is_timed else Evidence(SPOT, "a snapshot without times")
    elif use == TICKER:
        yield Evidence(FUTURES, "bookTicker with a time") if "T" in data or "E" in data else Evidence(SPOT, "bookTicker without a time")
    elif use == TRADES:
        if "X" in data or "nq" in data:
            yield Evidence(FUTURES, f"a trade with {'X' if 'X' in data else 'nq'}")
        yield Evidence(SPOT, "a trade with M") if "M" in data else Evidence(FUTURES, "a trade without M")


def _of_symbol(symbol: str) -> Evidence:
    if _COINM_SYMBOL.search(symbol):
        return Evidence(COINM, f"symbol {symbol[:40]}")
    if _USDM_SYMBOL.search(symbol):
        return Evidence(USDM, f"symbol {symbol[:40]}")
    return Evidence(SPOT | USDM, f"symbol {symbol[:40]}")


def _type_of(data: dict[str, Any]) -> int | None:
    """Return what `st` says: 1 USD-M, 2 COIN-M."""
    return {"1": USDM, "2": COINM}.get(str(data["st"])[:2]) if "st" in data else None


def _stated(options: ConvertOptions) -> tuple[Evidence, ...]:
    """Return what the user says."""
    found = [Evidence(bit, f"--venue {options.venue}") for bit, name in MARKET_NAMES.items() if options.venue == f"binance_{name}"]
    found += [Evidence(bit, f"--kind {options.kind}") for bit, kind in KINDS.items() if options.kind == kind]
    if options.symbol:
        one = _of_symbol(options.symbol)
        found.append(Evidence(one.markets, f"--{one.text}"))
    return tuple(found)


def _common(why: Iterable[Evidence]) -> int:
    markets = ANY_MARKET
    for one in why:
        markets &= one.markets
    return markets


def _contradiction(why: tuple[Evidence, ...]) -> str:
    """Name two pieces that exclude each other; if only all of them do, all."""
    for i, one in enumerate(why):
        for other in why[:i]:
            if not one.markets & other.markets:
                return f"{other.text}, but {one.text}"
    return ", but ".join(one.text for one in why)


def _pick(common: int, has_marks: bool) -> int:
    """Choose where several markets are left: mark prices exist on futures only; else spot."""
    order = (USDM, COINM, SPOT) if has_marks else (SPOT, USDM, COINM)
    return next(market for market in order if market & common)
