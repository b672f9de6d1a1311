"""Own orders of a run folder of ours: what its journal says of each stay in a queue."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simcore import manifest
from simcore.calibrate.fidelity.own_table import NONE, OwnOrders, own_orders
from simcore.errors import CalibrateError
from simcore.journal.store import read_stream
from simcore.records import ACKED, AMENDED, ENDED, GTC, MAKER, PLACE, POST_ONLY, TRADED
from simcore.report.folder import open_run
from simcore.tape.schema import Instrument


def orders_of_run(path: Path, instrument: Instrument) -> OwnOrders:
    """Return the stays in a queue of a run's plain limit orders; an amend that loses its place begins a new one.

    Orders that took liquidity, icebergs and orders with a trigger are left out. CAL-033: there are none; CAL-034: another
    symbol's run; JRNL-001: no run.
    """
    run = open_run(path)
    symbol = run.note["instrument"]["symbol"]
    if symbol != instrument.symbol:
        raise CalibrateError("CAL-034", f"{path} is a run of {symbol}, the tape of {instrument.symbol}")
    reduced_stays = manifest.config_of(path, run.note).venue.amend_keeps_place
    requests, reports = read_stream(path, "requests"), read_stream(path, "reports")
    plain = (requests["kind"] == PLACE) & (requests["display_lots"] == 0) & ((requests["tif"] == GTC) | (requests["tif"] == POST_ONLY))
    known = set(requests["order_id"][plain].tolist())
    stays: list[list[int]] = []
    resting: dict[int, list[int]] = {}
    rows = reports[np.argsort(reports["exch_ts"], kind="stable")]
    columns = (rows[name].tolist() for name in ("kind", "order_id", "exch_ts", "side", "price_ticks", "qty_lots", "liquidity"))
    for kind, order, ts, side, price, lots, liquidity in zip(*columns, strict=True):
        if kind == ACKED and order in known:
            resting[order] = [side, price, lots, ts, NONE, NONE]
        elif order not in resting:
            continue
        elif kind == TRADED:
            stay = resting.pop(order)
            if liquidity == MAKER:
                stays.append([*stay[:4], ts, NONE])
        elif kind == ENDED:
            stays.append([*resting.pop(order)[:5], ts])
        elif kind == AMENDED and (price != resting[order][1] or lots > resting[order][2] or not reduced_stays):
            stays.append([*resting[order][:5], ts])
            resting[order] = [side, price, lots, ts, NONE, NONE]
    stays += resting.values()
    if not stays:
        raise CalibrateError("CAL-033", f"{path}: the run has no orders that rested in a queue")
    side, price, lots, placed, filled, ended = np.array(stays, np.int64).T
    return own_orders(side, price, lots, placed, filled, ended, str(path))
