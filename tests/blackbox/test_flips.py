"""One flipped bit, anywhere in what mmsim keeps: it is refused with a code, or what comes out is the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore import engine, manifest
from simcore.calibrate.datasets.files import find_feeds, read_feed
from simcore.config.load import load_config
from simcore.errors import JournalError, TapeError
from simcore.journal import note as notes
from simcore.journal.store import STREAMS, read_stream
from simcore.observe.metrics import metrics_text
from simcore.report.feeds import fill_columns, write_feeds
from simcore.report.folder import open_run
from simcore.report.gates import read_json
from simcore.report.statistics import summary
from simcore.tape.read import Tape
from tests.blackbox.command import names_under
from tests.blackbox.tapes import write_sample
from tests.flips import REFUSED, flipped, outcome, places

SETS = ("strategy.name=demo_maker", "node.trace_every=50")
FLIPS = 10  # of each file


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with all that a run can leave: journal, report, feeds."""
    from simcore.report import build_report

    folder = tmp_path_factory.mktemp("flips")
    run = engine.replay(write_sample(folder / "t.parquet", rows=20_000), load_config(None, SETS), folder / "run")
    build_report(run)
    assert write_feeds(run).fill_rows > 3
    return run


def figures(run: Path) -> str:
    """Return everything that the commands say of a run."""
    columns = {name: np.asarray(values).tolist() for name, values in fill_columns(open_run(run)).items()}
    rows = {name: read_stream(run, name).tobytes().hex() for name in STREAMS}
    return json.dumps([summary(run), columns, rows, metrics_text(run)])


def test_verify_refuses_every_flip_in_a_run_folder(played: Path) -> None:
    """In each of its files; which command reads it does not matter."""
    notes.check_files(played)
    names = names_under(played)
    assert len(names) > 20
    for name in names:
        for bit in places(played / name, FLIPS):
            with flipped(played / name, bit), pytest.raises(JournalError) as caught:
                notes.check_files(played)
            assert caught.value.code in ("JRNL-001", "JRNL-007", "JRNL-009"), (name, bit)
    notes.check_files(played)


def test_no_figure_of_a_run_comes_from_a_damaged_file(played: Path) -> None:
    """Summary, metrics, feeds and every stream: of what the run itself wrote, no flip is let through."""
    told = figures(played)
    for name in ("run.json", *notes.read(played)["files"]):
        for bit in places(played / name, FLIPS, seed=2):
            with flipped(played / name, bit):
                assert outcome(lambda: figures(played)) == REFUSED, (name, bit)
    assert figures(played) == told


def test_flipped_feeds_give_the_same_columns_or_none(played: Path) -> None:
    for file in find_feeds([played / "feeds"]):
        told = str({name: values.tolist() for name, values in read_feed(file).items()})
        for bit in places(file.path, 40):
            with flipped(file.path, bit):
                found = outcome(lambda file=file: str({name: values.tolist() for name, values in read_feed(file).items()}))
            assert found in (told, REFUSED), (file.path.name, bit)


@pytest.mark.parametrize("name", ["summary.json", "stages.json"])
def test_gates_take_no_damaged_file(played: Path, name: str) -> None:
    """A baseline of mmsim carries its hash. Where the flip is in that key itself, nothing else is damaged."""
    path = played / name
    told = {key: value for key, value in read_json(path).items() if key != "sha256"}
    for bit in places(path, 60):
        with flipped(path, bit):
            found = outcome(lambda: read_json(path))
        assert found == REFUSED or {key: found[key] for key in told} == told, bit


def content(tape: Tape) -> Any:
    rows = list(tape.chunks())
    tape.verify()
    columns = [np.concatenate([getattr(chunk, name) for chunk in rows]).tobytes() for name in rows[0]._fields]
    return tape.meta, columns


def test_a_flipped_tape_is_refused_or_the_same(tmp_path: Path) -> None:
    """Small, so that its end, the metadata and the heads of pages are met often; rows, sizes and times never change."""
    path = write_sample(tmp_path / "t.parquet", rows=40)
    told = content(Tape.open(path))
    refused = 0
    for bit in places(path, 600):
        with flipped(path, bit):
            found = outcome(lambda: content(Tape.open(path)))
        assert found in (REFUSED, told), bit
        refused += found == REFUSED
    assert refused > 500


def test_flipped_metadata_are_refused_at_once(tmp_path: Path) -> None:
    """Before any row is read: another tick size, another start. TAPE-012, or TAPE-002 where the key itself is hit."""
    path = write_sample(tmp_path / "t.parquet", rows=40)
    data = path.read_bytes()
    for word in (b'"tick_size":"0.', b'"first_local_ts":1', b'"lot_size":"', b'"rows":4', b'"inferred":[', b'"clock":{'):
        at = data.index(word) + len(word)
        for bit in range(8 * (at - 2), 8 * (at + 1)):
            with flipped(path, bit), pytest.raises(TapeError) as caught:
                Tape.open(path)
            assert caught.value.code == "TAPE-012"


def test_metadata_that_another_program_wrote_must_fit_their_hash(tmp_path: Path) -> None:
    """A copy by another writer has no hash of the file's end; that of the metadata goes with it."""
    import pyarrow.parquet as pq

    tape = Tape.open(write_sample(tmp_path / "t.parquet", rows=40))
    table = pq.read_table(tape.files[0].path)
    pq.write_table(table, tmp_path / "copy.parquet", row_group_size=7)
    assert Tape.open(tmp_path / "copy.parquet").verify() == tape.content_hash
    text = table.schema.metadata[b"mmsim.tape"]
    changed = text.replace(b'"tick_size":"0.', b'"tick_size":"1.')
    assert changed != text
    pq.write_table(table.replace_schema_metadata({b"mmsim.tape": changed}), tmp_path / "copy.parquet")
    with pytest.raises(TapeError, match="TAPE-012"):
        Tape.open(tmp_path / "copy.parquet")


# --- a run that was stopped ----------------------------------------------------------------------------


class Stop(Exception):
    """Ends a run between two checkpoints."""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Callable[[Path, bool], Path], str]:
    """A folder of a run that was stopped, with checkpoint and segments; what runs it on; and the digest of the whole."""
    folder = tmp_path_factory.mktemp("stopped")
    tape = write_sample(folder / "t.parquet", rows=3000)
    config = load_config(None, ["strategy.name=demo_maker", "run.repeat=12", "run.checkpoint_s=0.000001"])
    whole = engine.replay(tape, config, folder / "whole")

    def go_on(out: Path, resume: bool) -> Path:
        return engine.replay(tape, config, out, resume=resume)

    flushes = 0
    with pytest.MonkeyPatch.context() as patch:
        flush = engine.JournalStore.flush

        def stopping(self: Any) -> None:
            nonlocal flushes
            flushes += 1
            if flushes == 7:
                raise Stop
            flush(self)

        patch.setattr(engine.JournalStore, "flush", stopping)
        with pytest.raises(Stop):
            go_on(folder / "run", False)
    return folder / "run", go_on, str(manifest.read(whole)["digest"])


def test_a_stopped_run_with_a_flip_goes_on_to_the_same_digest_or_not_at_all(
    stopped: tuple[Path, Callable[[Path, bool], Path], str], tmp_path: Path
) -> None:
    """Configuration, manifest, checkpoint, segments; the folder stays as it is, and goes on once it is whole."""
    run, go_on, digest = stopped
    names = [name for name in names_under(run) if (run / name).is_file()]
    assert {"run.json", "config.yaml", ".checkpoint.npz"} <= set(names)
    assert sum(name.startswith("journal/.") for name in names) >= 10
    before = {name: (run / name).read_bytes() for name in names}
    out = tmp_path / "out"
    shutil.copytree(run, out)
    for name in names:
        for bit in places(out / name, 6, seed=3):
            with flipped(out / name, bit):
                assert outcome(lambda: go_on(out, True)) == REFUSED, (name, bit)
            assert {each: (out / each).read_bytes() for each in names} == before
    assert manifest.read(go_on(out, True))["digest"] == digest
