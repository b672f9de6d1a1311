"""Tables against their limits: far levels that come and go, tables that grow, an engine that returns at any moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as hyp

from simcore import engine, growth, memory, runner
from simcore import pace as pacing
from simcore import records as r
from simcore import state as states
from simcore.config.load import load_config
from simcore.errors import EngineError
from simcore.jit import entry
from simcore.journal.store import STREAMS, JournalStore
from simcore.kernels import at
from simcore.kernels import book as bk
from simcore.kernels import state as st
from simcore.link import link
from simcore.params import queue_file
from simcore.runner import Feed, Session, empty_buffers, run
from tests.property.runs import cases, outputs, simulated
from tests.support import MemoryTape, session_of
from tests.support import rows as chunk_of

WINDOW = 256
SET, CLEAR, DROP, CROSSED, MOVE, FIT = range(6)
CONFIG = load_config(None, ["strategy.name=demo_maker", f"book.window_ticks={WINDOW}", "node.tick_interval_ms=50"])


# --- far levels --------------------------------------------------------------------------------------------


@entry
def _apply(handle: Any, what: Any) -> int:
    """Do operations (op, side, price, lots) on the Venue's book; return how many, before the first that has no room."""
    book = at.inside(handle).exch
    for i in range(what.shape[0]):
        op, side, price, lots = what[i]
        if not bk.has_room(book):
            return i
        if op == SET:
            bk.set_level(book, side, price, lots)
        elif op == CLEAR:
            bk.clear_side(book, side, price)
        elif op == DROP:
            bk.drop_better(book, side, price)
    return what.shape[0]


class FarBook:
    """The book of a state, and the same as two dicts."""

    def __init__(self) -> None:
        lane = np.zeros((1, 1))
        ints = np.zeros((1, st.INTS_SIZE), np.int64)
        self.state = states.new_state(1, 8, WINDOW, 20_000 - WINDOW // 2, ints, np.zeros((1, st.FLOATS_SIZE)), lane, lane.copy(), [])
        self.out = states.new_output(self.state)
        self.rows = chunk_of((1, 1, r.DEPTH, 1, 1))
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def do(self, op: int, side: int, price: int, lots: int) -> None:
        """Do one operation, with room made where the kernels ask for it."""
        if op == MOVE:
            self.state = replace(self.state, exch=states.move_book(self.state.exch))
        elif op == FIT:
            self.state = growth.fit_books(self.state)
        else:
            what = np.array([(op, side, price, lots)], np.int64)
            while _apply(states.handle(self.state, self.out, self.rows, self.rows), what) == 0:
                before = growth.sizes(self.state)
                self.state, self.out = growth.make_room(self.state, self.out)
                after = growth.sizes(self.state)
                assert {name for name in after if after[name] != before[name]} == {"exch"}
            self._note(op, side, price, lots)

    def _note(self, op: int, side: int, price: int, lots: int) -> None:
        levels = self.sides[side]
        if op == SET:
            levels.pop(price, None)
            if lots:
                levels[price] = lots
            return
        better = (lambda p: p > price) if side == r.BID else (lambda p: p < price)
        for level in [p for p in levels if better(p) or (op == CLEAR and p == price)]:
            del levels[level]

    def check(self) -> None:
        book = self.state.exch
        found: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for side, price, lots in zip(*(part.tolist() for part in states.levels(book)), strict=True):
            assert price not in found[side]
            found[side][price] = lots
        assert found == self.sides
        assert book.meta[bk.BEST_BID] == max(found[r.BID], default=bk.NO_BID)
        assert book.meta[bk.BEST_ASK] == min(found[r.ASK], default=bk.NO_ASK)
        far = np.flatnonzero(book.far_key != bk.EMPTY_KEY)
        assert book.meta[bk.FAR_USED] == len(far) <= len(book.far_key) // 2
        homes = states.far_homes(book.far_key[far], len(book.far_key))
        for slot, home in zip(far.tolist(), homes.tolist(), strict=True):  # no free place on the way to any level
            way = np.arange(home, home + (slot - home) % len(book.far_key)) % len(book.far_key)
            assert (book.far_key[way] != bk.EMPTY_KEY).all()


NEAR = hyp.integers(19_800, 20_200)
FAR = hyp.one_of(hyp.integers(100, 180), hyp.integers(39_000, 39_400), hyp.integers(1, 40).map(lambda k: k << 32), hyp.sampled_from((1, 1 << 55)))
STEP = hyp.tuples(
    hyp.sampled_from((SET,) * 12 + (CLEAR, DROP, MOVE, FIT)), hyp.integers(0, 1), hyp.one_of(NEAR, FAR, FAR), hyp.sampled_from((0, 0, 1, 7))
)


@given(hyp.lists(STEP, max_size=120), hyp.sampled_from((8, 64)))
@settings(max_examples=150)
def test_far_levels_come_and_go_as_in_a_dict(steps, least):
    book = FarBook()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "FAR_SIZE", least)
        book.state = growth.fit_books(book.state)
        assert len(book.state.exch.far_key) == least
        for step in steps:
            book.do(*step)
            book.check()


def test_the_far_table_is_as_large_as_what_is_in_it():
    """Ten thousand levels come and go: the table grows with them and is given back; a hundred thousand fresh ones pass through."""
    book = FarBook()
    prices = range(40_000, 50_000)
    for price in prices:
        book.do(SET, r.ASK, price, 3)
    assert len(book.state.exch.far_key) == 32_768
    for price in prices[5:]:
        book.do(SET, r.ASK, price, 0)
    book.do(FIT, 0, 0, 0)
    assert len(book.state.exch.far_key) == states.FAR_SIZE
    book.check()
    for price in range(60_000, 80_000):
        book.do(SET, r.ASK, price, 1)
        book.do(SET, r.ASK, price, 0)
    book.do(CLEAR, r.ASK, bk.NO_ASK, 0)
    book.check()
    assert len(book.state.exch.far_key) == states.FAR_SIZE
    assert int(book.state.exch.meta[bk.FAR_USED]) == 0


# --- a tape of far levels (every price once, set and removed) ----------------------------------------------


def far_tape(bursts: int, chunk_rows: int = 5_000) -> MemoryTape:
    """Return a market with a hundred fresh far levels every 100 ms, each removed by the next row."""
    mid, start = 200_000, 1_700_000_000_000_000_000
    table = [(0, kind, side, mid - 1 - k if side == r.BID else mid + k, 100) for k in range(50) for side in (0, 1) for kind in (r.SNAPSHOT,)]
    for number in range(100 * bursts):
        when, price = (1 + number // 100) * 100_000_000, mid + 40_000 + number
        table += [(when, r.DEPTH, r.ASK, price, 5), (when, r.DEPTH, r.ASK, price, 0)]
    when, kind, side, price, lots = np.array(table, np.int64).T
    ev = (kind | r.ASK_BIT * side | r.BOTH_BITS).astype(np.uint8)
    return MemoryTape(r.Chunk(start + when, start + when + 1_000_000, ev, price, lots, np.zeros(0, np.int64)), chunk_rows=chunk_rows)


@pytest.mark.parametrize("lanes", [1, 7])
def test_far_levels_that_are_gone_take_no_room(lanes):
    """120 bursts once ended in 242 million entries of each table. Ten times the tape takes no more than once."""
    tape = far_tape(120)
    sizes = []
    for repeat in (1, 10):
        configs = [load_config(None, ["strategy.name=demo_maker", f"run.repeat={repeat}", f"run.seed={lane}"]) for lane in range(lanes)]
        outcome = engine.simulate(tape, configs, journal=False)
        assert outcome.rows == repeat * (24_100)
        sizes.append(growth.sizes(outcome.state))
        messages = 8 * outcome.state.node_orders.shape[1]
    assert sizes[0] == sizes[1]
    assert sizes[0] == {
        "exch": states.FAR_SIZE, "local": states.FAR_SIZE, "requests": messages, "reports": messages, "taken": 256,
        "fill_ring": 4096, "l3": 4096,
    }  # fmt: skip


# --- tables that begin with nothing, and grow while a run goes ----------------------------------------------


def with_short_tables(session: Session) -> Session:
    """Give a session tables that hold next to nothing; what a row may cause without a check still fits."""
    state = session.state
    lanes, slots = state.node_orders.shape
    free = states.records(st.L3_ORDER, 2)
    free["order_id"] = growth.l3k.FREE_ID
    session.state = replace(
        state, taken=states.records(st.TAKEN, 1), fill_ring=states.records(st.PENDING_FILL, 1), l3=free,
        requests=states.records(st.WIRE_REQUEST, (lanes, 1)), reports=states.records(r.REPORT, (lanes, 8 * slots)),
    )  # fmt: skip
    session.out = replace(session.out, out_fills=states.records(r.FILL, 4 * lanes * slots))
    return session


@given(cases(max_rows=250), hyp.sampled_from((1, 2)))
@settings(max_examples=40)
def test_short_tables_grow_and_change_nothing(case, lanes):
    config = case.config()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(states, "FAR_SIZE", 8)
        session = with_short_tables(session_of(case.tape(), [config] * lanes))
        run(session)
    assert outputs(session) == outputs(engine.simulate(case.tape(), [config] * lanes))
    size = growth.sizes(session.state)
    slots = session.state.node_orders.shape[1]
    if session.state.lanes["ticks"].any():
        assert 2 * slots <= size["requests"] < 8 * slots
    most = {"taken": 64, "fill_ring": 512, "l3": 1024, "exch": 32, "local": 32, "requests": 8 * slots, "reports": 32 * slots}
    assert {name: entries for name, entries in size.items() if entries > most[name]} == {}


def test_only_the_table_that_is_short_grows_by_what_it_needs():
    session = session_of(far_tape(1), [CONFIG, CONFIG])
    before = growth.sizes(session.state)
    wishes = {
        "fill_ring": (st.WANTED_FILLS, 5000, 8192), "taken": (st.WANTED_LEVELS, 257, 512), "reports": (st.WANTED_REPORTS, 5000, 5000),
    }  # fmt: skip
    for name, (slot, wanted, entries) in wishes.items():
        session.state.clock[slot] = wanted
        state, out = growth.make_room(session.state, session.out)
        assert {key: value for key, value in growth.sizes(state).items() if value != before[key]} == {name: entries}
        assert len(out.out_fills) == len(session.out.out_fills)
        assert state.clock[slot] == 0
    session.state.clock[st.WANTED_FILLS] = 9000
    state, out = growth.make_room(session.state, session.out)
    assert len(out.out_fills) == 2 * len(session.out.out_fills) == 16_384
    assert len(out.out_reports) == len(session.out.out_reports)


def test_an_engine_that_asks_for_room_that_is_there_is_a_fault_of_ours():
    session = session_of(far_tape(1), [CONFIG])
    with pytest.raises(EngineError) as caught:
        runner._make_room(session)
    assert caught.value.code == "ENG-009"


# --- limits ------------------------------------------------------------------------------------------------


def _hold_levels(session, count):
    keys = 2 * np.arange(400_000, 400_000 + count, dtype=np.int64)
    held = states._with_far(session.state.exch, keys, keys)
    held = replace(held, far_key=held.far_key[: 2 * count], far_lots=held.far_lots[: 2 * count])
    session.state = replace(session.state, exch=held)


def _hold_orders(session, count):
    session.state.clock[st.IS_L3] = 1
    session.state.clock[st.L3_COUNT] = count


LIMITS = {
    "far levels of the Venue's book": lambda s: _hold_levels(s, 1 << 14),
    "requests on the wire of a lane": lambda s: s.state.lanes["request_count"].fill(s.state.requests.shape[1]),
    "reports on the wire of a lane": lambda s: s.state.clock.__setitem__(st.WANTED_REPORTS, 100_000),
    "levels that lanes have taken from": lambda s: s.state.clock.__setitem__(st.WANTED_LEVELS, 300_000),
    "fills that wait for their markouts": lambda s: s.state.clock.__setitem__(st.WANTED_FILLS, 300_000),
    "market orders of the tape": lambda s: _hold_orders(s, 1 << 17),
}


@pytest.mark.parametrize("table", LIMITS)
def test_a_table_that_would_grow_beyond_its_limit_is_an_error_that_names_it(table, monkeypatch):
    session = session_of(far_tape(1), [CONFIG])
    LIMITS[table](session)
    held = states.held_bytes(session.state, session.out)
    monkeypatch.setattr(memory, "limit_bytes", lambda: held + 50_000)
    with pytest.raises(EngineError, match=table) as caught:
        growth.make_room(session.state, session.out)
    assert caught.value.code == "ENG-006"
    assert "entries" in caught.value.cause
    assert "limit" in caught.value.cause


def test_memory_that_the_system_refuses_is_an_error_that_names_the_table(monkeypatch):
    def refuse(*what):
        raise MemoryError("no")

    session = session_of(far_tape(1), [CONFIG])
    session.state.clock[st.WANTED_LEVELS] = 1000
    monkeypatch.setattr(growth, "records", refuse)
    with pytest.raises(EngineError, match="levels that lanes have taken from") as caught:
        growth.make_room(session.state, session.out)
    assert caught.value.code == "ENG-006"


def test_a_run_whose_levels_never_go_ends_with_the_table_and_its_limit(monkeypatch):
    """Each row a fresh far level: what is there is kept exactly, up to the limit, and no further."""
    count = 60_000
    when = np.arange(count, dtype=np.int64) + 10**9
    ev = np.full(count, r.DEPTH | r.ASK_BIT | r.BOTH_BITS, np.uint8)
    tape = MemoryTape(r.Chunk(when, when, ev, 10**6 + np.arange(count), np.ones(count, np.int64), np.zeros(0, np.int64)))
    session = session_of(tape, [CONFIG])
    monkeypatch.setattr(memory, "limit_bytes", lambda: states.held_bytes(session.state, session.out) + 1_000_000)
    with pytest.raises(EngineError, match="far levels of the") as caught:
        run(session)
    assert caught.value.code == "ENG-006"
    assert "65,536 entries, 1 MB" in caught.value.cause


def test_a_journal_in_memory_has_a_limit(monkeypatch):
    monkeypatch.setattr(memory, "limit_bytes", lambda: 1000)
    store = JournalStore(None)
    store.add("samples", np.zeros(1, r.SAMPLE))
    with pytest.raises(EngineError, match="journal in memory: samples") as caught:
        store.add("samples", np.zeros(1000, r.SAMPLE))
    assert caught.value.code == "ENG-006"


# --- the engine returns every moment -----------------------------------------------------------------------


@given(cases(max_rows=200), hyp.sampled_from((1, 3, 70)), hyp.sampled_from((1, 7, 1 << 18)))
@settings(max_examples=40)
def test_where_the_engine_returns_changes_nothing(case, units, chunk_rows):
    moments = 0

    def count(session):
        nonlocal moments
        moments += 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner.Pace, "FIRST", units)
        patch.setattr(runner.Pace, "MOST", units)
        session = session_of(case.tape(chunk_rows), [case.config()])
        run(session, count)
    assert outputs(session) == outputs(simulated(case))
    if units == 1:
        assert moments >= int(session.state.lanes["ticks"][0])


class Stop(Exception):
    """Ends a run in a test."""


@given(cases(max_rows=200), hyp.integers(1, 300))
@settings(max_examples=40)
def test_a_run_goes_on_from_any_moment(case, moment):
    """A checkpoint in the middle of a chunk is as good as one between chunks."""
    config, chunk_rows = case.config(), 50
    seen = 0

    def stop(session):
        nonlocal seen
        seen += 1
        if seen == moment:
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner.Pace, "MOST", 1)
        patch.setattr(runner.Pace, "FIRST", 1)
        session = session_of(case.tape(chunk_rows), [config])
        try:
            run(session, stop)
        except Stop:
            empty_buffers(session)
            arrays = {name: array.copy() for name, array in states.save(session.state).items()}
            exch, local = session.feed.exch[0], session.feed.local[0]
            feed = Feed(case.tape(chunk_rows).chunks(start_row=min(exch, local)), min(exch, local))
            while feed.exch[0] < exch:
                feed.next_exch()
            while feed.local[0] < local:
                feed.next_local()
            state = states.restore(arrays)
            linked = link(config.strategy.name, queue_file(config.venue.queue_model))
            rest = Session(linked, state, states.new_output(state), feed, JournalStore(None))
            run(rest)
            before, after = outputs(session), outputs(rest)
        else:
            before, after = outputs(session), dict.fromkeys(STREAMS, b"")
    assert {stream: before[stream] + after[stream] for stream in STREAMS} == outputs(simulated(case))


def test_the_pace_follows_what_work_costs(monkeypatch):
    """Cheap work: four times as much at each call, up to a limit. Dear work: so much less that a call takes a moment again."""
    pace, now = runner.Pace(), [0.0]
    state = session_of(far_tape(1), [CONFIG]).state
    monkeypatch.setattr(pacing.time, "perf_counter", lambda: now[0])
    given_units = []
    for cost_s in (1e-7, 1e-7, 1e-7, 1e-7, 1e-7, 1 / 1024, 1 / 1024, 1.0, 1.0):
        pace.begin(state)
        given_units.append(int(state.clock[st.WORK_LEFT]))
        now[0] += cost_s * pace.units
        pace.learn()
    assert given_units == [1024, 4096, 16_384, 65_536, 131_072, 131_072, 20, 20, 1]
