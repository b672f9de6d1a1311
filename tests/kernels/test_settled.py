"""A settled quote is not looked at again, and is settled only as long as it is the very same one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore import engine
from simcore import records as r
from simcore import state as memory
from simcore.config.load import load_config
from simcore.jit import entry
from simcore.kernels import at, reconcile
from simcore.kernels import state as st
from simcore.kernels.context import Quote
from simcore.records import POST_ONLY, Chunk
from tests.kernels.test_reconcile import market
from tests.property.runs import columns
from tests.support import INSTRUMENT, MemoryTape

QUOTE = Quote(10_000, 4, 10_002, 5, 3, 2, 1.5, POST_ONLY, 2, 0, 0, 0.0, 6, 1)
MID2 = 20_002
OTHER = {
    "bid_ticks": 9_999, "bid_lots": 3, "ask_ticks": 10_003, "ask_lots": 4, "levels": 2, "step_ticks": 1, "lots_factor": 1.25,
    "tif": r.GTC, "display_lots": 0, "stop_ticks": 9_000, "take_profit_ticks": 11_000, "max_batch": 7,
}  # fmt: skip


@entry
def _settle(handle: Any, quote: Quote, mid2: int, sent: int) -> None:
    reconcile.settle(at.inside(handle), 0, quote, mid2, sent)


@entry
def _is_settled(handle: Any, quote: Quote, mid2: int) -> bool:
    return reconcile.is_settled(at.inside(handle), 0, quote, mid2)


@pytest.fixture
def handle() -> Any:
    """A lane that has sent seven requests."""
    ints, floats, params = np.zeros((1, st.INTS_SIZE), np.int64), np.zeros((1, st.FLOATS_SIZE)), np.zeros((1, 1))
    state = memory.new_state(1, 4, 256, 9_900, ints, floats, params, params.copy(), [])
    state.lanes["request_seq"] = 7
    empty = np.zeros(0, np.int64)
    rows = Chunk(empty, empty, empty.astype(np.uint8), empty, empty, empty)
    return memory.handle(state, memory.new_output(state), rows, rows)


def test_the_same_quote_is_settled(handle: Any) -> None:
    """Its reasons may be others."""
    assert not _is_settled(handle, QUOTE, MID2)
    _settle(handle, QUOTE, MID2, 7)
    assert _is_settled(handle, QUOTE, MID2)
    assert _is_settled(handle, QUOTE._replace(reasons=9), MID2)


@pytest.mark.parametrize("field", OTHER)
def test_a_quote_of_which_anything_differs_is_not(handle: Any, field: str) -> None:
    _settle(handle, QUOTE, MID2, 7)
    assert not _is_settled(handle, QUOTE._replace(**{field: OTHER[field]}), MID2)


def test_a_quote_that_sent_a_request_is_not(handle: Any) -> None:
    """The lane's next request had the number 6 before, and has 7 now."""
    _settle(handle, QUOTE, MID2, 6)
    assert not _is_settled(handle, QUOTE, MID2)


def test_a_quote_of_which_a_level_may_be_too_far_by_now_is_not(handle: Any) -> None:
    """Its prices are 9,996 to 10,006; no farther than 6 ticks from the mid they may be, and are not by 6.5."""
    far = QUOTE._replace(far_ticks=6.0)
    _settle(handle, far, MID2, 7)
    for mid2, is_settled in ((20_000, True), (20_004, True), (20_005, False), (19_999, False)):
        assert _is_settled(handle, far, mid2) == is_settled


def test_a_quote_that_nothing_could_be_sent_for_is_sent_once_there_is_a_batch(tmp_path: Path) -> None:
    """A batch of less than no places lets nothing go; the same quote without a batch goes at the next tick."""
    path = tmp_path / "mine.py"
    path.write_text(
        "from simcore.python_strategy import make_quote\n\n\nclass Strategy:\n    def on_tick(self, context):\n"
        "        later = context.market.elapsed_ns > 1_000_000_000\n"
        "        return make_quote(10_000, 4, levels=2, max_batch=0 if later else -1)\n"
    )
    tape = MemoryTape(columns(market(20), False), INSTRUMENT, "l2")
    outcome = engine.simulate(tape, [load_config(None, [f"strategy.name={path}", "node.tick_interval_ms=100"])])
    sent = outcome.journal.rows("requests")
    assert sent["price_ticks"].tolist() == [10_000, 9_999]
    assert int(sent["ts"].min()) - 1_000 == 1_100_000_000
