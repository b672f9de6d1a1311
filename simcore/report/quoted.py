"""The price that we asked for: what the price of a fill is held against."""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.records import (
    AMEND,
    ASK,
    BID,
    MARKET,
    NO_PRICE,
    PLACE,
    STOP_MARKET,
    TAKE_PROFIT_MARKET,
    TAKER,
    IntArray,
    Record,
)
from simcore.report.folder import RunFolder

_TRIGGERED = (STOP_MARKET, TAKE_PROFIT_MARKET)


def quoted_ticks(run: RunFolder) -> IntArray:
    """Return the quoted price [n] of each fill, NO_PRICE where there is none.

    A maker fills at its own price. A taker's is the price of its order; for a market order the best opposite price that the
    Node saw when it sent the order, for a stop or take-profit without a limit its trigger.
    """
    fills = run.fills
    quoted: IntArray = fills["price_ticks"].copy()
    takers = np.flatnonzero(fills["liquidity"] == TAKER)
    if not len(takers):
        return quoted
    rows, found = last_requests(run.requests_of(fills["order_id"][takers]), fills[takers])
    quoted[takers] = np.where(found, wanted_ticks(rows), NO_PRICE)
    return quoted


def wanted_ticks(requests: Record) -> IntArray:
    """Return the price [n] that each place or amend asks for, as `quoted_ticks` says; NO_PRICE without one."""
    tif, side = requests["tif"], requests["side"]
    placed = requests["kind"] == PLACE
    opposite = np.where(side == BID, requests["ask_ticks"], np.where(side == ASK, requests["bid_ticks"], NO_PRICE))
    wanted = np.where(placed & (tif == MARKET), opposite, requests["price_ticks"])
    return np.where(placed & np.isin(tif, _TRIGGERED), requests["trigger_ticks"], wanted)


def last_requests(requests: Record, fills: Record) -> tuple[Record, Any]:
    """Return for each fill [n] the request that gave its order its price, and whether there is one.

    That is the last place or amend of the order sent at or before the fill; for a maker, the last of those at the fill's
    price: a later amend may be on its way. A taker has none on its way, since it fills when its request arrives.
    """
    sent = requests[np.isin(requests["kind"], (PLACE, AMEND))]
    sent = sent[np.lexsort((sent["seq"], sent["ts"], sent["order_id"]))]
    found = np.zeros(len(fills), bool)
    rows = np.zeros(len(fills), requests.dtype)
    starts = np.searchsorted(sent["order_id"], fills["order_id"], side="left")
    ends = np.searchsorted(sent["order_id"], fills["order_id"], side="right")
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        fill = fills[i]
        for row in sent[start:end][::-1]:
            if row["ts"] <= fill["exch_ts"] and (
                fill["liquidity"] == TAKER or row["price_ticks"] == fill["price_ticks"]
            ):
                rows[i], found[i] = row, True
                break
    return rows, found
