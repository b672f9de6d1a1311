"""The summary of a run: every figure that a user sees comes from `summarise`; docs/reports.md defines them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simcore.report.activity import activity
from simcore.report.band import band
from simcore.report.edge import edge, fill_edge
from simcore.report.exposure import exposure
from simcore.report.features import features
from simcore.report.findings import Findings
from simcore.report.folder import RunFolder, check_books, open_run
from simcore.report.guards import guard_figures
from simcore.report.idle import never_acted
from simcore.report.markouts import markouts
from simcore.report.targets import targets
from simcore.report.warnings import warnings
from simcore.report.wording import utc_text
from simcore.units import NS_PER_S

# What `mmsim replay --json` prints, in this order; `summarise` puts them first.
HEADLINE = (
    "digest", "rows", "wall_s", "rows_per_s", "orders", "cancels", "fills", "maker_fills", "taker_fills",
    "partial_fills", "volume", "turnover", "fees", "pnl", "net_bps", "gross_bps", "adverse_bps_1s", "max_drawdown",
    "position", "run_dir", "slippage_bps", "taker_share", "fill_ratio",
)  # fmt: skip


def summary(run_dir: Path | str) -> dict[str, Any]:
    """Return all figures of a run folder by name (docs/reports.md); a missing one is None, `missing` says why.

    Raises JournalError JRNL-001 (no run, or a damaged journal), ReportError REP-001 (unfinished or inconsistent).
    """
    return summarise(open_run(run_dir))


def headline(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures that `mmsim replay --json` prints."""
    return {key: figures[key] for key in HEADLINE}


def summarise(run: RunFolder) -> dict[str, Any]:
    """Return all figures of a run; see `summary`."""
    check_books(run)
    found = _run(run)
    fills = fill_edge(run)
    for part in (activity(run, fills), exposure(run), edge(run, fills), markouts(run)):
        found.update(part)
    for key, source in (("pnl", "edge_net"), ("net_bps", "edge_net_bps"), ("gross_bps", "edge_gross_bps")):
        found.put(key, found.values[source], found.missing.get(source, ""))
    found.put("features", features(run))
    found.put("targets", targets(run, found))
    found.update(band(run))
    found.update(guard_figures(run))
    found.put("never_acted", never_acted(run.counts.get("memory") or {}, int(run.counts.get("ticks", 0))))
    found.put("warnings", warnings(run, found.values))
    first = {key: found.values[key] for key in HEADLINE}
    return {**first, **found.values, "missing": dict(sorted(found.missing.items()))}


def _run(run: RunFolder) -> Findings:
    """What ran: identity, time, speed, units."""
    found = Findings()
    note, counts, money = run.note, run.counts, run.money
    rows, wall_s = int(counts["rows"]), float(counts["wall_s"])
    found.put("digest", str(note["digest"]))
    found.put("status", "done" if run.error is None else "failed")
    found.put("error", run.error, "the run came to its end")
    found.put("rows", rows)
    found.put("wall_s", wall_s)
    found.put("rows_per_s", rows / wall_s if wall_s > 0 else None, "no wall time was measured")
    found.put("run_dir", str(run.path))
    instrument = note["instrument"]
    for key in ("venue", "symbol", "kind"):
        found.put(key, instrument[key])
    for key in ("strategy", "seed", "mmsim", "code_hash", "config_hash"):
        found.put(key, note.get(key), "run.json does not hold it")
    found.put("unit_cash", money.cash)
    found.put("unit_size", money.size)
    found.put("unit_price", money.quote or "quote")
    start, end = run.start_ts, run.end_ts
    found.put("start", utc_text(start))
    found.put("end", utc_text(end))
    found.put("start_ts", start)
    found.put("end_ts", end)
    found.put("duration_s", (end - start) / NS_PER_S)
    return found
