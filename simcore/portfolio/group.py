"""Symbols that share a process: each runs from pause to pause; linked ones see each other's books tick by tick."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from simcore.errors import MmsimError
from simcore.kernels import book as bk
from simcore.kernels import state as st
from simcore.portfolio.measure import MeasuredStore, Totals
from simcore.portfolio.members import Member
from simcore.records import ASK, BID, STOP_MARKET
from simcore.runner import AFTER_TICKS, BEFORE_TICKS, Session, send_control, show_linked
from simcore.tape.schema import Instrument
from simcore.units import INVERSE, to_decimal


class Control(NamedTuple):
    """What an allocator tells a symbol's Node; see `simcore.runner.send_control`."""

    weight: float
    max_quotes: int
    budget_lots: int
    blocked: bool


class Snapshot(NamedTuple):
    """A symbol at a barrier: small numbers, the only ones that leave its process.

    lot_value   value of a lot at the Node's mid, quote currency; None without a mid.
    worst_lots  the largest position, of either sign, that it can reach with the orders it has.
    """

    ended: bool
    totals: Totals
    position_lots: int
    worst_lots: int
    lot_value: Fraction | None


@dataclass
class Player:
    """A symbol on its way: its session, and the function that takes it to a key (`simcore.runner.run_until`)."""

    member: Member
    session: Session
    step: Callable[[int], bool]
    first: Control | None = None
    begun: bool = False
    ended: bool = False

    @property
    def origin_ts(self) -> int:
        """Start of its run, ns since 1970."""
        return int(self.session.state.clock[st.ORIGIN])

    @property
    def now_ts(self) -> int:
        """Time of its next event, ns since 1970; of its end at the end."""
        clock = self.session.state.clock
        key = int(self.session.state.keys[0])
        return min((key >> 3) + int(clock[st.ORIGIN]), int(clock[st.END_TS]))

    @property
    def next_tick_ts(self) -> int:
        """Time of its next tick, ns since 1970; beyond all times if there is none."""
        return int(self.session.state.lanes["tick_ns"][0]) + self.origin_ts

    def until(self, ts: int, side: int) -> None:
        """Go to before or after the ticks of a time; what has not begun or has ended stays where it is."""
        if self.ended or ts < self.origin_ts:
            return
        if not self.begun:
            self._begin()
        self._go((ts - self.origin_ts) * 8 + side)

    def run_out(self) -> None:
        """Go to the end."""
        if not self.begun:
            self._begin()
        if not self.ended:
            self._go(st.NEVER)

    def tell(self, ts: int, control: Control) -> None:
        """Send a control at the time of the present pause."""
        if not self.ended:
            send_control(self.session, 0, ts - self.origin_ts, *control)

    def _begin(self) -> None:
        self.begun = True
        if self.first is not None:
            self._go(AFTER_TICKS)
            self.tell(self.origin_ts, self.first)

    def _go(self, key: int) -> None:
        try:
            self.ended = self.step(key)
        except MmsimError as exc:
            name = self.member.name
            if name in exc.cause or self.member.tape.instrument.symbol in exc.cause:
                raise
            when = np.datetime64(self.now_ts, "ns")
            raise type(exc)(exc.code, f"{name}, at {when} UTC: {exc.cause}") from exc


class LinkRates(NamedTuple):
    """How a leader's ticks and lots become a follower's.

    tick                  a tick of the leader in ticks of the follower.
    quote                 quote currency of a tick of the follower.
    lead, own             what a lot holds: base currency, of inverse contracts quote currency.
    lead_price, own_price power of the price by which that becomes what both are measured in.
    """

    tick: float
    quote: float
    lead: float
    own: float
    lead_price: int
    own_price: int

    @classmethod
    def of(cls, lead: Instrument, own: Instrument) -> LinkRates:
        """Return the rates of two instruments: lots of one base currency hold the same amount of it, others the same value."""
        by_amount = lead.base == own.base
        powers = [(-1 if by_amount else 0) if one.kind_code == INVERSE else (0 if by_amount else 1) for one in (lead, own)]
        sizes = [float(to_decimal(one.lot_size) * to_decimal(one.contract_size)) for one in (lead, own)]
        ticks = [to_decimal(one.tick_size) for one in (lead, own)]
        return cls(float(ticks[0] / ticks[1]), float(ticks[1]), sizes[0], sizes[1], powers[0], powers[1])

    def lot(self, lead_mid2: int, own_mid2: int) -> float:
        """Return a lot of the leader in lots of the follower at their mids, given as bid + ask."""
        lead = at_price(self.lead, self.lead_price, 0.5 * lead_mid2 * self.tick * self.quote)
        return lead / at_price(self.own, self.own_price, 0.5 * own_mid2 * self.quote)


def at_price(size: float, power: int, price: float) -> float:
    """Return size x price^power for a power of -1, 0 or 1; a price that is not there counts as 1."""
    if power == 0 or price <= 0.0:
        return size
    return size * price if power > 0 else size / price


class Group:
    """Players that share a timeline as far as they are linked."""

    def __init__(self, players: Sequence[Player]) -> None:
        self.players = {player.member.key: player for player in players}
        self._followers = [player for player in players if player.member.leader is not None]
        named = {player.member.leader for player in self._followers} | {player.member.key for player in self._followers}
        self._linked = [player for player in players if player.member.key in named]
        self._rates = {
            player.member.key: LinkRates.of(self._leader(player).member.tape.instrument, player.member.tape.instrument)
            for player in self._followers
        }
        for player in self._followers:
            player.session.state.floats[0, st.F_LINK_TICK] = self._rates[player.member.key].tick

    def advance(self, ts: int) -> dict[str, Snapshot]:
        """Run all to after the ticks of a time; return what those that have begun are like then."""
        self.run_linked(ts)
        for player in self.players.values():
            player.until(ts, AFTER_TICKS)
        return {key: snapshot(player) for key, player in self.players.items() if player.begun}

    def run_out(self) -> None:
        """Run all to their ends."""
        self.run_linked(None)
        for player in self.players.values():
            player.run_out()

    def tell(self, ts: int, controls: Mapping[str, Control]) -> None:
        """Send controls at the time of the present pause."""
        for key, control in controls.items():
            if key in self.players:
                self.players[key].tell(ts, control)

    def run_linked(self, last_ts: int | None) -> None:
        """Let followers tick up to a time, each shown its leader as it is before the ticks of that moment."""
        while True:
            waiting = [player for player in self._followers if not player.ended]
            ts = min((player.next_tick_ts for player in waiting), default=st.NEVER << 2)
            if not waiting or (last_ts is not None and ts > last_ts) or ts - min(p.origin_ts for p in waiting) >= st.NEVER >> 3:
                return
            for player in self._linked:
                player.until(ts, BEFORE_TICKS)
            acting = [player for player in waiting if player.next_tick_ts == ts and not player.ended]
            for player in acting:
                show(player, self._leader(player), self._rates[player.member.key])
            for player in acting:
                player.until(ts, AFTER_TICKS)

    def _leader(self, follower: Player) -> Player:
        assert follower.member.leader is not None
        return self.players[follower.member.leader]


def show(follower: Player, leader: Player, rates: LinkRates) -> None:
    """Show a follower its leader's Node: best quotes with their lots, and the position.

    A leader that has not begun, has ended, or has no mid is not there; its position then counts at the last rate.
    """
    book, state = leader.session.state.local, follower.session.state
    bid, ask = int(book.meta[bk.BEST_BID]), int(book.meta[bk.BEST_ASK])
    position = int(leader.session.state.lanes["node_position_lots"][0])
    if not leader.begun or leader.ended or bid == bk.NO_BID or ask == bk.NO_ASK or bid >= ask:
        show_linked(follower.session, 0, False, 0, 0, 0, 0, position)
        return
    own_mid2 = int(state.local.meta[bk.BEST_BID]) + int(state.local.meta[bk.BEST_ASK])
    state.floats[0, st.F_LINK_LOT] = rates.lot(bid + ask, own_mid2)
    show_linked(follower.session, 0, True, bid, ask, lots_at(book, BID, bid), lots_at(book, ASK, ask), position)


def lots_at(book: Any, side: int, price: int) -> int:
    """Return the lots of a level: in the book's window, or in its table of far levels."""
    column = price - int(book.meta[bk.BASE])
    if 0 <= column < book.lots.shape[1]:
        return int(book.lots[side, column])
    return int(book.far_lots[book.far_key == 2 * price + side].sum())


def snapshot(player: Player) -> Snapshot:
    """Return what a paused player is like."""
    state = player.session.state
    lane = state.lanes[0]
    book = state.local
    bid, ask = int(book.meta[bk.BEST_BID]), int(book.meta[bk.BEST_ASK])
    has_mid = bid != bk.NO_BID and ask != bk.NO_ASK and bid < ask
    store = player.session.journal
    assert isinstance(store, MeasuredStore)
    store.look(player.session)
    instrument = player.member.tape.instrument
    position = int(lane["node_position_lots"])
    worst = worst_lots(state)
    if has_mid:
        store.mid2 = bid + ask
    totals = Totals(
        int(lane["node_cash_units"]) - int(lane["node_fee_units"]) + _position_units(state, position, store.mid2),
        int(lane["turnover_units"]), int(lane["orders"]), store.orders_filled, store.maker_lots, store.reached_lots,
        store.priced, store.slipped, store.marked, store.moved,
    )  # fmt: skip
    return Snapshot(player.ended, totals, position, worst, lot_value(instrument, bid + ask) if has_mid else None)


def lot_value(instrument: Instrument, mid2: int) -> Fraction:
    """Return the value of one lot in quote currency at a mid, given as bid + ask in ticks."""
    lot = Fraction(to_decimal(instrument.lot_size)) * Fraction(to_decimal(instrument.contract_size))
    if instrument.kind_code == INVERSE:
        return lot
    return lot * Fraction(to_decimal(instrument.tick_size)) * Fraction(mid2, 2)


def worst_lots(state: Any) -> int:
    """Return the largest position that a Node's present one and its live orders could become, whichever fill.

    An order with an amend under way may come to have either quantity. Protective orders only reduce.
    """
    position = int(state.lanes["node_position_lots"][0])
    open_lots = [0, 0]
    for i in range(int(state.lanes["live_count"][0])):
        order = state.node_orders[0, int(state.live[0, i])]
        if order["tif"] < STOP_MARKET:
            executed = int(order["qty_lots"]) - int(order["leaves_lots"])
            wanted = int(order["want_lots"]) - executed if order["pending"] == st.AMENDING else 0
            open_lots[int(order["side"])] += max(int(order["leaves_lots"]), wanted)
    return max(abs(position), position + open_lots[BID], open_lots[ASK] - position)


def _position_units(state: Any, position: int, mid2: int) -> int:
    kind, scale = int(state.ints[0, st.P_KIND]), int(state.ints[0, st.P_SCALE])
    if position == 0 or mid2 == 0:
        return 0
    return (-position * 2 * scale) // mid2 if kind == INVERSE else position * mid2 * scale // 2
