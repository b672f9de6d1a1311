"""Our engine beside the peer on the same rows: equal fills, and a named rule behind every difference."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers.captures import CAPTURES, Capture, capture_path, capture_rows, two_clocks
from tests.peers.flow import FEED_NS, MAKER, START_TS, random_rows
from tests.peers.matching import Comparison, explain
from tests.peers.ours import our_fills
from tests.peers.test_twin import MODELS, SCALE, peer_fills
from tests.peers.twin import LOCAL_EVENT, Rules, Twin

REAL_MAKER = {
    **SCALE, "tick_interval_ns": 100_000_000, "entry_latency_ns": 10_000_000, "response_latency_ns": 10_000_000,
    "queue_n": 3.0, "order_lots": 1, "max_position_lots": 10, "skew_ticks_per_lot": 0.5,
}  # fmt: skip


def compare(rows: Any, config: dict[str, Any], start_ts: int, folder: Path) -> Comparison:
    """Run both on the rows and explain what differs."""
    np.savez_compressed(folder / "tape.npz", data=rows)
    theirs = peer_fills(folder / "tape.npz", folder / "fills.npz", {**config, "start_ts": start_ts})
    ours = our_fills(rows, config, start_ts)

    def twin(rules: Rules) -> list[Any]:
        return Twin(config, rules).run(rows, start_ts)

    compared = explain(ours, theirs, twin)
    print(f"{config['queue_model']}: {compared.table()}")
    return compared


@cache
def real_rows(capture: Capture) -> Any:
    return capture_rows(capture)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.name)
def test_real_captures_fill_as_the_peer_fills(capture: Capture, model: str, tmp_path: Path):
    """Time, side, price and quantity of every fill agree, except where a rule of docs/peers.md says why not."""
    capture_path(capture)
    rows = real_rows(capture)
    start_ts = int(rows["local_ts"][np.argmax(rows["ev"] & LOCAL_EVENT != 0)])
    config = {**REAL_MAKER, "queue_model": model, "half_spread_ticks": capture.half_spread_ticks}
    compared = compare(rows, config, start_ts, tmp_path)
    assert compared.theirs > 10, "the maker trades"
    assert compared.unexplained() == ()
    if model in ("risk_averse", "power"):
        assert compared.matched == compared.ours == compared.theirs


@pytest.mark.parametrize("model", MODELS)
def test_random_rows_fill_as_the_peer_fills(model: str, tmp_path: Path):
    """Crossed books and clears too."""
    compared = compare(random_rows(3, 6000), {**MAKER, **SCALE, "queue_model": model}, START_TS + FEED_NS, tmp_path)
    assert compared.theirs > 20, "the maker trades"
    assert compared.unexplained() == ()


def test_chunks_change_nothing_when_the_clocks_are_split():
    """Rows that come once for either clock: a chunk may end with rows that only the Venue has still to see."""
    rows = random_rows(9, 6000)
    names = ("ev", "exch_ts", "local_ts", "px", "qty")
    split = two_clocks([tuple(int(row[name]) & ~(3 << 30 if name == "ev" else 0) for name in names) for row in rows])
    config = {**MAKER, **SCALE, "queue_model": "power"}
    whole = our_fills(split, config, START_TS + FEED_NS)
    assert len(whole) > 20, "the maker trades"
    for chunk_rows in (1000, 97):
        assert our_fills(split, config, START_TS + FEED_NS, chunk_rows) == whole
