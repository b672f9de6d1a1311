"""The loop around the entry kernel: feed it chunks, empty its journal, make room, until the tape ends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from simcore import growth, memory
from simcore import state as states
from simcore.errors import EngineError
from simcore.journal.store import STREAMS, JournalStore
from simcore.kernels import book as bk
from simcore.kernels import state as st
from simcore.link import Linked
from simcore.pace import Pace
from simcore.python_strategy import Players
from simcore.records import CONTROL, REPORT, Chunk, Record
from simcore.state import Output, State

BEFORE_TICKS, AFTER_TICKS = 5, 7  # classes of a key to pause at: of the ticks of a time, and after them
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
    symbol: str = ""
    python: Players | None = None
    pace: Pace = field(default_factory=Pace)
    _handle: tuple[State, Output, Any] | None = None
    _shown: tuple[Chunk, Chunk] | None = None

    def handle(self) -> Any:
        """Return what the entry kernel takes, made anew only if arrays were replaced since the last call."""
        rows = (self.feed.exch[1], self.feed.local[1])
        if self._handle is None or self._handle[0] is not self.state or self._handle[1] is not self.out:
            self._handle = (self.state, self.out, states.handle(self.state, self.out, *rows))
        elif self._shown is None or self._shown[0] is not rows[0] or self._shown[1] is not rows[1]:
            states.show_rows(self._handle[2], "exch_rows", rows[0])
            states.show_rows(self._handle[2], "local_rows", rows[1])
        self._shown = rows
        return self._handle[2]

    @property
    def now_ts(self) -> int:
        """Time of the event that comes next, or whose handling failed, ns since 1970; at most the run's end."""
        next_ns = int(self.state.blocks.min()) >> 3
        return min(next_ns + int(self.state.clock[st.ORIGIN]), int(self.state.clock[st.END_TS]))

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


def run(session: Session, meanwhile: Callable[[Session], None] | None = None) -> None:
    """Run a session to the end of its tape; `meanwhile` is called whenever the Node takes a new chunk, and every moment.

    Raises EngineError when the kernels halt, or memory runs out.
    """
    ended = run_until(session, st.NEVER, meanwhile)
    assert ended, "nothing pauses a run without a key"


def run_until(session: Session, key: int, meanwhile: Callable[[Session], None] | None = None) -> bool:
    """Run a session until all events before `key` are done; return whether the tape has ended.

    key  ns since ORIGIN * 8 + class of the event (docs/semantics.md section 1): time * 8 + BEFORE_TICKS is before the ticks
         of that time, time * 8 + AFTER_TICKS after them. Venue and Node have then seen the rows up to that time.
    """
    with memory.spared():
        if session.python is None:
            return _advance(session, key, meanwhile)
        return session.python.run_until(session, key, lambda pause: _advance(session, pause, meanwhile))


def _advance(session: Session, key: int, meanwhile: Callable[[Session], None] | None) -> bool:
    session.state.clock[st.PAUSE_KEY] = key
    _enter_chunks(session)
    while True:
        session.pace.begin(session.state)
        reason = session.linked.run(session.handle())
        if reason == st.DONE:
            empty_buffers(session)
            return True
        if reason == st.PAUSED:
            return False
        if reason == st.NEED_EXCH:
            session.feed.next_exch()
            session.state.clock[st.EXCH_ROW] = 0
            _enter_chunks(session)
        elif reason == st.NEED_LOCAL:
            session.feed.next_local()
            session.state.clock[st.LOCAL_ROW] = 0
            session.state = growth.fit_books(session.state)
            _enter_chunks(session)
            if meanwhile is not None:
                meanwhile(session)
        elif reason == st.YIELDED:
            session.pace.learn()
            if meanwhile is not None:
                meanwhile(session)
        elif reason == st.MOVE_BOOK:
            session.state = _move_books(session.state)
        elif reason == st.ROOM:
            _make_room(session)
        else:
            empty_buffers(session)
            _fail(session)


def send_control(
    session: Session, lane: int, ts_ns: int, weight: float, max_quotes: int, budget_lots: int, blocked: bool
) -> None:
    """Put what the allocator decides on the wire to a paused session's Node; it arrives 1 ns after ts_ns (since ORIGIN).

    weight scales the size; max_quotes: levels a side; budget_lots: largest position, -1 is no limit; blocked: no quotes.
    """
    state = session.state
    if int(state.lanes["report_count"][lane]) * 2 > state.reports.shape[1]:
        session.state, session.out = growth.make_room(state, session.out)
        state = session.state
    head, count = int(state.lanes["report_head"][lane]), int(state.lanes["report_count"][lane])
    ring, size = state.reports, state.reports.shape[1]
    arrive = ts_ns + 1
    place = count
    while place > 0 and int(ring["ts"][lane, (head + place - 1) % size]) > arrive:  # it does not wait for the exchange's
        ring[lane, (head + place) % size] = ring[lane, (head + place - 1) % size]
        place -= 1
    place = (head + place) % size
    for name in REPORT.names or ():
        ring[name][lane, place] = 0
    told = {
        "ts": arrive, "exch_ts": ts_ns + int(state.clock[st.ORIGIN]), "lane": lane, "kind": CONTROL,
        "seq": int(state.lanes["report_seq"][lane]), "price_ticks": round(weight * 1_000_000), "qty_lots": budget_lots,
        "leaves_lots": max_quotes, "state": int(blocked),
    }  # fmt: skip
    for name, value in told.items():
        ring[name][lane, place] = value
    state.lanes["report_seq"][lane] += 1
    state.lanes["report_count"][lane] = count + 1
    state.keys[lane] = min(int(state.keys[lane]), arrive * 8 + st.CLASS_REPORT)
    states.settle(state)


def run_told(session: Session, reports: Record, meanwhile: Callable[[Session], None] | None = None) -> None:
    """Run a session up to the last CONTROL row of a journal's reports, and tell its Node again what they say."""
    for row in reports[reports["kind"] == CONTROL]:
        ts_ns = int(row["exch_ts"] - session.state.clock[st.ORIGIN])
        run_until(session, ts_ns * 8 + AFTER_TICKS, meanwhile)
        send_control(
            session, int(row["lane"]), ts_ns, int(row["price_ticks"]) / 1_000_000, int(row["leaves_lots"]),
            int(row["qty_lots"]), bool(row["state"]),
        )  # fmt: skip


def show_linked(
    session: Session, lane: int, present: bool, bid_ticks: int, ask_ticks: int, bid_lots: int, ask_lots: int, position_lots: int
) -> None:
    """Show a paused session's Node the linked instrument as it is, in that instrument's ticks and lots.

    floats[F_LINK_TICK] and [F_LINK_LOT] of the lane convert them; the book is the same for all lanes.
    """
    clock = session.state.clock
    clock[st.LINKED_PRESENT] = present
    clock[st.LINKED_BID], clock[st.LINKED_ASK] = bid_ticks, ask_ticks
    clock[st.LINKED_BID_LOTS], clock[st.LINKED_ASK_LOTS] = bid_lots, ask_lots
    session.state.lanes["linked_position_lots"][lane] = position_lots


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
    if session.python is not None:
        session.python.note(session, is_emptying=True)
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
        growth.relink(moved)
        growth.retake(moved)
    if "local" in moves:
        growth.refollow(moved)
    return moved


def _make_room(session: Session) -> None:
    """Empty the journal buffers, and let the tables grow that are too short for the next event."""
    emptied = empty_buffers(session)
    was_tight = bool(session.state.clock[st.TIGHT])
    state, out = growth.make_room(session.state, session.out)
    if not emptied and not was_tight and state is session.state and out is session.out:
        raise EngineError("ENG-009", f"it asks for room where there is room: {growth.sizes(state)}")
    session.state, session.out = state, out


def _fail(session: Session) -> None:
    clock = session.state.clock
    at_ts = int(clock[st.HALT_TS] + clock[st.ORIGIN])
    when = np.datetime64(at_ts, "ns")
    raise EngineError("ENG-003", f"at {when} UTC, lane {int(clock[st.HALT_LANE])}: a fill or the turnover is too large")
