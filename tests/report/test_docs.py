"""The commands on the pages of gates, metrics, explanations and sweeps run as they stand, one after the other."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.blackbox.command import ROOT, mmsim_here

PAGES = {"gates": 4, "metrics": 2, "explain": 5, "sweeps": 7}


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with the sample tapes and the demo's run in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")
    demo = ("replay", "datasets/synbtc-perp-20240101-l2.parquet", "--out", "reports/demo", "--to", "2024-01-01T00:30:00Z")
    if page in ("gates", "metrics"):
        assert mmsim_here(*demo).returncode == 0
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL) for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines if line.startswith("mmsim ")]
    assert len(commands) == PAGES[page]
    for words in commands:
        done = mmsim_here(*words[1:])
        assert done.returncode == 0, (words, done.stderr)
        assert done.stdout or "--out" in words, words
