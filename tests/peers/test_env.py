"""The peer's environment: what happens when it is not what it should be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from simcore.bench.peer import interpreter_of, made_python
from simcore.errors import BenchError
from tests.peers.env import peer_python


def test_an_interpreter_that_was_named_and_lacks_the_peer_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not a skip: whoever names it wants the comparison."""
    monkeypatch.setenv("MMSIM_PEER_PYTHON", str(tmp_path / "python"))
    with pytest.raises(pytest.fail.Exception, match="cannot import hftbacktest"):
        peer_python.__wrapped__()


@pytest.mark.peers
def test_an_installation_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without an index pip finds no release; the next attempt starts anew, and the rest of an old one stays out of use."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    half = tmp_path / "mmsim" / f"peer-2.4.4-py{sys.version_info[0]}{sys.version_info[1]}"
    interpreter_of(half).parent.mkdir(parents=True)
    with pytest.raises(BenchError, match="pip install"):
        made_python()
    assert [path.name for path in (tmp_path / "mmsim").iterdir()] == [half.name]
