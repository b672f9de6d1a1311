"""A strategy for tests: each tick it wants another order, whose lots say what it was shown of its leader."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext, plain_quote, with_quote

FAR_TICKS = 500


class Memory(NamedTuple):
    """odd: 1 at every other tick, so that the price differs from the last one."""

    odd: float = 0.0


@kernel
def echo(context: QuoteContext, params: Memory, memory: Memory) -> tuple[QuoteContext, Memory]:
    """Bid for 1 + bid x 1 + lots x 7 + position x 1000 lots of the leader, far from the market; 1 lot without a leader."""
    linked = context.linked
    lots = 1
    if linked.present == 1:
        lots += int(linked.bid_ticks) % 1009 + 7 * int(linked.ask_ticks) % 1013 + int(linked.bid_lots) % 97
        lots += 2000 * (int(linked.ask_lots) % 89) + 400000 * (int(linked.position_lots) + 100)
    bid = context.market.bid_ticks - FAR_TICKS - int(memory.odd)
    return with_quote(context, plain_quote(bid, lots, context.market.ask_ticks, 0)), Memory(1.0 - memory.odd)


STAGES = {"echo": echo}
