"""Figures by name, and for each that is missing the reason why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NO_FILLS = "no fills"
NO_TURNOVER = "no turnover"
NO_SAMPLES = "no samples of the ledger"


@dataclass
class Findings:
    """values: key -> figure, None where it is missing. missing: key -> why."""

    values: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def put(self, key: str, value: Any, reason: str = "") -> None:
        """Note a figure; None needs a reason."""
        assert value is not None or reason, f"{key} is missing without a reason"
        self.values[key] = value
        if value is None:
            self.missing[key] = reason

    def ratio(self, key: str, top: int, low: int, reason: str) -> None:
        """Note top / low; missing where low is 0. The division of integers rounds once."""
        self.put(key, top / low if low else None, reason)

    def update(self, other: Findings) -> None:
        """Take over all figures of another part."""
        self.values.update(other.values)
        self.missing.update(other.missing)
