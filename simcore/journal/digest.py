"""The digest of a run: SHA-256 over its requests, fills and ledger samples as canonical bytes."""

from __future__ import annotations

import hashlib

from simcore.records import Record

DIGESTED = ("requests", "fills", "samples")


class Digest:
    """A running digest; rows may come in pieces of any size.

    Canonical bytes of a row: its record, little-endian, with lane 0 (so that a lane's digest equals the single
    run's). The digest is SHA-256 over the three streams' SHA-256 digests, in the order of DIGESTED.
    """

    def __init__(self) -> None:
        self._streams = {name: hashlib.sha256() for name in DIGESTED}

    def add(self, stream: str, rows: Record) -> None:
        """Take the next rows of a stream; streams that are not digested are ignored."""
        if stream not in self._streams or not len(rows):
            return
        if rows["lane"].any():
            rows = rows.copy()
            rows["lane"] = 0
        self._streams[stream].update(rows.tobytes())

    def hex(self) -> str:
        """Return the digest of all rows so far."""
        return hashlib.sha256(b"".join(self._streams[name].digest() for name in DIGESTED)).hexdigest()
