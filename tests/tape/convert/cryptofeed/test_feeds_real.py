"""The captures of seven exchanges: their own checksums, deltas that fit, best quotes of another stream, books that never cross."""

from __future__ import annotations

import bisect
import functools
import gzip
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simcore.records import DEPTH, KIND_MASK, SNAPSHOT, TRADE
from simcore.tape.convert import ConvertOptions, cryptofeed
from simcore.tape.convert.assemble import assemble
from simcore.tape.convert.base import Source
from simcore.tape.convert.levels import decimal_seconds
from tests.tape.convert.plain_book import PlainBook

REAL = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[5] / "shared" / "data")) / "cryptofeed_raw"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not REAL.is_dir(), reason="no captures of cryptofeed (MMSIM_REAL_DATA)"),
]
KRAKEN = ("KRAKEN.ws.50.0.gz",)
OKX = ("OKX.ws.1.0.gz",)
COINBASE = ("COINBASE.ws.28.0.gz",)
BYBIT = ("BYBIT.ws.25.0.gz", "BYBIT.ws.26.0.gz")
BITSTAMP = ("BITSTAMP.http.0.0.gz", "BITSTAMP.ws.1.0.gz")
SPOT = ("BINANCE.http.0.0.gz", "BINANCE.ws.1.0.gz")
FUTURES = ("BINANCE_FUTURES.0.gz", "BINANCE_FUTURES.http.0.0.gz", "BINANCE_FUTURES.ws.1.0.gz")
CHECKSUMS = {
    "ADA/XBT": 347, "ETH/CHF": 317, "GRT/ETH": 20, "KSM/XBT": 335, "OCEAN/XBT": 148, "OMG/USD": 573, "SC/EUR": 818, "WAVES/EUR": 576,
    "XBT/CHF": 289, "XMR/USD": 846,
}  # fmt: skip


def messages(name: str) -> Iterator[tuple[int, Any]]:
    with gzip.open(REAL / name, "rt") as stream:
        for line in stream:
            head, _, body = line.partition(": ")
            if head[:1].isdecimal():
                yield decimal_seconds(head), json.loads(body)


@functools.lru_cache(maxsize=4)
def read(files: tuple[str, ...], symbol: str, contract_size: str | None = None) -> Source:
    return cryptofeed.read([REAL / file for file in files], ConvertOptions(symbol=symbol, contract_size=contract_size))


def states(source: Source) -> Iterator[tuple[int, PlainBook]]:
    """Yield the Node's book after each message with its receive time."""
    book, rows = PlainBook(), source.rows
    columns = zip(rows.local_ts.tolist(), rows.line.tolist(), rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), strict=True)
    last = None
    for local, line, ev, price, qty in columns:
        if last is not None and (local, line) != last:
            yield last[0], book
        last = (local, line)
        book.apply(ev, price, qty)
    if last is not None:
        yield last[0], book


@pytest.mark.parametrize("symbol", CHECKSUMS)
def test_every_checksum_of_kraken_is_right(symbol: str) -> None:
    """4,269 checksums of ten books, each of the best ten levels a side."""
    source = read(KRAKEN, symbol)
    assert source.counts["checksums"] == CHECKSUMS[symbol]
    assert "checksums_wrong" not in source.counts
    assert "gaps" not in source.counts


@pytest.mark.parametrize(("symbol", "checksums"), [("BTC-USDT", 98), ("UNI-USD-SWAP", 93), ("BTC-USD-220527", 99)])
def test_every_checksum_of_okx_is_right(symbol: str, checksums: int) -> None:
    """Each is of the best 25 levels a side."""
    source = read(OKX, symbol, None if symbol == "BTC-USDT" else "100")
    assert source.counts["checksums"] == checksums
    assert "checksums_wrong" not in source.counts
    assert source.kind == ("spot" if symbol == "BTC-USDT" else "inverse")


@pytest.mark.parametrize(("files", "symbol"), [(BYBIT, "BCHUSDT"), (BYBIT, "BTCUSD"), (BYBIT, "LTCUSDT"), (BYBIT, "ADAUSDT")])
def test_every_delta_of_bybit_fits_the_book(files: tuple[str, ...], symbol: str) -> None:
    """No level is removed or changed that is not there, or added twice; the book has 25 levels a side after each."""
    source = read(files, symbol)
    assert "updates_that_do_not_fit" not in source.counts
    seen = Counter((len(book.sides[0]), len(book.sides[1])) for _, book in states(source))
    assert seen.most_common(1)[0][0] == (25, 25)
    assert max(max(sizes) for sizes in seen) == 25


def test_the_book_of_coinbase_has_the_best_quotes_of_its_ticker() -> None:
    """Another channel of the same connection: 97 of 98 tickers of ten products state our best prices at that moment."""
    right = total = 0
    products = sorted({m["product_id"] for _, m in messages(COINBASE[0]) if m["type"] == "snapshot"})
    for product in products:
        quotes = [(t, float(m["best_bid"]), float(m["best_ask"])) for t, m in messages(COINBASE[0]) if m["type"] == "ticker" and m["product_id"] == product]
        history = [(t, book.best(0), book.best(1)) for t, book in states(read(COINBASE, product))]
        times = [t for t, _, _ in history]
        for t, bid, ask in quotes:
            k = bisect.bisect_right(times, t)
            if k and history[k - 1][1] and history[k - 1][2]:
                total += 1
                right += (history[k - 1][1][0], history[k - 1][2][0]) == (bid, ask)
    assert (right, total) == (97, 98)


@pytest.mark.parametrize(
    ("files", "symbol", "contract_size"),
    [
        (KRAKEN, "XBT/CHF", None), (OKX, "BTC-USDT", None), (OKX, "UNI-USD-SWAP", "10"), (COINBASE, "SKL-USD", None), (COINBASE, "YFI-BTC", None),
        (BYBIT, "LTCUSDT", None), (BYBIT, "EOSUSD", None), (BITSTAMP, "ETHUSD", None), (BITSTAMP, "USDTEUR", None), (SPOT, "NKNUSDT", None),
        (FUTURES, "SUSHIUSDT", None), (FUTURES, "CTKUSDT", None),
    ],
)  # fmt: skip
def test_books_never_cross(files: tuple[str, ...], symbol: str, contract_size: str | None) -> None:
    """In either view, after any message."""
    source = read(files, symbol, contract_size)
    crossed = sum(1 for _, book in states(source) if book.best(0) and book.best(1) and book.best(0)[0] >= book.best(1)[0])
    assert crossed == 0
    made = assemble(source, ConvertOptions(symbol=symbol, contract_size=contract_size), "cryptofeed")
    assert len(made.rows.ev) >= len(source.rows.ev)


def test_what_goes_in_is_in_the_rows_or_in_a_count() -> None:
    """Levels and trades of Coinbase and of Bitstamp, counted in the capture by themselves."""
    found = [m for _, m in messages(COINBASE[0]) if m.get("product_id") == "SKL-USD"]
    levels = sum(len(m.get("changes", ())) + len(m.get("bids", ())) + len(m.get("asks", ())) for m in found)
    trades = sum(m["type"] in ("match", "last_match") for m in found)
    assert tally(read(COINBASE, "SKL-USD")) == (levels, trades)

    found = [m for _, m in messages(BITSTAMP[1]) if m.get("channel", "").endswith("_ethusd") and not m["event"].startswith("bts:")]
    levels = sum(len(m["data"].get("bids", ())) + len(m["data"].get("asks", ())) for m in found)
    with gzip.open(REAL / BITSTAMP[0], "rt") as stream:
        snapshot = next(json.loads(line.partition(": ")[2]) for line in stream if "/ethusd ->" in line)
    levels += len(snapshot["bids"]) + len(snapshot["asks"])
    assert tally(read(BITSTAMP, "ETHUSD")) == (levels, sum(m["event"] == "trade" for m in found))


def tally(source: Source) -> tuple[int, int]:
    """Return levels and trades: in the rows, and left out and counted."""
    kinds = Counter(int(ev) & KIND_MASK for ev in source.rows.ev)
    counts = Counter(source.counts)
    left = ("trades_before_start", "trades_before_snapshot", "trades_repeated", "trades_without_quantity")
    return kinds[DEPTH] + kinds[SNAPSHOT] + counts["levels_before_snapshot"], kinds[TRADE] + sum(counts[name] for name in left)
