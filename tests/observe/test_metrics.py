"""A run as Prometheus text: values against the summary and the journal, names against the docs and the alert rules."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from simcore import observe
from simcore.errors import MmsimError
from simcore.journal.store import read_stream
from simcore.kernels.reasons import LABELS
from simcore.kernels.stages.guard_counts import GuardMemory
from simcore.kernels.stages.guards import GuardParams
from simcore.observe.families import BUCKETS_S, HISTOGRAM, METRICS, Families
from simcore.observe.metrics import THRESHOLDS, metrics_text
from simcore.portfolio import folder as portfolio
from simcore.portfolio.coordinator import Entry
from simcore.report import gates, summary
from simcore.report.latencies import latencies_ns
from simcore.report.stages import run_times_ms
from tests.blackbox.command import ROOT, assert_refused, mmsim_here
from tests.report.fake import Spec, make_run
from tests.sealing import reseal

# As the house lists them, with the label where it names one.
HOUSE = {
    *(f"mm_symbol_{name}" for name in ("score", "net_bps", "fill_rate", "slippage_bps", "total_ticks", "weight", "size_multiplier")),
    *(f"mm_symbol_{name}" for name in ("vol_realized", "liq_top_depth", "latency_p95", "pnl_dev", "taker_share", "queue_absorb_rate")),
    *(f"mm_symbol_{name}" for name in ("queue_eta_ms", "adverse_move_bps", "fills_total", "fills_maker", "fills_taker")),
    *(f"mm_allocator_{name}" for name in ("rebalance_total", "active_symbols", "blacklist_size")),
    *(f"mm_md_cache_{name}" for name in ("hit_ratio", "size", "inflight_refreshes", "total_hits", "total_misses", "refresh_latency_p95_ms")),
    "mm_stage_duration_ms", "latency_breakdown_ms", "guard_trigger_details", "adaptive_spread_score",
}  # fmt: skip
MEMORY = {
    "fetch_md.hits": 30.0, "fetch_md.misses": 10.0, "fetch_md.ends_ns": 5.0, "fetch_md.older_ends_ns": -1.0,
    "guards.soft_volatility": 7.0, "guards.hard_kill_switch": 2.0, "guards.hard_halted": 3.0, "guards.state.day": 4.0,
}  # fmt: skip


def run_with(folder: Path, memory: dict[str, Any] | None = None, **fields: Any) -> Path:
    run = make_run(folder, Spec(**fields))
    counts = json.loads((run / "counts.json").read_text())
    (run / "counts.json").write_text(json.dumps({**counts, "memory": MEMORY if memory is None else memory}))
    return reseal(run)


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Return (name, labels in alphabetical order) -> value of every sample, by the parser of prometheus_client."""
    return {
        (sample.name, *(f"{key}={sample.labels[key]}" for key in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_metric_of_the_house_has_a_name() -> None:
    assert {metric.known_as for metric in METRICS} - {""} == HOUSE
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_names_keep_the_conventions(metric: Any) -> None:
    """Base units: seconds, ratios; counters end in _total, and only they; milliseconds and percent never."""
    assert re.fullmatch(r"mm(_[a-z0-9]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not re.search(r"_ms\b|_ms_|percent|_pct|_rate\b", metric.name)
    assert metric.text.endswith(".")
    if metric.kind == HISTOGRAM:
        assert metric.name.endswith("_seconds")


def test_values_are_those_of_the_run(tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", traces=60)
    found, figures = samples(metrics_text(run)), summary(run)
    last = read_stream(run, "features")[-1]
    symbol = "symbol=BTCUSDT"
    expected = {
        "mm_symbol_net_bps": figures["net_bps"], "mm_symbol_fill_ratio": figures["fill_ratio"],
        "mm_symbol_slippage_bps": figures["slippage_bps"], "mm_symbol_ticks_total": figures["ticks"],
        "mm_symbol_fills_total": figures["fills"], "mm_symbol_fills_maker_total": figures["maker_fills"],
        "mm_symbol_fills_taker_total": figures["taker_fills"], "mm_symbol_vol_realized_bps": last["vol_realized"],
        "mm_symbol_liq_top_depth_lots": last["liq_top_depth"], "mm_symbol_latency_p95_seconds": last["latency_p95_ms"] / 1e3,
        "mm_symbol_pnl_dev_cash": last["pnl_dev"], "mm_symbol_taker_share_ratio": last["taker_share"],
        "mm_symbol_queue_absorb_lots_per_second": last["queue_absorb_rate"],
        "mm_symbol_queue_eta_seconds": last["queue_eta_ms"] / 1e3, "mm_symbol_adverse_move_bps": last["adverse_move_bps"],
        "mm_md_cache_hit_ratio": 0.75, "mm_md_cache_size": 1, "mm_md_cache_inflight_refreshes": 1, "mm_md_cache_hits_total": 30,
        "mm_md_cache_misses_total": 10, "mm_md_cache_refresh_latency_p95_seconds": 0.25, "mm_deadline_misses_total": 1,
        "mm_traced_ticks_total": 60,
    }  # fmt: skip
    for name, value in expected.items():
        assert found[name, symbol] == pytest.approx(float(value)), name
    scores = {key: value for key, value in found.items() if key[0] == "mm_adaptive_spread_score_ratio"}
    assert scores["mm_adaptive_spread_score_ratio", "score_type=vol", symbol] == 0.25
    assert len(scores) == 4


def test_guards_are_counted_by_level_and_reason(tmp_path: Path) -> None:
    found = samples(metrics_text(run_with(tmp_path / "run")))
    triggers = {key[1:]: value for key, value in found.items() if key[0] == "mm_guard_triggers_total"}
    assert triggers == {
        ("level=soft", "reason=volatility", "symbol=BTCUSDT", "threshold_breached=vol_soft_bps"): 7.0,
        ("level=hard", "reason=kill_switch", "symbol=BTCUSDT", "threshold_breached=kill_switch"): 2.0,
        ("level=hard", "reason=halted", "symbol=BTCUSDT", "threshold_breached="): 3.0,
    }


def test_thresholds_are_parameters_of_the_guards() -> None:
    """And the reasons those that the guards count."""
    counted = {name.partition("_") for name in GuardMemory._fields if name != "state"}
    reasons = {reason for _, _, reason in counted}
    assert reasons <= {*LABELS.values()}
    for level, _, reason in counted:
        threshold = THRESHOLDS.get(reason, "").format(level)
        assert threshold in (*GuardParams._fields, "")
    assert set(THRESHOLDS) <= reasons


@pytest.mark.parametrize("name", ["mm_stage_duration_seconds", "mm_latency_breakdown_seconds"])
def test_histograms_count_every_time(tmp_path: Path, name: str) -> None:
    """Cumulative buckets against a count by hand, sum and count against the times."""
    run = run_with(tmp_path / "run", traces=60)
    if name == "mm_stage_duration_seconds":
        times = {f"stage={stage}": values / 1e3 for stage, values in run_times_ms(run, read_stream(run, "traces")).items()}
    else:
        raw = latencies_ns(read_stream(run, "requests"), read_stream(run, "reports"))
        times = {f"component={part}": values / 1e9 for part, values in raw.items() if len(values)}
        assert len(times) == 3
    found = samples(metrics_text(run))
    for label, values in times.items():
        own = {key: value for key, value in found.items() if label in key}
        assert own[(f"{name}_count", *sorted((label, "symbol=BTCUSDT")))] == len(values)
        assert own[(f"{name}_sum", *sorted((label, "symbol=BTCUSDT")))] == pytest.approx(values.sum())
        for bound in (*map(repr, BUCKETS_S), "+Inf"):
            key = (f"{name}_bucket", *sorted((label, f"le={bound}", "symbol=BTCUSDT")))
            assert own[key] == np.count_nonzero(values <= float(bound)), bound


def test_what_was_not_observed_is_not_exposed(tmp_path: Path) -> None:
    """No traces, no features, no cache, no allocator, no fills: no samples, rather than zeros."""
    names = {key[0] for key in samples(metrics_text(run_with(tmp_path / "run", {}, fill_count=0, rejects=0)))}
    assert names == {"mm_symbol_ticks_total", "mm_symbol_fills_total", "mm_symbol_fills_maker_total", "mm_symbol_fills_taker_total"}


def entry(ts: int, symbol: str, weight: float, blocked: bool) -> Entry:
    said = {"ts": ts, "symbol": symbol, "ended": False, "score": 0.5, "weight": weight, "blocked": blocked}
    return Entry(**{**dict.fromkeys(Entry._fields, 0), **said})


def test_a_run_of_several_symbols(tmp_path: Path) -> None:
    """Each symbol with its own label, and the allocator's last word."""
    run_with(tmp_path / "a")
    run_with(tmp_path / "b", kind="spot")
    note = {
        "kind": "portfolio", "status": "done", "fingerprint": "", "tapes": [], "digest": "",
        "symbols": [{"key": key, "name": key.upper(), "folder": key, "leader": None} for key in ("a", "b")],
    }  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(note))
    portfolio.write_telemetry(tmp_path, [entry(1, "a", 1.0, False), entry(1, "b", 1.0, False), entry(2, "a", 1.5, False), entry(2, "b", 0.5, True)])
    reseal(tmp_path)
    found = samples(metrics_text(tmp_path))
    assert found["mm_symbol_net_bps", "symbol=A"] == pytest.approx(summary(tmp_path / "a")["net_bps"])
    assert found["mm_symbol_net_bps", "symbol=B"] == pytest.approx(summary(tmp_path / "b")["net_bps"])
    assert (found["mm_symbol_weight", "symbol=A"], found["mm_symbol_weight", "symbol=B"]) == (1.5, 0.5)
    assert (found["mm_symbol_size_multiplier", "symbol=A"], found["mm_symbol_size_multiplier", "symbol=B"]) == (1.5, 0.0)
    assert found["mm_symbol_score", "symbol=B"] == 0.5
    allocator = [found[name,] for name in ("mm_allocator_rebalances_total", "mm_allocator_active_symbols", "mm_allocator_blacklist_size")]
    assert allocator == [2, 1, 1]


def rules() -> list[dict[str, Any]]:
    tree = yaml.safe_load(files(observe).joinpath("alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in tree["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_alerts_use_metrics_that_exist(rule: dict[str, Any]) -> None:
    """Names, labels and bucket bounds are ours; brackets are closed; each has a severity and a summary."""
    known = {metric.name: metric for metric in METRICS}
    expr = rule["expr"]
    named = re.findall(r"mm_[a-z0-9_]+", expr)
    assert named
    for name in named:
        metric = known[name.removesuffix("_bucket")]
        assert name.endswith("_bucket") == (metric.kind == HISTOGRAM)
        assert ("rate(" in expr) == (metric.kind != "gauge")
    if "histogram_quantile" in expr:
        assert float(expr.rpartition(">")[2]) in BUCKETS_S
        assert re.findall(r"sum by \((.*?)\)", expr) == ["le, symbol"]
    for opened, closed in ("()", "[]", "{}"):
        assert expr.count(opened) == expr.count(closed)
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(re.findall(r"\$labels\.([a-z]+)", rule["annotations"]["summary"])) <= {"symbol"}


def test_alerts_hold_the_budgets() -> None:
    """A rule for each stage's budget, and those that the desk asked for."""
    exprs = [rule["expr"] for rule in rules()]
    for stage, budget_ms in gates.BUDGETS_P95_MS.items():
        assert any(f'stage="{stage}"' in expr and expr.endswith(f"> {budget_ms / 1e3:g}") for expr in exprs), stage
    for ending in ("mm_symbol_net_bps < 2.0", "mm_symbol_slippage_bps > 2.5", "mm_allocator_blacklist_size[10m]) > 2"):
        assert any(expr.endswith(ending) for expr in exprs)
    assert any('stage="tick_total"' in expr and expr.endswith(f"> {gates.BUDGET_TICK_P99_MS / 1e3:g}") for expr in exprs)
    assert any("mm_deadline_misses_total" in expr and expr.endswith(f"> {gates.DEADLINE_MISSES_MAX:g}") for expr in exprs)


def test_the_docs_list_every_metric() -> None:
    """docs/metrics.md has a row for each: our name, kind, labels, the house's name."""
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(mm_\w+)` \| (\w+) \| (.*?) \| (.*?) \|", text, re.MULTILINE)
    expected = [(m.name, m.kind, ", ".join(f"`{label}`" for label in m.labels), f"`{m.known_as}`" if m.known_as else "") for m in METRICS]
    assert [(name, kind, labels, known.partition(" ")[0]) for name, kind, labels, known in rows] == expected


def test_a_name_that_is_not_listed_cannot_be_exposed() -> None:
    with pytest.raises(KeyError):
        Families().put("mm_symbol_pnl", 1.0, "A")


def test_the_command(tmp_path: Path) -> None:
    """To stdout, or to a file; what is no run is refused."""
    run = run_with(tmp_path / "run")
    shown = mmsim_here("metrics", run)
    assert (shown.returncode, shown.stdout) == (0, metrics_text(run))
    assert mmsim_here("metrics", run, "--out", tmp_path / "metrics.prom").stdout == ""
    assert (tmp_path / "metrics.prom").read_text() == shown.stdout
    assert_refused(mmsim_here("metrics", tmp_path / "nothing"), "JRNL-001")
    with pytest.raises(MmsimError):
        metrics_text(tmp_path / "nothing")
