"""Queue position of a resting order, semantics 4.2, 4.3 and 4.5: one function for each sentence.

`ahead` is a float of lots. The operations stand in the order of the text, so that floats can be compared by bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

MODELS = ("risk_averse", "power", "power2", "power3", "log", "log2", "front", "fifo", "pro_rata")


def ln(x: float) -> float:
    """Natural logarithm; NaN outside its domain, -inf at 0."""
    if x == 0.0:
        return -math.inf
    return math.log(x) if x > 0.0 else math.nan


def power(x: float, n: float) -> float:
    """x to the n as IEEE 754 has it: NaN and inf instead of exceptions."""
    try:
        return math.pow(x, n)
    except ValueError:
        return math.nan
    except OverflowError:
        return math.inf


def divide(x: float, y: float) -> float:
    """x / y; any division by zero counts as NaN (the caller makes both NaN and inf 1)."""
    return math.nan if y == 0.0 else x / y


# P = probability that a decrease happened behind us; f lots ahead, b lots behind.
PROBABILITIES: dict[str, Callable[[float, float, float], float]] = {
    "power": lambda f, b, n: divide(power(b, n), power(b, n) + power(f, n)),
    "power2": lambda f, b, n: divide(power(b, n), power(b + f, n)),
    "power3": lambda f, b, n: 1.0 - power(divide(f, f + b), n),
    "log": lambda f, b, n: divide(ln(1.0 + b), ln(1.0 + b) + ln(1.0 + f)),
    "log2": lambda f, b, n: divide(ln(1.0 + b), ln(1.0 + b + f)),
}


def prob(model: str, n: float, front: float, back: float) -> float:
    """Return P of a model by name; 1 where the formula gives inf or NaN."""
    p = PROBABILITIES[model](front, back, n)
    return p if math.isfinite(p) else 1.0


@dataclass
class Place:
    """The place of one order in the queue of its level."""

    ahead: float = 0.0  # lots before us
    traded: float = 0.0  # lots traded at our price since the level's last change
    entry: float = field(default=0.0)  # ahead when the order joined


def join(model: str, level_lots: int) -> Place:
    """Return the place of an order that joins a level of level_lots."""
    ahead = 0.0 if model == "front" else float(level_lots)
    return Place(ahead, 0.0, ahead)


def trade_reaches(place: Place, lots: int) -> int:
    """Move up by a trade of lots at our price. Returns the lots that reach us."""
    place.ahead -= lots
    place.traded += lots
    reached = round(-place.ahead)
    if reached > 0:
        place.ahead = 0.0
        return reached
    return 0


def level_changes(model: str, n: float, place: Place, prev: int, new: int) -> None:
    """Move up by a change of our level from prev to new lots."""
    if model in ("front", "fifo"):
        place.traded = 0.0
        return
    if model in ("risk_averse", "pro_rata"):
        place.traded = 0.0
        place.ahead = max(min(place.ahead, float(new)), 0.0)
        return
    change = prev - new - place.traded
    place.traded = 0.0
    if change < 0:
        place.ahead = max(min(place.ahead, float(new)), 0.0)
        return
    back = prev - place.ahead
    p = prob(model, n, place.ahead, back)
    ahead = place.ahead - (1.0 - p) * change + min(back - p * change, 0.0)
    place.ahead = max(min(ahead, float(new)), 0.0)


def fifo_moves_up(place: Place, lots: int) -> None:
    """Take lots that left before us off `ahead`."""
    place.ahead = max(place.ahead - lots, 0.0)


def pro_rata_share(lots: int, leaves: int, level_lots: int, min_lots: int) -> int:
    """Return our share of a trade of lots at our price."""
    share = lots * leaves // (level_lots + leaves)
    return min(share, leaves) if share >= min_lots else 0
