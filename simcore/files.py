"""Files that are there whole or not at all: write beside, fsync, rename.

An interrupt (Ctrl-C, SIGTERM) can come between any two steps of Python. So a temporary file is on a list from before
it exists until it is moved or removed, and what is still on the list when the process ends is removed then.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import glob
import hashlib
import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path

_SUFFIX = ".part"
_VENUE = re.compile(r"(?!synth$)[a-z0-9][a-z0-9_.]*|SYNTH")  # no hyphen: the first one ends it
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9_.-]*")
_NAME_MAX = 80

_unfinished: dict[Path, int] = {}  # temporary file -> the process that writes it: a fork must not remove its parent's


def write_atomic(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file in path's folder, then move it to path; on error nothing is left behind."""
    temporary = begin(path)
    try:
        write(temporary)
        publish(temporary, path)
    finally:
        discard(temporary)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, UTF-8."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_atomic(path, write)


def instrument_name(venue: str, symbol: str) -> str:
    """Return the name of an instrument in names of files: `binance_usdm-btcusdt`. No two instruments share one, nor differ by case only.

    What is not spelled as most are (venues in small letters, symbols in capitals) is told apart by a hash: `okx-btc-usdt~1f0c9a5b2e`.
    """
    return _named(f"{venue}-{symbol}", bool(_VENUE.fullmatch(venue) and _SYMBOL.fullmatch(symbol)), f"{venue}\0{symbol}")


def symbol_name(symbol: str) -> str:
    """Return the name of a symbol in names of files, as `instrument_name` does for instruments: `btcusdt`."""
    return _named(symbol, bool(_SYMBOL.fullmatch(symbol)), symbol)


def _named(text: str, is_plain: bool, identity: str) -> str:
    if is_plain and len(text) <= _NAME_MAX:
        return text.lower()
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{re.sub(r'[^a-z0-9_.]+', '-', text.lower())[:_NAME_MAX].strip('-.')}~{digest}"


def begin(path: Path) -> Path:
    """Make an empty temporary file beside path; return its name, to be given to `publish` or `discard`.

    The name is `.<name>.<process>-<number>.part`. Folders are made where they are missing. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # to move a file over /dev/null would take it away from everybody
        raise OSError(errno.EEXIST, "there is something that is no ordinary file", str(path))
    for number in itertools.count():
        temporary = path.absolute().with_name(f".{path.name}.{os.getpid()}-{number}{_SUFFIX}")
        _unfinished[temporary] = os.getpid()
        try:
            temporary.open("xb").close()
        except FileExistsError:  # another thread's; or a killed process had our number
            del _unfinished[temporary]
        except OSError:
            del _unfinished[temporary]
            raise
        else:
            return temporary
    raise AssertionError("itertools.count() ended")


def publish(temporary: Path, path: Path) -> None:
    """Make a temporary file durable and move it to path. Raises OSError; the temporary file is then still there."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    _unfinished.pop(temporary, None)
    _sync_folder(path.parent)


def discard(temporary: Path) -> None:
    """Remove a temporary file, if it is still there."""
    temporary.unlink(missing_ok=True)
    _unfinished.pop(temporary, None)


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files for this path that killed processes left behind."""
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*{_SUFFIX}"):
        owner = temporary.name[len(path.name) + 2 : -len(_SUFFIX)].partition("-")[0]
        if owner.isdecimal() and not _is_running(int(owner)):
            temporary.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@atexit.register
def remove_unfinished() -> None:
    """Remove what this process has begun to write and not finished."""
    for temporary, owner in list(_unfinished.items()):
        if owner == os.getpid():
            with contextlib.suppress(OSError):
                discard(temporary)
