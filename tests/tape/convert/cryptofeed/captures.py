"""Small captures of every exchange, as cryptofeed writes them, with checksums worked out here once more."""

from __future__ import annotations

import json
import zlib
from itertools import zip_longest
from typing import Any

T0 = 1_733_011_200
SYMBOL = "ABC"
Book = tuple[list[list[str]], list[list[str]]]  # bids and asks, best first


def got(seconds: float, message: Any) -> str:
    return f"{T0 + seconds:.6f}: {json.dumps(message)}"


def opened(url: str, seconds: float = 0.0) -> str:
    return f"{url} <-> {T0 + seconds:.6f}"


def answered(url: str, seconds: float, message: Any) -> str:
    return f"{url} -> {T0 + seconds:.6f}: {json.dumps(message)}"


def text(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def applied(book: Book, side: int, price: str, qty: str) -> Book:
    """Return the book with one level set."""
    sides = [list(levels) for levels in book]
    sides[side] = [level for level in sides[side] if float(level[0]) != float(price)]
    if float(qty):
        sides[side].append([price, qty])
    sides[side].sort(key=lambda level: float(level[0]), reverse=side == 0)
    return sides[0], sides[1]


def kraken_sum(book: Book) -> int:
    texts = [t.replace(".", "").lstrip("0") for levels in (book[1][:10], book[0][:10]) for level in levels for t in level]
    return zlib.crc32("".join(texts).encode())


def okx_sum(book: Book) -> int:
    found = []
    for bid, ask in zip_longest(book[0][:25], book[1][:25]):
        found += [":".join(level) for level in (bid, ask) if level]
    value = zlib.crc32(":".join(found).encode())
    return value - 2**32 if value >= 2**31 else value


START: Book = ([["9.9", "5.00"], ["9.8", "7.50"]], [["10.0", "4.00"], ["10.2", "0.50"]])
CHANGES = [(0, "9.9", "4.25"), (1, "10.0", "0"), (1, "10.1", "3.00"), (0, "9.7", "2.00"), (0, "9.9", "0"), (0, "9.85", "1.00")]


def kraken_book(seconds: float, changes: list[tuple[int, str, str]], checksum: int | None) -> str:
    stamp = f"{T0 + seconds - 0.01:.6f}"
    sides = {name: [[p, q, stamp] for s, p, q in changes if s == side] for side, name in ((0, "b"), (1, "a"))}
    body: dict[str, Any] = {name: levels for name, levels in sides.items() if levels}
    return got(seconds, [7, body | ({} if checksum is None else {"c": str(checksum)}), "book-10", SYMBOL])


def kraken_snapshot(seconds: float, book: Book) -> str:
    stamp = f"{T0 + seconds - 0.01:.6f}"
    return got(seconds, [7, {"as": [[*level, stamp] for level in book[1]], "bs": [[*level, stamp] for level in book[0]]}, "book-10", SYMBOL])


def kraken() -> str:
    book, lines = START, [opened("wss://ws.kraken.com"), got(0.1, {"event": "heartbeat"}), kraken_snapshot(0.2, START)]
    for i, change in enumerate(CHANGES):
        book = applied(book, *change)
        lines.append(kraken_book(0.3 + i / 10, [change], kraken_sum(book)))
        lines.append(got(0.31 + i / 10, [8, [["10.0", "0.5", f"{T0 + 0.3 + i / 10 - 0.02:.6f}", "b" if i % 2 else "s", "l", ""]], "trade", SYMBOL]))
    return text(*lines)


def okx_book(seconds: float, action: str, levels: Book, checksum: int | None, **more: Any) -> str:
    data: dict[str, Any] = {"bids": [[*level, "0", "1"] for level in levels[0]], "asks": [[*level, "0", "1"] for level in levels[1]]}
    data |= {"ts": str(round((T0 + seconds - 0.01) * 1000)), **more}
    data |= {} if checksum is None else {"checksum": checksum}
    return got(seconds, {"arg": {"channel": "books", "instId": SYMBOL}, "action": action, "data": [data]})


def okx_trade(seconds: float, number: int, qty: str = "0.5") -> str:
    trade = {"instId": SYMBOL, "tradeId": str(number), "px": "10.0", "sz": qty, "side": "buy" if number % 2 else "sell", "ts": str(round((T0 + seconds - 0.02) * 1000))}
    return got(seconds, {"arg": {"channel": "trades", "instId": SYMBOL}, "data": [trade]})


def okx() -> str:
    book, lines = START, [opened("wss://ws.okx.com:8443/ws/v5/public"), got(0.1, {"event": "subscribe", "arg": {"channel": "books"}})]
    lines.append(okx_book(0.2, "snapshot", START, okx_sum(START), seqId=1, prevSeqId=-1))
    for i, change in enumerate(CHANGES):
        book = applied(book, *change)
        level = [[change[1], change[2]]]
        lines.append(okx_book(0.3 + i / 10, "update", (level, []) if change[0] == 0 else ([], level), okx_sum(book), seqId=i + 2, prevSeqId=i + 1))
        lines.append(okx_trade(0.31 + i / 10, i))
    return text(*lines)


def iso(seconds: float) -> str:
    whole, part = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"2024-12-01T00:00:{whole:02d}.{part:06d}Z"


def coinbase_match(seconds: float, number: int, kind: str = "match", size: str = "0.5") -> str:
    return got(seconds, {"type": kind, "trade_id": number, "side": "sell" if number % 2 else "buy", "size": size, "price": "10.0", "product_id": SYMBOL, "sequence": 9, "time": iso(seconds - 0.02)})


def coinbase_change(seconds: float, side: int, price: str, qty: str) -> str:
    return got(seconds, {"type": "l2update", "product_id": SYMBOL, "changes": [["sell" if side else "buy", price, qty]], "time": iso(seconds - 0.01)})


def coinbase_snapshot(seconds: float, book: Book = START) -> str:
    return got(seconds, {"type": "snapshot", "product_id": SYMBOL, "bids": book[0], "asks": book[1]})


def coinbase() -> str:
    lines = [opened("wss://ws-feed.exchange.coinbase.com"), coinbase_snapshot(0.1), coinbase_match(0.2, 40, "last_match")]
    for i, change in enumerate(CHANGES):
        lines += [coinbase_match(0.3 + i / 10, 41 + i), coinbase_change(0.31 + i / 10, *change)]
    return text(*lines)


def bybit_trade(seconds: float, number: int) -> str:
    trade = {"symbol": SYMBOL, "price": "10.0", "size": 0.5, "trade_time_ms": str(round((T0 + seconds - 0.02) * 1000)), "side": "Buy" if number % 2 else "Sell", "trade_id": f"id-{number}"}
    return got(seconds, {"topic": f"trade.{SYMBOL}", "data": [trade]})


def bybit_snapshot(seconds: float, sequence: int, book: Book = START) -> str:
    levels = [{"price": p, "symbol": SYMBOL, "side": side, "size": float(q)} for side, found in (("Buy", book[0]), ("Sell", book[1])) for p, q in found]
    return got(seconds, {"topic": f"orderBookL2_25.{SYMBOL}", "type": "snapshot", "data": {"order_book": levels}, "cross_seq": str(sequence), "timestamp_e6": str(round((T0 + seconds - 0.01) * 1_000_000))})


def bybit_delta(seconds: float, sequence: int, action: str, side: int, price: str, qty: float = 0.0) -> str:
    level: dict[str, Any] = {"price": price, "symbol": SYMBOL, "side": "Sell" if side else "Buy"} | ({} if action == "delete" else {"size": qty})
    data = {name: [level] if name == action else [] for name in ("delete", "update", "insert")}
    return got(seconds, {"topic": f"orderBookL2_25.{SYMBOL}", "type": "delta", "data": data, "cross_seq": str(sequence), "timestamp_e6": str(round((T0 + seconds - 0.01) * 1_000_000))})


def bybit() -> str:
    lines, known = [opened("wss://stream.bybit.com/realtime_public"), got(0.1, {"success": True}), bybit_snapshot(0.2, 5)], START
    for i, (side, price, qty) in enumerate(CHANGES):
        action = "delete" if not float(qty) else "update" if price in [level[0] for level in known[side]] else "insert"
        known = applied(known, side, price, qty)
        lines += [bybit_trade(0.3 + i / 10, i), bybit_delta(0.31 + i / 10, 6 + i, action, side, price, float(qty))]
    return text(*lines)


def bitstamp_diff(seconds: float, micro: float, side: int, price: str, qty: str) -> str:
    data = {"timestamp": str(T0), "microtimestamp": str(round((T0 + micro) * 1_000_000)), "bids": [[price, qty]] * (side == 0), "asks": [[price, qty]] * (side == 1)}
    return got(seconds, {"data": data, "channel": f"diff_order_book_{SYMBOL.lower()}", "event": "data"})


def bitstamp_trade(seconds: float, number: int) -> str:
    data = {"id": number, "amount": 0.5, "amount_str": "0.50", "price": 10.0, "price_str": "10.0", "type": number % 2, "microtimestamp": str(round((T0 + seconds - 0.02) * 1_000_000))}
    return got(seconds, {"data": data, "channel": f"live_trades_{SYMBOL.lower()}", "event": "trade"})


def bitstamp_snapshot(seconds: float, micro: float, book: Book = START) -> str:
    message = {"timestamp": str(T0), "microtimestamp": str(round((T0 + micro) * 1_000_000)), "bids": book[0], "asks": book[1]}
    return answered(f"https://www.bitstamp.net/api/v2/order_book/{SYMBOL.lower()}", seconds, message)


def bitstamp() -> str:
    lines = [opened("wss://ws.bitstamp.net/"), got(0.1, {"event": "bts:subscription_succeeded", "channel": "x", "data": {}}), bitstamp_snapshot(0.2, 0.15)]
    for i, change in enumerate(CHANGES):
        lines += [bitstamp_trade(0.3 + i / 10, i), bitstamp_diff(0.31 + i / 10, 0.3 + i / 10, *change)]
    return text(*lines)


def binance() -> str:
    lines = [opened("wss://fstream.binance.com/stream?streams=abc@depth")]
    lines.append(answered(f"https://fapi.binance.com/fapi/v1/depth?symbol={SYMBOL}&limit=1000", 0.2, {"lastUpdateId": 10, "E": T0 * 1000, "T": T0 * 1000, "bids": START[0], "asks": START[1]}))
    for i, (side, price, qty) in enumerate(CHANGES):
        at, ms = 0.3 + i / 10, round((T0 + 0.29 + i / 10) * 1000)
        depth = {"e": "depthUpdate", "E": ms, "T": ms, "s": SYMBOL, "U": 11 + i, "u": 11 + i, "pu": 10 + i, "b": [[price, qty]] * (side == 0), "a": [[price, qty]] * (side == 1)}
        trade = {"e": "aggTrade", "E": ms, "T": ms, "a": i, "s": SYMBOL, "p": "10.0", "q": "0.5", "f": i, "l": i, "m": bool(i % 2)}
        lines += [got(at, {"stream": "abc@aggTrade", "data": trade}), got(at + 0.01, {"stream": "abc@depth", "data": depth})]
    return text(*lines)


MAKERS = {"KRAKEN": kraken, "OKX": okx, "COINBASE": coinbase, "BYBIT": bybit, "BITSTAMP": bitstamp, "BINANCE_FUTURES": binance}
