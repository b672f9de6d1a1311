"""A published result and ours beside it: tables of pairs of numbers, their errors, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from simcore.records import FloatArray

STANDARD_ERRORS_MAX = 4.0

FORMULA, MODEL, EXCHANGE = "formula", "Monte-Carlo of the model", "through the exchange"


@dataclass(frozen=True)
class Cell:
    """One pair of numbers. error: in standard errors, or the plain difference where the table has none."""

    row: str
    column: str
    ours: float
    theirs: float
    error: float
    ok: bool


@dataclass(frozen=True)
class Table:
    """Numbers of ours beside those of a source, [rows, columns] each; NaN in theirs: the source has none.

    method           how ours came about.  source: where theirs is from.
    standard_errors  of the differences; None for formulas, where `limit` is the largest difference allowed.
    limit            largest |error|, in standard errors where there are any.
    digits, their_digits  to show after the point.
    """

    title: str
    method: str
    source: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    ours: FloatArray
    theirs: FloatArray
    standard_errors: FloatArray | None = None
    limit: float = STANDARD_ERRORS_MAX
    digits: int = 4
    their_digits: int = 4

    def cells(self) -> Iterator[Cell]:
        """Yield the pairs that the source has, row by row."""
        for i, row in enumerate(self.rows):
            for j, column in enumerate(self.columns):
                ours, theirs = float(self.ours[i, j]), float(self.theirs[i, j])
                if np.isnan(theirs):
                    continue
                error = ours - theirs
                if self.standard_errors is not None:
                    error /= float(self.standard_errors[i, j])
                yield Cell(row, column, ours, theirs, error, abs(error) <= self.limit)

    @property
    def worst(self) -> float:
        """The largest |error|."""
        return float(np.max([abs(cell.error) for cell in self.cells()]))

    @property
    def ok(self) -> bool:
        """Whether all pairs agree; NaN agrees with nothing."""
        return all(cell.ok for cell in self.cells())

    @property
    def unit(self) -> str:
        """What errors are counted in."""
        return "difference" if self.standard_errors is None else "s.e."

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "title": self.title, "method": self.method, "source": self.source, "unit": self.unit, "limit": self.limit,
            "worst": self.worst, "ok": self.ok, "cells": [vars(cell) for cell in self.cells()],
        }  # fmt: skip


@dataclass(frozen=True)
class Result:
    """All tables of one publication."""

    name: str
    title: str
    tables: tuple[Table, ...]

    @property
    def ok(self) -> bool:
        """Whether all tables agree."""
        return all(table.ok for table in self.tables)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {"name": self.name, "title": self.title, "ok": self.ok, "tables": [table.to_dict() for table in self.tables]}


def counts(title: str, source: str, found: dict[str, int], limit: int = 0) -> Table:
    """Return a table of things that must not happen, or not more often than `limit`, counted."""
    return Table(
        title, EXCHANGE, source, tuple(found), ("count",), np.array([[float(n)] for n in found.values()]), np.zeros((len(found), 1)),
        limit=limit, digits=0, their_digits=0,
    )  # fmt: skip


def binomial_errors(probability: FloatArray, count: int) -> FloatArray:
    """Return the standard error of a share of `count` trials, for each probability."""
    return np.sqrt(probability * (1.0 - probability) / count)
