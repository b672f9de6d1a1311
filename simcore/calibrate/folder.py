"""The folder of a calibration: what is written when all is played, and how it is read again: `load`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simcore.calibrate import store
from simcore.calibrate.days import Day, interval_ends
from simcore.calibrate.grid import Axis, Point
from simcore.calibrate.metrics import METRICS, Figures
from simcore.calibrate.objectives import Choice, Wanted, choose, wanted
from simcore.calibrate.outcomes import DONE, FIELDS, LOST, Part, Results, money_of
from simcore.calibrate.plan import BASE, Plan, Trial
from simcore.calibrate.splits import Fold
from simcore.config.build import dump_config
from simcore.errors import CalibrateError
from simcore.records import FloatArray, IntArray
from simcore.report.folder import Money
from simcore.tape.schema import Instrument

if TYPE_CHECKING:
    import pandas as pd

_STATES = {DONE: "done", LOST: "lost"}


@dataclass(frozen=True)
class Calibration:
    """A calibration that is complete, as it is on disk. T trials, D days (or periods of days).

    results    counts and states [T, D]; equity: by day [T, n] cash units at the ends of the intervals, from 0.
    points     [T] values on the axes; trial 0 is the base configuration, which may lie off the grid.
    tried      parameter sets that the tapes have ever seen, in this calibration and all others: the largest count.
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
        return self.folds[-1].train if self.folds else tuple(range(len(self.days)))

    @property
    def test(self) -> tuple[int, ...]:
        return self.folds[-1].test if self.folds else ()

    @cached_property
    def choice(self) -> Choice:
        """What is chosen on the days of the choice."""
        return self.chosen(self.train)

    @property
    def best(self) -> int | None:
        """Number of the trial that was chosen; None if none will do."""
        return self.choice.best

    def figures(self, days: Sequence[int]) -> Figures:
        """Return the figures of all trials over some days together: `figures["net_bps"]` is float64 [T]."""
        return Figures(self.results, days, self.money)

    def chosen(self, days: Sequence[int]) -> Choice:
        """Choose on some days, as the calibration did on its own."""
        return choose(self.wanted, self.figures(days), self.results.complete(days))

    def ends(self, day: int) -> IntArray:
        """Return the ends [n] of a day's intervals, ns since 1970."""
        return interval_ends(self.days[day], self.step_ns)

    def changes(self, days: Sequence[int]) -> FloatArray:
        """Return the changes of equity [T, N] over the intervals of some days, in money; trials that were lost have zeros."""
        curves = [np.diff(self.results.equity[day], axis=1, prepend=0) for day in days]
        return np.concatenate(curves, axis=1) * float(self.money.unit)

    def frame(self) -> pd.DataFrame:
        """Return trials.parquet: one row a trial and day."""
        return pq.read_table(self.folder / store.TRIALS).to_pandas()


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
        tuple(tuple(point) for point in note["points"]), note["interval_ns"], max(note["tried"].values()),
    )  # fmt: skip


def parts_of_tables(folder: Path) -> Iterator[Part]:
    """Yield the results that trials.parquet and curves.parquet hold, a part a day. CAL-019: they are damaged."""
    try:
        trials, curves = pq.read_table(folder / store.TRIALS), pq.read_table(folder / store.CURVES)
        for name in store.CURVE_NAMES:
            trials = trials.append_column(name, curves[name])  # both are by trial, then day
        days = trials["day"].to_numpy()
        for day in range(int(days.max(initial=-1)) + 1):
            yield store.part_of(trials.take(np.flatnonzero(days == day)))
    except (pa.ArrowException, OSError, KeyError, ValueError) as exc:
        raise CalibrateError("CAL-019", f"{folder}: {exc}") from exc


def note_of(plan: Plan, status: str) -> dict[str, Any]:
    """Return what calibrate.json says of a calibration from its start on."""
    asked = plan.asked
    return {
        "status": status,
        "identity": plan.identity(),
        "strategy": plan.base.strategy.name,
        "instrument": asdict(plan.tape.instrument),
        "objective": plan.wanted.objective,
        "constraints": [constraint.text for constraint in plan.wanted.constraints],
        "search": asked.search,
        "seed": asked.seed,
        "splits": asked.splits,
        "interval_ns": plan.step_ns,
        "days": [{**asdict(day), "paths": [str(path) for path in day.paths]} for day in plan.days],
        "folds": [asdict(fold) for fold in plan.folds],
        "axes": [asdict(axis) for axis in plan.grid.axes],
    }


def write(folder: Path, plan: Plan, trials: Sequence[Trial], results: Results, choice: Choice, tried: Mapping[str, int]) -> None:
    """Write tables, best.yaml and, last, the note; then the parts go. CAL-021."""
    store.write_tables(folder, _trial_table(plan, trials, results), _curve_table(results))
    if choice.best is None:
        (folder / store.BEST).unlink(missing_ok=True)
    else:
        store.write_best(folder, _best_text(plan, trials, results, choice.best))
    store.write_note(folder, {**note_of(plan, "none" if choice.best is None else "done"), **_outcome(plan, trials, results, choice), "tried": dict(tried)})
    store.remove_parts(folder)


def _outcome(plan: Plan, trials: Sequence[Trial], results: Results, choice: Choice) -> dict[str, Any]:
    """Return what calibrate.json says of what came out."""
    money = money_of(plan.tape.instrument)
    sets = {"train": plan.train, "test": plan.test}
    figures = {name: Figures(results, days, money) for name, days in sets.items() if days}
    shown = {"base": BASE} if choice.best is None else {"base": BASE, "best": choice.best}
    return {
        "trials": len(trials),
        "points": [list(trial.point) for trial in trials],
        "lost": len({trial for trial, _ in results.causes}),
        "valueless": choice.valueless,
        "infeasible": choice.infeasible,
        "nearest": list(choice.nearest),
        "best": choice.best,
        "figures": {name: {which: each.of(trial) for which, each in figures.items()} for name, trial in shown.items()},
        "at_edge": [] if choice.best is None else at_edge(plan.grid.axes, trials[choice.best].point),
    }


def at_edge(axes: Sequence[Axis], point: Point) -> list[str]:
    """Return the axes at whose end a point lies: a better value may lie beyond. Two values have no inside."""
    found = []
    for axis, value in zip(axes, point, strict=True):
        numbers = [each for each in axis.values if isinstance(each, (int, float)) and not isinstance(each, bool)]
        if len(numbers) > 2 and len(numbers) == len(axis.values) and value in (min(numbers), max(numbers)):
            found.append(axis.name)
    return found


def _best_text(plan: Plan, trials: Sequence[Trial], results: Results, best: int) -> str:
    """Return best.yaml: the whole configuration, after words on where it comes from."""
    value = Figures(results, plan.train, money_of(plan.tape.instrument))[plan.wanted.objective][best]
    days = ", ".join(plan.days[day].label for day in plan.train)
    lines = [
        f"# Trial {best} of {len(trials)} of a calibration: {plan.words(trials[best].point)}",
        f"# {plan.wanted.objective} {value:.6g} {METRICS[plan.wanted.objective].unit} on {days}",
    ]
    if plan.wanted.constraints:
        lines.append(f"# subject to {', '.join(constraint.text for constraint in plan.wanted.constraints)}")
    return "\n".join([*lines, dump_config(trials[best].config)])


def _trial_table(plan: Plan, trials: Sequence[Trial], results: Results) -> pa.Table:
    """Return one row a trial and day: values of the axes, state, figures of that day alone, counts."""
    days = range(len(plan.days))
    count = len(trials)
    number = np.repeat(np.arange(count), len(days))
    day = np.tile(np.arange(len(days)), count)
    columns: dict[str, Any] = {"trial": pa.array(number, pa.int32()), "day": pa.array(day, pa.int32())}
    columns["label"] = pa.array([plan.days[each].label for each in day])
    for place, axis in enumerate(plan.grid.axes):
        values = [trial.point[place] for trial in trials]
        columns[axis.key] = _column([value for value in values for _ in days])
    columns["state"] = pa.array([_STATES[int(state)] for state in results.states.ravel()])
    columns["cause"] = pa.array([results.causes.get((int(t), int(d)), "") for t, d in zip(number, day, strict=True)])
    money = money_of(plan.tape.instrument)
    figures = [Figures(results, [each], money) for each in days]
    for name in METRICS:
        found = np.stack([each[name] for each in figures], axis=1).ravel()
        columns[name] = pa.array(found, mask=np.isnan(found))
    for name in FIELDS:
        columns[name] = pa.array(np.ascontiguousarray(results.counts[name].ravel()))
    return pa.table(columns)


def _column(values: Sequence[Any]) -> pa.Array:
    """Return values of an axis as numbers, as true and false, or else as text."""
    known = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in known) and known:
        return pa.array(values, pa.bool_())
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([value if isinstance(value, str) or value is None else json.dumps(value) for value in values], pa.string())


def _curve_table(results: Results) -> pa.Table:
    trials, days = results.states.shape
    pairs = [(trial, day) for trial in range(trials) for day in range(days)]
    curves = [[each[day][trial] for trial, day in pairs] for each in (results.equity, results.position)]
    return store.curve_table([trial for trial, _ in pairs], [day for _, day in pairs], *curves)


def why_none(plan: Plan, trials: Sequence[Trial], results: Results, choice: Choice) -> str:
    """Say why no trial will do: how many break constraints or have no objective, and which is nearest."""
    wanted_ = plan.wanted
    said = f"of {len(trials)} trials {choice.infeasible} break a constraint, {choice.valueless} have no {wanted_.objective}"
    if not choice.nearest:
        return said
    nearest = choice.nearest[0]
    return f"{said}; nearest is trial {nearest} ({plan.words(trials[nearest].point)}): {nearest_words(plan, results, nearest)}"


def nearest_words(plan: Plan, results: Results, trial: int) -> str:
    """Return what a trial has of the objective and of each constraint that it breaks."""
    figures = Figures(results, plan.train, money_of(plan.tape.instrument))
    broken = [each for each in plan.wanted.constraints if each.excess(figures[each.name])[trial] > 0]
    texts = [f"{each.name} {figures[each.name][trial]:.6g} instead of {each.text.removeprefix(each.name)}" for each in broken]
    return "; ".join([f"{plan.wanted.objective} {figures[plan.wanted.objective][trial]:.6g}", *texts])
