"""The folder of a run of several symbols: its manifest, its telemetry, and a complete run folder for each symbol.

run.json (kind "portfolio"), config.yaml, journal/allocator.parquet, and <venue>-<symbol>/ (`files.instrument_name`) as `mmsim replay` of one writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from simcore import manifest, parquet
from simcore.config.load import config_hash
from simcore.config.model import Config
from simcore.errors import JournalError, MmsimError, PortfolioError
from simcore.files import write_atomic
from simcore.journal import checkpoint
from simcore.journal import note as notes
from simcore.portfolio.coordinator import Entry
from simcore.portfolio.kind import KIND
from simcore.portfolio.members import Member
from simcore.portfolio.team import Finished
from simcore.version import VERSION

TELEMETRY = "journal/allocator.parquet"
_SCHEMA = pa.schema(
    [
        ("ts", pa.int64()), ("symbol", pa.string()), ("ended", pa.bool_()), ("samples", pa.int64()), ("score", pa.float64()),
        *((name, pa.float64()) for name in ("net_bps", "fill_rate", "slippage_bps", "queue_edge", "adverse_bps", "weight")),
        ("blocked", pa.bool_()), ("max_quotes", pa.int64()), ("budget_lots", pa.int64()), ("position_lots", pa.int64()),
        ("worst_lots", pa.int64()), ("lot_value", pa.float64()), ("position_value", pa.float64()),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A symbol of a portfolio run: its key and name, and its own run folder."""

    key: str
    name: str
    folder: Path
    leader: str | None


def parts(run_dir: Path | str, finished: bool = True) -> list[Part]:
    """Return the symbols of a portfolio run, in canonical order. JRNL-001 as `manifest.read`."""
    folder = Path(run_dir)
    note = manifest.read(folder, finished)
    return [Part(one["key"], one["name"], folder / one["folder"], one["leader"]) for one in note["symbols"]]


def part(run_dir: Path | str, symbol: str) -> Part:
    """Return the symbol of a portfolio run that a name or key means. JRNL-001 if there is none."""
    found = parts(run_dir, finished=False)
    chosen = [one for one in found if symbol in (one.key, one.name)]
    if len(chosen) != 1:
        raise JournalError("JRNL-001", f"{run_dir}: no run of {symbol}; it has {', '.join(one.name for one in found)}")
    return chosen[0]


def digest_of(digests: Mapping[str, str]) -> str:
    """Return the digest of a portfolio: SHA-256 over a line `key digest` a symbol, in order of the keys."""
    lines = "".join(f"{key} {digests[key]}\n" for key in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def fingerprint_of(members: Sequence[Member], config: Config, code_hashes: Sequence[str]) -> str:
    """Return what must not change between a run's start and its resumption."""
    tapes = [text for member in members for text in (member.key, *manifest.content_hashes(member.tape))]
    return hashlib.sha256("|".join([*tapes, config_hash(config), *code_hashes]).encode()).hexdigest()


def prepare(folder: Path, resume: bool, fingerprint: str, interacting: bool) -> bool:
    """Check that a run may write to a folder; return whether it goes on with what is there.

    JRNL-002: there is a run already. JRNL-003: it is of other tapes, another config or code. PORT-003: its symbols act on
    each other. JRNL-007: a file of the run is damaged.
    """
    if not (folder / notes.NAME).is_file():
        if any(folder.iterdir()):
            raise JournalError("JRNL-002", f"{folder} is not an empty folder")
        return False
    if not resume:
        raise JournalError("JRNL-002", f"{folder}")
    note = manifest.read(folder, finished=False)
    if note.get("kind") != KIND or note["fingerprint"] != fingerprint:
        raise JournalError("JRNL-003", f"{folder}: tapes, config or code are not those of the run")
    if note["status"] == "done":
        raise JournalError("JRNL-002", f"{folder}: the run is complete; `mmsim report {folder}` builds its report")
    if interacting:
        raise PortfolioError("PORT-003", f"{folder}")
    notes.checked(folder, notes.CONFIG, note)
    checkpoint.remove_unfinished(folder)
    return True


def write_start(folder: Path, members: Sequence[Member], config: Config, fingerprint: str) -> None:
    """Write config.yaml and run.json with status "running"."""
    note = {
        "kind": KIND,
        "status": "running",
        "mmsim": VERSION,
        "config_hash": config_hash(config),
        "fingerprint": fingerprint,
        "tapes": [],
        "strategy": config.strategy.name,
        "seed": config.run.seed,
        "symbols": [
            {"key": member.key, "name": member.name, "folder": member.folder, "leader": member.leader} for member in members
        ],
        "wall_s": 0.0,
        "rows": 0,
        "digest": "",
    }
    manifest.start(folder, note, config)


def write_end(folder: Path, finished: Mapping[str, Finished], wall_s: float) -> str:
    """Write the manifest of a complete run; return its digest. wall_s is added to that of an earlier part."""
    note = notes.read(folder)
    digest = digest_of({key: one.digest for key, one in finished.items()})
    rows = sum(one.rows for one in finished.values())
    done = {"status": "done", "wall_s": note["wall_s"] + wall_s, "rows": rows, "digest": digest}
    _write_end(folder, {**note, **done})
    return digest


def write_failed(folder: Path, exc: MmsimError, wall_s: float) -> None:
    """Say in the manifest what stopped a run."""
    note = notes.read(folder)
    error = {"code": exc.code, "title": exc.title, "cause": exc.cause}
    _write_end(folder, {**note, "status": "failed", "wall_s": note["wall_s"] + wall_s, "error": error})


def _write_end(folder: Path, note: Mapping[str, Any]) -> None:
    """Write the manifest of a run that has ended, with the hash of its telemetry."""
    notes.write(folder, {**note, "files": {**note["files"], **notes.hashes(folder, [TELEMETRY])}})


def write_telemetry(folder: Path, entries: Sequence[Entry]) -> None:
    """Write what barriers saw and decided, one row a barrier and symbol."""
    table = pa.Table.from_pylist([entry._asdict() for entry in entries], schema=_SCHEMA)
    try:
        write_atomic(folder / TELEMETRY, lambda temporary: parquet.write_table(table, temporary))
    except OSError as exc:
        raise JournalError("JRNL-005", f"{folder / TELEMETRY}: {exc}") from exc


def read_telemetry(run_dir: Path | str) -> list[Entry]:
    """Return what barriers saw and decided; [] for a run without barriers. JRNL-001 if it cannot be read, JRNL-007 if damaged."""
    path = Path(run_dir) / TELEMETRY
    note = notes.read(Path(run_dir))
    if TELEMETRY not in note["files"] and not path.exists():
        return []
    notes.checked(Path(run_dir), TELEMETRY, note)
    try:
        return [Entry(**row) for row in parquet.read_pages(path).to_pylist()]
    except (OSError, pa.ArrowException, TypeError) as exc:
        raise JournalError("JRNL-001", f"{path}: {exc}") from exc
