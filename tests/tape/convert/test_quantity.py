"""What goes into a converter is in the rows or in a count: no traded quantity is lost, and none is made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcore.records import ASK_BIT, KIND_MASK, L3_ADD, L3_EXEC, L3_REDUCE, TRADE
from simcore.tape.convert import bitstamp, hftbacktest, lobster, mbo
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.hftbacktest import EVENT_DTYPE

Print = tuple[bool, int, int]  # bought, ticks, lots
NS = 1_700_000_000 * 10**9


def of_hftbacktest(folder: Path, prints: list[Print]) -> Source:
    events = np.zeros(len(prints) + 1, EVENT_DTYPE)
    both = (1 << 31) | (1 << 30)
    events[0] = (both | (1 << 29) | 1, NS, NS, 100.0, 1.0, 0, 0, 0.0)
    for i, (buys, ticks, lots) in enumerate(prints, start=1):
        events[i] = (both | (1 << 29 if buys else 1 << 28) | 2, NS + i, NS + i, 100.0 + ticks, lots, 0, 0, 0.0)
    np.savez(folder / "a.npz", data=events)
    return hftbacktest.read([folder / "a.npz"], ConvertOptions(symbol="X"))


def of_mbo(folder: Path, prints: list[Print]) -> Source:
    """Each print hits an order that rests with one lot more than it takes."""
    rows: list[tuple[str, str, int, int, int]] = []
    for i, (buys, ticks, lots) in enumerate(prints, start=1):
        rest, take = ("A", "B") if buys else ("B", "A")
        rows += [("A", rest, 100 + ticks, lots + 1, i), ("T", take, 100 + ticks, lots, 0)]
        if lots:
            rows += [("F", rest, 100 + ticks, lots, i), ("M", rest, 100 + ticks, 1, i)]
    rows.append(("A", "B", 1, 1, 10_000))
    count = len(rows)
    table = {
        "ts_event": np.arange(count) + NS, "ts_recv": np.arange(count) + NS, "action": [r[0] for r in rows], "side": [r[1] for r in rows],
        "price": np.array([r[2] * 10**9 for r in rows]), "size": np.array([r[3] for r in rows]), "order_id": np.array([r[4] for r in rows]),
        "flags": np.full(count, 128),
    }  # fmt: skip
    pq.write_table(pa.table(table), folder / "a.parquet")
    return mbo.read([folder / "a.parquet"], ConvertOptions())


def of_lobster(folder: Path, prints: list[Print]) -> Source:
    lines = ["34200.0,1,9999,1,10000,1"]
    for i, (buys, ticks, lots) in enumerate(prints, start=1):
        side, price = (-1, 2_000_000 + 100 * ticks) if buys else (1, 1_000_000 + 100 * ticks)
        lines.append(f"{34200 + i}.5,4,{i},{lots},{price},{side}")
    path = folder / "AMZN_2021-04-12_34200000_57600000_message_10.csv"
    path.write_text("\n".join(lines) + "\n")
    return lobster.read([path], ConvertOptions())


def of_bitstamp(folder: Path, prints: list[Print]) -> Source:
    order = {"price": "1", "amount": "1", "datetime": "1700000000", "id": 1, "order_type": 0}
    lines = [f"1700000000000 order_created {json.dumps(order)}"]
    for i, (_, ticks, lots) in enumerate(prints, start=1):
        lines.append(f"{1700000000000 + i} trade {json.dumps({'price': 100.0 + ticks, 'amount': float(lots), 'id': i})}")
    (folder / "a.log").write_text("\n".join(lines) + "\n")
    return bitstamp.read([folder / "a.log"], ConvertOptions())


FORMATS: dict[str, Callable[[Path, list[Print]], Source]] = {
    "hftbacktest": of_hftbacktest, "mbo": of_mbo, "lobster": of_lobster, "bitstamp": of_bitstamp,
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(prints=st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 9)), max_size=10))
def test_traded_quantity_is_in_the_rows_or_in_a_count(tmp_path: Path, name: str, prints: list[Print]) -> None:
    """Each print once, in order; of those without a quantity the number, which a warning says."""
    source = FORMATS[name](tmp_path, prints)
    rows = source.rows
    traded = (rows.ev & KIND_MASK) == TRADE
    assert rows.qty[traded].tolist() == [float(lots) for _, _, lots in prints if lots]
    if name != "bitstamp":  # its trades name no side
        assert ((rows.ev[traded] & ASK_BIT) == 0).tolist() == [buys for buys, _, lots in prints if lots]
    empty = sum(not lots for _, _, lots in prints)
    assert source.counts.get("trades_without_quantity", 0) == empty
    assert sum("trades of quantity 0" in text for text in source.warnings) == (empty > 0)


@pytest.mark.parametrize("name", ["mbo", "lobster"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(prints=st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 9)), max_size=10))
def test_what_orders_bring_is_what_they_lose_and_what_rests(tmp_path: Path, name: str, prints: list[Print]) -> None:
    """Executions are the prints' quantity; an order never loses more than it brought."""
    rows: Any = FORMATS[name](tmp_path, prints).rows
    kind = rows.ev & KIND_MASK
    assert rows.qty[kind == L3_EXEC].sum() == sum(lots for _, _, lots in prints)
    for order_id in np.unique(rows.order_id[kind == L3_ADD]).tolist():
        mine = rows.order_id == order_id
        lost = rows.qty[mine & ((kind == L3_EXEC) | (kind == L3_REDUCE))].sum()
        assert 0 <= lost <= rows.qty[mine & (kind == L3_ADD)].sum()
