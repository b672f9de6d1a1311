"""The demo market maker: one bid and one ask around the mid, leaning against inventory.

Fixed (or volatility-scaled) spread, linear inventory skew, post-only, quotes kept in place while their price
holds. It shows how stages compose; copy this file to start your own.
"""

from __future__ import annotations

from simcore.kernels.stages import simple

STAGES = {
    "spread": simple.volatility_spread,
    "inventory": simple.linear_skew,
    "emit": simple.two_sided,
}
