"""Bybit ob500 and trades: exact rows of small inputs, codes of bad ones, and the real XRPUSDT file."""

from __future__ import annotations

import gzip
import json
import os
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, CLEAR, DEPTH, GAP, KIND_MASK, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert import bybit
from simcore.tape.convert.base import ConvertOptions

REAL = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
XRP = REAL / "bybit" / "xrpusdt_ob500_20241201.zip"
T0 = 1_733_011_200_000


def message(kind: str, ms: int, u: int, bids: list[list[str]], asks: list[list[str]], symbol: str = "XRPUSDT") -> str:
    data = {"s": symbol, "b": bids, "a": asks, "u": u, "seq": u * 10}
    return json.dumps({"topic": "orderbook.500." + symbol, "type": kind, "ts": T0 + ms + 2, "data": data, "cts": T0 + ms})


SMALL = [
    message("snapshot", 0, 5, [["1.9", "10"]], [["2.0", "20"]]),
    message("delta", 100, 6, [["1.9", "0"], ["1.8", "7"]], []),
    message("delta", 200, 9, [], [["2.0", "3"]]),
    message("snapshot", 300, 1, [["1.7", "4"]], []),
]
TRADES = "timestamp,symbol,side,size,price\n1733011200.1500,XRPUSDT,Sell,5,1.9\n1733011200.0500,XRPUSDT,Buy,2,2.0\n"


def zipped(path: Path, lines: list[str], end: str = "\n") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("2024-12-01_XRPUSDT_ob500.data", "\n".join(lines) + end)
    return path


def test_snapshots_replace_and_deltas_set_and_gaps_are_marked(tmp_path: Path) -> None:
    """cts is the exchange time and ts the local one; u 6 to 9 is a gap of two updates."""
    source = bybit.read([zipped(tmp_path / "a.zip", SMALL)], ConvertOptions())
    rows = source.rows
    ms = (rows.exch_ts // 1_000_000 - T0).tolist()
    assert list(zip(ms, rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), strict=True)) == [
        (0, CLEAR | NO_SIDE_BIT, 0.0, 0.0), (0, SNAPSHOT, 1.9, 10.0), (0, SNAPSHOT | ASK_BIT, 2.0, 20.0),
        (100, DEPTH, 1.9, 0.0), (100, DEPTH, 1.8, 7.0),
        (200, GAP | NO_SIDE_BIT, 0.0, 2.0), (200, DEPTH | ASK_BIT, 2.0, 3.0),
        (300, CLEAR | NO_SIDE_BIT, 0.0, 0.0), (300, SNAPSHOT, 1.7, 4.0),
    ]  # fmt: skip
    assert (rows.local_ts - rows.exch_ts == 2_000_000).all()
    assert source.counts == {"snapshots": 2, "book_gaps": 1}


@pytest.mark.parametrize("packed", [False, True])
def test_trades_are_sorted_and_interleaved(tmp_path: Path, packed: bool) -> None:
    """A newest-first trade file, plain or gzipped, lands between the book rows by local time."""
    path = tmp_path / ("XRPUSDT2024-12-01.csv" + (".gz" if packed else ""))
    path.write_bytes(gzip.compress(TRADES.encode()) if packed else TRADES.encode())
    rows = bybit.read([zipped(tmp_path / "a.zip", SMALL), path], ConvertOptions()).rows
    trades = (rows.ev & KIND_MASK) == TRADE
    assert np.flatnonzero(trades).tolist() == [3, 6]
    assert rows.ev[trades].tolist() == [TRADE, TRADE | ASK_BIT]
    assert (rows.exch_ts[trades] // 1_000_000 - T0).tolist() == [50, 150]
    assert (np.diff(rows.local_ts) >= 0).all()


def test_repeated_and_early_deltas_are_dropped_and_counted(tmp_path: Path) -> None:
    lines = [SMALL[1], SMALL[0], SMALL[1], SMALL[1]]
    counts = bybit.read([zipped(tmp_path / "a.zip", lines)], ConvertOptions()).counts
    assert counts == {"snapshots": 1, "deltas_before_first_snapshot": 1, "repeated_deltas_dropped": 1}


def test_a_cut_last_line_is_counted(tmp_path: Path) -> None:
    counts = bybit.read([zipped(tmp_path / "a.zip", [*SMALL, SMALL[1][:50]], end="")], ConvertOptions()).counts
    assert counts["truncated_last_line"] == 1


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "CONV-002"),
        (["{bad", SMALL[0]], "CONV-003"),
        (['{"type": "delta"}', SMALL[0]], "CONV-003"),
        ([SMALL[0].replace('"10"', '"nan"')], "CONV-004"),
        ([SMALL[0].replace('"10"', '"-1"')], "CONV-004"),
        ([SMALL[0].replace('"10"', '"ten"')], "CONV-003"),
        ([SMALL[0].replace(str(T0), "12")], "CONV-004"),
        ([SMALL[0], message("snapshot", 1, 1, [], [], "BTCUSDT")], "CONV-006"),
    ],
)
def test_bad_files_give_their_code(tmp_path: Path, lines: list[str], code: str) -> None:
    with pytest.raises(ConvertError) as caught:
        bybit.read([zipped(tmp_path / "a.zip", lines)], ConvertOptions())
    assert caught.value.code == code


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", SMALL)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ConvertError, match="CONV-003"):
        bybit.read([path], ConvertOptions())


def test_mutated_files_give_a_code_or_rows(tmp_path: Path) -> None:
    """Whatever byte changes, in the book or in the trades, the answer is a ConvertError or a source."""
    draw = random.Random(3)
    texts = ["\n".join(SMALL).encode(), TRADES.encode()]
    for trial in range(400):
        data = bytearray(texts[trial % 2])
        for _ in range(draw.randrange(1, 4)):
            data[draw.randrange(len(data))] = draw.choice(b'0123456789,.-[]{}:"\n\r eENx\x00\xff')
        (tmp_path / "a.data").write_bytes(data[: draw.randrange(1, len(data) + 1)])
        try:
            rows = bybit.read([tmp_path / "a.data"], ConvertOptions()).rows
        except ConvertError:
            continue
        assert np.isfinite(rows.price).all()
        assert np.isfinite(rows.qty).all()
        assert (rows.qty >= 0).all()


@pytest.mark.skipif(not XRP.is_file(), reason="the Bybit capture is not here (MMSIM_REAL_DATA)")
def test_the_real_book_is_continuous_and_never_crosses() -> None:
    """50 messages, no gap, and after each the best bid is below the best ask."""
    source = bybit.read([XRP], ConvertOptions())
    rows = source.rows
    assert source.counts == {"snapshots": 1}
    assert source.symbol == "XRPUSDT"
    assert len(np.unique(rows.line)) == 50
    book: tuple[dict[float, float], dict[float, float]] = ({}, {})
    for line, ev, price, qty in zip(rows.line.tolist(), rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), strict=True):
        if ev & KIND_MASK == CLEAR:
            continue
        side = book[1 if ev & ASK_BIT else 0]
        side[price] = qty
        if qty == 0:
            del side[price]
        if line > 1 and rows.line[-1] != line and book[0] and book[1]:
            last = line
    assert last == 49
    assert max(book[0]) < min(book[1])
    assert min(len(book[0]), len(book[1])) >= 450
