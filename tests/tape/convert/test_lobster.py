"""LOBSTER: exact rows of small inputs, codes of bad ones, and the real AMZN half hour."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, KIND_MASK, L3_ADD, L3_EXEC, L3_REDUCE, NO_SIDE_BIT, TRADE
from simcore.tape.convert import lobster
from simcore.tape.convert.base import ConvertOptions

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
    kinds = np.bincount(source.rows.ev & KIND_MASK, minlength=10)
    inferred = source.counts["orders_inferred_at_opening"]
    assert (kinds[L3_ADD], kinds[L3_EXEC], kinds[L3_REDUCE]) == (17_187 + inferred, 5_389, 14_465)
    assert kinds[TRADE] == 5_389 + 3_632 + 1
    assert "taken_more_than_resting" not in source.counts
    assert set(source.counts) == {"orders_inferred_at_opening", "hidden_executions", "cross_trades"}
