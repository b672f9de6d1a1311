"""Each planted fault is killed by the tests that are said to kill it, and the page tells of all of them."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.mutants.harness import ROOT, Mutant, occurrences
from tests.mutants.page import page
from tests.mutants.planted import AREAS, TITLES

MUTANTS = [pytest.param(mutant, id=f"{area}: {mutant.words}") for area, mutants in AREAS.items() for mutant in mutants]
LEAST = 20  # of an area


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_still_one(mutant: Mutant) -> None:
    """Its text occurs once, what takes its place is another, and its test is there."""
    assert occurrences(mutant) == 1, f"{mutant.file}: {mutant.before!r}"
    assert mutant.after != mutant.before
    name, _, function = mutant.test.partition("::")
    assert f"\ndef {function}(" in (ROOT / "tests" / name).read_text(encoding="utf-8")


def test_each_area_has_its_mutants_and_the_page_shows_them() -> None:
    assert set(AREAS) == set(TITLES)
    assert all(len({mutant.words for mutant in mutants}) == len(mutants) >= LEAST for mutants in AREAS.values())
    assert (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8") == page()


def test_a_copy_without_a_fault_is_left_alone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The harness itself: the tests of a copy pass, and fail once a fault is in it."""
    code = (
        "import sys; from pathlib import Path; from tests.mutants import harness as h; h.prepare(); copy = h.copy_to(Path(sys.argv[1]))\n"
        "test = 'report/test_sums.py::test_small_products_stay_int64'; print(repr(h.run(test, copy).killed_by))\n"
        "print(repr(h.play(h.Mutant('report/sums.py', 'INT64_SAFE = 1 << 62', 'INT64_SAFE = 1', '', test), copy).killed_by))\n"
        "print(repr(h.run(test, copy).killed_by))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path_factory.mktemp("copy"))], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.splitlines() == ["''", "'report/test_sums.py::test_small_products_stay_int64'", "''"], done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("area", AREAS)
def test_every_mutant_is_killed(area: str) -> None:
    """In a process of its own, which has not imported simcore."""
    done = subprocess.run([sys.executable, "-m", "tests.mutants", area], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(rf"^{area} ", done.stdout, re.MULTILINE)) == len(AREAS[area])
