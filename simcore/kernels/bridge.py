"""The strategy that stands in for a Python class: it wants the quote that was written into its memory before the tick."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import Quote, QuoteContext, with_quote
from simcore.records import POST_ONLY


class Unused(NamedTuple):
    """The class has its parameters itself."""

    unused: float = 0.0


class Standing(NamedTuple):
    """The fields of a Quote, as floats."""

    bid_ticks: float = 0.0
    bid_lots: float = 0.0
    ask_ticks: float = 0.0
    ask_lots: float = 0.0
    levels: float = 0.0
    step_ticks: float = 1.0
    lots_factor: float = 1.0
    tif: float = float(POST_ONLY)
    display_lots: float = 0.0
    stop_ticks: float = 0.0
    take_profit_ticks: float = 0.0
    far_ticks: float = 0.0
    max_batch: float = 0.0
    reasons: float = 0.0


@kernel
def stand(context: QuoteContext, params: Unused, memory: Standing) -> tuple[QuoteContext, Standing]:
    """Want what stands."""
    m = memory
    quote = Quote(
        int(m.bid_ticks), int(m.bid_lots), int(m.ask_ticks), int(m.ask_lots), int(m.levels), int(m.step_ticks), m.lots_factor,
        int(m.tif), int(m.display_lots), int(m.stop_ticks), int(m.take_profit_ticks), m.far_ticks, int(m.max_batch),
        int(m.reasons),
    )  # fmt: skip
    return with_quote(context, quote), memory


STAGES = {"python": stand}
USES = ("signals", "queue", "bid_depth_lots", "book_age_ns")  # a class may read anything
