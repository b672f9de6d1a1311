"""What a user's code raises, whatever it is, said as a StrategyError that names its line."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from simcore.errors import MmsimError, StrategyError
from simcore.interrupts import is_asked


class Blame:
    """Turn what the code of a file raises, be it an exit or an interrupt of its own, into a StrategyError.

    where: gives what stands before and after the error in the cause. Ctrl-C, and errors that have a code, pass.
    """

    def __init__(self, code: str, path: Path, where: Callable[[], tuple[str, str]]) -> None:
        self._code, self._path, self._where = code, path, where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        if exc is None or isinstance(exc, MmsimError) or is_asked(exc):
            return
        lines = [frame.lineno for frame in traceback.extract_tb(trace) if frame.filename == str(self._path)]
        if isinstance(exc, SyntaxError) and exc.filename == str(self._path):
            lines.append(exc.lineno)
        line = f", line {lines[-1]}" if lines else ""
        before, after = self._where()
        raise StrategyError(self._code, f"{before}{words_of(exc)}{line}{after}") from exc


def words_of(exc: BaseException) -> str:
    """Return class and message of an exception; a message that cannot be made, since the class is the user's, is left out."""
    try:
        said = str(exc)
    except BaseException as failed:
        if is_asked(failed):
            raise
        said = "it has no message"
    return f"{type(exc).__name__}: {said}" if said else type(exc).__name__
