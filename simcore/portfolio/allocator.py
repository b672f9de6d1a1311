"""The allocator: scores become weights, and weights become sizes, refresh rates and numbers of quotes.

weights = softmax(scores / temperature) x count, cut to [weight_min, weight_max]; a change below the hysteresis is left
out, any other goes half of the way. Everything is a pure function of what the symbols are, not of their order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from simcore.jit import expose
from simcore.kernels import dmath

QUOTES_MIN, QUOTES_MAX = 1, 10
QUOTES_PER_WEIGHT = 3
NEVER_NS = -1

exp = expose(dmath.exp)


class AllocatorSettings(NamedTuple):
    """Keys of the configuration's section `portfolio`; blacklist_ns: how long a symbol must fail, and is then out."""

    temperature: float = 2.0
    weight_min: float = 0.1
    weight_max: float = 3.0
    hysteresis: float = 0.05
    blacklist_net_bps: float = -5.0
    blacklist_ns: int = 1_800_000_000_000
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()


class Rating(NamedTuple):
    """What the scoreboard says of a symbol; None: too little seen."""

    score: float | None = None
    net_bps: float | None = None


class Share(NamedTuple):
    """A symbol's part.  blocked: it may not quote.

    failing_since_ns   since when it earns too little, NEVER_NS while it does not.
    blocked_until_ns   end of its time on the automatic blacklist, NEVER_NS without one.
    """

    weight: float = 1.0
    blocked: bool = False
    failing_since_ns: int = NEVER_NS
    blocked_until_ns: int = NEVER_NS


def first_share(symbol: str, settings: AllocatorSettings) -> Share:
    """Return the share that a symbol starts with."""
    return Share(within(1.0, settings), is_excluded(symbol, settings))


def is_excluded(symbol: str, settings: AllocatorSettings) -> bool:
    """Return whether the configuration's lists keep a symbol from quoting."""
    return symbol in settings.blacklist or (bool(settings.whitelist) and symbol not in settings.whitelist)


def rebalance(
    shares: Mapping[str, Share], ratings: Mapping[str, Rating], now_ns: int, settings: AllocatorSettings
) -> dict[str, Share]:
    """Return the symbols' next shares, in the order of `shares`; ratings: one a symbol.

    A symbol that comes back from the blacklist starts at weight_min; without new fills its score is unknown, and an
    unknown score counts as the average of the known ones, so its weight climbs again.
    """
    judged = {symbol: judge(symbol, share, ratings[symbol], now_ns, settings) for symbol, share in shares.items()}
    free = [symbol for symbol, share in judged.items() if not share.blocked]
    targets = weights({symbol: ratings[symbol].score for symbol in free}, settings)
    return {
        symbol: share if share.blocked else share._replace(weight=moved(share.weight, targets[symbol], settings))
        for symbol, share in judged.items()
    }


def judge(symbol: str, share: Share, rating: Rating, now_ns: int, settings: AllocatorSettings) -> Share:
    """Return a share with what the lists and its own results say about whether it may quote."""
    if is_excluded(symbol, settings):
        return share._replace(blocked=True)
    if share.blocked_until_ns != NEVER_NS:
        if now_ns < share.blocked_until_ns:
            return share
        return Share(settings.weight_min)
    if rating.net_bps is None or rating.net_bps >= settings.blacklist_net_bps:
        return share._replace(blocked=False, failing_since_ns=NEVER_NS)
    since = now_ns if share.failing_since_ns == NEVER_NS else share.failing_since_ns
    if now_ns - since < settings.blacklist_ns:
        return share._replace(blocked=False, failing_since_ns=since)
    return Share(share.weight, True, NEVER_NS, now_ns + settings.blacklist_ns)


def weights(scores: Mapping[str, float | None], settings: AllocatorSettings) -> dict[str, float]:
    """Return each symbol's target weight; an unknown score counts as the mean of the known ones.

    Before the cut to [weight_min, weight_max] they sum to the number of symbols. fsum rounds once, so that the order of
    symbols does not matter.
    """
    known = [score for score in scores.values() if score is not None]
    middle = math.fsum(known) / len(known) if known else 0.5
    filled = {symbol: middle if score is None else score for symbol, score in scores.items()}
    best = max(filled.values(), default=0.0)
    powers = {symbol: float(exp((value - best) / settings.temperature)) for symbol, value in filled.items()}
    total = math.fsum(powers.values())
    return {symbol: within(len(filled) * power / total, settings) for symbol, power in powers.items()}


def within(weight: float, settings: AllocatorSettings) -> float:
    """Return a weight cut to its bounds."""
    return min(max(weight, settings.weight_min), settings.weight_max)


def moved(weight: float, target: float, settings: AllocatorSettings) -> float:
    """Return the next weight: the old one inside the hysteresis, else half old and half new."""
    if abs(target - weight) < settings.hysteresis:
        return weight
    return 0.5 * weight + 0.5 * target


def size_factor(weight: float) -> float:
    """Return the factor on order sizes."""
    return weight


def refresh_factor(weight: float) -> float:
    """Return the factor on the time between two refreshes of a quote, where a strategy has one."""
    return math.sqrt(weight)


def max_quotes(weight: float) -> int:
    """Return how many levels a side may be quoted."""
    return min(max(math.ceil(QUOTES_PER_WEIGHT * weight), QUOTES_MIN), QUOTES_MAX)
