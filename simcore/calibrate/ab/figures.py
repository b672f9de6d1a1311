"""ab.json: everything an A/B test found, as plain values, unrounded; and ab.parquet, the table of cells behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from simcore.calibrate.ab import gates, stats
from simcore.calibrate.ab.cells import FIELDS, BoolArray, Cells
from simcore.calibrate.ab.gates import GATES, Reading, Watch
from simcore.calibrate.ab.run import AbResult
from simcore.calibrate.ab.stats import METRICS, Judged, Metric
from simcore.config.load import config_hash, keys_of
from simcore.config.model import Config
from simcore.manifest import content_hashes
from simcore.records import FloatArray
from simcore.report.warnings import outside
from simcore.report.wording import utc_text
from simcore.version import VERSION

LIVE_NAMES = ("A everywhere", "B everywhere", "as routed", "as routed, with rollback")

_PROFIT = Metric("profit", "Profit", "cash", "pnl", "windows", 1.0, 1)


def figures(result: AbResult) -> dict[str, Any]:
    """Return all that a test found by name; None where there is no figure. docs/ab.md defines them."""
    cells = result.cells
    start, end = int(cells.window.min()) * cells.window_ns, (int(cells.window.max()) + 1) * cells.window_ns
    found = {
        "mmsim": VERSION,
        "decision": result.decision,
        "is_aa": result.is_aa,
        "one_pass": result.one_pass,
        "a": _arm(result.a),
        "b": _arm(result.b),
        "differs": differing_keys(result.a, result.b),
        "settings": result.settings.model_dump(mode="json"),
        "start": utc_text(start),
        "end": utc_text(end),
        "days": sorted({unit.day for unit in cells.units}),
        "metrics": [_judged(each, result.settings.level) for each in result.paired],
        "routed": [_judged(each, result.settings.level) for each in result.routed],
        "profit": profits(result),
        "live": [_live(result, name, arms) for name, arms in zip(LIVE_NAMES, live_masks(result), strict=True)],
        "gates": [_watch(each) for each in result.watches],
        "gate_windows": gates.windows_to_break(result.settings),
        "symbols": [_symbol(result, key) for key in sorted({unit.key for unit in cells.units})],
        "units": [_unit(result, i) for i in range(len(cells.units))],
        "missing": [{"symbol": symbol, "day": day} for symbol, day in result.plan.missing],
        "left_out": list(result.plan.left_out),
    }
    return {**found, "warnings": warnings(result, found)}


def live_masks(result: AbResult) -> tuple[BoolArray, BoolArray, BoolArray, BoolArray]:
    """Return where B is live in each of LIVE_NAMES, masks [n]."""
    nowhere = np.zeros(len(result.arms), bool)
    return nowhere, ~nowhere, result.arms, result.live


def differing_keys(a: Config, b: Config) -> list[dict[str, Any]]:
    """Return the keys in which the arms differ, with both values; None where an arm does not have the key."""
    ours, theirs = ({key: value for key, value in keys_of(config) if value != {}} for config in (a, b))
    keys = [key for key in sorted({**ours, **theirs}) if ours.get(key) != theirs.get(key)]
    return [{"key": key, "a": ours.get(key), "b": theirs.get(key)} for key in keys]


def live_pnl(cells: Cells, arms: BoolArray) -> FloatArray:
    """Return the profit of what is live [n], in each cell's own cash."""
    return np.where(arms, cells.b.values["pnl"], cells.a.values["pnl"])


def in_cash(cells: Cells, cash: str) -> BoolArray:
    """Return a mask [n] of the cells whose money is of a currency."""
    return np.array([one == cash for one in cells.cash], bool)[cells.unit]


def by_window(cells: Cells, amounts: FloatArray) -> FloatArray:
    """Return amounts [n] added up over the symbols of each window, windows in order."""
    return np.bincount(np.unique(cells.window, return_inverse=True)[1], amounts).astype(np.float64)


def profits(result: AbResult) -> list[dict[str, Any]]:
    """Return both arms' profit by currency, and the interval of the difference B − A over the whole test."""
    cells = result.cells
    rows = []
    for cash in sorted({*cells.cash}):
        mine = in_cash(cells, cash)
        pnl = [by_window(cells, np.where(mine, arm.values["pnl"], 0.0)) for arm in (cells.a, cells.b)]
        ones = np.ones(len(pnl[0]))
        found = stats.compare(_PROFIT._replace(scale=float(len(ones))), (pnl[0], ones, pnl[1], ones), result.settings)
        rows.append({"cash": cash, "level": result.settings.level, **{name: getattr(found, name) for name in ("a", "b", "difference", "low", "high", "block")}})
    return rows


def _arm(config: Config) -> dict[str, Any]:
    return {"config_hash": config_hash(config), "strategy": config.strategy.name, "seed": config.run.seed}


def _judged(one: Judged, level: float) -> dict[str, Any]:
    names = ("a", "b", "difference", "low", "high", "p", "p_holm", "block", "windows_a", "windows_b", "verdict", "why")
    head = {"key": one.metric.key, "label": one.metric.label, "unit": one.metric.unit, "more_is": "better" if one.metric.sign > 0 else "worse"}
    return {**head, "level": level, **{name: getattr(one, name) for name in names}}


def _live(result: AbResult, name: str, arms: BoolArray) -> dict[str, Any]:
    cells = result.cells
    pnl = live_pnl(cells, arms)
    money = {cash: float(pnl[in_cash(cells, cash)].sum()) for cash in sorted({*cells.cash})}
    return {"name": name, "cells_of_b": int(np.count_nonzero(arms)), "pnl": money, **stats.values(cells, arms)}


def _watch(one: Watch) -> dict[str, Any]:
    gates = [{"gate": gate, "judged": one.judged(gate), "broken": one.broken(gate), "longest": one.longest(gate)} for gate in GATES]
    back = one.rollback
    stopped = None if back is None else {"time": utc_text(back.ts), "ts": back.ts, "gate": back.gate, "windows": [_reading(each) for each in back.readings]}
    return {"name": one.name, "gates": gates, "rollback": stopped}


def _reading(one: Reading) -> dict[str, Any]:
    return {"a": one.a, "b": one.b, "limit": one.limit}


def _symbol(result: AbResult, key: str) -> dict[str, Any]:
    cells = result.cells
    mine = cells.of_symbol(key)
    units = [i for i, unit in enumerate(cells.units) if unit.key == key]
    net = stats.measured(METRICS[0], cells, mine, mine, result.settings)
    drops = [max(cells.figures[i][arm].max_drawdown for i in units) for arm in (0, 1)]
    a, b = (stats.one_sided(cells, arm, mine) for arm in ("a", "b"))
    return {
        "symbol": cells.units[units[0]].name, "key": key, "cash": cells.cash[units[0]], "days": len(units),
        **{f"a_{name}": value for name, value in a.items()}, **{f"b_{name}": value for name, value in b.items()},
        "net_difference": net.difference, "net_low": net.low, "net_high": net.high,
        **{f"{arm}_{name}": float(cells_of.values[name][mine].sum()) for arm, cells_of in (("a", cells.a), ("b", cells.b)) for name in ("pnl", "turnover", "fills")},
        "a_max_drawdown": drops[0], "b_max_drawdown": drops[1],
        "windows_to_b": int(np.count_nonzero(result.arms & mine)), "windows": int(np.count_nonzero(mine)),
        "rollback": _handover(result, mine, units),
    }  # fmt: skip


def _handover(result: AbResult, mine: BoolArray, units: Sequence[int]) -> dict[str, Any] | None:
    """Return what a rollback does to one symbol: when, the positions between which it changes, and what that costs; None without one."""
    cells = result.cells
    name = cells.units[units[0]].name
    back = next((each.rollback for each in result.watches if each.rollback is not None and each.name in (gates.ALL_SYMBOLS, name)), None)
    if back is None:
        return None
    at = np.flatnonzero(mine & (cells.window == back.window - 1))
    is_live = len(at) > 0 and bool(result.arms[at[-1]])
    return {
        "time": utc_text(back.ts), "ts": back.ts, "gate": back.gate,
        "windows_back": int(np.count_nonzero(mine & result.arms & ~result.live)),
        "position_b": float(cells.b.position[at[-1]]) if is_live else None,
        "position_a": float(cells.a.position[at[-1]]) if is_live else None,
        "handover": float(cells.handover[at[-1]]) if is_live and not np.isnan(cells.handover[at[-1]]) else None,
    }  # fmt: skip


def _unit(result: AbResult, i: int) -> dict[str, Any]:
    cells, unit = result.cells, result.cells.units[i]
    mine = cells.unit == i
    to_b = int(np.count_nonzero(result.arms & mine))
    a, b = cells.figures[i]
    return {
        "symbol": unit.name, "day": unit.day, "arm": "B" if to_b == int(np.count_nonzero(mine)) else "A" if not to_b else "A and B",
        "windows": int(np.count_nonzero(mine)), "windows_to_b": to_b, "cash": cells.cash[i],
        "a_pnl": float(cells.a.values["pnl"][mine].sum()), "b_pnl": float(cells.b.values["pnl"][mine].sum()),
        **{f"a_{name}": value for name, value in stats.one_sided(cells, "a", mine).items()},
        **{f"b_{name}": value for name, value in stats.one_sided(cells, "b", mine).items()},
        "a_max_drawdown": a.max_drawdown, "b_max_drawdown": b.max_drawdown, "a_position": a.position, "b_position": b.position,
        "content_hashes": content_hashes(unit.tape),
    }  # fmt: skip


def warnings(result: AbResult, found: dict[str, Any]) -> list[str]:
    """Return what a reader must know before the figures."""
    cells, texts = result.cells, []
    if result.is_aa:
        texts.append("A and B are the same configuration: an A/A test. Every difference is exactly 0.")
    elif all(np.array_equal(cells.a.values[name], cells.b.values[name]) for name in FIELDS):
        texts.append("A and B differ in their configuration, but did exactly the same on these tapes.")
    if not result.is_aa and all(each.verdict == stats.NOT_JUDGED for each in result.paired):
        texts.append("No metric could be judged: give longer tapes or more days, or shorter windows (window_s).")
    if not result.arms.any() or result.arms.all():
        empty, full = ("B", "A") if not result.arms.any() else ("A", "B")
        texts.append(f"All units were routed to {full}: nothing is live in {empty}, and the routed view compares nothing. The paired view does; `--route window` lets the arms take turns.")
    tapes, asked = [unit.tape for unit in cells.units], result.a.run
    texts += outside(min(tape.start_ts for tape in tapes), max(tape.end_ts for tape in tapes), asked.from_ts, asked.to_ts)
    if found["missing"]:
        texts.append(f"{len(found['missing'])} of {len(cells.units) + len(found['missing'])} pairs of symbol and day have no tape.")
    if len({*cells.cash}) > 1:
        texts.append("Symbols have several currencies: over all symbols money counts in each currency's mean turnover a window.")
    if any(unit.tape.meta.synthetic for unit in cells.units):
        texts.append("Synthetic tapes: no profit on them means anything.")
    if result.settings.gates.ticks == "measured":
        texts.append("Tick times were measured on this machine: they differ from run to run, and with them gates and rollbacks.")
    elif result.arms.any() and not (cells.a.ticks_ms.any() or cells.b.ticks_ms.any()):
        texts.append("No traced tick waited for data, so all tick times are 0; gates.ticks: measured adds the time of the stages.")
    blind = [gate for gate in GATES if result.arms.any() and not any(each.judged(gate) for each in result.watches)]
    if blind:
        texts.append(f"Gates that could not be judged in any window: {', '.join(blind)} (switched off, or too few fills or traced ticks).")
    return texts


def cell_table(result: AbResult) -> pa.Table:
    """Return the cells as a table: symbol, day, window_start, arm, live, then the sums of each arm and its tick p95."""
    cells = result.cells
    units = [cells.units[i] for i in cells.unit.tolist()]
    columns: dict[str, Any] = {
        "symbol": pa.array([unit.name for unit in units]),
        "day": pa.array([unit.day for unit in units]),
        "window_start": pa.array(cells.window * cells.window_ns, pa.int64()).cast(pa.timestamp("ns", "UTC")),
        "arm": pa.array(np.where(result.arms, "B", "A")),
        "live": pa.array(np.where(result.live, "B", "A")),
        "cash": pa.array([cells.cash[i] for i in cells.unit.tolist()]),
    }
    for name, arm in (("a", cells.a), ("b", cells.b)):
        columns.update({f"{name}_{key}": pa.array(values) for key, values in arm.values.items()})
        columns[f"{name}_position"] = pa.array(arm.position)
        spans = [arm.ticks_ms[lo:hi] for lo, hi in zip(arm.tick_at[:-1], arm.tick_at[1:], strict=True)]
        columns[f"{name}_ticks"] = pa.array([len(span) for span in spans], pa.int64())
        columns[f"{name}_tick_p95_ms"] = pa.array([gates.nearest_rank(span, 95) if len(span) else None for span in spans], pa.float64())
    return pa.table(columns)
