"""The run folder's manifest: run.json (what ran), config.yaml, counts.json (what came out)."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simcore import jit
from simcore.config.load import config_hash, dump_config, load_config
from simcore.config.model import Config
from simcore.door.files import real
from simcore.errors import JournalError, MmsimError
from simcore.files import symbol_name
from simcore.journal import checkpoint
from simcore.journal import note as notes
from simcore.journal.store import STREAMS, file_name
from simcore.kernels import state as st
from simcore.params import instrument_scale
from simcore.version import VERSION

if TYPE_CHECKING:
    from simcore.link import Linked
    from simcore.runner import Session
    from simcore.state import State
    from simcore.tape.read import Tape


BESIDE = ("band.parquet", "band.json")  # what `mmsim replay --queue-band` writes before the run ends


@contextmanager
def claimed(out: Path | None, strategy: str, symbol: str) -> Iterator[Path]:
    """Give the run folder, which no other process can claim meanwhile; it is removed again if nothing was written.

    out: the folder; None: the first unused reports/<strategy>-<symbol>-<n>. JRNL-002: another process writes to it.
    JRNL-005: it cannot be made.
    """
    try:
        folder, is_new = _make(out, f"{Path(strategy).stem}-{symbol_name(symbol)}".lower())
        descriptor = os.open(folder, os.O_RDONLY | os.O_NONBLOCK)  # a pipe is refused later, not waited for
    except OSError as exc:
        raise JournalError("JRNL-005", f"{exc.filename or out}: {exc.strerror}") from exc
    try:
        _lock(descriptor, folder)
        yield folder
    finally:
        if is_new:
            with suppress(OSError):  # there is something in it
                folder.rmdir()
        os.close(descriptor)


def _make(out: Path | None, stem: str, root: Path = Path("reports")) -> tuple[Path, bool]:
    """Return a folder, and whether it is new."""
    if out is not None:
        is_new = not out.exists()
        if is_new:
            out.mkdir(parents=True, exist_ok=True)
        return out, is_new
    root.mkdir(parents=True, exist_ok=True)
    for number in itertools.count(1):
        folder = root / f"{stem}-{number:03d}"
        with suppress(FileExistsError):  # another process may be at it as well
            folder.mkdir()
            return folder, True
    raise AssertionError("itertools.count() ended")


def _lock(descriptor: int, folder: Path) -> None:
    """Lock a folder until the process ends or closes it; file systems without locks do without."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise JournalError("JRNL-002", f"{folder}: another process writes to it") from exc
    except OSError as exc:
        if exc.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
            raise JournalError("JRNL-005", f"{folder}: {exc.strerror}") from exc


def prepare(
    folder: Path, resume: bool, fingerprint: str, kept_by: str
) -> tuple[checkpoint.Position, dict[str, Any]] | None:
    """Check that a run may write to a folder; return the checkpoint to resume from, None to start.

    kept_by: the fingerprint of its checkpoints, which is another one if further lanes ride along.
    JRNL-002: there is a run already. JRNL-003: the checkpoint is of another tape, config or code. JRNL-007: a file of the
    run is damaged.
    """
    path = folder / notes.NAME
    if path.is_file():
        if not resume:
            raise JournalError("JRNL-002", f"{folder}")
        note = read(folder, finished=False)
        if note["fingerprint"] != fingerprint:
            raise JournalError("JRNL-003", f"{folder}: tape, config or code is not that of the run")
        if note["status"] == "failed":
            raise JournalError("JRNL-002", f"{folder}: the run failed and cannot be resumed: {note['error']['cause']}")
        if note["status"] == "done":
            checkpoint.remove(folder)
            raise JournalError("JRNL-002", f"{folder}: the run is complete; `mmsim report {folder}` builds its report")
        notes.checked(folder, notes.CONFIG, note)
        checkpoint.remove_unfinished(folder)
        saved = checkpoint.load(folder)
        if saved is not None and saved[0].fingerprint != kept_by:
            raise JournalError("JRNL-003", f"{folder}: the checkpoint is of another tape, config, code or queue band")
        if saved is None:
            _remove_segments(folder)
        return saved
    if folder.exists() and not (folder.is_dir() and (_is_empty(folder) or (resume and _is_unstarted(folder)))):
        raise JournalError("JRNL-002", f"{folder} is not an empty folder")
    return None


def _is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


def _is_unstarted(folder: Path) -> bool:
    """Return whether a folder holds no more than a run that was stopped before its manifest was written."""
    names = {path.name for path in folder.iterdir() if not path.name.endswith(".part")}
    return names <= {"config.yaml"}


def content_hashes(tape: Tape) -> list[str]:
    """Return the content hash of each file of a tape."""
    return [file.meta.content_hash for file in tape.files]


def _describe_files(tape: Tape) -> list[dict[str, Any]]:
    return [
        {
            "path": str(real(file.path)),
            "content_hash": file.meta.content_hash,
            "rows": file.meta.rows,
            "source": dict(file.meta.source),
        }
        for file in tape.files
    ]


def _remove_segments(folder: Path) -> None:
    for path in (folder / "journal").glob(".*.parquet"):
        path.unlink()


def write_start(
    folder: Path, tape: Tape, config: Config, linked: Linked, fingerprint: str, state: State,
    more: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write config.yaml and run.json with status "running"; more: further keys of run.json."""
    scale = instrument_scale(tape.instrument)
    note = {
        "status": "running",
        "mmsim": VERSION,
        "code_hash": linked.code_hash,
        "config_hash": config_hash(config),
        "fingerprint": fingerprint,
        "versions": f"{jit.versions_text()} {platform.libc_ver()[0]} {platform.machine()}",
        "tapes": _describe_files(tape),
        "instrument": asdict(tape.instrument),
        "inferred": list(tape.meta.inferred),
        "synthetic": tape.meta.synthetic,
        "clock": dict(tape.meta.clock),
        "level": tape.level,
        "value_scale": scale.value_scale,
        "cash_unit": format(scale.unit, "f"),
        "strategy": config.strategy.name,
        "seed": config.run.seed,
        "repeat": config.run.repeat,
        "start_ts": int(state.clock[st.ORIGIN]),
        "end_ts": int(state.clock[st.END_TS]),
        "digest": "",
        **(more or {}),
    }
    start(folder, note, config)


def start(folder: Path, note: Mapping[str, Any], config: Config) -> None:
    """Write config.yaml, and run.json with its hash. JRNL-005."""
    notes.save(folder / notes.CONFIG, dump_config(config))
    notes.write(folder, {**note, "files": notes.hashes(folder, [notes.CONFIG])})


def config_of(folder: Path, note: Mapping[str, Any] | None = None) -> Config:
    """Return the configuration of a run, checked: JRNL-001, JRNL-007 as `simcore.journal.note.checked`. note: its run.json."""
    return load_config(notes.checked(folder, notes.CONFIG, note), [])


def write_end(
    folder: Path, session: Session, rows: int, wall_s: float, digest: str, error: MmsimError | None = None
) -> None:
    """Write counts.json, then run.json with status "done", digest and hashes: from then on the run is complete.

    error: what stopped the run, whose status is then "failed".
    """
    note = notes.read(folder)
    note["stages"] = [stage.name for stage in session.linked.stages]
    note["params"] = dict(zip(session.linked.param_names, session.state.params[0].tolist(), strict=False))
    if session.state.ints[0, st.P_TRACE] > 0:
        note["cycles_per_ns"] = jit.cycles_per_ns()
    note["status"] = "done" if error is None else "failed"
    if error is not None:
        note["error"] = {"code": error.code, "title": error.title, "cause": error.cause, "ts": session.now_ts}
    found = {**counts(session.state, 0, rows, wall_s), "memory": _memory(session)}
    notes.save(folder / notes.COUNTS, json.dumps(found, indent=2, allow_nan=False) + "\n")
    written = notes.hashes(folder, [notes.COUNTS, *map(file_name, STREAMS), *BESIDE])
    notes.write(folder, {**note, "digest": digest, "files": {**note["files"], **written}})


def _memory(session: Session) -> dict[str, float | None]:
    """Return what the strategy remembers at the end, by name; null for what is not finite."""
    values = zip(session.linked.memory_names, session.state.memory[0].tolist(), strict=True)
    return {name: value if math.isfinite(value) else None for name, value in values}


def counts(state: State, lane: int, rows: int, wall_s: float) -> dict[str, Any]:
    """Return a lane's counters by name, with rows and seconds."""
    record = state.lanes[lane]
    names = (
        "ticks", "skipped_ticks", "orders", "amends", "cancels", "fills", "maker_fills", "taker_fills", "partial_fills",
        "volume_lots", "turnover_units", "fee_units", "funding_units", "cash_units", "position_lots", "refused",
        "expired", "triggered", "liquidations", "late_reports", "drawdown_max", "equity_units", "open_orders",
    )  # fmt: skip
    return {"rows": rows, "wall_s": wall_s, **{name: int(record[name]) for name in names}}


def read(folder: Path, finished: bool = True) -> dict[str, Any]:
    """Read run.json; JRNL-001 if the folder holds no run, or one that has not ended where that is wanted; JRNL-007.

    status: "running", "done", or "failed": then "error" says what stopped it and when, and the journal ends there.
    """
    note = notes.read(folder)
    if not {"fingerprint", "status", "tapes", "digest"} <= set(note):
        raise JournalError("JRNL-001", f"{folder / notes.NAME}: not the manifest of a run")
    if finished and note["status"] not in ("done", "failed"):
        raise JournalError("JRNL-001", f"{folder}: the run is not complete; `mmsim replay --resume --out {folder}`")
    return note
