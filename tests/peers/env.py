"""Find or make the peer's own environment: hftbacktest pins an older numpy than mmsim uses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers.ours import Side
from tests.peers.twin import Fill

PEER = "hftbacktest==2.4.4"
HERE = Path(__file__).parent
INSTALL_TIMEOUT_S = 600
RUN_TIMEOUT_S = 900


@cache
def peer_python() -> str:
    """Return the interpreter that has the peer, making its environment on first use; skip if neither works."""
    chosen = os.environ.get("MMSIM_PEER_PYTHON")
    if chosen:
        if not _has_peer(chosen):
            pytest.skip(f"MMSIM_PEER_PYTHON={chosen} cannot import {PEER}")
        return chosen
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmsim"
    folder = root / f"peer-{PEER.split('==')[1]}-py{sys.version_info[0]}{sys.version_info[1]}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (python.exists() and _has_peer(str(python))):
        _make(folder, python)
    return str(python)


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


def _has_peer(python: str) -> bool:
    probe = "import hftbacktest, sys; sys.exit(hftbacktest.__version__ != '2.4.4')"
    try:
        done = subprocess.run([python, "-c", probe], capture_output=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _make(folder: Path, python: Path) -> None:
    steps = ([sys.executable, "-m", "venv", str(folder)], [str(python), "-m", "pip", "install", "-q", PEER])
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as exc:
            pytest.skip(f"no environment for {PEER}: {exc}")
        if done.returncode != 0:
            pytest.skip(f"no environment for {PEER}: {' '.join(step)}: {done.stderr.strip()[-300:]}")
    if not _has_peer(str(python)):
        pytest.skip(f"no environment for {PEER}: installed, but it does not import")
