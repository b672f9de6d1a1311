"""Books of single orders whose cancels come from where a chosen law says."""

from __future__ import annotations

import numpy as np

from simcore.calibrate.draws import uniforms
from simcore.records import ASK_BIT, L3_ADD, L3_EXEC, L3_REDUCE, Chunk
from simcore.tape.schema import Instrument
from tests.support import INSTRUMENT, MemoryTape, rows


def planted_tape(n: float, *, events: int = 9000, lots: int = 1, seed: int = 1) -> MemoryTape:
    """A tape of two levels where the share of cancels that come from ahead of a place is (ahead / all)^n: `power3` with that n.

    lots: orders have 1 … lots, as likely each, and are cancelled whole. One trade in six events takes the first in the queue.
    """
    drawn = [uniforms(seed, stream, np.arange(events)).tolist() for stream in range(5)]
    queues: list[list[list[int]]] = [[], []]
    made: list[tuple[int, ...]] = []
    for k, (what, where, place, size, pause) in enumerate(zip(*drawn, strict=True)):
        side = int(where < 0.5)
        queue, price, bit = queues[side], (100, 102)[side], ASK_BIT * side
        ts = 1000 * (k + 1) + int(900 * pause)
        if what < 0.46 or len(queue) < 3:
            queue.append([k + 1, 1 + int(size * lots)])
            made.append((ts, ts, L3_ADD | bit, price, queue[-1][1], k + 1))
        elif what < 0.60:
            made.append((ts, ts, L3_EXEC | bit, price, queue[0][1], queue[0][0]))
            queue.pop(0)
        else:
            order = queue.pop(_at(queue, float(place ** (1.0 / n))))
            made.append((ts, ts, L3_REDUCE | bit, price, order[1], order[0]))
    return tape_of(rows(*made))


def _at(queue: list[list[int]], share: float) -> int:
    """The order that holds a share of the queue's lots, 0 its front."""
    wanted, passed = share * sum(lots for _order, lots in queue), 0
    for k, (_order, lots) in enumerate(queue):
        passed += lots
        if passed > wanted:
            return k
    return len(queue) - 1


def tape_of(book: Chunk, instrument: Instrument = INSTRUMENT) -> MemoryTape:
    """A book of single orders as a tape."""
    tape = MemoryTape(book, instrument, "l3")
    tape.content_hash = "memory"  # type: ignore[attr-defined]
    return tape
