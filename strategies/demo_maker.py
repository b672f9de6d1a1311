"""The demo market maker: one bid and one ask around the mid, leaning against inventory.

Fixed (or volatility-scaled) spread, linear inventory skew, post-only, quotes kept in place while their price
holds. It shows how stages compose; copy this file to start your own.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext
from simcore.kernels.stages import emit, inventory, spread


class Params(NamedTuple):
    """Parameters by stage; config keys are strategy.params.<stage>.<name>."""

    spread: spread.SpreadParams = spread.SpreadParams()
    inventory: inventory.InventoryParams = inventory.InventoryParams()
    emit: emit.EmitParams = emit.EmitParams()


class Memory(NamedTuple):
    """What the stages remember from tick to tick."""

    spread: spread.SpreadMemory = spread.SpreadMemory()


@kernel
def tick(context: QuoteContext, params: Params, memory: Memory) -> tuple[QuoteContext, Memory]:
    """Run the stages in order."""
    context, spread_memory = spread.volatility_spread(context, params.spread, memory.spread)
    context = inventory.skew(context, params.inventory)
    context = emit.two_sided(context, params.emit)
    return context, Memory(spread_memory)
