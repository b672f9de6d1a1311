"""Bitstamp order log: exact rows of small inputs, codes, and the real log against its own L2 snapshots."""

from __future__ import annotations

import json
import lzma
import os
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, KIND_MASK, L3_ADD, L3_EXEC, L3_REDUCE, TRADE
from simcore.tape.convert import bitstamp
from simcore.tape.convert.base import ConvertOptions

REAL = Path(os.environ.get("MMSIM_REAL_DATA", Path(__file__).parents[4] / "shared" / "data"))
LOG = REAL / "l3" / "bitstamp_2015" / "2015-05-01.log.xz"
CSV = REAL / "l3" / "bitstamp_2015" / "orders.csv.xz"
T0 = 1_430_438_404_000


def order(ms: int, kind: str, order_id: int, side: int, price: str, amount: str) -> str:
    data = {"price": price, "amount": amount, "datetime": "1430438404", "id": order_id, "order_type": side}
    return f"{T0 + ms} order_{kind} {json.dumps(data)}"


def trade(ms: int, price: float, amount: float) -> str:
    return f'{T0 + ms} trade {json.dumps({"price": price, "amount": amount, "id": T0 + ms})}'


SMALL = [
    order(0, "created", 10, 1, "236.50", "2"),  # a resting ask
    order(1, "created", 11, 0, "236.60", "3"),  # a bid that takes it and rests with 1
    order(2, "deleted", 10, 1, "236.50", "0"),
    order(3, "changed", 11, 0, "236.60", "1"),
    trade(4, 236.5, 2.0),
    order(5, "created", 12, 1, "236.60", "0.4"),  # an ask that takes 0.4 of the bid and never rests
    order(6, "deleted", 12, 1, "236.60", "0"),
    order(7, "changed", 11, 0, "236.60", "0.6"),
    trade(8, 236.59999999999999, 0.4),
    order(9, "deleted", 11, 0, "236.60", "0.6"),  # a cancel
    order(10, "deleted", 5, 0, "230", "1.5"),  # from before the log
]


def read(tmp_path: Path, lines: list[str], end: str = "\n", **extra: str):  # type: ignore[no-untyped-def]
    path = tmp_path / "a.log"
    path.write_text("\n".join(lines) + end)
    return bitstamp.read([path], ConvertOptions(extra=extra))


def tuples(source) -> list[tuple[int, int, float, float, int]]:  # type: ignore[no-untyped-def]
    rows = source.rows
    ms = (rows.local_ts // 1_000_000 - T0).tolist()
    return list(zip(ms, rows.ev.tolist(), rows.price.tolist(), rows.qty.tolist(), rows.order_id.tolist(), strict=True))


def test_resting_orders_execute_and_aggressors_join_with_what_is_left(tmp_path: Path) -> None:
    """The later order of a trade is the aggressor: it joins the book after its last execution, or never."""
    a = ASK_BIT
    source = read(tmp_path, SMALL)
    assert tuples(source) == [
        (0, L3_ADD, 230.0, 1.5, 5),
        (0, L3_ADD | a, 236.5, 2.0, 10),
        (2, L3_EXEC | a, 236.5, 2.0, 10),
        (3, L3_ADD, 236.6, 1.0, 11),
        (4, TRADE, 236.5, 2.0, 0),
        (7, L3_EXEC, 236.6, 0.4, 11),
        (8, TRADE | a, 236.6, 0.4, 0),
        (9, L3_REDUCE, 236.6, 0.6, 11),
        (10, L3_REDUCE, 230.0, 1.5, 5),
    ]
    assert source.counts == {"aggressors_that_rested": 1, "orders_that_never_rested": 1, "orders_inferred_at_opening": 1}
    assert (source.has_exch_clock, source.has_local_clock) == (False, True)


def test_the_csv_of_orders_gives_the_same_book(tmp_path: Path) -> None:
    """Without trade lines the trades are inferred; the order rows are the same."""
    lines = ["id,timestamp,exchange.timestamp,price,volume,action,direction"]
    for text in SMALL:
        stamp, kind, data = text.split(" ", 2)
        if kind != "trade":
            o = json.loads(data)
            volume = round(float(o["amount"]) * 1e8)
            lines.append(f"{o['id']},{stamp},0,{o['price']},{volume},{kind[6:]},{'ask' if o['order_type'] else 'bid'}")
    source = read(tmp_path, lines)
    log = [row[1:] for row in tuples(read(tmp_path, SMALL)) if row[1] & KIND_MASK != TRADE]
    assert [row[1:] for row in tuples(source) if row[1] & KIND_MASK != TRADE] == log
    assert source.counts["trades_inferred"] == 2


def test_an_order_book_adds_what_no_event_ever_touches(tmp_path: Path) -> None:
    """A level of the order_book beyond the known orders is seeded at the opening, ahead of them."""
    book = f'{T0 + 1} order_book {json.dumps({"bids": [["230.00", "2.5"]], "asks": [["240.00", "1"]]})}'
    source = read(tmp_path, [*SMALL[:1], book, *SMALL[1:]])
    assert [row[1:4] for row in tuples(source)[:3]] == [
        (L3_ADD | ASK_BIT, 240.0, 1.0), (L3_ADD, 230.0, 1.0), (L3_ADD, 230.0, 1.5),
    ]  # fmt: skip
    assert source.counts["levels_seeded_from_order_books"] == 2


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([trade(0, 1.0, 1.0)], "CONV-002"),
        (["hello", *SMALL], "CONV-003"),
        ([SMALL[0].replace("created", "eaten"), *SMALL], "CONV-003"),
        ([SMALL[0].replace('"2"', '"nan"'), *SMALL], "CONV-004"),
        ([SMALL[0].replace('"236.50"', '"-1"'), *SMALL], "CONV-004"),
        ([SMALL[0].replace('"order_type": 1', '"order_type": 3'), *SMALL], "CONV-003"),
    ],
)
def test_bad_files_give_their_code(tmp_path: Path, lines: list[str], code: str) -> None:
    with pytest.raises(ConvertError) as caught:
        read(tmp_path, lines)
    assert caught.value.code == code


def test_mutated_files_give_a_code_or_rows(tmp_path: Path) -> None:
    """Whatever byte changes, the answer is a ConvertError or a source whose orders never go below nothing."""
    draw = random.Random(9)
    for _ in range(300):
        data = bytearray("\n".join(SMALL).encode())
        for _ in range(draw.randrange(1, 4)):
            data[draw.randrange(len(data))] = draw.choice(b'0123456789,.-[]{}:"\n\r eENx\x00\xff')
        (tmp_path / "a.log").write_bytes(data[: draw.randrange(1, len(data) + 1)])
        try:
            source = bitstamp.read([tmp_path / "a.log"], ConvertOptions())
        except ConvertError:
            continue
        left: Counter[int] = Counter()
        for ev, qty, order_id in zip(source.rows.ev.tolist(), source.rows.qty.tolist(), source.rows.order_id.tolist(), strict=True):
            if ev & KIND_MASK != TRADE:
                left[order_id] += round(qty * 1e8) * (1 if ev & KIND_MASK == L3_ADD else -1)
                assert left[order_id] >= 0


@pytest.mark.skipif(not LOG.is_file(), reason="the Bitstamp log is not here (MMSIM_REAL_DATA)")
def test_the_real_log_agrees_with_its_l2_snapshots() -> None:
    """Of 200,440 levels in 5,011 snapshots at least 99.9 % hold our quantity, of the best levels 99 %."""
    rows = bitstamp.read([LOG], ConvertOptions()).rows
    columns = (rows.line, rows.ev, np.round(rows.price * 100), np.round(rows.qty * 1e8))
    ours = list(zip(*(c.astype(np.int64).tolist() for c in columns), strict=True))
    book: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
    at = agree = levels = best = snapshots = crossed = 0
    with lzma.open(LOG, "rt") as file:
        for number, text in enumerate(file, 1):
            while at < len(ours) and ours[at][0] <= number:
                _, ev, price, qty = ours[at]
                at += 1
                if ev & KIND_MASK != TRADE:
                    side = book[1 if ev & ASK_BIT else 0]
                    side[price] += qty if ev & KIND_MASK == L3_ADD else -qty
                    assert side[price] >= 0
                    if side[price] == 0:
                        del side[price]
            if " order_book " not in text:
                continue
            snapshots += 1
            data = json.loads(text.split(" ", 2)[2])
            crossed += max(book[0]) >= min(book[1])
            for side, name in ((book[0], "bids"), (book[1], "asks")):
                shown = {round(float(p) * 100): round(float(q) * 1e8) for p, q in data[name]}
                agree += sum(side[p] == q for p, q in shown.items() if p in side)
                levels += len(shown)
                top = max(side) if name == "bids" else min(side)
                best += shown.get(top) == side[top]
    assert snapshots == 5011
    assert crossed <= 20
    assert agree / levels > 0.999
    assert best / (2 * snapshots) > 0.99
    kinds = np.bincount(rows.ev & KIND_MASK, minlength=10)
    assert kinds[TRADE] == 575
    assert kinds[L3_EXEC] == 575


@pytest.mark.skipif(not CSV.is_file(), reason="the Bitstamp CSV is not here (MMSIM_REAL_DATA)")
def test_the_real_csv_converts_with_inferred_trades() -> None:
    source = bitstamp.read([CSV], ConvertOptions())
    assert source.counts["trades_inferred"] > 450
    assert source.warnings


def test_trades_that_repeat_or_have_no_quantity_are_counted_and_said(tmp_path: Path) -> None:
    """Repeated are those of an id that was there."""
    lines = [SMALL[0], trade(1, 236.5, 2.0), trade(1, 236.5, 2.0), trade(2, 236.5, 0.0)]
    source = read(tmp_path, lines)
    assert (source.counts["trades_repeated"], source.counts["trades_without_quantity"]) == (1, 1)
    assert source.warnings[:2] == ["1 trades of quantity 0 were dropped", "1 trades were in the files twice and were taken once"]
    assert int(((source.rows.ev & KIND_MASK) == TRADE).sum()) == 1


def test_logs_out_of_time_order_are_refused(tmp_path: Path) -> None:
    early, late = tmp_path / "early.log", tmp_path / "late.log"
    early.write_text("\n".join(SMALL[:5]) + "\n")
    late.write_text("\n".join(SMALL[5:]) + "\n")
    assert len(bitstamp.read([early, late], ConvertOptions()).rows.ev) == len(read(tmp_path, SMALL).rows.ev)
    with pytest.raises(ConvertError, match="CONV-011"):
        bitstamp.read([late, early], ConvertOptions())
