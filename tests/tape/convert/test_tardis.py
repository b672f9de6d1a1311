"""Tardis CSV: exact rows of small files, merging, what is refused, and the real quotes and trades."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, BEST, CLEAR, DEPTH, KIND_MASK, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert import tardis
from simcore.tape.convert.base import ConvertOptions, Source
from tests.tape.convert import fuzz_sources as valid
from tests.tape.convert.plain_book import PlainBook

REAL = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[4] / "shared" / "data")) / "tardis"
T0 = 1_733_011_200_000_000  # µs
HEAD = "exchange,symbol,timestamp,local_timestamp,"
BOOK = HEAD + "is_snapshot,side,price,amount"
TRADES = HEAD + "id,side,price,amount"
QUOTES = HEAD + "ask_amount,ask_price,bid_price,bid_amount"
SNAPSHOTS = HEAD + ",".join(f"{side}[{i}].{name}" for i in range(2) for side in ("asks", "bids") for name in ("price", "amount"))


def row(exch: int, local: int, *fields: str, symbol: str = "ABC", exchange: str = "binance-futures") -> str:
    return ",".join([exchange, symbol, str(T0 + exch), str(T0 + local), *fields])


def read(folder: Path, *files: tuple[str, list[str]], **options: str) -> Source:
    paths = []
    for i, (header, rows) in enumerate(files):
        paths.append(folder / f"{i}.csv")
        paths[-1].write_text("\n".join([header, *rows]) + "\n")
    return tardis.read(paths, ConvertOptions(**options))


def tuples(source: Source) -> list[tuple[int, int, int, float, float]]:
    rows = source.rows
    us = [(int(ts) // 1000 - T0) for ts in rows.exch_ts], [(int(ts) // 1000 - T0) for ts in rows.local_ts]
    return list(zip(*us, rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), strict=True))


START = [row(0, 10, "true", "bid", "9.9", "5"), row(0, 10, "true", "ask", "10", "4"), row(0, 10, "true", "bid", "9.8", "7")]


def test_snapshots_are_gathered_and_changes_and_trades_merged_by_local_time(tmp_path: Path) -> None:
    """At local time 20 the trade comes first, although its file is the second and its clock later."""
    book = [*START, row(15, 20, "false", "ask", "10", "0"), row(14, 30, "false", "bid", "9.9", "1e0"), row(40, 50, "true", "bid", "9.7", "2")]
    trades = [row(3, 5, "7", "buy", "10", "1"), row(16, 20, "8", "sell", "9.9", "0.5"), row(16, 21, "8", "sell", "9.9", "0.5"), row(35, 36, "", "unknown", "9.9", "1"), row(35, 37, "10", "buy", "9.9", "0")]
    source = read(tmp_path, (BOOK, book), (TRADES, trades))
    assert tuples(source) == [
        (3, 10, TRADE, 10.0, 1.0), (0, 10, CLEAR | NO_SIDE_BIT, 0.0, 0.0), (0, 10, SNAPSHOT, 9.9, 5.0), (0, 10, SNAPSHOT, 9.8, 7.0), (0, 10, SNAPSHOT | ASK_BIT, 10.0, 4.0),
        (16, 20, TRADE | ASK_BIT, 9.9, 0.5), (15, 20, DEPTH | ASK_BIT, 10.0, 0.0), (15, 30, DEPTH, 9.9, 1.0), (35, 36, TRADE | NO_SIDE_BIT, 9.9, 1.0),
        (40, 50, CLEAR | NO_SIDE_BIT, 0.0, 0.0), (40, 50, SNAPSHOT, 9.7, 2.0),
    ]  # fmt: skip
    assert source.counts == {"snapshots": 2, "trades_repeated": 1, "trades_without_side": 1, "trades_without_quantity": 1, "exchange_times_raised": 1}
    assert (source.venue, source.kind, source.symbol, source.hints) == ("binance_usdm", "linear", "ABC", {"contract_size": "1"})
    again = read(tmp_path, (TRADES, trades), (BOOK, book))
    assert tuples(again) == tuples(source)


def test_a_snapshot_in_several_messages_clears_the_book_once(tmp_path: Path) -> None:
    source = read(tmp_path, (BOOK, [START[0], row(1, 11, "true", "ask", "10", "4"), row(2, 12, "false", "ask", "10", "3")]))
    assert [ev & KIND_MASK for _, _, ev, _, _ in tuples(source)] == [CLEAR, SNAPSHOT, SNAPSHOT, DEPTH]
    assert source.counts == {"snapshots": 1}


def test_quotes_are_best_rows_and_an_empty_side_is_cleared(tmp_path: Path) -> None:
    source = read(tmp_path, (QUOTES, [row(0, 1, "0.84", "9682", "9681.92", "0.67"), row(2, 3, "", "", "9681.92", "0.5")]))
    assert [fields[2:] for fields in tuples(source)] == [
        (BEST, 9681.92, 0.67), (BEST | ASK_BIT, 9682.0, 0.84), (BEST, 9681.92, 0.5), (CLEAR | ASK_BIT, 0.0, 0.0),
    ]  # fmt: skip


def test_book_snapshots_become_the_changes_between_them(tmp_path: Path) -> None:
    """9.9 leaves; 9.7 is deeper than what is shown then, so it stays as it was last seen, until a snapshot reaches it."""
    rows = [
        row(0, 1, "10", "4", "9.9", "5", "10.1", "1", "9.7", "7"), row(2, 3, "10", "4", "9.8", "5", "10.1", "2", "9.75", "1"), row(4, 5, "10", "4", "9.75", "1", "10.1", "2", "9.6", "3"),
        row(6, 7, "10", "4", "", "", "", "", "", ""),
    ]  # fmt: skip
    source = read(tmp_path, (SNAPSHOTS, rows))
    book, seen = PlainBook(), {}
    for _, local, ev, price, qty in tuples(source):
        book.apply(ev, price, qty)
        seen[local] = book.copy()
    assert seen[3] == ({9.8: 5.0, 9.75: 1.0, 9.7: 7.0}, {10.0: 4.0, 10.1: 2.0})
    assert seen[5] == ({9.75: 1.0, 9.6: 3.0}, {10.0: 4.0, 10.1: 2.0})
    assert seen[7] == ({}, {10.0: 4.0})
    assert source.counts == {"snapshots": 1, "levels_unchanged": 5, "levels_gone": 6}


def test_one_kind_of_file_makes_the_book(tmp_path: Path) -> None:
    source = read(tmp_path, (QUOTES, [row(0, 1, "1", "10", "9", "1")]), (BOOK, START), (SNAPSHOTS, [row(0, 1, "10", "4", "9.9", "5", "10.1", "1", "9.7", "7")]))
    assert source.counts == {"snapshots": 1, "ignored_quotes": 1, "ignored_book_snapshot_2": 1}
    assert any("incremental_book_L2 makes the book; 1 rows of book_snapshot_2, 1 rows of quotes" in warning for warning in source.warnings)


def test_files_of_days_are_joined_in_order_of_time_however_they_are_given(tmp_path: Path) -> None:
    first, second = [row(i, i, str(i), "buy", "10", "1") for i in (1, 2)], [row(i, i, str(i), "buy", "10", "1") for i in (2, 3)]
    assert tuples(read(tmp_path, (TRADES, second), (TRADES, first))) == tuples(read(tmp_path, (TRADES, first), (TRADES, second)))
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, (TRADES, [row(1, 1, "1", "buy", "10", "1"), row(5, 5, "2", "buy", "10", "1")]), (TRADES, second))
    assert refused.value.code == "CONV-011"
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, (TRADES, first), (TRADES, first))
    assert refused.value.code == "CONV-011"


@pytest.mark.parametrize(
    ("header", "rows", "code"),
    [
        ("a,b,c", [], "CONV-003"), (HEAD + "price", [], "CONV-003"), (TRADES, [], "CONV-002"), (TRADES + ",price", [], "CONV-003"),
        (TRADES, ["x,y"], "CONV-003"), (TRADES, [row(1, 1, "1", "up", "10", "1")], "CONV-003"), (TRADES, [row(1, 1, "1", "buy", "1_0", "1")], "CONV-003"),
        (TRADES, [row(1, 1, "1", "buy", "10", "1"), row(1, 0, "2", "buy", "10", "1")], "CONV-021"),
        (TRADES, [row(1, 1, "1", "buy", "10", "1"), row(1, 2, "2", "buy", "10", "1", symbol="XYZ")], "CONV-006"),
        (TRADES, [row(1, 1, "1", "buy", "10", "1"), row(1, 2, "2", "buy", "10", "1", exchange="bybit")], "CONV-006"),
        (TRADES, [row(-T0 + 1_733_011_200, 1, "1", "buy", "10", "1")], "CONV-004"),
        (BOOK, [row(1, 1, "true", "bid", "x", "1")], "CONV-003"), (BOOK, [row(1, 1, "maybe", "bid", "10", "1")], "CONV-003"), (BOOK, [row(1, 1, "true", "buy", "10", "1")], "CONV-003"),
    ],
)  # fmt: skip
def test_bad_files_are_refused(header: str, rows: list[str], code: str, tmp_path: Path) -> None:
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, (header, rows))
    assert refused.value.code == code


def test_a_venue_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    rows = (TRADES, [row(1, 1, "1", "buy", "10", "1")])
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, rows, venue="binance_spot")
    assert refused.value.code == "CONV-010"
    assert read(tmp_path, rows, venue="binance_usdm").venue == "binance_usdm"
    unknown = (TRADES, [row(1, 1, "1", "buy", "10", "1", exchange="gate-io")])
    assert read(tmp_path, unknown).venue == "gate-io"
    assert read(tmp_path, unknown, venue="gate").venue == "gate"


def test_symbols_are_chosen(tmp_path: Path) -> None:
    rows = (TRADES, [row(1, 1, "1", "buy", "10", "1", symbol="XYZ"), row(1, 2, "2", "buy", "10", "1")])
    source = read(tmp_path, rows, symbol="ABC")
    assert (len(source.rows.ev), source.counts) == (1, {"other_symbol": 1})
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, rows, symbol="QQQ")
    assert refused.value.code == "CONV-006"


@pytest.mark.parametrize("make", [valid.tardis_trades, valid.tardis_book, valid.tardis_snapshots, valid.tardis_quotes])
def test_a_packed_file_is_the_plain_one(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "a.csv").write_text(make())
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(make().encode()))
    plain, packed = (tardis.read([tmp_path / name], ConvertOptions()) for name in ("a.csv", "a.csv.gz"))
    assert tuples(plain) == tuples(packed)


changes = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from(("bid", "ask", "trade")), st.integers(90, 110), st.integers(0, 5)), min_size=1, max_size=40
)


@settings(deadline=None, max_examples=60)
@given(changes)
def test_what_goes_in_is_in_the_rows_or_in_a_count(tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, bool, str, int, int]]) -> None:
    """Rows of book and trades, in any order of times and flags: every one is a row of the tape or counted."""
    book, trades, at = [row(0, 0, "false", "bid", "89", "1")], [], 0
    for i, (step, flag, what, price, qty) in enumerate(found):
        at += step
        if what == "trade":
            trades.append(row(at, at, str(i % 7), "buy", str(price), str(qty)))
        else:
            book.append(row(at, at, str(flag).lower(), what, str(price), str(qty)))
    files = [(header, rows) for header, rows in ((BOOK, book), (TRADES, trades)) if rows]
    source = read(tmp_path_factory.mktemp("t"), *files)
    kinds = Counter(int(ev) & KIND_MASK for ev in source.rows.ev)
    count = Counter(source.counts)
    assert kinds[DEPTH] + kinds[SNAPSHOT] + count["levels_before_snapshot"] + count["snapshot_levels_without_quantity"] == len(book)
    assert kinds[TRADE] + count["trades_before_snapshot"] + count["trades_repeated"] + count["trades_without_quantity"] == len(trades)
    assert kinds[CLEAR] <= count["snapshots"]


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="no Tardis files (MMSIM_REAL_DATA)")
def test_the_trades_of_tardis_are_at_the_quotes_of_tardis() -> None:
    """Two files of one feed, recorded apart: 9,999 trades and quotes each, all in the rows, and they agree."""
    source = tardis.read([REAL / "trades.csv", REAL / "quotes.csv"], ConvertOptions())
    kinds = Counter(int(ev) & KIND_MASK for ev in source.rows.ev)
    assert (kinds[TRADE], kinds[BEST], source.counts) == (9999, 19998, {})
    rows = source.rows
    last_quote = rows.local_ts[(rows.ev & KIND_MASK) == BEST].max()
    book, found = PlainBook(), Counter[str]()
    for local, ev, price, qty in zip(rows.local_ts.tolist(), rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), strict=True):
        if ev & KIND_MASK != TRADE:
            book.apply(ev, price, qty)
        elif book.best(0) and book.best(1) and local <= last_quote:
            beyond = book.best(0)[0] - price if ev & ASK_BIT else price - book.best(1)[0]
            found["at the best quote" if beyond == 0 else "through it" if beyond > 0 else "inside the spread"] += 1
    assert found == {"at the best quote": 333, "through it": 163, "inside the spread": 1}
