"""Damage: one bit of a file, at places that a seed chooses."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simcore.errors import MmsimError

REFUSED = "refused"


def places(path: Path, count: int, seed: int = 1) -> list[int]:
    """Return bits of a file, each at most once: half of them anywhere, half near its ends, where formats keep what is where."""
    bits = 8 * path.stat().st_size
    chance = random.Random(f"{seed} {path.name}")
    ends = [*range(min(bits, 1600)), *range(max(bits - 8000, 0), bits)]
    found = {chance.randrange(bits) for _ in range(count // 2)} | {chance.choice(ends) for _ in range(count - count // 2)}
    return sorted(found)


@contextmanager
def flipped(path: Path, bit: int) -> Iterator[None]:
    """Flip a bit of a file, and flip it back."""
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)
    try:
        yield
    finally:
        path.write_bytes(whole)


def outcome(read: Callable[[], Any]) -> Any:
    """Return what a reader gives, or REFUSED where it refuses with a code; anything else that it raises goes on."""
    try:
        return read()
    except MmsimError:
        return REFUSED
