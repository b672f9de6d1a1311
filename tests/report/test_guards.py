"""What a report and an explanation say of guards, silence and orders, beside the journal itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simcore import engine
from simcore.config.load import load_config
from simcore.journal.store import read_stream
from simcore.kernels import reasons as why
from simcore.records import PLACE
from simcore.report.explain import explain_tick, list_orders, list_silent
from simcore.report.explain.text import tick_text
from simcore.report.folder import open_run
from simcore.report.guards import guard_figures, longest_halt
from simcore.report.statistics import summary
from tests.blackbox.command import SAMPLE, mmsim_here

NS_PER_S = 1_000_000_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return ten minutes of the sample day, every tick traced, with guards that halt often."""
    sets = ["strategy.name=adaptive", "run.to=2024-01-01T00:10:00Z", "node.trace_every=1", "strategy.params.guards.vol_soft_bps=0.05", "strategy.params.guards.vol_hard_bps=0.2"]
    return engine.replay(SAMPLE, load_config(None, sets), tmp_path_factory.mktemp("guards") / "run")


def test_the_stream_has_a_row_for_each_change_of_the_verdict(run: Path) -> None:
    traces, guards = read_stream(run, "traces"), read_stream(run, "guards")
    traces = traces[traces["wait_ns"] == 0]
    pairs = list(zip(traces["soft"].tolist(), traces["hard"].tolist(), strict=True))
    changed = [i for i, pair in enumerate(pairs) if pair != (pairs[i - 1] if i else (0, 0))]
    assert len(guards) == len(changed) > 20
    assert guards["ts"].tolist() == traces["ts"][changed].tolist()
    assert list(zip(guards["soft"].tolist(), guards["hard"].tolist(), strict=True)) == [pairs[i] for i in changed]
    assert guards["level"].tolist() == traces["level"][changed].tolist()


def test_time_under_a_guard_is_that_of_the_ticks_at_which_it_held(run: Path) -> None:
    """Worked out from every tick: each holds until the next one that decided."""
    folder = open_run(run)
    traces = read_stream(run, "traces")
    traces = traces[traces["wait_ns"] == 0]
    spans = np.append(traces["ts"][1:], folder.end_ts) - traces["ts"]
    figures = guard_figures(folder).values
    assert figures["guards_hard_s"] == pytest.approx(spans[traces["level"] == 2].sum() / NS_PER_S)
    assert figures["guards_soft_s"] == pytest.approx(spans[traces["level"] == 1].sum() / NS_PER_S)
    found = {(row["level"], row["reason"]): row for row in figures["guards"]}
    hard = found["hard", "volatility"]
    assert hard["time_s"] == pytest.approx(spans[(traces["hard"] & why.VOLATILITY) != 0].sum() / NS_PER_S)
    assert (hard["key"], hard["limit"], hard["unit"]) == ("guards.vol_hard_bps", 0.2, "bps")
    assert hard["worst"] >= 0.2
    assert found["hard", "halted"]["key"] == "guards.halt_ms"


def test_a_halt_says_value_limit_key_since_and_until(run: Path) -> None:
    guards = read_stream(run, "guards")
    halted = guards[(guards["hard"] == why.HALTED)]
    found = explain_tick(run, int(halted["ts"][0]))
    row = next(row for row in found["guards"] if row["bit"] == why.HALTED)
    assert row["cause"]["key"] == "guards.vol_hard_bps"
    assert row["cause"]["value"] >= 0.2
    for words in ("No quote: halted since", "until", "(guards.halt_ms)", "volatility HARD at", "against 0.2", "(guards.vol_hard_bps)"):
        assert words in found["headline"]
    assert "Guards that held" in tick_text(found)


def test_silent_stretches_are_those_without_a_live_order(run: Path) -> None:
    """At every sample within a stretch no order is open; at samples outside all of them one is."""
    samples = read_stream(run, "samples")
    stretches = list_silent(run, least_s=0.0)
    inside = np.zeros(len(samples), bool)
    for row in stretches:
        inside |= (samples["ts"] > row["begin_ts"]) & (samples["ts"] < row["end_ts"])
    assert len(stretches) > 5
    assert samples["open_orders"][inside].max(initial=0) == 0
    outside = (samples["open_orders"] == 0) & ~inside
    assert not outside[1:].any()
    assert all(row["words"] for row in stretches)
    longer = list_silent(run, least_s=2.0)
    assert 0 < len(longer) < len(stretches)
    assert all(row["seconds"] >= 2.0 for row in longer)


def test_orders_are_listed_with_what_became_of_them(run: Path) -> None:
    orders = list_orders(run)
    requests = read_stream(run, "requests")
    figures = summary(run)
    assert [row["order_id"] for row in orders] == requests["order_id"][requests["kind"] == PLACE].tolist()
    assert len(orders) == figures["orders"]
    assert sum(row["filled"] for row in orders) == pytest.approx(figures["volume"])
    assert sum(row["end"] == "open" for row in orders) == figures["open_orders"]
    assert {"filled", "ended: by request"} <= {row["end"] for row in orders}


def test_the_report_has_a_section_and_warns_of_a_long_halt(run: Path) -> None:
    page = (run / "report.md").read_text() if (run / "report.md").exists() else None
    if page is None:
        assert mmsim_here("report", run).returncode == 0
        page = (run / "report.md").read_text()
    assert "## Guards" in page
    assert "guards.vol\\_hard\\_bps" in page
    begin, end = longest_halt(open_run(run)) or (0, 0)
    said = [text for text in summary(run)["warnings"] if text.startswith("Guards stopped all quotes")]
    assert bool(said) == (end - begin >= 60 * NS_PER_S)


def test_the_lists_are_commands(run: Path) -> None:
    assert "stretches of 1 s or more without a quote" in mmsim_here("explain", run, "--silent").stdout
    assert "orders" in mmsim_here("explain", run, "--orders").stdout
    assert mmsim_here("explain", run, "--orders", "--silent").returncode == 2
    assert mmsim_here("explain", run, "--silent", "--least", "-1").returncode == 2


def test_a_run_without_guards_says_nothing_of_them(tmp_path: Path) -> None:
    config = load_config(None, ["strategy.name=demo_maker", "run.to=2024-01-01T00:02:00Z"])
    figures = summary(engine.replay(SAMPLE, config, tmp_path / "run"))
    assert (figures["guards"], figures["guards_hard_s"], figures["guards_soft_s"]) == ([], 0.0, 0.0)
