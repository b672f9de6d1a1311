"""Pages of sections: sentences with code in them read as such in both formats, and nothing in them becomes markup."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore.calibrate.pages import Page, Section, write_page
from simcore.report import html, markdown
from simcore.report.pages import queue_text


def test_code_in_sentences_stays_code(tmp_path: Path) -> None:
    """A command between backticks is not escaped; what is around it is; a block of code ends without an empty line."""
    text = "`mmsim replay --config best_queue.yaml` uses a_fit <b>."
    sections = [Section("The model", [text], code="venue:\n  queue_n: 1.5\n")]
    pages = [path.read_text() for path in write_page(tmp_path, Page("A fit", "", sections, ["see `--tolerance-ms`"]), {})]
    assert "`mmsim replay --config best_queue.yaml` uses a\\_fit &lt;b>." in pages[0]
    assert "<code>mmsim replay --config best_queue.yaml</code> uses a_fit &lt;b&gt;." in pages[1]
    assert "* see `--tolerance-ms`" in pages[0]
    assert "<li>see <code>--tolerance-ms</code></li>" in pages[1]
    assert "queue_n: 1.5\n```" in pages[0]
    assert "queue_n: 1.5</pre>" in pages[1]


@pytest.mark.parametrize("text", ["a ` b <i>", "no code, <i>"])
def test_a_lone_backtick_begins_no_code(text: str) -> None:
    """It is escaped like everything else."""
    assert markdown.prose(text) == markdown.cell(text)
    assert str(html.prose(text)) == text.replace("<", "&lt;").replace(">", "&gt;")


def test_queue_models_are_named_for_readers() -> None:
    """A file by its name: its folder would push the name out of a terminal's table."""
    assert queue_text("/far/away/best_queue.py", 3.0) == "best_queue.py"
    assert queue_text("log2", 3.0) == "log2"
    assert queue_text("power", 1.5) == "power:1.5"
