"""A queue model with a memory: a cancel as large as a recent join is most likely that order's.

Participants often take back what they have just placed. So the sizes of the last joins behind us say more about a cancel
than the place in the queue alone. A user's queue model has no memory of its own; here it lives in the lots ahead, below
one sixteenth of a lot, where it never changes a fill: `ahead` is a whole number of sixteenths plus the sizes, coded.

The parameters are fitted to data (docs/fidelity.md). front and back are the lots ahead of and behind us, r = back / front:

    share of a cancel that came from ahead   p = 1 / (1 + bias · r^n)
    as large as one of the last three joins  p = 1 / (1 + bias · match · r^n)
    larger than all that is ahead            p · (front / cancel)^small: one order cannot stand on both sides of us
    larger than all that is behind           p + (1 − p) · large · (1 − back / cancel)

With bias = match = 1 and small = large = 0 this is the model `power`.
"""

from __future__ import annotations

import math

from simcore.jit import kernel
from simcore.kernels import dmath

PARTS = 16.0  # of a lot: the grid of the lots ahead
SIZES = 3  # joins that are remembered, the latest in the lowest bits
CODES = 256  # a size is 1 + lots mod 255; 0: none
MEMORY = 16777216.0  # CODES^SIZES
AHEAD_MAX = 16777216.0  # lots; with more ahead there is no room for a memory: 24 + 4 + 24 bits of 53


@kernel
def after_change(
    stored: float, previous: int, new: int, traded: float, bias: float, n: float, match: float, small: float, large: float
) -> float:
    """Return the stored lots ahead after a level went from previous to new lots; traded: lots traded there since."""
    ahead, _ahead_share, _cancelled = step(stored, previous, new, traded, bias, n, match, small, large)
    return ahead


@kernel
def step(
    stored: float, previous: int, new: int, traded: float, bias: float, n: float, match: float, small: float, large: float
) -> tuple[float, float, float]:
    """Return (stored lots ahead, share of the cancelled lots that was ahead, cancelled lots) after a change of a level."""
    ahead = lots_ahead(stored)
    if ahead <= 0.0:
        return 0.0, 0.0, 0.0
    sizes = memory(stored)
    cancelled = previous - new - traded
    if cancelled <= 0.0:
        if cancelled < 0.0:
            sizes = remembered(sizes, int(-cancelled))
        return store(min(ahead, float(new)), sizes), 0.0, 0.0
    place = place_of(sizes, int(cancelled))
    share = ahead_share(
        ahead, max(previous - traded - ahead, 0.0), cancelled, bias if place < 0 else bias * match, n, small, large
    )
    if place >= 0:
        sizes = forgotten(sizes, place)
    back = max(previous - traded - ahead, 0.0)
    ahead = ahead - share * cancelled + min(back - (1.0 - share) * cancelled, 0.0)
    return store(max(min(ahead, float(new)), 0.0), sizes), share, cancelled


@kernel
def ahead_share(
    front: float, back: float, cancelled: float, bias: float, n: float, small: float, large: float
) -> float:
    """Return the share, 0 to 1, of cancelled lots > 0 that stood among the front lots > 0 ahead of us."""
    share = 1.0
    if back > 0.0:
        share = 1.0 / (1.0 + bias * dmath.power(back / front, n))
    if cancelled > front:
        share *= dmath.power(front / cancelled, small)
    if cancelled > back:
        share += (1.0 - share) * large * (1.0 - back / cancelled)
    return share


@kernel
def lots_ahead(stored: float) -> float:
    """Return the lots ahead without the memory; below 0 after a trade that went past us."""
    return math.floor(stored * PARTS) / PARTS


@kernel
def memory(stored: float) -> int:
    """Return the sizes of the last joins behind us, coded."""
    return int((stored - lots_ahead(stored)) * PARTS * MEMORY)


@kernel
def store(ahead: float, sizes: int) -> float:
    """Return lots ahead >= 0, rounded to sixteenths, with the memory below."""
    if ahead <= 0.0 or ahead >= AHEAD_MAX:
        return max(ahead, 0.0)
    return (math.floor(ahead * PARTS + 0.5) + sizes / MEMORY) / PARTS


@kernel
def remembered(sizes: int, lots: int) -> int:
    """Return the memory after a join of lots > 0 behind us: the oldest of three goes."""
    return (sizes * CODES + 1 + lots % (CODES - 1)) % int(MEMORY)


@kernel
def place_of(sizes: int, lots: int) -> int:
    """Return the place of the latest join that was as large as lots, 0 the latest; -1 if there is none."""
    code = 1 + lots % (CODES - 1)
    for place in range(SIZES):
        if sizes % CODES == code:
            return place
        sizes = sizes // CODES
    return -1


@kernel
def forgotten(sizes: int, place: int) -> int:
    """Return the memory without the join at a place; older ones move up."""
    unit = 1
    for _ in range(place):
        unit *= CODES
    return sizes // (unit * CODES) * unit + sizes % unit
