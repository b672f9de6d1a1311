"""Validation names what is wrong with a tape, row by row, and follows both books as the rules say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.records import (
    ASK_BIT,
    BEST,
    BOTH_BITS,
    CLEAR,
    DEPTH,
    EXCH_BIT,
    GAP,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    NO_SIDE_BIT,
    SNAPSHOT,
    TIME_END,
    TRADE,
)
from simcore.tape.read import Tape
from simcore.tape.schema import META_KEY, Instrument, TapeMeta, arrow_schema, as_chunk
from simcore.tape.validate import ValidationReport, validate
from simcore.tape.write import Figures

T0 = 1_700_000_000_000_000_000
BID, ASK = BOTH_BITS, BOTH_BITS | ASK_BIT
Row = tuple[int, int, int, int]  # time after T0 (exchange; local is 1 later), ev, price, quantity


def forged(folder: Path, columns: list[Any], level: str = "l2", group: int = 4) -> Tape:
    """A tape that the writer may refuse to write: straight through Parquet."""
    schema = arrow_schema(level)
    columns[2] = np.array(columns[2], np.uint8)
    table = pa.Table.from_arrays([pa.array(c, field.type) for c, field in zip(columns, schema, strict=True)], schema=schema)
    figures = Figures()
    figures.add(as_chunk(columns))
    honest = {name: value if value is None else min(max(value, 1), TIME_END - 1) for name, value in figures.fields().items()}
    positive = [int(p) for p in columns[3] if 0 < p < 1 << 40] or [1]
    meta = TapeMeta(Instrument("test", "AAABBB", "linear", "0.1", "0.001"), level, content_hash="0" * 64, **honest)
    if meta.price_min_ticks is not None and not 0 < meta.price_min_ticks <= meta.price_max_ticks < 1 << 40:
        meta = replace(meta, price_min_ticks=min(positive), price_max_ticks=max(positive))
    with pq.ParquetWriter(folder / "t.parquet", schema) as writer:
        writer.write_table(table, row_group_size=group)
        writer.add_key_value_metadata({META_KEY: meta.to_json()})
    return Tape.open(folder / "t.parquet")


def checked(folder: Path, rows: list[Row], group: int = 4) -> ValidationReport:
    ts, ev, price, qty = (list(column) for column in zip(*rows, strict=True))
    exch = [T0 + t for t in ts]
    return validate(forged(folder, [exch, [t + 1 for t in exch], ev, price, qty], group=group))


def found(report: ValidationReport) -> dict[str, tuple[int, ...]]:
    assert all(finding.count >= len(finding.rows) for finding in report.findings)
    return {finding.check: finding.rows for finding in report.findings}


GOOD: list[Row] = [(0, BID | DEPTH, 99, 5), (0, ASK | DEPTH, 101, 5), (1, BID | TRADE, 101, 2), (2, ASK | DEPTH, 101, 3)]


def test_a_good_tape_has_no_findings(tmp_path: Path) -> None:
    report = checked(tmp_path, GOOD)
    assert (report.rows, report.findings, report.is_usable) == (4, (), True)


@pytest.mark.parametrize(
    ("row", "check", "is_usable"),
    [
        ((3, BID | 13, 99, 1), "kind", False),
        ((3, DEPTH, 99, 1), "bits", False),
        ((3, ASK | NO_SIDE_BIT, 99, 1), "bits", False),
        ((3, BID | DEPTH, 0, 0), "price", False),
        ((3, BID | TRADE, -4, 1), "price", False),
        ((3, BID | DEPTH, 98, -1), "quantity", False),
        ((3, BID | TRADE, 98, 0), "empty_trade", False),
        ((3, BID | DEPTH, 98, 1 << 52), "range", False),
        ((3, BID | DEPTH, 1 << 53, 1), "range", False),
        ((-T0, BID | DEPTH, 98, 1), "range", False),
        ((3, BOTH_BITS | GAP | NO_SIDE_BIT, 0, 7), "gap", True),
    ],
)
def test_each_bad_value_is_named_with_its_row(tmp_path: Path, row: Row, check: str, is_usable: bool) -> None:
    report = checked(tmp_path, [*GOOD, row, (9, BID | DEPTH, 98, 1)])
    assert found(report)[check] == (4,)
    assert report.is_usable == is_usable
    assert report.updates_missing == (7 if check == "gap" else 0)


def test_times_that_go_back_are_found_in_each_view(tmp_path: Path) -> None:
    exch = [T0, T0 + 5, T0 + 4, T0 + 6, T0 + 5, T0 + 9]
    local = [T0, T0 + 6, T0 + 6, T0 + 7, T0 + 8, T0 + 7]
    ev = [BID, BID, BID, BID, LOCAL_BIT, BID]
    report = validate(forged(tmp_path, [exch, local, ev, [9, 8, 7, 6, 5, 4], [1] * 6]))
    assert found(report) == {"exch_order": (2,), "local_order": (5,), "early": (5,)}
    assert not report.is_usable


@pytest.mark.parametrize("group", [1, 2, 100])
def test_times_that_go_back_from_one_chunk_to_the_next_are_found(tmp_path: Path, group: int) -> None:
    exch, local = [T0, T0 + 5, T0 + 4, T0 + 6], [T0 + 1, T0 + 7, T0 + 9, T0 + 8]
    report = validate(forged(tmp_path, [exch, local, [BID] * 4, [9, 8, 7, 6], [1] * 4], group=group))
    assert found(report) == {"exch_order": (2,), "local_order": (3,)}


@pytest.mark.parametrize(("price", "qty", "is_usable"), [(0, 0, True), (0, 1, False), (1, 1, True)])
def test_a_clear_needs_a_price_where_it_has_a_bound(tmp_path: Path, price: int, qty: int, is_usable: bool) -> None:
    report = checked(tmp_path, [*GOOD, (3, BOTH_BITS | CLEAR, price, qty)])
    assert report.is_usable == is_usable
    assert found(report) == ({} if is_usable else {"price": (4,)})


def test_orders_on_a_tape_without_ids_are_found(tmp_path: Path) -> None:
    assert found(checked(tmp_path, [*GOOD, (3, BID | L3_ADD, 98, 1)]))["order_id"] == (4,)


def test_the_book_of_several_files_covers_the_prices_of_all(tmp_path: Path) -> None:
    """The first day trades at 99 to 101, the second at 5,000: its crossed book is found, too."""
    days = [GOOD, [(10, BID | DEPTH, 5_001, 1), (10, ASK | DEPTH, 5_000, 1)]]
    tapes = []
    for number, rows in enumerate(days):
        ts, ev, price, qty = (list(column) for column in zip(*rows, strict=True))
        (tmp_path / str(number)).mkdir()
        exch = [T0 + t for t in ts]
        tape = forged(tmp_path / str(number), [exch, [t + 1 for t in exch], ev, price, qty])
        tapes.append(tape)
    hashes = [tape.files[0].meta for tape in tapes]
    assert [meta.price_max_ticks for meta in hashes] == [101, 5_001]
    report = validate(Tape([file for tape in tapes for file in tape.files]))
    assert found(report) == {"crossed_exch": (5,), "crossed_local": (5,)}


def test_a_book_crossed_at_the_end_of_a_message_is_found_and_inside_one_is_not(tmp_path: Path) -> None:
    rows = [*GOOD, (3, BID | DEPTH, 101, 1), (3, ASK | DEPTH, 101, 0), (3, ASK | DEPTH, 102, 1)]
    assert found(checked(tmp_path, rows)) == {}
    rows += [(4, BID | DEPTH, 103, 1), (5, BID | DEPTH, 103, 0), (6, BID | DEPTH, 102, 1)]
    for group in (1, 3, 100):
        assert found(checked(tmp_path, rows, group)) == {"crossed_exch": (7, 9), "crossed_local": (7, 9)}


def test_a_best_quote_removes_better_levels(tmp_path: Path) -> None:
    """The bid at 100 is gone with the best bid at 99, so an ask may come to 100; and the other way round."""
    rows = [*GOOD, (3, BID | DEPTH, 100, 1), (4, BID | BEST, 99, 2), (5, ASK | DEPTH, 100, 1)]
    assert found(checked(tmp_path, rows)) == {}
    rows = [*GOOD, (3, ASK | DEPTH, 100, 1), (4, ASK | BEST, 101, 2), (5, BID | DEPTH, 100, 1)]
    assert found(checked(tmp_path, rows)) == {}


def test_a_clear_removes_levels_up_to_its_bound(tmp_path: Path) -> None:
    """Asks at 101 and 103, cleared to 101: a bid may come to 101, and not to 103."""
    cleared = [*GOOD, (3, ASK | DEPTH, 103, 1), (4, BOTH_BITS | ASK_BIT | CLEAR, 101, 1)]
    assert found(checked(tmp_path, [*cleared, (5, BID | DEPTH, 101, 1)])) == {}
    assert found(checked(tmp_path, [*cleared, (5, BID | DEPTH, 103, 1)])) == {"crossed_exch": (6,), "crossed_local": (6,)}
    cleared = [*GOOD, (3, BID | DEPTH, 97, 1), (4, BOTH_BITS | CLEAR, 99, 1)]
    assert found(checked(tmp_path, [*cleared, (5, ASK | DEPTH, 99, 1)])) == {}
    assert found(checked(tmp_path, [*cleared, (5, ASK | DEPTH, 97, 1)])) == {"crossed_exch": (6,), "crossed_local": (6,)}


@pytest.mark.parametrize("apart", [1, 4_095, 4_096, 4_097, 20_000])
def test_the_next_best_level_is_found_however_far_it_is(tmp_path: Path, apart: int) -> None:
    """The best ask goes, and the next one is `apart` ticks behind it, with another far behind: a bid there crosses."""
    gone = [*GOOD, (3, ASK | DEPTH, 101 + apart, 1), (3, ASK | DEPTH, 101 + 3 * apart + 9_000, 1), (4, ASK | DEPTH, 101, 0)]
    assert found(checked(tmp_path, [*gone, (5, BID | DEPTH, 100 + apart, 1)])) == {}
    assert found(checked(tmp_path, [*gone, (5, BID | DEPTH, 101 + apart, 1)])) == {"crossed_exch": (7,), "crossed_local": (7,)}


def test_each_view_has_its_own_book(tmp_path: Path) -> None:
    rows = [*GOOD, (3, EXCH_BIT | DEPTH, 105, 1), (4, EXCH_BIT | DEPTH, 105, 0), (5, BID | DEPTH, 98, 1)]
    assert found(checked(tmp_path, rows)) == {"crossed_exch": (4,)}


def test_snapshot_rows_are_compared_with_the_book_they_replace(tmp_path: Path) -> None:
    snapshot = [
        (5, BOTH_BITS | CLEAR | NO_SIDE_BIT, 0, 0), (5, BID | SNAPSHOT, 99, 5), (5, BID | SNAPSHOT, 98, 4),
        (5, ASK | SNAPSHOT, 101, 4),
    ]  # fmt: skip
    assert found(checked(tmp_path, snapshot)) == {}
    for group in (2, 5, 100):
        assert found(checked(tmp_path, [*GOOD, *snapshot], group)) == {"snapshot": (6, 7)}


def test_repeated_rows_are_found(tmp_path: Path) -> None:
    rows = [GOOD[0], GOOD[0], GOOD[1], GOOD[2], GOOD[2], GOOD[2]]
    for group in (1, 2, 100):
        report = checked(tmp_path, rows, group)
        assert found(report) == {"duplicate": (1,), "duplicate_trade": (4, 5)}
        assert report.is_usable


def test_the_first_ten_rows_are_named_and_all_are_counted(tmp_path: Path) -> None:
    report = checked(tmp_path, [*GOOD, *((3 + t, BID | DEPTH, -t, 1) for t in range(1, 26))])
    assert [(f.check, f.count, f.rows) for f in report.findings if f.check == "price"] == [("price", 25, tuple(range(4, 14)))]


def test_orders_need_ids_and_build_a_book(tmp_path: Path) -> None:
    ev = [BID | L3_ADD, ASK | L3_ADD, ASK | L3_EXEC, BID | L3_ADD, BID | L3_REDUCE, BID | L3_ADD]
    exch = [T0 + t for t in range(6)]
    columns = [exch, exch, ev, [99, 101, 101, 101, 101, 98], [5, 5, 5, 2, 1, 1], [1, 2, 2, 3, 3, 0]]
    assert found(validate(forged(tmp_path, columns, "l3"))) == {"order_id": (5,)}


PRICES = st.sampled_from([3, 4, 5, 6, 7, 5000, 9000])
KINDS = st.sampled_from([DEPTH, DEPTH, DEPTH, SNAPSHOT, BEST, CLEAR, CLEAR | NO_SIDE_BIT])
BOOK_ROWS = st.lists(st.tuples(st.integers(0, 1), KINDS, st.booleans(), PRICES, st.integers(0, 2)), min_size=1, max_size=60)


@given(rows=BOOK_ROWS, group=st.sampled_from([1, 7, 100]))
def test_crossings_and_contradictions_are_those_of_a_plain_book(tmp_path_factory: Any, rows: list[Any], group: int) -> None:
    """Dictionaries that follow the page of the rules find the same rows."""
    full: list[Row] = []
    ts = 0
    for step, kind, is_ask, price, qty in rows:
        ts += step
        side = 0 if kind & NO_SIDE_BIT else ASK_BIT * is_ask
        full.append((ts, BOTH_BITS | kind | side, price, 0 if kind & NO_SIDE_BIT else qty))
    book: list[dict[int, int]] = [{}, {}]
    old: list[dict[int, int]] = [{}, {}]
    crossed, differing = [], []
    for i, (t, ev, price, qty) in enumerate(full):
        kind, side = ev & 15, 1 if ev & ASK_BIT else 0
        if kind == CLEAR:
            for one in (0, 1) if ev & NO_SIDE_BIT else (side,):
                gone = {p for p in book[one] if not qty or (p >= price if one == 0 else p <= price)}
                old[one] = {p: book[one].pop(p) for p in gone}
        else:
            if kind == SNAPSHOT and (price in book[side] or old[side]):
                known = book[side].get(price, old[side].get(price, 0))
                differing += [i] if known != qty else []
            if kind == BEST:
                book[side] = {p: q for p, q in book[side].items() if (p <= price if side == 0 else p >= price)}
            book[side].pop(price, None)
            if qty:
                book[side][price] = qty
        is_end = i + 1 == len(full) or full[i + 1][0] != t
        if is_end and book[0] and book[1] and max(book[0]) >= min(book[1]):
            crossed.append(i)
    got = {f.check: f for f in checked(tmp_path_factory.mktemp("t"), full, group).findings}
    for check, want in (("crossed_exch", crossed), ("crossed_local", crossed), ("snapshot", differing)):
        assert (got[check].count if check in got else 0) == len(want)
        assert (got[check].rows if check in got else ()) == tuple(want[:10])
