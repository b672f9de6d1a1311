"""Tapes + config -> a run: `replay`, `verify`, `warmup`."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simcore import bounds, faults, jit, manifest, memory, names
from simcore import state as states
from simcore.config.load import config_hash
from simcore.config.model import Config
from simcore.errors import ConfigError, EngineError, JournalError, MmsimError, StrategyError, TapeError
from simcore.journal import checkpoint
from simcore.journal import note as notes
from simcore.journal.store import DIGEST_STREAMS, JournalStore, read_stream
from simcore.kernels import state as st
from simcore.link import Linked, is_compiled, link
from simcore.params import SLOTS_MIN, LaneParams, Tables, lane_params, queue_file, slots_of, stack
from simcore.records import BOTH_BITS, Chunk, Record
from simcore.runner import Feed, Session, empty_buffers, run, run_told, run_until
from simcore.tape.read import Tape
from simcore.units import NS_PER_MS

PROGRESS_EVERY_S = 0.1


@dataclass(frozen=True)
class Progress:
    """How far a run is; tape_ts in ns, eta_s None while unknown. compiling: before the first row, the engine is built."""

    rows: int
    total_rows: int
    rows_per_s: float
    tape_ts: int
    eta_s: float | None
    compiling: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a run without a folder gives: its journal (in memory), final state, rows and seconds."""

    digest: str
    journal: JournalStore
    state: states.State
    rows: int
    wall_s: float


@dataclass(frozen=True)
class Verification:
    """Whether a run came out the same again; `first_difference` names the stream and row where it did not."""

    ok: bool
    expected: str
    found: str
    first_difference: str | None


ProgressCallback = Callable[[Progress], None]


def replay(
    tapes: Sequence[Path | str | Tape] | Path | str | Tape,
    config: Config | None = None,
    out: Path | str | None = None,
    *,
    resume: bool = False,
    progress: ProgressCallback | None = None,
) -> Path:
    """Replay tapes of one instrument, in time order, and write the run folder; return the folder.

    out: an empty or new folder; None picks reports/<strategy>-<symbol>-<n>.  resume: go on from the folder's
    checkpoint, or start if there is none.  Raises MmsimError.
    """
    config = config or Config()
    tape = open_tape(tapes)
    chosen = Path(out) if out is not None else None
    with manifest.claimed(chosen, config.strategy.name, tape.instrument.symbol) as folder:
        _replay_into(folder, tape, config, resume, progress)
    return folder


def _replay_into(folder: Path, tape: Tape, config: Config, resume: bool, progress: ProgressCallback | None) -> None:
    one = Run(tape, config, folder, JournalStore(folder), resume=resume, progress=progress)
    one.until(st.NEVER)
    one.finish()


class Run:
    """A run of one symbol on its way to its end, by one step or by many; into a folder, or in memory.

    more    what a portfolio's run says in its manifest: a run that is told of others' cannot be resumed alone.
    beside  further configurations that ride along as lanes 1, 2, …; the store must take their rows apart. They do not change
            the run. Unless the strategy is a Python class, they keep no journal but a sample each `curve_ns`.
    Raises MmsimError; a folder keeps what a run that fails has done.
    """

    def __init__(
        self, tape: Tape, config: Config, folder: Path | None, store: JournalStore, *, resume: bool = False,
        progress: ProgressCallback | None = None, more: Mapping[str, Any] | None = None, beside: Sequence[Config] = (),
        curve_ns: int = 0,
    ) -> None:  # fmt: skip
        linked = link(config.strategy.name, queue_file(config.venue.queue_model))
        fingerprint = _fingerprint(tape, config, linked, more)
        kept_by = _with_lanes(fingerprint, beside, curve_ns)
        saved = None if folder is None else manifest.prepare(folder, resume, fingerprint, kept_by)
        self.folder, self.tape, self.config = folder, tape, config
        if saved is None:
            self.session = new_session(tape, [config, *beside], linked, store)
            if linked.python is None:
                _thin(self.session.state, curve_ns)
        else:
            self.session = _resumed(tape, config, linked, store, saved)
        _compile(linked, config, tape.rows * config.run.repeat, progress)  # one that does not compile makes no folder
        if folder is not None and saved is None:
            manifest.write_start(folder, tape, config, linked, fingerprint, self.session.state, more)
        self.watch = Watch(tape, config, progress, None if more or linked.python else folder, kept_by, saved[0].wall_s if saved else 0.0)

    def until(self, key: int) -> bool:
        """Run until all events before `key` are done (`simcore.runner.run_until`); return whether the tape has ended."""
        try:
            with faults.named(self.session):
                return run_until(self.session, key, self.watch.meanwhile)
        except (StrategyError, EngineError) as exc:
            if self.folder is not None:
                keep_failed(self.folder, self.session, self.watch.wall_s(), exc)
            raise

    def keep(self) -> None:
        """Write a checkpoint, from a progress callback; not where others act on the run, which cannot be resumed."""
        self.watch.save(self.session)

    def finish(self) -> str:
        """Write what is left of a run that has ended; return its digest."""
        self.watch.report(self.session)
        journal = self.session.journal
        if self.folder is not None:
            journal.finish()
            manifest.write_end(self.folder, self.session, self.session.rows_played, self.watch.wall_s(), journal.digest.hex())
            checkpoint.remove(self.folder)
        return journal.digest.hex()


def keep_failed(folder: Path, session: Session, wall_s: float, exc: MmsimError) -> None:
    """Keep the journal of a run that had to stop, up to there, and say so in its manifest."""
    empty_buffers(session)
    session.journal.finish()
    manifest.write_end(folder, session, session.rows_played, wall_s, session.journal.digest.hex(), exc)
    checkpoint.remove(folder)


def simulate(
    tape: Tape, configs: Sequence[Config], *, journal: bool = True, progress: ProgressCallback | None = None,
    told: Record | None = None, curve_ns: int = 0, store: JournalStore | None = None,
) -> Outcome:  # fmt: skip
    """Replay one tape with one lane a config, in memory; all configs share strategy, queue file and books.

    journal=False keeps no rows: the digest is then that of an empty journal, and counters are in `state.lanes`.
    store: takes the rows of the journal instead of one that keeps them all, for who needs few of them.
    told: the reports of a journal, whose CONTROL rows the Nodes are told again.  curve_ns: without a journal, the interval
    of the samples that are kept all the same; 0 keeps none.
    """
    linked = link(configs[0].strategy.name, queue_file(configs[0].venue.queue_model))
    session = new_session(tape, configs, linked, store or JournalStore(None), journal)
    bounds.refuse_long_curves(len(configs), curve_ns, int(session.state.clock[st.END_TS] - session.state.clock[st.ORIGIN]))
    session.state.clock[st.CURVE_NS] = curve_ns
    session.state.lanes["curve_ns"] = curve_ns
    _compile(linked, configs[0], tape.rows * configs[0].run.repeat, progress)
    watch = Watch(tape, configs[0], progress, None, "", 0.0)
    with faults.named(session):
        if told is not None:
            run_told(session, told, watch.meanwhile)
        run(session, watch.meanwhile)
    wall_s = watch.wall_s()
    return Outcome(session.journal.digest.hex(), session.journal, session.state, session.rows_played, wall_s)


def verify(run_dir: Path, progress: ProgressCallback | None = None, moved: Sequence[Path] = ()) -> Verification:
    """Replay a finished run from its own folder and compare digests. Raises MmsimError if it cannot be replayed.

    moved: where the tapes of the run are now, in any order; none: where they were.
    """
    note = manifest.read(run_dir)
    notes.check_files(run_dir)
    config = manifest.config_of(run_dir, note)
    tape = load_tapes(run_dir, found_again([run_dir], moved))
    if note.get("leader"):
        raise JournalError("JRNL-006", f"{run_dir}: it followed {note['leader']}")
    told = read_stream(run_dir, "reports") if note.get("controlled") else None
    outcome = simulate(tape, [config], progress=progress, told=told)
    return compare(run_dir, note, config, outcome.journal)


def compare(run_dir: Path, note: Mapping[str, Any], config: Config, journal: JournalStore) -> Verification:
    """Compare a finished run's folder with the journal, in memory, of the same run done again."""
    expected, found = str(note["digest"]), journal.digest.hex()
    if found == expected:
        return Verification(True, expected, found, None)
    for stream in DIGEST_STREAMS:
        before, now = read_stream(run_dir, stream), journal.rows(stream)
        shared = min(len(before), len(now))
        differs = np.nonzero(before[:shared] != now[:shared])[0]
        if len(differs) or len(before) != len(now):
            row = int(differs[0]) if len(differs) else shared
            return Verification(False, expected, found, f"{stream}, row {row}{_changed_code(note, config)}")
    return Verification(False, expected, found, "the digest in run.json")


def _changed_code(note: Mapping[str, Any], config: Config) -> str:
    """Return words for a digest that differs because the code is not the run's, else nothing."""
    now = link(config.strategy.name, queue_file(config.venue.queue_model)).code_hash
    return "" if now == note["code_hash"] else "; the strategy, the queue model or the engine changed since the run"


def warmup(config: Config | None = None) -> float:
    """Compile (or load from the cache) the engine of a config's strategy; return the seconds it took."""
    begun = time.perf_counter()
    config = config or Config()
    _compile(link(config.strategy.name, queue_file(config.venue.queue_model)), config, 0, None)
    return time.perf_counter() - begun


def _compile(linked: Linked, config: Config, total_rows: int, progress: ProgressCallback | None) -> None:
    """Run the engine on one row, so that the time of a run holds no compiling and no loading of machine code."""
    peek = None if linked.python is None else linked.python.peek
    if jit.is_ready(linked.run) and (peek is None or jit.is_ready(peek)):
        return
    if not is_compiled(linked):
        names.refuse_unknown(linked)
        if progress is not None:
            progress(Progress(0, total_rows, 0.0, 0, None, compiling=True))
    column = np.zeros(1, np.int64)
    rows = Chunk(column, column, np.full(1, BOTH_BITS, np.uint8), column + 1, column, np.zeros(0, np.int64))
    lane = LaneParams(
        np.zeros(st.INTS_SIZE, np.int64), np.zeros(st.FLOATS_SIZE), np.array(linked.param_defaults, np.float64)
    )
    lane.ints[st.P_TICK_NS] = st.NEVER
    lane.ints[st.P_TIERS] = 1
    state = _new_state([lane], linked, config, [], first_price=1)
    session = Session(linked, state, states.new_output(state), Feed(iter([rows])), JournalStore(None))
    with faults.named(session):
        run(session)
        if peek is not None:
            peek(session.handle(), 0, 0)


def open_tape(tapes: Sequence[Path | str | Tape] | Path | str | Tape) -> Tape:
    """Return one tape from a tape, a path, or paths of consecutive tapes."""
    if isinstance(tapes, Tape):
        return tapes
    if isinstance(tapes, (str, Path)):
        return Tape.open(tapes)
    if len(tapes) == 1 and isinstance(tapes[0], Tape):
        return tapes[0]
    return Tape.open([Path(path) for path in tapes if not isinstance(path, Tape)])


def new_session(
    tape: Tape, configs: Sequence[Config], linked: Linked, store: JournalStore, journal: bool = True
) -> Session:
    """Return a session at the start of a tape, one lane a config."""
    config = configs[0]
    tables: Tables = []
    is_l3 = tape.level == "l3"
    bounds.refuse_many_lanes(
        len(configs), config, max(slots_of(each.venue) for each in configs),
        st.INTS_SIZE + st.FLOATS_SIZE + len(linked.param_defaults) + len(linked.memory_defaults),
    )  # fmt: skip
    lanes = [lane_params(each, tape.instrument, linked, is_l3, tables) for each in configs]
    start_ts, end_ts = window(tape, config)
    bounds.refuse_long_span(end_ts - start_ts)
    feed = Feed(_chunks(tape, config, 0))
    first = feed.exch[1].price_ticks
    with memory.spared():
        state = _new_state(lanes, linked, config, tables, int(first[0]) if len(first) else 1)
        out = states.new_output(state)
    state.clock[st.ORIGIN] = start_ts
    state.clock[st.END_TS] = end_ts
    states.start_accounts(state)
    bounds.refuse_many_events(state, lanes, end_ts - start_ts)
    state.clock[st.IS_L3] = is_l3
    state.lanes["journal"] = journal or linked.python is not None  # a class is told its fills from the journal's rows
    players = None if linked.python is None else linked.python.players(state)
    return Session(linked, state, out, feed, store, tape.instrument.symbol, players)


def window(tape: Tape, config: Config) -> tuple[int, int]:
    """Return start_ts and end_ts of a run (docs/semantics.md section 1). CONF-003 if nothing is left between them."""
    start_ts, end_ts = tape.start_ts, tape.end_ts + (config.run.repeat - 1) * tape.span_ns
    if config.run.from_ts is not None:
        start_ts = max(start_ts, config.run.from_ts)
    if config.run.to_ts is not None:
        end_ts = min(end_ts, config.run.to_ts)
    if start_ts > end_ts:
        raise ConfigError("CONF-003", f"run.from/run.to: no part of the tape ({tape.start_ts} … {tape.end_ts} ns) is left")
    return start_ts, end_ts


def _new_state(
    lanes: list[LaneParams], linked: Linked, config: Config, tables: Tables, first_price: int
) -> states.State:
    ints, floats, params = stack(lanes)
    width = config.book.window_ticks
    memory = np.tile(np.array(linked.memory_defaults, np.float64), (len(lanes), 1))
    slots = max(SLOTS_MIN, *(int(each.ints[st.P_SLOTS]) for each in lanes))
    state = states.new_state(
        len(lanes), slots, width, first_price - width // 2, ints, floats, params, memory, tables
    )  # fmt: skip
    state.clock[st.SAMPLE_NS] = max(round(config.node.sample_interval_ms * NS_PER_MS), 1)
    states.start_ticks(state)
    return state


def _chunks(tape: Tape, config: Config, start_row: int) -> Iterator[Chunk]:
    return tape.chunks(repeat=config.run.repeat, start_row=start_row, until_ts=config.run.to_ts)


def _fingerprint(tape: Tape, config: Config, linked: Linked, more: Mapping[str, Any] | None) -> str:
    others = (json.dumps(more, sort_keys=True),) if more else ()
    parts = (*manifest.content_hashes(tape), config_hash(config), linked.code_hash, *others)
    return hashlib.sha256("|".join(parts).encode()).hexdigest()


def _with_lanes(fingerprint: str, beside: Sequence[Config], curve_ns: int) -> str:
    """Return the fingerprint that checkpoints carry: that of the run, or of the run with its other lanes."""
    if not beside:
        return fingerprint
    return hashlib.sha256("|".join((fingerprint, str(curve_ns), *map(config_hash, beside))).encode()).hexdigest()


def _thin(state: states.State, curve_ns: int) -> None:
    """Let lanes 1, 2, … keep no journal but a sample each curve_ns."""
    state.clock[st.CURVE_NS] = curve_ns
    state.lanes["journal"][1:] = 0
    state.lanes["curve_ns"][1:] = curve_ns


def _resumed(
    tape: Tape, config: Config, linked: Linked, store: JournalStore, saved: tuple[checkpoint.Position, dict[str, object]]
) -> Session:
    position, arrays = saved
    store.resume(position.segments)
    state = states.restore(arrays)
    first = min(position.local_start, position.exch_start)
    feed = Feed(_chunks(tape, config, first), first)
    while feed.exch[0] < position.exch_start:
        feed.next_exch()
    while feed.local[0] < position.local_start:
        feed.next_local()
    if feed.local[0] != position.local_start or feed.exch[0] != position.exch_start:
        raise JournalError("JRNL-003", "the tape's row groups are not those of the run")
    return Session(linked, state, states.new_output(state), feed, store, tape.instrument.symbol)


class Watch:
    """Progress and checkpoints while a run goes."""

    def __init__(
        self, tape: Tape, config: Config, progress: ProgressCallback | None, folder: Path | None, fingerprint: str,
        earlier_s: float,
    ) -> None:  # fmt: skip
        self._total = tape.rows * config.run.repeat
        self._progress = progress
        self._folder = folder
        self._fingerprint = fingerprint
        self._earlier_s = earlier_s
        self._checkpoint_s = config.run.checkpoint_s
        self._begun = self._shown = self._saved = time.perf_counter()

    def wall_s(self) -> float:
        """Return the seconds of the run, those before a resume included."""
        return time.perf_counter() - self._begun + self._earlier_s

    def meanwhile(self, session: Session) -> None:
        """Show progress, and save a checkpoint when it is time."""
        now = time.perf_counter()
        if 0 < self._checkpoint_s <= now - self._saved:
            self.save(session)
            self._saved = time.perf_counter()
        if now - self._shown >= PROGRESS_EVERY_S:
            self._shown = now
            self.report(session)

    def report(self, session: Session) -> None:
        """Call the progress callback."""
        if self._progress is None:
            return
        rows = session.rows_done
        speed = rows / max(self.wall_s(), 1e-9)
        ts, row = session.feed.local[1].local_ts, int(session.state.clock[st.LOCAL_ROW])
        eta = (self._total - rows) / speed if rows else None
        self._progress(Progress(rows, self._total, speed, int(ts[min(row, len(ts) - 1)]) if len(ts) else 0, eta))

    def save(self, session: Session) -> None:
        """Write a checkpoint, if the run has a folder; when the engine has returned, not in the middle of an event."""
        if self._folder is None:
            return
        empty_buffers(session)
        session.journal.flush()
        position = checkpoint.Position(
            session.feed.exch[0], session.feed.local[0], self.wall_s(), session.journal.segments, self._fingerprint
        )
        checkpoint.save(self._folder, position, states.save(session.state))


def load_tapes(run_dir: Path, moved: Mapping[str, Path] | None = None) -> Tape:
    """Open the tapes that a run's manifest names. Raises TapeError or JournalError; JRNL-004: one has another content than the run's.

    moved: content hash -> file, for tapes that are not where they were (`found_again`).
    """
    note = manifest.read(run_dir)
    paths = [(moved or {}).get(str(entry["content_hash"]), Path(entry["path"])) for entry in note["tapes"]]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise TapeError("TAPE-001", f"{missing[0]}: the tape of run {run_dir}; `mmsim verify RUN --tape FILE` says where it is now")
    tape = Tape.open(paths)
    if manifest.content_hashes(tape) != [entry["content_hash"] for entry in note["tapes"]]:
        raise JournalError("JRNL-004", f"{run_dir}: a tape is not the one of the run")
    return tape


def found_again(run_dirs: Sequence[Path], moved: Sequence[Path]) -> dict[str, Path]:
    """Return the files of moved tapes by their content hash. JRNL-004: one is not a tape of these runs."""
    known = {str(entry["content_hash"]) for folder in run_dirs for entry in manifest.read(folder)["tapes"]}
    found: dict[str, Path] = {}
    for file in (file for path in moved for file in Tape.open(path).files):
        if file.meta.content_hash not in known:
            raise JournalError("JRNL-004", f"{file.path}: no tape of the run has this content ({file.meta.content_hash[:12]}…)")
        found[file.meta.content_hash] = file.path
    return found
