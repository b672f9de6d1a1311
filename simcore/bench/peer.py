"""The peer's side of the benchmark: tests/peers/run_peer.py in an environment that has hftbacktest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from simcore.bench.process import ROOT, run_process
from simcore.errors import BenchError

VERSION = "2.4.4"
PEER = f"hftbacktest=={VERSION}"
SCRIPT = ROOT / "tests" / "peers" / "run_peer.py"
PROBE_LIMIT_S = 120.0
INSTALL_LIMIT_S = 600.0
DEPTHS = {"hashmap": "hashmap", "range": "roivector"}  # our names of the peer's depths, and its own


def run_peer(interpreter: str, mode: str, config: dict[str, Any]) -> dict[str, Any]:
    """Run one mode of the script; BENCH-002 if it fails."""
    return run_process([interpreter, str(SCRIPT), mode, json.dumps(config)]).answer()


def cpu_s_of(interpreter: str, mode: str, config: dict[str, Any]) -> float:
    """Run one mode of the script; return the CPU seconds of the process. BENCH-002 if it fails."""
    return run_process([interpreter, str(SCRIPT), mode, json.dumps(config)]).cpu_s


def peer_python() -> str:
    """Return an interpreter that has the peer: MMSIM_PEER_PYTHON, else an environment in the cache folder, made if need be.

    BENCH-001 if there is no checkout, no such interpreter, or the environment cannot be made.
    """
    if not SCRIPT.is_file():
        raise BenchError("BENCH-001", f"{SCRIPT} is not there: --peer works from a checkout of the project")
    chosen = os.environ.get("MMSIM_PEER_PYTHON")
    if not chosen:
        return str(made_python())
    if not has_peer(Path(chosen)):
        raise BenchError("BENCH-001", f"MMSIM_PEER_PYTHON={chosen} cannot import {PEER}")
    return chosen


def made_python() -> Path:
    """Return the interpreter of the environment in the cache folder, making it first where it is not whole. BENCH-001."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmsim"
    folder = cache / f"peer-{VERSION}-py{sys.version_info[0]}{sys.version_info[1]}"
    if not has_peer(interpreter_of(folder)):
        _make(folder)
    return interpreter_of(folder)


def interpreter_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def has_peer(python: Path) -> bool:
    """Return whether the interpreter is there and imports the right version."""
    probe = f"import hftbacktest, sys; sys.exit(hftbacktest.__version__ != {VERSION!r})"
    try:
        done = subprocess.run([str(python), "-c", probe], capture_output=True, timeout=PROBE_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _make(folder: Path) -> None:
    """Make the environment beside its place and move it there whole; who comes second uses the first one's."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        fresh = Path(scratch) / folder.name
        install = [str(interpreter_of(fresh)), "-m", "pip", "install", "-q", "--disable-pip-version-check", PEER]
        for step in ([sys.executable, "-m", "venv", str(fresh)], install):
            try:
                done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_LIMIT_S, check=False)
            except (OSError, subprocess.TimeoutExpired) as exc:
                raise BenchError("BENCH-001", f"no environment for {PEER}: {exc}") from exc
            if done.returncode != 0:
                said = done.stderr.strip()[-300:]
                raise BenchError("BENCH-001", f"no environment for {PEER}: {' '.join(step[1:4])}: {said}")
        if not has_peer(interpreter_of(fresh)):
            raise BenchError("BENCH-001", f"no environment for {PEER}: installed, but it does not import")
        if not has_peer(interpreter_of(folder)):
            shutil.rmtree(folder, ignore_errors=True)  # the rest of an installation that was stopped
            fresh.rename(folder)
