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

PYTHONS = [path for path in os.environ.get("MMSIM_PYTHONS", "").split(os.pathsep) if path]
SAMPLES = sorted((ROOT / "datasets").glob("*.parquet"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHONS, reason="MMSIM_PYTHONS names no interpreters"),
]


def version_of(python: str) -> str:
    done = subprocess.run([python, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def digest(python: str, tape: Path, out: Path, **variables: str) -> str:
    """Return the digest of a replay with an interpreter."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    done = subprocess.run(
        command("replay", tape, "--out", out, "--json", python=python), capture_output=True, text=True, check=False,
        cwd=ROOT, env=environment, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["digest"])


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_has_one_digest(python: str, sample: Path, tmp_path: Path) -> None:
    """Compiled, the whole sample; this Python against the other."""
    assert digest(python, sample, tmp_path / "other") == digest(sys.executable, sample, tmp_path / "this"), version_of(python)


@pytest.mark.parametrize("python", [sys.executable, *PYTHONS])
def test_the_digest_is_the_same_without_the_compiler(python: str, tmp_path: Path) -> None:
    """A short part of a sample, as plain Python, on each interpreter."""
    tape = write_sample(tmp_path / "short.parquet", rows=3000)
    plain = digest(python, tape, tmp_path / "plain", NUMBA_DISABLE_JIT="1")
    assert plain == digest(sys.executable, tape, tmp_path / "compiled"), version_of(python)


def test_the_interpreters_are_of_other_versions() -> None:
    """A list of this version only would prove nothing."""
    assert {version_of(python) for python in PYTHONS} - {version_of(sys.executable)}
