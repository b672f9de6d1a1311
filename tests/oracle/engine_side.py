"""Runs the engine on the rows, parameters and script of an oracle case, and compares what both say.

The engine's state is set up directly (its parameters are integers of `simcore.kernels.state`), so that every value
that a case may hold can be driven, whatever units the configuration has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from simcore import records as r
from simcore import state as states
from simcore import units
from simcore.jit import expose
from simcore.journal.store import JournalStore
from simcore.kernels import dmath
from simcore.kernels import queue as queues
from simcore.kernels import state as st
from simcore.link import Linked, link
from simcore.runner import Feed, Session, run
from tests.oracle import queue
from tests.oracle.engine import run as run_oracle
from tests.oracle.node import Step
from tests.oracle.params import INVERSE, LINEAR, SPOT, OracleParams
from tests.oracle.rows import Row, event_code
from tests.oracle.timeline import STREAMS, Difference, Timeline, difference
from tests.oracle.wire import RESPONSE, Traffic, Wire

ANSWERS = ("reports", "fills", "markouts")
KINDS = {LINEAR: units.LINEAR, INVERSE: units.INVERSE, SPOT: units.SPOT}
_log, _power = expose(dmath.log), expose(dmath.power)
linked_strategy = cache(link)
WINDOW_TICKS = 1 << 10  # narrow, so that jumps of the market move it


@contextmanager
def engine_arithmetic() -> Iterator[None]:
    """Let the oracle's queue use the engine's own log and power, which differ from libm's in the last bit.

    tests/kernels/test_dmath.py holds those two to libm; here the rules are compared, bit by bit.
    """
    kept = queue.ln, queue.power
    queue.ln = lambda x: _log(x) if x > 0.0 else kept[0](x)
    queue.power = lambda x, n: _power(x, n) if x >= 0.0 else kept[1](x, n)
    try:
        yield
    finally:
        queue.ln, queue.power = kept


def columns(rows: Sequence[Row], with_ids: bool) -> r.Chunk:
    """Return rows as read-only columns."""
    ids = [row.order_id for row in rows] if with_ids else []
    parts = [
        np.array([row.exch_ts for row in rows], np.int64),
        np.array([row.local_ts for row in rows], np.int64),
        np.array([event_code(row) for row in rows], np.uint8),
        np.array([row.price for row in rows], np.int64),
        np.array([row.qty for row in rows], np.int64),
        np.array(ids, np.int64),
    ]
    for part in parts:
        part.setflags(write=False)
    return r.Chunk(*parts)


def chunks_of(rows: Sequence[Row], with_ids: bool, size: int) -> Iterator[r.Chunk]:
    for start in range(0, len(rows), size):
        yield columns(rows[start : start + size], with_ids)


def engine_order_id(order_id: int) -> int:
    """Return the engine's id of a scripted order: its slot stands in the low bits."""
    return order_id << st.SLOT_BITS | order_id if order_id else 0


def lane_ints(p: OracleParams) -> tuple[Any, Any]:
    """Return the integer and float parameters of one lane."""
    ints = np.zeros((1, st.INTS_SIZE), np.int64)
    floats = np.zeros((1, st.FLOATS_SIZE), np.float64)
    lane = ints[0]
    lane[st.P_TICK_NS] = p.tick_interval_ns or st.NEVER // 8
    lane[st.P_KIND] = KINDS[p.kind]
    lane[st.P_SCALE] = p.value_scale
    lane[st.P_QUEUE] = queues.NAMES.index(p.queue_model)
    floats[0, st.F_QUEUE_N] = p.queue_n
    lane[st.P_FILL_WHOLE] = p.fill_whole
    lane[st.P_CROSS_WHOLE] = p.cross_fill_whole
    lane[st.P_PRO_RATA_MIN] = p.pro_rata_min_lots
    lane[st.P_MAX_OPEN] = p.max_open_orders
    lane[st.P_MIN_NOTIONAL] = p.min_notional_units
    lane[st.P_MAX_ORDER] = p.max_order_lots
    for i, limit in enumerate(p.rate_limits):
        lane[st.P_RATE + 3 * i : st.P_RATE + 3 * i + 3] = limit
    lane[st.P_PRICE_BAND] = p.price_band
    lane[st.P_MIN_QTY] = p.min_lots
    lane[st.P_NO_AMEND] = not p.amends
    lane[st.P_AMEND_TO_BACK] = not p.amend_keeps_place
    lane[st.P_MAX_TRIGGER] = p.max_trigger_orders
    lane[st.P_MAINTENANCE] = p.maintenance_rate
    lane[st.P_LIQUIDATION_FEE] = p.liquidation_rate
    lane[st.P_MARGIN_NS] = p.margin_interval_ns
    lane[st.P_FUNDING_NS] = p.funding_interval_ns
    lane[st.P_FUNDING_RATE] = p.funding_rate
    lane[st.P_BALANCE] = p.balance_units
    lane[st.P_LEVERAGE] = p.leverage
    lane[st.P_SELF_TRADE] = p.self_trade
    lane[st.P_FEE_PER_LOT] = p.fee_per_lot_units
    lane[st.P_TURNOVER_0] = p.initial_turnover_units
    lane[st.P_TIERS] = len(p.tiers)
    for i, tier in enumerate(p.tiers):
        lane[st.P_TIER + 3 * i : st.P_TIER + 3 * i + 3] = tier
    lane[st.P_USE_AMEND] = p.use_amend
    lane[st.P_WAIT_CANCEL] = p.wait_cancel
    for leg, kind in enumerate((r.PLACE, r.AMEND, r.CANCEL, RESPONSE)):
        lane[st.P_LAT_MODEL + leg] = st.CONSTANT
        lane[st.P_LAT_NS + leg] = p.latency(kind, 0, Traffic())
    return ints, floats


def session_of(
    rows: Sequence[Row], p: OracleParams, script: Sequence[Step], linked: Linked, chunk_rows: int = 1 << 16
) -> Session:
    """Return an engine session at the start of a case."""
    ints, floats = lane_ints(p)
    params = np.array([linked.param_defaults], np.float64)
    memory = np.array([linked.memory_defaults], np.float64)
    places = max([step.order_id for step in script], default=0) + 1
    slots = max(places, 2 * p.max_open_orders, 64)
    state = states.new_state(
        1, slots, WINDOW_TICKS, rows[0].price - WINDOW_TICKS // 2, ints, floats, params, memory, []
    )
    at_venue = [row.exch_ts for row in rows if row.at_venue]
    at_node = [row.local_ts for row in rows if row.at_node]
    end = max(at_venue[-1:] + at_node[-1:])
    state.clock[st.ORIGIN] = at_node[0] if at_node else end
    state.clock[st.END_TS] = end
    state.clock[st.IS_L3] = p.l3
    state.clock[st.SAMPLE_NS] = 1
    state.lanes["journal"] = 1
    states.start_ticks(state)
    if script:
        state = _send(state, p, script)
    states.start_accounts(state)
    return Session(linked, state, states.new_output(state), Feed(chunks_of(rows, p.l3, chunk_rows)), JournalStore(None))


def _send(state: states.State, p: OracleParams, script: Sequence[Step]) -> states.State:
    """Put all requests of a script on the wire."""
    ring = states.records(st.WIRE_REQUEST, (1, len(script) + 1))
    wire = Wire(p.latency)
    for i, step in enumerate(script):
        arrive = wire.request_arrives(step.kind, step.ts, bool(step.batched)) - int(state.clock[st.ORIGIN])
        ring[0, i] = (
            step.ts, 0, i, step.kind, engine_order_id(step.order_id), step.side, step.tif, step.price, step.qty,
            step.trigger, step.display, step.reduce_only, 0, 0, 0, max(arrive, 0),
        )  # fmt: skip
    state.lanes["request_count"] = len(script)
    state.keys[0] = state.blocks[0] = int(ring["arrive_ns"][0, 0]) * 8 + st.CLASS_REQUEST
    return replace(state, requests=ring)


def engine_timeline(
    rows: Sequence[Row], p: OracleParams, script: Sequence[Step], chunk_rows: int = 1 << 16
) -> Timeline:
    """Run the engine; return what it made of the script, with the script's order ids."""
    session = session_of(rows, p, script, linked_strategy("demo_maker", None), chunk_rows)
    run(session)
    streams = {}
    for stream in ANSWERS:
        found = session.journal.rows(stream)
        if "order_id" in found.dtype.names:
            found["order_id"] &= st.SLOT_MASK
        streams[stream] = found
    return Timeline(streams)


def oracle_timeline(rows: Sequence[Row], p: OracleParams, script: Sequence[Step]) -> Timeline:
    """Run the oracle; return what it made of the script."""
    with engine_arithmetic():
        events = run_oracle(rows, p, script=script)
    return Timeline({stream: events.of(STREAMS[stream]) for stream in ANSWERS})


def first_difference(
    rows: Sequence[Row], p: OracleParams, script: Sequence[Step], chunk_rows: int = 1 << 16
) -> tuple[Difference | None, int]:
    """Run a scripted case on both sides. Returns where they part, and the number of events compared.

    Requests of a script are given, and without ticks there are no samples: reports, fills and markouts are compared.
    """
    p = replace(p, tick_interval_ns=0)
    oracle = oracle_timeline(rows, p, script)
    return difference(engine_timeline(rows, p, script, chunk_rows), oracle), len(oracle)
