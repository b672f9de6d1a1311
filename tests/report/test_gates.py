"""Gates pass what is as it was, fail what got worse, and refuse what cannot be compared."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from simcore.errors import GateError, MmsimError
from simcore.report import gates, summary
from tests.blackbox.command import mmsim_here
from tests.report.conftest import Maker

STAGES = ("fetch_md", "spread", "guards", "inventory", "queue_aware", "emit", "orders", "tick_total")


def timings(**p95_ms: float) -> dict[str, Any]:
    """Return a stages.json whose p95 is 10 ms, p99 11 ms, but for those given."""
    stages = {name: {"count": 1000, "mean_ms": 5.0, "p50_ms": 5.0, "p95_ms": p95_ms.get(name, 10.0), "p99_ms": 11.0, "max_ms": 30.0} for name in STAGES}
    return {"ticks": 1000, "deadline_ms": 200.0, "deadline_misses": 0, "deadline_miss_share": 0.0, "stages": stages}


def written(path: Path, tree: Any) -> Path:
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return path


def failing(gate: gates.Gate) -> list[str]:
    return [f"{check.name}: {check.limit}" for check in gate.checks if not check.ok]


def test_equal_timings_pass(tmp_path: Path) -> None:
    """Every stage is held against its baseline; those of the pipeline against their budgets, too."""
    path = written(tmp_path / "a.json", timings())
    gate = gates.gate_stages(path, path)
    assert gate.passed
    assert len(gate.checks) == 8 + 7 + 2
    assert "**Passed.**" in gate.markdown()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("factor", "ok"), [(1.03, True), (1.0301, False), (0.5, True)])
def test_a_p95_may_grow_by_three_percent(tmp_path: Path, stage: str, factor: float, ok: bool) -> None:
    before, now = written(tmp_path / "a.json", timings()), written(tmp_path / "b.json", timings(**{stage: 10.0 * factor}))
    gate = gates.gate_stages(before, now)
    assert failing(gate) == ([] if ok else [f"{stage} p95: at most +3%"])
    assert ("FAILED" in gate.markdown()) is not ok


@pytest.mark.parametrize(("stage", "budget"), list(gates.BUDGETS_P95_MS.items()))
def test_a_budget_holds_whatever_the_baseline(tmp_path: Path, stage: str, budget: float) -> None:
    for over in (0.0, 0.001):
        path = written(tmp_path / f"{over}.json", timings(**{stage: budget + over}))
        assert failing(gates.gate_stages(path, path)) == ([f"{stage} p95: budget {budget:g} ms"] if over else [])


def test_budgets_of_ticks_and_deadlines(tmp_path: Path) -> None:
    """p99 of a tick up to 200 ms; less than 2 % of deadline misses."""
    tree = timings()
    tree["stages"]["tick_total"]["p99_ms"] = 200.0
    tree["deadline_miss_share"] = 0.0199
    assert gates.gate_stages(*[written(tmp_path / "a.json", tree)] * 2).passed
    tree["stages"]["tick_total"]["p99_ms"] = 200.1
    tree["deadline_miss_share"] = 0.02
    gate = gates.gate_stages(*[written(tmp_path / "b.json", tree)] * 2)
    assert [line.partition(":")[0] for line in failing(gate)] == ["tick_total p99", "share of deadline misses"]


def test_other_stages_are_not_comparable(tmp_path: Path) -> None:
    tree = timings()
    del tree["stages"]["guards"]
    full, less = written(tmp_path / "a.json", timings()), written(tmp_path / "b.json", tree)
    for pair in ((full, less), (less, full)):
        with pytest.raises(GateError, match=r"b\.json: no timings of stage guards") as caught:
            gates.gate_stages(*pair)
        assert caught.value.code == "GATE-002"


def spoilt(*place: str, value: Any) -> dict[str, Any]:
    tree = copy.deepcopy(timings())
    inner = tree
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return tree


@pytest.mark.parametrize(
    "tree",
    [
        "", "{", "[1]", "{}", '{"stages": []}', json.dumps(spoilt("stages", "spread", "p95_ms", value=float("nan"))),
        spoilt("stages", "spread", "p95_ms", value=-1.0), spoilt("stages", "spread", "p95_ms", value="1"),
        spoilt("stages", "spread", "p99_ms", value=None), spoilt("stages", "spread", value=3),
        spoilt("deadline_miss_share", value=True), json.dumps(spoilt("deadline_miss_share", value=float("inf"))),
    ],
)  # fmt: skip
def test_bad_timings_are_refused(tmp_path: Path, tree: Any) -> None:
    good, bad = written(tmp_path / "a.json", timings()), written(tmp_path / "b.json", tree)
    for pair in ((good, bad), (bad, good)):
        with pytest.raises(GateError, match=r"b\.json") as caught:
            gates.gate_stages(*pair)
        assert caught.value.code == "GATE-001"
    with pytest.raises(GateError, match="missing"):
        gates.gate_stages(good, tmp_path / "missing.json")


def test_a_run_without_traces_has_no_timings(make: Maker) -> None:
    with pytest.raises(GateError, match=r"node\.trace_every"):
        gates.gate_stages(make(), make("b"))


def test_an_edge_passes_against_itself_and_fails_when_it_moves(make: Maker, tmp_path: Path) -> None:
    """In both directions; with worse_only in the bad one."""
    run = make()
    base = tmp_path / "edge.json"
    tree = gates.write_edge_baseline(base, run, {"net_bps": 0.01})
    assert gates.gate_edge(base, run).passed
    assert tree["figures"]["fill_ratio"] == summary(run)["fill_ratio"]
    for name, worse in (("net_bps", -1), ("slippage_bps", 1), ("taker_share", 1), ("fill_ratio", -1)):
        for sign in (-1, 1):
            now = copy.deepcopy(tree)
            now["figures"][name] += sign * 1.01 * tree["tolerances"][name]
            path = written(tmp_path / "now.json", now)
            assert [check.name for check in gates.gate_edge(base, path).checks if not check.ok] == [name]
            assert gates.gate_edge(base, path, worse_only=True).passed == (sign != worse)
            now["figures"][name] = tree["figures"][name] + sign * 0.99 * tree["tolerances"][name]
            assert gates.gate_edge(base, written(path, now)).passed


def test_a_figure_that_is_absent_must_have_been(make: Maker) -> None:
    """Runs without fills have no net edge: equal to each other, unequal to one with fills."""
    quiet, other, busy = make("a", fill_count=0), make("b", fill_count=0), make("c")
    assert gates.gate_edge(quiet, other).passed
    gate = gates.gate_edge(busy, quiet)
    assert [check.name for check in gate.checks if not check.ok] == ["net_bps", "slippage_bps", "taker_share", "fill_ratio"]
    assert "| — |" in gate.markdown()


@pytest.mark.parametrize(
    "tree",
    [
        "nothing", "[]", "{}", {"net_bps": 1.0}, '{"net_bps": NaN, "slippage_bps": 0, "taker_share": 0, "fill_ratio": 0}',
        {"net_bps": True, "slippage_bps": 0, "taker_share": 0, "fill_ratio": 0},
        {"figures": {"net_bps": 1, "slippage_bps": 0, "taker_share": 0, "fill_ratio": 0}, "tolerances": {"net_bps": 1}},
        {"figures": {"net_bps": 1, "slippage_bps": 0, "taker_share": 0, "fill_ratio": 0}, "tolerances": 3},
        {"figures": {"net_bps": 1, "slippage_bps": 0, "taker_share": 0, "fill_ratio": 0}, "tolerances": {**gates.TOLERANCES, "net_bps": -1}},
    ],
)  # fmt: skip
def test_bad_edges_are_refused(make: Maker, tmp_path: Path, tree: Any) -> None:
    with pytest.raises(GateError, match=r"bad\.json") as caught:
        gates.gate_edge(written(tmp_path / "bad.json", tree), make())
    assert caught.value.code == "GATE-001"


def test_bad_tolerances_write_nothing(make: Maker, tmp_path: Path) -> None:
    for tolerances in ({"pnl": 1.0}, {"net_bps": float("nan")}, {"net_bps": -1.0}):
        with pytest.raises(GateError, match="tolerance of"):
            gates.write_edge_baseline(tmp_path / "edge.json", make(), tolerances)
    assert not (tmp_path / "edge.json").exists()


def test_an_unwritable_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MmsimError) as caught:
        gates.save(tmp_path / "file" / "report.md", "text")
    assert caught.value.code == "JRNL-005"


def test_the_commands(make: Maker, tmp_path: Path) -> None:
    """Write a baseline, pass with 0, fail with 1 and a report in --out, refuse with 2."""
    run, other, base, out = str(make()), str(make("other", seed=2)), str(tmp_path / "edge.json"), tmp_path / "gate.md"
    assert mmsim_here("gate", "edge", "--current", run, "--write-baseline", base, "--tolerance", "net_bps=1e-6").returncode == 0
    passed = mmsim_here("gate", "edge", "--current", run, "--baseline", base)
    assert (passed.returncode, passed.stdout.splitlines()[0]) == (0, "# Edge")
    failed = mmsim_here("gate", "edge", "--current", other, "--baseline", base, "--out", str(out), "--json")
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["passed"] is False
    assert "| net\\_bps |" in out.read_text()
    assert mmsim_here("gate", "edge", "--current", run).returncode == 2
    assert mmsim_here("gate", "edge", "--current", run, "--baseline", base, "--tolerance", "net_bps=1").returncode == 2
    assert mmsim_here("gate", "edge", "--current", run, "--write-baseline", base, "--tolerance", "net_bps=x").returncode == 2
    times = str(written(tmp_path / "stages.json", timings()))
    slower = str(written(tmp_path / "slower.json", timings(emit=11.0)))
    assert mmsim_here("gate", "stages", "--current", times, "--write-baseline", str(tmp_path / "b.json")).returncode == 0
    assert mmsim_here("gate", "stages", "--current", times, "--baseline", str(tmp_path / "b.json")).returncode == 0
    assert mmsim_here("gate", "stages", "--current", slower, "--baseline", times).returncode == 1
    refused = mmsim_here("gate", "stages", "--current", run, "--baseline", times)
    assert (refused.returncode, "GATE-001" in refused.stderr) == (2, True)
