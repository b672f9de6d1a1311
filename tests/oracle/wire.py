"""The wire of semantics section 3: latency by kind, order kept in each direction."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simcore import rng
from simcore.jit import expose
from simcore.kernels import dmath

RESPONSE = 4  # beside the four request kinds
PLACE_LEG, AMEND_LEG, CANCEL_LEG, RESPONSE_LEG = range(4)
LEG_OF_KIND = (PLACE_LEG, AMEND_LEG, CANCEL_LEG, CANCEL_LEG, RESPONSE_LEG)

# The same draws and bits as the engine's: tests/kernels holds these three to their sources.
uniform, exp, normal_quantile = expose(rng.draw), expose(dmath.exp), expose(dmath.normal_quantile)


@dataclass
class Traffic:
    """What a latency may depend on beside kind and time."""

    start_ts: int = 0
    draws: int = 0  # random draws of the lane so far
    feed_at_venue: int = 0  # local time - exchange time of the last row that the Venue saw, ns
    feed_at_node: int = 0  # the same at the Node


Latency = Callable[[int, int, Traffic], int]  # (kind, time sent, traffic) -> ns


def constant(place: int, amend: int, cancel: int, cancel_all: int, response: int) -> Latency:
    """Return a latency that depends on the kind only, in ns."""
    by_kind = (place, amend, cancel, cancel_all, response)
    return lambda kind, _time, _traffic: by_kind[kind]


@dataclass(frozen=True)
class Leg:
    """The latency of one kind of message. ns: the constant, the median, or what is added; least_ns: a floor."""

    model: str  # constant, lognormal, feed, interpolated, sampled
    ns: int
    scale: float = 1.0
    least_ns: int = 0
    times: Sequence[int] = ()  # recorded: ns since the start of the run
    values: Sequence[int] = ()

    def latency(self, leg: int, sent: int, seed: int, instrument: int, traffic: Traffic) -> int:
        """Return the latency of a message; random models take the lane's next draw, keyed by instrument and leg."""
        return max(self._modelled(leg, sent, seed, instrument, traffic), self.least_ns)

    def _modelled(self, leg: int, sent: int, seed: int, instrument: int, traffic: Traffic) -> int:
        if self.model == "constant":
            return self.ns
        if self.model == "feed":
            seen = traffic.feed_at_venue if leg == RESPONSE_LEG else traffic.feed_at_node
            return self.ns + int(self.scale * seen)
        if self.model == "interpolated":
            return self.ns + self._interpolated(sent - traffic.start_ts)
        u = uniform(seed, 4 * instrument + leg, traffic.draws)
        traffic.draws += 1
        if self.model == "lognormal":
            return int(self.ns * exp(self.scale * normal_quantile(u)))
        return self.ns + self.values[int(u * len(self.values))]

    def _interpolated(self, time: int) -> int:
        after = bisect_right(self.times, time)
        if after == 0 or after == len(self.times):
            return self.values[max(after - 1, 0)]
        before = after - 1
        share = float(time - self.times[before]) / float(self.times[after] - self.times[before])
        return self.values[before] + int(share * (self.values[after] - self.values[before]))


@dataclass(frozen=True)
class Modelled:
    """The latency of four legs: place, amend, cancel (also cancel-all) and response."""

    legs: Sequence[Leg]
    seed: int
    instrument: int = 0  # key of its draws

    def __call__(self, kind: int, sent: int, traffic: Traffic) -> int:
        leg = LEG_OF_KIND[kind]
        return self.legs[leg].latency(leg, sent, self.seed, self.instrument, traffic)


class Wire:
    """One connection of one lane."""

    def __init__(self, latency: Latency) -> None:
        self.latency = latency
        self.traffic = Traffic()
        self.last_request = 0
        self.last_report = 0
        self.batch: tuple[int, int] | None = None  # when the last batch was sent, when it arrives

    def request_arrives(self, kind: int, sent: int, batched: bool = False) -> int:
        if batched and self.batch is not None and self.batch[0] == sent:
            arrival = self.batch[1]
        else:
            arrival = sent + max(self.latency(kind, sent, self.traffic), 0)
        self.last_request = max(arrival, self.last_request)
        if batched:
            self.batch = sent, self.last_request
        return self.last_request

    def report_arrives(self, made: int) -> int:
        latency = max(self.latency(RESPONSE, made, self.traffic), 1)
        self.last_report = max(made + latency, self.last_report)
        return self.last_report
