"""What tests of portfolio runs share: settings that trade a lot in seconds, and what a folder says."""

from __future__ import annotations

from pathlib import Path

from simcore import manifest
from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.portfolio import folder

BUSY = (
    "strategy.name=demo_maker", "strategy.params.spread.half_spread_bps=0", "strategy.params.emit.order_lots=3", "node.tick_interval_ms=50", "book.window_ticks=4096",
)  # fmt: skip
BARRIERS = (
    "portfolio.allocate=true", "portfolio.rebalance_s=0.25", "portfolio.score_window_s=1", "portfolio.score_samples=2",
    "portfolio.temperature=0.05", "portfolio.hysteresis=0.01", "portfolio.max_gross=200",
)  # fmt: skip


def busy(*more: str) -> Config:
    return load_config(None, [*BUSY, *more])


def digests(run_dir: Path) -> dict[str, str]:
    """Return the digest of each symbol, and of the whole under ''."""
    found = {part.name: str(manifest.read(part.folder)["digest"]) for part in folder.parts(run_dir)}
    return found | {"": str(manifest.read(run_dir)["digest"])}
