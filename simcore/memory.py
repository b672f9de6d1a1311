"""How much memory a run may take: half of what this process can have, and what to say when it is not enough.

numpy promises memory that the system does not have, and a process that then uses it is killed without a word. So what
a run would take is worked out before, and refused with a code.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from simcore.errors import EngineError

MB = 1_000_000
SHARE_WORDS = "half of the memory that this process can have"
_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def limit_bytes() -> int:
    """Return how many bytes the engine may hold: half of the least of machine, container and process limits (ulimit -v)."""
    return min(_machine_bytes(), *_process_limits(), *_container_limits()) // 2


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _process_limits() -> list[int]:
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    return [limit for limit in limits if limit != resource.RLIM_INFINITY]


@cache
def _container_limits() -> tuple[int, ...]:
    """Return the memory limits of the container, if there are any that can be read."""
    limits = []
    for name in _CGROUP_FILES:
        try:
            limits.append(int(Path(name).read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return tuple(limits)


@contextmanager
def spared() -> Iterator[None]:
    """Say it with a code, ENG-008, when memory runs out."""
    try:
        yield
    except MemoryError as exc:
        raise EngineError("ENG-008", str(exc) or "an allocation failed") from exc
