"""The place where a user's queue model is linked in; this default never lets a cancel move us.

A user file defines the same two functions. It is chosen with `--queue-model FILE.py`.
"""

from __future__ import annotations

from simcore.jit import kernel


@kernel
def join(level_lots: int, n: float) -> float:
    """Return the lots ahead of an order that joins a level of level_lots >= 0."""
    return float(level_lots)


@kernel
def after_change(ahead: float, previous: int, new: int, traded: float, n: float) -> float:
    """Return the lots ahead after a level went from previous to new lots; traded: lots traded there since."""
    return min(ahead, float(new))
