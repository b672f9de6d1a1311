"""The loop around the entry kernel: feed it chunks, empty its journal, make room, until the tape ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from simcore import state as states
from simcore.errors import EngineError
from simcore.journal.store import STREAMS, JournalStore
from simcore.kernels import book as bk
from simcore.kernels import state as st
from simcore.link import Linked
from simcore.records import Chunk
from simcore.state import Output, State

_STREAM_ARRAYS = tuple((stream, f"out_{stream}") for stream in STREAMS)


class Feed:
    """Chunks in tape order, from the earlier of the two that Node and Venue read to the later, plus one of look-ahead.

    A feed may begin at any chunk: `first_row` is the tape row of the iterator's first one.
    """

    def __init__(self, chunks: Iterator[Chunk], first_row: int = 0) -> None:
        self._chunks = chunks
        self._held: deque[tuple[int, Chunk]] = deque()
        self._next_row = first_row
        self._ahead: Chunk | None = next(chunks, None)
        self._exch = 0
        self._local = 0
        self._hold_next()

    @property
    def exch(self) -> tuple[int, Chunk]:
        """First row and chunk at the Venue."""
        return self._held[self._exch]

    @property
    def local(self) -> tuple[int, Chunk]:
        """First row and chunk at the Node."""
        return self._held[self._local]

    @property
    def exch_is_last(self) -> bool:
        """Whether no chunk follows the Venue's."""
        return self._ahead is None and self._exch == len(self._held) - 1

    @property
    def local_is_last(self) -> bool:
        """Whether no chunk follows the Node's."""
        return self._ahead is None and self._local == len(self._held) - 1

    def next_exch(self) -> None:
        """Move the Venue to the next chunk."""
        self._exch += 1
        if self._exch == len(self._held):
            self._hold_next()
        self._drop_passed()

    def next_local(self) -> None:
        """Move the Node to the next chunk."""
        self._local += 1
        if self._local == len(self._held):
            self._hold_next()
        self._drop_passed()

    def _hold_next(self) -> None:
        assert self._ahead is not None, "a tape holds rows (TAPE-006), and its last chunk is never left"
        self._held.append((self._next_row, self._ahead))
        self._next_row += len(self._ahead.ev)
        self._ahead = next(self._chunks, None)

    def _drop_passed(self) -> None:
        while self._exch > 0 and self._local > 0:
            self._held.popleft()
            self._exch -= 1
            self._local -= 1


@dataclass
class Session:
    """A run in progress: its state, buffers, feed and journal."""

    linked: Linked
    state: State
    out: Output
    feed: Feed
    journal: JournalStore

    @property
    def rows_done(self) -> int:
        """Tape rows that the Node has left behind."""
        return self.feed.local[0] + int(self.state.clock[st.LOCAL_ROW])

    @property
    def exch_rows_done(self) -> int:
        """Tape rows that the Venue has left behind."""
        return self.feed.exch[0] + int(self.state.clock[st.EXCH_ROW])

    @property
    def rows_played(self) -> int:
        """Tape rows that the Node or the Venue has left behind; at a run's end, those up to its end."""
        return max(self.rows_done, self.exch_rows_done)


def run(session: Session, after_chunk: Callable[[Session], None] | None = None) -> None:
    """Run a session to the end of its tape; `after_chunk` is called whenever the Node takes a new chunk.

    Raises EngineError when the kernels halt.
    """
    _enter_chunks(session)
    handle = None
    while True:
        if handle is None:
            handle = states.handle(session.state, session.out, session.feed.exch[1], session.feed.local[1])
        reason = session.linked.run(handle)
        if reason == st.DONE:
            empty_buffers(session)
            return
        if reason == st.NEED_EXCH:
            session.feed.next_exch()
            session.state.clock[st.EXCH_ROW] = 0
            states.show_rows(handle, "exch_rows", session.feed.exch[1])
            _enter_chunks(session)
        elif reason == st.NEED_LOCAL:
            session.feed.next_local()
            session.state.clock[st.LOCAL_ROW] = 0
            states.show_rows(handle, "local_rows", session.feed.local[1])
            _enter_chunks(session)
            if after_chunk is not None:
                held = session.state
                after_chunk(session)
                if session.state is not held:
                    handle = None
        elif reason == st.MOVE_BOOK:
            session.state, handle = _move_books(session.state), None
        elif reason == st.ROOM:
            _make_room(session, empty_buffers(session))
            handle = None
        else:
            empty_buffers(session)
            _fail(session)


def _enter_chunks(session: Session) -> None:
    session.state.clock[st.EXCH_LAST] = session.feed.exch_is_last
    session.state.clock[st.LOCAL_LAST] = session.feed.local_is_last


def empty_buffers(session: Session) -> bool:
    """Hand the journal what the kernels wrote; return whether there was anything.

    The loop does so when the buffers are full and at the end; who saves the state in between must do it before.
    """
    counts = session.out.counts
    if not counts.any():
        return False
    for i, (stream, array) in enumerate(_STREAM_ARRAYS):
        session.journal.add(stream, getattr(session.out, array)[: counts[i]])
    counts[:] = 0
    return True


def _move_books(state: State) -> State:
    moves = {
        name: states.move_book(getattr(state, name))
        for name in ("exch", "local")
        if getattr(state, name).meta[bk.MOVE_WANTED]
    }
    moved = replace(state, **moves)
    if "exch" in moves:
        states.relink(moved)
    return moved


def _make_room(session: Session, emptied: bool) -> None:
    """Grow tables until the next event fits; all grow when it did not fit although none was tight."""
    needed = 2 * session.state.node_orders.shape[1]
    before = states.sizes(session.state)
    session.state = states.make_room(session.state, needed)
    if states.sizes(session.state) == before and not emptied:
        session.state = states.make_room(session.state, 4 * max(before))
        session.out = states.new_output(session.state, 2 * len(session.out.out_fills))


def _fail(session: Session) -> None:
    clock = session.state.clock
    at_ts = int(clock[st.HALT_TS] + clock[st.ORIGIN])
    when = np.datetime64(at_ts, "ns")
    raise EngineError("ENG-003", f"at {when} UTC, lane {int(clock[st.HALT_LANE])}: a fill or the turnover is too large")
