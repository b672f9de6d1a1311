"""Which stages and weights of the adaptive maker never acted in a run: their parameters cannot have mattered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# What a stage remembers -> the weight that it counts for, and why the count can stay 0.
_WEIGHTS = {
    "spread.vol_ticks": ("spread.vol_weight", "volatility was never unusual"),
    "spread.liq_ticks": ("spread.liq_weight", "the book was never unusually thin"),
    "spread.lat_ticks": ("spread.lat_weight", "answers were never unusually slow"),
    "spread.pnl_ticks": ("spread.pnl_weight", "no loss was unusual"),
}
_STAGES = {
    "inventory.skewed_ticks": ("inventory", "the position stayed too small to lean against"),
    "queue_aware.nudged_ticks": ("queue_aware", "no order stood far enough back in its queue"),
}


def never_acted(memory: Mapping[str, float | None], ticks: int) -> dict[str, str]:
    """Return parameter or stage -> why it never acted, of what the stages counted; empty if no tick ran.

    memory  what the strategy remembered at the end, by name (`counts.json`); stages without counts are not judged.
    """
    if not ticks:
        return {}
    found = {name: why for key, (name, why) in {**_WEIGHTS, **_STAGES}.items() if memory.get(key) == 0.0}
    guards = [count for name, count in memory.items() if name.startswith(("guards.soft_", "guards.hard_"))]
    if guards and not any(guards):
        found["guards"] = "nothing came near a limit"
    if memory.get("fetch_md.misses") == 0.0:
        found["fetch_md"] = "no view was ever too old"
    return found


def idle_warnings(figures: Mapping[str, Any]) -> Iterator[str]:
    """Yield one sentence that names what never acted, if anything is to be named."""
    idle = figures["never_acted"]
    if idle:
        named = ", ".join(f"{name} ({why})" for name, why in idle.items())
        yield f"Never acted in this run, so that other values of its parameters may change nothing: {named}."
