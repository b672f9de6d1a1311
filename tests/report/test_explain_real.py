"""Explanations, feeds and metrics of runs over real captures: of levels, and of orders with exact queues and amends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from simcore import engine
from simcore.config.load import load_config
from simcore.journal.store import read_stream
from simcore.observe.metrics import metrics_text
from simcore.report import feeds, summary
from simcore.report.explain import explain_order, explain_tick
from tests.blackbox.command import mmsim_here
from tests.property.real import CAPTURES, ROOT

pytestmark = pytest.mark.real
SETS = {
    "usdm": ("node.tick_interval_ms=100", "latency.place.model=feed", "run.to=2024-08-08T23:56:30Z"),
    "es": ("venue.queue_model=fifo", "node.use_amend=true"),
}  # fmt: skip


@pytest.fixture(scope="module", params=list(SETS))
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run over a capture, skipped where it is absent."""
    name = str(request.param)
    capture, folder = CAPTURES[name], tmp_path_factory.mktemp(name)
    source = ROOT / capture.files[0]
    if not source.is_file():
        pytest.skip(f"no {source.name} in {ROOT} (MMSIM_REAL_DATA)")
    options = {"symbol": capture.options.symbol, "venue": capture.options.venue, "kind": capture.options.kind}
    options |= {"tick-size": capture.options.tick_size, "lot-size": capture.options.lot_size, "contract-size": capture.options.contract_size}
    words = [word for key, value in options.items() if value for word in (f"--{key}", value)]
    done = mmsim_here("tape", "convert", source, "--format", capture.fmt, "--out", folder / "tapes", *words)
    assert done.returncode == 0, done.stderr
    tape = min((folder / "tapes").glob("*.parquet"))
    config = load_config(None, ["strategy.name=demo_maker", "strategy.params.spread.half_spread_bps=0", "node.trace_every=20", *SETS[name]])
    return engine.replay(tape, config, folder / "run")


def test_ticks_and_orders_come_out_as_in_the_journal(run: Path) -> None:
    """The explanations check themselves against the journal; they must find what to explain."""
    requests, fills = read_stream(run, "requests"), read_stream(run, "fills")
    for row in requests[:: max(len(requests) // 3, 1)][:3]:
        assert explain_tick(run, int(row["ts"]))["proof"]["requests"] > 0
    order_ids = np.unique(fills["order_id"])
    for order_id in order_ids[:: max(len(order_ids) // 3, 1)][:3]:
        found = explain_order(run, int(order_id))
        assert len(found["fills"]) == np.count_nonzero(fills["order_id"] == order_id) > 0


def test_the_feeds_hold_every_fill(run: Path) -> None:
    written = feeds.write_feeds(run)
    fills = pd.concat([pd.read_parquet(path) for path in written.fills])
    assert len(fills) == summary(run)["fills"] > 0
    assert (fills["mid_now"] > 0).all()
    assert (fills["latency_ms"].dropna() > 0).all()
    assert fills["latency_ms"].notna().mean() > 0.9


def test_the_metrics_are_exposed(run: Path) -> None:
    symbol, text = summary(run)["symbol"], metrics_text(run)
    assert f'mm_symbol_fills_total{{symbol="{symbol}"}}' in text
