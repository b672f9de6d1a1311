"""Law 6: what happened up to a time does not depend on rows after it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.records import BOTH_BITS, EXCH_BIT, KIND_MASK, LOCAL_BIT
from tests.property.runs import Case, cases, simulated

TIMES = {"requests": "ts", "reports": "ts", "fills": "exch_ts", "markouts": "exch_ts", "samples": "ts", "features": "ts", "traces": "ts", "guards": "ts"}


def up_to(outcome, until, end=None):
    """Return what happened up to a time, as bytes by stream.

    end: when a shorter run ended; samples of that moment are left out, since a run samples once more at its end.
    """
    found = {}
    for stream, column in TIMES.items():
        rows = outcome.journal.rows(stream)
        rows = rows[rows[column] <= until]
        found[stream] = (rows[rows[column] != end] if stream == "samples" else rows).tobytes()
    return found


def first_later_time(case: Case, row: int) -> int:
    """Return the first time on either clock at which a row from `row` on is seen."""
    columns = [column[row:] for column in case.rows[:3]]
    times = [t[(columns[2] & bit) != 0] for t, bit in ((columns[0], EXCH_BIT), (columns[1], LOCAL_BIT))]
    return min(int(each.min()) for each in times if len(each))


def last_time(case: Case) -> int:
    return case.tape().end_ts


@given(cases(), st.data())
@settings(max_examples=50)
def test_a_shorter_tape_gives_a_prefix(case, data):
    cut = data.draw(st.integers(min(15, len(case.rows.ev) - 1), len(case.rows.ev) - 1))
    part = case.with_rows([column[:cut] for column in case.rows])
    if not (part.rows.ev & LOCAL_BIT).any():
        return
    until = min(first_later_time(case, cut) - 1, last_time(part))
    end = last_time(part)
    assert up_to(simulated(part), until, end) == up_to(simulated(case), until, end)


@given(cases(), st.data())
@settings(max_examples=50)
def test_other_later_rows_change_nothing_before_them(case, data):
    """Later rows with other prices and quantities leave the past as it was."""
    cut = data.draw(st.integers(min(15, len(case.rows.ev) - 1), len(case.rows.ev) - 1))
    until = first_later_time(case, cut) - 1
    columns = [column.copy() for column in case.rows]
    is_level = (columns[2][cut:] & KIND_MASK) <= 1
    columns[3][cut:] += np.where(is_level, 2, 0)
    columns[4][cut:] = np.where(is_level, columns[4][cut:] + 3, columns[4][cut:])
    changed = simulated(case.with_rows(columns))
    assert up_to(changed, until) == up_to(simulated(case), until)


@given(cases(), st.data())
@settings(max_examples=40)
def test_an_earlier_end_gives_a_prefix(case, data):
    """`run.to` cuts a run off and changes nothing before."""
    first, last = case.tape().start_ts, case.tape().end_ts
    until = data.draw(st.integers(first + 1, max(last, first + 1)))
    cut = simulated(case, f"run.to={until}")
    end = min(until, last)
    assert up_to(cut, until, end) == up_to(simulated(case), until, end)
    for stream, column in TIMES.items():
        times = cut.journal.rows(stream)[column]
        assert not len(times) or int(times.max()) <= until


@given(cases())
@settings(max_examples=20)
def test_rows_that_nobody_sees_do_nothing(case):
    """A row without EXCH and LOCAL flags is not there."""
    columns = [np.repeat(column, 2) for column in case.rows]
    columns[2][1::2] &= 255 - BOTH_BITS
    columns[4][1::2] += 5
    assert up_to(simulated(case.with_rows(columns)), 1 << 62) == up_to(simulated(case), 1 << 62)
