"""DBN files made with the package's own records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import databento_dbn as dbn

T0 = 1_733_011_200_000_000_000
E9 = 1_000_000_000
ID, PUBLISHER = 42, 1
UNDEFINED = 2**63 - 1
SIDES = {"B": dbn.Side.BID, "A": dbn.Side.ASK, "N": dbn.Side.NONE}
ACTIONS = {"A": dbn.Action.ADD, "C": dbn.Action.CANCEL, "M": dbn.Action.MODIFY, "F": dbn.Action.FILL, "T": dbn.Action.TRADE, "R": dbn.Action.CLEAR, "N": dbn.Action.NONE}


def header(schema: str | None, start: int = T0, names: dict[str, int] | None = None, dataset: str = "GLBX.MDP3") -> bytes:
    """Return the metadata; names: symbols and their ids."""
    day = dt.date(2024, 12, 1)
    mappings: Any = [
        SimpleNamespace(raw_symbol=name, intervals=[SimpleNamespace(start_date=day, end_date=day + dt.timedelta(days=1), symbol=str(number))])
        for name, number in ({"ESH5": ID} if names is None else names).items()
    ]
    made = dbn.Metadata(
        dataset=dataset, start=start, stype_in=dbn.SType.RAW_SYMBOL, stype_out=dbn.SType.INSTRUMENT_ID, schema=None if schema is None else dbn.Schema.from_str(schema),
        symbols=list(names or ["ESH5"]), partial=[], not_found=[], mappings=mappings, version=3,
    )  # fmt: skip
    return made.encode()


def file(schema: str | None, records: Sequence[Any], **more: Any) -> bytes:
    return header(schema, **more) + b"".join(bytes(record) for record in records)


def order(at: int, action: str, side: str, price: float, size: int, order_id: int, flags: int = 128, instrument: int = ID, publisher: int = PUBLISHER) -> Any:
    """Return an mbo record; at: µs after T0 at the exchange, 5 µs before it is received."""
    raw = UNDEFINED if price == 0 else round(price * E9)
    return dbn.MBOMsg(publisher, instrument, T0 + at * 1000, order_id, raw, size, ACTIONS[action], SIDES[side], T0 + at * 1000 + 5000, flags=flags)


def levels(at: int, action: str, side: str, price: float, size: int, bids: list[tuple[float, int]], asks: list[tuple[float, int]], flags: int = 128) -> Any:
    """Return an mbp-10 record with the best levels after it."""
    none = (UNDEFINED / E9, 0)
    padded = [(found + [none] * 10)[:10] for found in (bids, asks)]
    pairs = [
        dbn.BidAskPair(bid_px=UNDEFINED if b == none else round(b[0] * E9), ask_px=UNDEFINED if a == none else round(a[0] * E9), bid_sz=b[1], ask_sz=a[1], bid_ct=1, ask_ct=1)
        for b, a in zip(*padded, strict=True)
    ]
    return dbn.MBP10Msg(PUBLISHER, ID, T0 + at * 1000, round(price * E9), size, ACTIONS[action], SIDES[side], 0, T0 + at * 1000 + 5000, flags=flags, levels=pairs)


def trade(at: int, side: str, price: float, size: int, **more: Any) -> Any:
    return dbn.TradeMsg(PUBLISHER, ID, T0 + at * 1000, round(price * E9), size, dbn.Action.TRADE, SIDES[side], 0, T0 + at * 1000 + 5000, flags=128, **more)


def definition(tick: float = 0.25, unit: float = 50.0, symbol: str = "ESH5", instrument: int = ID, kind: Any = dbn.InstrumentClass.FUTURE, **more: Any) -> Any:
    return dbn.InstrumentDefMsg(
        PUBLISHER, instrument, T0, T0, round(tick * E9), E9, symbol, "ES", "FUT", kind, dbn.SecurityUpdateAction.ADD, unit_of_measure_qty=round(unit * E9),
        currency="USD", unit_of_measure="IPNT", **more,
    )  # fmt: skip


ORDERS = [
    order(0, "R", "N", 0, 0, 0), order(1, "A", "B", 10.0, 5, 7), order(2, "A", "A", 11.0, 3, 8), order(3, "T", "A", 10.0, 2, 0), order(3, "F", "B", 10.0, 2, 7),
    order(3, "C", "B", 10.0, 2, 7), order(4, "M", "A", 11.0, 1, 8), order(5, "A", "B", 9.75, 9, 9), order(6, "M", "B", 10.25, 9, 9), order(7, "C", "B", 10.0, 3, 7),
]  # fmt: skip
LEVELS = [
    levels(0, "A", "B", 10.0, 5, [(10.0, 5)], [(11.0, 3)]), levels(1, "T", "A", 10.0, 2, [(10.0, 5)], [(11.0, 3)]), levels(1, "C", "B", 10.0, 2, [(10.0, 3)], [(11.0, 3)]),
    levels(2, "A", "B", 10.5, 4, [(10.5, 4), (10.0, 3)], [(11.0, 3)]), levels(3, "C", "B", 10.5, 4, [(10.0, 3)], [(11.0, 3)]),
]  # fmt: skip
TRADES = [trade(i, "BAN"[i % 3], 10.0 + i % 2, i + 1) for i in range(6)]


def mbo() -> bytes:
    return file("mbo", [definition(), *ORDERS])


def mbp10() -> bytes:
    return file("mbp-10", LEVELS)


def trades() -> bytes:
    return file("trades", TRADES)
