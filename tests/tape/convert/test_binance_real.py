"""The Binance captures: the book of the tape is the book of the raw stream, in both views, at every price."""

from __future__ import annotations

import bisect
import functools
import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore.records import ASK_BIT, BEST, CLEAR, DEPTH, EXCH_BIT, KIND_MASK, LOCAL_BIT, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert import ConvertReport, convert
from simcore.tape.read import Tape
from simcore.tape.validate import validate

REAL = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[4] / "shared" / "data")) / "binance"
SOURCES = {
    "usdm": ["usdm_btcusdt_20240808.gz"],
    "coinm": ["cm_btcusd_perp_20240808.gz", "cm_btcusd_perp_20240809.gz"],
    "coinm second": ["cm_btcusd_perp_20240809.gz"],
    "spot": ["spot_btcusdt_20240808.gz", "spot_btcusdt_20240809.gz"],
    "spot second": ["spot_btcusdt_20240809.gz"],
}
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not REAL.is_dir(), reason="no real captures (MMSIM_REAL_DATA)"),
]
CHECKS = 150


class PlainBook:
    """Levels of both sides as the page of the rules says it, in the plainest form: dicts and sorted lists."""

    def __init__(self) -> None:
        self.qty: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.order: tuple[list[int], list[int]] = ([], [])  # bids and asks, worst first, as sign * price

    def set(self, side: int, price: int, qty: int) -> None:
        levels, order = self.qty[side], self.order[side]
        key = -price if side else price
        if qty and price not in levels:
            bisect.insort(order, key)
        elif not qty and price in levels:
            del order[bisect.bisect_left(order, key)]
        if qty:
            levels[price] = qty
        else:
            levels.pop(price, None)

    def best(self, side: int) -> int:
        return abs(self.order[side][-1]) if self.order[side] else 0

    def cut(self, side: int, price: int, inclusive: bool) -> None:
        """Remove the levels better than price."""
        key = -price if side else price
        order = self.order[side]
        first = bisect.bisect_left(order, key) if inclusive else bisect.bisect_right(order, key)
        for gone in order[first:]:
            del self.qty[side][abs(gone)]
        del order[first:]

    def apply(self, ev: int, price: int, qty: int) -> None:
        kind, side = ev & KIND_MASK, 1 if ev & ASK_BIT else 0
        if kind in (DEPTH, SNAPSHOT):
            self.set(side, price, qty)
        elif kind == BEST:
            self.cut(side, price, inclusive=False)
            self.set(side, price, qty)
        elif kind == CLEAR:
            for one in (0, 1) if ev & NO_SIDE_BIT else (side,):
                if qty:
                    self.cut(one, price, inclusive=True)
                else:
                    self.qty[one].clear()
                    self.order[one].clear()


@functools.lru_cache(maxsize=1)
def raw_messages(names: tuple[str, ...]) -> list[tuple[int, dict[str, Any]]]:
    messages = []
    for name in names:
        with gzip.open(REAL / name) as stream:
            for line in stream:
                local, _, text = line.partition(b" ")
                message = json.loads(text)
                messages.append((int(local), message.get("data", message)))
    return messages


def raw_books(messages: list[tuple[int, dict[str, Any]]], tick: float, lot: float) -> Any:
    """Yield (index of message, update id, book) after every depth message, as the exchange documents it."""
    book: tuple[dict[int, int], dict[int, int]] = ({}, {})
    snapshot = next((m for _, m in messages if "lastUpdateId" in m), None)
    base = snapshot["lastUpdateId"] if snapshot else 0
    if snapshot:
        for side, name in enumerate(("bids", "asks")):
            book[side].update((round(float(p) / tick), round(float(q) / lot)) for p, q in snapshot[name])
    for index, (_, m) in enumerate(messages):
        if m.get("e") == "depthUpdate" and m["u"] > base:
            for side, name in enumerate("ba"):
                for p, q in m[name]:
                    book[side][round(float(p) / tick)] = round(float(q) / lot)
                    if float(q) == 0:
                        del book[side][round(float(p) / tick)]
            yield index, m["u"], book


Converted = tuple[str, tuple[str, ...], ConvertReport, Tape]


@pytest.fixture(scope="module", params=sorted(SOURCES))
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Converted:
    names = tuple(SOURCES[request.param])
    out = tmp_path_factory.mktemp("tapes") / "tape.parquet"
    report = convert([REAL / name for name in names], "binance", out)
    return request.param, names, report, Tape.open(out)


def wanted_points(messages: list[tuple[int, dict[str, Any]]], tape: Tape) -> tuple[dict[int, Any], dict[int, Any]]:
    """Return copies of the raw book: by the local time and by the exchange time of depth messages that nothing newer overtook."""
    tick, lot = float(tape.instrument.tick_size), float(tape.instrument.lot_size)
    offset = tape.meta.clock["offset_ns"]
    first = next((i for i, (_, m) in enumerate(messages) if "lastUpdateId" in m), -1)
    newest = np.maximum.accumulate([m.get("u", 0) for _, m in messages])
    diffs = [i for i, (_, m) in enumerate(messages) if m.get("e") == "depthUpdate"]
    points = set(diffs[:: max(len(diffs) // CHECKS, 1)])
    by_local, by_exch = {}, {}
    tickers = [m for _, m in messages if "B" in m]
    ids = np.array([m["u"] for m in tickers])
    times = np.array([m.get("T", 0) for m in tickers])
    for index, u, book in raw_books(messages, tick, lot):
        if index not in points or index <= first:
            continue
        local, message = messages[index]
        copy = tuple(dict(side) for side in book)
        if newest[index] == u:
            by_local[local + offset] = copy
        if "T" in message and not ((ids > u) & (times <= message["T"])).any():
            by_exch[message["T"] * 10**6] = copy
    return by_local, by_exch


def books_at(tape: Tape, bit: int, times: list[int]) -> dict[int, tuple[dict[int, int], dict[int, int]]]:
    """Return copies of the tape's book of one view, after all rows up to each time."""
    wanted = sorted(times)
    found: dict[int, Any] = {}
    book = PlainBook()
    for chunk in tape.chunks():
        clock = chunk.exch_ts if bit == EXCH_BIT else chunk.local_ts
        for ts, ev, price, qty in zip(
            clock.tolist(), chunk.ev.tolist(), chunk.price_ticks.tolist(), chunk.qty_lots.tolist(), strict=True
        ):
            if not ev & bit:
                continue
            while wanted and wanted[0] < ts:
                found[wanted.pop(0)] = tuple(dict(side) for side in book.qty)
            book.apply(ev, price, qty)
    for ts in wanted:
        found[ts] = tuple(dict(side) for side in book.qty)
    return found


@pytest.mark.slow
def test_both_books_of_the_tape_are_the_raw_book(converted: Converted) -> None:
    """At well over a hundred points, each level of each side, near and far, is the raw stream's."""
    param, names, _, tape = converted
    by_local, by_exch = wanted_points(raw_messages(names), tape)
    assert len(by_local) > CHECKS // 2
    for bit, wanted in ((LOCAL_BIT, by_local), (EXCH_BIT, by_exch)):
        found = books_at(tape, bit, list(wanted))
        for ts, book in wanted.items():
            for side in (0, 1):
                different = {p: (book[side].get(p), found[ts][side].get(p)) for p in book[side].keys() ^ found[ts][side].keys()}
                different |= {p: (q, found[ts][side][p]) for p, q in book[side].items() if found[ts][side].get(p, q) != q}
                if "second" in param:  # no snapshot: of a level that no depth message named, only a ticker knows
                    different = {p: pair for p, pair in different.items() if pair[0] is not None}
                assert not different, (bit, ts, side, different)


@pytest.mark.slow
def test_the_node_sees_every_fresh_ticker_at_once(converted: Converted) -> None:
    """After each ticker that is newer than all before it, the best quote of the Node's book is the ticker's."""
    _, names, _, tape = converted
    tick, lot = float(tape.instrument.tick_size), float(tape.instrument.lot_size)
    offset = tape.meta.clock["offset_ns"]
    messages = raw_messages(names)
    first = next((i for i, (_, m) in enumerate(messages) if "lastUpdateId" in m), -1)
    wanted: dict[int, Any] = {}
    newest = 0
    for i, (local, m) in enumerate(messages):
        if i > first and "B" in m and m["u"] > newest:
            wanted[local + offset] = tuple(round(float(m[k]) / unit) for k, unit in (("b", tick), ("B", lot), ("a", tick), ("A", lot)))
        newest = max(newest, m.get("u", 0))
    book = PlainBook()
    checked = 0
    for chunk in tape.chunks():
        rows = zip(chunk.local_ts.tolist(), chunk.ev.tolist(), chunk.price_ticks.tolist(), chunk.qty_lots.tolist(), strict=True)
        for ts, ev, price, qty in rows:
            if ev & LOCAL_BIT:
                book.apply(ev, price, qty)
                if ev & (KIND_MASK | ASK_BIT) == BEST | ASK_BIT and ts in wanted:
                    bid, ask = book.best(0), book.best(1)
                    assert (bid, book.qty[0][bid], ask, book.qty[1][ask]) == wanted.pop(ts), ts
                    checked += 1
    assert checked > 10_000
    assert not wanted, len(wanted)


@pytest.mark.slow
def test_every_trade_is_seen_once_by_each_view(converted: Converted) -> None:
    _, names, report, tape = converted
    tick, lot = float(tape.instrument.tick_size), float(tape.instrument.lot_size)
    messages = raw_messages(names)
    trades = [(local, m) for local, m in messages if m.get("e") == "trade" and m.get("X", "MARKET") == "MARKET"]
    raw = [
        (m["T"] * 10**6, local + report.clock["offset_ns"], round(float(m["p"]) / tick), round(float(m["q"]) / lot), m["m"])
        for local, m in trades
    ]
    snapshot = next((local for local, m in messages if "lastUpdateId" in m), 0) + report.clock["offset_ns"]
    before = {EXCH_BIT: report.counts.get("trades_before_snapshot", 0), LOCAL_BIT: sum(row[1] < snapshot for row in raw)}
    for bit, column in ((EXCH_BIT, 0), (LOCAL_BIT, 1)):
        seen = []
        for chunk in tape.chunks():
            mask = ((chunk.ev & KIND_MASK) == TRADE) & ((chunk.ev & bit) != 0)
            is_sale = (chunk.ev[mask] & ASK_BIT) != 0
            columns = (chunk.exch_ts, chunk.local_ts, chunk.price_ticks, chunk.qty_lots)
            seen += list(zip(*(c[mask].tolist() for c in columns), is_sale.tolist(), strict=True))
        want = sorted(raw, key=lambda row: row[column])[-len(seen) :]
        assert seen == want
        assert len(raw) - len(seen) == before[bit]


def test_the_captures_are_whole_and_small(converted: Converted) -> None:
    """The captures have no gaps, and their books are never crossed once the streams are fused."""
    _, _, report, tape = converted
    findings = validate(tape).findings
    assert not findings, findings
    assert "gaps" not in report.counts
    assert tape.verify()
    assert report.bytes_per_row < 7
