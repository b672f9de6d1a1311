"""What a reader must know of the exchange's rules: that they are off, or why they refuse every order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any

import numpy as np
import yaml

from simcore.config.venue import profile_for
from simcore.errors import ReportError
from simcore.report.folder import RunFolder
from simcore.units import to_decimal


def rule_warnings(run: RunFolder, figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield that no profile is in force where there is one for the tape's exchange, and how large an order must be where they are too small."""
    try:
        venue = (yaml.safe_load(run.config_text) or {}).get("venue") or {}
        smallest = to_decimal(venue.get("min_notional") or 0)
    except (yaml.YAMLError, AttributeError, ValueError, InvalidOperation) as exc:
        raise ReportError("REP-001", f"{run.path / 'config.yaml'}: venue: {exc}") from exc
    instrument = run.note["instrument"]
    name = profile_for(instrument["venue"], instrument["kind"])
    if not venue.get("name") and name is not None:
        yield f"Rules of {name} (smallest orders, rate limits, margin and the like) are not applied: give --venue {name}."
    refused = sum(row["count"] for row in figures["rejects_by_reason"] if row["reason"] == "min_notional")
    if refused and smallest:
        yield _too_small(run, refused, smallest)


def _too_small(run: RunFolder, refused: int, smallest: Decimal) -> str:
    said = f"Orders were worth less than the smallest that the exchange takes, {smallest.normalize():f} {run.money.cash} (venue.min_notional): {refused:,} were refused"
    keys = sorted(key for key in run.note.get("params") or {} if key.rpartition(".")[2] == "order_lots")
    remedy = f"raise {' or '.join(keys)}" if keys else "let the strategy quote larger orders"
    units = 0 if run.last_mid is None else int(run.money.half_value(np.array([run.last_mid]), np.array([1]))[0])
    if not units:
        return f"{said}; {remedy}."
    a_lot = run.money.amount(units, halves=True)
    return f"{said}; {remedy}: at the last mid it takes {int((smallest / Decimal(a_lot)).to_integral_value(ROUND_CEILING)):,} lots."
