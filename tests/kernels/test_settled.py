"""What a quote wants, level by level; and a settled quote is settled only as long as it is the very same one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore import engine
from simcore import records as r
from simcore import state as memory
from simcore.config.load import load_config
from simcore.jit import entry, expose
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


is_wanted, is_too_far, wanted_lots = expose(reconcile.is_wanted), expose(reconcile.is_too_far), expose(reconcile.wanted_lots)


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


def test_the_prices_of_a_ladder_are_wanted_and_no_others() -> None:
    """Three levels, two ticks apart, away from the market."""
    assert [price for price in range(9_990, 10_010) if is_wanted(QUOTE, r.BID, price)] == [9_996, 9_998, 10_000]
    assert [price for price in range(9_990, 10_015) if is_wanted(QUOTE, r.ASK, price)] == [10_002, 10_004, 10_006]
    assert not is_wanted(QUOTE._replace(bid_lots=0), r.BID, 10_000)


def test_a_level_has_whole_lots_and_at_least_one() -> None:
    assert [wanted_lots(QUOTE, r.BID, level) for level in range(3)] == [4, 6, 9]
    assert [wanted_lots(QUOTE, r.ASK, level) for level in range(3)] == [5, 7, 11]
    assert [wanted_lots(QUOTE._replace(lots_factor=0.3), r.BID, level) for level in range(3)] == [4, 1, 1]


def test_an_order_just_as_far_as_it_may_be_is_not_too_far() -> None:
    """The mid is 10,001; six ticks are allowed. Without a limit, or without a mid, nothing is too far."""
    far = QUOTE._replace(far_ticks=6.0)
    assert [price for price in range(9_990, 10_012) if not is_too_far(far, MID2, price)] == list(range(9_995, 10_008))
    assert not is_too_far(QUOTE, MID2, 1)
    assert not is_too_far(far, 0, 1)


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
