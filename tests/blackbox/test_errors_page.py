"""docs/errors.md is what the code says."""

from __future__ import annotations

import re

import pytest

from simcore.errors import CODES, codes_page
from tests.blackbox.command import ROOT, mmsim_here


def test_the_page_is_current() -> None:
    """`python -m simcore.errors > docs/errors.md` writes it."""
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == codes_page()


def test_every_code_that_is_raised_is_listed() -> None:
    """The table is complete."""
    raised = set()
    for path in [*(ROOT / "simcore").rglob("*.py"), ROOT / "cli.py"]:
        if path.name != "errors.py":
            raised |= set(re.findall(r'"((?:TAPE|CONV|CONF|STRAT|ENG|JRNL|REP|BENCH)-\d{3})"', path.read_text(encoding="utf-8")))
    assert raised
    assert raised - set(CODES) == set()


@pytest.mark.parametrize("code", CODES)
def test_a_code_can_be_asked_for(code: str) -> None:
    """`mmsim errors CODE` prints title and remedy."""
    done = mmsim_here("errors", code)
    assert done.returncode == 0
    assert all(text in done.stdout for text in (code, *CODES[code]))
