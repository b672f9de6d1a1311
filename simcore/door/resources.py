"""What the machine refuses becomes a code: memory, files, depth, text that no encoding holds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from simcore.errors import OutputError


@contextmanager
def refused() -> Iterator[None]:
    """Turn what a resource raises into OUT-002 (file), OUT-003 (memory) or OUT-004 (depth, text).

    Only for the boundary, where nobody nearer knows a better code; a mistake in mmsim still shows its traceback.
    """
    try:
        yield
    except MemoryError as exc:
        raise OutputError("OUT-003", str(exc) or "the system gave no more") from exc
    except RecursionError as exc:
        raise OutputError("OUT-004", f"nested too deeply: {exc}") from exc
    except UnicodeError as exc:
        raise OutputError("OUT-004", str(exc)) from exc
    except OSError as exc:
        raise OutputError("OUT-002", cause_of(exc)) from exc


def cause_of(exc: OSError) -> str:
    """Return file and reason of a refusal of the system."""
    reason = exc.strerror or str(exc) or type(exc).__name__
    return f"{os.fsdecode(exc.filename)}: {reason}" if isinstance(exc.filename, (str, bytes)) else reason
