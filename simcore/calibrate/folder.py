"""The folder of a calibration, read again when all is played: `load`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from simcore import parquet
from simcore.calibrate import store
from simcore.calibrate.days import Day, interval_ends
from simcore.calibrate.grid import Axis, Point
from simcore.calibrate.metrics import Figures
from simcore.calibrate.objectives import Wanted, wanted
from simcore.calibrate.outcomes import Part, Results
from simcore.calibrate.splits import Fold, choosing_days, judging_days
from simcore.errors import CalibrateError
from simcore.records import FloatArray, IntArray
from simcore.report.folder import Money, money_of
from simcore.tape.schema import Instrument

if TYPE_CHECKING:
    import pandas as pd

@dataclass(frozen=True)
class Calibration:
    """A calibration that is complete, as it is on disk. T trials, D days (or periods of days).

    results    counts and states [T, D]; equity: by day [T, n] cash units at the ends of the intervals, from 0.
    points     [T] values on the axes; trial 0 is the base configuration, which may lie off the grid.
    tried      parameter sets that the tapes have ever seen, in this calibration and all others: those that any of them has.
    train, test  days of the last fold, whose choice is `best`; without splits all days, and none.
    """

    folder: Path
    note: dict[str, Any]
    results: Results
    money: Money
    wanted: Wanted
    days: tuple[Day, ...]
    folds: tuple[Fold, ...]
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    step_ns: int
    tried: int

    @property
    def train(self) -> tuple[int, ...]:
        return choosing_days(self.folds, len(self.days))

    @property
    def test(self) -> tuple[int, ...]:
        return judging_days(self.folds)

    @property
    def best(self) -> int | None:
        """Number of the trial that was chosen; None if none will do."""
        found: int | None = self.note["best"]
        return found

    def figures(self, days: Sequence[int]) -> Figures:
        """Return the figures of all trials over some days together: `figures["net_bps"]` is float64 [T]."""
        return Figures(self.results, days, self.money)

    def ends(self, day: int) -> IntArray:
        """Return the ends [n] of a day's intervals, ns since 1970."""
        return interval_ends(self.days[day], self.step_ns)

    def changes(self, days: Sequence[int]) -> FloatArray:
        """Return the changes of equity [T, N] over the intervals of some days, in money; trials that were lost have zeros."""
        curves = [np.diff(self.results.equity[day], axis=1, prepend=0) for day in days]
        return np.concatenate(curves, axis=1) * float(self.money.unit)

    def frame(self) -> pd.DataFrame:
        """Return trials.parquet: one row a trial and day."""
        return parquet.read_table(self.folder / store.TRIALS).to_pandas()


def load(folder: Path | str) -> Calibration:
    """Read a complete calibration. CAL-019: there is none, it is not complete, or a file is damaged."""
    path = Path(folder)
    note = store.read_note(path)
    if note is None or note["status"] == "running":
        why = f"no {store.NOTE}" if note is None else "the calibration is not complete; go on with --resume"
        raise CalibrateError("CAL-019", f"{path}: {why}")
    days = tuple(Day(**{**each, "paths": tuple(map(Path, each["paths"]))}) for each in note["days"])
    results = Results(tuple(day.intervals(note["interval_ns"]) for day in days))
    results.grow(note["trials"])
    for part in parts_of_tables(path):
        results.take(part)
    return Calibration(
        path, note, results, money_of(Instrument(**note["instrument"])), wanted(note["objective"], note["constraints"]), days,
        tuple(Fold(tuple(each["train"]), tuple(each["test"])) for each in note["folds"]),
        tuple(Axis(**{**each, "values": tuple(each["values"])}) for each in note["axes"]),
        tuple(tuple(point) for point in note["points"]), note["interval_ns"], note["tried_in_all"],
    )  # fmt: skip


def parts_of_tables(folder: Path) -> Iterator[Part]:
    """Yield the results that trials.parquet and curves.parquet hold, a part a day. CAL-019: they are damaged."""
    try:
        trials, curves = parquet.read_table(folder / store.TRIALS), parquet.read_table(folder / store.CURVES)
        for name in store.CURVE_NAMES:
            trials = trials.append_column(name, curves[name])  # both are by trial, then day
        days = trials["day"].to_numpy()
        for day in range(int(days.max(initial=-1)) + 1):
            yield store.part_of(trials.take(np.flatnonzero(days == day)))
    except (pa.ArrowException, OSError, KeyError, ValueError) as exc:
        raise CalibrateError("CAL-019", f"{folder}: {exc}") from exc
