"""What the run did: orders, rejects, fills by reason, queue position, slippage, time between fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.records import (
    AMEND_REFUSED,
    BID,
    CANCEL_REFUSED,
    MAKER,
    REASON_LABELS,
    REFUSED,
    REPORT_LABELS,
    TAKER,
)
from simcore.report import sums
from simcore.report.edge import FillEdge
from simcore.report.findings import NO_FILLS, Findings
from simcore.report.folder import RunFolder
from simcore.units import NS_PER_S

_BPS = 10_000
_REFUSALS = (REFUSED, AMEND_REFUSED, CANCEL_REFUSED)
_LIQUIDITY = ((MAKER, "maker"), (TAKER, "taker"))


def activity(run: RunFolder, edges: FillEdge) -> Findings:
    """Return all figures of this page."""
    found = Findings()
    for part in (_requests(run), _fills(run), _queue(run), _slippage(run, edges)):
        found.update(part)
    return found


def _requests(run: RunFolder) -> Findings:
    found = Findings()
    counts = run.counts
    for key in ("orders", "amends", "cancels"):
        found.put(key, int(counts[key]))
    for key in ("ticks", "skipped_ticks", "late_reports", "open_orders"):
        found.put(key, int(counts[key]) if key in counts else None, "counts.json does not hold it")
    refused = run.reports_of(_REFUSALS)
    found.put("rejects", len(refused))
    found.put("rejects_by_reason", _rejects(refused))
    found.ratio("fill_ratio", len(np.unique(run.fills["order_id"])), int(counts["orders"]), "no orders")
    found.ratio("cancel_to_fill", int(counts["cancels"]), int(counts["fills"]), NO_FILLS)
    return found


def _rejects(refused: Any) -> list[dict[str, Any]]:
    pairs, counts = np.unique(np.stack([refused["kind"], refused["reason"]]), axis=1, return_counts=True)
    return [
        {"kind": REPORT_LABELS[int(kind)], "reason": REASON_LABELS.get(int(reason), str(int(reason))), "count": int(n)}
        for kind, reason, n in zip(pairs[0], pairs[1], counts, strict=True)
    ]


def _fills(run: RunFolder) -> Findings:
    found = Findings()
    fills, counts = run.fills, run.counts
    for key in ("fills", "maker_fills", "taker_fills", "partial_fills"):
        found.put(key, int(counts[key]))
    found.put("buy_fills", int(np.count_nonzero(fills["side"] == BID)))
    found.ratio("maker_share", int(counts["maker_fills"]), int(counts["fills"]), NO_FILLS)
    found.ratio("taker_share", int(counts["taker_fills"]), int(counts["fills"]), NO_FILLS)
    found.put("volume", run.money.quantity(int(counts["volume_lots"])))
    found.put("turnover", run.money.amount(int(counts["turnover_units"])))
    found.put("fees", run.money.amount(int(counts["fee_units"])))
    found.put("funding", run.money.amount(int(counts["funding_units"])))
    found.put("fees_by_liquidity", [_fee_row(run, label, fills["liquidity"] == code) for code, label in _LIQUIDITY])
    reasons = [int(code) for code in np.unique(fills["reason"])]
    found.put("fills_by_reason", [_reason_row(run, code) for code in reasons])
    found.update(_times(run))
    return found


def _fee_row(run: RunFolder, label: str, mask: Any) -> dict[str, Any]:
    turnover = sums.total(run.notionals[mask])
    fees = sums.total(run.fills["fee_units"][mask])
    return {
        "liquidity": label,
        "fills": int(np.count_nonzero(mask)),
        "volume": run.money.quantity(sums.total(run.fills["qty_lots"][mask])),
        "turnover": run.money.amount(turnover),
        "fees": run.money.amount(fees),
        "rate_bps": _BPS * fees / turnover if turnover else None,
    }


def _reason_row(run: RunFolder, code: int) -> dict[str, Any]:
    mask = run.fills["reason"] == code
    lots = sums.total(run.fills["qty_lots"][mask])
    return {
        "reason": REASON_LABELS.get(code, str(code)),
        "fills": int(np.count_nonzero(mask)),
        "volume": run.money.quantity(lots),
        "volume_share": lots / int(run.counts["volume_lots"]),
    }


def _times(run: RunFolder) -> Findings:
    found = Findings()
    gaps = np.diff(np.sort(run.fills["exch_ts"]))
    reason = "fewer than two fills"
    found.put("fill_gap_mean_s", sums.total(gaps) / (len(gaps) * NS_PER_S) if len(gaps) else None, reason)
    found.put("fill_gap_median_s", float(np.median(gaps)) / NS_PER_S if len(gaps) else None, reason)
    return found


def _queue(run: RunFolder) -> Findings:
    """Queue ahead of resting orders, in the unit of volume: when they joined their level, and just before they filled."""
    found = Findings()
    resting = run.fills[run.fills["liquidity"] == MAKER]
    for key, column in (("queue_entry", "ahead_entry_lots"), ("queue_fill", "ahead_lots")):
        lots = resting[column]
        size = run.money.quantity(1)
        found.put(f"{key}_mean", float(lots.mean()) * size if len(lots) else None, "no maker fills")
        found.put(f"{key}_median", float(np.median(lots)) * size if len(lots) else None, "no maker fills")
    return found


def _slippage(run: RunFolder, edges: FillEdge) -> Findings:
    """Fill price against the quoted one, positive is a cost; fills without a quoted price do not count."""
    found = Findings()
    if not len(run.fills):
        found.put("slippage_bps", None, NO_FILLS)
        return found
    turnover = 2 * sums.total(run.notionals[edges.priced])
    found.ratio("slippage_bps", _BPS * sums.total(edges.slippage[edges.priced]), turnover, "no fill of an order with a price")
    return found
