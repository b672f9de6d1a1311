"""The captures as tapes, converted once a session."""

from __future__ import annotations

import pytest

from tests.peers.tapes import CAPTURES, Pair, capture_pair


@pytest.fixture(scope="session", params=CAPTURES, ids=lambda capture: capture.name)
def captured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return capture_pair(request.param, tmp_path_factory.mktemp(request.param.name))
