"""Explanations agree with the journal: every tick's stages with its requests, every order's life with its fills."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from simcore import engine
from simcore.config.load import load_config
from simcore.errors import MmsimError
from simcore.journal.store import read_stream, to_table
from simcore.kernels import reasons
from simcore.records import MAKER, PLACE, REFUSED
from simcore.report.explain import explain_order, explain_tick
from simcore.report.explain.stages import changes, plain
from simcore.report.explain.text import order_text, tick_text
from simcore.report.explain.words import ACTIONS, FILLS, REASONS
from tests.blackbox.command import SAMPLE, assert_refused, mmsim, mmsim_here
from tests.sealing import reseal

START_TS = 1_704_067_200_005_000_000
MS = 1_000_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return three minutes of the sample day under the default strategy, every tick traced."""
    config = load_config(None, ["strategy.name=adaptive", "run.to=2024-01-01T00:03:00Z", "node.trace_every=1"])
    return engine.replay(SAMPLE, config, tmp_path_factory.mktemp("explain") / "run")


def at_trace(run: Path, mask: Any, number: int = 0) -> tuple[Any, dict[str, Any]]:
    """Return a traced tick, the number-th under a mask, and its explanation."""
    traces = read_stream(run, "traces")
    row = traces[mask(traces)][number]
    return row, explain_tick(run, int(row["ts"]))


CASES = {
    "quiet": (lambda t: (t["requests"] == 0) & (t["wait_ns"] == 0) & (t["level"] == 0), "Wants a bid of "),
    "busy": (lambda t: t["requests"] >= 2, "Wants "),
    "waiting": (lambda t: t["wait_ns"] > 0, "No quote yet: the view of the market was too old, and the tick runs again in "),
    "soft": (lambda t: (t["level"] == 1) & (t["wait_ns"] == 0), "Wants "),
    "hard": (lambda t: t["level"] == 2, "No quote: "),
}


@pytest.mark.parametrize(("mask", "begins"), CASES.values(), ids=CASES)
def test_a_tick_is_explained_as_it_was_traced(run: Path, mask: Any, begins: str) -> None:
    """What the stages decide one by one is what the trace of the fused ones says, and the requests are the journal's."""
    row, found = at_trace(run, mask)
    assert found["tick_ts"] == row["ts"]
    assert found["headline"].startswith(begins)
    assert [step["name"] for step in found["stages"]] == ["fetch_md", "spread", "guards", "inventory", "queue_aware", "emit"]
    last: dict[str, Any] = {}
    for step in found["stages"]:
        last.update({name: after for name, (_, after) in step["changed"].items()})
    for name, column in (
        ("fetch.wait_ns", "wait_ns"), ("guards.level", "level"), ("guards.soft", "soft"), ("guards.hard", "hard"),
        ("spread.spread_bps", "spread_bps"), ("inventory.inventory_pct", "inventory_pct"), ("inventory.skew_bps", "skew_bps"),
        ("nudge.bid_nudge_ticks", "bid_nudge_ticks"),
    ):  # fmt: skip
        assert last.get(name, 0) == row[column], name
    for name in ("bid_ticks", "ask_ticks", "bid_lots", "ask_lots", "reasons"):
        assert found["quote"][name] == row[name], name
    assert len(found["requests"]) == row["requests"]
    assert found["proof"] == {"same_as_fused": True, "requests": int(row["requests"]), "requests_match": True}


def test_any_tick_can_be_explained(run: Path) -> None:
    """Ticks spread over the run, at times between them: each is the last one at or before the time."""
    times = read_stream(run, "traces")["ts"]
    for place in np.linspace(1, len(times) - 2, 6).astype(int):
        found = explain_tick(run, int(times[place + 1]) - 1)
        assert found["tick_ts"] == times[place]
        assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_text_begins_with_the_sentence(run: Path) -> None:
    row, found = at_trace(run, lambda t: t["level"] == 2)
    text = tick_text(found)
    assert text.splitlines()[0] == found["headline"]
    assert "guards: HARD" in text
    for label in reasons.labels(int(row["hard"])):
        assert label in text
    assert text.splitlines()[-1].startswith("Checked:")
    shown = mmsim_here("explain", run, "--at", str(row["ts"]))
    assert (shown.returncode, shown.stdout) == (0, text)


def test_every_reason_and_action_has_words() -> None:
    assert list(REASONS) == list(reasons.LABELS)
    assert {*ACTIONS, 0} == {*reasons.ACTION_LABELS}
    assert set(FILLS) == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("at", ["2024-01-01T00:00:00.1Z", "2023-12-31T00:00:00Z", "2024-01-01T00:03:01Z"])
def test_times_without_a_tick_are_refused(run: Path, at: str) -> None:
    assert_refused(mmsim_here("explain", run, "--at", at), "REP-002")


@pytest.mark.parametrize("at", ["noon", "17040675", "0"])
def test_what_is_no_time_is_refused(run: Path, at: str) -> None:
    assert_refused(mmsim_here("explain", run, "--at", at), "CONF-003", "--at")


def test_a_journal_that_says_otherwise_is_refused(run: Path, tmp_path: Path) -> None:
    """A request that the journal lacks: the explanation does not pretend."""
    row, _ = at_trace(run, lambda t: t["requests"] >= 2)
    other = tmp_path / "run"
    (other / "journal").mkdir(parents=True)
    for path in run.rglob("*"):
        if path.is_file() and path.suffix in (".json", ".yaml", ".parquet"):
            (other / path.relative_to(run)).parent.mkdir(parents=True, exist_ok=True)
            (other / path.relative_to(run)).write_bytes(path.read_bytes())
    requests = read_stream(run, "requests")
    pq.write_table(to_table(requests[requests["ts"] != row["ts"]]), other / "journal" / "requests.parquet")
    reseal(other)
    assert_refused(mmsim_here("explain", other, "--at", str(row["ts"])), "JRNL-004")


# --- orders --------------------------------------------------------------------------------------------


def order_ids(run: Path) -> dict[str, int]:
    """Return an order of each kind: filled, cancelled, refused, last."""
    requests, reports, fills = (read_stream(run, name) for name in ("requests", "reports", "fills"))
    filled = fills[(fills["liquidity"] == MAKER) & (fills["ahead_entry_lots"] > 0)]["order_id"]
    placed = requests[requests["kind"] == PLACE]["order_id"]
    idle = placed[~np.isin(placed, fills["order_id"])]
    refused = reports[reports["kind"] == REFUSED]["order_id"]
    kinds = {"filled": filled[len(filled) // 2], "cancelled": idle[len(idle) // 2], "last": placed[-1]}
    if len(refused):
        kinds["refused"] = refused[0]
    return {name: int(order_id) for name, order_id in kinds.items()}


def test_a_filled_order(run: Path) -> None:
    """Legs add up, the queue goes from joining to the fill's own figure, the fill is the journal's."""
    order_id = order_ids(run)["filled"]
    found = explain_order(run, order_id)
    fills = read_stream(run, "fills")
    fill = fills[fills["order_id"] == order_id][0]
    leg = found["requests"][0]
    assert leg["answer"] == "ACKED"
    assert leg["to_exchange_ms"] + leg["back_ms"] == pytest.approx(leg["round_trip_ms"])
    assert found["queue"]["joined"] == [pytest.approx(fill["ahead_entry_lots"] * 0.001)]
    sizes = [found["queue"]["joined"][0], *(move["after"] for move in found["queue"]["moves"])]
    assert [move["before"] for move in found["queue"]["moves"]] == sizes[:-1]
    consumed = found["queue"]["by_trades"] + found["queue"]["by_cancels"]
    assert sizes[0] - consumed == pytest.approx(sizes[-1])
    shown = found["fills"][0]
    assert (shown["exch_ts"], shown["ahead"]) == (fill["exch_ts"], pytest.approx(fill["ahead_lots"] * 0.001))
    assert "filled" in found["headline"]
    assert found["end"]["reason"] == "filled"
    text = order_text(found)
    assert text.splitlines()[0] == found["headline"]
    assert "Queue: " in text
    done = mmsim_here("explain", run, "--order", order_id, "--json")
    assert json.loads(done.stdout) == json.loads(json.dumps(found))


def test_an_order_that_never_filled_says_why(run: Path) -> None:
    ids = order_ids(run)
    cancelled = explain_order(run, ids["cancelled"])
    assert "never filled, ended (by request)" in cancelled["headline"]
    assert [leg["answer"] for leg in cancelled["requests"]] == ["ACKED", "ENDED"]
    assert cancelled["fills"] == []
    last = explain_order(run, ids["last"])
    assert "never filled" in last["headline"]
    assert last["end"] is None or last["end"]["at"]
    if "refused" in ids:
        refused = explain_order(run, ids["refused"])
        assert "refused by the exchange: would cross" in refused["headline"]
        assert refused["queue"]["joined"] == []


def test_the_queue_of_every_filled_order_ends_at_its_fill(run: Path) -> None:
    """Over several fills, what was ahead last is what the journal has just before the fill, less trades of that moment."""
    fills = read_stream(run, "fills")
    for fill in fills[fills["liquidity"] == MAKER][:: max(len(fills) // 5, 1)]:
        found = explain_order(run, int(fill["order_id"]))
        assert found["queue"]["last"] == pytest.approx(fill["ahead_lots"] * 0.001) or found["queue"]["last"] > fill["ahead_lots"] * 0.001


def test_what_is_not_in_the_run_is_refused(run: Path, tmp_path: Path) -> None:
    assert_refused(mmsim_here("explain", run, "--order", "7"), "REP-002", "no order 7")
    assert_refused(mmsim_here("explain", run, "--order", "7", "--symbol", "ETH"), "REP-002", "no symbol ETH")
    assert_refused(mmsim_here("explain", tmp_path, "--order", "7"), "JRNL-001")
    assert mmsim_here("explain", run).returncode == 2
    assert mmsim_here("explain", run, "--order", "7", "--at", "0").returncode == 2
    note = json.loads((run / "run.json").read_text())
    try:
        reseal(run, leader="OTHER")
        with pytest.raises(MmsimError, match="REP-003"):
            explain_tick(run, START_TS + 1000 * MS)
    finally:
        (run / "run.json").write_text(json.dumps(note))


def test_a_python_class_is_explained(tmp_path: Path) -> None:
    """Its one stage is what it wanted, which comes to the journal's requests."""
    mine = tmp_path / "mine.py"
    mine.write_text(
        textwrap.dedent(
            '''
            """Quotes the best prices."""
            from simcore.python_strategy import make_quote


            class Strategy:
                """Joins both sides."""

                def on_tick(self, context):
                    """Want one lot at each best price."""
                    return make_quote(context.market.bid_ticks, 1, context.market.ask_ticks, 1)
            '''
        )
    )
    run, off = tmp_path / "run", {"NUMBA_DISABLE_JIT": "1"}
    done = mmsim("replay", SAMPLE, "--strategy", mine, "--to", "2024-01-01T00:00:20Z", "--out", run, **off)
    assert done.returncode == 0, done.stderr
    requests = read_stream(run, "requests")
    for ts in requests["ts"][[0, -1]]:
        found = json.loads(mmsim("explain", run, "--at", str(ts), "--json", **off).stdout)
        assert [step["name"] for step in found["stages"]] == ["python"]
        assert found["quote"]["bid_ticks"] == found["inputs"]["market"]["bid_ticks"]
        assert found["proof"]["requests"] == np.count_nonzero(requests["ts"] == ts)


# --- failures, and the leaves ------------------------------------------------------------------------------


def test_the_tick_that_failed_is_explained(tmp_path: Path) -> None:
    """Of a run that stopped at a strategy's fault: which stage, with what in its hands."""
    mine = tmp_path / "mine.py"
    mine.write_text(
        textwrap.dedent(
            '''
            """Leans for ten seconds."""
            from __future__ import annotations
            from simcore.jit import kernel
            from simcore.kernels.context import QuoteContext, with_shift
            from simcore.kernels.stages import simple


            @kernel
            def lean(context: QuoteContext) -> QuoteContext:
                """Fail after ten seconds."""
                if context.market.elapsed_ns >= 10_000_000_000:
                    raise ValueError("no lean today")
                return with_shift(context, 1.0)


            STAGES = {"spread": simple.volatility_spread, "lean": lean, "inventory": simple.linear_skew, "emit": simple.two_sided}
            '''
        )
    )
    run, off = tmp_path / "run", {"NUMBA_DISABLE_JIT": "1"}
    assert_refused(mmsim("replay", SAMPLE, "--strategy", mine, "--out", run, **off), "STRAT-004", "stage lean")
    error_ts = json.loads((run / "run.json").read_text())["error"]["ts"]
    done = mmsim("explain", run, "--at", str(error_ts), **off)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("No quote: stage lean failed: ValueError: no lean today.")
    found = json.loads(mmsim("explain", run, "--at", str(error_ts), "--json", **off).stdout)
    assert found["tick_ts"] == error_ts
    assert [step["name"] for step in found["stages"]] == ["spread", "lean"]
    assert found["stages"][1]["error"].startswith("ValueError: no lean")
    before = mmsim("explain", run, "--at", str(error_ts - 1), **off)
    assert before.stdout.startswith("Wants ")


def test_changes_are_named_with_their_place() -> None:
    before = {"a": 1, "b": {"c": 2.0, "d": 3}}
    assert changes(before, {"a": 1, "b": {"c": 2.5, "d": 3}}) == {"b.c": [2.0, 2.5]}
    assert changes(before, before) == {}
    assert changes(None, None) == {}


def test_numbers_that_are_none_become_text() -> None:
    assert plain(float("nan")) == "nan"
    assert plain(np.float64(1.5)) == 1.5
    assert plain(float("-inf")) == "-inf"
