"""Tapes on which the best half-spread is known, or does not matter: order flow of a formula, played by the real engine.

In each step the mid moves by some ticks up or down, the maker requotes around it, and then one buyer and one seller come who
trade through to a random depth. A quote at distance d from the mid fills with the probability that the depth reaches d, and
earns d; with the mid's moves independent of all else, the expected profit of a step is 2 d P(depth >= d).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simcore.config.load import load_config
from simcore.published.exchange import START_TS, TICK_MS, rows_of, write_tape
from simcore.records import ASK_BIT, BEST, TRADE

MEAN_TICKS = 40.0  # 1 / k: the best half-spread of the exponential depth
LEAST_TICKS = 5.0
MID_TICKS = 1 << 20
MOVE_TICKS = 4
STEPS = 600
STEP_NS = 500_000_000
DAY_NS = 86_400_000_000_000


def exponential(uniform):
    """Depths with P(depth >= d) = exp(-d / MEAN_TICKS): 2 d exp(-d / MEAN_TICKS) is largest at d = MEAN_TICKS (the fill rate
    of Avellaneda and Stoikov 2008, whose maker without risk quotes 1 / k from the mid)."""
    return -MEAN_TICKS * np.log(uniform)


def indifferent(uniform):
    """Depths with P(depth >= d) = LEAST_TICKS / d: every d from LEAST_TICKS on is expected to earn the same."""
    return LEAST_TICKS / uniform


def write_days(folder: Path, depth, seed: int, days: int) -> tuple[Path, ...]:
    """Write tapes of the flow, one a day; return their paths."""
    paths = []
    for day in range(days):
        random = np.random.default_rng([seed, day])
        mid = MID_TICKS + np.cumsum(np.where(random.random(STEPS) < 0.5, MOVE_TICKS, -MOVE_TICKS))
        reach = np.minimum(depth(1.0 - random.random((2, STEPS))), 1e5).astype(np.int64)  # whole ticks, rounded down
        start = START_TS + day * DAY_NS
        ts = start + np.arange(STEPS)[:, None] * STEP_NS + np.array([0, 0, 250, 250]) * 1_000_000
        price = np.stack([mid - 1, mid + 1, mid + reach[0], mid - reach[1]], axis=1)
        kinds = np.broadcast_to(np.array([BEST, BEST | ASK_BIT, TRADE, TRADE | ASK_BIT]), price.shape)
        rows = rows_of(ts.ravel(), kinds.ravel(), price.ravel(), np.full(price.size, 50))
        paths.append(folder / f"flow-{day + 1}.parquet")
        write_tape(paths[-1], "l2", [rows], {"format": "model", "model": depth.__name__, "seed": seed})
    return tuple(paths)


def maker(half_spread_ticks: float):
    """Return the demo maker at this half-spread, without skew, latency or fees."""
    keys = {
        "strategy.name": "demo_maker", "node.tick_interval_ms": TICK_MS, "strategy.params.spread.half_spread_bps": 0,
        "strategy.params.spread.half_spread_ticks": half_spread_ticks, "strategy.params.inventory.skew_bps": 0,
        "strategy.params.inventory.max_position_lots": 1000, "node.sample_interval_ms": 1000,
        **{f"latency.{leg}.ms": 0 for leg in ("place", "amend", "cancel", "response")},
    }  # fmt: skip
    return load_config(None, [f"{key}={value}" for key, value in keys.items()])
