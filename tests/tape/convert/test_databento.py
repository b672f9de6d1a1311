"""DBN: orders as in the Parquet of the same records, levels, trades, metadata used, and what is refused."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import databento_dbn
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.errors import ConvertError
from simcore.records import (
    ASK_BIT,
    CLEAR,
    DEPTH,
    GAP,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
)
from simcore.tape.convert import ConvertOptions, convert, databento, mbo
from simcore.tape.convert.base import Source
from tests.tape.convert import dbn
from tests.tape.convert.plain_book import PlainBook

REAL = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[4] / "shared" / "data")) / "l3" / "esh4_mbo_20231225_first_part.parquet"


def packed(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return bytes(out.getvalue())


def read(folder: Path, *files: bytes, extra: dict[str, str] | None = None, **options: str) -> Source:
    paths = []
    for i, data in enumerate(files):
        paths.append(folder / f"{i}.dbn")
        paths[-1].write_bytes(data)
    return databento.read(paths, ConvertOptions(**options, extra=extra or {}))


def kinds(source: Source) -> list[int]:
    return [int(ev) & KIND_MASK for ev in source.rows.ev]


def rows_of(source: Source) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in source.rows if len(column)), strict=True))


@pytest.mark.parametrize("pack", [bytes, packed])
def test_orders_are_those_of_the_parquet_reader(pack: Any, tmp_path: Path) -> None:
    """The same records as Parquet, through `mbo`: the same rows."""
    (tmp_path / "a.dbn.zst").write_bytes(pack(dbn.file("mbo", dbn.ORDERS)))
    source = databento.read([tmp_path / "a.dbn.zst"], ConvertOptions())
    names = ("ts_event", "ts_recv", "price", "size", "order_id")
    table = {name: [int(getattr(record, name)) for record in dbn.ORDERS] for name in names}
    table |= {name: [str(getattr(record, name)) for record in dbn.ORDERS] for name in ("action", "side")}
    pq.write_table(pa.table(table | {"flags": [128] * len(dbn.ORDERS)}), tmp_path / "a.parquet")
    assert rows_of(source) == rows_of(mbo.read([tmp_path / "a.parquet"], ConvertOptions()))
    assert kinds(source) == [CLEAR, L3_ADD, L3_ADD, TRADE, L3_EXEC, L3_REDUCE, L3_ADD, L3_REDUCE, L3_ADD, L3_REDUCE]
    assert (source.level, source.symbol, source.venue, source.hints) == ("l3", "ESH5", "cme", {"lot_size": "1"})


def test_levels_are_the_changes_between_records_and_trades_come_before_them(tmp_path: Path) -> None:
    source = read(tmp_path, dbn.mbp10())
    assert [(row[2], row[3], row[4]) for row in rows_of(source)] == [
        (CLEAR | NO_SIDE_BIT, 0.0, 0.0), (SNAPSHOT, 10.0, 5.0), (SNAPSHOT | ASK_BIT, 11.0, 3.0), (TRADE | ASK_BIT, 10.0, 2.0), (DEPTH, 10.0, 3.0), (DEPTH, 10.5, 4.0), (DEPTH, 10.5, 0.0),
    ]  # fmt: skip
    assert source.level == "l2"
    assert source.rows.exch_ts.tolist() == [dbn.T0 + 1000 * us for us in (0, 0, 0, 1, 1, 2, 3)]
    assert source.rows.local_ts.tolist() == [ts + 5000 for ts in source.rows.exch_ts.tolist()]


def test_trades_alone_are_rows_of_trades(tmp_path: Path) -> None:
    source = read(tmp_path, dbn.trades())
    assert [(row[2], row[3], row[4]) for row in rows_of(source)] == [
        (TRADE | (0, ASK_BIT, NO_SIDE_BIT)[i % 3], 10.0 + i % 2, i + 1.0) for i in range(6)
    ]
    assert source.counts == {"trades_without_side": 2}


@pytest.mark.parametrize("apart", [False, True])
def test_sizes_come_from_the_definition(apart: bool, tmp_path: Path) -> None:
    """In the same file, or in one of its own that may be given last: tick, contract, kind and currencies of the tape."""
    files = [dbn.file("mbo", dbn.ORDERS), dbn.file("definition", [dbn.definition()])] if apart else [dbn.mbo()]
    source = read(tmp_path, *files)
    assert source.hints == {"lot_size": "1", "tick_size": "0.25", "contract_size": "50", "quote": "USD", "base": "ES"}
    assert source.kind == "linear"
    assert any("contract is 50 IPNT" in warning for warning in source.warnings)
    made = convert(sorted(tmp_path.glob("*.dbn")), "databento", tmp_path / "out" / "t.parquet")
    assert (made.instrument.tick_size, made.instrument.lot_size, made.instrument.contract_size, made.inferred) == ("0.25", "1", "50", ())


def test_a_stated_multiplier_and_a_stock(tmp_path: Path) -> None:
    source = read(tmp_path, dbn.file("mbo", [dbn.definition(contract_multiplier=20), *dbn.ORDERS]))
    assert source.hints["contract_size"] == "20"
    source = read(tmp_path, dbn.file("mbo", [dbn.definition(kind=databento_dbn.InstrumentClass.STOCK), *dbn.ORDERS], dataset="XNAS.ITCH"))
    assert (source.hints["contract_size"], source.kind, source.venue) == ("1", "spot", "nasdaq")
    source = read(tmp_path, dbn.file("mbo", [dbn.definition(), dbn.definition(tick=0.5), *dbn.ORDERS]))
    assert (source.counts["definitions_of_another_tick"], source.hints["tick_size"]) == (1, "0.25")


def test_one_schema_is_taken(tmp_path: Path) -> None:
    source = read(tmp_path, dbn.trades(), dbn.mbp10())
    assert source.counts["ignored_trades"] == 6
    assert any("mbp-10 was taken; records of trades were left out" in warning for warning in source.warnings)
    live = dbn.file(None, [*dbn.LEVELS, *dbn.TRADES])
    assert read(tmp_path, live).counts["ignored_trades"] == 6


def test_instruments_and_publishers_are_chosen(tmp_path: Path) -> None:
    other, abroad = dbn.order(9, "A", "B", 5.0, 1, 3, instrument=43), dbn.order(9, "A", "B", 5.0, 1, 3, publisher=2)
    two = dbn.file("mbo", [*dbn.ORDERS, other], names={"ESH5": 42, "ESM5": 43})
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, two)
    assert (refused.value.code, "ESH5 (id 42, publisher 1), ESM5 (id 43" in refused.value.cause) == ("CONV-006", True)
    assert read(tmp_path, two, symbol="ESM5").rows.price.tolist() == read(tmp_path, two, symbol="43").rows.price.tolist() == [5.0]
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, two, symbol="NQH5")
    assert refused.value.code == "CONV-006"
    places = dbn.file("mbo", [*dbn.ORDERS, abroad])
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, places)
    assert "publisher 2" in refused.value.cause
    assert read(tmp_path, places, extra={"publisher": "2"}).rows.price.tolist() == [5.0]


def test_snapshot_records_stand_as_of_their_receipt_and_later_times_do_not_go_back(tmp_path: Path) -> None:
    """Nothing is taken from a later record: the live one, 2 µs before the snapshot came, is raised."""
    records = [dbn.order(-10**6, "A", "B", 10.0, 5, 7, flags=32), dbn.order(-10**6 + 3, "A", "A", 11.0, 5, 8, flags=168)]
    source = read(tmp_path, dbn.file("mbo", records))
    assert source.rows.exch_ts.tolist() == source.rows.local_ts.tolist() == [dbn.T0 - 10**9 + 5000, dbn.T0 - 10**9 + 8000]
    assert source.counts == {"snapshot_rows_retimed": 2}
    source = read(tmp_path, dbn.file("mbo", [dbn.order(0, "A", "B", 10.0, 5, 7, flags=32), dbn.order(3, "A", "A", 11.0, 5, 8)]))
    assert source.rows.exch_ts.tolist() == [dbn.T0 + 5000] * 2
    assert source.counts == {"snapshot_rows_retimed": 1, "exchange_times_raised": 1}


def test_what_the_feed_lost_is_a_gap(tmp_path: Path) -> None:
    orders = dbn.file("mbo", [dbn.order(0, "A", "B", 10.0, 5, 7), dbn.order(1, "A", "B", 10.0, 5, 8, flags=132), dbn.order(2, "A", "B", 10.0, 5, 9, flags=132)])
    assert kinds(read(tmp_path, orders)) == [L3_ADD, GAP, L3_ADD, L3_ADD]
    steps = dbn.file("mbp-10", [dbn.LEVELS[0], dbn.levels(1, "A", "B", 10.0, 6, [(10.0, 6)], [(11.0, 3)], flags=132)])
    source = read(tmp_path, steps)
    assert kinds(source) == [CLEAR, SNAPSHOT, SNAPSHOT, GAP, DEPTH]
    assert source.counts["gaps_flagged"] == 1


def test_days_are_joined_by_their_start_and_overlap_is_refused(tmp_path: Path) -> None:
    first, second = dbn.file("trades", [dbn.trade(0, "B", 10, 1)]), dbn.file("trades", [dbn.trade(9, "B", 11, 1)], start=dbn.T0 + 9000)
    assert read(tmp_path, second, first).rows.price.tolist() == [10.0, 11.0]
    late = dbn.file("trades", [dbn.trade(3, "B", 11, 1)], start=dbn.T0 + 9000)
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, dbn.file("trades", [dbn.trade(5, "B", 10, 1)]), late)
    assert refused.value.code == "CONV-011"


def test_a_file_that_was_cut_off_ends_with_its_last_whole_record(tmp_path: Path) -> None:
    source = read(tmp_path, dbn.mbo()[:-10])
    assert (len(source.rows.ev), source.counts["truncated_last_record"]) == (9, 1)
    big = dbn.file("mbo", [dbn.order(i, "A", "B", 10.0, i % 1000 + 1, i + 1) for i in range(20_000)])
    source = read(tmp_path, packed(big)[:-2000])
    assert 0 < len(source.rows.ev) < 20_000
    assert source.counts["truncated_stream"] == 1
    assert any("cut off" in warning for warning in source.warnings)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "CONV-003"), (b"hello", "CONV-003"), (b"DBN\x7f" + bytes(100), "CONV-003"), (dbn.mbo()[:30], "CONV-003"), (dbn.header("mbo"), "CONV-002"),
        (dbn.file("mbo", [dbn.definition()]), "CONV-002"), (dbn.file("mbo", [dbn.order(0, "A", "B", 10.0, 5, 2**63)]), "CONV-004"),
        (dbn.file("mbo", [dbn.order(0, "A", "B", 10.0, 2**32 - 1, 5)]), "CONV-004"), (dbn.file("trades", [dbn.trade(-dbn.T0 // 1000, "B", 10, 1)]), "CONV-004"),
    ],
)  # fmt: skip
def test_bad_files_are_refused(data: bytes, code: str, tmp_path: Path) -> None:
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, data)
    assert refused.value.code == code


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    importlib.invalidate_caches()
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, dbn.mbo())
    assert refused.value.code == "CONV-019"
    assert "pip install '.[formats]'" in refused.value.cause


books = st.lists(
    st.tuples(st.dictionaries(st.integers(90, 99), st.integers(1, 3), max_size=9), st.dictionaries(st.integers(100, 109), st.integers(1, 3), max_size=9), st.integers(0, 3)),
    min_size=1, max_size=10,
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(books)
def test_the_book_after_each_record_is_the_record_s(tmp_path_factory: pytest.TempPathFactory, found: list[tuple[dict[int, int], dict[int, int], int]]) -> None:
    """With fewer than ten levels a side all are known; every trade is a row or counted."""
    records = [
        dbn.levels(i, "T" if size else "A", "B", 100.0, size or 1, [(float(p), bids[p]) for p in sorted(bids, reverse=True)], [(float(p), asks[p]) for p in sorted(asks)])
        for i, (bids, asks, size) in enumerate(found)
    ]  # fmt: skip
    source = read(tmp_path_factory.mktemp("d"), dbn.file("mbp-10", records))
    book = PlainBook()
    for _, _, ev, price, qty, _ in rows_of(source):
        book.apply(ev, price, qty)
    assert book.sides == found[-1][:2]
    prints = sum(size > 0 for _, _, size in found)
    assert kinds(source).count(TRADE) + source.counts.get("trades_before_snapshot", 0) == prints


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_file(), reason="no ES capture (MMSIM_REAL_DATA)")
def test_the_es_capture_as_dbn_gives_the_rows_of_its_parquet(tmp_path: Path) -> None:
    """What the Parquet holds, written as DBN: the same orders, trades and executions; only snapshot times are found otherwise."""
    names = ("ts_event", "ts_recv", "action", "side", "price", "size", "order_id", "flags")
    table = pq.read_table(REAL, columns=list(names)).to_pydict()
    records = [
        databento_dbn.MBOMsg(1, 42, event, order_id, price, size, dbn.ACTIONS[action], dbn.SIDES[side], recv, flags=flags)
        for event, recv, action, side, price, size, order_id, flags in zip(*(table[name] for name in names), strict=True)
    ]
    source = read(tmp_path, dbn.file("mbo", records))
    plain = mbo.read([REAL], ConvertOptions(symbol="ESH4"))
    for name in ("ev", "price", "qty", "order_id", "local_ts"):
        assert (getattr(source.rows, name) == getattr(plain.rows, name)).all(), name
    assert (source.rows.exch_ts[1:] >= source.rows.exch_ts[:-1]).all()
