"""The captures as tapes, converted once a session, and the peer's runs on them: one process a capture."""

from __future__ import annotations

import pytest

from tests.peers.env import peer_runs
from tests.peers.ours import MODELS, Side, as_peer, rules
from tests.peers.tapes import CAPTURES, Pair, capture_pair


@pytest.fixture(scope="session", params=CAPTURES, ids=lambda capture: capture.name)
def captured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return capture_pair(request.param, tmp_path_factory.mktemp(request.param.name))


@pytest.fixture(scope="session")
def captured_theirs(captured: Pair) -> dict[str, Side]:
    """The peer's side of a capture, by queue model."""
    configs = [as_peer(rules(model), captured.tape) for model in MODELS]
    return dict(zip(MODELS, peer_runs(captured.npz, captured.npz.parent, configs), strict=True))
