"""What all converters ask of the files of a source: that they are given in time order."""

from __future__ import annotations

from pathlib import Path

from simcore.errors import ConvertError


class FileOrder:
    """Refuses a file that begins before the one before it ended: played so, the book would go back in time."""

    def __init__(self) -> None:
        self._last: tuple[Path | str, int] | None = None

    def check(self, file: Path | str, first_ts: int, last_ts: int) -> None:
        """Take the next file, its first and last time in ns. CONV-011."""
        if self._last is not None and first_ts < self._last[1]:
            raise ConvertError("CONV-011", f"{file} begins at {first_ts} ns, before the end {self._last[1]} ns of {self._last[0]}")
        self._last = (file, last_ts)
