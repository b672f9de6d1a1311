"""What is written when all is played: tables, best.yaml, and the note that says what was asked and what came out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from simcore.calibrate import store
from simcore.calibrate.grid import Axis, Point
from simcore.calibrate.metrics import METRICS, Figures
from simcore.calibrate.objectives import rank, winner
from simcore.calibrate.outcomes import DONE, FIELDS, LOST, Results
from simcore.calibrate.plan import BASE, Plan, Trial
from simcore.config.build import dump_config
from simcore.report.folder import money_of

_SHOWN = 3  # trials that are named where none will do
_STATES = {DONE: "done", LOST: "lost"}


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


class Outcome:
    """What came of all trials. ranking: how they stand on the days of the choice; best: the one chosen, None if none will do."""

    def __init__(self, plan: Plan, trials: Sequence[Trial], results: Results) -> None:
        self.plan, self.trials, self.results = plan, trials, results
        self._money = money_of(plan.tape.instrument)
        self._figures = Figures(results, plan.train, self._money)
        self.ranking = rank(plan.wanted, self._figures, results.complete(range(len(plan.days))))
        self.best = winner(plan.wanted, self._figures, self.ranking, [trial.point for trial in trials], results.outcomes())

    def write(self, folder: Path, tried: Mapping[str, int], tried_in_all: int) -> None:
        """Write tables, best.yaml and, last, the note; then the parts go. CAL-021.

        tried: parameter sets that each tape has ever seen, by content hash; tried_in_all: those that any of them has.
        """
        store.write_tables(folder, _trial_table(self.plan, self.trials, self.results), _curve_table(self.results))
        if self.best is None:
            (folder / store.BEST).unlink(missing_ok=True)
        else:
            store.write_best(folder, self._best_text(self.best))
        status = "none" if self.best is None else "done"
        store.write_note(folder, {**note_of(self.plan, status), **self._note(), "tried": dict(tried), "tried_in_all": tried_in_all})
        store.remove_parts(folder)

    def why_none(self) -> str:
        """Say why no trial will do: how many break constraints or have no objective, and which is nearest."""
        wanted, ranking = self.plan.wanted, self.ranking
        said = f"of {len(self.trials)} trials {ranking.infeasible} break a constraint, {ranking.valueless} have no {wanted.objective}"
        if not ranking.nearest:
            return said
        return f"{said}; nearest: {'; '.join(self._nearest_words(trial) for trial in ranking.nearest[:_SHOWN])}"

    def _nearest_words(self, trial: int) -> str:
        """Return what a trial has of the objective and of each constraint that it breaks."""
        figures, wanted = self._figures, self.plan.wanted
        broken = [each for each in wanted.constraints if each.excess(figures[each.name])[trial] > 0]
        texts = [f"{each.name} {figures[each.name][trial]:.6g} instead of {each.text.removeprefix(each.name)}" for each in broken]
        said = ", ".join([f"{wanted.objective} {figures[wanted.objective][trial]:.6g}", *texts])
        return f"trial {trial} ({self.plan.words(self.trials[trial].point)}) with {said}"

    def _note(self) -> dict[str, Any]:
        """Return what calibrate.json says of what came out."""
        sets = {"train": self.plan.train, "test": self.plan.test}
        figures = {name: Figures(self.results, days, self._money) for name, days in sets.items() if days}
        shown = {"base": BASE} if self.best is None else {"base": BASE, "best": self.best}
        return {
            "trials": len(self.trials),
            "points": [list(trial.point) for trial in self.trials],
            "lost": len({trial for trial, _ in self.results.causes}),
            "valueless": self.ranking.valueless,
            "infeasible": self.ranking.infeasible,
            "nearest": list(self.ranking.nearest),
            "best": self.best,
            "peak": self.ranking.peak,
            "figures": {name: {which: each.of(trial) for which, each in figures.items()} for name, trial in shown.items()},
            "at_edge": [] if self.best is None else at_edge(self.plan.grid.axes, self.trials[self.best].point),
        }

    def _best_text(self, best: int) -> str:
        """Return best.yaml: the whole configuration, after words on where it comes from."""
        plan, objective = self.plan, self.plan.wanted.objective
        days = ", ".join(plan.days[day].label for day in plan.train)
        lines = [
            f"# Trial {best} of {len(self.trials)} of a calibration: {plan.words(self.trials[best].point)}",
            f"# {objective} {self._figures[objective][best]:.6g} {METRICS[objective].unit} on {days}",
        ]
        if plan.wanted.constraints:
            lines.append(f"# subject to {', '.join(constraint.text for constraint in plan.wanted.constraints)}")
        lines.append("# Whether to adopt it is another question: see the verdict in report.html and verdict.json.")
        return "\n".join([*lines, dump_config(self.trials[best].config)])


def at_edge(axes: Sequence[Axis], point: Point) -> list[str]:
    """Return the axes at whose end a point lies: a better value may lie beyond. Two values have no inside."""
    found = []
    for axis, value in zip(axes, point, strict=True):
        numbers = [each for each in axis.values if isinstance(each, (int, float)) and not isinstance(each, bool)]
        if len(numbers) > 2 and len(numbers) == len(axis.values) and value in (min(numbers), max(numbers)):
            found.append(axis.name)
    return found


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
