"""Every block of README and docs/*.md runs as printed, in page order, in a fresh folder, and shows something."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from simcore.errors import codes_page
from tests import pages
from tests.pages import OWN, ROOT, blocks, path_of, steps

PAGES = ["README", *sorted(path.stem for path in (ROOT / "docs").glob("*.md"))]
NOT_RUN = {
    "performance": "speed: `make bench` measures it",
    "peers": "needs the peer's environment and a capture",
    "published": "takes minutes; tests/published derives the same numbers",
}
QUICK = ("explain", "metrics")  # of the adaptive maker, which other tests have compiled
EMPTY: dict[str, int] = {}  # page: runs without a fill that it shows on purpose


def shown_by(page: str) -> list[tuple[str, str, str]]:
    return [step for step in steps(page) if step[0] != "file"]


RUN = [page for page in PAGES if page not in NOT_RUN and shown_by(page)]


def ran(page: str, folder: Path, home: Path = ROOT) -> None:
    """Run a page; no run of it is without fills, so that it shows something."""
    found = pages.run(page, folder, home)
    empty = [one.get("run_dir", one.get("strategy")) for one in found if not one.get("fills", 1)]
    assert len(empty) == EMPTY.get(page, 0), (page, empty)


@pytest.mark.parametrize("page", QUICK)
def test_a_quick_page_runs(page: str, tmp_path: Path) -> None:
    ran(page, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in RUN if page not in QUICK])
def test_a_page_runs(page: str, tmp_path: Path) -> None:
    ran(page, tmp_path)


@pytest.mark.slow
def test_the_first_page_runs_with_the_mmsim_of_a_wheel(tmp_path: Path) -> None:
    """The wheel holds all that README and the quickstart need: kernels, strategies, templates, venues, sample tapes."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named 'setuptools" in built.stderr or "Cannot import 'setuptools" in built.stderr:
        pytest.skip("building a wheel needs setuptools in this environment")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("mmsim_engine-*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    assert not (installed / "simcore" / "samples").is_symlink()
    for page in ("README", "quickstart"):
        folder = tmp_path / page
        folder.mkdir()
        ran(page, folder, installed)


def test_no_page_is_forgotten() -> None:
    """Pages that are not run say why, and are there; each that is run has something to run."""
    assert set(NOT_RUN) <= set(PAGES)
    assert set(QUICK) <= set(RUN)
    assert len(RUN) > 15


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_is_on_data_of_the_reader(page: str) -> None:
    """A `text` block with commands names what we do not have; all other commands are in blocks that run."""
    for block in blocks(page):
        if block.language == "text" and ("mmsim " in block.text or "import" in block.text):
            assert any(word in block.text for word in OWN), (page, block.line)
        elif block.language in ("", "sh") and page not in NOT_RUN:
            assert not any(re.search(rf"\b{re.escape(word)}\b", command) for word in OWN for command in block.commands), (page, block.line)


def test_no_two_pages_write_to_one_folder() -> None:
    """Whoever walks through several pages in one folder meets no folder that is in use."""
    homes: dict[str, str] = {}
    for page in RUN:
        for _, where, text in shown_by(page):
            for out in re.findall(r"--out (\S+)", text) + re.findall(r'out="([^"]+)"', text):
                if "tape synth" in text:
                    continue
                assert homes.setdefault(out, where) == where, (out, where, homes[out])


def test_no_line_installs_a_package_of_strangers() -> None:
    """The name `mmsim` of the package index is not ours; neither docs nor messages fetch it."""
    fetched = re.compile(r"pip3? install\s+(?:-\S+\s+)*['\"]?mmsim(?!-engine)\b")
    texts = {path: path.read_text(encoding="utf-8") for path in (*map(path_of, PAGES), ROOT / "notebooks" / "README.md", *(ROOT / "simcore").rglob("*.py"))}
    assert [str(path) for path, text in texts.items() if fetched.search(text)] == []
    assert fetched.search("pip install 'mmsim[search]'")
    assert not fetched.search(codes_page())


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README", "python"])
def test_the_python_of_a_page_is_typed(page: str, tmp_path: Path) -> None:
    """`mypy --strict` finds nothing in what a user copies from here."""
    (tmp_path / "page.py").write_text("\n".join(block.text for block in blocks(page) if block.language == "python" and not block.file))
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent", "--cache-dir", str(tmp_path / "cache"), "page.py"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
