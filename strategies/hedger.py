"""A hedger: holds the opposite of what another instrument's maker holds, on another venue or in another contract.

    wanted position    -ratio x the leader's position, in our lots (a link says who leads: docs/portfolio.md)
    gap                wanted position - ours

A gap of up to band_lots is worked passively: one order joins the best quote of its side, and stays while that price stands.
A larger gap is taken: an order that may cross goes through the best opposite price by at most slack_bps, for what is beyond
open orders, so that one in flight is not sent twice. Without a link, or while the leader has no book, it wants nothing.
That whoever pays for trades lets a hedge wander inside a band is from A. E. Whalley and P. Wilmott, "An asymptotic analysis
of an optimal hedging model for option pricing with transaction costs", Mathematical Finance 7(3), 1997; ours is a fixed one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import Quote, QuoteContext, bounded, no_quote, plain_quote, with_quote
from simcore.records import GTC
from simcore.units import BPS


class Params(NamedTuple):
    """What to hold, and how to get there.

    ratio       lots of ours for a lot's worth of the leader's.
    band_lots   largest gap that is worked passively.
    order_lots  largest order.
    slack_bps   how far through the best price we take.
    """

    ratio: float = 1.0
    band_lots: float = 10.0
    order_lots: float = 100.0
    slack_bps: float = 1.0


@kernel
def hedge(context: QuoteContext, params: Params) -> QuoteContext:
    """Quote, or take, what is missing of the wanted position."""
    if not (params.band_lots >= 0.0 and params.order_lots >= 1.0 and params.slack_bps >= 0.0):
        raise ValueError("expected band_lots >= 0, order_lots >= 1 and slack_bps >= 0")
    view, linked = context.market, context.linked
    if linked.present == 0:
        return with_quote(context, no_quote(0))
    gap = -params.ratio * linked.position_lots - context.position_lots
    missing = math.floor(bounded(abs(gap)))
    if missing <= params.band_lots:
        lots = int(min(missing, params.order_lots))
        return with_quote(context, plain_quote(view.bid_ticks, lots if gap > 0.0 else 0, view.ask_ticks, lots if gap < 0.0 else 0))
    lots = int(min(max(missing - context.signals.open_lots, 0.0), params.order_lots))
    slack = math.floor(bounded(params.slack_bps * BPS * view.mid_ticks))
    bid = view.ask_ticks + slack  # a purchase crosses to the asks
    ask = max(view.bid_ticks - slack, 1)
    return with_quote(
        context,
        Quote(bid, lots if gap > 0.0 else 0, ask, lots if gap < 0.0 else 0, 1, 1, 1.0, GTC, 0, 0, 0, 0.0, 0, 0),
    )  # fmt: skip


STAGES = {"hedge": hedge}
