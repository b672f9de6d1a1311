"""A finished run of several symbols from Python: totals, each symbol's result, what the allocator did."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simcore.door.arguments import FLAG, PATH, TEXT, optional, public
from simcore.portfolio.coordinator import Entry
from simcore.report.build import ReportFiles, build_report
from simcore.report.portfolio import PortfolioFolder, open_portfolio, portfolio_headline, summarise_portfolio
from simcore.report.result import RunResult

if TYPE_CHECKING:
    import pandas as pd

    from simcore.report.canvas import Picture


class PortfolioResult:
    """The result of a replay of several symbols: a folder, read when asked."""

    @public(run_dir=PATH)
    def __init__(self, run_dir: Path | str) -> None:
        self.run_dir = Path(run_dir)

    @cached_property
    def folder(self) -> PortfolioFolder:
        """The opened folder."""
        return open_portfolio(self.run_dir)

    @cached_property
    def symbols(self) -> dict[str, RunResult]:
        """Each symbol's own result, by name."""
        return {part.name: RunResult(part.folder) for part in self.folder.parts}

    @cached_property
    def summary(self) -> dict[str, Any]:
        """All figures by name (docs/portfolio.md)."""
        return summarise_portfolio(self.folder)

    @property
    def headline(self) -> dict[str, Any]:
        """The figures that `mmsim replay --json` prints."""
        return portfolio_headline(self.summary)

    @cached_property
    def allocation(self) -> pd.DataFrame:
        """One row a barrier and symbol: score, averages, weight, budget, position. Empty without barriers."""
        import pandas as pd

        frame = pd.DataFrame(self.folder.entries, columns=list(Entry._fields))
        frame["ts"] = pd.to_datetime(frame["ts"], utc=True)
        frame["symbol"] = frame["symbol"].map(self.folder.names)
        return frame

    @public(name=TEXT)
    def plot(self, name: str = "equity") -> Picture:
        """Return a plot as a matplotlib Figure: equity, exposure or weights. CONF-014 for another name."""
        from simcore.report import portfolio_plots

        return portfolio_plots.draw(name, self.folder, self.summary)

    @public(pictures=optional(FLAG))
    def report(self, pictures: bool | None = None) -> ReportFiles:
        """Write summary.json, report.html, report.md and plots into the folder, and into those of the symbols.

        pictures: None draws the common ones, True each symbol's as well, False none.
        """
        return build_report(self.run_dir, pictures)
