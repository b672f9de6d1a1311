"""The peer's side of the benchmark: tests/peers/run_peer.py in an environment that has hftbacktest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from simcore.bench.process import ROOT, run_process
from simcore.errors import BenchError

PEER = "hftbacktest==2.4.4"
SCRIPT = ROOT / "tests" / "peers" / "run_peer.py"
INSTALL_LIMIT_S = 600.0
DEPTHS = {"hashmap": "hashmap", "range": "roivector"}  # our names of the peer's depths, and its own


def run_peer(interpreter: str, mode: str, config: dict[str, Any]) -> dict[str, Any]:
    """Run one mode of the script; BENCH-002 if it fails."""
    return run_process([interpreter, str(SCRIPT), mode, json.dumps(config)]).answer()


def peer_python() -> str:
    """Return an interpreter that has the peer: MMSIM_PEER_PYTHON, else an environment in the cache folder, made if need be.

    BENCH-001 if there is no checkout, no such interpreter, or the environment cannot be made.
    """
    if not SCRIPT.is_file():
        raise BenchError("BENCH-001", f"{SCRIPT} is not there: --peer works from a checkout of the project")
    chosen = os.environ.get("MMSIM_PEER_PYTHON")
    if chosen:
        if not _has_peer(chosen):
            raise BenchError("BENCH-001", f"MMSIM_PEER_PYTHON={chosen} cannot import {PEER}")
        return chosen
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmsim"
    folder = cache / f"peer-{PEER.split('==')[1]}-py{sys.version_info[0]}{sys.version_info[1]}"
    interpreter = folder / "bin" / "python"
    if not _has_peer(str(interpreter)):
        _make(folder, interpreter)
    return str(interpreter)


def _has_peer(interpreter: str) -> bool:
    probe = f"import hftbacktest, sys; sys.exit(hftbacktest.__version__ != {PEER.split('==')[1]!r})"
    try:
        done = subprocess.run([interpreter, "-c", probe], capture_output=True, timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _make(folder: Path, interpreter: Path) -> None:
    steps = ([sys.executable, "-m", "venv", str(folder)], [str(interpreter), "-m", "pip", "install", "-q", PEER])
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise BenchError("BENCH-001", f"no environment for {PEER}: {exc}") from exc
        if done.returncode != 0:
            raise BenchError("BENCH-001", f"no environment for {PEER}: {' '.join(step[:3])}: {done.stderr.strip()[-500:]}")
    if not _has_peer(str(interpreter)):
        raise BenchError("BENCH-001", f"no environment for {PEER}: installed, but it does not import")
