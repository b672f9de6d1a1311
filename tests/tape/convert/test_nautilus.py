"""NautilusTrader's Parquet: exact rows in each layout, orders added up, instruments, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, CLEAR, DEPTH, KIND_MASK, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert import ConvertOptions, convert, nautilus
from simcore.tape.convert.base import Source
from tests.tape.convert import catalog
from tests.tape.convert.catalog import BYTES, T0
from tests.tape.convert.plain_book import PlainBook


def read(folder: Path, *tables: pa.Table, **options: str) -> Source:
    return nautilus.read(catalog.write(folder, *tables), ConvertOptions(**options))


def levels_of(source: Source) -> list[tuple[int, int, float, float]]:
    rows = source.rows
    return list(zip(((rows.exch_ts - T0) // 1000).tolist(), rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), strict=True))


def book_of(source: Source) -> tuple[dict[float, float], dict[float, float]]:
    book = PlainBook()
    for _, ev, price, qty in levels_of(source):
        book.apply(ev, price, qty)
    return book.sides


@pytest.mark.parametrize("how", BYTES)
def test_deltas_and_trades_are_exact_rows_in_every_layout(how: str, tmp_path: Path) -> None:
    """64 bits as a number or 8 bytes, and 128 bits; a trade precedes the deltas of its time."""
    source = read(tmp_path, catalog.deltas(how=how), catalog.trades(how=how))
    assert levels_of(source) == [
        (0, CLEAR | NO_SIDE_BIT, 0.0, 0.0), (0, SNAPSHOT, 99.5, 1.25), (0, SNAPSHOT, 99.0, 2.0), (0, SNAPSHOT | ASK_BIT, 100.0, 3.0), (1, TRADE | ASK_BIT, 99.5, 0.75),
        (1, DEPTH, 99.5, 0.5), (2, TRADE, 100.0, 3.0), (2, DEPTH | ASK_BIT, 100.0, 0.0), (2, DEPTH | ASK_BIT, 100.5, 4.0), (3, DEPTH, 99.0, 2.5),
        (4, TRADE | NO_SIDE_BIT, 100.0, 1.0),
    ]  # fmt: skip
    assert (source.rows.local_ts - source.rows.exch_ts == 50_000).all()
    assert source.counts == {"snapshots": 1, "snapshot_deltas": 3, "trades_without_quantity": 1, "trades_repeated": 1, "trades_without_side": 1}
    assert (source.venue, source.symbol, source.kind, source.has_local_clock) == ("binance", "BTCUSDT-PERP", None, True)


def test_single_orders_are_added_up_to_levels(tmp_path: Path) -> None:
    """Order 12 moves from 99.5 to 99: both levels change."""
    source = read(tmp_path, catalog.deltas(catalog.ORDERS))
    assert levels_of(source)[1:] == [
        (0, SNAPSHOT, 99.5, 3.0), (0, SNAPSHOT | ASK_BIT, 100.0, 3.0), (1, DEPTH, 99.5, 2.5), (2, DEPTH | ASK_BIT, 100.0, 0.0), (3, DEPTH, 99.5, 0.5), (3, DEPTH, 99.0, 2.0),
        (4, DEPTH | ASK_BIT, 100.5, 5.0),
    ]  # fmt: skip
    assert source.level == "l2"
    assert any("added up to levels" in warning for warning in source.warnings)


def test_orders_that_are_not_known_are_counted(tmp_path: Path) -> None:
    extra: list[catalog.Delta] = [(5, catalog.DELETE, catalog.BUY, 99.0, 0, 99, 0), (6, catalog.UPDATE, catalog.BUY, 98.0, 1, 98, 0), (7, catalog.ADD, catalog.BUY, 97.0, 1, 98, 0)]
    source = read(tmp_path, catalog.deltas([*catalog.ORDERS, *extra]))
    assert (source.counts["deltas_of_unknown_orders"], source.counts["add_of_resting_order"]) == (2, 1)
    assert book_of(source)[0] == {99.5: 0.5, 99.0: 2.0, 97.0: 1.0}


def test_a_clear_that_nothing_follows_empties_the_book(tmp_path: Path) -> None:
    source = read(tmp_path, catalog.deltas([*catalog.DELTAS, (9, catalog.CLEAR, 0, 0, 0, 0, 0)]))
    assert book_of(source) == ({}, {})


def test_instruments_give_sizes_and_currencies(tmp_path: Path) -> None:
    source = read(tmp_path, catalog.deltas(), catalog.instrument(), catalog.instrument("XBTUSD.BITMEX", is_inverse=True))
    assert source.hints == {"tick_size": "0.10", "lot_size": "0.001", "contract_size": "1", "base": "BTC", "quote": "USDT"}
    assert source.kind == "linear"
    made = convert(catalog.write(tmp_path, catalog.deltas(), catalog.instrument()), "nautilus", tmp_path / "out" / "t.parquet")
    assert (made.instrument.tick_size, made.instrument.lot_size, made.instrument.contract_size) == ("0.1", "0.001", "1")
    assert read(tmp_path, catalog.deltas(), catalog.instrument(kind="CurrencyPair")).kind == "spot"
    assert read(tmp_path, catalog.deltas(), catalog.instrument(is_inverse=True, multiplier="100")).hints["contract_size"] == "100"


def test_without_a_receive_time_the_local_clock_is_made_up(tmp_path: Path) -> None:
    """Loaders that know one time write it twice."""
    assert not read(tmp_path, catalog.deltas(delay=0)).has_local_clock


def test_files_are_joined_by_time_and_a_folder_is_its_files(tmp_path: Path) -> None:
    first, second = catalog.deltas(catalog.DELTAS[:5]), catalog.deltas(catalog.DELTAS[5:])
    one, other = read(tmp_path, second, first), read(tmp_path, catalog.deltas())
    assert levels_of(one) == levels_of(other)
    catalog.write(tmp_path, first, second)
    assert levels_of(nautilus.read([tmp_path], ConvertOptions())) == levels_of(other)
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, catalog.deltas(), catalog.deltas())
    assert refused.value.code == "CONV-011"


def test_instruments_are_chosen(tmp_path: Path) -> None:
    tables = (catalog.deltas(), catalog.deltas(name="ETHUSDT-PERP.BINANCE"))
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, *tables)
    assert refused.value.code == "CONV-006"
    assert read(tmp_path, *tables, symbol="ETHUSDT-PERP").symbol == read(tmp_path, *tables, symbol="ETHUSDT-PERP.BINANCE").symbol == "ETHUSDT-PERP"
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, *tables, symbol="SOLUSDT-PERP")
    assert refused.value.code == "CONV-006"
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, catalog.deltas(name=None))
    assert refused.value.code == "CONV-005"
    assert read(tmp_path, catalog.deltas(name=None), symbol="ABC").symbol == "ABC"


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


BAD = {
    "another layout": (pa.table({"a": [1]}), "CONV-003"),
    "prices as floats": (with_column(catalog.deltas(), "price", pa.array([1.0] * 8)), "CONV-003"),
    "a null": (with_column(catalog.deltas(), "side", pa.array([None] * 8, pa.uint8())), "CONV-003"),
    "an action": (with_column(catalog.deltas(), "action", pa.array([9] * 8, pa.uint8())), "CONV-003"),
    "a side": (with_column(catalog.deltas(), "side", pa.array([7] * 8, pa.uint8())), "CONV-003"),
    "no price": (with_column(catalog.deltas(how="int64"), "price", pa.array([2**63 - 1] * 8)), "CONV-004"),
    "a time": (with_column(catalog.deltas(), "ts_event", pa.array([5] * 8, pa.uint64())), "CONV-004"),
    "time goes back": (with_column(catalog.deltas(), "ts_init", pa.array([T0 - i for i in range(8)], pa.uint64())), "CONV-021"),
    "orders among levels": (with_column(catalog.deltas(), "order_id", pa.array([0] * 7 + [5], pa.uint64())), "CONV-020"),
    "no rows": (catalog.deltas()[:0], "CONV-002"),
    "a listed size": (None, "CONV-004"),
    "instruments only": (catalog.instrument(), "CONV-002"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused(name: str, tmp_path: Path) -> None:
    table, code = BAD[name]
    tables = [catalog.deltas(), catalog.instrument(price_increment="0")] if table is None else [table]
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, *tables)
    assert refused.value.code == code


def test_files_of_two_precisions_are_not_mixed(tmp_path: Path) -> None:
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, catalog.deltas(catalog.DELTAS[:5]), catalog.deltas(catalog.DELTAS[5:], how="int64"))
    assert refused.value.code == "CONV-020"


orders = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(90, 99), st.integers(0, 4), st.integers(1, 6)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=50)
@given(orders)
def test_levels_hold_the_sum_of_their_orders(tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, int, int, int, int]]) -> None:
    """Any adds, updates and deletes, of known orders and unknown ones."""
    rows: list[catalog.Delta] = [(i, action, side, price, size, order_id, 0) for i, (action, side, price, size, order_id) in enumerate(found)]
    resting: dict[int, tuple[int, int, int]] = {}
    for action, side, price, size, order_id in found:
        resting.pop(order_id, None)
        if action != catalog.DELETE and size:
            resting[order_id] = (side, price, size)
    want: tuple[dict[float, float], dict[float, float]] = ({}, {})
    for side, price, size in resting.values():
        want[side - 1][price] = want[side - 1].get(price, 0) + size
    try:
        source = read(tmp_path_factory.mktemp("n"), catalog.deltas(rows))
    except ConvertError as error:
        refusal = error.code
    else:
        assert book_of(source) == want
        assert not np.isin(source.rows.ev & KIND_MASK, (TRADE,)).any()
        return
    assert (refusal, want) == ("CONV-002", ({}, {}))
