"""Shadow every real order of an L3 tape with an own one, and say by the tape alone which ones must fill alike.

A *life* is one stay of a real order in a queue: from its L3_ADD row to the row that ends it (a modify that loses
priority is a new life). Its shadow is an own post-only order of the same side, price and quantity that arrives just before the
L3_ADD, so it stands directly in front of the real one; it is amended and cancelled right after the real one is.

Rows keep their order but get a clock of their own, a fixed step a row: so a request can arrive between any two rows, also
between those that share one exchange time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simcore.kernels.state import P_MAX_OPEN
from simcore.records import (
    AMEND,
    ASK,
    BID,
    BOTH_BITS,
    CANCEL,
    CLEAR,
    GAP,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    NO_SIDE_BIT,
    PLACE,
    POST_ONLY,
    REQUEST,
    Chunk,
)
from simcore.runner import run
from tests.support import MemoryTape, script_session

STEP_NS = 1_000

# What keeps a life from being a witness of price-time priority, most telling first.
AUCTION = "executed in an auction"
CROSSED = "the book was crossed at its price (pre-open, or inside an event)"
SELF_MATCH = "an order before it was cancelled by the event that executed the one behind (self-match prevention)"
LISTED = "fills of one event listed out of the order of the queue"
JUMPED = "executed although others stood before it, or one of these"
THROUGH = "another order was executed at a worse price while it rested"
REASONS = (AUCTION, CROSSED, SELF_MATCH, LISTED, JUMPED, THROUGH)


@dataclass
class Life:
    """One stay of a real order in a queue. rows are tape rows; fills: (row, lots) of its executions."""

    order_id: int
    row: int
    side: int
    price: int
    lots: int
    end: int = -1
    fills: list[tuple[int, int]] = field(default_factory=list)
    reductions: list[tuple[int, int]] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)

    @property
    def reason(self) -> str:
        """The most telling reason, or "" for a witness."""
        return next((reason for reason in REASONS if reason in self.reasons), "")


Levels = tuple[dict[int, dict[int, Life]], dict[int, dict[int, Life]]]  # side -> price -> id -> life, first in first


@dataclass(frozen=True)
class Outcome:
    """All lives, and what their shadows filled: (exchange time, lots), one a market event, by position in `lives`."""

    lives: list[Life]
    real_fills: list[list[tuple[int, int]]]
    shadow_fills: list[list[tuple[int, int]]]

    def table(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Return (reason, "executed" or "unfilled") -> (lives, lives whose shadow filled exactly alike)."""
        lives: Counter[tuple[str, str]] = Counter()
        alike: Counter[tuple[str, str]] = Counter()
        for life, real, shadow in zip(self.lives, self.real_fills, self.shadow_fills, strict=True):
            key = (life.reason, "executed" if life.fills else "unfilled")
            lives[key] += 1
            alike[key] += real == shadow
        return {key: (lives[key], alike[key]) for key in sorted(lives)}


def whole(tape: Any) -> Chunk:
    """Return all rows of a tape as one chunk."""
    parts = list(tape.chunks())
    return Chunk(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def lives_of(rows: Chunk, auction_ts: int = -1) -> list[Life]:
    """Follow every order through plain lists, and note what happens to it that price-time priority does not explain."""
    kinds, sides = (rows.ev & KIND_MASK).tolist(), ((rows.ev >> 4) & 1).tolist()
    columns = zip(kinds, sides, rows.price_ticks.tolist(), rows.qty_lots.tolist(), rows.order_id.tolist(), strict=True)
    levels: Levels = ({}, {})
    left: dict[int, int] = {}
    lives: list[Life] = []
    passed: list[tuple[int, Life, Life]] = []
    for i, (kind, side, price, lots, order_id) in enumerate(columns):
        if kind == CLEAR:
            levels = ({}, {})
            left.clear()
        elif kind == L3_ADD:
            life = Life(order_id, i, side, price, lots)
            lives.append(life)
            _note_cross(levels, life)
            levels[side].setdefault(price, {})[order_id] = life
            left[order_id] = lots
        elif kind in (L3_REDUCE, L3_EXEC):
            queue = levels[side][price]
            life = queue[order_id]
            if kind == L3_EXEC:
                life.fills.append((i, lots))
                if int(rows.exch_ts[i]) == auction_ts:
                    life.reasons.add(AUCTION)
                passed += [(i, life, before) for before in _before(queue, life)]
                _note_through(levels, life)
            else:
                life.reductions.append((i, lots))
            left[order_id] -= lots
            if left[order_id] <= 0:
                life.end = i
                del queue[order_id]
                if not queue:
                    del levels[side][price]
    for i, life, before in passed:
        reason = _why_passed(rows.exch_ts, i, before)
        life.reasons.add(reason)
        before.reasons.add(reason)
    return lives


def _better(side: int, price: int, other: int) -> bool:
    return price > other if side == BID else price < other


def _note_cross(levels: Levels, new: Life) -> None:
    """An order that joins at or through the other side's prices: both it and those it reaches are no witnesses."""
    for price, queue in levels[ASK if new.side == BID else BID].items():
        if price == new.price or _better(new.side, new.price, price):
            new.reasons.add(CROSSED)
            for life in queue.values():
                life.reasons.add(CROSSED)


def _note_through(levels: Levels, life: Life) -> None:
    """An execution: orders at better prices should have come first."""
    for price, queue in levels[life.side].items():
        if _better(life.side, price, life.price):
            for other in queue.values():
                other.reasons.add(THROUGH)


def _before(queue: dict[int, Life], life: Life) -> Iterator[Life]:
    for other in queue.values():
        if other is life:
            return
        yield other


def _why_passed(exch_ts: Any, row: int, before: Life) -> str:
    """Say why an order was executed at `row` although `before` stood before it."""
    if any(exch_ts[fill] == exch_ts[row] for fill, _ in before.fills):
        return LISTED
    if before.end >= 0 and exch_ts[before.end] == exch_ts[row]:
        return SELF_MATCH
    return JUMPED


def row_clock(rows: Chunk) -> Chunk:
    """Return the rows behind one GAP row, at the times STEP_NS, 2 * STEP_NS, … on both clocks."""
    count = len(rows.ev) + 1
    ts = np.arange(1, count + 1, dtype=np.int64) * STEP_NS
    ev = np.concatenate([np.array([GAP | NO_SIDE_BIT | BOTH_BITS], np.uint8), rows.ev])
    first = np.zeros(1, np.int64)
    return Chunk(ts, ts, ev, *(np.concatenate([first, column]) for column in rows[3:]))


def script_of(lives: list[Life]) -> Any:
    """Return the requests of all shadows; the shadow of lives[k] has order id k."""
    requests: list[tuple[int, int, int, int, int, int]] = []
    for k, life in enumerate(lives):
        requests.append((_time(life.row) - 1, PLACE, k, life.side, life.price, life.lots))
        total = life.lots
        for row, lots in life.reductions:
            total -= lots
            if row != life.end:
                requests.append((_time(row) + 1, AMEND, k, life.side, life.price, total))
        if life.end >= 0:
            requests.append((_time(life.end) + 1, CANCEL, k, life.side, life.price, 0))
    requests.sort(key=lambda request: request[:3])
    script = np.zeros(len(requests), REQUEST)
    for name, column in zip(("ts", "kind", "order_id", "side", "price_ticks", "qty_lots"), zip(*requests, strict=True), strict=True):
        script[name] = column
    script["seq"] = np.arange(len(requests))
    script["tif"] = POST_ONLY
    return script


def _time(row: int) -> int:
    return (row + 2) * STEP_NS


def shadow_all(rows: Chunk, instrument: Any, lives: list[Life], queue_model: str = "fifo") -> Outcome:
    """Run the shadows of some or all lives of a tape in one lane against it.

    With `fifo` shadows of one lane stand between real orders and do not see each other; other models share a trade
    among the orders of a lane, so with these choose few.
    """
    tape = MemoryTape(row_clock(rows), instrument, "l3")
    sets = [f"venue.queue_model={queue_model}", "venue.self_trade=ignore", "latency.response.ms=0.000001"]
    sets += [f"latency.{kind}.ms=0" for kind in ("place", "amend", "cancel")]
    session = script_session(tape, script_of(lives), sets, slots=len(lives))
    session.state.ints[0, P_MAX_OPEN] = len(lives)  # more than the configuration allows
    run(session)
    shadow: list[list[tuple[int, int]]] = [[] for _ in lives]
    for fill in session.journal.rows("fills"):
        shadow[int(fill["order_id"])].append((int(fill["exch_ts"]) // STEP_NS - 2, int(fill["qty_lots"])))
    return Outcome(lives, [_by_event(rows, life.fills) for life in lives], [_by_event(rows, fills) for fills in shadow])


def _by_event(rows: Chunk, fills: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sum fills by the exchange time of their rows."""
    events: Counter[int] = Counter()
    for row, lots in fills:
        events[int(rows.exch_ts[row])] += lots
    return list(events.items())
