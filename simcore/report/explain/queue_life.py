"""How the queue ahead of an order moved: the run is played again, and paused at the tape's rows that touch its price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from simcore import engine
from simcore.journal.store import JournalStore
from simcore.kernels import state as st
from simcore.link import link
from simcore.params import queue_file
from simcore.portfolio.group import lots_at
from simcore.records import (
    ASK_BIT,
    BEST,
    BID,
    CLEAR,
    CONTROL,
    EXCH_BIT,
    KIND_MASK,
    L3_EXEC,
    NO_SIDE_BIT,
    TRADE,
    IntArray,
)
from simcore.report.explain.linked import Pair
from simcore.report.explain.subject import Subject
from simcore.runner import AFTER_TICKS, Session, empty_buffers, run_until, send_control

STEPS_MAX = 20_000  # pauses an order may cost; its later life is then told by the journal alone
_AFTER_ROWS, _AFTER_REQUESTS = st.CLASS_REQUEST, st.CLASS_MARKOUT  # classes of a key to pause at
_OPEN = (1, 2)  # NEW, PARTIALLY_FILLED


class Stay(NamedTuple):
    """An order at one price, from its arrival there (or ts of the amend's) until it left, exchange time in ns."""

    begin_ts: int
    end_ts: int
    price_ticks: int
    side: int


class Move(NamedTuple):
    """What the rows of one moment did to the queue.  traded_lots: printed at the price by the other side."""

    ts: int
    before_lots: float
    after_lots: float
    traded_lots: int
    level_lots: int


@dataclass
class QueueLife:
    """joined_lots: ahead at joining each price.  moves: what changed that, up to the last fill.  cut: not all was watched."""

    joined_lots: list[float] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    last_lots: float | None = None
    fills: Any = None
    cut: bool = False

    @property
    def by_trades(self) -> float:
        """Lots ahead that trades took."""
        return sum(
            min(move.before_lots - move.after_lots, move.traded_lots)
            for move in self.moves
            if move.after_lots < move.before_lots
        )

    @property
    def by_cancels(self) -> float:
        """Lots ahead that went without a trade."""
        return (
            sum(move.before_lots - move.after_lots for move in self.moves if move.after_lots < move.before_lots)
            - self.by_trades
        )


def watch(subject: Subject, order_id: int, stays: Sequence[Stay]) -> QueueLife:
    """Play the run again up to the order's end, and note what is ahead of it whenever a row touches its price."""
    config = subject.config
    linked = link(config.strategy.name, queue_file(config.venue.queue_model))
    session = engine.new_session(subject.tape, [config], linked, JournalStore(None))
    player = _Player(session, subject)
    life = QueueLife()
    steps = 0
    for stay in stays:
        player.go(stay.begin_ts, _AFTER_REQUESTS)
        order = player.order(order_id)
        if order is None:  # it never rested: taken, refused, or filled at once
            continue
        ahead = float(order["ahead_lots"])
        life.joined_lots.append(ahead)
        life.last_lots = ahead
        for ts, traded in _moments(subject, stay):
            steps += 1
            if steps > STEPS_MAX:
                life.cut = True
                break
            player.go(ts, _AFTER_ROWS)
            order = player.order(order_id)
            if order is None:  # its last fill tells what was ahead just before
                break
            now = float(order["ahead_lots"])
            if now != ahead:
                life.moves.append(Move(ts, ahead, now, traded, player.level_lots(stay)))
            life.last_lots = ahead = now
    if stays:
        player.go(stays[-1].end_ts, _AFTER_REQUESTS)
    empty_buffers(session)
    fills = session.journal.rows("fills")
    life.fills = fills[fills["order_id"] == order_id]
    return life


class _Player:
    """A run that goes on from pause to pause, told again what the allocator told it."""

    def __init__(self, session: Session, subject: Subject) -> None:
        self.session = session
        self.controls = subject.reports[subject.reports["kind"] == CONTROL]
        self.told = 0
        self.origin = int(session.state.clock[st.ORIGIN])
        self.pair = Pair(subject, session, lambda key: run_until(session, key)) if subject.follows else None

    def go(self, ts: int, event: int) -> None:
        """Run until all events before (ts, class) are done."""
        while self.told < len(self.controls):
            row = self.controls[self.told]
            told_ts = int(row["exch_ts"])
            if (told_ts, AFTER_TICKS) > (ts, event):
                break
            self._step(told_ts, AFTER_TICKS)
            send_control(
                self.session, 0, told_ts - self.origin, int(row["price_ticks"]) / 1_000_000, int(row["leaves_lots"]),
                int(row["qty_lots"]), bool(row["state"]),
            )  # fmt: skip
            self.told += 1
        self._step(ts, event)

    def _step(self, ts: int, event: int) -> None:
        if self.pair is None:
            run_until(self.session, (ts - self.origin) * 8 + event)
            return
        if event == AFTER_TICKS:
            self.pair.ticks(ts)
        self.pair.go(ts, event)

    def order(self, order_id: int) -> Any:
        """Return the order as the exchange has it, None if it is not open."""
        orders = self.session.state.venue_orders
        found = np.flatnonzero((orders["order_id"] == order_id) & np.isin(orders["state"], _OPEN))
        return orders[int(found[0])] if len(found) else None

    def level_lots(self, stay: Stay) -> int:
        """Return the lots that the exchange's book shows at the price."""
        return lots_at(self.session.state.exch, stay.side, stay.price_ticks)


def _moments(subject: Subject, stay: Stay) -> Iterator[tuple[int, int]]:
    """Yield (exchange time, lots traded at the price by the other side) of rows that may touch an order, by time."""
    config = subject.config
    times: list[IntArray] = []
    lots: list[IntArray] = []
    for chunk in subject.tape.chunks(repeat=config.run.repeat, until_ts=config.run.to_ts):
        if len(chunk.exch_ts) and int(chunk.exch_ts.min()) > stay.end_ts:
            break
        near = (chunk.exch_ts > stay.begin_ts) & (chunk.exch_ts <= stay.end_ts) & (chunk.ev & EXCH_BIT != 0)
        near &= _touches(chunk, stay)
        times.append(chunk.exch_ts[near])
        lots.append(np.where(_trades_at(chunk, stay), chunk.qty_lots, 0)[near])
    if not times:
        return
    every, traded = np.concatenate(times), np.concatenate(lots)
    order = np.argsort(every, kind="stable")
    every, traded = every[order], traded[order]
    moments, starts = np.unique(every, return_index=True)
    if len(starts):
        yield from zip(moments.tolist(), np.add.reduceat(traded, starts).tolist(), strict=True)


def _touches(chunk: Any, stay: Stay) -> Any:
    """Return which rows can change the order or what is ahead of it: at its price, through it, or clearing its side."""
    kind = chunk.ev & KIND_MASK
    through = chunk.price_ticks < stay.price_ticks if stay.side == BID else chunk.price_ticks > stay.price_ticks
    own_side = (chunk.ev & ASK_BIT != 0) == (stay.side != BID)
    return (
        (chunk.price_ticks == stay.price_ticks) | (kind == CLEAR) | ((kind == BEST) & through)
        | (np.isin(kind, (TRADE, L3_EXEC)) & through) | (~own_side & through & (kind != TRADE))
    )  # fmt: skip


def _trades_at(chunk: Any, stay: Stay) -> Any:
    """Return which rows are trades at the price against the order's side."""
    kind = chunk.ev & KIND_MASK
    seller = chunk.ev & ASK_BIT != 0
    against = (chunk.ev & NO_SIDE_BIT != 0) | (seller == (stay.side == BID))
    return (kind == TRADE) & (chunk.price_ticks == stay.price_ticks) & against
