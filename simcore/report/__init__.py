"""Reports of runs: statistics, plots, pages, comparison. matplotlib, jinja2, pandas and rich are loaded on first use."""

from simcore.report.build import ReportFiles, build_report
from simcore.report.compare import Comparison, compare
from simcore.report.console import console_table
from simcore.report.result import RunResult
from simcore.report.statistics import headline, summary

__all__ = ["Comparison", "ReportFiles", "RunResult", "build_report", "compare", "console_table", "headline", "summary"]
