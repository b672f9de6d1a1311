"""Rows of level books: order at one time, snapshots, gaps, numbers and times as they are written."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from simcore.errors import ConvertError
from simcore.records import ASK, ASK_BIT, BID, CLEAR, DEPTH, EXCH_BIT, GAP, KIND_MASK, LOCAL_BIT, SNAPSHOT, TRADE
from simcore.tape.convert.assemble import assemble
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.levels import NO_SIDE, LevelRows, decimal_seconds, exch_rank, iso_time, number, whole

T0 = 1_733_011_200_000_000_000


def made() -> LevelRows:
    return LevelRows(Counter())


def at(rows: LevelRows, exch: int, local: int, line: int = 1) -> None:
    rows.at(T0 + exch, T0 + local, line)


def kinds(rows: LevelRows) -> list[int]:
    return [int(ev) & KIND_MASK for ev in rows.source_rows().ev]


def test_a_trade_precedes_the_change_of_its_exchange_time_for_the_venue_and_of_its_receive_time_for_the_node() -> None:
    """The change is received 1 ns before the trade that caused it: each view has its own order."""
    rows = made()
    at(rows, 0, 1)
    rows.snapshot([("9", "5")], [("10", "5")])
    at(rows, 100, 200, 2)
    rows.levels(ASK, [("10", "4")])
    at(rows, 100, 201, 3)
    rows.trade(BID, "10", "1")
    source_rows = rows.source_rows()
    source = Source(source_rows, "l2", "x", "ABC", "spot", {}, {}, [], exch_rank=exch_rank(source_rows))
    tape = assemble(source, ConvertOptions(), "x").rows
    views = {bit: [int(ev) & KIND_MASK for ev in tape.ev if ev & bit][-2:] for bit in (EXCH_BIT, LOCAL_BIT)}
    assert views == {EXCH_BIT: [TRADE, DEPTH], LOCAL_BIT: [DEPTH, TRADE]}
    at(rows, 150, 300, 4)
    rows.levels(ASK, [("10", "3")])
    at(rows, 160, 300, 5)
    rows.trade(BID, "10", "1")
    assert kinds(rows)[-2:] == [TRADE, DEPTH]


def test_times_of_the_book_do_not_go_back_and_those_of_trades_stay() -> None:
    rows = made()
    at(rows, 50, 60)
    rows.levels(BID, [("9", "1")])
    at(rows, 40, 70)
    rows.levels(BID, [("9", "2")])
    rows.trade(ASK, "9", "1")
    found = rows.source_rows()
    assert (found.exch_ts - T0).tolist() == [50, 40, 50]  # the trade stands first among the rows of 70
    assert rows.counts["exchange_times_raised"] == 1


def test_the_tape_starts_at_the_first_snapshot_and_newer_trades_stay() -> None:
    rows = made()
    at(rows, 1, 10)
    rows.levels(BID, [("9", "1"), ("8", "1")])
    rows.trade(BID, "10", "1")
    at(rows, 30, 31)
    rows.trade(BID, "10", "2")
    at(rows, 20, 40)
    rows.snapshot([("9", "5")], [])
    assert rows.source_rows().qty.tolist() == [2.0, 0.0, 5.0]
    assert rows.counts == {"levels_before_snapshot": 2, "trades_before_snapshot": 1, "snapshots": 1}
    assert rows.warnings() == ["1 trades came before the first snapshot and were left out"]


def test_a_gap_ends_with_a_snapshot() -> None:
    rows = made()
    at(rows, 1, 2)
    rows.snapshot([("9", "5")], [])
    rows.gap(3)
    assert "the last gap is not followed by a snapshot: the book may be wrong to the end" in rows.warnings()
    rows.snapshot([("9", "4")], [])
    assert rows.warnings() == ["1 gaps: the book may be wrong until the next snapshot"]
    assert kinds(rows) == [CLEAR, SNAPSHOT, GAP, CLEAR, SNAPSHOT]
    assert rows.source_rows().qty[2] == 3.0


def test_best_quotes_without_a_price_or_size_clear_their_side() -> None:
    rows = made()
    at(rows, 1, 2)
    rows.best(ASK, "0", "5")
    rows.best(BID, "9", "0")
    assert rows.source_rows().ev.tolist() == [CLEAR | ASK_BIT, CLEAR]


def test_trades_are_kept_once_by_their_ids_in_any_order() -> None:
    """Ids that arrive late are not repeats: 6 after 7 is news."""
    rows = made()
    at(rows, 1, 2)
    for trade_id in (7, 6, 7, "7", None, None):
        rows.trade(NO_SIDE, "9", "1", trade_id)
    assert len(rows) == 5
    assert (rows.counts["trades_repeated"], rows.counts["trades_without_side"]) == (1, 5)


@pytest.mark.parametrize("value", [True, None, [], "1_0", "x", "", b"1"])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        number(value)


@pytest.mark.parametrize("value", [1.0, True, "1.5", "1_0", "9" * 30, None])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        whole(value)


def test_times_are_exact_to_the_ns() -> None:
    assert decimal_seconds("1733011200.123456789") == 1_733_011_200_123_456_789
    assert decimal_seconds("1733011200.5") == 1_733_011_200_500_000_000
    assert decimal_seconds("1733011200") == T0
    assert iso_time("2024-12-01T00:00:00.123456789Z") == T0 + 123_456_789
    assert iso_time("2024-12-01T00:00:00") == T0
    for text in ("", ".5", "1e9", "-1", "1.2.3", "1733011200.x", "9" * 13):
        with pytest.raises(ValueError, match=r"\w"):
            decimal_seconds(text)


@pytest.mark.parametrize("exch", [-T0, 10**19 - T0])
def test_a_time_that_is_not_of_our_age_is_refused(exch: int) -> None:
    rows = made()
    with pytest.raises(ConvertError) as refused:
        at(rows, exch, 0, 7)
    assert (refused.value.code, "line 7" in refused.value.cause) == ("CONV-004", True)
