"""No strategy's edge moves without its baseline: `python -m tests.regression.edge_baseline` writes a new one, on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore.report import gates
from tests.regression.edge_baseline import BASELINES, baseline, play, strategies

UPDATE = "; if it was meant to move: python -m tests.regression.edge_baseline"


def test_every_strategy_has_a_baseline() -> None:
    """And every baseline a strategy."""
    assert strategies() == sorted(path.stem for path in BASELINES.glob("*.json")), UPDATE
    assert len(strategies()) >= 2


# Each of the others costs a compilation; their journals are held by tests/golden in the default run.
SLOW = ("avellaneda_stoikov", "glft", "grid", "imbalance")


@pytest.mark.parametrize("strategy", [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in strategies()])
def test_the_edge_has_not_moved(strategy: str, tmp_path: Path) -> None:
    """Net edge, slippage, taker share and fill ratio of the first hours of the sample day are the baseline's."""
    gate = gates.gate_edge(baseline(strategy), play(strategy, tmp_path / "run"))
    assert gate.passed, gate.markdown() + UPDATE
    assert all(check.current is not None for check in gate.checks), "the window has no fills"


def test_a_moved_edge_is_noticed(tmp_path: Path) -> None:
    """A spread that is wider by a tenth of a basis point fails, and so does a later end by a minute."""
    wider = play("demo_maker", tmp_path / "wider", ["strategy.params.spread.half_spread_bps=1.1"])
    gate = gates.gate_edge(baseline("demo_maker"), wider)
    assert "net_bps" in [check.name for check in gate.checks if not check.ok]
    longer = play("demo_maker", tmp_path / "longer", ["run.to=2024-01-01T06:01:00Z"])
    assert not gates.gate_edge(baseline("demo_maker"), longer).passed
