"""A run that failed midway stays readable, and every view of it says so first."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from simcore.errors import ReportError
from simcore.report import RunResult, build_report, console_table, summary
from simcore.report.folder import open_run
from tests.blackbox.command import SAMPLE, assert_refused, mmsim
from tests.report.conftest import Maker
from tests.report.fake import START_TS
from tests.report.test_views import printed

CAUSE = "mine.py: stage lean, BTCUSDT, ZeroDivisionError: division by zero; at 2024-08-08T00:01:30 UTC, lane 0"
ERROR = {"code": "STRAT-004", "title": "strategy failed while running", "cause": CAUSE, "ts": START_TS + 90_000_000_000}


@pytest.fixture
def failed(make: Maker) -> Path:
    """Return a run of 120 s that stopped after 90."""
    return make(note={"status": "failed", "error": ERROR})


def test_a_failed_run_has_a_summary_up_to_its_end(failed: Path) -> None:
    """The end is the time of the failure, and the failure is the first warning."""
    figures = summary(failed)
    assert (figures["status"], figures["error"]["code"]) == ("failed", "STRAT-004")
    assert figures["duration_s"] == 90.0
    assert figures["end"].startswith("2024-08-08 00:01:30")
    assert figures["fills"] == 60
    assert figures["warnings"][0].startswith(f"The run failed: STRAT-004 strategy failed while running: {CAUSE}.")


def test_its_pages_say_so_at_the_top(failed: Path) -> None:
    files = build_report(failed)
    markdown = files.markdown.read_text()
    assert markdown.splitlines()[0].endswith("(failed)")
    assert markdown.index("The run failed") < markdown.index("## Result")
    html = files.html.read_text()
    assert html.index("(failed)") < html.index("The run failed") < html.index("Where the money came from")
    assert json.loads(files.summary.read_text())["error"] == ERROR
    assert printed(console_table(summary(failed))).startswith("! The run failed: STRAT-004")
    assert len(RunResult(failed).fills) == 60


def test_a_run_that_is_done_has_no_error(make: Maker) -> None:
    figures = summary(make())
    assert (figures["status"], figures["error"]) == ("done", None)
    assert not any("failed" in text for text in figures["warnings"])


@pytest.mark.parametrize("error", [None, "late", {"code": "STRAT-004"}])
def test_a_failure_without_its_error_is_refused(make: Maker, error: Any) -> None:
    with pytest.raises(ReportError, match=r"run\.json error"):
        open_run(make(note={"status": "failed", "error": error}))


def test_a_running_run_is_refused(make: Maker) -> None:
    with pytest.raises(ReportError, match="not complete"):
        open_run(make(note={"status": "running"}))


def test_a_strategy_that_fails_leaves_a_readable_run(tmp_path: Path) -> None:
    """The command refuses with stage and time; report and Python then read what was done before."""
    mine = tmp_path / "mine.py"
    mine.write_text(
        textwrap.dedent(
            '''
            """Fails after half a minute."""
            from __future__ import annotations
            from simcore.jit import kernel
            from simcore.kernels.context import QuoteContext
            from simcore.kernels.stages import simple


            @kernel
            def trap(context: QuoteContext) -> QuoteContext:
                """Fail at a time."""
                if context.market.elapsed_ns > 30_000_000_000:
                    raise ValueError("the trap went off")
                return context


            STAGES = {"spread": simple.volatility_spread, "inventory": simple.linear_skew, "trap": trap, "emit": simple.two_sided}
            '''
        )
    )
    run, plain = tmp_path / "run", {"NUMBA_DISABLE_JIT": "1"}
    words = ("--set", "strategy.params.spread.half_spread_bps=0.2", "--out", run)
    assert_refused(mmsim("replay", SAMPLE, "--strategy", mine, *words, **plain), "STRAT-004", "stage trap", "the trap went off")
    done = mmsim("report", run)
    assert (done.returncode, done.stdout.splitlines()[0][:12]) == (0, "! The run fa")
    figures = summary(run)
    assert 30.0 < figures["duration_s"] < 30.2
    assert figures["orders"] > 20
    assert int(open_run(run).samples["ts"].max()) <= figures["error"]["ts"]
    assert_refused(mmsim("replay", SAMPLE, "--strategy", mine, *words, "--resume", **plain), "JRNL-002", "failed")
