"""One small tape and one finished run for all black-box tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.blackbox.command import SAMPLE, mmsim, mmsim_here
from tests.blackbox.processes import RUN
from tests.blackbox.sources import write_lobster
from tests.blackbox.tapes import write_sample


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("tape") / "good.parquet")


@pytest.fixture(scope="session")
def compiled(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Have the machine code of replay, synth and convert in the cache."""
    folder = tmp_path_factory.mktemp("compiled")
    source = write_lobster(folder / "AMZN_2021-04-12_message_10.csv", 100)
    for words in (["synth", "--duration", "60"], ["convert", source, "--format", "lobster"]):
        done = mmsim("tape", *words, "--out", folder / "out" / words[0])
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, tape: Path) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    done = mmsim("replay", tape, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def whole_digest(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the digest of the run of `tests.blackbox.processes` that nothing stops."""
    out = tmp_path_factory.mktemp("whole") / "run"
    done = mmsim_here("replay", SAMPLE, "--out", out, *RUN, "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["digest"])
