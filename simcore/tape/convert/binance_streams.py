"""The names of Binance's streams: what their messages are used for, and which markets have them.

Source: Binance API documents, "WebSocket Streams" of spot, USD-M and COIN-M futures, and Tardis for `depthSnapshot`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

SPOT, USDM, COINM = 1, 2, 4  # bits of a set of markets
FUTURES = USDM | COINM
ANY_MARKET = SPOT | FUTURES
MARKET_NAMES = {SPOT: "spot", USDM: "usdm", COINM: "coinm"}

# What messages are used for.
DEPTH, PARTIAL, REST, TICKER, TRADES, MARKS, UNUSED, UNKNOWN = range(8)

_USED = {
    "depth": (DEPTH, "depthUpdate"),
    "depthSnapshot": (REST, None),
    "bookTicker": (TICKER, "bookTicker"),
    "trade": (TRADES, "trade"),
    "aggTrade": (TRADES, "aggTrade"),
    "markPrice": (MARKS, "markPriceUpdate"),
}
_PARTIAL = re.compile(r"depth(5|10|20)$")
_SPEEDS = {"0ms": FUTURES, "250ms": FUTURES, "500ms": FUTURES, "1000ms": SPOT}  # of depth; 100ms is everyone's
_KNOWN = (
    "kline", "continuousKline", "indexPriceKline", "markPriceKline", "premiumIndexKline", "ticker", "miniTicker", "avgPrice", "forceOrder",
    "compositeIndex", "indexPrice", "contractInfo", "assetIndex", "rpiDepth", "tradingSession", "referencePrice", "openInterest",
)  # fmt: skip
_KNOWN_EVENTS = (
    "kline", "continuous_kline", "indexPrice_kline", "markPrice_kline", "24hrTicker", "24hrMiniTicker", "1hTicker", "4hTicker", "1dTicker",
    "avgPrice", "forceOrder", "compositeIndex", "indexPriceUpdate", "contractInfo", "assetIndexUpdate",
)  # fmt: skip
_EVENTS = {
    "depthUpdate": DEPTH, "bookTicker": TICKER, "trade": TRADES, "aggTrade": TRADES, "markPriceUpdate": MARKS,
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9_]{1,40}$")
_NAMES_MAX = 50  # unknown names that are counted one by one


class Stream(NamedTuple):
    """What a stream's name says.

    symbol   in capitals; empty for streams of all symbols.
    use      DEPTH … UNKNOWN.
    event    what `e` of its messages is, where that is used; None if they carry none.
    levels   of a partial depth stream; else 0.
    markets  that have a stream of this name.
    """

    name: str
    symbol: str
    kind: str
    use: int
    event: str | None
    levels: int
    markets: int


def parse_stream(name: str) -> Stream | None:
    """Return what the name of a stream says, or None for a name that is not of Binance's form (`btcusdt@depth@0ms`)."""
    head, at, rest = name.partition("@")
    if head.startswith("!"):
        symbol, kind, speed = "", head[1:], ""
    elif at:
        symbol = head.upper()
        kind, _, speed = rest.partition("@")
    else:
        return None
    partial = _PARTIAL.match(kind)
    if partial:
        return Stream(name, symbol, kind, PARTIAL, "depthUpdate", int(partial[1]), _SPEEDS.get(speed, ANY_MARKET))
    if kind in _USED:
        use, event = _USED[kind]
        markets = FUTURES if use == MARKS else _SPEEDS.get(speed, ANY_MARKET) if use == DEPTH else ANY_MARKET
        return Stream(name, symbol, kind, use, event, 0, markets)
    plain = kind.partition("_")[0]  # kline_1m, ticker_1h
    return Stream(name, symbol, plain if plain in _KNOWN else kind, UNUSED if plain in _KNOWN else UNKNOWN, None, 0, ANY_MARKET)


def use_of_event(event: object) -> int:
    """Return what a message of this type is used for, where no stream is named."""
    if not isinstance(event, str):
        return UNKNOWN
    return _EVENTS.get(event, UNUSED if event in _KNOWN_EVENTS else UNKNOWN)


class Ignored:
    """Counts messages that are not used, by name; names nobody knows are kept for a warning."""

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._unknown: Counter[str] = Counter()

    def add(self, name: object, is_known: bool) -> None:
        """Count one message. Names come from outside: odd ones, and the 51st, are `others`."""
        text = name if isinstance(name, str) and _NAME.match(name) else "others"
        if not is_known:
            if text not in self._unknown and len(self._unknown) >= _NAMES_MAX:
                text = "others"
            self._unknown[text] += 1
        self._counts[f"ignored_{text}"] += 1

    def warnings(self) -> list[str]:
        """Return the warning about unknown messages, if there were any."""
        if not self._unknown:
            return []
        named = ", ".join(f"{name} {count}" for name, count in sorted(self._unknown.items()))
        return [f"{sum(self._unknown.values())} messages of kinds that this converter does not know were left out: {named}"]
