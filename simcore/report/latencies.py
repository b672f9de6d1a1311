"""How long requests took: to the exchange, and back as answers."""

from __future__ import annotations

import numpy as np

from simcore.records import (
    ACKED,
    AMEND,
    AMEND_REFUSED,
    AMENDED,
    BY_REQUEST,
    CANCEL,
    CANCEL_REFUSED,
    CONTROL,
    ENDED,
    PLACE,
    REFUSED,
    IntArray,
    Record,
)

# Kind of request -> the reports that answer it; an end answers a cancel only if it was asked for.
_ANSWERS = {PLACE: (ACKED, REFUSED), AMEND: (AMENDED, AMEND_REFUSED), CANCEL: (ENDED, CANCEL_REFUSED)}
_LEGS = {PLACE: "place", AMEND: "amend", CANCEL: "cancel"}


def latencies_ns(requests: Record, reports: Record) -> dict[str, IntArray]:
    """Return times by component, ns: `place`, `amend`, `cancel` to the exchange, `response` of all reports but the allocator's, `round_trip`.

    The k-th answer of a kind to an order belongs to its k-th request of that kind: each request has one answer, in order.
    """
    found: dict[str, IntArray] = {}
    trips = []
    for kind, kinds in _ANSWERS.items():
        sent = requests[requests["kind"] == kind]
        heard = reports[
            np.isin(reports["kind"], kinds) & ((reports["kind"] != ENDED) | (reports["reason"] == BY_REQUEST))
        ]
        sent, heard = _paired(sent, heard)
        found[_LEGS[kind]] = heard["exch_ts"] - sent["ts"]
        trips.append(heard["ts"] - sent["ts"])
    answers = reports[reports["kind"] != CONTROL]
    found["response"] = answers["ts"] - answers["exch_ts"]
    found["round_trip"] = np.concatenate(trips)
    return found


def _paired(sent: Record, heard: Record) -> tuple[Record, Record]:
    """Return the requests that have an answer, and their answers; both sorted by order."""
    sent, heard = (rows[np.lexsort((rows["seq"], rows["ts"], rows["order_id"]))] for rows in (sent, heard))
    places = np.searchsorted(heard["order_id"], sent["order_id"], side="left") + _ranks(sent["order_id"])
    inside = places < len(heard)
    inside[inside] = heard["order_id"][places[inside]] == sent["order_id"][inside]
    inside[inside] = heard["exch_ts"][places[inside]] >= sent["ts"][inside]
    return sent[inside], heard[places[inside]]


def _ranks(sorted_ids: IntArray) -> IntArray:
    """Return each row's number among the rows of its id, from 0."""
    starts = np.searchsorted(sorted_ids, sorted_ids, side="left")
    return np.arange(len(sorted_ids)) - starts
