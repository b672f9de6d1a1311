"""Cells of an A/B test made up in a test: arms are dictionaries of fields, everything else is 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from simcore.calibrate.ab.cells import FIELDS, ArmCells, Cells, UnitFigures
from simcore.calibrate.ab.units import Unit
from simcore.config.model import Config

WINDOW_NS = 300 * 10**9
FIRST = 5_680_000  # number of the first window


def fake_cells(
    a: Mapping[str, Sequence[float]], b: Mapping[str, Sequence[float]], *, symbols: Sequence[str] = ("X",), windows: Sequence[int] | None = None,
    ticks_a: Sequence[Sequence[float]] | None = None, ticks_b: Sequence[Sequence[float]] | None = None, cash: Sequence[str] | None = None,
) -> Cells:  # fmt: skip
    """Return cells of one day of each symbol, the same windows for each; fields hold the cells symbol by symbol."""
    count = len(next(iter(a.values())))
    each = count // len(symbols)
    numbers = list(windows) if windows is not None else list(range(each))
    units = tuple(Unit(f"V:{symbol}", symbol, "2024-01-01", cast("Any", None), Config(), Config()) for symbol in symbols)
    window = np.array([FIRST + k for _ in symbols for k in numbers], np.int64)
    unit = np.repeat(np.arange(len(symbols)), each)
    figures = tuple((UnitFigures(0.0, 0.0), UnitFigures(0.0, 0.0)) for _ in symbols)
    return Cells(units, WINDOW_NS, window, unit, _arm(a, ticks_a, count), _arm(b, ticks_b, count), np.ones(count), tuple(cash or ["Q"] * len(symbols)), figures, np.zeros(count))


def _arm(given: Mapping[str, Sequence[float]], ticks: Sequence[Sequence[float]] | None, count: int) -> ArmCells:
    values = {name: np.array(given.get(name, np.zeros(count)), np.float64) for name in FIELDS}
    spans = [sorted(span) for span in ticks] if ticks is not None else [[] for _ in range(count)]
    starts = np.concatenate([[0], np.cumsum([len(span) for span in spans])]).astype(np.int64)
    return ArmCells(values, np.zeros(count), np.array([x for span in spans for x in span], np.float64), starts)
