"""What the Venue does to an account on time: funding at fixed hours, margin checks, liquidation (docs/semantics.md 4.8)."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import account, at, ledger, taking
from simcore.kernels.book import BEST_ASK, BEST_BID, NO_ASK, NO_BID
from simcore.kernels.state import (
    NEVER,
    NODE_ONLY,
    P_FUNDING_NS,
    P_FUNDING_RATE,
    P_KIND,
    P_MAINTENANCE,
    P_MARGIN_NS,
    P_SCALE,
    State,
)
from simcore.records import ASK, BID, LIQUIDATION, MARKET, NONE
from simcore.units import INVERSE


@kernel
def run_due(state: State, lane: int, now_ns: int) -> None:
    """Do what is due for a lane's account now, funding first; set when the next is due."""
    record = at.lanes(state)[lane]
    if at.clock(state)[NODE_ONLY] == 1:  # the reports of these events come from a journal
        record.account_ns = NEVER // 8
        return
    account.note_book(state)
    if record.funding_due_ns == now_ns:
        _fund(state, lane, now_ns)
        record.funding_due_ns += at.ints(state)[lane, P_FUNDING_NS]
    if record.margin_due_ns == now_ns:
        if is_short_of_margin(state, lane):
            _liquidate(state, lane, now_ns)
        record.margin_due_ns += at.ints(state)[lane, P_MARGIN_NS]
    record.account_ns = min(record.funding_due_ns, record.margin_due_ns)


@kernel
def levels_taken(state: State, lane: int) -> int:
    """Return how many levels a liquidation of the lane could take from."""
    position = at.lanes(state)[lane].position_lots
    return taking.levels_within(state, lane, ASK if position > 0 else BID, True, 0, abs(position))


@kernel
def _has_mid(state: State) -> bool:
    return at.meta(state.exch)[BEST_BID] != NO_BID and at.meta(state.exch)[BEST_ASK] != NO_ASK


@kernel
def _fund(state: State, lane: int, now_ns: int) -> None:
    """Pay funding at the exchange mid, rounded down to a tick; nothing without a mid."""
    if _has_mid(state):
        mark = (at.meta(state.exch)[BEST_BID] + at.meta(state.exch)[BEST_ASK]) // 2
        account.fund(state, lane, mark, at.ints(state)[lane, P_FUNDING_RATE], now_ns)


@kernel
def is_short_of_margin(state: State, lane: int) -> bool:
    """Return whether the lane's equity is below the maintenance margin of its position at mid; never without a mid."""
    position = at.lanes(state)[lane].position_lots
    if position == 0 or not _has_mid(state):
        return False
    ints = at.ints(state)[lane]
    size = -abs(position) if ints[P_KIND] == INVERSE else abs(position)  # of inverse contracts shorts have a positive value
    value = ledger.position_value(
        ints[P_KIND], ints[P_SCALE], size, at.meta(state.exch)[BEST_BID], at.meta(state.exch)[BEST_ASK]
    )
    return account.equity_units(state, lane, 0) < ledger.proportion(value, ints[P_MAINTENANCE])


@kernel
def _liquidate(state: State, lane: int, now_ns: int) -> None:
    """End all orders and close the position at market; what finds no liquidity stays for the next check."""
    account.end_all(state, lane, now_ns, LIQUIDATION)
    position = at.lanes(state)[lane].position_lots
    index = at.lanes(state).shape[0] * at.node_orders(state).shape[1] + lane
    account.open_order(state, index, lane, 0, ASK if position > 0 else BID, MARKET, 0, abs(position), now_ns)
    order = at.venue_orders(state)[index]
    order.reduce_only = 1
    taking.match(state, index, now_ns)
    order.state = NONE
    at.lanes(state)[lane].liquidations += 1
