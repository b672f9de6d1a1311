"""What the Node measures of itself: windows that forget at the right moment, and figures of what is in them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simcore import state as memory
from simcore.jit import entry
from simcore.kernels import at, signals
from simcore.kernels import state as st
from simcore.kernels.orders_live import LiveOrders
from simcore.records import Chunk
from simcore.units import NS_PER_S

FILL, FILLS, LATENCY, RETURN, PNL, DAY = range(6)
DAY_NS = 86_400 * NS_PER_S


@entry
def _measure(handle: Any, what: int, now_ns: int, value: int) -> float:
    """Take a value into a window of lane 0; return the figure of that window."""
    state = at.inside(handle)
    record = at.lanes(state)[0]
    if what == FILL:
        signals.note_fill(state, 0, now_ns, value == 1)
        return float(record.takers_15m)
    if what == FILLS:
        signals.advance_fills(state, 0, now_ns)
        return float(record.takers_15m)
    if what == LATENCY:
        signals.note_latency(state, 0, value)
        return float(signals.latency_p95_ns(state, 0))
    if what == RETURN:
        signals._note_return(state, 0, value)
        return signals._return_std_bps(state, 0)
    if what == PNL:
        signals._note_pnl(state, 0, value)
        record.last_mid2 = 1
        record.last_equity_units = value
        return float(record.pnl_sum_units)
    signals._start_day(state, 0, now_ns, value)
    record.last_equity_units = value
    return float(record.day_equity_units)


@entry
def _tick(handle: Any, now_ns: int, bid: int, ask: int, runs_again: int) -> float:
    """Let lane 0 tick; return the sum of the changes of its equity."""
    state = at.inside(handle)
    record = at.lanes(state)[0]
    record.runs_again = runs_again
    signals.measure(state, 0, now_ns, bid, ask, LiveOrders(0, 0, 0, 0, 0, 0, 0.0, 0.0, 0, 0))
    return float(record.pnl_sum_units)


class Node:
    """A lane's windows."""

    def __init__(self) -> None:
        ints = np.zeros((1, st.INTS_SIZE), np.int64)
        params = np.zeros((1, 1))
        self.state = memory.new_state(1, 4, 256, 1, ints, np.zeros((1, st.FLOATS_SIZE)), params, params.copy(), [])
        empty = np.zeros(0, np.int64)
        rows = Chunk(empty, empty, empty.astype(np.uint8), empty, empty, empty)
        self._handle = memory.handle(self.state, memory.new_output(self.state), rows, rows)

    def take(self, what: int, value: int = 0, now_ns: int = 0) -> float:
        return float(_measure(self._handle, what, now_ns, value))

    def tick(self, number: int, mid: int, runs_again: int) -> float:
        return float(_tick(self._handle, number * NS_PER_S, mid - 1, mid + 1, runs_again))

    def fills(self, now_s: int) -> tuple[int, int, int]:
        """Return fills and taker fills of the last hour, and taker fills of the last quarter."""
        self.take(FILLS, now_ns=now_s * NS_PER_S)
        record = self.state.lanes[0]
        return int(record["fills_1h"]), int(record["takers_1h"]), int(record["takers_15m"])


def test_latencies_have_a_percentile_of_the_nearest_rank() -> None:
    """Of 1 … n it is ceil(0.95 n), whatever their order; the oldest leave a full ring."""
    node = Node()
    order = np.random.default_rng(3).permutation(np.arange(1, 21)).tolist()
    for count, latency in enumerate(order, 1):
        known = sorted(order[:count])
        assert node.take(LATENCY, latency) == known[math.ceil(0.95 * count) - 1]


@pytest.mark.parametrize("seed", range(4))
def test_a_full_ring_of_latencies_stays_sorted(seed: int) -> None:
    """Each new one takes the place of the oldest, be it larger or smaller."""
    node = Node()
    drawn = np.random.default_rng(seed).integers(1, 40, 3 * st.LATENCIES).tolist()
    for count, latency in enumerate(drawn, 1):
        known = sorted(drawn[max(count - st.LATENCIES, 0) : count])
        assert node.take(LATENCY, latency) == known[math.ceil(0.95 * len(known)) - 1]


def test_a_quarter_and_an_hour_forget_at_the_end_of_their_buckets() -> None:
    """Buckets of 10 s, the one that is filling included: a fill at 5 s counts until 910 s, and until 3,610 s."""
    node = Node()
    node.take(FILL, 1, 5 * NS_PER_S)
    node.take(FILL, 0, 6 * NS_PER_S)
    assert node.fills(909) == (2, 1, 1)
    assert node.fills(910) == (2, 1, 0)
    assert node.fills(3_609) == (2, 1, 0)
    assert node.fills(3_610) == (0, 0, 0)


def test_a_long_silence_forgets_everything() -> None:
    node = Node()
    for second in range(0, 900, 30):
        node.take(FILL, 1, second * NS_PER_S)
    assert node.fills(899) == (30, 30, 30)
    assert node.fills(100_000) == (0, 0, 0)


def test_returns_have_the_deviation_of_what_is_in_the_ring() -> None:
    """Of the population, in bps; two returns at least, and no more than the ring holds."""
    node = Node()
    mids = (10_000 + np.random.default_rng(5).integers(-50, 50, st.RETURNS + 40)).tolist()
    logs: list[float] = []
    for place, mid in enumerate(mids):
        found = node.take(RETURN, mid)
        if place:
            logs.append(math.log(mid / mids[place - 1]))
        known = logs[-st.RETURNS :]
        expected = 1e4 * float(np.std(known)) if len(known) > 1 else 0.0
        assert found == pytest.approx(expected, abs=1e-9)


def test_changes_of_equity_leave_their_window() -> None:
    """The first tick has no change; of the others the last ones of the window are summed."""
    node = Node()
    equities = np.random.default_rng(7).integers(-1000, 1000, 2 * st.PNLS).tolist()
    changes: list[int] = []
    for place, equity in enumerate(equities):
        found = node.take(PNL, equity)
        if place:
            changes.append(equity - equities[place - 1])
        assert found == sum(changes[-st.PNLS :])


def test_a_tick_that_runs_again_adds_no_change_and_loses_none() -> None:
    """Ten lots: 100 units from mid 100 to 110; the tick runs again at 120; then 200 from 110 to 130."""
    node = Node()
    node.state.lanes["node_position_lots"] = 10
    node.state.ints[:, st.P_SCALE] = 1
    found = [node.tick(number, mid, again) for number, (mid, again) in enumerate([(100, 0), (110, 0), (120, 1), (130, 0)])]
    assert found == [0, 100, 100, 300]


def test_a_day_begins_at_what_the_last_tick_left() -> None:
    """The first day at its own first tick, each other at the last equity of the day before."""
    node = Node()
    node.state.clock[st.ORIGIN] = 20_000 * DAY_NS
    assert node.take(DAY, 100, 1) == 100
    assert node.take(DAY, 130, DAY_NS - 1) == 100
    assert node.take(DAY, 170, DAY_NS) == 130
    assert node.take(DAY, 190, DAY_NS + 5) == 130
