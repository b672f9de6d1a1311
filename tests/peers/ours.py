"""Our engine on the peer's rows, in memory: the demo maker under the peer's rules as far as config reaches them."""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore import runner
from simcore import state as memory
from simcore.kernels import queue
from simcore.kernels import state as st
from simcore.link import link
from simcore.records import ASK_BIT, CLEAR, DEPTH, EXCH_BIT, LOCAL_BIT, NO_SIDE_BIT, SNAPSHOT, TRADE, Chunk
from tests.peers import twin
from tests.peers.twin import Fill

SLOTS = 16
KINDS = {twin.DEPTH: DEPTH, twin.TRADE: TRADE, twin.CLEAR: CLEAR, twin.SNAPSHOT: SNAPSHOT}
SELF_TRADE_IGNORE = 2


class FillsOnly:
    """The journal of the run: it keeps fills and drops the rest."""

    def __init__(self) -> None:
        self.fills: list[Fill] = []

    def add(self, stream: str, rows: Any) -> None:
        if stream == "fills":
            self.fills += [Fill(*(int(row[n]) for n in ("exch_ts", "side", "price_ticks", "qty_lots"))) for row in rows]


def our_fills(rows: Any, config: dict[str, Any], start_ts: int, chunk_rows: int = 1 << 40) -> list[Fill]:
    """Replay rows (the peer's dtype, in ticks and lots) in the real kernels; return the fills in time order."""
    whole = as_chunk(rows)
    count = len(whole.ev)
    pieces = [Chunk(*(c[i : i + chunk_rows] for c in whole[:5]), whole.order_id) for i in range(0, count, chunk_rows)]
    linked = link("demo_maker")
    ints = np.zeros((1, st.INTS_SIZE), np.int64)
    values = {
        st.P_TICK_NS: config["tick_interval_ns"], st.P_SCALE: 1, st.P_QUEUE: queue.NAMES.index(config["queue_model"]),
        st.P_FILL_WHOLE: 1, st.P_CROSS_WHOLE: 1, st.P_MAX_OPEN: SLOTS, st.P_SELF_TRADE: SELF_TRADE_IGNORE,
        st.P_TIERS: 1, st.P_RATE_WINDOW: 1,
    }  # fmt: skip
    for place, value in values.items():
        ints[0, place] = value
    ints[0, st.P_LAT_NS : st.P_LAT_NS + 3] = config["entry_latency_ns"]
    ints[0, st.P_LAT_NS + 3] = config["response_latency_ns"]
    floats = np.full((1, st.FLOATS_SIZE), float(config["queue_n"]))
    params = np.array([linked.param_defaults])
    for name, value in maker_params(config).items():
        params[0, linked.param_names.index(name)] = value
    middle = int(np.median(whole.price_ticks))
    state = memory.new_state(
        1, SLOTS, 1 << 16, middle - (1 << 15), ints, floats, params, np.array([linked.memory_defaults]), []
    )
    seen = whole.ev & EXCH_BIT != 0, whole.ev & LOCAL_BIT != 0
    state.clock[st.ORIGIN] = start_ts
    state.clock[st.END_TS] = max(int(whole.exch_ts[seen[0]][-1]), int(whole.local_ts[seen[1]][-1]))
    state.clock[st.SAMPLE_NS] = 1_000_000_000
    state.lanes["journal"] = 1
    state.lanes["tick_ns"] = config["tick_interval_ns"]
    state.lanes["next_key"] = config["tick_interval_ns"] * 8 + st.CLASS_TICK
    journal = FillsOnly()
    session = runner.Session(linked, state, memory.new_output(state), runner.Feed(iter(pieces)), journal)
    runner.run(session)
    return journal.fills


def maker_params(config: dict[str, Any]) -> dict[str, float]:
    """Return the parameters of strategies/demo_maker.py that make it the maker of docs/peers.md."""
    return {
        "spread.half_spread_ticks": config["half_spread_ticks"], "spread.half_spread_bps": 0.0,
        "spread.vol_factor": 0.0, "inventory.max_position_lots": config["max_position_lots"],
        "inventory.skew_ticks_per_lot": config["skew_ticks_per_lot"], "inventory.skew_bps": 0.0,
        "emit.order_lots": config["order_lots"], "emit.levels": 1.0,
    }  # fmt: skip


def as_chunk(rows: Any) -> Chunk:
    """Return the peer's rows as columns of a tape."""
    kind = np.array([KINDS.get(k, 15) for k in range(8)], np.uint8)[(rows["ev"] & 7).astype(np.int64)]
    assert not np.any(kind == 15), "rows of kinds that this comparison does not have"
    buys, sells = rows["ev"] & twin.BUY_EVENT != 0, rows["ev"] & twin.SELL_EVENT != 0
    ev = kind | np.where(sells, ASK_BIT, np.where(buys, 0, NO_SIDE_BIT)).astype(np.uint8)
    ev |= np.where(rows["ev"] & twin.EXCH_EVENT, EXCH_BIT, 0).astype(np.uint8)
    ev |= np.where(rows["ev"] & twin.LOCAL_EVENT, LOCAL_BIT, 0).astype(np.uint8)
    lots = np.rint(rows["qty"]).astype(np.int64)
    lots[(kind == CLEAR) & (buys | sells)] = 1  # from the best to the price, not all
    price = np.rint(rows["px"]).astype(np.int64)
    columns = (rows["exch_ts"], rows["local_ts"], ev, price, lots, np.zeros(0, np.int64))
    return Chunk(*(np.ascontiguousarray(column) for column in columns))
