"""Play scripted cases in the peer (hftbacktest 2.4.4): `run_cases.py '{name: {"settings": …, "steps": …}}'`.

Standalone as run_peer.py, whose settings it shares. Step k happens at (k + 1) × 1000 ns. A step is a list:

    row, event bits, price, quantity         shown to both sides at that time
    place, order, side, tif, price, lots     side 0 buys; tif GTC, GTX, IOC or FOK; arrives 1 ns later
    cancel, order                            arrives 1 ns later
    wait

After each step it looks 500 ns later: position, best bid and ask as the trader sees them, and every order as (executed
lots, state) at the last look. An answer is the list of looks; `stopped` is the peer's status where it did not go on.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from hftbacktest import BUY_EVENT, GTC, GTX, LIMIT
from hftbacktest.order import FOK, IOC
from hftbacktest.types import event_dtype
from numba import njit
from run_peer import DEFAULTS, EXCH_EVENT, LOCAL_EVENT, NO_ASK_TICKS, NO_BID_TICKS, build

STEP_NS = 1000
TIFS = {"GTC": GTC, "GTX": GTX, "IOC": IOC, "FOK": FOK}
STATES = {0: "NONE", 1: "NEW", 2: "EXPIRED", 3: "FILLED", 4: "CANCELED", 5: "PARTIALLY_FILLED", 6: "REJECTED"}
SETTINGS = {**DEFAULTS, "tick_size": 1.0, "lot_size": 1.0, "entry_latency_ns": 1, "response_latency_ns": 1}


@njit
def elapse(hbt: Any, span_ns: int) -> int:
    return hbt.elapse(span_ns)


@njit
def place(hbt: Any, order: int, sells: bool, price: float, qty: float, tif: int) -> int:
    if sells:
        return hbt.submit_sell_order(0, order, price, qty, tif, LIMIT, False)
    return hbt.submit_buy_order(0, order, price, qty, tif, LIMIT, False)


@njit
def cancel(hbt: Any, order: int) -> int:
    return hbt.cancel(0, order, False)


@njit
def look(hbt: Any) -> tuple[float, int, int]:
    depth = hbt.depth(0)
    return hbt.position(0), depth.best_bid_tick, depth.best_ask_tick


@njit
def order_seen(hbt: Any, order: int) -> tuple[float, int, int]:
    """Return (quantity, leaves, state) of an order as the trader knows it."""
    seen = hbt.orders(0).get(order)
    if seen is None:
        return 0.0, 0.0, 0
    return seen.qty, seen.leaves_qty, seen.status


def play(case: dict[str, Any]) -> dict[str, Any]:
    """Play one case; times are ns from 0, prices ticks, quantities in lots unless the settings scale them."""
    settings = {**SETTINGS, **case["settings"]}
    tick, lot = settings["tick_size"], settings["lot_size"]
    steps = case["steps"]
    data = np.zeros(sum(step[0] == "row" for step in steps) + 1, event_dtype)
    at = 0
    for k, step in enumerate(steps):
        if step[0] == "row":
            data[at] = (step[1] | EXCH_EVENT | LOCAL_EVENT, (k + 1) * STEP_NS, (k + 1) * STEP_NS, step[2], step[3], 0, 0, 0)
            data[at]["px"], data[at]["qty"] = step[2] * tick, step[3] * lot
            at += 1
    # A last row far below, long after if not told when: the peer's time ends at its last row.
    last = case.get("last_ns", 10**9)
    data[at] = (1 | BUY_EVENT | EXCH_EVENT | LOCAL_EVENT, last, last, tick, lot, 0, 0, 0)
    hbt = build(data, settings)
    first = next(k for k, step in enumerate(steps) if step[0] == "row")
    if first:
        raise ValueError("the first step of a case is a row: the peer's clock starts there")
    looks, orders, stopped = [], [], 0
    for k, step in enumerate(steps):
        if step[0] == "place":
            _, order, side, tif, price, lots = step
            place(hbt, order, side == 1, price * tick, lots * lot, TIFS[tif])
            orders.append(order)
        elif step[0] == "cancel":
            cancel(hbt, step[1])
        stopped = elapse(hbt, STEP_NS // 2)
        looks.append(seen_now(hbt, orders, lot))
        if stopped or (k + 1 < len(steps) and (stopped := elapse(hbt, STEP_NS // 2))):
            break
    hbt.close()
    return {"looks": looks, "stopped": int(stopped)}


def seen_now(hbt: Any, orders: list[int], lot: float) -> dict[str, Any]:
    position, bid, ask = look(hbt)
    known = {}
    for order in orders:
        qty, leaves, state = order_seen(hbt, order)
        known[str(order)] = [round((qty - leaves) / lot), STATES[int(state)]]
    return {
        "position": round(position / lot), "bid": None if bid == NO_BID_TICKS else int(bid),
        "ask": None if ask == NO_ASK_TICKS else int(ask), "orders": known,
    }  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cases = json.loads(sys.argv[1])
    print(json.dumps({name: play(case) for name, case in cases.items()}))
