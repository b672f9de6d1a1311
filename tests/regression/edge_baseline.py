"""The edge of every strategy that comes with mmsim, on the first hours of a sample tape, and its committed baseline.

`python -m tests.regression.edge_baseline [STRATEGY…]` writes the baselines anew, on purpose: a change that moves them says
in its commit why.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from simcore import engine
from simcore.config.load import load_config
from simcore.portfolio import run as portfolio
from simcore.portfolio.folder import part
from simcore.report import gates

ROOT = Path(__file__).parents[2]
TAPE = ROOT / "datasets" / "synbtc-perp-20240101-l2.parquet"
LEADER_TAPE = ROOT / "datasets" / "synes-20240101-l2.parquet"
BASELINES = Path(__file__).parent / "edge"
UNTIL = "2024-01-01T06:00:00Z"
TOLERANCES = dict.fromkeys(gates.TOLERANCES, 1e-6)  # a replay is exact; this is for the last digits of a float
# Strategies that follow another instrument, and what makes them trade: the leader makes a market at its best prices.
FOLLOWERS = {
    "hedger": ("instruments.SYNBTC-PERP.strategy.params.hedge.band_lots=500", "instruments.SYNBTC-PERP.strategy.params.hedge.order_lots=5000"),
    "leader_maker": (),
}  # fmt: skip


def strategies() -> list[str]:
    """Return the names of the strategies that come with mmsim."""
    return sorted(path.stem for path in (ROOT / "strategies").glob("[a-z]*.py"))


def baseline(strategy: str) -> Path:
    """Return the file of a strategy's baseline."""
    return BASELINES / f"{strategy}.json"


def play(strategy: str, folder: Path, sets: Sequence[str] = ()) -> Path:
    """Replay the window with a strategy's defaults; return the run folder, of a follower its own."""
    if strategy not in FOLLOWERS:
        return engine.replay(TAPE, load_config(None, [f"strategy.name={strategy}", f"run.to={UNTIL}", *sets]), folder)
    own = (f"instruments.SYNBTC-PERP.strategy.name={strategy}", "links=[{follower: SYNBTC-PERP, leader: SYNES}]", *FOLLOWERS[strategy])
    leader = ("strategy.name=demo_maker", "instruments.SYNES.strategy.params.spread.half_spread_bps=0")
    config = load_config(None, [*leader, *own, f"run.to={UNTIL}", *sets])
    return part(portfolio.replay([LEADER_TAPE, TAPE], config, folder, jobs=1), "SYNBTC-PERP").folder


def write(names: Sequence[str]) -> None:
    """Write the baselines of these strategies, of all without names; remove those of strategies that are gone."""
    for path in BASELINES.glob("*.json"):
        if path.stem not in strategies():
            path.unlink()
    for name in names or strategies():
        with tempfile.TemporaryDirectory() as folder:
            gates.write_edge_baseline(baseline(name), play(name, Path(folder) / "run"), TOLERANCES)


if __name__ == "__main__":
    write(sys.argv[1:])
