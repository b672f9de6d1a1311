"""Gates: a run's stage timings or its edge held against a baseline; a Markdown report, and whether it passes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcore.door import json_text
from simcore.errors import GateError, JournalError
from simcore.files import write_text
from simcore.report.markdown import table_text
from simcore.report.pages import Table
from simcore.report.stages import DEADLINE_MS, TICK_TOTAL, stage_timings
from simcore.report.statistics import summary
from simcore.sealed import KEY, is_whole, sealed

REGRESSION_MAX = 0.03  # a stage's p95 may grow by so much
BUDGETS_P95_MS = {
    "fetch_md": 60.0, "spread": 15.0, "guards": 12.0, "inventory": 12.0, "queue_aware": 15.0, "emit": 35.0, TICK_TOTAL: 150.0,
}  # fmt: skip
BUDGET_TICK_P99_MS = 200.0
DEADLINE_MISSES_MAX = 0.02  # share of ticks
# Figure of the edge gate -> how far it may move, in the figure's own unit.
TOLERANCES = {"net_bps": 0.05, "slippage_bps": 0.05, "taker_share": 0.005, "fill_ratio": 0.005}
COSTS = ("slippage_bps", "taker_share")  # lower is better; of the others, higher
BASELINE_VERSION = 1


@dataclass(frozen=True)
class Check:
    """One line of a gate: what was held against what. limit: the rule as text."""

    name: str
    baseline: float | None
    current: float | None
    limit: str
    ok: bool


@dataclass(frozen=True)
class Gate:
    """A gate's outcome. unit: that of its numbers, "" where each has its own."""

    title: str
    unit: str
    baseline: str
    current: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check is kept."""
        return all(check.ok for check in self.checks)

    def markdown(self) -> str:
        """Return the report as Markdown."""
        failed = [check.name for check in self.checks if not check.ok]
        verdict = "**Passed.**" if self.passed else f"**Failed**: {', '.join(failed)}."
        suffix = f", {self.unit}" if self.unit else ""
        rows = [
            (
                check.name,
                _number(check.baseline),
                _number(check.current),
                _change(check),
                check.limit,
                "ok" if check.ok else "FAILED",
            )
            for check in self.checks
        ]
        head = ("", f"baseline{suffix}", f"current{suffix}", "change", "rule", "")
        table = table_text(Table(self.title, head, rows, (False, True, True, True, False, False)))
        return f"# {self.title}\n\n{verdict}\n\nBaseline: `{self.baseline}`. Current: `{self.current}`.\n\n{table}\n"

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome for JSON."""
        return {"passed": self.passed, "checks": [vars(check) for check in self.checks]}


def gate_stages(baseline: Path, current: Path) -> Gate:
    """Hold the timings of stages against a baseline and the budgets; each is a stages.json, or a run folder.

    GATE-001: one cannot be read, or holds a number that is none. GATE-002: they do not have the same stages.
    """
    before, now = _timings(baseline), _timings(current)
    apart = sorted({*before["stages"]} ^ {*now["stages"]})
    if apart:
        where = current if apart[0] in before["stages"] else baseline
        raise GateError("GATE-002", f"{where}: no timings of stage {', '.join(apart)}; the other has them")
    checks = []
    for name, times in now["stages"].items():
        base, found = before["stages"][name]["p95_ms"], times["p95_ms"]
        checks.append(
            Check(f"{name} p95", base, found, f"at most {REGRESSION_MAX:+.0%}", found <= base * (1.0 + REGRESSION_MAX))
        )
        if name in BUDGETS_P95_MS:
            checks.append(_budget(f"{name} p95", base, found, BUDGETS_P95_MS[name]))
    ticks = (before["stages"][TICK_TOTAL]["p99_ms"], now["stages"][TICK_TOTAL]["p99_ms"])
    checks.append(_budget(f"{TICK_TOTAL} p99", *ticks, BUDGET_TICK_P99_MS))
    misses = (before["deadline_miss_share"], now["deadline_miss_share"])
    rule = f"below {DEADLINE_MISSES_MAX:.0%} of ticks over {DEADLINE_MS:g} ms"
    checks.append(Check("share of deadline misses", *misses, rule, misses[1] < DEADLINE_MISSES_MAX))
    return Gate("Stage timings", "ms", str(baseline), str(current), tuple(checks))


def _budget(name: str, base: float, found: float, budget_ms: float) -> Check:
    return Check(name, base, found, f"budget {budget_ms:g} ms", found <= budget_ms)


def _timings(path: Path) -> dict[str, Any]:
    """Return the timings that a file or a run folder holds, checked."""
    tree = (stage_timings(path) or {}) if path.is_dir() else read_json(path)
    stages = tree.get("stages")
    if not isinstance(stages, dict) or TICK_TOTAL not in stages:
        raise GateError(
            "GATE-001", f"{path}: no timings of {TICK_TOTAL}; expected stages.json of a run with node.trace_every > 0"
        )
    for name, times in stages.items():
        for key in ("p95_ms", "p99_ms"):
            _finite(times.get(key) if isinstance(times, dict) else None, f"{path}: stages.{name}.{key}", least=0.0)
    _finite(tree.get("deadline_miss_share"), f"{path}: deadline_miss_share", least=0.0)
    return tree


def gate_edge(baseline: Path, current: Path, worse_only: bool = False) -> Gate:
    """Hold a run's edge against a baseline: each figure may move by its tolerance, or with worse_only not get worse by more.

    Each is a run folder, a summary.json, or a file of `write_edge_baseline`; tolerances are the baseline's, else TOLERANCES.
    GATE-001: one cannot be read, or holds a number that is none.
    """
    before, tolerances = _edge(baseline)
    now, _ = _edge(current)
    checks = []
    for name, tolerance in tolerances.items():
        base, found = before[name], now[name]
        rule = (
            f"within {tolerance:g}"
            if not worse_only
            else f"at most {tolerance:g} {'higher' if name in COSTS else 'lower'}"
        )
        checks.append(Check(name, base, found, rule, _kept(name, base, found, tolerance, worse_only)))
    return Gate("Edge", "", str(baseline), str(current), tuple(checks))


def _kept(name: str, base: float | None, found: float | None, tolerance: float, worse_only: bool) -> bool:
    if base is None or found is None:
        return base is found
    change = found - base
    if worse_only:
        change = max(change if name in COSTS else -change, 0.0)
    return abs(change) <= tolerance


def _edge(path: Path) -> tuple[dict[str, float | None], dict[str, float]]:
    """Return the figures and tolerances that a file or a run folder holds, checked."""
    tree = summary(path) if path.is_dir() else read_json(path)
    kept = tree.get("figures")
    values = {name: kept.get(name) for name in TOLERANCES} if isinstance(kept, dict) else tree
    allowed = tree.get("tolerances", TOLERANCES)
    if not isinstance(allowed, dict):
        raise GateError("GATE-001", f"{path}: tolerances is {allowed!r}; expected a mapping of figures to numbers")
    missing = sorted({*TOLERANCES} - {*values} | {*TOLERANCES} - {*allowed})
    if missing:
        raise GateError(
            "GATE-001",
            f"{path}: {', '.join(missing)} missing; expected a summary.json, or a baseline of `mmsim gate edge`",
        )
    for name in TOLERANCES:
        _finite(allowed[name], f"{path}: tolerances.{name}", least=0.0)
        if values[name] is not None:
            _finite(values[name], f"{path}: {name}")
    return {name: values[name] for name in TOLERANCES}, {name: float(allowed[name]) for name in TOLERANCES}


def write_edge_baseline(path: Path, current: Path, tolerances: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Write the figures of a run (or of a summary.json) as the baseline; return them. JRNL-005 if the disk refuses."""
    figures, _ = _edge(current)
    chosen = {**TOLERANCES, **(tolerances or {})}
    unknown = sorted({*chosen} - {*TOLERANCES})
    if unknown:
        raise GateError("GATE-001", f"tolerance of {', '.join(unknown)}: expected one of {', '.join(TOLERANCES)}")
    tree = {
        "version": BASELINE_VERSION,
        "figures": figures,
        "tolerances": {k: _finite(v, f"tolerance of {k}", 0.0) for k, v in chosen.items()},
    }
    save(path, json.dumps(sealed(tree), indent=2, allow_nan=False) + "\n")
    return tree


def write_stage_baseline(path: Path, current: Path) -> dict[str, Any]:
    """Write the timings of a run as the baseline; return them. JRNL-005 if the disk refuses."""
    tree = _timings(current)
    save(path, json.dumps(sealed(tree), indent=2, allow_nan=False) + "\n")
    return tree


def save(path: Path, text: str) -> None:
    """Write a baseline or a report, whole or not at all; JRNL-005 if the disk refuses."""
    try:
        write_text(path, text)
    except OSError as exc:
        raise JournalError("JRNL-005", f"{path}: {exc.strerror or exc}") from exc


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object that a file holds; GATE-001 if it holds none, a NaN or an infinity, or another hash than it has.

    A file of one's own needs no hash; whoever edits one that mmsim wrote takes the line `sha256` out.
    """
    tree = json_text.read_json(path, GateError, "GATE-001")
    if KEY in tree and not is_whole(tree):
        raise GateError("GATE-001", f"{path}: it does not have the hash that it carries ({KEY}): damaged, or edited")
    return tree


def _finite(value: Any, where: str, least: float = -math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < least:
        raise GateError(
            "GATE-001", f"{where} is {value!r}; expected a finite number{'' if least < 0 else ', 0 or more'}"
        )
    return float(value)


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.6g}"


def _change(check: Check) -> str:
    if check.baseline is None or check.current is None:
        return "—"
    change = check.current - check.baseline
    return f"{change:+.6g}" + (f" ({change / abs(check.baseline):+.1%})" if check.baseline else "")
