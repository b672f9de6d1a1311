"""Raw captures of cryptofeed: what it received from one exchange over WebSocket and REST, line by line.

The exchange is told by the URLs in the lines, else by the file's name (KRAKEN.ws.50.0.gz), else by --venue. A capture
holds several symbols: one is chosen with --symbol. All files of one recording are given together, in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from simcore.errors import ConvertError
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.cryptofeed.binance import Binance
from simcore.tape.convert.cryptofeed.bitstamp import Bitstamp
from simcore.tape.convert.cryptofeed.bybit import Bybit
from simcore.tape.convert.cryptofeed.coinbase import Coinbase
from simcore.tape.convert.cryptofeed.feed import Feed
from simcore.tape.convert.cryptofeed.kraken import Kraken
from simcore.tape.convert.cryptofeed.lines import ANSWERED, OPENED, RECEIVED, Line, merged
from simcore.tape.convert.cryptofeed.okx import Okx
from simcore.tape.convert.text_lines import first_line

FEEDS: dict[str, type[Feed]] = {
    "binance_spot": Binance, "binance_usdm": Binance, "binance_coinm": Binance, "bitstamp": Bitstamp, "bybit": Bybit,
    "coinbase": Coinbase, "kraken": Kraken, "okx": Okx,
}  # fmt: skip
_HOSTS = {
    "stream.binance.com": "binance_spot", "api.binance.com": "binance_spot", "fstream.binance.com": "binance_usdm",
    "fapi.binance.com": "binance_usdm", "dstream.binance.com": "binance_coinm", "dapi.binance.com": "binance_coinm",
    "bitstamp.net": "bitstamp", "bybit.com": "bybit", "coinbase.com": "coinbase", "kraken.com": "kraken", "okx.com": "okx",
    "okex.com": "okx",
}  # fmt: skip
_NAMES = {
    "BINANCE": "binance_spot", "BINANCE_FUTURES": "binance_usdm", "BINANCE_DELIVERY": "binance_coinm", "BITSTAMP": "bitstamp",
    "BYBIT": "bybit", "COINBASE": "coinbase", "KRAKEN": "kraken", "OKX": "okx", "OKEX": "okx",
}  # fmt: skip


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read the files of one exchange as one L2 source.

    Raises ConvertError: CONV-001 no file, CONV-002 no market data, CONV-003 bad line, CONV-004 bad value, CONV-005 a
    contract of unknown value, CONV-006 several symbols, CONV-010 several exchanges.
    """
    venue = _venue(paths, options)
    counts: Counter[str] = Counter()
    with FEEDS[venue](venue, options, counts) as feed:
        for line in merged(paths, counts):
            if line.url and venue_of_url(line.url) not in ("", venue):
                raise ConvertError("CONV-010", f"{line.path}: line {line.number}: {line.url[:80]} is not of {venue}")
            try:
                _take(feed, line)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as exc:
                raise line.error(f"not a message of {venue} as expected: {exc!r:.200}") from exc
            except ConvertError as exc:
                known = str(line.path) in exc.cause
                raise exc if known else ConvertError(exc.code, f"{line.path}: {exc.cause}") from exc
        return feed.source()


def venue_of_url(url: str) -> str:
    """Return the venue that a URL belongs to, or "" if it is not known."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return next((venue for name, venue in _HOSTS.items() if host == name or host.endswith(f".{name}")), "")


def _venue(paths: Sequence[Path], options: ConvertOptions) -> str:
    found: dict[str, str] = {}
    for path in paths:
        line = first_line(path)
        url = line.partition(" ")[0]
        venue = (venue_of_url(url) if "://" in url else "") or _NAMES.get(path.name.partition(".")[0], "")
        if venue:
            found[venue] = path.name
    if len(found) > 1:
        raise ConvertError("CONV-010", ", ".join(f"{name} is of {venue}" for venue, name in sorted(found.items())))
    venue = next(iter(found), options.venue or "")
    if options.venue is not None and options.venue != venue:
        raise ConvertError("CONV-010", f"{found[venue]} is of {venue}, not of {options.venue}")
    if venue not in FEEDS:
        raise ConvertError("CONV-005", f"no line or file name tells the exchange; give --venue, one of {', '.join(FEEDS)}")
    return venue


def _take(feed: Feed, line: Line) -> None:
    if line.kind == RECEIVED:
        feed.received(line)
    elif line.kind == ANSWERED:
        feed.answered(line)
    elif line.kind == OPENED:
        feed.opened(line)
