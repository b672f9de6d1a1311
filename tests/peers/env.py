"""The peer's own environment, since it pins an older numpy than mmsim uses: `python -m tests.peers.env` finds or makes it.

MMSIM_PEER_PYTHON names an interpreter that has the peer. Without it the environment is made once, in the folder
`mmsim` of the user's cache folder, by venv and pip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.peers.ours import Side
from tests.peers.twin import Fill

VERSION = "2.4.4"
PEER = f"hftbacktest=={VERSION}"
HERE = Path(__file__).parent
PROBE_TIMEOUT_S = 120
INSTALL_TIMEOUT_S = 600
RUN_TIMEOUT_S = 900


class NoPeerError(Exception):
    """The environment cannot be made: no network, no pip, or no release for this interpreter."""


@cache
def peer_python() -> str:
    """Return the interpreter that has the peer. One that was named and has it not is a failure; none at all is a skip."""
    chosen = os.environ.get("MMSIM_PEER_PYTHON")
    if chosen:
        if not has_peer(Path(chosen)):
            pytest.fail(f"MMSIM_PEER_PYTHON={chosen} cannot import {PEER}")
        return chosen
    try:
        return str(made_python())
    except NoPeerError as exc:
        pytest.skip(f"no environment for {PEER}: {exc}")


def made_python() -> Path:
    """Return the interpreter of the environment in the cache folder, making it first where it is not whole."""
    root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "mmsim"
    folder = root / f"peer-{VERSION}-py{sys.version_info[0]}{sys.version_info[1]}"
    if not has_peer(interpreter_of(folder)):
        make(folder)
    return interpreter_of(folder)


def interpreter_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def has_peer(python: Path) -> bool:
    """Return whether the interpreter is there and imports the right version."""
    probe = f"import hftbacktest, sys; sys.exit(hftbacktest.__version__ != {VERSION!r})"
    try:
        done = subprocess.run([str(python), "-c", probe], capture_output=True, timeout=PROBE_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def make(folder: Path) -> None:
    """Make the environment beside its place and move it there whole; who comes second uses the first one's."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        fresh = Path(scratch) / folder.name
        install = [str(interpreter_of(fresh)), "-m", "pip", "install", "-q", "--disable-pip-version-check", PEER]
        for step in ([sys.executable, "-m", "venv", str(fresh)], install):
            try:
                done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
            except (OSError, subprocess.TimeoutExpired) as exc:
                raise NoPeerError(str(exc)) from exc
            if done.returncode != 0:
                raise NoPeerError(f"{' '.join(step[1:4])}: {done.stderr.strip()[-300:]}")
        if not has_peer(interpreter_of(fresh)):
            raise NoPeerError("installed, but it does not import")
        if not has_peer(interpreter_of(folder)):
            shutil.rmtree(folder, ignore_errors=True)  # the rest of an installation that was stopped
            fresh.rename(folder)


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
    chosen = os.environ.get("MMSIM_PEER_PYTHON")
    try:
        python = Path(chosen) if chosen else made_python()
    except NoPeerError as exc:
        print(f"no environment for {PEER}: {exc}", file=sys.stderr)
        return 1
    if not has_peer(python):
        print(f"{python} cannot import {PEER}", file=sys.stderr)
        return 1
    print(python)
    print(f"{PEER}: {time.perf_counter() - begin:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
