"""Market by order: exact rows of small inputs, and the real ES capture against the feed's own book rule."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, CLEAR, KIND_MASK, L3_ADD, L3_EXEC, L3_REDUCE, NO_SIDE_BIT, TRADE
from simcore.tape.convert import mbo
from simcore.tape.convert.base import ConvertOptions

REAL = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
ES = REAL / "l3" / "esh4_mbo_20231225_first_part.parquet"
TICK = 250_000_000


def write(path: Path, rows: list[tuple[str, str, int, int, int]], flags: int = 128, **extra: object) -> Path:
    """Write (action, side, price in ticks, size, id) rows, one ns apart."""
    columns = {
        "ts_event": np.arange(len(rows)) + 1_000, "ts_recv": np.arange(len(rows)) + 2_000,
        "action": [r[0] for r in rows], "side": [r[1] for r in rows],
        "price": np.array([r[2] * TICK for r in rows], dtype=np.int64),
        "size": np.array([r[3] for r in rows], dtype=np.uint32),
        "order_id": np.array([r[4] for r in rows], dtype=np.uint64),
        "flags": np.full(len(rows), flags, dtype=np.uint8),
    } | extra  # fmt: skip
    pq.write_table(pa.table(columns), path)
    return path


def rows_of(path: Path) -> list[tuple[int, float, float, int]]:
    rows = mbo.read([path], ConvertOptions()).rows
    return list(zip(rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), rows.order_id.tolist(), strict=True))


def test_a_fill_becomes_an_execution_and_its_cancel_is_swallowed(tmp_path: Path) -> None:
    """T, F, C of one order give TRADE and L3_EXEC; the cancel of what was filled gives nothing."""
    path = write(tmp_path / "a.parquet", [
        ("A", "B", 40, 5, 7), ("T", "A", 40, 2, 0), ("F", "B", 40, 2, 7), ("M", "B", 40, 3, 7),
        ("T", "A", 40, 3, 0), ("F", "B", 40, 3, 7), ("C", "B", 40, 3, 7),
    ])  # fmt: skip
    assert rows_of(path) == [
        (L3_ADD, 10.0, 5.0, 7), (TRADE | ASK_BIT, 10.0, 2.0, 0), (L3_EXEC, 10.0, 2.0, 7),
        (TRADE | ASK_BIT, 10.0, 3.0, 0), (L3_EXEC, 10.0, 3.0, 7),
    ]  # fmt: skip


def test_a_resting_order_repriced_into_the_market_is_not_executed_where_it_rested(tmp_path: Path) -> None:
    """Its F stands on the aggressor's side: it leaves its level unexecuted; the order that it hit is executed."""
    path = write(tmp_path / "a.parquet", [
        ("A", "B", 40, 2, 7), ("A", "A", 44, 1, 8),
        ("T", "B", 44, 1, 7), ("F", "B", 44, 1, 7), ("F", "A", 44, 1, 8), ("M", "B", 43, 1, 7), ("C", "A", 44, 1, 8),
    ], ts_event=[1_000, 1_001, *[1_002] * 5])  # fmt: skip
    assert rows_of(path)[2:] == [
        (TRADE, 11.0, 1.0, 0), (L3_REDUCE, 10.0, 1.0, 7), (L3_EXEC | ASK_BIT, 11.0, 1.0, 8),
        (L3_REDUCE, 10.0, 1.0, 7), (L3_ADD, 10.75, 1.0, 7),
    ]  # fmt: skip


def test_a_modify_keeps_its_place_only_when_smaller_at_its_price(tmp_path: Path) -> None:
    """Smaller: one L3_REDUCE of the difference. Larger, or another price: reduced away and added again."""
    path = write(tmp_path / "a.parquet", [
        ("A", "A", 40, 5, 7), ("M", "A", 40, 4, 7), ("M", "A", 40, 6, 7), ("M", "A", 41, 6, 7), ("R", "N", 0, 0, 0),
    ])  # fmt: skip
    a = ASK_BIT
    assert rows_of(path) == [
        (L3_ADD | a, 10.0, 5.0, 7), (L3_REDUCE | a, 10.0, 1.0, 7),
        (L3_REDUCE | a, 10.0, 4.0, 7), (L3_ADD | a, 10.0, 6.0, 7),
        (L3_REDUCE | a, 10.0, 6.0, 7), (L3_ADD | a, 10.25, 6.0, 7), (CLEAR | NO_SIDE_BIT, 0.0, 0.0, 0),
    ]  # fmt: skip


def test_what_is_unknown_is_counted(tmp_path: Path) -> None:
    """Cancels and fills of unknown orders give no row; a modify of one is an add, as the feed prescribes."""
    path = write(tmp_path / "a.parquet", [("C", "B", 40, 1, 1), ("F", "B", 40, 1, 2), ("M", "B", 40, 1, 3), ("T", "N", 40, 1, 0)])
    source = mbo.read([path], ConvertOptions())
    assert source.rows.ev.tolist() == [L3_ADD, TRADE | NO_SIDE_BIT]
    assert source.counts == {
        "cancel_of_unknown_order": 1, "fill_of_unknown_order": 1, "modify_of_unknown_order_as_add": 1, "trades_without_side": 1,
    }  # fmt: skip


def test_snapshot_orders_get_the_time_of_the_snapshot(tmp_path: Path) -> None:
    """A snapshot order was entered long ago; the book is known to stand so at its receive time."""
    path = write(tmp_path / "a.parquet", [("A", "B", 40, 1, 1)], flags=40)
    source = mbo.read([path], ConvertOptions())
    assert source.rows.exch_ts.tolist() == source.rows.local_ts.tolist() == [2_000]
    assert source.counts == {"snapshot_rows_retimed": 1}


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda p: write(p, [("X", "B", 40, 1, 1)]), "CONV-003"),
        (lambda p: write(p, [("A", "Q", 40, 1, 1)]), "CONV-003"),
        (lambda p: write(p, [("A", "B", 40, 1, 1)], price=["ten"]), "CONV-003"),
        (lambda p: write(p, [("A", "B", 40, 1, 1)], size=np.array([-1])), "CONV-004"),
        (lambda p: write(p, []), "CONV-003"),
        (lambda p: write(p, [("A", "B", 40, 1, 1)] * 2, symbol=["ES", "NQ"]), "CONV-006"),
        (lambda p: p.write_bytes(b"PAR1 no"), "CONV-003"),
        (lambda p: None, "CONV-001"),
    ],
)
def test_bad_files_give_their_code(tmp_path: Path, make, code: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a.parquet"
    make(path)
    with pytest.raises(ConvertError) as caught:
        mbo.read([path], ConvertOptions())
    assert caught.value.code == code


def test_one_of_several_instruments_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [("A", "B", 40, 1, 1), ("A", "B", 44, 1, 2)], symbol=["ES", "NQ"])
    source = mbo.read([path], ConvertOptions(symbol="NQ"))
    assert (source.symbol, source.rows.price.tolist()) == ("NQ", [11.0])


def test_random_messages_never_take_more_than_rests(tmp_path: Path) -> None:
    """Whatever the messages, each order's rows stay within what it has, and nothing but a code is raised."""
    draw = random.Random(5)
    for trial in range(30):
        rows = [(draw.choice("ACMFTRN"), draw.choice("BAN"), draw.randrange(1, 5), draw.randrange(0, 6), draw.randrange(6)) for _ in range(200)]
        source = mbo.read([write(tmp_path / f"{trial}.parquet", rows)], ConvertOptions())
        left: dict[int, float] = {}
        for ev, qty, order_id in zip(source.rows.ev.tolist(), source.rows.qty.tolist(), source.rows.order_id.tolist(), strict=True):
            match ev & KIND_MASK:
                case k if k == L3_ADD:
                    assert order_id not in left
                    assert qty > 0
                    left[order_id] = qty
                case k if k in (L3_REDUCE, L3_EXEC):
                    left[order_id] -= qty
                    assert left[order_id] >= 0
                    assert qty > 0
                    if left[order_id] == 0:
                        del left[order_id]
                case k if k == CLEAR:
                    left.clear()


@pytest.mark.skipif(not ES.is_file(), reason="the ES market-by-order capture is not here (MMSIM_REAL_DATA)")
def test_the_es_book_equals_the_feeds_own_book_at_every_event_end() -> None:
    """Levels kept from our rows equal levels kept from A, C and M alone, after every row that ends an event."""
    source = mbo.read([ES], ConvertOptions())
    rows = source.rows
    columns = (rows.line, rows.ev, np.round(rows.price * 1e9), rows.qty, rows.order_id)
    ours_in = list(zip(*(c.astype(np.int64).tolist() for c in columns), strict=True))
    ours: dict[tuple[int, int], int] = defaultdict(int)
    feed: dict[tuple[int, int], int] = defaultdict(int)
    orders: dict[int, tuple[int, int, int]] = {}
    table = pq.read_table(ES).to_pydict()
    at, checked, dirty = 0, 0, set()
    for i in range(len(table["action"])):
        while at < len(ours_in) and ours_in[at][0] == i + 1:
            _, ev, price, qty, _ = ours_in[at]
            at += 1
            if ev & KIND_MASK in (L3_ADD, L3_REDUCE, L3_EXEC):
                key = (1 if ev & ASK_BIT else 0, price)
                ours[key] += qty if ev & KIND_MASK == L3_ADD else -qty
                dirty.add(key)
        action, oid, size = table["action"][i], table["order_id"][i], table["size"][i]
        if action in ("A", "M"):
            key = (1 if table["side"][i] == "A" else 0, table["price"][i])
            if oid in orders:
                side, price, old = orders[oid]
                feed[side, price] -= old
                dirty.add((side, price))
            orders[oid] = (*key, size)
            feed[key] += size
            dirty.add(key)
        elif action == "C":
            side, price, old = orders.pop(oid)
            feed[side, price] -= size
            dirty.add((side, price))
            if old > size:
                orders[oid] = (side, price, old - size)
        if table["flags"][i] & 128 or table["flags"][i] & 32:
            for key in dirty:
                assert ours[key] == feed[key], (i, key, ours[key], feed[key])
            dirty.clear()
            checked += 1
    assert checked > 36_000
    kinds = np.bincount(rows.ev & KIND_MASK, minlength=10)
    assert kinds[TRADE] == 1865
    assert kinds[L3_EXEC] + source.counts["fill_of_unknown_order"] + source.counts["fill_of_repriced_aggressor"] == 3694
    assert "fills_never_confirmed" not in source.counts
    assert "cancel_of_unknown_order" not in source.counts


def test_files_out_of_time_order_are_refused(tmp_path: Path) -> None:
    """By the time of receipt: the book would go back in time."""
    late = {"ts_event": np.array([9_000]), "ts_recv": np.array([9_001])}
    first = write(tmp_path / "a.parquet", [("A", "B", 40, 5, 7)])
    second = write(tmp_path / "b.parquet", [("A", "B", 41, 5, 8)], **late)
    assert len(mbo.read([first, second], ConvertOptions()).rows.ev) == 2
    with pytest.raises(ConvertError, match="CONV-011"):
        mbo.read([second, first], ConvertOptions())


def test_prints_of_no_quantity_are_said(tmp_path: Path) -> None:
    source = mbo.read([write(tmp_path / "a.parquet", [("A", "B", 40, 5, 7), ("T", "A", 40, 0, 0)])], ConvertOptions())
    assert "1 trades of quantity 0 were dropped" in source.warnings
