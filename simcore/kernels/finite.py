"""Whether what a user's stage returned is made of finite numbers."""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext

_LIMIT = 1e300


@kernel
def is_finite(context: QuoteContext) -> bool:
    """Return whether no decision holds a NaN or an infinity; NaN compares false."""
    spread, guards, inventory, nudge = context.spread, context.guards, context.inventory, context.nudge
    return (
        abs(spread.half_ticks) < _LIMIT
        and abs(spread.spread_bps) < _LIMIT
        and abs(spread.volatility_bps) < _LIMIT
        and abs(guards.size_scale) < _LIMIT
        and abs(guards.spread_scale) < _LIMIT
        and abs(inventory.bid_shift_ticks) < _LIMIT
        and abs(inventory.ask_shift_ticks) < _LIMIT
        and abs(inventory.skew_bps) < _LIMIT
        and abs(nudge.bid_nudge_ticks) < _LIMIT
        and abs(nudge.ask_nudge_ticks) < _LIMIT
        and abs(context.quote.lots_factor) < _LIMIT
        and abs(context.quote.far_ticks) < _LIMIT
    )
