"""A finished run, of one symbol or several, as Prometheus text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

from simcore.journal.store import read_stream
from simcore.observe.families import Families
from simcore.portfolio.kind import is_portfolio
from simcore.records import Record
from simcore.report.folder import RunFolder, open_run
from simcore.report.latencies import latencies_ns
from simcore.report.stages import DEADLINE_MS, TICK_TOTAL, run_times_ms
from simcore.report.statistics import summarise
from simcore.units import NS_PER_S

if TYPE_CHECKING:
    from simcore.portfolio.coordinator import Entry

_MS_PER_S = 1e3
_FEATURES = {
    "mm_symbol_vol_realized_bps": ("vol_realized", 1.0),
    "mm_symbol_liq_top_depth_lots": ("liq_top_depth", 1.0),
    "mm_symbol_latency_p95_seconds": ("latency_p95_ms", 1 / _MS_PER_S),
    "mm_symbol_pnl_dev_cash": ("pnl_dev", 1.0),
    "mm_symbol_taker_share_ratio": ("taker_share", 1.0),
    "mm_symbol_queue_absorb_lots_per_second": ("queue_absorb_rate", 1.0),
    "mm_symbol_queue_eta_seconds": ("queue_eta_ms", 1 / _MS_PER_S),
    "mm_symbol_adverse_move_bps": ("adverse_move_bps", 1.0),
}
_SCORES = ("vol", "liq", "lat", "pnl")
# Reason -> the parameter of stage guards that it reaches; {} is soft or hard. Others hold by themselves.
THRESHOLDS = {
    "volatility": "vol_{}_bps", "latency": "latency_{}_ms", "pnl": "pnl_z_{}", "inventory": "inventory_{}_pct",
    "taker_fills": "taker_fills_{}", "stale_book": "stale_{}_ms", "rate_pressure": "requests_{}", "venue_outage": "outage_{}_ms",
    "kill_switch": "kill_switch", "loss_cap": "max_day_loss", "turnover_cap": "max_day_turnover", "open_orders": "max_open_orders",
    "open_notional": "max_open_notional",
}  # fmt: skip


def metrics_text(run_dir: Path | str) -> str:
    """Return the metrics of a run as Prometheus text (version 0.0.4); see METRICS and docs/metrics.md.

    Raises what `open_run` raises.
    """
    families = Families()
    if is_portfolio(run_dir):
        from simcore.portfolio import folder as portfolio  # loads the engine

        entries = portfolio.read_telemetry(run_dir)
        for part in portfolio.parts(run_dir):
            _symbol(families, open_run(part.folder), part.name)
            _allotted(families, [entry for entry in entries if entry.symbol == part.key], part.name)
        _allocator(families, entries)
    else:
        run = open_run(run_dir)
        _symbol(families, run, str(run.note["instrument"]["symbol"]))
    registry = CollectorRegistry(auto_describe=False)
    registry.register(families)
    return generate_latest(registry).decode()


def _symbol(families: Families, run: RunFolder, symbol: str) -> None:
    figures = summarise(run)
    families.put("mm_symbol_net_bps", figures["net_bps"], symbol)
    families.put("mm_symbol_fill_ratio", figures["fill_ratio"], symbol)
    families.put("mm_symbol_slippage_bps", figures["slippage_bps"], symbol)
    families.put("mm_symbol_ticks_total", figures["ticks"], symbol)
    families.put("mm_symbol_fills_total", figures["fills"], symbol)
    families.put("mm_symbol_fills_maker_total", figures["maker_fills"], symbol)
    families.put("mm_symbol_fills_taker_total", figures["taker_fills"], symbol)
    if len(run.features):
        for name, (column, scale) in _FEATURES.items():
            families.put(name, float(run.features[column][-1]) * scale, symbol)
    for component, times in latencies_ns(read_stream(run.path, "requests"), read_stream(run.path, "reports")).items():
        families.observe("mm_latency_breakdown_seconds", times / NS_PER_S, symbol, component)
    _traced(families, run, read_stream(run.path, "traces"), symbol)
    _remembered(families, run.counts.get("memory") or {}, symbol)


def _traced(families: Families, run: RunFolder, traces: Record, symbol: str) -> None:
    """Put what traced ticks tell: times, deadlines, the scores of the last one, waits for a refresh."""
    if not len(traces):
        return
    times = run_times_ms(run.path, traces)
    for stage, values in times.items():
        families.observe("mm_stage_duration_seconds", values / _MS_PER_S, symbol, stage)
    families.put("mm_deadline_misses_total", int(np.count_nonzero(times[TICK_TOTAL] > DEADLINE_MS)), symbol)
    families.put("mm_traced_ticks_total", len(traces), symbol)
    for score in _SCORES:
        families.put("mm_adaptive_spread_score_ratio", float(traces[f"{score}_score"][-1]), symbol, score)
    waits = np.sort(traces["wait_ns"][traces["wait_ns"] > 0])
    if len(waits):
        families.put(
            "mm_md_cache_refresh_latency_p95_seconds", waits[-(-95 * len(waits) // 100) - 1] / NS_PER_S, symbol
        )


def _remembered(families: Families, memory: Mapping[str, Any], symbol: str) -> None:
    """Put what the stages counted from the first tick to the last: the cache's look-ups, the guards' reasons."""
    hits, misses = memory.get("fetch_md.hits"), memory.get("fetch_md.misses")
    if hits is not None and misses is not None:
        asked = hits + misses
        running = sum(memory[f"fetch_md.{name}"] >= 0.0 for name in ("ends_ns", "older_ends_ns"))
        families.put("mm_md_cache_hit_ratio", hits / asked if asked else None, symbol)
        families.put("mm_md_cache_size", 1 if asked else 0, symbol)
        families.put("mm_md_cache_inflight_refreshes", running, symbol)
        families.put("mm_md_cache_hits_total", hits, symbol)
        families.put("mm_md_cache_misses_total", misses, symbol)
    for name, count in memory.items():
        level, _, reason = name.removeprefix("guards.").partition("_")
        if name.startswith("guards.") and level in ("soft", "hard"):
            threshold = THRESHOLDS.get(reason, "").format(level)
            families.put("mm_guard_triggers_total", count, symbol, level, reason, threshold)


def _allotted(families: Families, entries: list[Entry], symbol: str) -> None:
    """Put what the allocator last decided for a symbol."""
    if entries:
        last = entries[-1]
        families.put("mm_symbol_score", last.score, symbol)
        families.put("mm_symbol_weight", last.weight, symbol)
        families.put("mm_symbol_size_multiplier", 0.0 if last.blocked else last.weight, symbol)


def _allocator(families: Families, entries: list[Entry]) -> None:
    if not entries:
        return
    last = {entry.symbol: entry for entry in entries}
    blocked = sum(entry.blocked for entry in last.values())
    families.put("mm_allocator_rebalances_total", len(dict.fromkeys(entry.ts for entry in entries)))
    families.put("mm_allocator_active_symbols", len(last) - blocked)
    families.put("mm_allocator_blacklist_size", blocked)
