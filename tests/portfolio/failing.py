"""A strategy for tests: it quotes nothing, and fails when its clock passes a time."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext, no_quote, with_quote


class Params(NamedTuple):
    """fail_s: seconds since the run's start."""

    fail_s: float = 1.0


@kernel
def fail(context: QuoteContext, params: Params) -> QuoteContext:
    """Raise ValueError once the time has come."""
    if context.market.elapsed_ns * 1e-9 > params.fail_s:
        raise ValueError("the time has come")
    return with_quote(context, no_quote(0))


STAGES = {"fail": fail}
