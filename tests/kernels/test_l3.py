"""The table of market orders against a dict: random adds, reduces and executions, with growth and removal."""

import numpy as np
import pytest

from simcore import records as r
from simcore.config.load import load_config
from simcore.kernels import state as ks
from simcore.kernels.l3 import FREE_ID
from simcore.runner import run
from tests.property.strategies import SeedPick
from tests.support import MemoryTape, session_of

CONFIG = load_config(None, ["strategy.name=demo_maker", "book.window_ticks=256", "node.tick_interval_ms=0.001"])
IDS = {
    "consecutive": lambda i: i,
    "strided": lambda i: i << 20,
    "scrambled": lambda i: i * 0x9E3779B97F4A7C15 % (1 << 62),
    "colliding": lambda i: (i & 7) << 40 | i << 48,
}


def make_rows(seed, count, name_of, adds_of_ten):
    """Return L3 rows and the table that they leave: order id -> (priority, lots left)."""
    pick = SeedPick(seed)
    table, columns, priority, serial = {}, [], 0, 0
    for i in range(count):
        side = pick.whole(0, 1)
        price = 1_000 - pick.whole(0, 20) if side == r.BID else 1_001 + pick.whole(0, 20)
        how = pick.whole(0, 9)
        if how < adds_of_ten or not table:
            priority += 1
            replaced = how == 0 and bool(table)
            serial += not replaced
            order_id = next(iter(table)) if replaced else name_of(serial)
            lots = pick.whole(1, 9)
            table[order_id] = (priority, lots)
            kind = r.L3_ADD
        elif how == 9 and pick.whole(0, 3) == 0:
            kind, order_id, lots = r.L3_REDUCE, name_of(serial + 1), 1  # nobody knows it yet
        else:
            kind = pick.of((r.L3_REDUCE, r.L3_EXEC))
            order_id = pick.of(list(table)[:50])
            first, left = table[order_id]
            lots = pick.of((left, pick.whole(1, left)))
            if lots == left:
                del table[order_id]
            else:
                table[order_id] = (first, left - lots)
        columns.append((100 + i, 100 + i, kind | r.ASK_BIT * side | r.BOTH_BITS, price, lots, order_id))
    rows = np.array(columns, np.int64)
    return r.Chunk(*(rows[:, k].astype(np.uint8) if k == 2 else rows[:, k] for k in range(6))), table


@pytest.mark.parametrize("ids", IDS)
@pytest.mark.parametrize(("count", "adds_of_ten"), [(400, 5), (400, 8), (7_000, 7)])
def test_the_table_is_the_dict(ids, count, adds_of_ten):
    for seed in range(1 if count > 1_000 else 8):
        rows, table = make_rows(seed, count, IDS[ids], adds_of_ten)
        session = session_of(MemoryTape(rows, level="l3", chunk_rows=64), [CONFIG])
        run(session)
        entries = session.state.l3[session.state.l3["order_id"] != FREE_ID]
        found = {int(e["order_id"]): (int(e["priority"]), int(e["leaves_lots"])) for e in entries}
        assert found == table
        assert int(session.state.clock[ks.L3_COUNT]) == len(table)
        assert 2 * len(table) <= len(session.state.l3)
