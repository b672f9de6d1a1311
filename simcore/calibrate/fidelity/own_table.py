"""The table of recorded own orders that all readers make."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simcore.errors import CalibrateError
from simcore.records import IntArray

NONE = -1  # no such time


class OwnOrders(NamedTuple):
    """Own orders that rested, int64 [orders], by time of placing; times in ns of the exchange's clock.

    side: BID or ASK.  placed_ts: when it joined its level.  filled_ts: its first fill, NONE.  ended_ts: when it left without
    one, NONE: it stayed, or it filled.
    """

    side: IntArray
    price_ticks: IntArray
    lots: IntArray
    placed_ts: IntArray
    filled_ts: IntArray
    ended_ts: IntArray


def own_orders(
    side: IntArray, price_ticks: IntArray, lots: IntArray, placed_ts: IntArray, filled_ts: IntArray, ended_ts: IntArray, where: str
) -> OwnOrders:
    """Return checked orders by time of placing. CAL-033 names the first that fills or ends before it is placed."""
    for name, times in (("filled", filled_ts), ("ended", ended_ts)):
        early = np.flatnonzero((times != NONE) & (times < placed_ts))
        if len(early):
            row = int(early[0])
            raise CalibrateError("CAL-033", f"{where}: row {row + 1} is {name} at {times[row]} ns, before it is placed at {placed_ts[row]} ns")
    ended = np.where(filled_ts != NONE, NONE, ended_ts)
    order = np.argsort(placed_ts, kind="stable")
    columns = (side, price_ticks, lots, placed_ts, filled_ts, ended)
    return OwnOrders(*(np.ascontiguousarray(column[order], np.int64) for column in columns))
