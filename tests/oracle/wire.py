"""The wire of semantics section 3: latency by kind, order kept in each direction."""

from __future__ import annotations

from collections.abc import Callable

RESPONSE = 4  # beside the four request kinds

Latency = Callable[[int, int], int]  # (kind, time sent) -> ns


def constant(place: int, amend: int, cancel: int, cancel_all: int, response: int) -> Latency:
    """Return a latency that depends on the kind only, in ns."""
    by_kind = (place, amend, cancel, cancel_all, response)
    return lambda kind, _: by_kind[kind]


class Wire:
    """One connection of one lane."""

    def __init__(self, latency: Latency) -> None:
        self.latency = latency
        self.last_request = 0
        self.last_report = 0

    def request_arrives(self, kind: int, sent: int) -> int:
        self.last_request = max(sent + self.latency(kind, sent), self.last_request)
        return self.last_request

    def report_arrives(self, made: int) -> int:
        self.last_report = max(made + max(self.latency(RESPONSE, made), 1), self.last_report)
        return self.last_report
