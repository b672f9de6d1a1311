"""Explanations of runs of several symbols: linked ones see their leader, controlled ones the allocator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simcore.config.load import load_config
from simcore.errors import ReportError
from simcore.journal.store import read_stream
from simcore.portfolio import run as portfolio
from simcore.portfolio.folder import part
from simcore.report import feeds
from simcore.report.explain import explain_order, explain_tick
from simcore.report.explain.text import tick_text
from tests.portfolio.runs import BARRIERS, busy
from tests.portfolio.test_links import LEADER_MAKER, LINKS


@pytest.fixture(scope="module")
def linked(tapes: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of two symbols, of which the second follows the first."""
    config = load_config(None, [*LEADER_MAKER, LINKS, "node.trace_every=1"])
    return portfolio.replay(tapes[:2], config, tmp_path_factory.mktemp("linked") / "run", jobs=1)


@pytest.mark.parametrize("symbol", ["AAA", "BBB"])
def test_ticks_of_linked_symbols_are_explained(linked: Path, symbol: str) -> None:
    """The stages see the leader, and come to the requests of the journal."""
    traces = read_stream(part(linked, symbol).folder, "traces")
    times = traces["ts"][traces["requests"] > 0]
    assert len(times) > 3
    present = set()
    for ts in times[:: max(len(times) // 3, 1)]:
        found = explain_tick(linked, int(ts), symbol)
        assert found["tick_ts"] == ts
        assert found["proof"]["requests"] > 0
        present.add(found["inputs"]["linked"]["present"])
        assert ("linked     present 1" in tick_text(found)) == (found["inputs"]["linked"]["present"] == 1)
    assert (1 in present) == (symbol == "BBB")


@pytest.mark.parametrize("symbol", ["AAA", "BBB"])
def test_orders_of_linked_symbols_are_explained(linked: Path, symbol: str) -> None:
    """Played again beside its leader, an order fills as it did."""
    fills = read_stream(part(linked, symbol).folder, "fills")
    resting = fills[fills["ahead_entry_lots"] > 0]
    assert len(resting) > 1
    found = explain_order(linked, int(resting["order_id"][len(resting) // 2]), symbol)
    assert found["fills"]
    assert found["queue"]["joined"]


def test_symbols_that_an_allocator_controls_are_explained(tapes: list[Path], tmp_path: Path) -> None:
    """What it told the Node is told again; ticks and orders come out as in the journal."""
    run_dir = portfolio.replay(tapes, busy(*BARRIERS, "node.trace_every=1"), tmp_path / "run", jobs=1)
    folder = part(run_dir, "BBB").folder
    traces, fills = read_stream(folder, "traces"), read_stream(folder, "fills")
    late = traces["ts"][traces["requests"] > 0][-2]
    found = explain_tick(run_dir, int(late), "BBB")
    assert found["proof"]["requests"] > 0
    assert found["inputs"]["control"]["budget_lots"] >= 0
    assert explain_order(run_dir, int(fills["order_id"][-1]), "BBB")["fills"]
    assert {path.name.split("-")[2][:3] for path in feeds.write_feeds(run_dir).fills} == {"aaa", "bbb", "ccc"}


def test_a_symbol_must_be_named(linked: Path) -> None:
    with pytest.raises(ReportError, match="name one with --symbol"):
        explain_tick(linked, 0)
    with pytest.raises(ReportError, match="no symbol ZZZ; the run is of AAA, BBB"):
        explain_order(linked, 1, "ZZZ")
    with pytest.raises(ReportError, match="REP-002"):
        explain_tick(linked, int(np.iinfo(np.int64).max), "AAA")
