"""Small random tapes for the peer that visit its rare rules: crossed books, clears with snapshots, empty sides."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np

from tests.peers.twin import BUY_EVENT, CLEAR, DEPTH, EXCH_EVENT, LOCAL_EVENT, SELL_EVENT, SNAPSHOT, TRADE

EVENT = np.dtype(
    [
        ("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"), ("order_id", "<u8"),
        ("ival", "<i8"), ("fval", "<f8"),
    ],
    align=True,
)  # fmt: skip
START_TS = 1_700_000_000_000_000_000
STEP_NS = 3_000_000
FEED_NS = 5_000_000
SIDES = ((BUY_EVENT, -1), (SELL_EVENT, 1))
# docs/peer-rules.yaml at the pace of these rows.
RANDOM_MAKER = (
    "node.tick_interval_ms=20", "node.sample_interval_ms=20",
    *(f"latency.{leg}.ms=3" for leg in ("place", "amend", "cancel", "response")),
    "strategy.params.emit.order_lots=2", "strategy.params.inventory.max_position_lots=6",
    "strategy.params.spread.half_spread_ticks=1", "strategy.params.inventory.skew_ticks_per_lot=0.25",
)  # fmt: skip


def random_rows(seed: int, count: int, jitter_ns: int = 1) -> Any:
    """Return about `count` rows around a wandering mid; prices are ticks, quantities lots.

    jitter_ns  0: every time is a multiple of 1 ms, so that rows, requests, reports and ticks meet at equal times.
    """
    draw = random.Random(seed)
    rows: list[tuple[int, int, float, float]] = []
    mid, ts = 10_000, START_TS
    rows += [(ts, DEPTH | side, mid + sign * k, draw.randint(1, 30)) for k in range(1, 15) for side, sign in SIDES]
    while len(rows) < count:
        ts += draw.choice((0, jitter_ns, STEP_NS, 4 * STEP_NS))
        mid += draw.choice((-1, 0, 0, 0, 0, 1))
        side, sign = draw.choice(SIDES)
        chance = draw.random()
        if chance < 0.25:
            # An aggressor of the other side hits this side's best region, sometimes beyond it.
            aggressor = SELL_EVENT if side == BUY_EVENT else BUY_EVENT
            aggressor = draw.choice((aggressor,) * 19 + (0,))  # now and then nobody says whose it was
            rows.append((ts, TRADE | aggressor, mid + sign * draw.randint(0, 4), draw.randint(1, 25)))
        elif chance < 0.255:
            first = mid + sign * draw.randint(1, 3)
            rows.append((ts, CLEAR | side, first + sign * draw.randint(0, 6), 0))
            rows += [(ts, SNAPSHOT | side, first + sign * k, draw.randint(1, 30)) for k in range(draw.randint(0, 4))]
        elif chance < 0.257:
            # A side whole, or both, and the snapshot that follows.
            sides = draw.choice((SIDES, SIDES[:1], SIDES[1:]))
            rows.append((ts, CLEAR | (sides[0][0] if len(sides) == 1 else 0), math.nan, 0))
            rows += [(ts, SNAPSHOT | s, mid + g * k, draw.randint(1, 30)) for s, g in sides for k in range(1, 9)]
        else:
            # Depth up to two ticks beyond the mid, so that rows cross the other side now and then.
            rows.append((ts, DEPTH | side, mid + sign * draw.randint(-1, 8), draw.choice((0, 0, draw.randint(1, 40)))))
    table = np.zeros(len(rows), EVENT)
    table["ev"] = [ev | EXCH_EVENT | LOCAL_EVENT for _, ev, _, _ in rows]
    table["exch_ts"] = [ts for ts, _, _, _ in rows]
    table["local_ts"] = table["exch_ts"] + FEED_NS
    table["px"] = [price for _, _, price, _ in rows]
    table["qty"] = [lots for _, _, _, lots in rows]
    return table

