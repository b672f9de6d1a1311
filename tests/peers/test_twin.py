"""The twin against the peer itself: identical fills, so that its switches can be trusted to explain differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers.env import run_peer
from tests.peers.flow import FEED_NS, MAKER, START_TS, random_rows
from tests.peers.twin import PEER_RULES, Fill, Twin

MODELS = ("risk_averse", "power", "power2", "power3", "log", "log2")
SCALE = {"tick_size": 1.0, "lot_size": 1.0, "units": "lots"}


def peer_fills(data: Path, out: Path, config: dict[str, Any]) -> list[Fill]:
    """Run the maker in the peer and return its fills."""
    answer = run_peer("fills", {**config, "data": str(data), "out": str(out)})
    with np.load(out) as archive:
        fills = [Fill(*row) for row in archive["fills"][["exch_ts", "side", "price_ticks", "qty_lots"]].tolist()]
    assert answer["fills"] == len(fills)
    return fills


@pytest.mark.parametrize("model", MODELS)
def test_the_twin_gives_the_peers_fills_on_random_rows(model: str, tmp_path: Path):
    """Crossed books, clears, empty sides and partial queues: the twin under the peer's rules is the peer."""
    rows = random_rows(11, 6000)
    np.savez_compressed(tmp_path / "tape.npz", data=rows)
    config = {**MAKER, **SCALE, "queue_model": model}
    theirs = peer_fills(tmp_path / "tape.npz", tmp_path / "fills.npz", config)
    twin = Twin(config, PEER_RULES).run(rows, START_TS + FEED_NS)
    assert len(theirs) > 20, "the maker trades"
    assert sorted(twin) == sorted(theirs)


def test_two_runs_of_the_peer_give_the_same_fills(tmp_path: Path):
    """One bid and one ask leave no room for the random order of its hash tables."""
    np.savez_compressed(tmp_path / "tape.npz", data=random_rows(5, 2000))
    config = {**MAKER, **SCALE, "queue_model": "power"}
    first = peer_fills(tmp_path / "tape.npz", tmp_path / "a.npz", config)
    assert first == peer_fills(tmp_path / "tape.npz", tmp_path / "b.npz", config)
