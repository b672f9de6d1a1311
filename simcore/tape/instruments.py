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

# Currencies that others are quoted in, by exchanges' instrument lists: stablecoins, money of states, coins.
_QUOTED_IN = """
USDT USDC FDUSD TUSD BUSD USDE USDS USDP USDD USD1 RLUSD XUSD BFUSD PYUSD GUSD SUSD DAI VAI UST PAX EURI AEUR EURT EURS
USD EUR GBP AUD CAD CHF JPY KRW SGD HKD TRY BRL ARS MXN COP CZK PLN RON ZAR NGN UAH RUB KZT INR THB VND PHP AED
IDR IDRT BIDR BKRW BVND GYEN BTC XBT ETH BNB SOL XRP TRX DOGE DOT
"""
# Names that tell which of two readings is meant: BTCTUSD is BTC/TUSD, not BTCT/USD; DOTUSD is DOT/USD, not DO/TUSD.
_TRADED = """
AAVE ADA ALGO APE APT ARB ATOM AVAX AXS BAT BCH BIT BNB BONK BTC BTTC CAKE CELO CHZ COMP CRV DAI DASH DOGE DOT DYDX EGLD ENA ENJ
ENS EOS ETC ETH ETHFI ETHW EUR FET FIL FLOKI FLOW FTM FTT GALA GBP GMX GRT HBAR HOT HYPE ICP ICX IMX INJ IOTA JASMY JTO JUP
KAS KAVA KNC KSM LDO LINK LIT LPT LRC LTC LUNA LUNC MANA MASK MATIC MKR MNT NEAR NEO NOT OMG ONDO ONE ONT OP ORDI PAXG PENDLE
PEPE POL PYTH QNT QTUM RENDER RNDR RUNE RVN SAND SEI SHIB SNX SOL STRK STX SUI SUSHI TAO THETA TIA TON TRB TRUMP TRX TUSD UNI
USDC USDE USDT VET WAVES WBTC WIF WLD XBT XLM XMR XRP XTZ YFI ZEC ZEN ZIL ZRO ZRX
"""
_QUOTES, _BASES = frozenset(_QUOTED_IN.split()), frozenset(_TRADED.split())
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
    """Return (base, quote) as the symbol's letters most likely mean; empty where they do not tell."""
    pairs = split_symbol(symbol)
    return pairs[0] if pairs else ("", "")


def split_symbol(symbol: str) -> list[tuple[str, str]]:
    """Return the readings (base, quote) of a symbol, likeliest first: one where it is clear, none where nothing tells.

    A separator decides; else the letters end in a known quote, and of several readings the one with a known base is meant.
    Where that leaves several, the longest quote comes first.
    """
    letters = _DELIVERY.sub("", symbol.upper())
    for separator in "-/_":
        if letters.count(separator) == 1:
            base, quote = letters.split(separator)
            return [(base, quote)] if base.isalnum() and quote.isalnum() else []
    pairs = [(letters[:cut], letters[cut:]) for cut in range(1, len(letters)) if letters[cut:] in _QUOTES]
    known = [pair for pair in pairs if pair[0] in _BASES]
    return known or pairs
