"""Queue position on level books: how trades and level changes move the lots ahead of our order.

Formulas: docs/semantics.md 4.2. Sources: Rigtorp 2013, "Estimating order queue position"; the power and log
families as catalogued by hftbacktest. ahead and traded are in lots, as floats, since probabilities split lots.
"""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import dmath

RISK_AVERSE, POWER, POWER2, POWER3, LOG, LOG2, FRONT, FIFO, PRO_RATA, CUSTOM = range(10)
NAMES = ("risk_averse", "power", "power2", "power3", "log", "log2", "front", "fifo", "pro_rata", "custom")


@kernel
def behind_probability(model: int, n: float, front: float, back: float) -> float:
    """Return the probability that a cancelled lot stood behind us; NaN or above 1 means 1 to the caller.

    front, back  lots ahead of and behind our order.  n  exponent of the power families, > 0.
    """
    if model == POWER:
        b = dmath.power(back, n)
        return ratio(b, b + dmath.power(front, n))
    if model == POWER2:
        return ratio(dmath.power(back, n), dmath.power(back + front, n))
    if model == POWER3:
        return 1.0 - dmath.power(ratio(front, front + back), n)
    b = dmath.log(1.0 + max(back, 0.0))
    if model == LOG:
        return ratio(b, b + dmath.log(1.0 + front))
    return ratio(b, dmath.log(1.0 + max(back, 0.0) + front))


@kernel
def ratio(top: float, low: float) -> float:
    """Return top / low, and 1 where low is 0."""
    if low == 0.0:
        return 1.0
    return top / low


@kernel
def after_change(model: int, n: float, ahead: float, previous: int, new: int, traded: float) -> float:
    """Return the lots ahead after a level went from previous to new lots.

    traded  lots that traded at the level since its last change: that part of a decrease is already counted.
    """
    if model == RISK_AVERSE or model == PRO_RATA or model == FIFO:
        return min(ahead, float(new))
    if model == FRONT:
        return 0.0
    change = previous - new - traded
    if change < 0.0:
        return min(ahead, float(new))
    back = previous - ahead
    behind = behind_probability(model, n, ahead, max(back, 0.0))
    return max(min(ahead - (1.0 - behind) * change + min(back - behind * change, 0.0), float(new)), 0.0)


@kernel
def reached_lots(ahead: float) -> int:
    """Return how many lots of a trade went past the lots ahead: round half to even of -ahead, at least 0."""
    return max(int(round(-ahead)), 0)
