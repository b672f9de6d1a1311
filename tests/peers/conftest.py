"""The captures as tapes, converted once a session, and the peer's runs on them: one process a capture."""

from __future__ import annotations

import pytest

from simcore import Tape
from tests.peers.env import peer_runs
from tests.peers.ours import MODELS, Side, as_peer, rules
from tests.peers.tapes import CAPTURES, Capture, Pair, capture_tape, exported


@pytest.fixture(scope="session", params=CAPTURES, ids=lambda capture: capture.name)
def capture(request: pytest.FixtureRequest) -> Capture:
    return request.param


@pytest.fixture(scope="session")
def captured_tape(capture: Capture, tmp_path_factory: pytest.TempPathFactory) -> Tape:
    return capture_tape(capture, tmp_path_factory.mktemp(capture.name))


@pytest.fixture(scope="session")
def captured(captured_tape: Tape, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return exported(captured_tape, tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="session")
def captured_theirs(captured: Pair) -> dict[str, Side]:
    """The peer's side of a capture, by queue model."""
    configs = [as_peer(rules(model), captured.tape) for model in MODELS]
    return dict(zip(MODELS, peer_runs(captured.npz, captured.npz.parent, configs), strict=True))
