"""The scoreboard: how well each symbol does, 0 (badly) to 1, from moving averages of what its windows brought.

score = 0.4 n(net) + 0.2 fill rate + 0.2 n(slippage) + 0.1 queue edge + 0.1 (1 - n(adverse)); each part is cut to [0, 1].
"""

from __future__ import annotations

from typing import NamedTuple

NEUTRAL = 0.5  # of a part that was never observed

_NET_BPS_LO, _NET_BPS_HI = -20.0, 20.0  # n(net) is 0 and 1 there
_COST_BPS = 5.0  # slippage or adverse move that takes all of its part
_WEIGHTS = (0.4, 0.2, 0.2, 0.1, 0.1)


class ScoreSettings(NamedTuple):
    """alpha: of the moving averages.  min_samples: with fewer there is no score."""

    alpha: float = 0.1
    min_samples: int = 10


class Observation(NamedTuple):
    """What one window brought; None: nothing to measure it by.

    net_bps        change of equity / turnover.
    fill_rate      orders filled / orders placed.
    slippage_bps   price against the quoted one, positive is a cost.
    queue_edge     share of the maker lots that were reached in their queue, not run over, 0 to 1.
    adverse_bps    move of the mid against us 1 s after the fill.
    """

    net_bps: float | None = None
    fill_rate: float | None = None
    slippage_bps: float | None = None
    queue_edge: float | None = None
    adverse_bps: float | None = None


class Standing(NamedTuple):
    """A symbol's moving averages, and how many windows with fills are in them."""

    averages: Observation = Observation()
    samples: int = 0


def observe(standing: Standing, seen: Observation, settings: ScoreSettings) -> Standing:
    """Return a symbol's standing after one more window.

    A window without fills forgets everything: a symbol that does not trade, perhaps because it may not or is too
    small, is not held to what it once did (the allocator treats it as average).
    """
    if seen.net_bps is None:
        return Standing()
    averages = (averaged(old, new, settings.alpha) for old, new in zip(standing.averages, seen, strict=True))
    return Standing(Observation(*averages), standing.samples + 1)


def averaged(average: float | None, value: float | None, alpha: float) -> float | None:
    """Return the moving average after one more value; the first value sets it, also when it is 0."""
    if value is None:
        return average
    return value if average is None else average + alpha * (value - average)


def score(standing: Standing, settings: ScoreSettings) -> float | None:
    """Return a symbol's score, 0 to 1; None with too few samples."""
    if standing.samples < settings.min_samples:
        return None
    return score_of(standing.averages)


def score_of(averages: Observation) -> float:
    """Return the score of averages; a part that was never observed counts as NEUTRAL."""
    net, fills, slippage, edge, adverse = averages
    parts = (
        NEUTRAL if net is None else unit((net - _NET_BPS_LO) / (_NET_BPS_HI - _NET_BPS_LO)),
        NEUTRAL if fills is None else unit(fills),
        NEUTRAL if slippage is None else unit(1.0 - slippage / _COST_BPS),
        NEUTRAL if edge is None else unit(edge),
        NEUTRAL if adverse is None else 1.0 - unit(adverse / _COST_BPS),
    )
    total = 0.0
    for weight, part in zip(_WEIGHTS, parts, strict=True):
        total += weight * part
    return unit(total)


def unit(value: float) -> float:
    """Return the value cut to [0, 1]."""
    return min(max(value, 0.0), 1.0)
