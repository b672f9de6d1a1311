"""Events of a run as tuples; test_oracle_order.py holds their fields to those of simcore/records.py."""

from __future__ import annotations

from typing import NamedTuple


class Request(NamedTuple):
    """What the Node sends."""

    ts: int
    lane: int
    seq: int
    kind: int
    order_id: int
    side: int
    tif: int
    price_ticks: int
    qty_lots: int
    trigger_ticks: int
    display_lots: int
    reduce_only: int
    bid_ticks: int
    ask_ticks: int
    reason: int


class Report(NamedTuple):
    """What the Venue reports."""

    ts: int
    exch_ts: int
    lane: int
    seq: int
    kind: int
    order_id: int
    side: int
    price_ticks: int
    qty_lots: int
    leaves_lots: int
    state: int
    liquidity: int
    fee_units: int
    reason: int


class Fill(NamedTuple):
    """A fill as the Venue made it."""

    exch_ts: int
    ts: int
    lane: int
    seq: int
    order_id: int
    side: int
    price_ticks: int
    qty_lots: int
    leaves_lots: int
    liquidity: int
    reason: int
    fee_units: int
    bid_ticks: int
    ask_ticks: int
    position_lots: int
    ahead_entry_lots: float
    ahead_lots: float


class Markout(NamedTuple):
    """The exchange's best prices some time after a fill."""

    exch_ts: int
    lane: int
    fill_seq: int
    horizon: int
    bid_ticks: int
    ask_ticks: int


class Sample(NamedTuple):
    """The Node's ledger at a tick."""

    ts: int
    lane: int
    bid_ticks: int
    ask_ticks: int
    position_lots: int
    cash_units: int
    fee_units: int
    equity_units: int
    quote_bid_ticks: int
    quote_ask_ticks: int
    open_orders: int
