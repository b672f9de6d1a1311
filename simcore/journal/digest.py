"""The digest of a run: SHA-256 over its requests, fills and ledger samples as canonical bytes."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from simcore.records import Record

DIGESTED = ("requests", "fills", "samples")


class Digest:
    """A running digest; rows may come in pieces of any size.

    Canonical bytes of a row: its record, little-endian, with lane 0 (so that a lane's digest equals the single
    run's). The digest is SHA-256 over the three streams' SHA-256 digests, in the order of DIGESTED.
    A thread of its own computes it, in the order of `add`: hashing takes about a tenth of the time of a replay.
    """

    def __init__(self) -> None:
        self._streams = {name: hashlib.sha256() for name in DIGESTED}
        self._thread = ThreadPoolExecutor(1, "digest")
        self._jobs: deque[Future[None]] = deque()

    def add(self, stream: str, rows: Record) -> None:
        """Take the next rows of a stream, which nobody may change later; streams that are not digested are ignored."""
        if stream not in self._streams or not len(rows):
            return
        while self._jobs and self._jobs[0].done():
            self._jobs.popleft().result()
        self._jobs.append(self._thread.submit(self._take, stream, rows))

    def hex(self) -> str:
        """Return the digest of all rows so far."""
        while self._jobs:
            self._jobs.popleft().result()
        return hashlib.sha256(b"".join(self._streams[name].digest() for name in DIGESTED)).hexdigest()

    def _take(self, stream: str, rows: Record) -> None:
        if rows["lane"].any():
            rows = rows.copy()
            rows["lane"] = 0
        self._streams[stream].update(np.ascontiguousarray(rows).view(np.uint8).data)
