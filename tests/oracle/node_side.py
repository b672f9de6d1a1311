"""Runs the demo maker on both sides: the whole engine from a configuration, and the oracle's Node and Venue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from simcore import engine
from simcore import records as r
from simcore.config.model import Config
from simcore.kernels import queue as queues
from simcore.kernels import state as st
from simcore.link import link
from simcore.params import Tables, lane_params
from simcore.tape.schema import Instrument
from tests.oracle import engine as oracle
from tests.oracle.demo import demo_maker, demo_params
from tests.oracle.engine_side import KINDS, engine_arithmetic
from tests.oracle.params import OracleParams
from tests.oracle.rows import Row, rows_from_columns
from tests.oracle.timeline import STREAMS, Difference, Timeline, difference
from tests.oracle.wire import Leg, Modelled

KIND_NAMES = {code: name for name, code in KINDS.items()}
MODELS = {
    st.CONSTANT: "constant", st.LOGNORMAL: "lognormal", st.FEED: "feed", st.INTERPOLATED: "interpolated",
    st.SAMPLED: "sampled",
}  # fmt: skip
# Counters of a lane's Node at the end, beside what the journal says.
COUNTERS = ("late_reports", "skipped_ticks", "live_count", "node_position_lots", "node_cash_units", "node_fee_units")


def params_of(config: Config, instrument: Instrument, is_l3: bool) -> OracleParams:
    """Return the oracle's parameters of a configuration; units are converted as for the engine."""
    tables: Tables = []
    lane = lane_params(config, instrument, link(config.strategy.name), is_l3, tables)
    ints = [int(value) for value in lane.ints]
    tier = range(st.P_TIER, st.P_TIER + 3 * ints[st.P_TIERS], 3)
    return OracleParams(
        kind=KIND_NAMES[ints[st.P_KIND]],
        value_scale=ints[st.P_SCALE],
        l3=is_l3,
        queue_model=queues.NAMES[ints[st.P_QUEUE]],
        queue_n=float(lane.floats[st.F_QUEUE_N]),
        fill_whole=config.venue.fill_whole,
        cross_fill_whole=config.venue.cross_fill_whole,
        pro_rata_min_lots=ints[st.P_PRO_RATA_MIN],
        rate_limits=tuple((ints[i], ints[i + 1], ints[i + 2]) for i in range(st.P_RATE, st.INTS_SIZE, 3) if ints[i]),
        price_band=ints[st.P_PRICE_BAND],
        min_lots=ints[st.P_MIN_QTY],
        max_order_lots=ints[st.P_MAX_ORDER],
        min_notional_units=ints[st.P_MIN_NOTIONAL],
        max_open_orders=ints[st.P_MAX_OPEN],
        balance_units=ints[st.P_BALANCE],
        leverage=ints[st.P_LEVERAGE],
        self_trade=ints[st.P_SELF_TRADE],
        amends=config.venue.amend == "allowed",
        amend_keeps_place=config.venue.amend_keeps_place,
        max_trigger_orders=config.venue.max_trigger_orders,
        maintenance_rate=ints[st.P_MAINTENANCE],
        liquidation_rate=ints[st.P_LIQUIDATION_FEE],
        margin_interval_ns=ints[st.P_MARGIN_NS],
        funding_interval_ns=ints[st.P_FUNDING_NS],
        funding_rate=ints[st.P_FUNDING_RATE],
        tiers=tuple((ints[i], ints[i + 1], ints[i + 2]) for i in tier),
        initial_turnover_units=ints[st.P_TURNOVER_0],
        fee_per_lot_units=ints[st.P_FEE_PER_LOT],
        latency=Modelled([_leg(ints, lane.floats, leg, tables) for leg in range(4)], config.run.seed, ints[st.P_STREAM]),
        tick_interval_ns=ints[st.P_TICK_NS],
        sample_interval_ns=round(config.node.sample_interval_ms * 1_000_000),
        start_ts=config.run.from_ts,
        end_ts=config.run.to_ts,
        use_amend=config.node.use_amend,
        wait_cancel=config.node.wait_cancel,
    )


def _leg(ints: Sequence[int], floats: Any, leg: int, tables: Tables) -> Leg:
    model = MODELS[ints[st.P_LAT_MODEL + leg]]
    times, values = tables[ints[st.P_LAT_TABLE + leg]] if model in ("interpolated", "sampled") else ((), ())
    return Leg(
        model, ints[st.P_LAT_NS + leg], float(floats[st.F_LAT_SCALE + leg]), ints[st.P_LAT_MIN + leg],
        np.array(times, np.int64).tolist(), np.array(values, np.int64).tolist(),
    )  # fmt: skip


def engine_run(tape: Any, config: Config) -> tuple[Timeline, tuple[int, ...]]:
    """Run the engine; ids of orders become their serial numbers."""
    return engine_lanes(tape, [config])[0]


def engine_lanes(tape: Any, configs: Sequence[Config]) -> list[tuple[Timeline, tuple[int, ...]]]:
    """Run the engine with a lane for each configuration; return each lane's timeline and counters."""
    outcome = engine.simulate(tape, configs)
    found = []
    for lane in range(len(configs)):
        streams = {}
        for stream in STREAMS:
            rows = outcome.journal.rows(stream)
            rows = rows[rows["lane"] == lane]
            if "order_id" in rows.dtype.names:
                rows["order_id"] >>= st.SLOT_BITS
            streams[stream] = rows
        found.append((Timeline(streams), tuple(int(outcome.state.lanes[name][lane]) for name in COUNTERS)))
    return found


def oracle_run(rows: Sequence[Row], p: OracleParams, config: Config) -> tuple[Timeline, tuple[int, ...]]:
    """Run the oracle with the demo maker of a configuration."""
    with engine_arithmetic():
        run = oracle.run(rows, p, demo_maker(demo_params(config.strategy.params)))
    node = run.node
    counters = (node.late, node.skipped, len(node.slots), node.account.position, node.account.cash, node.account.fees)
    return Timeline({stream: run.of(kind) for stream, kind in STREAMS.items()}), counters


def first_difference(tape: Any, rows: r.Chunk, config: Config) -> tuple[Difference | None, int]:
    """Run both sides on a tape and its rows. Returns where they part, and the number of events compared."""
    return first_difference_of_lanes(tape, rows, [config])


def first_difference_of_lanes(tape: Any, rows: r.Chunk, configs: Sequence[Config]) -> tuple[Difference | None, int]:
    """Run a lane for each configuration, and the oracle once for each. Returns as `first_difference`."""
    oracle_rows = rows_from_columns(*rows)
    count = 0
    for lane, (mine, my_counters) in enumerate(engine_lanes(tape, configs)):
        p = replace(params_of(configs[lane], tape.instrument, tape.level == "l3"), lane=lane)
        theirs, their_counters = oracle_run(oracle_rows, p, configs[lane])
        found = difference(mine, theirs)
        if found is None and my_counters != their_counters:
            found = Difference("counters", lane, dict(zip(COUNTERS, my_counters, strict=True)), their_counters)
        count += len(theirs)
        if found is not None:
            return found, count
    return None, count
