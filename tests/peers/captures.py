"""Raw Binance captures as the peer's rows, in ticks and lots, by neither side's converter."""

from __future__ import annotations

import gzip
import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.peers.flow import EVENT
from tests.peers.twin import BUY_EVENT, CLEAR, DEPTH, EXCH_EVENT, LOCAL_EVENT, SELL_EVENT, SNAPSHOT, TRADE

NS_PER_MS = 1_000_000
Row = tuple[int, int, int, int, int]  # ev, exch_ts, local_ts, ticks, lots


class Capture(NamedTuple):
    """A file under MMSIM_REAL_DATA, its grid, and how far its prices swing for the maker's spread."""

    name: str
    path: str
    tick: str
    lot: str
    half_spread_ticks: float


CAPTURES = (
    Capture("usdm", "binance/usdm_btcusdt_20240808.gz", "0.1", "0.001", 5.0),
    Capture("coinm", "binance/cm_btcusd_perp_20240808.gz", "0.1", "1", 5.0),
    Capture("spot", "binance/spot_btcusdt_20240808.gz", "0.01", "0.00001", 20.0),
)


def capture_path(capture: Capture) -> Path:
    """Return the file, or skip."""
    root = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[2] / "../shared/data"))
    if not (root / capture.path).is_file():
        pytest.skip(f"no {capture.path} in {root} (MMSIM_REAL_DATA)")
    return root / capture.path


def capture_rows(capture: Capture) -> Any:
    """Read snapshot, depth and trades; each row comes twice, once for either clock, in that clock's order.

    The rows begin with the snapshot, at the time of the first depth message that goes on from it; what came before is
    dropped.
    """
    tick, lot = Decimal(capture.tick), Decimal(capture.lot)
    messages = read_messages(capture_path(capture))
    snapshot = next(data for _, data in messages if "bids" in data)
    first = next(i for i, (_, data) in enumerate(messages) if data.get("u", 0) > snapshot["lastUpdateId"])
    rows: list[Row] = []
    for local_ts, data in [(messages[first][0], {**snapshot, "T": exchange_ms(messages[first][1])}), *messages[first:]]:
        if data is not snapshot and data.get("X", "MARKET") == "MARKET":
            exch_ts = exchange_ms(data) * NS_PER_MS
            for ev, price, qty in parts(data):
                rows.append((ev, exch_ts, local_ts, int(Decimal(price) / tick), int(Decimal(qty) / lot)))
    return two_clocks(rows)


def read_messages(path: Path) -> list[tuple[int, dict[str, Any]]]:
    """Return (local time, message) of depth, trades and snapshots."""
    found = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            local, _, text = line.partition(" ")
            message = json.loads(text)
            data = message.get("data", message)
            if data.get("e") in ("depthUpdate", "trade") or "bids" in data:
                found.append((int(local), data))
    return found


def exchange_ms(data: dict[str, Any]) -> int:
    """Return when the exchange did it: transaction time, else event time."""
    return int(data.get("T") or data["E"])


def parts(data: dict[str, Any]) -> list[tuple[int, str, str]]:
    """Return (ev, price, quantity) of a message."""
    if data.get("e") == "trade":
        return [(TRADE | (SELL_EVENT if data["m"] else BUY_EVENT), data["p"], data["q"])]
    if "bids" not in data:
        return [(DEPTH | BUY_EVENT, *pq) for pq in data["b"]] + [(DEPTH | SELL_EVENT, *pq) for pq in data["a"]]
    found: list[tuple[int, str, str]] = []
    for side, levels in ((BUY_EVENT, data["bids"]), (SELL_EVENT, data["asks"])):
        if levels:
            found.append((CLEAR | side, levels[-1][0], "0"))
        found += [(SNAPSHOT | side, *pq) for pq in levels]
    return found


def two_clocks(rows: list[Row]) -> Any:
    """Return the rows in the peer's dtype; the local clock is moved so that no row arrives before it happened."""
    table = np.zeros(len(rows), EVENT)
    for name, values in zip(("ev", "exch_ts", "local_ts", "px", "qty"), zip(*rows, strict=True), strict=True):
        table[name] = values
    table["local_ts"] += max(0, -int((table["local_ts"] - table["exch_ts"]).min()))
    both = np.concatenate([table, table])
    both["ev"][: len(rows)] |= np.uint64(EXCH_EVENT)
    both["ev"][len(rows) :] |= np.uint64(LOCAL_EVENT)
    order = np.argsort(np.concatenate([table["exch_ts"], table["local_ts"]]), kind="stable")
    return both[order]
