"""The maker of docs/peers.md, which both sides of the benchmark play."""

from __future__ import annotations

from simcore.config.load import dump_config, load_config
from simcore.config.model import Config

MAKER = (
    "strategy.name=demo_maker",
    "strategy.params={spread.half_spread_bps: 0, spread.vol_factor: 0, inventory.skew_bps: 0, emit.levels: 1}",
    "strategy.params.inventory.skew_ticks_per_lot=0.5", "strategy.params.inventory.max_position_lots=10",
    "strategy.params.emit.order_lots=1",
    "node.tick_interval_ms=100", "venue.queue_model=power", "venue.queue_n=3", "venue.fill_whole=true",
    "venue.cross_fill_whole=true", "venue.self_trade=ignore", "fees.maker_bps=-0.5", "fees.taker_bps=7",
    *(f"latency.{leg}.ms=10" for leg in ("place", "amend", "cancel", "response")),
)  # fmt: skip


def maker(repeat: int = 1, half_spread_ticks: float = 5.0, to_ts: int | None = None) -> Config:
    """Return the maker's configuration."""
    spread = f"strategy.params.spread.half_spread_ticks={half_spread_ticks}"
    return load_config(None, [*MAKER, spread], {"run.repeat": repeat, "run.to": to_ts})


def maker_text() -> str:
    """Return the maker's configuration as YAML."""
    return dump_config(maker())
