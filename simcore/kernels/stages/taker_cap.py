"""The taker cap: quotes that can take are sent while all live and all new orders could take without breaking it."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels.context import Signals
from simcore.kernels.stages.emit_params import EmitParams


@kernel
def hourly_cap(signals: Signals, params: EmitParams) -> float:
    """Return how many taker fills an hour may have: fixed, or by the regime of volatility once enough returns are known."""
    if params.taker_cap_by_regime == 0.0 or signals.returns < params.returns_min:
        return params.taker_cap
    if signals.return_std_bps < params.regime_low_bps:
        return params.taker_cap_low
    if signals.return_std_bps <= params.regime_high_bps:
        return params.taker_cap_mid
    return params.taker_cap_high


@kernel
def may_take(signals: Signals, params: EmitParams, new_orders: int) -> bool:
    """Return whether cap and share hold even if all live and all new orders take."""
    pending = float(signals.open_orders + new_orders)
    worst = signals.taker_fills_1h + pending
    return (
        worst <= hourly_cap(signals, params)
        and 100.0 * worst <= params.taker_share_max_pct * (signals.fills_1h + pending)
    )  # fmt: skip
