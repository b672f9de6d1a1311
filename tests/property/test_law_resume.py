"""Law 4: a run that was stopped anywhere, and resumed, is the run that was never stopped."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore import engine, manifest
from simcore import state as states
from simcore.config.load import load_config
from simcore.errors import JournalError
from simcore.journal.store import STREAMS, JournalStore, read_stream
from simcore.link import link
from simcore.params import queue_file
from simcore.runner import Feed, Session, empty_buffers, run
from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from tests.property.runs import cases, make_case, outputs, simulated
from tests.support import session_of

SETS = (
    "strategy.name=demo_maker", "node.tick_interval_ms=7", "node.sample_interval_ms=20", "latency.place.model=lognormal", "latency.place.ms=3",
    "latency.response.ms=2", "book.window_ticks=256", "strategy.params.emit.order_lots=3",
    "strategy.params.spread.half_spread_bps=0", "run.checkpoint_s=0.000001",
)  # fmt: skip
REPLAY = """
import sys
from simcore import engine
from simcore.config.load import load_config
tape, out, *sets = sys.argv[1:]
engine.replay(tape, load_config(None, sets), out, resume=True)
"""


class Stop(Exception):
    """Ends a run in a test."""


def stop_at(tape, config, chunk):
    """Run until the Node takes its chunk-th chunk; return checkpoint, position and the journal so far."""
    session = session_of(tape, [config])
    taken = 0

    def after_chunk(session):
        nonlocal taken
        taken += 1
        if taken == chunk:
            raise Stop

    try:
        run(session, after_chunk)
    except Stop:
        empty_buffers(session)
        arrays = {name: array.copy() for name, array in states.save(session.state).items()}
        return arrays, (session.feed.exch[0], session.feed.local[0]), outputs(session)
    return None, None, outputs(session)


def go_on(case, chunk_rows, config, arrays, starts):
    """Run on from a checkpoint; return the rest of the journal."""
    exch, local = starts
    feed = Feed(case.tape(chunk_rows).chunks(start_row=min(starts)), min(starts))
    while feed.exch[0] < exch:
        feed.next_exch()
    while feed.local[0] < local:
        feed.next_local()
    linked = link(config.strategy.name, queue_file(config.venue.queue_model))
    state = states.restore(arrays)
    session = Session(linked, state, states.new_output(state), feed, JournalStore(None))
    run(session)
    return outputs(session)


@given(cases(max_rows=250), st.sampled_from((1, 2, 7)), st.integers(1, 60))
@settings(max_examples=60)
def test_a_run_goes_on_from_any_chunk(case, chunk_rows, chunk):
    config = case.config()
    arrays, starts, before = stop_at(case.tape(chunk_rows), config, chunk)
    after = dict.fromkeys(STREAMS, b"") if arrays is None else go_on(case, chunk_rows, config, arrays, starts)
    assert {stream: before[stream] + after[stream] for stream in STREAMS} == outputs(simulated(case))


@given(cases(max_rows=200))
@settings(max_examples=20)
def test_saving_and_restoring_at_every_chunk_changes_nothing(case):
    """At each chunk the run stops, and another goes on with what a checkpoint would hold."""
    session = session_of(case.tape(7), [case.config()])

    def stop(session):
        raise Stop

    stops = 0
    while True:
        try:
            run(session, stop)
            break
        except Stop:
            arrays = {name: array.copy() for name, array in states.save(session.state).items()}
            session.state = states.restore(arrays)
            stops += 1
    assert stops == -(-len(case.rows.ev) // 7) - 1
    assert outputs(session) == outputs(simulated(case))


# --- on disk -------------------------------------------------------------------------------------------


def write_tape(path: Path, case, group_rows: int) -> None:
    """Write a case's rows as a tape of small row groups, so that a run has many checkpoints."""
    with TapeWriter(path, TapeMeta(case.instrument)) as writer:
        writer.append(case.rows)
    pq.write_table(pq.read_table(path), path, row_group_size=group_rows)


def journal_bytes(folder: Path) -> dict[str, bytes]:
    return {stream: read_stream(folder, stream).tobytes() for stream in STREAMS}


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    """A tape of 15 row groups, the folder of a run over it that nobody stopped, and how many files that run wrote."""
    folder = tmp_path_factory.mktemp("resume")
    write_tape(folder / "tape.parquet", make_case(6, 900, unit_ns=1_000_000), 60)
    with pytest.MonkeyPatch.context() as patch:
        count = stop_at_write(patch, 0, "before")
        engine.replay(folder / "tape.parquet", load_config(None, SETS), folder / "whole")
    assert len(read_stream(folder / "whole", "fills")) > 20
    assert count[0] > 60
    return folder, count[0]


def same_run(folder: Path, whole: Path) -> None:
    assert manifest.read(folder)["digest"] == manifest.read(whole)["digest"]
    assert journal_bytes(folder) == journal_bytes(whole)
    leftovers = [path.name for path in folder.rglob(".*")]
    assert leftovers == []


def kill_until_done(tape: Path, out: Path, chance: random.Random, most_kills: int) -> int:
    """Start (or resume) a run and kill -9 it after a random time, over and over; the last one may finish."""
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    for kills in range(most_kills + 1):
        if (out / "run.json").is_file() and manifest.read(out, finished=False)["status"] == "done":
            return kills  # the last kill came between the end of the run and that of its process
        process = subprocess.Popen([sys.executable, "-c", REPLAY, str(tape), str(out), *SETS], env=environment)
        try:
            if kills == most_kills:
                assert process.wait(timeout=120) == 0
                return kills
            before = newest(out)
            begun = time.monotonic()
            while process.poll() is None and newest(out) == before and time.monotonic() - begun < 60:
                time.sleep(0.002)
            time.sleep(chance.random() * 0.1)
            if process.poll() is not None:
                assert process.returncode == 0
                return kills
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
    return most_kills


def newest(folder: Path) -> int:
    """Return when something in a folder last changed."""
    times = []
    for path in [folder, folder / "journal"]:
        if path.is_dir():
            times.append(path.stat().st_mtime_ns)
    return max(times, default=0)


def test_a_run_survives_kill_9(long_run, tmp_path):
    folder, _ = long_run
    assert kill_until_done(folder / "tape.parquet", tmp_path / "run", random.Random(1), 2) > 0
    same_run(tmp_path / "run", folder / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_a_run_survives_many_kills(long_run, tmp_path, seed):
    folder, _ = long_run
    kill_until_done(folder / "tape.parquet", tmp_path / "run", random.Random(seed), 12)
    same_run(tmp_path / "run", folder / "whole")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3, 6, 7, 8, 32, -8, -6, -3, -1, 0])
def test_a_run_survives_a_stop_at_any_write(long_run, tmp_path, write, moment):
    """Stop just before or after the n-th file is put in place, leaving everything as a killed process would."""
    folder, total = long_run
    number = write if write > 0 else total + write
    config = load_config(None, SETS)
    with pytest.MonkeyPatch.context() as patch:
        stop_at_write(patch, number, moment)
        with pytest.raises(Stop):
            engine.replay(folder / "tape.parquet", config, tmp_path / "run")
    with pytest.MonkeyPatch.context() as patch:
        stop_at_write(patch, 0, moment)
        if (number, moment) == (total, "after"):
            with pytest.raises(JournalError, match="JRNL-002"):
                engine.replay(folder / "tape.parquet", config, tmp_path / "run", resume=True)
        else:
            engine.replay(folder / "tape.parquet", config, tmp_path / "run", resume=True)
    same_run(tmp_path / "run", folder / "whole")


def stop_at_write(patch, number, moment):
    """Let the number-th os.replace raise Stop (0: none). Returns the running count of calls.

    The temporary file stays, as it would after a kill. Nothing waits for the disk: only power cuts would differ.
    """
    count = [0]
    replace = os.replace

    def counted(source, target):
        count[0] += 1
        if count[0] != number:
            return replace(source, target)
        if moment == "after":
            replace(source, target)
        else:
            Path(source).rename(Path(source).with_name(".kept.part"))
        raise Stop

    patch.setattr(os, "replace", counted)
    patch.setattr(os, "fsync", lambda descriptor: None)
    return count


def test_a_checkpoint_of_another_run_is_refused(long_run, tmp_path):
    folder, _ = long_run
    with pytest.MonkeyPatch.context() as patch:
        stop_at_write(patch, 20, "after")
        with pytest.raises(Stop):
            engine.replay(folder / "tape.parquet", load_config(None, SETS), tmp_path / "run")
    other = load_config(None, [*SETS, "run.seed=5"])
    with pytest.raises(JournalError, match="JRNL-003"):
        engine.replay(folder / "tape.parquet", other, tmp_path / "run", resume=True)
