"""Imports that take half their time for parts which the command never uses.

For the command's own process only: to whom imports simcore from Python, all of these packages' parts are there.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


def import_matplotlib() -> None:
    """Import what draws pictures: no axes in space, and no pages of help for setters that nobody reads here."""
    if "matplotlib" in sys.modules:
        return
    with _hidden("mpl_toolkits.mplot3d"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Unable to import Axes3D")
        from matplotlib import artist

        kwdoc = artist.kwdoc
        artist.kwdoc = lambda artist: ""  # noqa: ARG005  called alike
        try:
            importlib.import_module("matplotlib.figure")
        finally:
            artist.kwdoc = kwdoc


def import_numba() -> None:
    """Import the compiler, without the measuring of tests' coverage that it offers where that package is installed."""
    with _hidden("coverage"):
        importlib.import_module("simcore.jit")


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """Let imports of a package fail, as if it were not installed, unless it is loaded already."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
