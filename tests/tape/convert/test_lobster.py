"""LOBSTER: exact rows of small inputs, codes of bad ones, and the real AMZN half hour."""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, KIND_MASK, L3_ADD, L3_EXEC, L3_REDUCE, NO_SIDE_BIT, TRADE
from simcore.tape.convert import lobster
from simcore.tape.convert.base import ConvertOptions, SourceRows

REAL = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
AMZN = REAL / "l3" / "lobster_AMZN_2021-04-12_message_10.csv"
NAME = "AMZN_2021-04-12_34200000_57600000_message_10.csv"
SMALL = """34200.000000001,1,11,100,1000000,1
34200.5,2,11,30,1000000,1
34201,4,11,50,1000000,1
34202,3,11,20,1000000,1
34203,4,5,40,1000100,-1
34203,5,0,7,1000050,-1
34204,6,-1,900,1000000,-1
34205,7,0,0,-1,-1
"""


def read(tmp_path: Path, text: str, name: str = NAME, **extra: str):  # type: ignore[no-untyped-def]
    path = tmp_path / name
    path.write_text(text)
    return lobster.read([path], ConvertOptions(extra=extra))


def test_each_message_type_gives_its_rows(tmp_path: Path) -> None:
    """Add, reduce, execute (with its trade by the other side), delete, hidden, cross; order 5 was there before."""
    source = read(tmp_path, SMALL)
    rows = source.rows
    a = ASK_BIT
    assert list(zip(rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), rows.order_id.tolist(), strict=True)) == [
        (L3_ADD | a, 100.01, 40.0, 5),
        (L3_ADD, 100.0, 100.0, 11),
        (L3_REDUCE, 100.0, 30.0, 11),
        (TRADE | a, 100.0, 50.0, 0), (L3_EXEC, 100.0, 50.0, 11),
        (L3_REDUCE, 100.0, 20.0, 11),
        (TRADE, 100.01, 40.0, 0), (L3_EXEC | a, 100.01, 40.0, 5),
        (TRADE, 100.005, 7.0, 0),
        (TRADE | NO_SIDE_BIT, 100.0, 900.0, 0),
    ]  # fmt: skip
    opened = int(datetime(2021, 4, 12, 13, 30, tzinfo=UTC).timestamp()) * 10**9
    assert rows.exch_ts[:2].tolist() == [opened + 1, opened + 1]
    assert source.counts == {"orders_inferred_at_opening": 1, "hidden_executions": 1, "cross_trades": 1, "halt_messages": 1}
    assert (source.symbol, source.has_local_clock) == ("AMZN", False)


def test_opening_orders_can_be_dropped(tmp_path: Path) -> None:
    """With opening=drop the execution of an unknown order is a trade only."""
    source = read(tmp_path, SMALL, opening="drop")
    assert not (source.rows.order_id == 5).any()
    assert source.counts["messages_of_unknown_orders_dropped"] == 1


def test_an_order_that_was_never_added_joins_where_its_id_belongs(tmp_path: Path) -> None:
    """Id 15 came between 11 and 20; id 30 is touched before a larger id is added; id 5 rested before the file."""
    text = """34200,1,11,100,1000000,1
34201,1,20,100,1000000,1
34202,4,15,40,1000000,1
34203,4,30,10,999900,1
34204,3,15,10,1000000,1
34205,1,40,1,1000000,1
34206,3,5,2,999900,1
"""
    source = read(tmp_path, text)
    added = (source.rows.ev & KIND_MASK) == L3_ADD
    assert source.rows.order_id[added].tolist() == [5, 11, 15, 20, 30, 40]
    assert source.rows.qty[added].tolist() == [2, 100, 50, 100, 10, 1]
    assert np.diff(source.rows.exch_ts[added]).tolist() == [0, 10**9, 0, 2 * 10**9, 2 * 10**9]
    assert (source.counts["orders_inferred_at_opening"], source.counts["orders_inferred_later"]) == (1, 2)


def test_an_order_that_must_be_gone_is_taken_away(tmp_path: Path) -> None:
    """11 and 13 are never named again: an execution below the one, a sell joining at the other, prove them gone.

    12 is better than the execution, too, but is named later, so it rests; 14 rests behind everything and stays.
    """
    text = """34200,1,11,100,1000300,1
34200,1,12,100,1000200,1
34200,1,13,100,1000000,1
34200,1,14,100,999900,1
34200,1,15,100,1000100,1
34201,4,15,40,1000100,1
34202,3,12,100,1000200,1
34203,3,15,60,1000100,1
34204,1,16,10,1000000,-1
"""
    source = read(tmp_path, text)
    rows = source.rows
    left = (rows.ev & KIND_MASK) == L3_REDUCE
    opened = int(rows.exch_ts[0])
    assert list(zip(rows.order_id[left].tolist(), ((rows.exch_ts[left] - opened) // 10**9).tolist(), strict=True)) == [
        (11, 1), (12, 2), (15, 3), (13, 4),
    ]  # fmt: skip
    assert source.counts == {"orders_gone_unseen": 2}
    assert len(source.warnings) == 1


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [
        ("", NAME, "CONV-002"),
        (SMALL, "messages.csv", "CONV-005"),
        ("34200,9,1,1,10000,1\n", NAME, "CONV-003"),
        ("34200,1,1,1,10000,2\n", NAME, "CONV-003"),
        ("34200,1,1,1,-10000,1\n", NAME, "CONV-004"),
        ("nan,1,1,1,10000,1\n", NAME, "CONV-003"),
        ("99999,1,1,1,10000,1\n", NAME, "CONV-004"),
        ("34200,1,1,1.5,10000,1\n", NAME, "CONV-003"),
        ("34200,1,99999999999999999999999,1,10000,1\n", NAME, "CONV-003"),
    ],
)
def test_bad_files_give_their_code(tmp_path: Path, text: str, name: str, code: str) -> None:
    with pytest.raises(ConvertError) as caught:
        read(tmp_path, text, name)
    assert caught.value.code == code


def test_a_cut_last_line_is_counted(tmp_path: Path) -> None:
    assert read(tmp_path, SMALL + "34206,1,1").counts["truncated_last_line"] == 1


def test_mutated_files_give_a_code_or_rows(tmp_path: Path) -> None:
    """Whatever byte changes, the answer is a ConvertError or a source."""
    draw = random.Random(7)
    for _ in range(300):
        data = bytearray(SMALL.encode())
        for _ in range(draw.randrange(1, 4)):
            data[draw.randrange(len(data))] = draw.choice(b'0123456789,.-\n\r"eE xN\x00\xff')
        (tmp_path / NAME).write_bytes(data[: draw.randrange(1, len(data) + 1)])
        try:
            source = lobster.read([tmp_path / NAME], ConvertOptions())
        except ConvertError:
            continue
        assert np.isfinite(source.rows.price).all()
        assert (source.rows.qty >= 0).all()


@pytest.mark.skipif(not AMZN.is_file(), reason="the AMZN capture is not here (MMSIM_REAL_DATA)")
def test_amzn_executions_are_all_there_and_never_more_than_rests() -> None:
    """Each message gives its rows, no order loses more than it has, and the book never crosses."""
    source = lobster.read([AMZN], ConvertOptions())
    rows, counts = source.rows, source.counts
    kinds = np.bincount(rows.ev & KIND_MASK, minlength=10)
    assert (counts["orders_inferred_at_opening"], counts["orders_inferred_later"], counts["orders_gone_unseen"]) == (1_283, 834, 359)
    assert (kinds[L3_ADD], kinds[L3_EXEC], kinds[L3_REDUCE]) == (17_187 + 1_283 + 834, 5_389, 14_465 + 359)
    assert kinds[TRADE] == 5_389 + 3_632 + 1
    assert set(counts) == {
        "orders_inferred_at_opening", "orders_inferred_later", "orders_gone_unseen", "hidden_executions", "cross_trades",
    }  # fmt: skip
    assert crossed_rows(rows) == 0


def crossed_rows(rows: SourceRows) -> int:
    """Return after how many rows the best bid is at or above the best ask."""
    levels: tuple[Counter[float], Counter[float]] = (Counter(), Counter())
    crossed = 0
    for ev, price, qty in zip(rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), strict=True):
        if ev & KIND_MASK in (L3_ADD, L3_REDUCE, L3_EXEC):
            side = levels[1 if ev & ASK_BIT else 0]
            side[price] += qty if ev & KIND_MASK == L3_ADD else -qty
            if side[price] <= 0:
                del side[price]
            crossed += bool(levels[0] and levels[1] and max(levels[0]) >= min(levels[1]))
    return crossed


def test_days_out_of_time_order_are_refused(tmp_path: Path) -> None:
    """The files' names say the days."""
    paths = [tmp_path / f"AMZN_2021-04-{day}_34200000_57600000_message_10.csv" for day in (12, 13)]
    for path in paths:
        path.write_text(SMALL)
    assert lobster.read(paths, ConvertOptions()).symbol == "AMZN"
    with pytest.raises(ConvertError, match="CONV-011"):
        lobster.read(paths[::-1], ConvertOptions())


def test_prints_of_no_quantity_are_counted_and_said(tmp_path: Path) -> None:
    """Executed, hidden or crossed: nothing was traded."""
    source = read(tmp_path, SMALL + "34206,4,5,0,1000100,-1\n34206,5,0,0,1000050,-1\n34206,2,5,0,1000100,-1\n")
    assert (source.counts["trades_without_quantity"], source.counts["messages_without_quantity"]) == (2, 1)
    assert "2 trades of quantity 0 were dropped" in source.warnings
