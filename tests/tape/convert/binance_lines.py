"""Lines of a Binance capture for tests, and what becomes of them as words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, EXCH_BIT, KIND_LABELS, KIND_MASK, LOCAL_BIT, NO_SIDE_BIT
from simcore.tape.convert import ConvertOptions, ConvertReport, convert
from simcore.tape.read import Tape

T0 = 1_723_161_255_000  # ms
MS = 1_000_000
STATED = ConvertOptions(tick_size="1", lot_size="1")
Levels = list[tuple[int, int]]


def line(local_ms: float, message: dict[str, Any], stream: str | None = "s") -> str:
    body = {"stream": stream, "data": message} if stream else message
    return f"{int((T0 + local_ms) * MS)} {json.dumps(body)}"


def depth(local: float, ts: int, first: int, last: int, prev: int, bids: Levels = (), asks: Levels = ()) -> str:  # type: ignore[assignment]
    levels = {name: [[f"{p}.0", f"{q}.0"] for p, q in side] for name, side in (("b", bids), ("a", asks))}
    ids = {"U": first, "u": last, "pu": prev}
    return line(local, {"e": "depthUpdate", "E": T0 + ts + 1, "T": T0 + ts, "s": "ABCUSDT", **ids, **levels})


def snapshot(local: float, ts: int, last: int, bids: Levels, asks: Levels, **rest: Any) -> str:
    levels = {name: [[str(p), str(q)] for p, q in side] for name, side in (("bids", bids), ("asks", asks))}
    return line(local, {"lastUpdateId": last, "E": T0 + ts, "T": T0 + ts, **levels, **rest}, None)


def ticker(local: float, ts: int, u: int, bid: tuple[int, int], ask: tuple[int, int], symbol: str = "ABCUSDT") -> str:
    quote = {"b": str(bid[0]), "B": str(bid[1]), "a": str(ask[0]), "A": str(ask[1])}
    return line(local, {"e": "bookTicker", "u": u, "s": symbol, **quote, "T": T0 + ts, "E": T0 + ts})


def trade(local: float, ts: int, number: int, price: int, qty: int, is_sale: bool, **rest: Any) -> str:
    data = {"e": "trade", "E": T0 + ts, "T": T0 + ts, "s": "ABCUSDT", "t": number, "p": str(price), "q": str(qty), "m": is_sale}
    return line(local, {**data, "X": "MARKET", **rest})


def made(folder: Path, lines: list[str], options: ConvertOptions = STATED) -> tuple[ConvertReport, list[str]]:
    """Convert; return the report, and the rows as words: `views kind side price qty @ exchange ms / local ms`."""
    (folder / "raw.txt").write_text("\n".join(lines) + "\n")
    report = convert([folder / "raw.txt"], "binance", folder / "t.parquet", options)
    tape = Tape.open(folder / "t.parquet")
    offset = tape.meta.clock["offset_ns"]
    rows = []
    for exch, local, ev, price, qty, _ in zip(*[c.tolist() or [0] * tape.rows for c in tape.head(tape.rows)], strict=True):
        views = {EXCH_BIT: "E ", LOCAL_BIT: "L ", EXCH_BIT | LOCAL_BIT: ""}[ev & (EXCH_BIT | LOCAL_BIT)]
        side = "" if ev & NO_SIDE_BIT else " ask" if ev & ASK_BIT else " bid"
        times = f"{exch // MS - T0}/{(local - offset) // MS - T0}"
        rows.append(f"{views}{KIND_LABELS[ev & KIND_MASK]}{side} {price} {qty} @{times}")
    return report, rows


START = [snapshot(5, 3, 100, [(99, 5), (98, 4)], [(101, 6)])]
START_ROWS = ["clear 0 0 @3/5", "snapshot bid 99 5 @3/5", "snapshot bid 98 4 @3/5", "snapshot ask 101 6 @3/5"]


def code_of(folder: Path, lines: list[str], options: ConvertOptions = STATED) -> tuple[str, str]:
    with pytest.raises(ConvertError) as caught:
        made(folder, lines, options)
    assert not (folder / "t.parquet").exists()
    return caught.value.code, caught.value.cause
