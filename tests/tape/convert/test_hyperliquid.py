"""Hyperliquid l2Book and trades: snapshots as changes, history that is not invented, and the real BTC file."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, CLEAR, DEPTH, KIND_MASK, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert import hyperliquid
from simcore.tape.convert.base import ConvertOptions, Source
from tests.tape.convert.fuzz_sources import hyperliquid_book as book
from tests.tape.convert.fuzz_sources import hyperliquid_line as line
from tests.tape.convert.fuzz_sources import hyperliquid_trade as trade
from tests.tape.convert.plain_book import PlainBook

REAL = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[4] / "shared" / "data")) / "hyperliquid" / "btcusd_20250126.gz"
T0 = 1_733_011_200_000
MS = 1_000_000


def read(folder: Path, *found: str, **options: str) -> Source:
    path = folder / "capture"
    path.write_text("\n".join(found) + "\n")
    return hyperliquid.read([path], ConvertOptions(**options))


def trades(ms: int, *found: dict[str, Any]) -> str:
    return line(ms, {"channel": "trades", "data": list(found)})


def test_snapshots_become_changes_and_trades_rows(tmp_path: Path) -> None:
    """Exact rows, with times of both clocks; the second trade of id 5 is the first one again."""
    source = read(
        tmp_path, book(10, [("99", "1"), ("98", "2")], [("100", "3")]), trades(20, trade(15, "100", "0.5", "B", 5), trade(15, "99", "0.25", "A", 6), trade(15, "99", "0", "A", 7)),
        trades(25, trade(15, "100", "0.5", "B", 5)), book(30, [("98", "2"), ("97", "1")], [("100", "2.5")]),
    )  # fmt: skip
    rows = source.rows
    found = zip((rows.exch_ts // MS - T0).tolist(), (rows.local_ts // MS - T0).tolist(), rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), strict=True)
    assert list(found) == [
        (5, 10, CLEAR | NO_SIDE_BIT, 0.0, 0.0), (5, 10, SNAPSHOT, 99.0, 1.0), (5, 10, SNAPSHOT, 98.0, 2.0), (5, 10, SNAPSHOT | ASK_BIT, 100.0, 3.0),
        (15, 20, TRADE, 100.0, 0.5), (15, 20, TRADE | ASK_BIT, 99.0, 0.25), (25, 30, DEPTH, 99.0, 0.0), (25, 30, DEPTH, 97.0, 1.0), (25, 30, DEPTH | ASK_BIT, 100.0, 2.5),
    ]  # fmt: skip
    assert source.counts == {"snapshots": 1, "trades_repeated": 1, "trades_without_quantity": 1, "levels_unchanged": 1, "levels_gone": 1}
    assert (source.symbol, source.kind, source.venue, source.hints) == ("BTC", "linear", "hyperliquid", {"contract_size": "1"})


def test_trades_from_before_the_first_book_are_left_out_even_if_they_come_later(tmp_path: Path) -> None:
    """After a subscription the exchange repeats its last trades."""
    source = read(tmp_path, book(10, [("99", "1")], [("100", "3")]), trades(20, trade(2, "100", "1", "B", 1), trade(5, "100", "1", "B", 2), trade(6, "100", "1", "B", 3)), trades(21, trade(2, "100", "1", "B", 1)))
    assert [ev & KIND_MASK for ev in source.rows.ev].count(TRADE) == 1
    assert source.counts["trades_before_snapshot"] == 3
    assert any("3 trades came before the first snapshot" in warning for warning in source.warnings)


def test_levels_deeper_than_twenty_are_not_known_and_stay(tmp_path: Path) -> None:
    deep = [(str(100 - i), "1") for i in range(20)]
    source = read(tmp_path, book(10, deep, [("101", "1")]), book(20, [("100.5", "1"), *deep[:19]], [("101", "1")]), book(30, deep[:5], [("101", "1")]))
    plain, seen = PlainBook(), {}
    for local, ev, price, qty in zip(source.rows.local_ts.tolist(), source.rows.ev.tolist(), source.rows.price.tolist(), source.rows.qty.tolist(), strict=True):
        plain.apply(ev, price, qty)
        seen[local // MS - T0] = sorted(plain.sides[0])
    assert seen[20] == [*(float(p) for p in range(81, 101)), 100.5]
    assert seen[30] == [96.0, 97.0, 98.0, 99.0, 100.0]


def test_lines_of_the_archive_and_times_in_ms_are_read(tmp_path: Path) -> None:
    plain = book(10, [("99", "1")], [("100", "3")])
    message = json.loads(plain.partition(" ")[2])
    archive = json.dumps({"time": "2024-12-01T00:00:00.010", "ver_num": 1, "raw": message})
    one, other, short = read(tmp_path, plain), read(tmp_path, archive), read(tmp_path, f"{T0 + 10} {json.dumps(message)}")
    assert one.rows.local_ts.tolist() == other.rows.local_ts.tolist() == short.rows.local_ts.tolist() == [(T0 + 10) * MS] * 3


def test_other_channels_are_counted_by_name(tmp_path: Path) -> None:
    source = read(tmp_path, line(1, {"channel": "subscriptionResponse", "data": {}}), book(10, [("99", "1")], []), line(11, {"channel": "bbo", "data": {}}), line(12, {"channel": "strange"}))
    assert source.counts == {"snapshots": 1, "control_messages": 1, "ignored_bbo": 1, "unknown_strange": 1}
    assert any("1 messages of unknown kinds" in warning for warning in source.warnings)


def test_coins_are_chosen(tmp_path: Path) -> None:
    found = (book(10, [("99", "1")], []), book(11, [("9", "1")], [], coin="ETH"))
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, *found)
    assert (refused.value.code, "BTC, ETH" in refused.value.cause) == ("CONV-006", True)
    assert read(tmp_path, *found, symbol="ETH").counts == {"snapshots": 1, "other_symbol": 1}
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, *found, symbol="SOL")
    assert refused.value.code == "CONV-006"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.replace(str(T0 + 10), str(T0 + 10)[:-4], 1), "CONV-003"), (lambda t: t.replace('"px"', '"p"', 1), "CONV-003"), (lambda t: t.replace('"99"', '"9 9"'), "CONV-003"),
        (lambda t: t.replace(f'"time": {T0 + 5}', '"time": 5'), "CONV-004"), (lambda t: t.split("\n")[1] + "\n" + t.split("\n")[0], "CONV-021"), (lambda _: "", "CONV-002"),
        (lambda _: f"{T0} []", "CONV-003"),
    ],
)  # fmt: skip
def test_bad_captures_are_refused(change: Callable[[str], str], code: str, tmp_path: Path) -> None:
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, change("\n".join([book(10, [("99", "1")], [("100", "3")]), book(20, [("99", "2")], [("100", "3")])])))
    assert refused.value.code == code


levels = st.dictionaries(st.integers(90, 99), st.integers(1, 3), max_size=5)
asks = st.dictionaries(st.integers(100, 109), st.integers(1, 3), max_size=5)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(levels, asks), min_size=1, max_size=8))
def test_after_each_snapshot_the_book_is_the_snapshot(tmp_path_factory: pytest.TempPathFactory, found: list[tuple[dict[int, int], dict[int, int]]]) -> None:
    """With fewer levels than are published, every level is known; what is shown is in the rows or unchanged."""
    texts = [book(10 * (i + 1), [(str(p), str(bids[p])) for p in sorted(bids, reverse=True)], [(str(p), str(sells[p])) for p in sorted(sells)]) for i, (bids, sells) in enumerate(found)]
    source = read(tmp_path_factory.mktemp("h"), *texts)
    plain, kinds = PlainBook(), Counter[int]()
    for ev, price, qty in zip(source.rows.ev.tolist(), source.rows.price.tolist(), source.rows.qty.tolist(), strict=True):
        plain.apply(ev, price, qty)
        kinds[ev & KIND_MASK] += 1
    assert plain.sides == found[-1]
    shown = sum(len(bids) + len(sells) for bids, sells in found)
    assert kinds[SNAPSHOT] + kinds[DEPTH] - source.counts.get("levels_gone", 0) + source.counts.get("levels_unchanged", 0) == shown


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_file(), reason="no Hyperliquid capture (MMSIM_REAL_DATA)")
def test_the_book_of_the_real_file_is_each_of_its_snapshots() -> None:
    """46 snapshots of 20 levels a side; 34 of 64 trades are from after the start, 30 are the history of the subscription."""
    source = hyperliquid.read([REAL], ConvertOptions())
    rows, plain, at = source.rows, PlainBook(), 0
    with gzip.open(REAL, "rt") as stream:
        found = [(int(text.split(" ", 1)[0]), json.loads(text.split(" ", 1)[1])) for text in stream]
    books = 0
    for local, message in found:
        while at < len(rows.ev) and rows.local_ts[at] <= local:
            plain.apply(int(rows.ev[at]), float(rows.price[at]), float(rows.qty[at]))
            at += 1
        if message["channel"] == "l2Book":
            books += 1
            for side, shown in enumerate(message["data"]["levels"]):
                said = {float(level["px"]): float(level["sz"]) for level in shown}
                worst = max(said) if side else min(said)
                assert {p: q for p, q in plain.sides[side].items() if (p <= worst if side else p >= worst)} == said
    told = sum(len(message["data"]) for _, message in found if message["channel"] == "trades")
    kinds = Counter(int(ev) & KIND_MASK for ev in rows.ev)
    assert (books, told, kinds[TRADE], source.counts["trades_before_snapshot"]) == (46, 64, 34, 30)
    assert kinds[CLEAR] == 1
