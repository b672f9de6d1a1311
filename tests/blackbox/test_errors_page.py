"""docs/errors.md is what the code says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import pytest

from simcore.errors import CODES, codes_page
from tests.blackbox.command import ROOT, mmsim_here


def test_the_page_is_current() -> None:
    """`python -m simcore.errors > docs/errors.md` writes it."""
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == codes_page()


FAMILIES = "|".join(sorted({code.partition("-")[0] for code in CODES}))
CODE = re.compile(rf'"((?:{FAMILIES})-\d{{3}})(?:"|\.\*)')  # a string, or the beginning of a pattern


def codes_in(files: Iterable[Path]) -> set[str]:
    """Return the codes that stand in files as strings."""
    return {code for path in files for code in CODE.findall(path.read_text(encoding="utf-8"))}


def test_the_codes_of_the_sources_are_those_of_the_table() -> None:
    """Each one that is raised is listed, and each one that is listed is raised."""
    sources = [ROOT / "cli.py", *(path for path in (ROOT / "simcore").rglob("*.py") if path != ROOT / "simcore" / "errors.py")]
    assert codes_in(sources) == set(CODES)


def test_every_code_is_in_a_test() -> None:
    """Of those that a user can meet: none stands in the sources only."""
    assert set(CODES) - codes_in((ROOT / "tests").rglob("test_*.py")) == set()


def test_codes_keep_their_order() -> None:
    """Within a family by number, families together."""
    families = [code.partition("-")[0] for code in CODES]
    assert [family for family, _ in groupby(families)] == list(dict.fromkeys(families))
    for _, family in groupby(CODES, lambda code: code.partition("-")[0]):
        codes = list(family)
        assert codes == sorted(codes)


@pytest.mark.parametrize("code", CODES)
def test_a_code_can_be_asked_for(code: str) -> None:
    """`mmsim errors CODE` prints title and remedy."""
    done = mmsim_here("errors", code)
    assert done.returncode == 0
    assert all(text in done.stdout for text in (code, *CODES[code]))


def test_every_remedy_says_what_to_do() -> None:
    """None sends the reader back to the message that he has just read."""
    empty = [code for code, (_, remedy) in CODES.items() if re.match(r"(see )?the message (says|names|holds|counts)", remedy)]
    assert empty == []
