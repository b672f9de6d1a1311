"""Faults that our own engine once had, each as an exact scenario."""

from __future__ import annotations

import numpy as np
import pytest

from simcore import engine, growth
from simcore import records as r
from simcore.config.load import load_config
from simcore.kernels import l3
from tests.support import MemoryTape, rows, run_script

CHUNKS = (1, 2, 3, 4, 5, 1 << 18)
SETS = ("latency.place.ms=0.0005", "latency.response.ms=0", "book.window_ticks=256")


def buy(ts: int, price: int, lots: int) -> np.ndarray:
    """Return a script of one post-only purchase, sent at ts."""
    request = np.zeros(1, r.REQUEST)
    for name, value in {"ts": ts, "kind": r.PLACE, "order_id": 1 << 16, "tif": r.POST_ONLY, "price_ticks": price, "qty_lots": lots}.items():
        request[name] = value
    return request


@pytest.mark.parametrize("unseen", [1, 999, 1_500, 2_000])
@pytest.mark.parametrize("chunk_rows", CHUNKS)
def test_a_local_row_of_an_early_exchange_time_does_not_hurry_the_venue(chunk_rows: int, unseen: int):
    """Our bid arrives at 2000 and rests; the ask that reaches it comes at 5000, although LOCAL rows behind it are early.

    The Venue looked at every eighth row's time only, and applied all before it.
    """
    tape = rows(
        (1_000, 1_000, r.DEPTH, 100, 10),
        (1_000, 1_000, r.DEPTH | r.ASK_BIT, 102, 10),
        (5_000, 0, r.DEPTH | r.ASK_BIT | r.EXCH_BIT, 101, 5),
        *[(unseen, 1_600, r.DEPTH | r.LOCAL_BIT, 99, 3)] * 20,
        (9_000, 9_000, r.DEPTH, 98, 3),
    )
    session = run_script(MemoryTape(tape, chunk_rows=chunk_rows), buy(1_500, 101, 2), SETS)
    reports, fills = session.journal.rows("reports"), session.journal.rows("fills")
    assert [(int(a["kind"]), int(a["exch_ts"])) for a in reports] == [(r.ACKED, 2_000), (r.TRADED, 5_000)]
    assert [(int(f["reason"]), int(f["exch_ts"]), int(f["bid_ticks"]), int(f["ask_ticks"])) for f in fills] == [
        (r.FILL_CROSS, 5_000, 100, 102)
    ]


@pytest.mark.parametrize("chunk_rows", CHUNKS)
def test_a_local_row_of_a_late_exchange_time_does_not_stop_the_venue(chunk_rows: int):
    """The ask of 101 is there at 1800, behind a LOCAL row that says 9000: our bid of 2000 would cross it."""
    tape = rows(
        (1_000, 1_000, r.DEPTH, 100, 10),
        (1_000, 1_000, r.DEPTH | r.ASK_BIT, 102, 10),
        (9_000, 1_600, r.DEPTH | r.LOCAL_BIT, 99, 3),
        (1_800, 1_900, r.DEPTH | r.ASK_BIT, 101, 5),
        (9_000, 9_000, r.DEPTH, 98, 3),
    )
    session = run_script(MemoryTape(tape, chunk_rows=chunk_rows), buy(1_500, 101, 2), SETS)
    assert session.journal.rows("reports")["reason"].tolist() == [r.WOULD_CROSS]


@pytest.mark.parametrize("unseen", [1_600, 3_999, 9_000, 1 << 40])
@pytest.mark.parametrize("chunk_rows", CHUNKS)
def test_a_local_row_of_a_late_exchange_time_does_not_lead_the_node_past_a_tick(chunk_rows: int, unseen: int):
    """The best bid of 101 is heard of at 4000: ticks at 2000 and 3000 see 100, wherever the tape is cut into chunks.

    At a chunk's end the Node was brought to the exchange time of its last row, which the Venue never saw.
    """
    tape = rows(
        (1_000, 1_000, r.DEPTH, 100, 10),
        (1_000, 1_000, r.DEPTH | r.ASK_BIT, 102, 10),
        (1_500, 4_000, r.DEPTH, 101, 5),
        (unseen, 4_000, r.DEPTH | r.LOCAL_BIT, 99, 3),
        (1_600, 4_100, r.DEPTH, 97, 1),
        (5_000, 5_000, r.DEPTH, 98, 3),
    )
    sets = ["strategy.name=demo_maker", "node.tick_interval_ms=0.001", "node.sample_interval_ms=0.001", "book.window_ticks=256"]
    samples = engine.simulate(MemoryTape(tape, chunk_rows=chunk_rows), [load_config(None, sets)]).journal.rows("samples")
    seen = [(int(s["ts"]), int(s["bid_ticks"]), int(s["ask_ticks"])) for s in samples]
    assert seen == [(2_000, 100, 102), (3_000, 100, 102), (4_000, 101, 102), (5_000, 101, 102)]


def test_order_ids_of_any_size_have_the_same_place_in_machine_code_and_python():
    """The hash of an order id overflowed 64 bits: a table that Python had grown was another than the kernels'."""
    ids = [0, 1, 0xFFFFFFFF, 1 << 32, 6_411_812_345_678, 0x9E3779B97F4A7C15 >> 1, (1 << 63) - 1]
    in_python = getattr(l3.home_slot, "py_func", l3.home_slot)
    for order_id in ids:
        for size in (1 << 12, 1 << 20):
            expected = int(in_python(order_id, size))
            assert int(in_python(np.int64(order_id), size)) == expected
            assert int(growth.home_slot(order_id, size)) == expected
            assert 0 <= expected < size
