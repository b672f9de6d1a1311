"""What every stage saw and decided at a tick: the Node alone is run to just before it, then the stages one by one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import simcore
from simcore import faults
from simcore import state as states
from simcore.config.values import parse_time
from simcore.errors import EngineError, JournalError, ReportError, StrategyError
from simcore.journal.store import read_stream
from simcore.kernels import state as st
from simcore.parity import node_session, run_node
from simcore.records import REPORT, REQUEST, Record
from simcore.report.explain.held import held_at
from simcore.report.explain.linked import Pair
from simcore.report.explain.stages import META
from simcore.report.explain.subject import Subject, open_subject, record_dict
from simcore.report.explain.words import headline, request_words, stage_words
from simcore.report.wording import utc_text
from simcore.runner import AFTER_TICKS, BEFORE_TICKS, Session
from simcore.units import NS_PER_S

_BACK_NS = NS_PER_S // 4  # a tick may have waited for data, at most so long: start looking from before that
_BACK_TICKS = 2
_CHILD = "simcore.report.explain.stages"
_RING = 8  # reports that the copy of a state has room for; it gets none


def explain_tick(run_dir: Path | str, at: str | int, symbol: str | None = None) -> dict[str, Any]:
    """Explain the last tick at or before a time (ISO 8601 UTC or ns): what each stage saw and decided, and what was sent.

    REP-002: the time is not in the run, or `open_subject` says so. JRNL-004: the tick does not come out as in the journal.
    """
    subject = open_subject(run_dir, symbol)
    wanted = _time(subject, at)
    session = node_session(subject.tape, [subject.config], subject.reports)
    now_ns, arrays = (_follow if subject.follows else _just_before)(session, subject, wanted)
    tick_ts = now_ns + int(arrays["clock"][st.ORIGIN])
    found = _evaluate(subject, now_ns, arrays)
    sent = subject.requests_at(tick_ts)
    _check(subject, tick_ts, found, sent)
    found["guards"] = held_at(subject.run, read_stream(subject.run.path, "guards"), tick_ts)
    for step in found["stages"]:
        step["words"] = stage_words(step)
    return {
        "run": str(subject.run.path), "symbol": subject.symbol, "at": utc_text(wanted), "tick": utc_text(tick_ts),
        "tick_ts": tick_ts, "headline": headline(subject, found), "inputs": found["inputs"], "guards": found["guards"], "stages": found["stages"],
        "quote": found["quote"], "error": found["error"], "orders": _live_orders(arrays),
        "requests": [{**record_dict(row), "words": request_words(subject, row)} for row in sent],
        "proof": {"same_as_fused": found["same_as_fused"], "requests": len(sent), "requests_match": True},
    }  # fmt: skip


def _time(subject: Subject, at: str | int) -> int:
    try:
        wanted = int(parse_time(at))
    except ValueError as exc:
        raise ReportError("REP-002", f"--at {at}: {exc}") from exc
    run = subject.run
    if not run.start_ts <= wanted <= run.end_ts:
        raise ReportError(
            "REP-002", f"--at {at}: the run lasts from {utc_text(run.start_ts)} to {utc_text(run.end_ts)}"
        )
    return wanted


def _just_before(session: Session, subject: Subject, wanted: int) -> tuple[int, dict[str, Any]]:
    """Return the time of the last tick at or before `wanted`, ns since ORIGIN, and the arrays of the run before it."""
    origin = int(session.state.clock[st.ORIGIN])
    interval = int(session.state.ints[0, st.P_TICK_NS])
    until_ns = wanted - origin
    begin_ns = max((until_ns - _BACK_NS) // interval - _BACK_TICKS, 0) * interval
    run_node(session, begin_ns * 8 + BEFORE_TICKS)
    tick_ns = int(session.state.lanes["tick_ns"][0])
    if tick_ns > until_ns:
        raise ReportError("REP-002", f"{subject.run.path}: the first tick is at {utc_text(tick_ns + origin)}")
    while True:
        run_node(session, tick_ns * 8 + BEFORE_TICKS)
        arrays = _copy(session.state)
        try:
            with faults.named(session):
                run_node(session, tick_ns * 8 + AFTER_TICKS)
        except (StrategyError, EngineError):  # the tick at which the run failed
            return tick_ns, arrays
        if session.linked.python is not None:  # what the class has just wanted stands in the memory of its one stage
            arrays["memory"] = session.state.memory.copy()
        next_ns = int(session.state.lanes["tick_ns"][0])
        if next_ns > until_ns or next_ns <= tick_ns:
            return tick_ns, arrays
        tick_ns = next_ns


def _follow(session: Session, subject: Subject, wanted: int) -> tuple[int, dict[str, Any]]:
    """As `_just_before`, for a symbol that follows another: every tick is run beside its leader."""
    origin = int(session.state.clock[st.ORIGIN])
    near_ns = wanted - origin - _BACK_NS - _BACK_TICKS * int(session.state.ints[0, st.P_TICK_NS])
    last: list[tuple[int, dict[str, Any]]] = []

    def step(key: int) -> bool:
        if key & 7 == AFTER_TICKS and key >> 3 >= near_ns:
            last[:] = [(key >> 3, _copy(session.state))]
        with faults.named(session):
            return run_node(session, key)

    with suppress(StrategyError, EngineError):  # the tick at which the run failed
        Pair(subject, session, step).ticks(wanted)
    if not last:
        raise ReportError("REP-002", f"{subject.run.path}: no tick at or before {utc_text(wanted)}")
    return last[0]


def _copy(state: states.State) -> dict[str, Any]:
    """Return copies of a state's arrays; the ring of all the journal's reports is left out, since no report comes at a tick."""
    arrays = {name: value.copy() for name, value in states.save(state).items() if name != "reports"}
    arrays["reports"] = np.zeros((1, _RING), REPORT)
    for name in ("report_head", "report_count"):
        arrays["lanes"][name][0] = 0
    return arrays


def _evaluate(subject: Subject, now_ns: int, arrays: dict[str, Any]) -> dict[str, Any]:
    """Let a process with the JIT off take the tick apart."""
    meta = {"config": str((subject.run.path / "config.yaml").resolve()), "now_ns": now_ns}
    place = str(Path(simcore.__file__).parents[1])
    paths = os.pathsep.join([place, *filter(None, [os.environ.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tick.npz"
        named: dict[str, Any] = {META: np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays}
        np.savez(file, **named)
        done = subprocess.run(
            [sys.executable, "-m", _CHILD, str(file)], capture_output=True, text=True, check=False,
            env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": paths},
        )  # fmt: skip
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ReportError("REP-003", f"{subject.run.path}: the stages cannot be run one by one: {last}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _check(subject: Subject, tick_ts: int, found: dict[str, Any], sent: Record) -> None:
    """Check that the stages, one by one, come to the fused chain's quote, and send what the journal says was sent."""
    if found["same_as_fused"] is False:
        raise JournalError(
            "JRNL-004",
            f"{subject.run.path}: at {utc_text(tick_ts)} the stages one by one do not come to what they do together",
        )
    asked = np.array([tuple(row) for row in found["requests"]], REQUEST)
    if found["error"] is None and asked.tobytes() != np.ascontiguousarray(sent).tobytes():
        raise JournalError(
            "JRNL-004",
            f"{subject.run.path}: at {utc_text(tick_ts)} the stages ask for {len(asked)} requests that are not the {len(sent)} of the journal",
        )


def _live_orders(arrays: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the orders that the Node had before the tick, in order of placing."""
    count = int(arrays["lanes"]["live_count"][0])
    return [record_dict(arrays["node_orders"][0, slot]) for slot in arrays["live"][0, :count]]
