"""hftbacktest arrays in and out: exact mapping, exact round trips, refusals."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from simcore.errors import ConvertError
from simcore.records import (
    ASK_BIT,
    BEST,
    BOTH_BITS,
    CLEAR,
    DEPTH,
    EXCH_BIT,
    FUNDING,
    GAP,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
    Chunk,
)
from simcore.tape.convert import hftbacktest
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.hftbacktest import EVENT_DTYPE
from simcore.tape.export import export_npz

EXCH, LOCAL, BUY, SELL = 1 << 31, 1 << 30, 1 << 29, 1 << 28
BOTH = EXCH | LOCAL
ROW = tuple[int, int, int, int, int, int]  # exch_ts, local_ts, ev, price ticks, lots, order id


class FakeTape:
    """Rows as chunks of three: what export needs of a tape. tick 0.1, lot 0.001."""

    instrument = SimpleNamespace(tick_size=Decimal("0.1"), lot_size=Decimal("0.001"))

    def __init__(self, rows: list[ROW]) -> None:
        self.rows = rows

    def chunks(self) -> Iterator[Chunk]:
        for at in range(0, len(self.rows), 3):
            exch, local, ev, price, qty, ids = (np.array(c, dtype=np.int64) for c in zip(*self.rows[at : at + 3], strict=True))
            yield Chunk(exch, local, ev.astype(np.uint8), price, qty, ids)


def save(path: Path, events: list[tuple[int, int, int, float, float, int, int, float]], **more: object) -> Path:
    np.savez_compressed(path, data=np.array(events, dtype=EVENT_DTYPE), **more)
    return path


def read(path: Path) -> Source:
    return hftbacktest.read([path], ConvertOptions())


def rows_of(source: Source) -> list[ROW]:
    """Rows in ticks and lots of FakeTape."""
    r = source.rows
    ids = r.order_id if len(r.order_id) else np.zeros(len(r.ev), dtype=np.int64)
    columns = (r.exch_ts, r.local_ts, r.ev, np.round(r.price * 10), np.round(r.qty * 1000), ids)
    return list(zip(*(c.astype(np.int64).tolist() for c in columns), strict=True))


LEVEL_ROWS: list[ROW] = [
    (10, 20, CLEAR | NO_SIDE_BIT | BOTH_BITS, 0, 0, 0),
    (10, 20, SNAPSHOT | BOTH_BITS, 1000, 5, 0),
    (10, 20, SNAPSHOT | ASK_BIT | BOTH_BITS, 1001, 6, 0),
    (11, 21, DEPTH | EXCH_BIT, 999, 7, 0),
    (11, 22, TRADE | ASK_BIT | BOTH_BITS, 1000, 2, 0),
    (12, 23, TRADE | NO_SIDE_BIT | BOTH_BITS, 1000, 1, 0),
    (11, 23, DEPTH | LOCAL_BIT, 999, 7, 0),
    (13, 24, BEST | ASK_BIT | BOTH_BITS, 1002, 4, 0),
    (14, 25, CLEAR | BOTH_BITS, 999, 9, 0),
    (15, 26, CLEAR | ASK_BIT | BOTH_BITS, 0, 0, 0),
]
ORDER_ROWS: list[ROW] = [
    (10, 20, L3_ADD | BOTH_BITS, 1000, 5, 7),
    (11, 21, L3_ADD | ASK_BIT | BOTH_BITS, 1003, 300, 8),
    (12, 22, L3_REDUCE | ASK_BIT | BOTH_BITS, 1003, 100, 8),
    (13, 23, TRADE | ASK_BIT | BOTH_BITS, 1000, 2, 0),
    (13, 23, L3_EXEC | BOTH_BITS, 1000, 2, 7),
    (14, 23, L3_EXEC | EXCH_BIT, 1000, 3, 7),
    (14, 24, L3_EXEC | LOCAL_BIT, 1000, 3, 7),
    (15, 25, L3_REDUCE | ASK_BIT | BOTH_BITS, 1003, 200, 8),
    (16, 26, CLEAR | NO_SIDE_BIT | BOTH_BITS, 0, 0, 0),
]


def test_each_event_kind_becomes_its_row(tmp_path: Path) -> None:
    """Kinds, sides, who sees a row, and both forms of a clear."""
    nan = float("nan")
    path = save(tmp_path / "a.npz", [
        (3 | BOTH, 1, 2, 0, 0, 0, 0, 0), (4 | BUY | BOTH, 1, 2, 100.0, 0.005, 0, 0, 0),
        (1 | SELL | EXCH, 2, 3, 100.1, 0.006, 0, 0, 0), (2 | BUY | LOCAL, 2, 3, 100.1, 0.001, 0, 0, 0),
        (5 | SELL | BOTH, 3, 4, 100.2, 0.004, 0, 0, 0), (3 | BUY | BOTH, 3, 4, 99.9, 0, 0, 0, 0),
        (3 | SELL | BOTH, 3, 4, nan, 0, 0, 0, 0),
    ])  # fmt: skip
    source = read(path)
    assert rows_of(source) == [
        (1, 2, CLEAR | NO_SIDE_BIT | BOTH_BITS, 0, 0, 0), (1, 2, SNAPSHOT | BOTH_BITS, 1000, 5, 0),
        (2, 3, DEPTH | ASK_BIT | EXCH_BIT, 1001, 6, 0), (2, 3, TRADE | LOCAL_BIT, 1001, 1, 0),
        (3, 4, BEST | ASK_BIT | BOTH_BITS, 1002, 4, 0), (3, 4, CLEAR | BOTH_BITS, 999, 1, 0),
        (3, 4, CLEAR | ASK_BIT | BOTH_BITS, 0, 0, 0),
    ]  # fmt: skip
    assert source.flagged
    assert source.level == "l2"


@pytest.mark.parametrize("rows", [LEVEL_ROWS, ORDER_ROWS])
def test_out_and_in_again_is_exact(tmp_path: Path, rows: list[ROW]) -> None:
    export_npz(FakeTape(rows), tmp_path / "a.npz", best="bbo")
    assert rows_of(read(tmp_path / "a.npz")) == rows


@pytest.mark.parametrize("rows", [LEVEL_ROWS, ORDER_ROWS])
def test_in_and_out_again_is_the_same_file(tmp_path: Path, rows: list[ROW]) -> None:
    """npz to rows to npz gives the same bytes."""
    first, second = tmp_path / "a.npz", tmp_path / "b.npz"
    export_npz(FakeTape(rows), first, best="bbo")
    export_npz(FakeTape(rows_of(read(first))), second, best="bbo")
    assert first.read_bytes() == second.read_bytes()


def test_best_rows_become_the_level_changes_they_mean(tmp_path: Path) -> None:
    """The asks better than a best quote are removed on each side that holds them; no best-quote event is left."""
    counts = export_npz(FakeTape(LEVEL_ROWS[:8]), tmp_path / "a.npz")
    events = np.load(tmp_path / "a.npz")["data"]
    last = [(int(e["ev"]), round(float(e["px"]) * 10), round(float(e["qty"]) * 1000)) for e in events[-3:]]
    assert last == [(1 | SELL | EXCH, 1001, 0), (1 | SELL | LOCAL, 1001, 0), (1 | SELL | BOTH, 1002, 4)]
    assert counts["best_rows_as_depth"] == 1
    assert counts["events"] == len(events) == 10


def test_what_hftbacktest_cannot_express_is_counted(tmp_path: Path) -> None:
    rows = [*LEVEL_ROWS[:2], (11, 21, GAP | NO_SIDE_BIT | BOTH_BITS, 0, 2, 0), (12, 22, FUNDING | NO_SIDE_BIT | BOTH_BITS, 1, 1, 0)]
    assert export_npz(FakeTape(rows), tmp_path / "a.npz") == {"events": 2, "gap_rows_left_out": 1, "funding_rows_left_out": 1}


def test_export_to_a_place_that_cannot_be_written_has_its_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConvertError, match="CONV-009"):
        export_npz(FakeTape(LEVEL_ROWS), tmp_path / "file" / "a.npz")


def test_a_fill_then_its_cancel_is_one_execution(tmp_path: Path) -> None:
    """Their order events follow the feed: add, fill, cancel; a cancel ends the order whatever it says."""
    path = save(tmp_path / "a.npz", [
        (10 | BUY | BOTH, 1, 2, 100.0, 5.0, 7, 0, 0), (13 | BUY | BOTH, 2, 3, 100.0, 2.0, 7, 0, 0),
        (12 | BUY | BOTH, 2, 3, 100.0, 3.0, 7, 0, 0), (11 | BUY | BOTH, 3, 4, 0.0, 0.0, 7, 0, 0),
    ])  # fmt: skip
    source = read(path)
    assert [(r[2] & 15, r[4]) for r in rows_of(source)] == [(L3_ADD, 5000), (L3_EXEC, 2000), (L3_REDUCE, 3000)]
    assert source.level == "l3"


def test_rows_that_say_nothing_are_counted(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", [
        (1 | BUY | BOTH, 1, 2, 100.0, 5.0, 0, 0, 0), (99 | BUY | BOTH, 1, 2, 1.0, 1.0, 0, 0, 0),
        (1 | BOTH, 1, 2, 1.0, 1.0, 0, 0, 0), (1 | BUY | SELL | BOTH, 1, 2, 1.0, 1.0, 0, 0, 0), (1 | BUY, 1, 2, 1.0, 1.0, 0, 0, 0),
    ], other=np.zeros(3))  # fmt: skip
    source = read(path)
    assert len(source.rows.ev) == 1
    assert source.counts == {
        "arrays_ignored": 1, "rows_of_unknown_kind": 1, "rows_with_both_sides": 1, "rows_without_side": 1, "rows_that_nobody_sees": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([], "CONV-002"),
        ([(1 | BUY | BOTH, 1, 2, float("nan"), 1.0, 0, 0, 0)], "CONV-004"),
        ([(1 | BUY | BOTH, 1, 2, 1.0, -1.0, 0, 0, 0)], "CONV-004"),
        ([(1 | BUY | BOTH, 2, 2, 1.0, 1.0, 0, 0, 0), (1 | BUY | BOTH, 1, 3, 1.0, 1.0, 0, 0, 0)], "CONV-003"),
        ([(10 | BUY | BOTH, 1, 2, 1.0, 1.0, 2**63, 0, 0)], "CONV-004"),
    ],
)
def test_bad_events_give_their_code(tmp_path: Path, events: list, code: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ConvertError) as caught:
        read(save(tmp_path / "a.npz", events))
    assert caught.value.code == code


def test_pickles_and_plain_arrays_are_refused(tmp_path: Path) -> None:
    for name, array in (("a.npy", np.zeros((3, 6))), ("b.npy", np.array([{}], dtype=object))):
        np.save(tmp_path / name, array)
        with pytest.raises(ConvertError, match="CONV-003"):
            read(tmp_path / name)


@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_mutated_and_truncated_files_give_a_code_or_rows(tmp_path: Path, suffix: str) -> None:
    """Whatever bytes change, the answer is a ConvertError or a source."""
    export_npz(FakeTape(LEVEL_ROWS), tmp_path / "a.npz")
    good = tmp_path / f"good.{suffix}"
    if suffix == "npy":
        np.save(good, np.load(tmp_path / "a.npz")["data"])
    else:
        good.write_bytes((tmp_path / "a.npz").read_bytes())
    draw = random.Random(1)
    bad = tmp_path / f"bad.{suffix}"
    for trial in range(300):
        data = bytearray(good.read_bytes())
        for _ in range(draw.randrange(1, 5)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        bad.write_bytes(data[: draw.randrange(len(data))] if trial % 3 == 0 else data)
        try:
            source = read(bad)
        except ConvertError:
            continue
        assert np.isfinite(source.rows.price).all()


NS = 1_700_000_000 * 10**9
DAY = [
    (1 | BUY | BOTH, NS + 10, NS + 15, 100.0, 1.0, 0, 0, 0), (2 | SELL | BOTH, NS + 20, NS + 25, 100.0, 1.0, 0, 0, 0),
]  # fmt: skip


@pytest.mark.parametrize("exch_ts", [0, NS - 10**9])
def test_case_24_a_snapshot_without_times_gets_those_of_the_first_live_row(tmp_path: Path, exch_ts: int) -> None:
    """hftbacktest's create_last_snapshot writes 0 on both clocks, or on the local one only."""
    eod = save(tmp_path / "eod.npz", [(4 | BUY | BOTH, exch_ts, 0, 99.9, 10.0, 0, 0, 0), (4 | SELL | BOTH, exch_ts, 0, 100.1, 9.0, 0, 0, 0)])
    source = hftbacktest.read([eod, save(tmp_path / "day.npz", DAY)], ConvertOptions(symbol="X"))
    assert [(r[0] - NS, r[1] - NS) for r in rows_of(source)] == [(10, 15), (10, 15), (10, 15), (20, 25)]
    assert source.counts == {"snapshot_rows_without_time": 2}
    assert source.warnings == ["2 rows of a snapshot had no time: they got that of the first live row after them"]


def test_a_snapshot_at_the_end_gets_the_last_live_time(tmp_path: Path) -> None:
    eod = save(tmp_path / "eod.npz", [(4 | BUY | BOTH, 0, 0, 99.9, 10.0, 0, 0, 0)])
    rows = rows_of(hftbacktest.read([save(tmp_path / "day.npz", DAY), eod], ConvertOptions(symbol="X")))
    assert (rows[-1][0] - NS, rows[-1][1] - NS) == (20, 25)


def test_files_out_of_time_order_are_refused(tmp_path: Path) -> None:
    first, second = save(tmp_path / "a.npz", DAY[:1]), save(tmp_path / "b.npz", DAY[1:])
    assert len(hftbacktest.read([first, second], ConvertOptions()).rows.ev) == 2
    with pytest.raises(ConvertError, match="CONV-011"):
        hftbacktest.read([second, first], ConvertOptions())


def test_prints_of_no_quantity_are_counted_and_said(tmp_path: Path) -> None:
    source = read(save(tmp_path / "a.npz", [*DAY, (2 | BUY | BOTH, NS + 30, NS + 35, 100.0, 0.0, 0, 0, 0)]))
    assert len(source.rows.ev) == 2
    assert source.warnings == ["1 trades of quantity 0 were dropped"]


def test_levels_hold_more_than_a_thousand_million(tmp_path: Path) -> None:
    """Coins of tiny prices rest in such quantities."""
    source = read(save(tmp_path / "a.npz", [(1 | BUY | BOTH, NS, NS, 1e-6, 5e9, 0, 0, 0)]))
    assert source.rows.qty.tolist() == [5e9]
