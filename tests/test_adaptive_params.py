"""Every parameter of the adaptive maker changes what it does on a tape that ships with mmsim."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from simcore.config.load import load_config
from simcore.lanes import run_lanes
from simcore.link import link
from simcore.tape.read import Tape
from tests.blackbox.command import SAMPLE

NAMES = link("adaptive").param_names
PARAM = "strategy.params."
HOUR = ("strategy.name=adaptive", "run.to=2024-01-01T01:00:00Z", "latency.place.model=lognormal", "latency.cancel.model=lognormal")

# Worlds in which a parameter has something to decide; "plain" is the default configuration over the sample's first hour.
WORLDS: dict[str, dict[str, float]] = {
    "plain": {},
    "tight": {"spread.base_bps": 0.2, "spread.min_bps": 0.6},
    "wild": {"guards.vol_soft_bps": 0.02, "guards.vol_hard_bps": 0.2, "guards.pnl_scale": 0.0002, "emit.order_lots": 4},
    "absolute": {
        "spread.absolute_points": 1, "spread.vol_soft_bps": 0.01, "spread.vol_hard_bps": 0.05, "spread.depth_soft_lots": 80,
        "spread.lat_soft_ms": 15, "spread.lat_hard_ms": 40, "spread.pnl_hard": -0.001,
    },
    "strict": {"fetch_md.guards_need_fresh": 0, "fetch_md.skip_pricing_on_stale": 1},
    "background": {"fetch_md.guards_need_fresh": 0},
    "held": {"emit.refresh_ms": 3000, "emit.fast_cancel_bps": 0.8, "queue_aware.enabled": 0},
    "slow": {"guards.latency_soft_ms": 15, "guards.latency_hard_ms": 60, "latency.place.ms": 60},
    "waiting": {"guards.outage_soft_ms": 50, "guards.outage_hard_ms": 250, "latency.place.ms": 150, "guards.latency_soft_ms": 1e6, "guards.latency_hard_ms": 1e6},
    "silent": {"fetch_md.refresh_ms": 400, "guards.invalid_hard_ms": 50},
    "taking": {
        "emit.post_only": 0, "emit.taker_share_max_pct": 60, "emit.taker_cap": 30, "spread.min_bps": 0, "spread.base_bps": 0,
        "guards.taker_fills_soft": 4, "guards.taker_fills_hard": 8,
    },
    "regimes": {
        "emit.post_only": 0, "emit.taker_share_max_pct": 100, "emit.taker_cap_by_regime": 1, "emit.taker_cap_low": 8, "emit.taker_cap_mid": 16,
        "emit.taker_cap_high": 24, "emit.regime_low_bps": 0.1, "emit.regime_high_bps": 0.2, "spread.min_bps": 0, "spread.base_bps": 0,
    },
    "ladder": {"emit.levels": 3, "emit.order_lots": 4, "emit.level_step_ticks": 3, "inventory.max_position_lots": 1000, "guards.max_position_lots": 1000},
    "near": {"queue_aware.cooldown_bps": 0.8, "emit.fast_cancel_bps": 0.8, "emit.cooldown_bps": 0.9},
    "capped": {"guards.max_day_loss": 0.5},
}
# Parameter -> world, and another value; those that are not here change in the plain world by half, a switch by its other value.
CHANGES: dict[str, tuple[str, float]] = {
    "fetch_md.max_inflight_refresh": ("plain", 0),
    "fetch_md.max_depth": ("plain", 2), "fetch_md.depth": ("plain", 60),
    "fetch_md.fresh_ms_for_pricing": ("strict", 80), "fetch_md.stale_ok": ("background", 0),
    "fetch_md.invalidate_on_ws_gap_ms": ("silent", 5000),
    "spread.min_bps": ("tight", 0.4),
    "spread.vol_soft_bps": ("absolute", 0.03), "spread.vol_hard_bps": ("absolute", 0.2),
    "spread.depth_soft_lots": ("absolute", 60), "spread.depth_hard_lots": ("absolute", 30),
    "spread.lat_soft_ms": ("absolute", 20), "spread.lat_hard_ms": ("absolute", 80),
    "spread.pnl_soft": ("absolute", -0.0001), "spread.pnl_hard": ("absolute", -0.0005),
    "guards.vol_soft_bps": ("wild", 0.05), "guards.vol_hard_bps": ("wild", 0.1), "guards.returns_min": ("wild", 0),
    "guards.pnl_z_soft": ("wild", -0.5), "guards.pnl_z_hard": ("wild", -1), "guards.pnl_scale": ("wild", 0.0001), "guards.pnl_samples_min": ("wild", 40000),
    "guards.latency_soft_ms": ("slow", 30), "guards.latency_hard_ms": ("slow", 30), "guards.latencies_min": ("slow", 90),
    "guards.outage_soft_ms": ("waiting", 150), "guards.outage_hard_ms": ("waiting", 150),
    "guards.invalid_hard_ms": ("silent", 500),
    "guards.taker_fills_soft": ("taking", 1), "guards.taker_fills_hard": ("taking", 5),
    "guards.max_day_loss": ("capped", 0.2), "guards.size_scale": ("wild", 1),
    "queue_aware.cooldown_bps": ("near", 0.6), "queue_aware.cooldown_ms": ("near", 3000),
    "emit.max_order_lots": ("ladder", 3), "emit.min_notional": ("plain", 43), "emit.level_step_ticks": ("ladder", 2), "emit.lots_factor": ("ladder", 0.5),
    "emit.refresh_ms": ("plain", 2000), "emit.fast_cancel_bps": ("held", 0), "emit.cooldown_bps": ("near", 0.8), "emit.cooldown_ms": ("near", 3000),
    "emit.taker_cap": ("taking", 2), "emit.taker_share_max_pct": ("taking", 1), "emit.taker_cap_by_regime": ("regimes", 0),
    "emit.taker_cap_low": ("regimes", 1), "emit.taker_cap_mid": ("regimes", 1), "emit.taker_cap_high": ("regimes", 1),
    "emit.regime_low_bps": ("regimes", 0.01), "emit.regime_high_bps": ("regimes", 0.11), "emit.returns_min": ("regimes", 1e9),
    "emit.display_lots": ("ladder", 1), "emit.max_batch": ("ladder", 1),
}  # fmt: skip


def _other(name: str, default: float) -> tuple[str, float]:
    if name in CHANGES:
        return CHANGES[name]
    if name.rpartition(".")[2] in ("enabled", "cache_enabled", "stale_ok", "skip_pricing_on_stale", "guards_need_fresh", "post_only", "use_microprice"):
        return "plain", 1.0 - default
    return "plain", default / 2.0 if default else 1.0


@cache
def made() -> dict[str, bool]:
    """Return parameter -> whether it changed anything."""
    defaults = dict(zip(NAMES, link("adaptive").param_defaults, strict=True))
    changes = {name: _other(name, defaults[name]) for name in NAMES}
    sets = [(world, None) for world in WORLDS] + [(world, name) for name, (world, _) in changes.items()]
    configs = []
    for world, name in sets:
        values = WORLDS[world] | ({name: changes[name][1]} if name else {})
        texts = (f"{'' if key.startswith('latency.') else PARAM}{key}={value}" for key, value in values.items())
        configs.append(load_config(None, [*HOUR, *texts]))
    run = run_lanes(Tape.open(SAMPLE), configs, curve_ms=10_000)
    base = {world: i for i, world in enumerate(WORLDS)}
    names = ("orders", "cancels", "node_cash_units", "node_turnover_units", "equity_units", "request_seq", "request_last_ns")
    changed = {}
    for lane, (world, name) in enumerate(sets):
        if name is not None:
            same = all(run.lanes[key][lane] == run.lanes[key][base[world]] for key in names)
            changed[name] = not (same and np.array_equal(run.equity_units[lane], run.equity_units[base[world]]))
    return changed


@pytest.mark.parametrize("name", NAMES)
def test_each_parameter_of_the_adaptive_maker_acts(name):
    assert made()[name], f"{name}: no change in world {CHANGES.get(name, 'plain')}"


@pytest.mark.real
@pytest.mark.parametrize("capture", ["usdm", "coinm", "spot", "es", "bitstamp"])
def test_each_weight_of_the_spread_acts_on_real_captures(capture):
    """With the defaults of one market on all of them: scores are in units of what is usual there."""
    from tests.property.real import real_case

    settings = ("strategy.name=adaptive", "latency.place.model=lognormal", "latency.cancel.model=lognormal")
    sets = [(), *((f"{PARAM}spread.{weight}_weight=0",) for weight in ("vol", "liq", "lat", "pnl"))]
    with_all, *without = run_lanes(real_case(capture).tape(), [load_config(None, [*settings, *more]) for more in sets]).lanes
    names = ("orders", "fills", "equity_units", "request_last_ns")
    assert [any(with_all[name] != lane[name] for name in names) for lane in without] == [True] * 4
