"""Parquet files as NautilusTrader writes them, of 64 and of 128 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

T0 = 1_733_011_200_000_000_000
ID = "BTCUSDT-PERP.BINANCE"
ADD, UPDATE, DELETE, CLEAR = 1, 2, 3, 4
BUY, SELL = 1, 2
SNAPSHOT, LAST = 32, 128
Delta = tuple[int, int, int, float, float, int, int]  # µs after T0, action, side, price, size, order id, flags

BYTES = {"int64": 8, "8 bytes": 8, "16 bytes": 16}
DELTAS: list[Delta] = [
    (0, CLEAR, 0, 0, 0, 0, SNAPSHOT), (0, ADD, BUY, 99.5, 1.25, 0, SNAPSHOT), (0, ADD, BUY, 99.0, 2, 0, SNAPSHOT), (0, ADD, SELL, 100.0, 3, 0, SNAPSHOT | LAST),
    (1, UPDATE, BUY, 99.5, 0.5, 0, LAST), (2, DELETE, SELL, 100.0, 0, 0, 0), (2, ADD, SELL, 100.5, 4, 0, LAST), (3, UPDATE, BUY, 99.0, 2.5, 0, LAST),
]  # fmt: skip
ORDERS: list[Delta] = [
    (0, CLEAR, 0, 0, 0, 0, SNAPSHOT), (0, ADD, BUY, 99.5, 1, 11, SNAPSHOT), (0, ADD, BUY, 99.5, 2, 12, SNAPSHOT), (0, ADD, SELL, 100.0, 3, 13, SNAPSHOT | LAST),
    (1, UPDATE, BUY, 99.5, 0.5, 11, LAST), (2, DELETE, SELL, 100.0, 0, 13, LAST), (3, UPDATE, BUY, 99.0, 2, 12, LAST), (4, ADD, SELL, 100.5, 5, 14, LAST),
]  # fmt: skip
TRADES = [(1, 99.5, 0.75, 2, "a"), (2, 100.0, 3, 1, "b"), (2, 100.0, 0, 1, "c"), (3, 100.0, 3, 1, "b"), (4, 100.0, 1, 0, "d")]


def fixed(values: list[float], how: str, sign: bool = True) -> pa.Array:
    """Return fixed-point numbers in one of the three layouts."""
    scale = 10**16 if how == "16 bytes" else 10**9
    numbers = [round(value * 1000) * (scale // 1000) for value in values]
    if how == "int64":
        return pa.array(numbers, pa.int64() if sign else pa.uint64())
    return pa.array([n.to_bytes(BYTES[how], "little", signed=sign) for n in numbers], pa.binary(BYTES[how]))


def times(at: list[int], delay: int = 50_000) -> dict[str, pa.Array]:
    return {"ts_event": pa.array([T0 + us * 1000 for us in at], pa.uint64()), "ts_init": pa.array([T0 + us * 1000 + delay for us in at], pa.uint64())}


def deltas(rows: list[Delta] = DELTAS, how: str = "16 bytes", name: str | None = ID, delay: int = 50_000) -> pa.Table:
    at, action, side, price, size, order_id, flags = (list(column) for column in zip(*rows, strict=True))
    columns: dict[str, Any] = {
        "action": pa.array(action, pa.uint8()), "side": pa.array(side, pa.uint8()), "price": fixed(price, how), "size": fixed(size, how, sign=False),
        "order_id": pa.array(order_id, pa.uint64()), "flags": pa.array(flags, pa.uint8()), "sequence": pa.array(range(1, len(rows) + 1), pa.uint64()), **times(at, delay),
    }  # fmt: skip
    return named(pa.table(columns), name)


def trades(rows: list[tuple[int, float, float, int, str]] = TRADES, how: str = "16 bytes", name: str | None = ID, delay: int = 50_000) -> pa.Table:
    at, price, size, side, ids = (list(column) for column in zip(*rows, strict=True))
    columns: dict[str, Any] = {"price": fixed(price, how), "size": fixed(size, how, sign=False), "aggressor_side": pa.array(side, pa.uint8()), "trade_id": pa.array(ids)}
    return named(pa.table(columns | times(at, delay)), name)


def instrument(name: str = ID, kind: str = "CryptoPerpetual", **more: Any) -> pa.Table:
    columns = {"id": name, "raw_symbol": "BTCUSDT", "base_currency": "BTC", "quote_currency": "USDT", "is_inverse": False, "price_increment": "0.10", "size_increment": "0.001", "multiplier": "1"}
    return pa.table({key: [value] for key, value in (columns | more).items()}).replace_schema_metadata({"class": kind})


def named(table: pa.Table, name: str | None) -> pa.Table:
    return table if name is None else table.replace_schema_metadata({"instrument_id": name, "price_precision": "1", "size_precision": "3"})


def write(folder: Path, *tables: pa.Table) -> list[Path]:
    paths = []
    for i, table in enumerate(tables):
        paths.append(folder / f"{i}.parquet")
        pq.write_table(table, paths[-1])
    return paths
