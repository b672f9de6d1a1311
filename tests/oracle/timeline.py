"""The events of a run as one line in time, with a hash after every event."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from simcore import records as r
from tests.oracle.engine import ACCOUNT_DUE, MARKOUT_DUE, REPORT_AT_NODE, REQUEST_AT_VENUE, ROW_AT_VENUE, TIMER
from tests.oracle.messages import Fill, Markout, Report, Request, Sample

# In the order in which one event of the engine writes them: requests of a tick before its sample.
STREAMS = {"requests": Request, "reports": Report, "fills": Fill, "markouts": Markout, "samples": Sample}
DTYPES = {"requests": r.REQUEST, "reports": r.REPORT, "fills": r.FILL, "markouts": r.MARKOUT, "samples": r.SAMPLE}
HASH_SIZE = 8


@dataclass(frozen=True)
class Difference:
    """The first event that two runs do not share; None where a run has no more."""

    stream: str
    index: int
    engine: Any
    oracle: Any


class Timeline:
    """Rows of several streams, merged by time, class, stream and place in the stream."""

    def __init__(self, streams: Mapping[str, Any]) -> None:
        self.streams = {name: _array(name, streams[name]) for name in STREAMS if name in streams}
        names = list(self.streams)
        times = [_times_and_classes(name, rows) for name, rows in self.streams.items()]
        sizes = [len(rows) for rows in self.streams.values()]
        stream = np.repeat(np.arange(len(sizes)), sizes)
        place = np.concatenate([np.arange(size) for size in sizes])
        order = np.lexsort((place, stream, *(np.concatenate(part) for part in reversed(list(zip(*times, strict=True))))))
        self.at = [(names[s], i) for s, i in zip(stream[order].tolist(), place[order].tolist(), strict=True)]

    def __len__(self) -> int:
        return len(self.at)

    def hashes(self) -> list[bytes]:
        """Return the hash of all events up to and including each one."""
        data = {name: rows.tobytes() for name, rows in self.streams.items()}
        size = {name: rows.dtype.itemsize for name, rows in self.streams.items()}
        chain, found = hashlib.blake2b(digest_size=HASH_SIZE), []
        for name, i in self.at:
            chain.update(name.encode())
            chain.update(data[name][i * size[name] : (i + 1) * size[name]])
            found.append(chain.digest())
        return found

    def event(self, position: int) -> tuple[str, int, Any]:
        """Return stream, place in it, and message of an event; ("", -1, None) beyond the end."""
        if position >= len(self.at):
            return "", -1, None
        name, i = self.at[position]
        return name, i, STREAMS[name](*self.streams[name][i].item())


def difference(engine: Timeline, oracle: Timeline) -> Difference | None:
    """Return where the hashes of two runs part."""
    for position, (mine, theirs) in enumerate(zip_longest(engine.hashes(), oracle.hashes())):
        if mine != theirs:
            (stream, index, found), (other, at, expected) = engine.event(position), oracle.event(position)
            return Difference(stream or other, max(index, at), found, expected)
    return None


def _array(name: str, rows: Any) -> Any:
    if isinstance(rows, np.ndarray):
        return np.asarray(rows, DTYPES[name])
    return np.array([tuple(row) for row in rows], DTYPES[name])


def _times_and_classes(name: str, rows: Any) -> tuple[Sequence[int], Sequence[int]]:
    """Return time and class of the events that wrote the rows (docs/semantics.md section 1)."""
    if name == "fills":
        of_request = np.where(rows["reason"] == r.FILL_TAKE, REQUEST_AT_VENUE, ROW_AT_VENUE)
        return rows["exch_ts"], np.where(rows["reason"] == r.FILL_LIQUIDATION, ACCOUNT_DUE, of_request)
    if name == "markouts":
        return rows["exch_ts"], np.full(len(rows), MARKOUT_DUE)
    return rows["ts"], np.full(len(rows), REPORT_AT_NODE if name == "reports" else TIMER)
