"""A small catalogue of common instruments, so that a conversion needs no flags for them.

Sizes and fees are those of the exchanges' public instrument lists (fees: the base tier, spot without discounts).
They change; flags override them, and the tape says what it was made with.
"""

from __future__ import annotations

import re

from simcore.tape.schema import Instrument

# venue: (kind, maker rate, taker rate, quote of symbols that the catalogue gives without one)
_VENUES = {
    "binance_usdm": ("linear", "0.0002", "0.0005"),
    "binance_coinm": ("inverse", "0.0002", "0.0005"),
    "binance_spot": ("spot", "0.001", "0.001"),
    "bybit": ("linear", "0.0002", "0.00055"),
    "bybit_inverse": ("inverse", "0.0002", "0.00055"),
    "bybit_spot": ("spot", "0.001", "0.001"),
    "bitstamp": ("spot", "0.003", "0.004"),
    "cme": ("linear", "0", "0"),
    "nasdaq": ("spot", "0", "0"),
}

# venue: symbol tick lot contract base quote
_LISTED = """
binance_usdm  BTCUSDT      0.1      0.001    1    BTC  USDT
binance_usdm  ETHUSDT      0.01     0.001    1    ETH  USDT
binance_usdm  SOLUSDT      0.01     0.01     1    SOL  USDT
binance_usdm  XRPUSDT      0.0001   0.1      1    XRP  USDT
binance_usdm  BNBUSDT      0.01     0.01     1    BNB  USDT
binance_usdm  DOGEUSDT     0.00001  1        1    DOGE USDT
binance_coinm BTCUSD_PERP  0.1      1        100  BTC  USD
binance_coinm ETHUSD_PERP  0.01     1        10   ETH  USD
binance_spot  BTCUSDT      0.01     0.00001  1    BTC  USDT
binance_spot  ETHUSDT      0.01     0.0001   1    ETH  USDT
binance_spot  SOLUSDT      0.01     0.001    1    SOL  USDT
binance_spot  XRPUSDT      0.0001   0.1      1    XRP  USDT
bybit         BTCUSDT      0.1      0.001    1    BTC  USDT
bybit         ETHUSDT      0.01     0.01     1    ETH  USDT
bybit         SOLUSDT      0.01     0.1      1    SOL  USDT
bybit         XRPUSDT      0.0001   0.1      1    XRP  USDT
"""
# Binance and Bybit have changed ticks and lots over the years: where data are off the listed grid, `resolve`
# falls back to what the data show and says so.

_QUOTES = ("USDT", "USDC", "FDUSD", "BUSD", "USD", "EUR", "GBP", "BTC", "ETH", "BNB")
_DELIVERY = re.compile(r"(_PERP|[-_]PERP(ETUAL)?|_\d{6})$")


def venue_defaults(venue: str) -> tuple[str, str, str] | None:
    """Return (kind, maker rate, taker rate) of a known venue."""
    return _VENUES.get(venue)


def look_up(venue: str, symbol: str) -> Instrument | None:
    """Return the catalogue's instrument, or None."""
    for line in _LISTED.split("\n"):
        words = line.split()
        if words[:2] == [venue, symbol]:
            kind, maker_rate, taker_rate = _VENUES[venue]
            tick_size, lot_size, contract_size, base, quote = words[2:]
            return Instrument(
                venue, symbol, kind, tick_size, lot_size, contract_size, base, quote, maker_rate, taker_rate
            )
    return None


def currencies(symbol: str) -> tuple[str, str]:
    """Return (base, quote) as the symbol's letters tell them; empty where they do not."""
    letters = _DELIVERY.sub("", symbol.upper())
    for separator in "-/_":
        if letters.count(separator) == 1:
            base, quote = letters.split(separator)
            return base, quote
    for quote in _QUOTES:
        if letters.endswith(quote) and len(letters) > len(quote):
            return letters[: -len(quote)], quote
    return "", ""
