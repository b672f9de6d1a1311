"""Files that a user names: paths that can be paths, and reading that neither waits nor grows without end.

A pipe, a terminal or a device is refused: opening one may wait for ever, and reading one may never end.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from simcore.errors import ConfigError, MmsimError

TEXT_BYTES_MAX = 1 << 26  # of a text or JSON file: 64 MiB
_NAME_SHOWN = 200

_KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)  # fmt: skip


def read_bytes(path: Path, kind: type[MmsimError], code: str, limit: int = TEXT_BYTES_MAX) -> bytes:
    """Return what a file holds; `code` if it cannot be read, is no ordinary file, or holds more than `limit` bytes."""
    check_file(path, kind, code)
    try:
        # The check above is not enough: between it and here the name may come to mean a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            data = file.read(limit + 1)
    except OSError as exc:
        raise kind(code, f"{shown(path)}: {exc.strerror or exc}") from exc
    if len(data) > limit:
        raise kind(code, f"{shown(path)}: more than {limit} bytes")
    return data


def read_text(path: Path, kind: type[MmsimError], code: str, limit: int = TEXT_BYTES_MAX) -> str:
    """Return the UTF-8 text that a file holds; `code` as `read_bytes`, or if it is no text."""
    try:
        return read_bytes(path, kind, code, limit).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise kind(code, f"{shown(path)}: not UTF-8 text (byte {exc.start})") from exc


def check_file(path: Path, kind: type[MmsimError], code: str) -> None:
    """Refuse what is no ordinary file, for readers that open the path themselves."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as exc:
        raise kind(code, f"{shown(path)}: no such file") from exc
    except OSError as exc:
        raise kind(code, f"{shown(path)}: {exc.strerror or exc}") from exc
    except ValueError as exc:  # a NUL inside
        raise kind(code, f"{shown(path)}: {exc}") from exc
    if not stat.S_ISREG(mode):
        raise kind(code, f"{shown(path)}: {kind_of(mode)}; expected a file")


def is_folder(path: Path, kind: type[MmsimError], code: str) -> bool:
    """Return whether a path means a folder, or another thing that is there; `code` if that cannot be found out."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError as exc:
        raise kind(code, f"{shown(path)}: no such file or folder") from exc
    except (OSError, ValueError) as exc:
        raise kind(code, f"{shown(path)}: {getattr(exc, 'strerror', None) or exc}") from exc


def real(path: Path) -> Path:
    """Return where a path leads in the end; unlike `Path.resolve` also where links lead in circles."""
    return Path(os.path.realpath(path))


def kind_of(mode: int) -> str:
    """Return words for what a mode of `stat` means."""
    return next((words for test, words in _KINDS if test(mode)), "no ordinary file")


def expanded(text: str) -> Path:
    """Return the path that a text means, `~` and `~user` as home folders. CONF-015 if it cannot be one."""
    if "\0" in text:
        raise ConfigError("CONF-015", f"{shown(text)}: a NUL inside")
    try:
        os.fsencode(text)
        return Path(text).expanduser()
    except UnicodeEncodeError as exc:
        raise ConfigError("CONF-015", f"{shown(text)}: {exc.reason}") from exc
    except RuntimeError as exc:  # no such user, or a user without a home folder
        raise ConfigError("CONF-015", f"{shown(text)}: {exc}") from exc


def shown(path: Path | str) -> str:
    """Return a path for a sentence, cut where it is long."""
    text = str(path)
    return text if len(text) <= _NAME_SHOWN else f"{text[:_NAME_SHOWN]}…"
