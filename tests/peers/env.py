"""The peer's own environment, since it pins an older numpy than mmsim uses: `python -m tests.peers.env` finds or makes it.

MMSIM_PEER_PYTHON names an interpreter that has the peer. Without it the environment is made once, in the folder
`mmsim` of the user's cache folder, by venv and pip.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore.bench import peer as bench
from simcore.errors import BenchError
from tests.peers.ours import Side
from tests.peers.twin import Fill

HERE = Path(__file__).parent
RUN_TIMEOUT_S = 900


@cache
def peer_python() -> str:
    """Return the interpreter that has the peer. One that was named and has it not is a failure; none at all is a skip."""
    try:
        return bench.peer_python()
    except BenchError as exc:
        if os.environ.get("MMSIM_PEER_PYTHON"):
            pytest.fail(str(exc))
        pytest.skip(str(exc))


def run_peer(mode: str, config: dict[str, Any]) -> dict[str, Any]:
    """Run one mode of run_peer.py and return its JSON answer; its own failure is a failure of the test."""
    return run_script("run_peer.py", mode, json.dumps(config))


def run_script(script: str, *arguments: str) -> dict[str, Any]:
    """Run a script of this folder with the peer's interpreter; return the JSON object of its last line."""
    command = [peer_python(), str(HERE / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{script} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


def peer_runs(data: Path, folder: Path, configs: Sequence[dict[str, Any]]) -> list[Side]:
    """Run the maker in the peer once for each configuration, on the same rows and in one process."""
    outs = [folder / f"peer-{i}.npz" for i in range(len(configs))]
    runs = [{**config, "out": str(out)} for config, out in zip(configs, outs, strict=True)]
    answers = run_peer("fills", {"data": str(data), "runs": runs})["runs"]
    sides = []
    for answer, out in zip(answers, outs, strict=True):
        with np.load(out) as archive:
            fills = archive["fills"][["exch_ts", "side", "price_ticks", "qty_lots"]].tolist()
            quotes = archive["quotes"].tolist()
        assert answer["fills"] == len(fills)
        sides.append(Side(sorted(Fill(*row) for row in fills), quotes))
    return sides


def main() -> int:
    """Print the interpreter, and how long it took to find or make it."""
    begin = time.perf_counter()
    try:
        python = bench.peer_python()
    except BenchError as exc:
        print(exc, file=sys.stderr)
        return 1
    print(python)
    print(f"{bench.PEER}: {time.perf_counter() - begin:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
