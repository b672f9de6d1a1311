"""JSON from outside: within a size, a depth and the range of numbers, or refused with a code.

Python's own reader takes NaN, numbers beyond every range, halves of characters, and a depth at which later code fails.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from simcore.door.files import TEXT_BYTES_MAX, read_text, shown
from simcore.errors import MmsimError

DEPTH_MAX = 32
DIGITS_MAX = 40
_HALF = re.compile("[\ud800-\udfff]")


def read_json(path: Path, kind: type[MmsimError], code: str) -> dict[str, Any]:
    """Return the JSON object that a file holds; `code` if it cannot be read, or holds none."""
    tree = parse_json(read_text(path, kind, code), shown(path), kind, code)
    if not isinstance(tree, dict):
        raise kind(code, f"{shown(path)}: found {type(tree).__name__}, expected an object")
    return tree


def parse_json(text: str | bytes, where: str, kind: type[MmsimError], code: str, limit: int = TEXT_BYTES_MAX) -> Any:
    """Return what a JSON text holds; `code` if it is none, or beyond the limits of this file."""
    if len(text) > limit:
        raise kind(code, f"{where}: {len(text)} bytes of JSON, expected at most {limit}")
    try:
        tree = json.loads(text, parse_constant=_refuse_constant, parse_int=_whole, parse_float=_number)
    except RecursionError as exc:
        raise kind(code, f"{where}: JSON nested more than {DEPTH_MAX} deep") from exc
    except ValueError as exc:  # no JSON, or no UTF-8
        raise kind(code, f"{where}: not JSON: {exc}") from exc
    trouble = _trouble(tree)
    if trouble:
        raise kind(code, f"{where}: {trouble}")
    return tree


def _trouble(tree: Any) -> str:
    """Say what makes a tree unfit; level by level, since a deep one would exhaust recursion."""
    level = [tree]
    for _ in range(DEPTH_MAX + 1):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str) and _HALF.search(value):
                return f"text {ascii(value)[:60]} holds half a character (a lone surrogate)"
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
        if not below:
            return ""
        level = below
    return f"JSON nested more than {DEPTH_MAX} deep"


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _whole(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:60]} is beyond the range of numbers")
    return value
