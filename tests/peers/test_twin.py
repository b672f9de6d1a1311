"""The twin against the peer itself: identical fills, so that its switches can be trusted to explain differences."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.env import peer_run
from tests.peers.flow import RANDOM_MAKER, random_rows
from tests.peers.ours import MODELS, as_peer, rules
from tests.peers.tapes import rows_of, rows_pair
from tests.peers.twin import PEER_RULES, Twin

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("model", MODELS)
def test_the_twin_gives_the_peers_fills_on_random_rows(model: str, tmp_path: Path) -> None:
    """Crossed books, clears, empty sides and partial queues: the twin under the peer's rules is the peer."""
    pair = rows_pair(random_rows(11, 6000), tmp_path)
    config = as_peer(rules(model, *RANDOM_MAKER), pair.tape)
    theirs = peer_run(pair.npz, tmp_path / "peer.npz", config)
    twin = Twin(config, PEER_RULES).run(rows_of(pair), pair.tape.start_ts)
    assert len(theirs.fills) > 20, "the maker trades"
    assert sorted(twin) == theirs.fills


def test_two_runs_of_the_peer_give_the_same_fills(tmp_path: Path) -> None:
    """One bid and one ask leave no room for the random order of its hash tables."""
    pair = rows_pair(random_rows(5, 2000), tmp_path)
    config = as_peer(rules("power", *RANDOM_MAKER), pair.tape)
    first = peer_run(pair.npz, tmp_path / "a.npz", config)
    assert first == peer_run(pair.npz, tmp_path / "b.npz", config)
