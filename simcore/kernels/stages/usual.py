"""What is usual for an instrument: a slow level of a signal, and how far the signal strays from it."""

from __future__ import annotations

from typing import NamedTuple

from simcore.jit import kernel

OUTLIER = 5.0  # deviations: a value farther away counts as one that is so far
LOOK_NS = 1e9  # a look at a signal stands for at most a second: what it was in a long silence is not known
DEVIATION_MIN = 0.02  # share of the level: a signal that hardly moves has no outliers either


class Usual(NamedTuple):
    """level: moving mean; deviation: moving mean of |value - level|; learned_ns: time that they rest on, at most the history."""

    level: float = 0.0
    deviation: float = 0.0
    learned_ns: float = 0.0


@kernel
def learn(usual: Usual, value: float, passed_ns: float, history_ns: float) -> Usual:
    """Return what is usual after a look at a signal, passed_ns after the last look.

    The means are plain averages over time until history_ns has passed, and moving ones with the weight passed_ns / history_ns
    from then on. So that one wild moment does not make the next one usual, a value counts as at most OUTLIER deviations away.
    """
    if passed_ns <= 0.0:
        return usual
    passed_ns = min(passed_ns, LOOK_NS)
    learned_ns = min(usual.learned_ns + passed_ns, max(history_ns, passed_ns))
    weight = passed_ns / learned_ns
    away = value - usual.level
    if usual.learned_ns > 0.0 and usual.deviation > 0.0:
        limit = OUTLIER * max(usual.deviation, DEVIATION_MIN * abs(usual.level))
        away = min(max(away, -limit), limit)
    strayed = abs(away) if usual.learned_ns > 0.0 else 0.0
    return Usual(usual.level + weight * away, usual.deviation + weight * (strayed - usual.deviation), learned_ns)


@kernel
def deviations(usual: Usual, value: float, warmup_ns: float) -> float:
    """Return how many deviations a value lies above its usual level; 0 before warmup_ns have been learned."""
    unit = max(usual.deviation, DEVIATION_MIN * abs(usual.level))
    if usual.learned_ns < warmup_ns or unit <= 0.0:
        return 0.0
    return (value - usual.level) / unit
