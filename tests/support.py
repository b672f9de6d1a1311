"""What tests share: tapes in memory, and runs of scripted requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from simcore import engine
from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.journal.store import JournalStore
from simcore.kernels import state as st
from simcore.link import link
from simcore.params import queue_file
from simcore.records import BOTH_BITS, EXCH_BIT, LOCAL_BIT, REQUEST, Chunk
from simcore.runner import Session, run
from simcore.tape.schema import Instrument

INSTRUMENT = Instrument(
    venue="TEST", symbol="TEST", kind="linear", tick_size="0.1", lot_size="0.001", contract_size="1",
    base="B", quote="Q", maker_rate="-0.00005", taker_rate="0.0002",
)  # fmt: skip


class MemoryTape:
    """Rows in memory with the interface of a Tape, cut into chunks of any size."""

    def __init__(
        self, rows: Chunk, instrument: Instrument = INSTRUMENT, level: str = "l2", chunk_rows: int = 1 << 18
    ) -> None:
        self._rows = Chunk(*(_frozen(column) for column in rows))
        self.instrument = instrument
        self.level = level
        self.chunk_rows = chunk_rows
        self.rows = len(rows.exch_ts)
        local = rows.local_ts[(rows.ev & LOCAL_BIT) != 0]
        exch = rows.exch_ts[(rows.ev & EXCH_BIT) != 0]
        self.start_ts = int(local[0]) if len(local) else int(exch[0])
        self.end_ts = max([int(times[-1]) for times in (local, exch) if len(times)])
        first = min([int(times[0]) for times in (local, exch) if len(times)])
        self.span_ns = -(-(self.end_ts - first) // 10**9) * 10**9 + 10**9
        self.content_hashes = ["memory"]

    def chunks(self, repeat: int = 1, start_row: int = 0, until_ts: int | None = None) -> Iterator[Chunk]:
        """Yield the rows, each repetition later by span_ns; until_ts is ignored, since a tape may yield more."""
        for row in range(start_row, self.rows * repeat, self.chunk_rows):
            index = np.arange(row, min(row + self.chunk_rows, self.rows * repeat))
            shift = index // self.rows * self.span_ns
            part = [column[index % self.rows] if len(column) else column for column in self._rows]
            part[0] = part[0] + shift
            part[1] = part[1] + shift
            yield Chunk(*(_frozen(column) for column in part))


def _frozen(column: Any) -> Any:
    column = np.ascontiguousarray(column)
    column.setflags(write=False)
    return column


def rows(*each: Sequence[int]) -> Chunk:
    """Return a chunk of rows (exch_ts, local_ts, kind|side bits[, EXCH/LOCAL bits], price, qty[, order_id])."""
    table = np.array([list(row) + [0] * (6 - len(row)) for row in each], np.int64).reshape(-1, 6)
    ev = table[:, 2]
    ev = np.where(ev & BOTH_BITS, ev, ev | BOTH_BITS).astype(np.uint8)
    return Chunk(table[:, 0], table[:, 1], ev, table[:, 3], table[:, 4], table[:, 5])


def session_of(tape: Any, configs: Sequence[Config]) -> Session:
    """Return a session in memory at the start of a tape, one lane a config."""
    linked = link(configs[0].strategy.name, queue_file(configs[0].venue.queue_model))
    return engine.new_session(tape, configs, linked, JournalStore(None))


def script_session(tape: Any, requests: Any, sets: Sequence[str] = (), slots: int | None = None) -> Session:
    """Return a session without ticks whose requests come from a script.

    requests : REQUEST records in order of sending; ts is absolute local time. Latencies of the config apply.
    """
    config = load_config(None, ["strategy.name=demo_maker", "node.tick_interval_ms=86400000", *sets])
    linked = link(config.strategy.name, queue_file(config.venue.queue_model))
    session = engine.new_session(tape, [config], linked, JournalStore(None))
    state = session.state
    state.lanes["tick_ns"] = st.NEVER // 8
    from dataclasses import replace

    from simcore import state as states

    count = slots or max(len(requests), 1)
    ring = states.records(st.WIRE_REQUEST, (1, len(requests) + 1))
    arrive = 0
    for i, request in enumerate(requests):
        for name in REQUEST.names or ():
            ring[name][0, i] = request[name]
        leg = min(int(request["kind"]), 2)
        now = int(request["ts"]) - int(state.clock[st.ORIGIN])
        arrive = max(arrive, now + int(state.ints[0, st.P_LAT_NS + leg]))
        ring["arrive_ns"][0, i] = arrive
    state.lanes["request_count"] = len(requests)
    key = int(ring["arrive_ns"][0, 0]) * 8 + st.CLASS_REQUEST if len(requests) else st.NEVER
    state.keys[0] = state.blocks[0] = key
    session.state = replace(
        state,
        requests=ring,
        venue_orders=states.records(st.VENUE_ORDER, count + 1),
        node_orders=states.records(st.NODE_ORDER, (1, count)),
        live=np.zeros((1, count), np.int64),
        free=np.arange(count - 1, -1, -1, dtype=np.int64).reshape(1, -1),
    )
    session.out = states.new_output(session.state)
    return session


def run_script(tape: Any, requests: Any, sets: Sequence[str] = (), slots: int | None = None) -> Session:
    """Run a script to the end; the session's journal holds reports and fills."""
    session = script_session(tape, requests, sets, slots)
    run(session)
    return session


def configured(sets: Sequence[str]) -> Config:
    """Return the demo maker's configuration with these settings.

    The tapes of tests begin soon after 1970, which is no time that a user's configuration takes: run.from and run.to, in ns,
    are put into the typed one.
    """
    window = {text.partition("=")[0]: int(text.partition("=")[2]) for text in sets if text.startswith(("run.from=", "run.to="))}
    config = load_config(None, ["strategy.name=demo_maker", *(text for text in sets if text.partition("=")[0] not in window)])
    names = {"run.from": "from_ts", "run.to": "to_ts"}
    return config.model_copy(update={"run": config.run.model_copy(update={names[key]: ns for key, ns in window.items()})})
