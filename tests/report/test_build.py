"""The report's files: complete, self-contained, the same bytes each time, whole or not at all."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from simcore.errors import JournalError
from simcore.report import band_plot, build_report, pictures, plots, portfolio_plots
from simcore.report.folder import open_run
from simcore.report.html import render_html
from simcore.report.markdown import cell, render_markdown
from simcore.report.pages import context
from simcore.report.statistics import summarise
from simcore.report.wording import ABSENT
from tests.report.conftest import Maker
from tests.report.fake import INSTRUMENTS
from tests.report.test_edge import CASES
from tests.report.test_plots import NAMES
from tests.sealing import reseal

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks that tags nest, and collects addresses and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def pages(run_dir: Path) -> tuple[str, str]:
    """Return HTML and Markdown of a run without its pictures, which take most of the time."""
    run = open_run(run_dir)
    page = context(run, summarise(run), dict.fromkeys(NAMES, "Caption."))
    return render_html(page, dict.fromkeys(NAMES, b"")), render_markdown(page, dict.fromkeys(NAMES, "x.png"))


def contents(run: Path) -> dict[str, bytes]:
    return {p.relative_to(run).as_posix(): p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}


def test_the_report_has_all_its_files(make: Maker) -> None:
    run = make()
    before = contents(run)
    files = build_report(run)
    added = set(contents(run)) - set(before)
    assert added == {"summary.json", "report.html", "report.md", "report.sha256", *(f"plots/{name}.png" for name in NAMES)}
    assert all(contents(run)[name] == data for name, data in before.items())
    assert files.html.is_file()
    assert set(files.plots) == set(NAMES)
    assert json.loads(files.summary.read_text())["digest"] == files.figures["digest"]


def test_the_names_are_those_of_the_plots() -> None:
    """What is removed when it is not drawn again, and what can be drawn."""
    assert sorted(pictures.NAMES) == sorted((*plots.PLOTS, band_plot.NAME))
    assert sorted(pictures.PORTFOLIO_NAMES) == sorted(portfolio_plots.PLOTS)


@pytest.mark.parametrize("case", ["no fills", "one fill", "inverse", "no samples"])
def test_a_report_without_pictures_is_whole(make: Maker, case: str) -> None:
    """All tables and figures, no link that leads nowhere, no empty card, and a sentence on how to draw them."""
    run = make(**CASES[case])
    drawn, before = build_report(run), contents(run)
    words = set(Page(drawn.html.read_text(encoding="utf-8")).words)
    files = build_report(run, pictures=False)
    assert files.plots == {}
    assert set(before) - set(contents(run)) == {f"plots/{name}.png" for name in NAMES}
    assert contents(run)["summary.json"] == before["summary.json"]
    page = Page(files.html.read_text(encoding="utf-8"))
    assert page.open == []
    assert page.addresses == []
    assert "mmsim report RUN --pictures" in page.words
    captions = {text for _, text in plots.PLOTS.values()}
    assert {word.strip() for word in words} - captions <= {word.strip() for word in page.words}
    markdown = files.markdown.read_text(encoding="utf-8")
    assert "](plots/" not in markdown
    assert "![" not in markdown
    assert "`mmsim report RUN --pictures`" in markdown
    heads = [line for line in markdown.splitlines() if line]
    assert not any(a.startswith("## ") and b.startswith("## ") for a, b in itertools.pairwise(heads))
    assert not re.search(r'<section class="card">\s*</section>', files.html.read_text(encoding="utf-8"))
    build_report(run)
    assert contents(run) == before


def test_a_picture_that_is_not_ours_stays(make: Maker) -> None:
    """Only the report's own pictures go when they are not drawn again."""
    run = make()
    build_report(run)
    (run / "plots" / "mine.png").write_bytes(b"x")
    build_report(run, pictures=False)
    assert [path.name for path in (run / "plots").iterdir()] == ["mine.png"]


def test_building_again_gives_the_same_bytes(make: Maker, tmp_path: Path) -> None:
    """Also in a folder that was moved, given by another path."""
    run = make()
    build_report(run)
    first = contents(run)
    build_report(run)
    assert contents(run) == first
    moved = tmp_path / "elsewhere" / "moved"
    shutil.copytree(run, moved)
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        build_report("elsewhere/moved")
    finally:
        os.chdir(here)
    assert contents(moved) == first


@pytest.mark.parametrize("case", ["no fills", "one fill", "inverse", "one-sided book", "no samples"])
def test_pages_are_well_formed_and_need_no_network(make: Maker, case: str) -> None:
    """HTML nests, loads nothing from outside; Markdown links the pictures that are there; no NaN or None is shown."""
    files = build_report(make(**CASES[case]))
    text = files.html.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.scripts == 0
    assert len(page.addresses) == len(NAMES)
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not re.search(r"@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    markdown = files.markdown.read_text(encoding="utf-8")
    links = re.findall(r"!\[[^]]*\]\(([^)]+)\)", markdown)
    assert len(links) == len(NAMES)
    assert all((files.markdown.parent / link).is_file() for link in links)
    for words in (" ".join(page.words), markdown):
        assert not re.search(r"\b(nan|None|inf|Infinity)\b", words)


def test_tables_of_the_markdown_have_equal_rows(make: Maker) -> None:
    """Every row of a table has as many cells as its head."""
    _, text = pages(make(note={"strategy": "a|b"}))
    width = 0
    for row in text.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", row)) if row.startswith("|") else 0
        assert not (cells and width) or cells == width, row
        width = cells


def test_the_sign_of_fees_is_stated(make: Maker) -> None:
    _, paid = pages(make("paid", maker_rate=10_000))
    assert "positive, so we paid them" in paid
    _, earned = pages(make("earned", takers=False, maker_rate=-10_000))
    assert "negative, so the exchange paid us a rebate" in earned
    assert "rebate: paid to us" in earned


def test_missing_figures_are_dashes_with_a_reason(make: Maker) -> None:
    html, markdown = pages(make(fill_count=0))
    assert f"| Net edge | {ABSENT} | bps | no turnover |" in markdown
    assert f'title="no turnover">{ABSENT}<' in html


def test_hostile_names_stay_text(make: Maker) -> None:
    """Symbol, strategy, warnings and config come from files: none of them becomes markup."""
    bad = "<script>alert(1)</script>|`x`"
    run = make(note={"strategy": bad, "instrument": {**INSTRUMENTS["linear"]["instrument"], "symbol": bad}})
    (run / "config.yaml").write_text(f"name: '{bad}'\n")
    reseal(run)
    html, markdown = pages(run)
    page = Page(html)
    assert page.scripts == 0
    assert page.open == []
    head = markdown.split("## Result", 1)[0]
    assert "<script" not in head


def test_cells_escape_markup() -> None:
    assert cell("a|b_c*d`e<f\ng") == "a\\|b\\_c\\*d\\`e&lt;f g"


def test_the_command_and_config_are_in_the_report(make: Maker) -> None:
    for text in pages(make()):
        assert "mmsim replay tapes/fake.parquet --config config.yaml --out NEW_FOLDER" in text
        assert "name: demo_maker" in text
        assert "ab" * 32 in text


def test_a_failed_write_leaves_the_old_file(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk gives JRNL-005, the former report stays, and nothing half-written is left."""
    run = make()
    build_report(run)
    before = contents(run)

    def full(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("simcore.report.build._fill", full)
    with pytest.raises(JournalError) as caught:
        build_report(run)
    assert caught.value.code == "JRNL-005"
    assert contents(run) == before


def test_the_report_shows_every_warning(make: Maker) -> None:
    run = make(note={"synthetic": True, "inferred": ["tick_size"]})
    shown = " ".join(Page(pages(run)[0]).words)
    assert len(summarise(open_run(run))["warnings"]) >= 4
    assert all(text in shown for text in summarise(open_run(run))["warnings"])
