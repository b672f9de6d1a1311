"""The figures of a run of several symbols: totals by currency, one row a symbol, and what the allocator did."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simcore import manifest
from simcore.portfolio.coordinator import Entry
from simcore.portfolio.folder import Part, parts, read_telemetry
from simcore.records import IntArray
from simcore.report.folder import RunFolder, open_run
from simcore.report.statistics import summarise
from simcore.report.wording import utc_text
from simcore.units import INVERSE, NS_PER_S

_COUNTS = ("rows", "orders", "amends", "cancels", "fills", "maker_fills", "taker_fills", "partial_fills")
_MONEY = ("pnl", "fees", "funding", "turnover")
_OF_SYMBOL = (
    "rows", "orders", "cancels", "fills", "taker_share", "volume", "turnover", "fees", "funding", "pnl", "net_bps", "gross_bps",
    "slippage_bps", "adverse_bps_1s", "max_drawdown", "position", "digest",
)  # fmt: skip
HEADLINE = (
    "digest", "symbols", "rows", "wall_s", "rows_per_s", "orders", "cancels", "fills", "maker_fills", "taker_fills",
    "partial_fills", "by_currency", "gross_value_max", "by_symbol", "run_dir",
)  # fmt: skip


@dataclass(frozen=True)
class PortfolioFolder:
    """A finished portfolio run: its manifest, its symbols with their opened run folders and figures, its telemetry."""

    path: Path
    note: dict[str, Any]
    parts: Sequence[Part]
    runs: Sequence[RunFolder]
    figures: Sequence[dict[str, Any]]
    entries: Sequence[Entry]

    @property
    def names(self) -> dict[str, str]:
        """Each key's name."""
        return {part.key: part.name for part in self.parts}


def open_portfolio(run_dir: Path | str) -> PortfolioFolder:
    """Read a portfolio's folder and those of its symbols. JRNL-001, REP-001 as `open_run`."""
    path = Path(run_dir)
    note = manifest.read(path)
    found = parts(path)
    runs = [open_run(part.folder) for part in found]
    return PortfolioFolder(path, note, found, runs, [summarise(run) for run in runs], read_telemetry(path))


def portfolio_headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures that `mmsim replay --json` prints for several symbols."""
    return {key: figures[key] for key in HEADLINE}


def summarise_portfolio(opened: PortfolioFolder) -> dict[str, Any]:
    """Return all figures of a portfolio run by name (docs/portfolio.md)."""
    note, wall_s = opened.note, float(opened.note["wall_s"])
    start_ts, end_ts = min(run.start_ts for run in opened.runs), max(run.end_ts for run in opened.runs)
    rows = int(note["rows"])
    limit = manifest.config_of(opened.path).portfolio.max_gross
    gross = gross_values(opened)
    found: dict[str, Any] = {
        "digest": str(note["digest"]), "symbols": len(opened.parts), "run_dir": str(opened.path), "wall_s": wall_s,
        "rows_per_s": rows / wall_s if wall_s > 0 else None, "strategy": note["strategy"], "seed": note["seed"],
        "mmsim": note["mmsim"], "config_hash": note["config_hash"], "start": utc_text(start_ts), "end": utc_text(end_ts),
        "start_ts": start_ts, "end_ts": end_ts, "duration_s": (end_ts - start_ts) / NS_PER_S,
        **{key: sum(int(one[key]) for one in opened.figures) for key in _COUNTS},
        "by_currency": by_currency(opened),
        "gross_value_max": {quote: float(values.max(initial=0.0)) for quote, (_, values) in gross.items()},
        "gross_value_limit": float(limit) or None,
        "barriers": len({entry.ts for entry in opened.entries}),
        "by_symbol": [_symbol(opened, part, figures) for part, figures in zip(opened.parts, opened.figures, strict=True)],
        "warnings": [f"{part.name}: {text}" for part, one in zip(opened.parts, opened.figures, strict=True) for text in one["warnings"]],
    }  # fmt: skip
    return {**{key: found[key] for key in HEADLINE}, **found}


def by_currency(opened: PortfolioFolder) -> list[dict[str, Any]]:
    """Return totals of money, one row a currency: what was earned in one is not added to what was earned in another."""
    rows = []
    for currency in sorted({run.money.cash for run in opened.runs}):
        chosen = [one for one, run in zip(opened.figures, opened.runs, strict=True) if run.money.cash == currency]
        row: dict[str, Any] = {"currency": currency, "symbols": len(chosen)}
        for key in _MONEY:
            values = [one[key] for one in chosen]
            row[key] = None if None in values else math.fsum(values)
        row["net_bps"] = 1e4 * row["pnl"] / row["turnover"] if row["turnover"] and row["pnl"] is not None else None
        _, equity = total_equity(opened, currency)
        row["max_drawdown"] = float((np.maximum.accumulate(equity) - equity).max(initial=0.0))
        rows.append(row)
    return rows


def total_equity(opened: PortfolioFolder, currency: str) -> tuple[IntArray, Any]:
    """Return (times ns [n], equity [n] of all symbols whose money is of a currency), at every time that any sampled."""
    runs = [run for run in opened.runs if run.money.cash == currency]
    return _added([(run.samples["ts"], run.samples["equity_units"] * float(run.money.unit)) for run in runs])


def gross_values(opened: PortfolioFolder) -> dict[str, tuple[IntArray, Any]]:
    """Return, by quote currency, (times ns [n], sum of |position value| [n] at the mids sampled last)."""
    return {
        quote: _added([_values(run) for run in opened.runs if run.money.quote == quote])
        for quote in sorted({run.money.quote for run in opened.runs})
    }


def _values(run: RunFolder) -> tuple[IntArray, Any]:
    rows, money = run.samples, run.money
    lots = np.abs(rows["position_lots"]).astype(np.float64) * float(money.lot_size * money.contract_size)
    if money.kind == INVERSE:
        return rows["ts"], lots
    return rows["ts"], lots * (rows["bid_ticks"] + rows["ask_ticks"]).astype(np.float64) * (float(money.tick_size) / 2.0)


def _added(series: Sequence[tuple[IntArray, Any]]) -> tuple[IntArray, Any]:
    """Return series added up at all their times; each holds its last value, and is 0 before its first."""
    times = np.unique(np.concatenate([ts for ts, _ in series]))
    total = np.zeros(len(times))
    for ts, values in series:
        place = np.searchsorted(ts, times, side="right")
        total += np.concatenate([[0.0], values])[place]
    return times, total


def _symbol(opened: PortfolioFolder, part: Part, figures: dict[str, Any]) -> dict[str, Any]:
    own = [entry for entry in opened.entries if entry.symbol == part.key and not entry.ended]
    weights = [entry.weight for entry in own]
    return {
        "symbol": part.name, "key": part.key, "folder": part.folder.name, "leader": part.leader, "currency": figures["unit_cash"],
        "size": figures["unit_size"], **{key: figures[key] for key in _OF_SYMBOL},
        "score": next((entry.score for entry in reversed(own) if entry.score is not None), None),
        "weight": weights[-1] if weights else None,
        "weight_low": min(weights, default=None), "weight_high": max(weights, default=None),
        "blocked_share": sum(entry.blocked for entry in own) / len(own) if own else None,
    }  # fmt: skip
