"""What rows outside the window of the books cost: `python -m tests.bench.far_levels [ROWS]`, ns of one core a row, both books.

A made market as of a busy perpetual: updates every 100 ms around a mid that wanders, and one row in ten at a price that far
from it, never seen before, or, 4,000 such rows later, taken away again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from simcore import engine
from simcore import records as r
from simcore.bench.measures import book_only, maker
from tests.support import MemoryTape

MID, BURST, LAG = 340_000, 100, 4001
ROUNDS = 5


class HeldTape(MemoryTape):
    """Rows that are cut into chunks beforehand."""

    def __init__(self, rows: r.Chunk) -> None:
        super().__init__(rows)
        self._held = list(super().chunks())

    def chunks(self, *_args: Any, **_options: Any) -> Iterator[r.Chunk]:
        """Yield the chunks."""
        yield from self._held


def made(count: int, far_share: float) -> MemoryTape:
    """Return a tape of so many rows, a share of them far from the market."""
    rng = np.random.default_rng(7)
    burst = np.arange(count) // BURST
    mid = MID + np.cumsum(rng.integers(-3, 4, burst[-1] + 1))[burst]
    side, lots = rng.integers(0, 2, count), rng.integers(0, 50, count)
    away = 1 + np.minimum(rng.geometric(0.005, count), 3000)
    price = np.where(side == r.ASK, mid + away, mid - away)
    far = np.flatnonzero(rng.random(count) < far_share)
    away = 40_000 + rng.integers(0, 100_000, len(far))
    far_side, far_lots = rng.integers(0, 2, len(far)), rng.integers(1, 50, len(far))
    far_price = np.where(far_side == r.ASK, MID + away, MID - away)
    gone = np.arange(LAG + (LAG & 1 ^ 1), len(far), 2)
    far_price[gone], far_side[gone], far_lots[gone] = far_price[gone - LAG], far_side[gone - LAG], 0
    price[far], side[far], lots[far] = far_price, far_side, far_lots
    best = np.arange(1, 200)
    columns = (
        np.concatenate([np.zeros(2 * len(best), np.int64), (1 + burst) * 100_000_000]),
        np.concatenate([np.full(len(best), r.SNAPSHOT), np.full(len(best), r.SNAPSHOT | r.ASK_BIT), r.DEPTH | r.ASK_BIT * side]),
        np.concatenate([MID - best, MID + best, price]), np.concatenate([np.full(2 * len(best), 10), lots]),
    )  # fmt: skip
    when, ev, price, lots = columns
    start = 1_700_000_000_000_000_000
    rows = r.Chunk(start + when, start + when + 1_000_000, (ev | r.BOTH_BITS).astype(np.uint8), price, lots, np.zeros(0, np.int64))
    return HeldTape(rows)


def ns_a_row(tape: MemoryTape) -> float:
    """Return the least of some rounds."""
    spent = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        book_only(tape)
        spent.append(time.thread_time() - begun)
    return min(spent) / tape.rows * 1e9


if __name__ == "__main__":
    engine.warmup(maker())
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    for share in (0.0, 0.1):
        print(f"{share:4.0%} of {rows:,} rows far: {ns_a_row(made(rows, share)):.1f} ns a row")
