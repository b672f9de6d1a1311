"""The folder of an A/B test: ab.json, ab.parquet, report.html, report.md and plots/*.png; the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from simcore import manifest, parquet
from simcore.calibrate.ab.figures import cell_table, figures
from simcore.calibrate.ab.pages import context
from simcore.calibrate.ab.run import AbResult, run_ab
from simcore.calibrate.ab.settings import AbSettings
from simcore.config.load import dump_config
from simcore.config.model import Config
from simcore.engine import ProgressCallback
from simcore.errors import JournalError
from simcore.files import write_atomic
from simcore.portfolio.members import Source
from simcore.report.build import write_bytes
from simcore.report.html import render_html
from simcore.report.markdown import render_markdown

PAGE = "ab"
FILE = "ab.json"


@dataclass(frozen=True)
class AbFiles:
    """Where a test's report is. figures: ab.json, unrounded."""

    folder: Path
    figures: dict[str, Any]


def write_ab(
    sources: Sequence[Source], a: Config, b: Config, settings: AbSettings, out: Path | None = None, *, progress: ProgressCallback | None = None
) -> AbFiles:  # fmt: skip
    """Test B against A and write the folder. out: an empty or new folder; None: the first unused reports/ab-<strategy of B>-<n>.

    JRNL-002: the folder holds something already. JRNL-005: it cannot be written. Else as `run_ab`.
    """
    with manifest.claimed(out, "ab", b.strategy.name.rpartition("/")[2].removesuffix(".py")) as folder:
        if any(folder.iterdir()):
            raise JournalError("JRNL-002", f"{folder} is not an empty folder")
        return write_report(run_ab(sources, a, b, settings, progress=progress), folder)


def write_report(result: AbResult, folder: Path) -> AbFiles:
    """Write a test's files into a folder, each whole or not at all, ab.json last. JRNL-005 if the disk refuses."""
    from simcore.calibrate.ab import plots  # takes half a second
    from simcore.report import canvas

    found = figures(result)
    pictures = {name: canvas.png_bytes(plots.draw(name, result)) for name in plots.PLOTS}
    page = context(found, {name: caption for name, (_, caption) in plots.PLOTS.items()}, plots.shown_watch(result).name)
    page |= {"configs": {"A.yaml": dump_config(result.a), "B.yaml": dump_config(result.b)}}
    for name, data in pictures.items():
        write_bytes(folder / "plots" / f"{name}.png", data)
    for name, text in page["configs"].items():
        write_bytes(folder / name, text.encode())
    _write_table(folder / "ab.parquet", cell_table(result))
    write_bytes(folder / "report.md", render_markdown(page, {name: f"plots/{name}.png" for name in pictures}, PAGE).encode())
    write_bytes(folder / "report.html", render_html(page, pictures, PAGE).encode())
    write_bytes(folder / FILE, (json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())
    return AbFiles(folder, found)


def _write_table(path: Path, table: pa.Table) -> None:
    try:
        write_atomic(path, lambda temporary: parquet.write_table(table, temporary))
    except OSError as exc:
        raise JournalError("JRNL-005", f"{path}: {exc.strerror or exc}") from exc
