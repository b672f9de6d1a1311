"""Tapes of several instruments + configuration -> a portfolio run: `replay`, `verify`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simcore import engine, jit, manifest
from simcore.config.model import Config
from simcore.engine import Progress, ProgressCallback, Verification
from simcore.errors import ConfigError, MmsimError
from simcore.journal import note as notes
from simcore.link import is_compiled, link
from simcore.params import queue_file
from simcore.portfolio import folder as folders
from simcore.portfolio.coordinator import Coordinator
from simcore.portfolio.kind import KIND, is_portfolio
from simcore.portfolio.members import Member, Source, group_tapes, linked_groups, members_of
from simcore.portfolio.team import Finished, Task, Team, Troupe
from simcore.portfolio.workers import WorkerTeam
from simcore.processes import cpus
from simcore.units import NS_PER_MS

# What the work takes, roughly (docs/performance.md); only the choice of how many processes depends on it.
ROW_S, TICK_S, START_S = 80e-9, 1.7e-6, 3.0
PYTHON_FACTOR = 300


def replay(
    tapes: Sequence[Source] | Source,
    config: Config | None = None,
    out: Path | str | None = None,
    *,
    resume: bool = False,
    jobs: int | None = None,
    progress: ProgressCallback | None = None,
) -> Path:
    """Replay tapes of one instrument, or of several at once, and write the run folder; return the folder.

    One instrument: as `engine.replay`, unless an allocator, a limit or a list of symbols applies to it. Else: a portfolio's
    folder, with a run folder for each symbol.
    jobs: worker processes, None for as many as are quickest; the result is the same. Raises MmsimError.
    """
    config = config or Config()
    members = members_of(group_tapes(tapes), config)
    if len(members) == 1 and not Coordinator(members, config).needs_control(members[0].key):
        return engine.replay(members[0].tape, members[0].config, out, resume=resume, progress=progress)
    with manifest.claimed(Path(out) if out is not None else None, config.strategy.name, KIND) as folder:
        _replay_into(folder, members, config, resume, jobs, progress)
    return folder


def _replay_into(
    folder: Path, members: Sequence[Member], config: Config, resume: bool, jobs: int | None, progress: ProgressCallback | None
) -> None:
    coordinator = Coordinator(members, config)
    interacting = coordinator.has_barriers or bool(config.links)
    fingerprint = folders.fingerprint_of(members, config, _compiled(members, progress))
    again = folders.prepare(folder, resume, fingerprint, interacting)
    for member in members:
        engine.window(member.tape, member.config)  # a symbol of which no part is left makes no folder
    if not again:
        folders.write_start(folder, members, config, fingerprint)
    begun_s = time.perf_counter()
    tasks = _tasks(members, coordinator, folder, resume=again)
    try:
        finished = _play(tasks, coordinator, members, jobs, progress)
    except MmsimError as exc:
        if coordinator.entries:
            folders.write_telemetry(folder, coordinator.entries)
        folders.write_failed(folder, exc, time.perf_counter() - begun_s)
        raise
    if coordinator.has_barriers:
        folders.write_telemetry(folder, coordinator.entries)
    folders.write_end(folder, finished, time.perf_counter() - begun_s)


def verify(
    run_dir: Path, progress: ProgressCallback | None = None, jobs: int | None = None, moved: Sequence[Path] = ()
) -> Verification:
    """Replay a finished run, of one symbol or several, from its own folder and compare digests. Raises MmsimError.

    moved: where the tapes of the run are now, in any order; a tape that is not among them is where it was.
    """
    if not is_portfolio(run_dir):
        return engine.verify(run_dir, progress, moved)
    note = manifest.read(run_dir)
    config = manifest.config_of(run_dir, note)
    own = [part.folder for part in folders.parts(run_dir)]
    for each in (run_dir, *own):
        notes.check_files(each)
    again = engine.found_again(own, moved)
    members = members_of([engine.load_tapes(folder, again) for folder in own], config)
    coordinator = Coordinator(members, config)
    _compiled(members, progress)
    finished = _play(_tasks(members, coordinator, None, against=run_dir), coordinator, members, jobs, progress)
    expected, found = str(note["digest"]), folders.digest_of({key: one.digest for key, one in finished.items()})
    changed = next((f"{key}: {one.first_difference}" for key, one in finished.items() if one.first_difference), None)
    if expected != found and changed is None:
        changed = "the digest in run.json"
    return Verification(expected == found, expected, found, changed)


def _compiled(members: Sequence[Member], progress: ProgressCallback | None) -> list[str]:
    """Compile what is not in the cache, so that workers only load it; return the hashes of the code in use."""
    chosen = {(member.config.strategy.name, member.config.venue.queue_model): member.config for member in members}
    hashes = []
    for config in chosen.values():
        linked = link(config.strategy.name, queue_file(config.venue.queue_model))
        if not is_compiled(linked):
            if progress is not None:
                progress(Progress(0, 0, 0.0, 0, None, compiling=True))
            engine.warmup(config)
        hashes.append(linked.code_hash)
    return hashes


def _tasks(
    members: Sequence[Member], coordinator: Coordinator, folder: Path | None, *, resume: bool = False, against: Path | None = None
) -> list[Task]:
    first = {member.key: coordinator.first_control(member.key) for member in members if coordinator.needs_control(member.key)}
    return [
        Task(tuple(group), folder, {one.key: first[one.key] for one in group if one.key in first}, coordinator.has_barriers, resume, against)
        for group in linked_groups(members)
    ]


def _play(
    tasks: Sequence[Task], coordinator: Coordinator, members: Sequence[Member], jobs: int | None, progress: ProgressCallback | None
) -> dict[str, Finished]:
    with _team(tasks, jobs, Totalled(tasks, progress)) as team:
        if coordinator.has_barriers:
            _hold_barriers(team, coordinator, members)
        return team.finish()


def _hold_barriers(team: Team, coordinator: Coordinator, members: Sequence[Member]) -> None:
    """Stop all symbols at the same moments, from the first start to the last end, and tell them what is decided."""
    windows = [engine.window(member.tape, member.config) for member in members]
    last_ts = max(end for _, end in windows)
    for ts in range(min(start for start, _ in windows), last_ts, coordinator.period_ns):
        team.tell(ts, coordinator.barrier(ts, team.advance(ts)))


@contextmanager
def _team(tasks: Sequence[Task], jobs: int | None, progress: Totalled) -> Iterator[Team]:
    wanted = useful_jobs(tasks) if jobs is None else min(jobs, len(tasks))
    if wanted < 1:
        raise ConfigError("CONF-003", f"--jobs {jobs}: expected at least 1")
    team: Team = Troupe(tasks, progress.show) if wanted == 1 else WorkerTeam(tasks, wanted, progress.show)
    try:
        yield team
    finally:
        team.stop()


def useful_jobs(tasks: Sequence[Task]) -> int:
    """Return how many processes are quickest: one a core, but fewer where the work is over before they have started."""
    work_s = 0.0
    for task in tasks:
        for member in task.members:
            start_ts, end_ts = engine.window(member.tape, member.config)
            ticks = (end_ts - start_ts) / (member.config.node.tick_interval_ms * NS_PER_MS)
            work_s += member.tape.rows * member.config.run.repeat * ROW_S + ticks * TICK_S
    if not jit.JIT:
        work_s *= PYTHON_FACTOR
    return max(min(cpus(), len(tasks), int(work_s / START_S)), 1)


class Totalled:
    """Progress of all members as that of one run."""

    def __init__(self, tasks: Sequence[Task], progress: ProgressCallback | None) -> None:
        self._progress = progress
        self._total = sum(task.rows for task in tasks)
        self._rows: dict[str, int] = {}
        self._begun_s = time.perf_counter()

    def show(self, member: Member, now: Progress) -> None:
        """Take a member's progress."""
        self._rows[member.key] = now.rows
        if self._progress is None:
            return
        rows = sum(self._rows.values())
        speed = rows / max(time.perf_counter() - self._begun_s, 1e-9)
        eta_s = (self._total - rows) / speed if rows else None
        self._progress(Progress(rows, self._total, speed, now.tape_ts, eta_s))
