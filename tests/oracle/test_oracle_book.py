"""Facts about the reference book, semantics section 2."""

from simcore import records as r
from tests.oracle.book import Book
from tests.oracle.cases import A, B, row
from tests.oracle.rows import event_code, rows_from_columns


def filled() -> Book:
    book = Book()
    for price, lots in ((100, 1), (99, 2), (98, 3)):
        book.apply(row(1, r.DEPTH, B, price, lots))
        book.apply(row(1, r.DEPTH, A, 202 - price, lots))
    return book


def test_depth_and_snapshot_set_a_level_and_zero_removes_it():
    book = filled()
    assert book.apply(row(1, r.SNAPSHOT, B, 99, 7)) == [(B, 99, 2, 7)]
    assert book.apply(row(1, r.DEPTH, B, 100, 0)) == [(B, 100, 1, 0)]
    assert book.top() == (99, 102)


def test_best_removes_better_levels_of_its_side_only():
    book = filled()
    assert book.apply(row(1, r.BEST, B, 98, 9)) == [(B, 100, 1, 0), (B, 99, 2, 0), (B, 98, 3, 9)]
    assert book.levels == ({98: 9}, {102: 1, 103: 2, 104: 3})
    book.apply(row(1, r.BEST, A, 103, 5))
    assert book.levels[A] == {103: 5, 104: 3}


def test_a_best_row_may_leave_the_book_crossed():
    book = filled()
    book.apply(row(1, r.BEST, B, 110, 1))
    assert book.top() == (110, 102)


def test_clear_goes_from_the_best_to_price_inclusive_or_takes_all():
    book = filled()
    book.apply(row(1, r.CLEAR, B, 99, 1))
    assert book.levels[B] == {98: 3}
    book.apply(row(1, r.CLEAR, A, 0, 0))
    assert book.levels == ({98: 3}, {})
    book = filled()
    book.apply(row(1, r.CLEAR, None, 0, 0))
    assert book.levels == ({}, {})
    assert book.top() == (0, 0)


def test_market_by_order_rows_add_and_subtract_and_stop_at_zero():
    book = Book()
    book.apply(row(1, r.L3_ADD, B, 100, 5, 1))
    book.apply(row(1, r.L3_ADD, B, 100, 2, 2))
    book.apply(row(1, r.L3_REDUCE, B, 100, 1, 2))
    assert book.lots(B, 100) == 6
    book.apply(row(1, r.L3_EXEC, B, 100, 9, 1))
    assert book.best(B) is None


def test_prints_gaps_funding_and_own_rows_change_nothing():
    book = filled()
    before = ({**book.levels[B]}, {**book.levels[A]})
    for kind in (r.TRADE, r.GAP, r.FUNDING, r.OWN_ORDER, r.OWN_FILL, r.OWN_CANCEL):
        assert book.apply(row(1, kind, B, 100, 1)) == []
    assert book.levels == before


def test_far_prices_are_levels_like_others():
    book = filled()
    book.apply(row(1, r.DEPTH, B, 560, 1))
    book.apply(row(1, r.DEPTH, A, 621_368, 1))
    assert book.top() == (560, 102)
    assert book.lots(A, 621_368) == 1


def test_columns_and_rows_are_the_same_thing():
    rows = [row(1, r.TRADE, None, 5, 6), row(2, r.DEPTH, A, 7, 8, 9)._replace(at_node=False)]
    columns = zip(*[(x.exch_ts, x.local_ts, event_code(x), x.price, x.qty) for x in rows], strict=True)
    assert rows_from_columns(*columns, [x.order_id for x in rows]) == rows
