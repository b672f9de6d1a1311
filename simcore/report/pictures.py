"""Which pictures a report has, who draws them, and what becomes of those of an earlier one. No matplotlib before one is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simcore.errors import JournalError

if TYPE_CHECKING:
    from simcore.report.folder import RunFolder
    from simcore.report.portfolio import PortfolioFolder

NAMES = ("equity", "edge", "quotes", "inventory", "markouts", "queue", "band")
PORTFOLIO_NAMES = ("equity", "exposure", "weights")
NOT_DRAWN = "Written without pictures: `mmsim report RUN --pictures`, with this folder for RUN, draws them."
Drawn = tuple[dict[str, bytes], dict[str, str]]
NONE: Drawn = ({}, {})


def draw_run(run: RunFolder, figures: Mapping[str, Any]) -> Drawn:
    """Return the pictures of a run, PNG, and their captions, by name."""
    from simcore.report import band_plot, canvas, plots  # takes half a second

    captions = {name: caption for name, (_, caption) in plots.PLOTS.items()}
    pictures = {name: canvas.png_bytes(plots.draw(name, run, figures)) for name in plots.PLOTS}
    if figures["band"] is not None:
        pictures[band_plot.NAME] = canvas.png_bytes(band_plot.draw(run, figures))
        captions[band_plot.NAME] = band_plot.CAPTION
    return pictures, captions


def draw_portfolio(opened: PortfolioFolder, figures: Mapping[str, Any]) -> Drawn:
    """Return the pictures of a portfolio run, PNG, and their captions, by name."""
    from simcore.report import canvas, portfolio_plots  # takes half a second

    captions = {name: caption for name, (_, caption) in portfolio_plots.PLOTS.items()}
    return {name: canvas.png_bytes(portfolio_plots.draw(name, opened, figures)) for name in portfolio_plots.PLOTS}, captions


def remove_others(links: Mapping[str, Path], folder: Path, names: tuple[str, ...]) -> None:
    """Remove pictures that an earlier report had and this one has not: a page and the pictures beside it are of one time. JRNL-005."""
    for path in [folder / f"{name}.png" for name in names if name not in links]:
        try:
            path.unlink(missing_ok=True)
        except OSError as exc:
            raise JournalError("JRNL-005", f"{path}: {exc}") from exc
    with suppress(OSError):  # it holds other pictures, or was never made
        folder.rmdir()
