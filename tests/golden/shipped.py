"""The shipped strategies' golden runs: minutes of each sample tape with the parameters of docs/strategies.md.

`python -m tests.golden.shipped` prints what the runs gave as JSON, `--write` writes tests/golden/shipped.json anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from simcore import engine
from simcore.config.load import load_config
from simcore.tape.read import Tape
from simcore.units import NS_PER_S

ROOT = Path(__file__).parents[2]
DATASETS = ROOT / "datasets"
DIGESTS = Path(__file__).parent / "shipped.json"
LARGE_TICK = ("k=7.25",)  # SYNES: one tick of spread, orders that reach only the best price
SETS = {
    "avellaneda_stoikov": {"synbtc-perp": (), "synes": LARGE_TICK},
    "glft": {"synbtc-perp": (), "synes": (*LARGE_TICK, "arrivals_per_s=0.17")},
    "grid": {"synbtc-perp": (), "synes": ("half_spread_bps=0.25",)},
    "imbalance": {"synbtc-perp": (), "synes": ("half_spread_bps=0.25", "depth_share=1")},
}
ADAPTIVE = {"synbtc-perp": (), "synes": ("spread.base_bps=0.3", "spread.min_bps=0.3")}
TICKS = ("node.tick_interval_ms=500", "node.sample_interval_ms=500")
WINDOW_S = {"synbtc-perp-20240101-l2": 240, "synes-20240101-l2": 480, "synes-20240101-l3": 480}
LIMIT_LOTS = 3  # reached within the windows


def names() -> list[str]:
    """Return the golden runs, `<strategy>/<tape>`."""
    return [f"{strategy}/{tape}" for strategy in ("adaptive", *SETS) for tape in WINDOW_S]


def settings(name: str) -> list[str]:
    """Return the settings of a golden run; half a second a tick, so that plain Python can play them, too."""
    strategy, tape = name.split("/")
    market = tape.rsplit("-", 2)[0]
    if strategy == "adaptive":
        return [f"strategy.name={strategy}", *TICKS, *(f"strategy.params.{each}" for each in ADAPTIVE[market])]
    own = SETS[strategy][market]
    limit = 2 * LIMIT_LOTS if strategy == "grid" else LIMIT_LOTS
    return [
        f"strategy.name={strategy}", *TICKS, "node.wait_cancel=true",
        f"strategy.params.quote.max_position_lots={limit}", *(["strategy.params.quote.levels=2"] if strategy == "grid" else []),
        *(f"strategy.params.quote.{each}" for each in own),
    ]  # fmt: skip


def played(name: str, *more: str) -> engine.Outcome:
    """Play a golden run."""
    tape = Tape.open(DATASETS / f"{name.split('/')[1]}.parquet")
    end = tape.start_ts + WINDOW_S[name.split("/")[1]] * NS_PER_S
    return engine.simulate(tape, [load_config(None, [*settings(name), f"run.to={end}", *more])])


def figures(name: str) -> dict[str, Any]:
    """Return the digest of a golden run, its fills and the largest position on either side."""
    outcome = played(name)
    fills = outcome.journal.rows("fills")
    return {
        "digest": outcome.digest, "orders": int(outcome.state.lanes["orders"][0]), "fills": len(fills),
        "taker_fills": int(outcome.state.lanes["taker_fills"][0]),
        "position_max": int(abs(fills["position_lots"]).max(initial=0)), "span": sorted({int(side) for side in fills["side"]}),
    }  # fmt: skip


@cache
def as_plain_python() -> dict[str, dict[str, Any]]:
    """Return the figures of all golden runs, from a process without the compiler."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden.shipped"], check=False, cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    every = {name: figures(name) for name in names()}
    if "--write" in sys.argv:
        DIGESTS.write_text(json.dumps({name: each["digest"] for name, each in every.items()}, indent=2) + "\n")
    print(json.dumps(every))
