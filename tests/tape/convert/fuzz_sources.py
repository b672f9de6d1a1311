"""A small valid source of every format, as texts, events or columns, for the fuzz tests to spoil."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from simcore.tape.convert.hftbacktest import EVENT_DTYPE

T0_MS = 1_733_011_200_000


def binance() -> str:
    """Return a USD-M stream: depth with U/u/pu, a REST snapshot, best quotes, trades, a message of no use."""
    lines = [_depth(0, 5, 10, 1), _raw(1, {"lastUpdateId": 12, "E": T0_MS, "T": T0_MS, "bids": [["100.0", "5"], ["99.9", "2"]], "asks": [["100.2", "4"]]}, None)]
    last = 10
    for i in range(2, 14):
        if i % 4 == 0:
            lines.append(_raw(i, {"e": "trade", "E": T0_MS + i, "T": T0_MS + i, "s": "ABCUSDT", "t": i, "p": "100.2", "q": "1", "m": False, "X": "MARKET"}))
        elif i % 4 == 1:
            lines.append(_raw(i, {"e": "bookTicker", "u": last, "s": "ABCUSDT", "b": "100.0", "B": "5", "a": "100.2", "A": "3", "T": T0_MS + i, "E": T0_MS + i}))
        else:
            lines.append(_depth(i, last + 1, last + 3, last))
            last += 3
    lines.append(_raw(15, {"e": "markPriceUpdate", "s": "ABCUSDT", "p": "100.1"}))
    return "\n".join(lines) + "\n"


def binance_books() -> str:
    """Return a spot capture of what else streams hold: best levels, aggregated trades, lists, names of all kinds."""
    lines = []
    for i in range(12):
        bids, asks = [[f"{100 - i - k}", "1.5"] for k in range(5)], [[f"{101 - i + k}", "2"] for k in range(5)]
        lines.append(_raw(4 * i, {"lastUpdateId": 10 + i, "bids": bids, "asks": asks}, "abcusdt@depth5@100ms"))
        trade = {"e": "aggTrade", "E": T0_MS + 4 * i, "s": "ABCUSDT", "a": 50 + (i ^ 1), "p": "100", "q": f"{i % 4}", "T": T0_MS + 4 * i, "m": i % 2 == 0, "M": True}
        lines.append(_raw(4 * i + 1, trade, "abcusdt@aggTrade"))
    lines.append(_raw(50, [{"e": "markPriceUpdate", "E": T0_MS, "s": "ABCUSDT", "p": "100.1", "r": "0.0001", "T": T0_MS + 9}], "!markPrice@arr@1s"))
    lines.append(_raw(51, {"e": "kline", "s": "ABCUSDT"}, "abcusdt@kline_1m"))
    return "\n".join(lines) + "\n"


def binance_funding() -> str:
    """Return a USD-M capture of 2026 with depth, trades and a funding."""
    lines = []
    for i in range(10):
        levels = {"b": [["100.0", f"{i}"]], "a": [["100.2", str(i + 2)]]}
        ids = {"s": "ABCUSDT", "ps": "ABCUSDT", "st": 1, "U": 5 + i, "u": 5 + i, "pu": 4 + i}
        lines.append(_raw(3 * i, {"e": "depthUpdate", "E": T0_MS + 3 * i, "T": T0_MS + 3 * i, **ids, **levels}, "abcusdt@depth@0ms"))
        mark = {"e": "markPriceUpdate", "E": T0_MS + 3 * i, "s": "ABCUSDT", "p": "100.13", "r": "0.0001", "T": T0_MS + (15 if i < 5 else 3_600_000)}
        lines.append(_raw(3 * i + 1, mark, "abcusdt@markPrice@1s"))
        lines.append(_raw(3 * i + 2, {"e": "trade", "E": T0_MS + 3 * i, "T": T0_MS + 3 * i, "s": "ABCUSDT", "t": i, "p": "100.2", "q": "1", "X": "MARKET", "m": True}))
    return "\n".join(lines) + "\n"


def _raw(ms: int, message: Any, stream: str | None = "s") -> str:
    return f"{(T0_MS + ms) * 1_000_000 + 500_000} {json.dumps({'stream': stream, 'data': message} if stream else message)}"


def _depth(ms: int, first: int, last: int, before: int) -> str:
    levels = {"b": [["100.0", f"{ms + 1}.5"], ["99.8", "0"]], "a": [["100.2", str(ms + 2)]]}
    return _raw(ms, {"e": "depthUpdate", "E": T0_MS + ms, "T": T0_MS + ms, "s": "ABCUSDT", "U": first, "u": last, "pu": before, **levels})


def bybit() -> str:
    """Return the lines of an order book file: snapshots and deltas."""
    lines = []
    for i in range(12):
        kind, bids, asks = ("snapshot", [["1.9", "10"], ["1.8", "7"]], [["2.0", "20"]]) if i % 6 == 0 else ("delta", [["1.9", str(i)]], [["2.1", "0"]])
        data = {"s": "XRPUSDT", "b": bids, "a": asks, "u": 5 + i, "seq": 50 + i}
        lines.append(json.dumps({"topic": "orderbook.500.XRPUSDT", "type": kind, "ts": T0_MS + i * 100 + 2, "data": data, "cts": T0_MS + i * 100}))
    return "\n".join(lines) + "\n"


def bybit_trades() -> str:
    """Return a public trade CSV, newest first."""
    rows = [f"1733011200.{9 - i}500,XRPUSDT,{'Sell' if i % 2 else 'Buy'},{i + 1},{1.9 if i % 2 else 2.0}" for i in range(8)]
    return "\n".join(["timestamp,symbol,side,size,price", *rows]) + "\n"


def bitstamp() -> str:
    """Return an order log with an order_book line."""
    lines = []
    for i, (kind, order_id, side, price, amount) in enumerate(_BITSTAMP):
        data = {"price": price, "amount": amount, "datetime": "1733011200", "id": order_id, "order_type": side}
        lines.append(f"{T0_MS + i} order_{kind} {json.dumps(data)}")
    lines.insert(2, f"{T0_MS + 1} order_book {json.dumps({'bids': [['230.00', '2.5']], 'asks': [['240.00', '1']]})}")
    lines.insert(6, f"{T0_MS + 4} trade {json.dumps({'price': 236.5, 'amount': 2.0, 'id': 1})}")
    return "\n".join(lines) + "\n"


_BITSTAMP = [
    ("created", 10, 1, "236.50", "2"), ("created", 11, 0, "236.60", "3"), ("deleted", 10, 1, "236.50", "0"),
    ("changed", 11, 0, "236.60", "1"), ("created", 12, 1, "236.60", "0.4"), ("deleted", 12, 1, "236.60", "0"),
    ("changed", 11, 0, "236.60", "0.6"), ("deleted", 11, 0, "236.60", "0.6"), ("deleted", 5, 0, "230", "1.5"),
    ("created", 13, 0, "229.50", "4"), ("created", 14, 1, "241.00", "4"),
]  # fmt: skip


def bitstamp_csv() -> str:
    """Return the same orders as a CSV."""
    rows = [
        f"{order_id},{T0_MS + i},0,{price},{round(float(amount) * 1e8)},{kind},{'ask' if side else 'bid'}"
        for i, (kind, order_id, side, price, amount) in enumerate(_BITSTAMP)
    ]
    return "\n".join(["id,timestamp,exchange.timestamp,price,volume,action,direction", *rows]) + "\n"


def lobster() -> str:
    """Return messages of every type."""
    return """34200.000000001,1,11,100,1000000,1
34200.1,1,12,60,1000300,-1
34200.5,2,11,30,1000000,1
34201,4,11,50,1000000,1
34202,3,11,20,1000000,1
34203,4,5,40,1000100,-1
34203,5,0,7,1000050,-1
34204,6,-1,900,1000000,-1
34205,7,0,0,-1,-1
34206,1,13,10,999900,1
34207,3,12,60,1000300,-1
"""


def hftbacktest() -> np.ndarray[Any, Any]:
    """Return events of level 2, [n] of EVENT_DTYPE."""
    events = np.zeros(16, EVENT_DTYPE)
    both, buy, sell = (1 << 31) | (1 << 30), 1 << 29, 1 << 28
    for i in range(len(events)):
        kind = 2 if i % 5 == 4 else 1
        events[i] = (both | (sell if i % 2 else buy) | kind, 10**18 + i * 1000, 10**18 + i * 1000 + 500, 100.1 if i % 2 else 100.0, 1.0 + i % 3, 0, 0, 0.0)
    return events


def hftbacktest_orders() -> np.ndarray[Any, Any]:
    """Return events of orders: add, modify, fill, cancel."""
    events = np.zeros(12, EVENT_DTYPE)
    both, buy, sell = (1 << 31) | (1 << 30), 1 << 29, 1 << 28
    for i in range(len(events)):
        kind = (10, 11, 12, 13)[i // 3]
        events[i] = (both | (sell if i % 3 else buy) | kind, 10**18 + i * 1000, 10**18 + i * 1000 + 500, 100.1 if i % 3 else 100.0, 2.0, 1 + i % 3, 0, 0.0)
    return events


def mbo() -> dict[str, list[Any]]:
    """Return the columns of market-by-order rows."""
    rows = [
        ("R", "N", 2**63 - 1, 0, 0), ("A", "B", 40, 5, 7), ("A", "A", 44, 3, 8), ("T", "A", 40, 2, 0), ("F", "B", 40, 2, 7),
        ("M", "B", 40, 3, 7), ("C", "A", 44, 1, 8), ("A", "B", 39, 9, 9), ("M", "B", 41, 9, 9), ("C", "B", 40, 3, 7),
    ]  # fmt: skip
    count = len(rows)
    return {
        "ts_event": [10**18 + i for i in range(count)], "ts_recv": [10**18 + 1000 + i for i in range(count)],
        "action": [row[0] for row in rows], "side": [row[1] for row in rows],
        "price": [row[2] if row[2] > 10**18 else row[2] * 250_000_000 for row in rows],
        "size": [row[3] for row in rows], "order_id": [row[4] for row in rows], "flags": [128] * count,
        "symbol": ["ESH4"] * count,
    }  # fmt: skip


_TARDIS = "exchange,symbol,timestamp,local_timestamp,"


def _tardis(header: str, rows: list[tuple[str, ...]]) -> str:
    at = [f"binance-futures,ABC,{T0_MS * 1000 + i * 500},{T0_MS * 1000 + i * 500 + 40},{','.join(fields)}" for i, fields in enumerate(rows)]
    return "\n".join([_TARDIS + header, *at]) + "\n"


def tardis_trades() -> str:
    """Return trades of both sides, one of none."""
    return _tardis("id,side,price,amount", [(str(i), ("buy", "sell", "unknown")[i % 3], f"{100 + i % 2 / 10}", f"{i + 1}.5") for i in range(10)])


def tardis_book() -> str:
    """Return a snapshot and changes."""
    rows = [("true", side, price, "5") for side, price in (("bid", "99.9"), ("ask", "100.1"), ("ask", "100.2"))]
    return _tardis("is_snapshot,side,price,amount", rows + [("false", "ask" if i % 2 else "bid", f"{100.1 if i % 2 else 99.9}", str(i % 4)) for i in range(10)])


def tardis_snapshots() -> str:
    """Return snapshots of two levels."""
    header = ",".join(f"{side}[{i}].{name}" for i in range(2) for side in ("asks", "bids") for name in ("price", "amount"))
    return _tardis(header, [(f"{100.1 + i / 10:.1f}", "4", f"{99.9 + i / 10:.1f}", "5", f"{100.3 + i / 10:.1f}", "1", f"{99.5 + i / 10:.1f}", str(i)) for i in range(8)])


def tardis_quotes() -> str:
    """Return best quotes, one with an empty side."""
    return _tardis("ask_amount,ask_price,bid_price,bid_amount", [("4", f"{100.1 + i / 10:.1f}", "99.9" if i != 4 else "", str(i) if i != 4 else "") for i in range(8)])


def hyperliquid_line(ms: int, message: dict[str, Any]) -> str:
    return f"{(T0_MS + ms) * 1_000_000} {json.dumps(message)}"


def hyperliquid_book(ms: int, bids: list[tuple[str, str]], asks: list[tuple[str, str]], coin: str = "BTC") -> str:
    """Return a snapshot that the exchange made 5 ms before it came."""
    levels = [[{"px": price, "sz": size, "n": 1} for price, size in side] for side in (bids, asks)]
    return hyperliquid_line(ms, {"channel": "l2Book", "data": {"coin": coin, "levels": levels, "time": T0_MS + ms - 5}})


def hyperliquid_trade(ms: int, price: str, size: str, side: str, number: int) -> dict[str, Any]:
    return {"coin": "BTC", "side": side, "px": price, "sz": size, "time": T0_MS + ms, "hash": "0x0", "tid": number}


def hyperliquid() -> str:
    """Return snapshots, trades and a message of no use."""
    lines = [hyperliquid_line(1, {"channel": "subscriptionResponse", "data": {"method": "subscribe"}})]
    for i in range(8):
        lines.append(hyperliquid_book(10 + 20 * i, [("99", f"{i + 1}.5"), (str(98 - i % 2), "2")], [("100", "3"), (str(101 + i % 3), "1")]))
        lines.append(hyperliquid_line(20 + 20 * i, {"channel": "trades", "data": [hyperliquid_trade(12 + 20 * i, "100", "0.5", "BA"[i % 2], i)]}))
    return "\n".join(lines) + "\n"
