"""The ten features that the Node keeps of its instrument, over a run (docs/metrics.md)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from simcore.report.folder import RunFolder


class Feature(NamedTuple):
    """A feature. unit: as in `wording.Figure`; lots: whether its journal column counts lots, which are shown as `size`."""

    key: str
    label: str
    unit: str
    lots: bool = False


FEATURES = (
    Feature("vol_realized", "Move of the mid from sample to sample", "bps"),
    Feature("liq_top_depth", "Depth of a level near the best", "size", lots=True),
    Feature("latency_p95_ms", "Request to answer, p95", "ms"),
    Feature("pnl_dev", "Deviation of PnL from sample to sample", "cash"),
    Feature("fill_rate", "Fills per order placed", "ratio"),
    Feature("taker_share", "Taker share of fills", "share"),
    Feature("queue_absorb_rate", "Queue ahead that goes in a second", "size", lots=True),
    Feature("queue_eta_ms", "Time until the queue ahead is gone", "ms"),
    Feature("slippage_bps", "Slippage", "bps"),
    Feature("adverse_move_bps", "Mid move against fills", "bps"),
)


def features(run: RunFolder) -> list[dict[str, Any]]:
    """Return one row a feature: its last value, and mean, least and largest over the samples; none without samples."""
    rows = run.features
    if not len(rows):
        return []
    found = []
    for feature in FEATURES:
        values = rows[feature.key] * (run.money.quantity(1) if feature.lots else 1.0)
        mean = math.fsum(values.tolist()) / len(values)
        spread = {"last": float(values[-1]), "mean": mean, "min": float(values.min()), "max": float(values.max())}
        found.append({"feature": feature.key, **spread})
    return found
