"""The level books (window and far table) against a dict, after every row, on both sides of the wire."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore import records as r
from simcore import state as states
from simcore.config.load import load_config
from simcore.kernels import book as bk
from simcore.runner import run
from tests.property.strategies import SeedPick
from tests.support import MemoryTape, session_of

KINDS = (r.DEPTH,) * 12 + (r.SNAPSHOT,) * 4 + (r.BEST,) * 4 + (r.CLEAR,) * 2 + (r.L3_ADD, r.L3_REDUCE, r.L3_EXEC, r.TRADE, r.GAP)
CONFIG = load_config(None, ["strategy.name=demo_maker", "book.window_ticks=256", "node.tick_interval_ms=0.000002"])


class DictBook:
    """The rules of docs/semantics.md section 2, on dicts."""

    def __init__(self):
        self.sides = ({}, {})

    def apply(self, kind, side, price, qty):
        if kind == r.CLEAR:
            for of in (r.BID, r.ASK) if side is None else (side,):
                self.drop(of, lambda p, of=of: qty == 0 or (p >= price if of == r.BID else p <= price))
        elif kind == r.BEST:
            self.drop(side, lambda p: p > price if side == r.BID else p < price)
            self.set(side, price, qty)
        elif kind in (r.DEPTH, r.SNAPSHOT):
            self.set(side, price, qty)
        elif kind == r.L3_ADD:
            self.set(side, price, self.sides[side].get(price, 0) + qty)
        elif kind in (r.L3_REDUCE, r.L3_EXEC):
            self.set(side, price, max(self.sides[side].get(price, 0) - qty, 0))

    def set(self, side, price, qty):
        self.sides[side].pop(price, None)
        if qty:
            self.sides[side][price] = qty

    def drop(self, side, goes):
        for price in [p for p in self.sides[side] if goes(p)]:
            del self.sides[side][price]


def make_rows(seed, count, l3):
    """Return rows whose prices jump about: inside the window, at its edges, far outside, and where the market goes."""
    pick = SeedPick(seed)
    anchor, exch, local = 20_000, 100, 100
    columns = []
    for order_id in range(1, count + 1):
        if pick.whole(0, 39) == 0:
            anchor = max(anchor + pick.of((-5_000, -150, -64, 64, 150, 5_000)), 5_000)
        exch += pick.whole(0, 3)
        local = max(local, exch + pick.whole(0, 4))
        kind = pick.of(KINDS)
        if kind >= r.L3_ADD and not l3:
            kind = r.DEPTH
        side = pick.whole(0, 1)
        away = pick.of((0, 1, 2, 3, 5, 8, 60, 127, 128, 129, 200, 3_000))
        price = pick.of((560, 621_368, 1)) if pick.whole(0, 29) == 0 else anchor + (-away if side == r.BID else 1 + away)
        code = kind | r.ASK_BIT * side | (r.BOTH_BITS, r.BOTH_BITS, r.EXCH_BIT, r.LOCAL_BIT)[pick.whole(0, 3)]
        if kind == r.GAP or (kind == r.CLEAR and pick.whole(0, 2) == 0):
            code |= r.NO_SIDE_BIT
        columns.append((exch, local, code, price, pick.of((0, 0, 1, 3, 8)) if kind < r.TRADE or kind == r.CLEAR else pick.whole(1, 9), order_id))
    table = np.array(columns, np.int64)
    ids = table[:, 5] if l3 else np.zeros(0, np.int64)
    return r.Chunk(table[:, 0], table[:, 1], table[:, 2].astype(np.uint8), table[:, 3], table[:, 4], ids)


class Twin:
    """Follows one of the two books through a run, and compares."""

    def __init__(self, rows, bit):
        self.rows, self.bit, self.done, self.book = rows, bit, 0, DictBook()

    def check(self, engine_book, rows_done):
        for i in range(self.done, rows_done):
            code = int(self.rows.ev[i])
            if code & self.bit:
                side = None if code & r.NO_SIDE_BIT else code >> 4 & 1
                self.book.apply(code & r.KIND_MASK, side, int(self.rows.price_ticks[i]), int(self.rows.qty_lots[i]))
        self.done = max(self.done, rows_done)
        found = ({}, {})
        for side, price, lots in zip(*(part.tolist() for part in states.levels(engine_book)), strict=True):
            assert price not in found[side]
            found[side][price] = lots
        assert found == self.book.sides
        meta = engine_book.meta
        assert meta[bk.BEST_BID] == max(found[r.BID], default=bk.NO_BID)
        assert meta[bk.BEST_ASK] == min(found[r.ASK], default=bk.NO_ASK)
        assert meta[bk.FAR_USED] == np.count_nonzero(engine_book.far_key != bk.EMPTY_KEY)


@given(st.integers(0, 100_000), st.booleans(), st.sampled_from((1, 1, 5)))
@settings(max_examples=60)
def test_both_books_are_the_dict_books_after_every_row(seed, l3, chunk_rows):
    rows = make_rows(seed, 150, l3)
    session = session_of(MemoryTape(rows, level="l3" if l3 else "l2", chunk_rows=chunk_rows), [CONFIG])
    exch, local = Twin(rows, r.EXCH_BIT), Twin(rows, r.LOCAL_BIT)

    def check(session):
        exch.check(session.state.exch, session.exch_rows_done)
        local.check(session.state.local, session.rows_done)

    run(session, check)
    check(session)
    assert exch.done == local.done == 150


def test_the_far_table_grows_with_what_is_in_it():
    """Ten thousand levels outside the window are kept exactly, and leave again."""
    far = [(100 + i, 100 + i, r.DEPTH | r.BOTH_BITS, 30_000 + 3 * i, 1 + i % 7) for i in range(10_000)]
    gone = [(20_000 + i, 20_000 + i, r.DEPTH | r.BOTH_BITS, 30_000 + 3 * i, 0) for i in range(9_990)]
    near = [(99, 99, r.DEPTH | r.ASK_BIT | r.BOTH_BITS, 100_000, 5), (99, 99, r.DEPTH | r.BOTH_BITS, 20_000, 5)]
    for rows, left in ((near + far, 10_002), (near + far + gone, 12)):
        table = np.array(rows, np.int64)
        chunk = r.Chunk(table[:, 0], table[:, 1], table[:, 2].astype(np.uint8), table[:, 3], table[:, 4], np.zeros(0, np.int64))
        session = session_of(MemoryTape(chunk, chunk_rows=1_000), [CONFIG])
        run(session)
        for book, bit in ((session.state.exch, r.EXCH_BIT), (session.state.local, r.LOCAL_BIT)):
            twin = Twin(chunk, bit)
            twin.check(book, len(chunk.ev))
            assert sum(len(side) for side in twin.book.sides) == left
