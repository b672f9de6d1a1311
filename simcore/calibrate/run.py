"""A calibration from its start, or from where it was stopped, to its files: `calibrate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simcore import engine, manifest
from simcore.calibrate import census, store
from simcore.calibrate import folder as folders
from simcore.calibrate.grid import Point
from simcore.calibrate.local import Here, Runner, Workers
from simcore.calibrate.metrics import Figures
from simcore.calibrate.objectives import rank
from simcore.calibrate.outcomes import DONE, WAITING, Part, Results
from simcore.calibrate.plan import BASE, Asked, Plan, Trial
from simcore.calibrate.search import TRIALS, new_search
from simcore.calibrate.work import Block
from simcore.calibrate.written import Outcome, note_of
from simcore.errors import CalibrateError, JournalError
from simcore.files import remove_leftovers
from simcore.link import is_compiled
from simcore.portfolio.run import ROW_S, START_S, TICK_S
from simcore.processes import cpus
from simcore.report.folder import money_of
from simcore.units import NS_PER_MS

ENGINES = ("local", "ray")
LANES_MAX = 250  # trials of a block: so many are lost at most when a process dies


@dataclass(frozen=True)
class Tally:
    """How far a calibration is: `done` of `total` trials × days, the trial that is best so far (None: none is yet) and its
    objective; share: of the work in hand; compiling: before anything is played.
    """

    done: int
    total: int
    lost: int
    share: float
    best: int | None = None
    words: str = ""
    objective: float = 0.0
    compiling: bool = False


Watch = Callable[[Tally], None]


def calibrate(
    asked: Asked, out: Path | None = None, *, resume: bool = False, jobs: int | None = None, engine_name: str = "local",
    home: Path | None = None, watch: Watch | None = None, written: Callable[[Path], None] | None = None,
) -> folders.Calibration:  # fmt: skip
    """Play every trial that the search proposes on every day, choose the best, and write the folder (docs/calibrate.md).

    out: an empty or new folder; None picks reports/calibrate-<strategy>-<symbol>-<n>.  resume: go on with the calibration
    in it.  jobs, engine_name: who works; the result is the same; None: as many processes as are quickest.  home: where the census of trials is kept.
    written: called with the folder when its files are there, also if no trial will do.
    CAL-016 if no trial will do (its files are written), CAL-025 if all failed; other codes: `Plan`, `store`, `local`.
    """
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs is {jobs}; expected 1 or more, or None")
    if engine_name not in ENGINES:
        raise ValueError(f"engine_name is {engine_name!r}; expected one of {', '.join(ENGINES)}")
    plan = Plan(asked)
    with _claimed(out, plan) as folder:
        work = _Work(plan, folder, census.home_of(folder, home), watch or (lambda _tally: None))
        work.propose()
        work.begin(resume)
        count = jobs or (useful_jobs(plan) if engine_name == "local" else cpus())
        runner = _runner(engine_name, count)
        try:
            work.search(runner, count)
        finally:
            runner.stop()
        return work.finish(written or (lambda _folder: None))


def useful_jobs(plan: Plan) -> int:
    """Return how many processes are quickest: one a core, but fewer where the work is over before they have started."""
    trials = plan.grid.size if plan.asked.search == "grid" else plan.asked.trials
    ticks_ns = plan.base.node.tick_interval_ms * NS_PER_MS
    work_s = sum(day.rows * ROW_S + (trials or TRIALS) * (day.end_ts - day.start_ts) / ticks_ns * TICK_S for day in plan.days)
    return max(min(cpus(), int(work_s / START_S)), 1)


@contextmanager
def _claimed(out: Path | None, plan: Plan) -> Iterator[Path]:
    """Claim the folder as a run does, in the codes of a calibration."""
    try:
        with manifest.claimed(out, f"calibrate-{Path(plan.base.strategy.name).stem}", plan.tape.instrument.symbol) as folder:
            yield folder
    except JournalError as exc:
        raise CalibrateError("CAL-019" if exc.code == "JRNL-002" else "CAL-021", exc.cause) from exc


def _runner(name: str, jobs: int) -> Runner:
    if name == "ray":
        from simcore.calibrate.ray_runner import Cluster

        return Cluster(jobs)
    return Here() if jobs == 1 else Workers(jobs)


class _Work:
    """What a calibration has done so far."""

    def __init__(self, plan: Plan, folder: Path, home: Path, watch: Watch) -> None:
        self.plan, self.folder, self.home, self._watch = plan, folder, home, watch
        self.trials: list[Trial] = [plan.base_trial()]
        self._numbers = {self.trials[BASE].point: BASE}
        self._search = new_search(plan.asked.search, plan.grid, plan.asked.trials, plan.asked.seed)
        self._proposed: list[int] = []
        self._money = money_of(plan.tape.instrument)
        self.results = Results(tuple(day.intervals(plan.step_ns) for day in plan.days))
        self._kept: list[Part] = []  # of an earlier run
        self._blocks = 0
        self._shares: dict[int, float] = {}
        self._best: tuple[int | None, str, float] = (None, "", 0.0)

    def begin(self, resume: bool) -> None:
        """Check the folder, take over what an earlier run left, and write the note of this one."""
        note = store.read_note(self.folder)
        if note is None:
            if any(not path.name.endswith(".part") for path in self.folder.iterdir()):
                raise CalibrateError("CAL-019", f"{self.folder} is not an empty folder")
        elif not resume:
            raise CalibrateError("CAL-019", f"{self.folder} already holds a calibration ({note['status']})")
        else:
            self._refuse_changed(note["identity"])
            is_running = note["status"] == "running"
            self._kept = list(store.read_parts(self.folder) if is_running else folders.parts_of_tables(self.folder))
        for name in (store.NOTE, store.TRIALS, store.CURVES, store.BEST):
            remove_leftovers(self.folder / name)
        if note is None:
            store.write_note(self.folder, note_of(self.plan, "running"))

    def _refuse_changed(self, before: dict[str, str]) -> None:
        changed = [name for name, mark in self.plan.identity().items() if before.get(name) != mark]
        if changed:
            raise CalibrateError("CAL-020", f"{self.folder}: {', '.join(changed)} changed since")

    def propose(self) -> None:
        """Ask the search for its next points, and make their trials; refuses them before anything is written."""
        self._proposed = [self._number(point) for point in self._search.ask()]

    def search(self, runner: Runner, jobs: int) -> None:
        """Play what is proposed (and the base, first), tell the search, and let it propose more, until it is over."""
        self._play(sorted({BASE, *self._proposed}), runner, jobs)
        while self._proposed:
            wanted, figures = self.plan.wanted, self._figures()
            gains, excesses = wanted.gains(figures), wanted.excesses(figures)
            self._search.tell([float(gains[each]) for each in self._proposed], [float(excesses[each]) for each in self._proposed])
            self.propose()
            self._play(sorted(set(self._proposed)), runner, jobs)

    def _number(self, point: Point) -> int:
        """Return the number of a point's trial: an earlier one, if it was tried before."""
        if point not in self._numbers:
            trial = self.plan.trial(len(self.trials), point)
            self._numbers[point] = trial.number
            self.trials.append(trial)
        return self._numbers[point]

    def _play(self, numbers: Sequence[int], runner: Runner, jobs: int) -> None:
        self.results.grow(len(self.trials))
        self._take_kept()
        blocks = self._cut(numbers, jobs)
        self._shares = {}
        if not blocks:
            return
        self._compile(blocks)
        self._tell()
        runner.run(blocks, self._take, self._hear)

    def _take_kept(self) -> None:
        """Enter what earlier runs found out about the trials that are known by now."""
        for part in self._kept:
            self.results.take(part.among(len(self.trials)))

    def _cut(self, numbers: Sequence[int], jobs: int) -> list[Block]:
        """Return the blocks of trials that have no result yet: days apart, and lanes where there are fewer days than jobs."""
        days = range(len(self.plan.days))
        waiting = {day: self.results.waiting(numbers, day) for day in days}
        busy_days = sum(1 for each in waiting.values() if each)
        blocks: list[Block] = []
        for day, trials in sorted(waiting.items(), key=lambda each: each[0] not in self.plan.train):  # days of the choice first
            groups: dict[tuple[object, ...], list[int]] = {}
            for number in trials:
                groups.setdefault(self.trials[number].group, []).append(number)
            for group in groups.values():
                pieces = max(-(-len(group) // LANES_MAX), -(-jobs // busy_days) if len(groups) == 1 else 1)
                blocks += [self._block(day, part.tolist()) for part in np.array_split(group, min(pieces, len(group)))]
        return blocks

    def _block(self, day: int, numbers: Sequence[int]) -> Block:
        self._blocks += 1
        period = self.plan.days[day]
        configs = tuple(period.windowed(self.trials[number].config) for number in numbers)
        return Block(self._blocks, day, period, tuple(numbers), configs, self.plan.step_ns)

    def _compile(self, blocks: Sequence[Block]) -> None:
        """Compile what is not in the cache, so that workers only load it."""
        chosen = {self.plan.linked(config).code_hash: config for block in blocks for config in block.configs}
        for config in chosen.values():
            if not is_compiled(self.plan.linked(config)):
                self._tell(compiling=True)
                engine.warmup(config)

    def _take(self, part: Part) -> None:
        """Keep the results of a block, and count its trials; then show how far all is."""
        store.write_part(self.folder, part)
        marks = [self.trials[number].mark for number in part.trials.tolist()]
        census.note_trials(self.home, self.plan.days[part.day].content_hash, marks)
        self._refuse_empty(part)
        self.results.take(part)
        self._best = self._best_so_far()
        self._tell()

    def _refuse_empty(self, part: Part) -> None:
        """Refuse a day on which no trial ever saw a market: nothing was measured on it."""
        done = part.states == DONE
        seen = part.counts["ticks"] > part.counts["skipped_ticks"]
        if np.any(done) and not np.any(seen[done]):
            raise CalibrateError("CAL-018", f"{self.plan.days[part.day].label}: the book never had two sides at a tick")

    def _hear(self, block: int, share: float) -> None:
        self._shares[block] = share
        self._tell()

    def _tell(self, compiling: bool = False) -> None:
        """Tell the watcher how far all is."""
        states = self.results.states
        done = int(np.count_nonzero(states != WAITING))
        self._watch(Tally(done, states.size, len(self.results.causes), sum(self._shares.values()), *self._best, compiling=compiling))

    def _best_so_far(self) -> tuple[int | None, str, float]:
        """Return the trial with the best objective on the days of the choice that have been played by now, its values, and that."""
        begun = [day for day in self.plan.train if np.any(self.results.states[:, day] != WAITING)]
        if not begun:
            return None, "", 0.0
        figures = Figures(self.results, begun, self._money)
        best = rank(self.plan.wanted, figures, self.results.complete(begun)).peak
        if best is None:
            return None, "", 0.0
        return best, self.plan.words(self.trials[best].point), float(figures[self.plan.wanted.objective][best])

    def _figures(self) -> Figures:
        return Figures(self.results, self.plan.train, self._money)

    def finish(self, written: Callable[[Path], None]) -> folders.Calibration:
        """Choose, and write what remains: tables, best.yaml, the note; then the parts go."""
        hashes = dict.fromkeys(day.content_hash for day in self.plan.days)
        tried = {each: census.count_trials(self.home, each) for each in hashes}
        outcome = Outcome(self.plan, self.trials, self.results)
        outcome.write(self.folder, tried, census.count_trials(self.home, *hashes))
        if not outcome.ranking.ended.any():
            raise CalibrateError("CAL-025", f"{self.folder}: {next(iter(self.results.causes.values()))}")
        written(self.folder)
        if outcome.best is None:
            raise CalibrateError("CAL-016", f"{self.folder}: {outcome.why_none()}")
        return folders.load(self.folder)
