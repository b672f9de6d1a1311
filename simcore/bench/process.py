"""Processes of the benchmark: started fresh, watched until they end, answering with one JSON object."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcore.errors import BenchError

ROOT = Path(__file__).parents[2]
LIMIT_S = 3600.0
FEW_LANES = 16  # a grid that a peer can still play, one pass each


@dataclass(frozen=True)
class Done:
    """What a process said on stdout, its wall time from start to exit, and the CPU time of all its threads, s."""

    text: str
    wall_s: float
    cpu_s: float

    def answer(self) -> dict[str, Any]:
        """Return the JSON object on the last line."""
        found = json.loads(self.text.strip().splitlines()[-1])
        assert isinstance(found, dict), "a measuring process prints an object"
        return found


def run_process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Done:
    """Run a command to its end. BENCH-002 if it fails, with the last lines of its stderr."""
    begin, before_s = time.perf_counter(), _children_s()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT_S, check=False, env={**os.environ, **(environment or {})}
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise BenchError("BENCH-002", f"{command[0]}: {exc}") from exc
    wall_s = time.perf_counter() - begin
    if done.returncode != 0:
        raise BenchError("BENCH-002", f"{' '.join(command[:4])} … ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return Done(done.stdout, wall_s, _children_s() - before_s)


def _children_s() -> float:
    """Return the CPU seconds of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def python(*arguments: str, environment: Mapping[str, str] | None = None) -> Done:
    """Run our own interpreter on this very source tree."""
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return run_process([sys.executable, *arguments], {**(environment or {}), "PYTHONPATH": paths})


def measure(what: str, **options: Any) -> dict[str, Any]:
    """Run one measurement of `simcore.bench.measures` in a process of its own."""
    return python("-m", "simcore.bench.measures", what, json.dumps(options)).answer()


def peak_rss_mb() -> float:
    """Return this process's largest resident memory so far, MB.

    Linux: VmHWM. ru_maxrss would also count the parent from before the exec.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
