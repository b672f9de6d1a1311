"""Arguments of public functions: the wrong kind of value is refused with CONF-014, not with a traceback from inside.

    @public(out=optional(PATH), jobs=optional(whole(1)))
    def replay(tapes, out=None, *, jobs=None): …

A check is called with the value and raises ValueError with what was expected. What checks do not say stays the
function's own to refuse.
"""

from __future__ import annotations

import inspect
import math
import operator
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


def each(check: Check) -> Check:
    """Return a check for lists and tuples whose values each pass a check."""

    def checked(value: Any) -> None:
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
            raise ValueError("a list")  # noqa: TRY004  a check says ValueError
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


def pair(check: Check) -> Check:
    """Return a check for lists and tuples of two values."""
    inner = each(check)

    def checked(value: Any) -> None:
        inner(value)
        if len(value) != 2:
            raise ValueError("a pair")

    return checked


def record(name: str, words: str, **checks: Check) -> Check:
    """Return a check for values of a class by its name, whose fields pass checks of their own."""
    right_class = made_by(name, words)

    def checked(value: Any) -> None:
        right_class(value)
        for field, check in checks.items():
            try:
                check(getattr(value, field))
            except ValueError as exc:
                raise ValueError(f"{field} to be {exc}") from exc

    return checked


def mapping(check: Check) -> Check:
    """Return a check for mappings of text to values that pass a check."""

    def checked(value: Any) -> None:
        _keys(value)
        for item in value.values():
            check(item)

    return checked


def whole(lo: int, hi: int = (1 << 63) - 1) -> Check:
    """Return a check for whole numbers from lo to hi, also numpy's."""

    def checked(value: Any) -> None:
        try:
            is_right = not isinstance(value, bool) and lo <= operator.index(value) <= hi
        except TypeError:
            is_right = False
        if not is_right:
            raise ValueError(
                f"a whole number from {lo} to {hi}" if hi < (1 << 63) - 1 else f"a whole number, {lo} or more"
            )

    return checked


def number(lo: float, hi: float) -> Check:
    """Return a check for finite numbers from lo to hi, also numpy's."""

    def checked(value: Any) -> None:
        try:
            _real(value)
            found = float(value)
        except (ValueError, OverflowError, TypeError):
            found = math.nan
        if not lo <= found <= hi:
            raise ValueError(f"a number from {lo:g} to {hi:g}")

    return checked


def one_of(*words: str) -> Check:
    """Return a check for one of several words."""

    def checked(value: Any) -> None:
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"one of {', '.join(words)}")

    return checked


def _real(value: Any) -> None:
    if isinstance(value, (bool, str)) or not hasattr(value, "__float__") or getattr(value, "ndim", 0) != 0:
        raise ValueError("a number")


def _tape(value: Any) -> None:
    if isinstance(value, type) or not all(hasattr(value, name) for name in ("instrument", "chunks")):
        raise ValueError("a Tape")


def _path(value: Any) -> None:
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else b""
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError("a path (text that is not empty, without NUL, or a Path)")
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
NUMBER: Check = _real
TAPE: Check = _tape
TAPES: Check = either(TAPE, PATH, each(either(TAPE, PATH)))
CONFIG: Check = made_by("Config", "a Config (`make_config`)")


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number of more digits than Python shows; a list in itself
        text = f"a {type(value).__name__}"
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return f"{text} ({type(value).__name__})"
