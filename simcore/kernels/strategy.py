"""The place where a strategy is linked in; this one never quotes.

A strategy file defines Params and Memory (NamedTuples of numbers, or of such NamedTuples) and `tick`.
"""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext


class Params(NamedTuple):
    """No parameters; a NamedTuple needs a field to be a type of its own."""

    unused: float = 0.0


class Memory(NamedTuple):
    """Nothing to remember."""

    unused: float = 0.0


@kernel
def tick(context: QuoteContext, params: Params, memory: Memory) -> tuple[QuoteContext, Memory]:
    """Return the context as it came: no quotes are wanted."""
    return context, memory
