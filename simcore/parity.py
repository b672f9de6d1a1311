"""Law 2: the Node alone, fed with what a journal says it saw, sends what the journal says it sent.

The Node gets the tape's local rows and the journal's reports; there is no Venue and no Wire. Its requests, its
ledger samples and the reports as it booked them must be the journal's, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from simcore import engine, manifest
from simcore import state as states
from simcore.config.model import Config
from simcore.errors import JournalError
from simcore.journal.store import JournalStore, read_stream
from simcore.kernels import state as st
from simcore.link import link
from simcore.params import queue_file
from simcore.records import REPORT, Record
from simcore.runner import Session, run_until
from simcore.tape.read import Tape

NODE_STREAMS = ("requests", "reports", "samples")


@dataclass(frozen=True)
class Parity:
    """Whether the Node alone did the same; `first_difference` names the stream and row where it did not.

    requests, reports, samples: how many rows of the journal were compared.
    """

    ok: bool
    requests: int
    reports: int
    samples: int
    first_difference: str | None


def replay_node(tape: Tape, configs: Sequence[Config], reports: Record) -> dict[str, Record]:
    """Run the Node alone on a tape's local rows and given reports; return its requests, reports and samples.

    configs  one a lane, as for `engine.simulate`.
    reports  REPORT rows of all lanes, each lane's in order of arrival (ts, absolute ns).
    JRNL-001 if the reports of a lane are out of order, or name a lane without a config.
    """
    session = node_session(tape, configs, reports)
    run_node(session, st.NEVER)
    return node_streams(session)


def node_session(tape: Tape, configs: Sequence[Config], reports: Record) -> Session:
    """Return a session in memory of the Nodes alone, with all reports on their wires; see `replay_node`."""
    linked = link(configs[0].strategy.name, queue_file(configs[0].venue.queue_model))
    session = engine.new_session(tape, configs, linked, JournalStore(None))
    session.state.clock[st.NODE_ONLY] = 1
    session.state = replace(session.state, reports=_reports_ring(session.state, reports))
    return session


def run_node(session: Session, key: int) -> bool:
    """Run Nodes alone to a key, as `simcore.runner.run_until`; no Venue moves its place in the feed, so it follows."""
    return run_until(session, key, _leave_no_chunks_behind)


def node_streams(session: Session) -> dict[str, Record]:
    """Return what Nodes alone have written; keys: NODE_STREAMS."""
    return {stream: session.journal.rows(stream) for stream in NODE_STREAMS}


def compare_node(tape: Tape, configs: Sequence[Config], journal: dict[str, Record]) -> Parity:
    """Replay the Node with a journal's reports and compare its streams with the journal's (keys: NODE_STREAMS)."""
    return compare_streams(journal, replay_node(tape, configs, journal["reports"]))


def compare_streams(journal: dict[str, Record], found: dict[str, Record]) -> Parity:
    """Compare what a Node alone wrote with what a journal says."""
    difference = None
    for stream in NODE_STREAMS:
        row = first_differing_row(journal[stream], found[stream])
        if row is not None and difference is None:
            difference = f"{stream}, row {row}"
    requests, reports, samples = (len(journal[stream]) for stream in NODE_STREAMS)
    return Parity(difference is None, requests, reports, samples, difference)


def check_parity(run_dir: Path) -> Parity:
    """Prove law 2 for a finished run from its own folder. Raises MmsimError if it cannot be replayed."""
    note = manifest.read(run_dir)
    if note.get("leader"):
        raise JournalError("JRNL-006", f"{run_dir}: it followed {note['leader']}")
    tape = engine.load_tapes(run_dir)
    config = manifest.config_of(run_dir, note)
    return compare_node(tape, [config], {stream: read_stream(run_dir, stream) for stream in NODE_STREAMS})


def first_differing_row(expected: Record, found: Record) -> int | None:
    """Return the first row whose bytes differ, or that only one side has; None if there is none."""
    shared = min(len(expected), len(found))
    width = expected.dtype.itemsize
    a, b = (np.ascontiguousarray(rows[:shared]).view(np.uint8).reshape(shared, width) for rows in (expected, found))
    differs = np.flatnonzero((a != b).any(axis=1))
    if len(differs):
        return int(differs[0])
    return shared if len(expected) != len(found) else None


def _reports_ring(state: states.State, reports: Record) -> Any:
    """Put all reports of a journal on the wires to the Nodes; set when each lane's next event is.

    The ring is three times as long as it must be, so that the engine never thinks it full; memory that is not
    written to is not used.
    """
    origin = int(state.clock[st.ORIGIN])
    lanes = len(state.lanes)
    if len(reports) and not 0 <= int(reports["lane"].min()) <= int(reports["lane"].max()) < lanes:
        raise JournalError("JRNL-001", f"reports name a lane outside 0 … {lanes - 1}")
    each = [reports[reports["lane"] == lane] for lane in range(lanes)]
    ring = states.records(REPORT, (lanes, 3 * max(len(own) for own in each) + state.reports.shape[1]))
    for lane, own in enumerate(each):
        if np.any(np.diff(own["ts"]) < 0):
            raise JournalError("JRNL-001", f"the reports of lane {lane} are not in order of arrival")
        if not len(own):
            continue
        ring[lane, : len(own)] = own
        ring["ts"][lane, : len(own)] -= origin
        state.lanes["report_count"][lane] = len(own)
        key = int(ring["ts"][lane, 0]) * 8 + st.CLASS_REPORT
        state.keys[lane] = min(key, int(state.keys[lane]))
    states.settle(state)
    return ring


def _leave_no_chunks_behind(session: Session) -> None:
    """Let the Venue's place in the feed follow the Node's, since no Venue moves it."""
    while session.feed.exch[0] < session.feed.local[0]:  # also called where the engine only yields, with no new chunk
        session.feed.next_exch()
