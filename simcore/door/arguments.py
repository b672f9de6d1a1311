"""Arguments of public functions: the wrong kind of value is refused with CONF-014, not with a traceback from inside.

    @public(out=optional(PATH), jobs=optional(whole(1)))
    def replay(tapes, out=None, *, jobs=None): …

A check is called with the value and raises ValueError with what was expected. What checks do not say stays the
function's own to refuse.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from simcore.door.resources import refused
from simcore.errors import ConfigError

P = ParamSpec("P")
R = TypeVar("R")
Check = Callable[[Any], None]


def public(**checks: Check) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for a public function: its arguments are checked, and what resources raise becomes a code."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        unknown = checks.keys() - signature.parameters.keys()
        assert not unknown, f"{function.__qualname__} has no argument {unknown}"
        name = function.__qualname__.removesuffix(".__init__")

        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                given = signature.bind(*args, **kwargs).arguments
            except TypeError as exc:
                raise ConfigError("CONF-014", f"{name}: {exc}") from exc
            for argument, value in given.items():
                if argument in checks:
                    _check(name, argument, value, checks[argument])
            with refused():
                return function(*args, **kwargs)

        return checked

    return decorate


def _check(function: str, argument: str, value: Any, check: Check) -> None:
    try:
        check(value)
    except ValueError as exc:
        raise ConfigError("CONF-014", f"{function}: {argument} is {_shown(value)}; expected {exc}") from exc


def optional(check: Check) -> Check:
    """Return a check that takes None, too."""

    def checked(value: Any) -> None:
        if value is not None:
            check(value)

    return checked


def either(*checks: Check) -> Check:
    """Return a check that one of several must pass."""

    def checked(value: Any) -> None:
        words = []
        for check in checks:
            try:
                return check(value)
            except ValueError as exc:
                words.append(str(exc))
        raise ValueError(" or ".join(words))

    return checked


def each(check: Check, least: int = 0) -> Check:
    """Return a check for lists and tuples of so many values or more, each of which passes a check."""

    def checked(value: Any) -> None:
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
            raise ValueError("a list")  # noqa: TRY004  a check says ValueError
        if len(value) < least:
            raise ValueError(f"at least {least}")
        for item in value:
            try:
                check(item)
            except ValueError as exc:
                raise ValueError(f"a list of {exc}; found {_shown(item)} in it") from exc

    return checked


def a(kind: type | tuple[type, ...], words: str) -> Check:
    """Return a check for values of a type."""

    def checked(value: Any) -> None:
        if not isinstance(value, kind):
            raise ValueError(words)  # noqa: TRY004  a check says ValueError

    return checked


def made_by(name: str, words: str) -> Check:
    """Return a check for values of a class of mmsim by its name, so that asking does not import it."""

    def checked(value: Any) -> None:
        if name not in {kind.__qualname__ for kind in type(value).__mro__}:
            raise ValueError(words)

    return checked


def whole(lo: int, hi: int = (1 << 63) - 1) -> Check:
    """Return a check for whole numbers from lo to hi, also numpy's."""

    def checked(value: Any) -> None:
        if isinstance(value, bool) or not hasattr(value, "__index__") or not lo <= int(value) <= hi:
            raise ValueError(f"a whole number from {lo} to {hi}" if hi < (1 << 63) - 1 else f"a whole number, {lo} or more")

    return checked


def number(lo: float, hi: float) -> Check:
    """Return a check for finite numbers from lo to hi, also numpy's."""

    def checked(value: Any) -> None:
        if isinstance(value, (bool, str)) or not (hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0):
            raise ValueError(f"a number from {lo:g} to {hi:g}")  # noqa: TRY004  a check says ValueError
        if not (math.isfinite(value) and lo <= value <= hi):
            raise ValueError(f"a number from {lo:g} to {hi:g}")

    return checked


def one_of(*words: str) -> Check:
    """Return a check for one of several words."""

    def checked(value: Any) -> None:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"one of {', '.join(words)}")

    return checked


def _path(value: Any) -> None:
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else b""
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError("a path (text that is not empty, without NUL, or a Path)")  # noqa: TRY004
    try:
        os.fsencode(text)
    except UnicodeEncodeError as exc:
        raise ValueError("a path of characters that a file's name can hold") from exc


def _callable(value: Any) -> None:
    if not callable(value):
        raise ValueError("a function")  # noqa: TRY004  a check says ValueError


def _keys(value: Any) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError("a mapping of keys")


PATH: Check = _path
TEXT: Check = a(str, "text")
FLAG: Check = a(bool, "True or False")
CALLABLE: Check = _callable
KEYS: Check = _keys
TAPE: Check = made_by("Tape", "a Tape")
TAPES: Check = either(TAPE, PATH, each(either(TAPE, PATH), 1))
CONFIG: Check = made_by("Config", "a Config (`make_config`)")


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more digits than Python shows; a list in itself
        text = f"a {type(value).__name__}"
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return f"{text} ({type(value).__name__})"
