"""The sample tapes' golden runs: the first minutes of each, under two configurations."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from simcore import engine
from simcore.config.load import load_config
from simcore.tape.read import Tape
from simcore.units import NS_PER_S

DATASETS = Path(__file__).parents[2] / "datasets"
DIGESTS = Path(__file__).parent / "digests.json"
MINUTES = 30
CONFIGS = {
    "default": [],
    "hard": [
        "node.tick_interval_ms=20", "node.use_amend=true", "latency.place.model=lognormal", "latency.cancel.model=feed",
        "strategy.params.spread.half_spread_bps=0.2", "strategy.params.spread.vol_factor=0.5",
        "strategy.params.emit.levels=3", "strategy.params.emit.order_lots=5", "venue.queue_model=log2",
    ],
    "fifo": ["venue.queue_model=fifo", "strategy.params.spread.half_spread_bps=0.2"],
}  # fmt: skip


def names() -> list[str]:
    """Return the golden runs, `<tape>/<configuration>`; fifo on tapes of orders only."""
    found = []
    for path in sorted(DATASETS.glob("*.parquet")):
        is_l3 = Tape.open(path).level == "l3"
        found += [f"{path.stem}/{config}" for config in CONFIGS if is_l3 or config != "fifo"]
    return found


@cache
def golden_run(name: str) -> tuple[str, int]:
    """Run one of them; return its digest and how many fills it had."""
    stem, config = name.split("/")
    tape = Tape.open(DATASETS / f"{stem}.parquet")
    end = tape.start_ts + MINUTES * 60 * NS_PER_S
    outcome = engine.simulate(tape, [load_config(None, ["strategy.name=demo_maker", *CONFIGS[config], f"run.to={end}"])])
    return outcome.digest, int(outcome.state.lanes["fills"][0])


def expected() -> dict[str, str]:
    """Return the committed digests by name."""
    digests: dict[str, str] = json.loads(DIGESTS.read_text())
    return digests
