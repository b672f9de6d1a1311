"""The ES market-by-order capture: both books of a run equal the feed's aggregated book at the end of every event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from simcore import engine
from simcore import state as states
from simcore.config.load import load_config
from simcore.journal.store import JournalStore
from simcore.kernels import book as bk
from simcore.kernels import state as st
from simcore.link import link
from simcore.records import Chunk
from simcore.runner import Feed, Session, _enter_chunks, _make_room, _move_books
from tests.support import MemoryTape
from tests.truth.captures import converted, cut, es_events, es_lines, has_captures, rows_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(not has_captures(), reason="no order captures (MMSIM_REAL_DATA)")]

WIDE = 65_536  # ticks: every price of the capture is inside the window
HIGHEST = 24_576  # ticks: above every price of the capture
NARROW = 256  # ticks: most levels are outside, and the window moves


def session_of(rows: Chunk, instrument: Any, stops: list[int], window_ticks: int) -> Session:
    """Return a session without strategy whose chunks end where `stops` say."""
    config = load_config(None, ["strategy.name=demo_maker", f"book.window_ticks={window_ticks}", "node.tick_interval_ms=86400000"])
    linked = link(config.strategy.name)
    session = engine.new_session(MemoryTape(rows, instrument, "l3"), [config], linked, JournalStore(None))
    session.state.lanes["tick_ns"] = st.NEVER // 8
    session.state.keys[:] = session.state.blocks[:] = st.NEVER
    session.feed = Feed(cut(rows, a, b) for a, b in zip([0, *stops[:-1]], stops, strict=True))
    return session


def books_at_chunk_ends(session: Session) -> Iterator[tuple[str, int, states.Book]]:
    """Run a session; yield ("exch" or "local", chunk number, book) whenever one side has finished a chunk."""
    _enter_chunks(session)
    number = {"exch": 0, "local": 0}
    while True:
        state = session.state
        reason = session.linked.run(states.handle(state, session.out, session.feed.exch[1], session.feed.local[1]))
        if reason == st.MOVE_BOOK:
            session.state = _move_books(state)
        elif reason == st.ROOM:
            _make_room(session)
        else:
            side = "exch" if reason == st.NEED_EXCH else "local"
            if reason == st.DONE:
                yield "exch", number["exch"], state.exch
            yield side, number[side], getattr(state, side)
            number[side] += 1
            if reason == st.DONE:
                return
            if side == "exch":
                session.feed.next_exch()
                state.clock[st.EXCH_ROW] = 0
            else:
                session.feed.next_local()
                state.clock[st.LOCAL_ROW] = 0
            _enter_chunks(session)


class Truth:
    """The feed's aggregated book: lots : int64 [2, prices], by side and price in ticks."""

    def __init__(self) -> None:
        self.lots = np.zeros((2, HIGHEST), np.int64)

    def best(self) -> tuple[int, int]:
        """Return best bid and ask."""
        bids, asks = np.flatnonzero(self.lots[0]), np.flatnonzero(self.lots[1])
        return int(bids[-1]) if len(bids) else bk.NO_BID, int(asks[0]) if len(asks) else bk.NO_ASK


def in_window(book: states.Book) -> Any:
    """Return the lots of a book whose window holds all prices from 0 to HIGHEST."""
    base = int(book.meta[bk.BASE])
    assert book.meta[bk.FAR_USED] == 0
    assert base <= 0
    return book.lots[:, -base : HIGHEST - base]


def everywhere(book: states.Book) -> Any:
    """Return the lots of any book, window and far levels."""
    held = np.zeros((2, HIGHEST), np.int64)
    sides, prices, lots = states.levels(book)
    held[sides, prices] = lots
    return held


def compare(window_ticks: int, every: int, read: Callable[[states.Book], Any]) -> tuple[int, int]:
    """Compare both whole books and their best prices with the truth at every `every`-th event end.

    Returns (event ends in the file, whole books compared).
    """
    made, lines, events = converted("es"), es_lines(), es_events()
    merged: dict[int, list[tuple[int, int, int]]] = {}  # tape rows done -> levels changed since the stop before
    pending: list[tuple[int, int, int]] = []
    for number, (line, changes) in enumerate(events):
        pending += changes
        rows = rows_until(lines, line)
        if rows and (number % every == 0 or rows == len(made.rows.ev)):
            merged.setdefault(rows, []).extend(pending)
            pending = []
    stops = sorted(merged)
    assert stops[-1] == len(made.rows.ev)
    session = session_of(made.rows, made.instrument, stops, window_ticks)
    truths = {"exch": Truth(), "local": Truth()}
    compared = 0
    for side, number, book in books_at_chunk_ends(session):
        truth = truths[side]
        for level_side, price, lots in merged[stops[number]]:
            truth.lots[level_side, price] = lots
        assert (int(book.meta[bk.BEST_BID]), int(book.meta[bk.BEST_ASK])) == truth.best(), (side, number)
        assert np.array_equal(read(book), truth.lots), (side, number)
        compared += 1
    assert compared == 2 * len(stops)
    return len(events), compared


@pytest.mark.slow
def test_both_books_equal_the_feeds_book_at_every_event_end() -> None:
    """36,796 event ends, whole books of Venue and Node, no tolerance."""
    assert compare(WIDE, 1, in_window) == (36_796, 73_592)


def test_both_books_equal_the_feeds_book_at_every_fifth_event_end() -> None:
    """The same in a fifth of the time."""
    assert compare(WIDE, 5, in_window) == (36_796, 14_720)


def test_a_narrow_window_holds_the_same_book() -> None:
    """The same with most levels in the far table and a window that moves."""
    assert compare(NARROW, 7, everywhere) == (36_796, 10_516)
