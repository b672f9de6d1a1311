"""The default market maker: an adaptive spread, guarded, leaning against inventory, aware of its place in the queue.

The idea: quote both sides of the mid. Be wider when the price moves, the book is thin, answers are slow or money is lost;
lean against the position; move up when the queue ahead is too long; be small and wide, or gone, when something is wrong.

    spread = clamp(base + 1.5 w_vol s_vol + 1.0 w_liq s_liq + 0.8 w_lat s_lat + 1.2 w_pnl s_pnl, min, max)
    bid = mid - spread / 2 x guard - skew / 4 or / 2 + nudge, ask likewise; whole ticks, bid < mid < ask

docs/pipeline.md has every formula, key, default and reason. A stage is switched off by strategy.params.<stage>.enabled=0.
"""

from __future__ import annotations

from simcore.kernels.stages import emit, fetch_md, guards, inventory, queue_aware, spread

STAGES = {
    "fetch_md": fetch_md.fetch,
    "spread": spread.adaptive,
    "guards": guards.assess,
    "inventory": inventory.skew,
    "queue_aware": queue_aware.nudge,
    "emit": emit.quotes,
}
CANCELS_ON_BAD_BOOK = True  # a tick with an empty or crossed book withdraws the quotes
