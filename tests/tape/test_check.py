"""The last values that a row may have, and the first that it may not."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.errors import TapeError
from simcore.records import (
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
    OWN_CANCEL,
    OWN_FILL,
    OWN_ORDER,
    TIME_END,
    TRADE,
    UNITS_MAX,
    Chunk,
)
from simcore.tape.check import RowCheck


def row(time: int, price: int, lots: int) -> Chunk:
    """One level row at a time on both clocks."""
    column = lambda value: np.array([value], np.int64)  # noqa: E731 - six columns of one row
    return Chunk(column(time), column(time), np.array([BOTH_BITS], np.uint8), column(price), column(lots), np.zeros(0, np.int64))


@pytest.mark.parametrize(("time", "price", "lots"), [(1, 1, 0), (TIME_END - 1, UNITS_MAX, UNITS_MAX)])
def test_the_ends_of_the_ranges_are_in_them(time: int, price: int, lots: int) -> None:
    check = RowCheck("tape")
    check.check(row(time, price, lots), 0)
    assert check.last == (time, time)


@pytest.mark.parametrize(
    ("time", "price", "lots"), [(TIME_END, 1, 1), (0, 1, 1), (1, UNITS_MAX + 1, 1), (1, 0, 1), (1, 1, UNITS_MAX + 1), (1, 1, -1)]
)
def test_beyond_them_a_row_is_refused(time: int, price: int, lots: int) -> None:
    with pytest.raises(TapeError, match="row 7") as caught:
        RowCheck("tape").check(row(time, price, lots), 7)
    assert caught.value.code in {"TAPE-007", "TAPE-009"}


def one(kind: int, *, exch: int = 5, local: int = 5, price: int = 100, lots: int = 1, order_id: int | None = None) -> Chunk:
    """Return one row of a kind, with flags; without order_id the tape has no ids."""
    column = lambda value: np.array([value], np.int64)  # noqa: E731 - six columns of one row
    ids = np.zeros(0, np.int64) if order_id is None else column(order_id)
    return Chunk(column(exch), column(local), np.array([kind], np.uint8), column(price), column(lots), ids)


def code_of(chunk: Chunk, **start: int) -> str:
    """Return the code of a refusal, "" if the row passes."""
    try:
        RowCheck("tape", **start).check(chunk, 0)
    except TapeError as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    "kind", [DEPTH, TRADE, FUNDING, pytest.param(L3_ADD, id="L3_ADD"), L3_REDUCE, L3_EXEC, OWN_ORDER, OWN_FILL]
)
def test_rows_with_a_price_need_one(kind: int) -> None:
    assert code_of(one(kind | BOTH_BITS, order_id=1)) == ""
    assert code_of(one(kind | BOTH_BITS, price=0, order_id=1)) == "TAPE-009"


def test_a_gap_and_the_end_of_an_order_need_no_price() -> None:
    assert code_of(one(GAP | NO_SIDE_BIT | BOTH_BITS, price=0)) == ""
    assert code_of(one(OWN_CANCEL | BOTH_BITS, price=0, order_id=1)) == ""


def test_a_clear_needs_a_price_where_it_has_a_bound() -> None:
    assert code_of(one(CLEAR | BOTH_BITS, price=0, lots=0)) == ""
    assert code_of(one(CLEAR | BOTH_BITS, price=0, lots=1)) == "TAPE-009"
    assert code_of(one(CLEAR | BOTH_BITS, price=1, lots=1)) == ""


@pytest.mark.parametrize("kind", [DEPTH, TRADE, GAP | NO_SIDE_BIT, CLEAR, L3_ADD, L3_REDUCE, L3_EXEC])
def test_quantities_are_not_negative(kind: int) -> None:
    assert code_of(one(kind | BOTH_BITS, lots=-1, order_id=1)) == "TAPE-009"


def test_a_funding_rate_may_be_negative() -> None:
    assert code_of(one(FUNDING | NO_SIDE_BIT | BOTH_BITS, lots=-1)) == ""


@pytest.mark.parametrize("kind", [L3_ADD, L3_REDUCE, L3_EXEC, OWN_ORDER, OWN_FILL, OWN_CANCEL])
def test_orders_need_ids_from_1(kind: int) -> None:
    """On a tape with ids a positive one; on a tape without there can be none."""
    assert code_of(one(kind | BOTH_BITS, order_id=1)) == ""
    assert code_of(one(kind | BOTH_BITS, order_id=0)) == "TAPE-009"
    assert code_of(one(kind | BOTH_BITS)) == "TAPE-009"


@pytest.mark.parametrize("kind", [DEPTH, TRADE, L3_ADD])
def test_a_row_that_nobody_sees_is_refused(kind: int) -> None:
    assert code_of(one(kind, order_id=1)) == "TAPE-009"


@pytest.mark.parametrize("kind", [DEPTH, L3_ADD])
@pytest.mark.parametrize(("bit", "exch", "local"), [(LOCAL_BIT, 5, TIME_END), (EXCH_BIT, TIME_END, 5), (BOTH_BITS, 5, TIME_END), (BOTH_BITS, TIME_END, 5)])
def test_times_end_on_the_clock_that_sees_the_row(kind: int, bit: int, exch: int, local: int) -> None:
    """Plain rows in blocks and others one by one: a time after 2200 is refused where it is seen, and only there."""
    assert code_of(one(kind | bit, exch=exch, local=local, order_id=1)) == "TAPE-009"
    unseen = LOCAL_BIT if exch == TIME_END else EXCH_BIT
    assert code_of(one(kind | unseen, exch=exch, local=local, order_id=1)) == ""


@pytest.mark.parametrize("kind", [DEPTH, L3_ADD])
@pytest.mark.parametrize("clock", ["exch", "local"])
def test_times_may_stand_but_not_go_back(kind: int, clock: str) -> None:
    start = {f"{clock}_from": 5}
    assert code_of(one(kind | BOTH_BITS, order_id=1), **start) == ""
    assert code_of(one(kind | BOTH_BITS, order_id=1, **{clock: 4}), **start) == "TAPE-007"
