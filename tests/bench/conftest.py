"""What the benchmarks measure on: every real capture that is there and two synthetic tapes; the peer's interpreter."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from simcore.bench import bench
from simcore.bench.peer import peer_python
from simcore.errors import BenchError
from simcore.tape.read import Tape
from tests.bench import page
from tests.property.real import ROOT

CAPTURE = "binance/usdm_btcusdt_20240808.gz"
LANES = 100
_found: dict[str, dict[str, Any]] = {}


@pytest.fixture(scope="session")
def capture() -> Path:
    if not (ROOT / CAPTURE).is_file():
        pytest.skip(f"no {CAPTURE} in {ROOT} (MMSIM_REAL_DATA)")
    return ROOT / CAPTURE


@pytest.fixture(scope="session")
def btcusdt(capture: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = page.make_tape("usdm", tmp_path_factory.mktemp("tape"))
    assert out is not None, capture
    return out


@pytest.fixture(scope="session")
def interpreter() -> str:
    try:
        return peer_python()
    except BenchError as exc:
        pytest.skip(str(exc))


@cache
def _has_peer() -> bool:
    try:
        peer_python()
    except BenchError:
        return False
    return True


@pytest.fixture(scope="session", params=page.NAMES)
def measured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """A capture's name and its table, beside the peer where that is there and plays such tapes: it has levels only."""
    name = str(request.param)
    tape = page.make_tape(name, tmp_path_factory.mktemp("bench"))
    if tape is None:
        pytest.skip(f"no capture {name} in {ROOT} (MMSIM_REAL_DATA)")
    opened = Tape.open(tape)
    beside = opened.level == "l2" and _has_peer()
    _found[name] = bench(tape, repeat=page.repeats(opened), lanes=LANES, peer=beside)
    return name, _found[name]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table of all that was measured, and keep it."""
    if _found:
        text = page.page(_found)
        page.WRITTEN.parent.mkdir(exist_ok=True)
        page.WRITTEN.write_text(text + "\n", encoding="utf-8")
        terminalreporter.write_line(f"\n{text}\n\nwritten to {page.WRITTEN}")
