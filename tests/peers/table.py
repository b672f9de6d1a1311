"""Print the table of docs/peers.md: `python -m tests.peers.table [settings]` from the project's root.

With `settings`: the counts under other settings of the maker and of the latency instead, the figures below that table.
Every capture of MMSIM_REAL_DATA (default: ../shared/data) is converted, exported, and played by both engines.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from simcore import Config
from tests.peers.env import peer_runs
from tests.peers.matching import Comparison, explain
from tests.peers.ours import MODELS, Side, as_peer, rules, run_ours
from tests.peers.tapes import CAPTURES, Pair, capture_tape, exported, rows_of
from tests.peers.twin import Rules, Twin

HEAD = ("| capture | queue model | ours | peer | agreeing | explained, by rule | unexplained |", "|" + "---|" * 7)
SPREAD, INVENTORY = "strategy.params.spread", "strategy.params.inventory"
SETTINGS = (
    *((f"{SPREAD}.half_spread_ticks={ticks}",) for ticks in (0, 0.5, 20)),
    ("strategy.params.emit.order_lots=3",),
    (f"{INVENTORY}.max_position_lots=1",),
    *((f"{INVENTORY}.skew_ticks_per_lot={ticks}",) for ticks in (0, 2.25)),
    (*(f"latency.{leg}.ms=0" for leg in ("place", "amend", "cancel")), "latency.response.ms=0.001"),
    tuple(f"latency.{leg}.ms=50" for leg in ("place", "amend", "cancel", "response")),
    *((f"node.tick_interval_ms={ms}", f"node.sample_interval_ms={ms}") for ms in (7.3, 10)),
    ("venue.queue_n=1",),
)
SETTINGS_MODELS = ("power", "log2", "risk_averse")


def beside(pair: Pair, config: Config, theirs: Side) -> Comparison:
    """Run ours on the tape, match its fills with the peer's, and explain where they differ."""
    peers = as_peer(config, pair.tape)

    def twin(switches: Rules) -> list[Any]:
        return Twin(peers, switches).run(_rows(pair), pair.tape.start_ts)

    return explain(run_ours(pair.tape, config).fills, theirs.fills, twin)


def line_of(pair: Pair, model: str, compared: Comparison) -> str:
    """Return the line of the table for one capture and queue model."""
    rules_seen = Counter(d.rule for d in compared.differences if d.rule)
    explained = ", ".join(f"{count} {name}" for name, count in sorted(rules_seen.items())) or "0"
    instrument = pair.tape.instrument
    what = f"{instrument.venue} {instrument.symbol} ({instrument.kind})"
    counts = f"{compared.ours} | {compared.theirs} | {compared.matched} | {explained} | {len(compared.unexplained())}"
    return f"| {what} | `{model}` | {counts} |"


@cache
def _rows(pair: Pair) -> Any:
    return rows_of(pair)


def main(arguments: list[str]) -> int:
    """Print a line a run; 1 if a difference has no rule."""
    if arguments not in ([], ["settings"]):
        print(__doc__, file=sys.stderr)
        return 2
    runs: list[tuple[str, tuple[str, ...]]] = [(model, ()) for model in MODELS]
    if arguments:
        runs = [(model, sets) for sets in SETTINGS for model in SETTINGS_MODELS]
    failed = 0
    print("\n".join(HEAD))
    for capture in CAPTURES:
        with tempfile.TemporaryDirectory() as folder:
            pair = exported(capture_tape(capture, Path(folder)), Path(folder))
            configs = [rules(model, *sets) for model, sets in runs]
            theirs = peer_runs(pair.npz, Path(folder), [as_peer(config, pair.tape) for config in configs])
            for (model, sets), config, side in zip(runs, configs, theirs, strict=True):
                compared = beside(pair, config, side)
                failed += len(compared.unexplained())
                print(line_of(pair, model, compared), *sets, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except pytest.skip.Exception as missing:  # no captures, or no peer: the reason is its message
        sys.exit(str(missing))
