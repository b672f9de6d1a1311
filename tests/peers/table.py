"""Print the table of docs/peers.md: `python -m tests.peers.table [QUEUE_MODEL…]` from the project's root.

Every capture of MMSIM_REAL_DATA (default: ../shared/data) is converted, exported, and played by both engines.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from simcore import Config
from tests.peers.env import peer_runs
from tests.peers.matching import Comparison, explain
from tests.peers.ours import MODELS, Side, as_peer, rules, run_ours
from tests.peers.tapes import CAPTURES, Pair, capture_pair, rows_of
from tests.peers.twin import Rules, Twin

HEAD = ("| capture | queue model | ours | peer | agreeing | explained, by rule | unexplained |", "|" + "---|" * 7)


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


def main(models: list[str]) -> int:
    """Print the table; 1 if a difference has no rule."""
    failed = 0
    print("\n".join(HEAD))
    for capture in CAPTURES:
        with tempfile.TemporaryDirectory() as folder:
            pair = capture_pair(capture, Path(folder))
            configs = [rules(model) for model in models]
            theirs = peer_runs(pair.npz, Path(folder), [as_peer(config, pair.tape) for config in configs])
            for model, config, side in zip(models, configs, theirs, strict=True):
                compared = beside(pair, config, side)
                failed += len(compared.unexplained())
                print(line_of(pair, model, compared), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(MODELS)))
