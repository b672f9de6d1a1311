"""Where mmsim runs: on Linux and macOS."""

from __future__ import annotations

import os
import platform

from simcore.errors import OutputError


def require_posix() -> None:
    """Refuse a system without file locks and process signals as POSIX has them: OUT-005."""
    if os.name != "posix":
        raise OutputError("OUT-005", f"this is {platform.system() or os.name}")
