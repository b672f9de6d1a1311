"""The stages of a strategy, one after the other; `simcore.link` writes this file anew for each strategy. This one never quotes."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext
from simcore.records import IntArray

STAGE_NAMES: tuple[str, ...] = ()
USES_SIGNALS = False  # whether any stage reads context.signals: the Node then measures them
USES_QUEUE = False
USES_DEPTH = False
USES_FEED = False
CANCELS_ON_BAD_BOOK = False


class Params(NamedTuple):
    """No parameters; a NamedTuple needs a field to be a type of its own."""

    unused: float = 0.0


class Memory(NamedTuple):
    """Nothing to remember."""

    unused: float = 0.0


@kernel
def tick(
    context: QuoteContext, params: Params, memory: Memory, clock: IntArray, marks: IntArray, traced: bool
) -> tuple[QuoteContext, Memory]:
    """Return the context as it came: no quotes are wanted. clock: State.clock; marks: cycle counts of a traced tick."""
    return context, memory
