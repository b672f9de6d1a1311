"""What is explained: one symbol of a run, with its journal, its tape and its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from simcore import engine, manifest
from simcore.config.model import Config
from simcore.errors import JournalError, ReportError
from simcore.journal.store import read_stream, select_rows
from simcore.portfolio.folder import part, parts
from simcore.portfolio.kind import is_portfolio
from simcore.records import Record
from simcore.report.folder import RunFolder, open_run
from simcore.tape.read import Tape


@dataclass(frozen=True)
class Subject:
    """A symbol's own run folder, and what it was made from."""

    run: RunFolder
    tape: Tape
    config: Config

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return str(self.run.note["instrument"]["symbol"])

    @property
    def follows(self) -> bool:
        """Whether its quotes depend on another instrument's book."""
        return bool(self.run.note.get("leader"))

    @cached_property
    def reports(self) -> Record:
        """What the Node was told, the allocator's words among it."""
        return read_stream(self.run.path, "reports")

    def requests_at(self, ts: int) -> Record:
        """Return the requests that were sent at a time."""
        return select_rows(self.run.path, "requests", lambda rows: rows["ts"] == ts)

    def price(self, ticks: float) -> float:
        """Return a price of the instrument."""
        return float(ticks) * float(self.run.money.tick_size)

    def size(self, lots: float) -> float:
        """Return lots in the unit of volume."""
        return float(lots) * self.run.money.quantity(1)


def open_subject(run_dir: Path | str, symbol: str | None) -> Subject:
    """Open the symbol of a run that is to be explained; symbol None: the only one.

    REP-002: the run does not have the symbol, or has several and none is named. JRNL-004: its tape has changed. Else as
    `open_run` and `engine.load_tapes`.
    """
    run = open_folder(run_dir, symbol)
    tape = engine.load_tapes(run.path)
    return Subject(run, tape, manifest.config_of(run.path, run.note))


def open_folder(run_dir: Path | str, symbol: str | None) -> RunFolder:
    """Open the run folder of a symbol, without its tape; symbol None: the only one. REP-002, or as `open_run`."""
    run = open_run(_folder(Path(run_dir), symbol))
    found = str(run.note["instrument"]["symbol"])
    if symbol is not None and not is_portfolio(run_dir) and symbol != found:
        raise ReportError("REP-002", f"{run_dir}: no symbol {symbol}; the run is of {found}")
    return run


def _folder(run_dir: Path, symbol: str | None) -> Path:
    if not is_portfolio(run_dir):
        return run_dir
    names = ", ".join(one.name for one in parts(run_dir, finished=False))
    if symbol is None:
        raise ReportError("REP-002", f"{run_dir}: a run of {names}; name one with --symbol")
    try:
        return part(run_dir, symbol).folder
    except JournalError as exc:
        raise ReportError("REP-002", f"{run_dir}: no symbol {symbol}; the run is of {names}") from exc


def record_dict(row: Any) -> dict[str, Any]:
    """Return a record's fields as plain numbers."""
    return {name: row[name].item() if isinstance(row[name], np.generic) else row[name] for name in row.dtype.names}
