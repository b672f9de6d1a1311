"""The cool-down after a fast cancel: which side rests, and until when."""

from __future__ import annotations

from simcore.jit import kernel

BPS = 1e-4
NS_PER_MS = 1e6


@kernel
def cool_until_ns(
    until_ns: float, now_ns: float, order_ticks: int, mid_ticks: float, distance_ticks: float, cooldown_ms: float
) -> float:
    """Return when a side's cool-down ends: cooldown_ms from now if its worst order is too far from the mid, else as before.

    order_ticks: 0 is no order.  distance_ticks: how far is too far, 0 is never.
    """
    if order_ticks > 0 and distance_ticks > 0.0 and abs(order_ticks - mid_ticks) > distance_ticks:
        return max(until_ns, now_ns + max(cooldown_ms, 0.0) * NS_PER_MS)
    return until_ns
