"""The lines of cryptofeed's raw captures, of all files in one order.

    wss://host/path <-> 1618677785.48          a connection was opened
    wss://host/path <- 1618677786.46: {…}      what the client sent
    1618677786.79: {…}                         what it received
    https://host/path?query -> 1618677.32: {…} the answer to a REST request

Times are of the receiver, in seconds. Files are merged by them: within a file the order stays as it is.
"""

from __future__ import annotations

import heapq
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simcore.errors import ConvertError
from simcore.tape.convert.levels import decimal_seconds
from simcore.tape.convert.text_lines import lines

OPENED, SENT, RECEIVED, ANSWERED, OTHER = range(5)
_ARROWS = {"<->": OPENED, "<-": SENT, "->": ANSWERED}
_COUNTER = re.compile(r"\.\d+(\.gz|\.xz)?$")


class Line(NamedTuple):
    """A line: kind, receive time (ns), url ("" if it states none), text after the time, and where it stands.

    connection : the name of its file without the number that counts the parts of one recording.
    """

    kind: int
    local_ts: int
    url: str
    text: str
    connection: str
    path: Path
    number: int

    def message(self) -> Any:
        """Return the text as JSON. CONV-003."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as exc:
            raise self.error(f"not JSON: {exc}") from exc

    def error(self, cause: str) -> ConvertError:
        return ConvertError("CONV-003", f"{self.path}: line {self.number}: {cause}")


def merged(paths: Sequence[Path], counts: Counter[str]) -> Iterator[Line]:
    """Yield the lines of all files by receive time; at one time in the order in which the files are given."""
    return heapq.merge(*(_of_file(path, counts) for path in paths), key=lambda line: line.local_ts)


def _of_file(path: Path, counts: Counter[str]) -> Iterator[Line]:
    connection = str(path.with_name(_COUNTER.sub("", path.name)))
    last = 0
    for number, line in lines(path, counts):
        if not line.strip():
            continue
        head, _, text = line.partition(": ")
        if head[:1].isdecimal():
            kind, url, stamp = RECEIVED, "", head
        elif head == "configuration":
            kind, url, stamp = OTHER, "", ""
        else:
            url, _, rest = head.partition(" ")
            arrow, _, stamp = rest.partition(" ")
            kind = _ARROWS.get(arrow, -1)
            if kind < 0 or "://" not in url:
                raise ConvertError("CONV-003", f"{path}: line {number}: not a line of a cryptofeed capture: {line[:60]!r}")
        try:
            last = decimal_seconds(stamp) if stamp else last
        except ValueError as exc:
            raise ConvertError("CONV-003", f"{path}: line {number}: {exc}") from exc
        yield Line(kind, last, url, text, connection, path, number)
