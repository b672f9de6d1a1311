"""The digests of the samples are the same on every supported Python.

MMSIM_PYTHONS lists interpreters of other versions, separated by `:`, each with the dependencies of mmsim installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.blackbox.command import ROOT, command
from tests.blackbox.tapes import write_sample
from tests.golden.samples import expected

PYTHONS = [path for path in os.environ.get("MMSIM_PYTHONS", "").split(os.pathsep) if path]
GOLDEN = "import json; from tests.golden.samples import golden_run, names; print(json.dumps({name: golden_run(name)[0] for name in names()}))"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHONS, reason="MMSIM_PYTHONS names no interpreters"),
]


def run(python: str, *words: str | Path, **variables: str) -> str:
    """Return what an interpreter prints, in the project's folder and with its sources."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT), **variables}
    done = subprocess.run(
        [python, *map(str, words)], capture_output=True, text=True, check=False, cwd=ROOT, env=environment, timeout=1200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def version_of(python: str) -> str:
    return run(python, "-c", "import platform; print(platform.python_version())").strip()


def replay_digest(python: str, tape: Path, out: Path, **variables: str) -> str:
    """Return the digest of `mmsim replay` with an interpreter."""
    words = command("replay", tape, "--out", out, "--json", python=python)[1:]
    return str(json.loads(run(python, *words, **variables))["digest"])


@pytest.mark.parametrize("python", PYTHONS)
def test_the_golden_digests_are_those_of_every_python(python: str) -> None:
    """Compiled: each golden run of the samples against the committed digests."""
    assert json.loads(run(python, "-c", GOLDEN)) == expected(), version_of(python)


@pytest.mark.parametrize("python", [sys.executable, *PYTHONS])
def test_the_digest_is_the_same_without_the_compiler(python: str, tmp_path: Path) -> None:
    """Through the command: a short part of a sample as plain Python on each interpreter, and compiled on this one."""
    tape = write_sample(tmp_path / "short.parquet", rows=3000)
    plain = replay_digest(python, tape, tmp_path / "plain", NUMBA_DISABLE_JIT="1")
    assert plain == replay_digest(sys.executable, tape, tmp_path / "compiled"), version_of(python)


def test_the_interpreters_are_of_other_versions() -> None:
    """A list of this version only would prove nothing."""
    assert {version_of(python) for python in PYTHONS} - {version_of(sys.executable)}
