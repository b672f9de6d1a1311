"""What a synthetic tape is made of: every parameter of the flow, with its unit, and the presets.

All rates are at normal activity; the regime and the time of day multiply them. Mechanisms: docs/synthetic.md.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields, replace
from decimal import Decimal

from simcore.errors import ConfigError
from simcore.units import to_decimal


@dataclass(frozen=True)
class SynthSpec:
    """Parameters of a synthetic tape. Sizes in lots, prices in ticks, times in seconds unless the name says ns."""

    symbol: str
    price_start_ticks: int
    tick_size: str
    lot_size: str
    contract_size: str = "1"
    kind: str = "linear"
    base: str = ""
    quote: str = "USD"
    maker_rate: str = "0"
    taker_rate: str = "0"
    seed: int = 1
    start_ns: int = 1_704_067_200_000_000_000  # 2024-01-01T00:00:00Z
    duration_s: int = 86_400
    rows_max: int = 0  # 0: no limit but the duration
    # fair value
    fair_vol_ticks: float = 3.5  # per square root of a second
    fair_jump_per_s: float = 0.002
    fair_jump_ticks: float = 15.0
    drift_ticks_per_s: float = 0.2
    drift_reversion_s: float = 60.0
    maker_lag_s: float = 0.7
    half_spread_ticks: float = 4.0
    # event rates
    trade_per_s: float = 0.04
    trade_informed_gain: float = 3.0
    impact_ticks: float = 0.45  # what a market order moves the fair value
    limit_per_s: float = 0.42
    requote_per_s: float = 0.006
    cancel_fast_per_s: float = 0.01
    cancel_patient_per_s: float = 0.00025
    cancel_stale_per_s: float = 0.4
    # excitation: mean number of direct children, and how long they take
    excite_trade_hot: float = 0.35
    excite_trade_warm: float = 0.2
    excite_trade_cross: float = 0.05
    excite_book_by_trade: float = 1.0
    excite_book_by_book: float = 0.4
    hot_decay_s: float = 0.05
    warm_decay_s: float = 4.0
    # imbalance
    imbalance_tilt: float = 0.6
    imbalance_reversion_s: float = 10.0
    # placement
    fast_share: float = 0.6
    depth_scale_ticks: float = 6.0
    depth_tail: float = 1.5
    depth_max_ticks: float = 2000.0
    # sizes
    limit_size_lots: float = 20.0
    limit_size_tail: float = 1.6
    trade_size_lots: float = 8.0
    trade_size_tail: float = 1.4
    size_max_lots: float = 20_000.0
    round_size_lots: float = 10.0
    round_share: float = 0.4
    sweep_share: float = 0.25
    sweep_levels: float = 6.0
    sweep_reach_ticks: float = 30.0  # worst price of a sweep, from the best
    rest_share: float = 0.3
    reduce_share: float = 0.15
    # regimes: quiet, normal, stressed
    regime_activity: tuple[float, float, float] = (0.6, 1.0, 2.2)
    regime_volatility: tuple[float, float, float] = (0.6, 1.0, 2.0)
    regime_spread: tuple[float, float, float] = (0.8, 1.0, 1.8)
    regime_mean_s: tuple[float, float, float] = (1500.0, 1800.0, 500.0)
    day_activity_swing: float = 0.45
    day_volatility_swing: float = 0.3
    session_open_s: float = 0.0
    # feed
    latency_floor_ns: float = 2_000_000.0
    latency_median_ns: float = 3_000_000.0
    latency_sigma: float = 0.6
    latency_load: float = 0.05
    disorder_median_ns: float = 0.0  # extra delay of the trade channel; 0: one channel, no disorder
    disorder_sigma: float = 1.0
    exch_step_ns: int = 1_000_000
    local_step_ns: int = 10_000
    funding_interval_s: int = 28_800
    # machinery
    warmup_s: int = 900
    seed_orders: int = 300
    step_max_s: float = 0.25
    chunk_rows: int = 131_072

    def __post_init__(self) -> None:
        """Refuse values that make no market: ConfigError CONF-003."""
        for field in fields(self):
            value = getattr(self, field.name)
            _check_type(field.name, str(field.type), value)
            numbers = value if isinstance(value, tuple) else (value,)
            for number in numbers:
                if isinstance(number, str):
                    continue
                least = _LEAST.get(field.name, 0.0)
                most = _MOST.get(field.name, 1e19)
                if not least <= number < most:
                    raise ConfigError(
                        "CONF-003", f"synth {field.name} is {value}, expected {least:g} to below {most:g}"
                    )
                if field.name.endswith("_share") and number > 1.0:
                    raise ConfigError("CONF-003", f"synth {field.name} is {value}, expected a share of 0 to 1")
        for name in ("tick_size", "lot_size", "contract_size"):
            if _number(name, getattr(self, name)) <= 0:
                raise ConfigError("CONF-003", f"synth {name} is {getattr(self, name)}, expected more than 0")
        if not re.fullmatch(r"[^/\\\0]{1,100}", self.symbol) or not self.symbol.isprintable():
            raise ConfigError("CONF-003", f"synth symbol is {self.symbol!r:.60}, expected 1 to 100 characters that a file's name can hold")
        _refuse_explosion("trades", self.excite_trade_hot + self.excite_trade_warm + self.excite_trade_cross)
        _refuse_explosion("book events", self.excite_book_by_book)


def _check_type(name: str, declared: str, value: object) -> None:
    """Refuse a value of another type than the field has: the preset's own tell it."""
    kinds: dict[str, tuple[tuple[type, ...], str]] = {"str": ((str,), "text"), "int": ((int,), "a whole number"), "float": ((int, float), "a number")}
    kind, words = kinds.get(declared, ((tuple,), "three numbers"))
    if isinstance(value, int) and abs(value) >= 1 << 64:  # more digits than Python shows, perhaps
        raise ConfigError("CONF-003", f"synth {name} is beyond 64 bits, expected {words}")
    parts = value if isinstance(value, tuple) else (value,)
    is_right = isinstance(value, kind) and (kind != (tuple,) or (len(parts) == 3 and all(isinstance(part, (int, float)) for part in parts)))
    if not is_right or any(isinstance(part, bool) for part in parts):
        raise ConfigError("CONF-003", f"synth {name} is {value!r:.60}, expected {words}")


def _number(name: str, text: str) -> Decimal:
    try:
        return to_decimal(text)
    except ValueError as exc:
        raise ConfigError("CONF-003", f"synth {name}: {exc}") from exc


def _refuse_explosion(what: str, children: float) -> None:
    if children >= 0.95:
        raise ConfigError(
            "CONF-003", f"synth: each of the {what} excites {children:g} more on average, expected less than 0.95"
        )


_TINY = 1e-9
_LEAST = {
    **dict.fromkeys(("drift_reversion_s", "imbalance_reversion_s", "maker_lag_s"), _TINY),
    **dict.fromkeys(("hot_decay_s", "warm_decay_s"), _TINY),
    **dict.fromkeys(("regime_mean_s", "regime_activity", "regime_spread"), _TINY),
    **dict.fromkeys(("trade_size_tail", "limit_size_tail", "depth_tail"), 0.3),
    **dict.fromkeys(("size_max_lots", "round_size_lots", "sweep_levels", "duration_s"), 1),
    **dict.fromkeys(("exch_step_ns", "local_step_ns"), 1),
    "price_start_ticks": 100, "half_spread_ticks": 0.01, "limit_per_s": 1e-6, "step_max_s": 1e-6,
    "chunk_rows": 2000, "start_ns": 86_400_000_000_000,
}  # fmt: skip
_MOST = {
    **dict.fromkeys(("day_activity_swing", "day_volatility_swing"), 1.0),
    **dict.fromkeys(("latency_sigma", "disorder_sigma"), 5.0),
    **dict.fromkeys(("seed", "start_ns"), 1 << 62),
    "price_start_ticks": 1 << 40, "size_max_lots": 1e12, "sweep_levels": 32.5, "duration_s": 10**9,
}  # fmt: skip

SYNBTC = SynthSpec(
    symbol="SYNBTC-PERP", base="SYNBTC", price_start_ticks=84_000, tick_size="0.5",
    lot_size="0.001", maker_rate="-0.00002", taker_rate="0.0004",
)  # fmt: skip

SYNES = SynthSpec(
    symbol="SYNES", base="SYNES", price_start_ticks=19_200, tick_size="0.25", lot_size="1", contract_size="50",
    maker_rate="0.00000354", taker_rate="0.00000354",  # 0.85 a contract at the opening price
    fair_vol_ticks=0.1, fair_jump_per_s=0.0004, fair_jump_ticks=1.0, drift_ticks_per_s=0.003, maker_lag_s=3.0,
    half_spread_ticks=0.5, impact_ticks=0.045, trade_informed_gain=2.0, trade_per_s=0.07, limit_per_s=0.75,
    requote_per_s=0.0004, cancel_fast_per_s=0.005, cancel_patient_per_s=0.0008, cancel_stale_per_s=0.03,
    depth_scale_ticks=2.0, depth_tail=2.0, depth_max_ticks=60.0, limit_size_lots=2.0, limit_size_tail=1.5,
    trade_size_lots=2.0, trade_size_tail=1.3, size_max_lots=500.0, sweep_share=0.05, sweep_levels=3.0,
    rest_share=0.5, regime_spread=(1.0, 1.0, 1.3), exch_step_ns=100_000, funding_interval_s=0, seed_orders=800,
)  # fmt: skip

_RATES = (
    "drift_ticks_per_s trade_per_s limit_per_s requote_per_s "
    "cancel_fast_per_s cancel_patient_per_s cancel_stale_per_s"
)
_TIMES = "drift_reversion_s maker_lag_s hot_decay_s warm_decay_s imbalance_reversion_s step_max_s"


def sped_up(spec: SynthSpec, factor: float) -> SynthSpec:
    """Return the same market with `factor` times the events a second; what happens per event stays the same.

    Regimes, the shape of the day, news jumps and the feed keep their clock.
    """
    changes = {name: getattr(spec, name) * factor for name in _RATES.split()}
    changes |= {name: getattr(spec, name) / factor for name in _TIMES.split()}
    return replace(spec, fair_vol_ticks=spec.fair_vol_ticks * math.sqrt(factor), **changes)


# The thin days fit 24 hours into some 200,000 rows; the others run at the pace of a busy venue.
PRESETS: dict[str, SynthSpec] = {
    "large-tick": replace(sped_up(SYNES, 100.0), warmup_s=60, exch_step_ns=1000, local_step_ns=1000),
    "large-tick-thin": replace(sped_up(SYNES, 0.45), exch_step_ns=1_000_000, local_step_ns=1_000_000),
    "small-tick": replace(
        sped_up(SYNBTC, 300.0), tick_size="0.1", price_start_ticks=420_000, warmup_s=30, local_step_ns=1000
    ),
    "small-tick-thin": replace(sped_up(SYNBTC, 0.65), local_step_ns=1_000_000),
}
