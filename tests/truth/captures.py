"""The real order captures as tapes, and the raw book of the ES one."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq

from simcore.records import Chunk
from simcore.tape.convert import ConvertOptions
from simcore.tape.convert.assemble import Assembled, assemble
from simcore.tape.convert.base import FORMATS

ROOT = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
ES_OPEN_TS = 1_703_545_200_000_000_000  # the opening auction, 2023-12-25 23:00 UTC
TICK_1E9 = 250_000_000
END_OF_EVENT = 128
SNAPSHOT = 32


class Capture(NamedTuple):
    """A capture of orders: format, path under the data folder, instrument, time of its auction."""

    fmt: str
    path: str
    options: ConvertOptions
    auction_ts: int = -1


CAPTURES = {
    "es": Capture(
        "mbo", "l3/esh4_mbo_20231225_first_part.parquet",
        ConvertOptions(symbol="ESH4", venue="cme", kind="linear", tick_size="0.25", lot_size="1", contract_size="50"), ES_OPEN_TS,
    ),
    "amzn": Capture("lobster", "l3/lobster_AMZN_2021-04-12_message_10.csv", ConvertOptions(symbol="AMZN", venue="nasdaq", kind="spot")),
    "bitstamp": Capture("bitstamp", "l3/bitstamp_2015/2015-05-01.log.xz", ConvertOptions(symbol="btcusd", kind="spot")),
}  # fmt: skip


def has_captures() -> bool:
    """Return whether the captures are there."""
    return all((ROOT / capture.path).exists() for capture in CAPTURES.values())


@cache
def converted(name: str) -> Assembled:
    """Return a capture's tape in memory."""
    import importlib

    capture = CAPTURES[name]
    source = importlib.import_module(FORMATS[capture.fmt]).read([ROOT / capture.path], capture.options)
    return assemble(source, capture.options, capture.fmt)


@cache
def es_lines() -> Any:
    """Return, for every row of the ES tape, the 1-based message that it came from."""
    from simcore.tape.convert import mbo

    capture = CAPTURES["es"]
    return mbo.read([ROOT / capture.path], capture.options).rows.line


def es_events() -> list[tuple[int, list[tuple[int, int, int]]]]:
    """Return the aggregated book of the raw file, event by event: (last message, [(side, price in ticks, lots), …]).

    Levels are sums over A, C and M alone, as the feed defines its book; each event lists the levels it changed.
    """
    columns = pq.read_table(ROOT / CAPTURES["es"].path).to_pydict()
    orders: dict[int, list[int]] = {}
    levels: dict[tuple[int, int], int] = {}
    touched: set[tuple[int, int]] = set()
    events = []

    def change(side: int, price: int, lots: int) -> None:
        levels[side, price] = levels.get((side, price), 0) + lots
        touched.add((side, price))

    each = zip(*(columns[name] for name in ("action", "side", "price", "size", "order_id", "flags")), strict=True)
    for line, (action, side_text, price, size, order_id, flags) in enumerate(each, start=1):
        if action in "AM":
            if order_id in orders:
                change(*orders.pop(order_id))
            side = "BA".index(side_text)
            orders[order_id] = [side, price // TICK_1E9, -size]
            change(side, price // TICK_1E9, size)
        elif action == "C":
            order = orders[order_id]
            change(order[0], order[1], -size)
            order[2] += size
            if order[2] >= 0:
                del orders[order_id]
        if flags & (END_OF_EVENT | SNAPSHOT):
            events.append((line, [(s, p, levels[s, p]) for s, p in sorted(touched)]))
            touched.clear()
    return events


def rows_until(lines: Any, line: int) -> int:
    """Return how many tape rows come from messages up to `line`."""
    return int(np.searchsorted(lines, line, side="right"))


def cut(rows: Chunk, start: int, stop: int) -> Chunk:
    """Return rows start to stop."""
    return Chunk(*(np.ascontiguousarray(column[start:stop]) for column in rows))
