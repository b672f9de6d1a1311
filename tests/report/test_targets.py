"""A run is held against the targets that its configuration sets."""

from __future__ import annotations

import pytest

from simcore.errors import ReportError
from simcore.report import build_report, console_table
from simcore.report.pages import target_table
from simcore.report.statistics import summary
from tests.report.conftest import Maker
from tests.report.test_views import printed
from tests.sealing import reseal

TARGETS = "targets:\n  net_bps: {net}\n  slippage_bps: 1.8\n  taker_share: 0.09\n"


def test_targets_are_met_or_missed(make: Maker) -> None:
    """Net from above, slippage strictly below, taker share up to; on the pages and on the terminal, too."""
    run = make()
    config = (run / "config.yaml").read_text()
    net = summary(run)["net_bps"]
    for target, met in ((net, True), (net + 0.001, False)):
        (run / "config.yaml").write_text(config + TARGETS.format(net=repr(target)))
        reseal(run)
        figures = summary(run)
        assert [(row["figure"], row["met"]) for row in figures["targets"]] == [
            ("net_bps", met), ("slippage_bps", True), ("taker_share", figures["taker_share"] <= 0.09),
        ]  # fmt: skip
        table = target_table(figures)
        assert [row[-1] for row in table.rows][:2] == ["met" if met else "missed", "met"]
        assert "## Targets" in build_report(run).markdown.read_text()
        assert f"Net edge: {table.rows[0][2]}, target {table.rows[0][1]}: {table.rows[0][3]}" in printed(console_table(figures))
    assert figures["taker_share"] > 0.09


def test_a_figure_that_is_not_there_meets_no_target(make: Maker) -> None:
    run = make(fill_count=0)
    (run / "config.yaml").write_text(TARGETS.format(net=2.3))
    reseal(run)
    assert [row["met"] for row in summary(run)["targets"]] == [None, None, None]
    assert [row[-1] for row in target_table(summary(run)).rows] == ["no figure"] * 3


def test_without_targets_nothing_is_held_against_a_run(make: Maker) -> None:
    run = make()
    assert summary(run)["targets"] == []
    assert "Targets" not in build_report(run).markdown.read_text()


@pytest.mark.parametrize("text", ["targets: {net_bps: soon}", "targets: [1]", "targets: {gross_bps: 1}", "a: b: c", "- 1"])
def test_bad_targets_are_refused(make: Maker, text: str) -> None:
    run = make()
    (run / "config.yaml").write_text(text)
    reseal(run)
    with pytest.raises(ReportError, match="REP-001"):
        summary(run)
