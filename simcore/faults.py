"""Faults of a user's strategy or queue model, said as errors: they arise inside the compiled engine."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from simcore import jit
from simcore import state as states
from simcore.blame import words_of
from simcore.errors import MmsimError, StrategyError
from simcore.interrupts import is_asked
from simcore.kernels import state as st
from simcore.runner import Session

_RUNTIME = (  # what a kernel of a user can raise
    ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError,
)  # fmt: skip
_USER_FILES = ("strategy.py", "queue_custom.py")
_PLACE = re.compile(r'File "([^"]*)", line (\d+)')
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_NOISE = ("Failed in nopython", "During:", "There are", "This error may", "Overload", ">>>", "File ")


@contextmanager
def named(session: Session) -> Iterator[None]:
    """Turn what the session's strategy or queue model does wrong into a StrategyError.

    STRAT-003: it does not compile; the cause names file and line.  STRAT-004: it failed at a time, in a lane.
    The first error stays attached as its cause.
    """
    try:
        yield
    except jit.COMPILE_ERRORS as exc:
        raise StrategyError("STRAT-003", _compile_cause(str(exc), session)) from exc
    except BaseException as exc:
        if not _is_of_the_file(session, exc):
            raise
        raise StrategyError("STRAT-004", f"{session.linked.name}: {_runtime_cause(session, exc)}") from exc


def _is_of_the_file(session: Session, exc: BaseException) -> bool:
    """Return whether a kernel of the user's raised: then it is a fault of the file, be it an exit or an interrupt of its own."""
    if isinstance(exc, MmsimError) or is_asked(exc):
        return False
    own = f"/{session.linked.package}/"
    return isinstance(exc, _RUNTIME) or any(own in frame.filename for frame in traceback.extract_tb(exc.__traceback__))


def _compile_cause(text: str, session: Session) -> str:
    """Return the compiler's first sentence, and the innermost line of the user's file."""
    lines = [line.strip() for line in text.splitlines()]
    said = next((line for line in lines if line and not line.startswith(_NOISE)), "the compiler gave no reason")
    detail = next((line.removeprefix(">>> ") for line in lines if line.startswith(">>> ")), "")
    places = [(file.replace("\\", "/").rsplit("/", 1)[-1], int(line)) for file, line in _PLACE.findall(text)]
    places += _places_of_name(said, session)
    shown = dict(zip(_USER_FILES, session.linked.name.rsplit(", ", 1), strict=False))  # linked files are copies
    place = next((f"{shown[file]}, line {line}: " for file, line in places if file in shown), f"{session.linked.name}: ")
    return f"{place}{said} {detail}".strip()


def _places_of_name(said: str, session: Session) -> list[tuple[str, int]]:
    """Return the lines that hold a name which is not defined: the compiler does not say them."""
    unknown = _UNDEFINED.search(said)
    folder = Path(session.linked.strategy.__file__ or "").parent
    if unknown is None:
        return []
    word = re.compile(rf"\b{unknown[1]}\b")
    return [
        (file, number)
        for file in _USER_FILES
        for number, line in enumerate((folder / file).read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line.partition("#")[0])
    ]


def _runtime_cause(session: Session, exc: BaseException) -> str:
    """Return stage, symbol, error, time and lane, and the line where Python ran it (with the JIT off)."""
    clock = session.state.clock
    lane = states.next_lane(session.state)
    when = np.datetime64(session.now_ts, "ns")
    frames = [frame for frame in traceback.extract_tb(exc.__traceback__) if frame.filename.endswith(_USER_FILES)]
    line = f", line {frames[-1].lineno}" if frames else ""
    number = int(clock[st.STAGE])
    stage = f"stage {session.linked.stages[number - 1].name}, " if number else ""
    symbol = f"{session.symbol}, " if session.symbol else ""
    return f"{stage}{symbol}{words_of(exc)}{line}; at {when} UTC, lane {lane}"
