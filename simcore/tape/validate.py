"""Check every row of a tape, streaming; count what is wrong or odd, and name the first rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from simcore.door.arguments import PATH, TAPE, either, public
from simcore.records import (
    ASK_BIT,
    BOTH_BITS,
    CLEAR,
    EXCH_BIT,
    FUNDING,
    GAP,
    KIND_COUNT,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    NO_SIDE_BIT,
    OWN_CANCEL,
    OWN_FILL,
    OWN_ORDER,
    SIDED_KINDS,
    SNAPSHOT,
    TIME_END,
    TRADE,
    UNITS_MAX,
    Chunk,
)
from simcore.tape.read import Tape, opened
from simcore.tape.schema import LEVELS_WITH_IDS
from simcore.tape.validate_book import CheckedBook
from simcore.tape.write import Figures

ROWS_NAMED = 10

# name -> (severity, sentence)
CHECKS: dict[str, tuple[str, str]] = {
    "exch_order": ("error", "exchange time goes back"),
    "local_order": ("error", "local time goes back"),
    "kind": ("error", "unknown kind of row"),
    "bits": ("error", "a row that no view sees, a level without a side, or a row with two sides"),
    "price": ("error", "price is zero or negative"),
    "quantity": ("error", "quantity is negative"),
    "empty_trade": ("error", "a trade of no quantity: nothing traded, yet it would fill what it passes"),
    "range": ("error", "time outside 1970-2200, or price or quantity of 2^52 or more"),
    "order_id": ("error", "order id is zero or negative where one is needed"),
    "metadata": ("error", "the metadata say other times or prices than the rows have; the rows are the first of each such file"),
    "gap": ("warning", "updates are missing from the source here; the book may be wrong until the next snapshot"),
    "crossed_exch": ("warning", "the Venue's book is crossed or locked at the end of a message"),
    "crossed_local": ("warning", "the Node's book is crossed or locked at the end of a message"),
    "snapshot": ("warning", "a snapshot row differs from the book that it replaces"),
    "early": ("warning", "received before the exchange made it"),
    "duplicate": ("warning", "a level row repeats the row before it"),
    "duplicate_trade": ("warning", "a trade repeats the row before it: same times, price, quantity and side"),
}


@dataclass(frozen=True)
class Finding:
    """One kind of trouble. rows: numbers (from 0) of the first rows that have it."""

    check: str
    severity: str
    sentence: str
    count: int
    rows: tuple[int, ...]


@dataclass(frozen=True)
class ValidationReport:
    """What `validate` found, errors first; updates_missing: sum over GAP rows, where the source says how many."""

    rows: int
    findings: tuple[Finding, ...]
    updates_missing: int

    @property
    def is_usable(self) -> bool:
        """Whether there is no error."""
        return not any(finding.severity == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as for JSON."""
        return {"ok": self.is_usable, **asdict(self)}


@dataclass
class _Tally:
    counts: dict[str, int] = field(default_factory=dict)
    rows: dict[str, list[int]] = field(default_factory=dict)

    def add(self, check: str, rows: Any) -> None:
        if len(rows):
            self.counts[check] = self.counts.get(check, 0) + len(rows)
            named = self.rows.setdefault(check, [])
            named.extend(int(row) for row in rows[: ROWS_NAMED - len(named)])


class _Told:
    """Compares what the files' metadata say with the rows that pass."""

    def __init__(self, tape: Tape) -> None:
        self._files = list(tape.files)
        self._first_row = 0
        self._figures = Figures()

    def add(self, chunk: Chunk, tally: _Tally) -> None:
        """Take the next chunk, which is of one file."""
        self._figures.add(chunk)
        meta = self._files[0].meta
        if self._figures.rows == meta.rows:
            if any(getattr(meta, name) != value for name, value in self._figures.fields().items()):
                tally.add("metadata", np.array([self._first_row]))
            self._first_row += meta.rows
            self._files.pop(0)
            self._figures = Figures()


@public(tape=either(TAPE, PATH))
def validate(tape: Tape | Path | str) -> ValidationReport:
    """Read the whole tape once. Memory is bounded by the price range, not by the length. TapeError as reading."""
    tape = opened(tape)
    tally = _Tally()
    told = _Told(tape)
    lows = [file.meta.price_min_ticks for file in tape.files if file.meta.price_min_ticks is not None]
    highs = [file.meta.price_max_ticks for file in tape.files if file.meta.price_max_ticks is not None]
    lo, hi = (min(lows), max(highs)) if lows and highs else (0, 0)
    books = {"exch": CheckedBook(EXCH_BIT, lo, hi), "local": CheckedBook(LOCAL_BIT, lo, hi)}
    last: Chunk | None = None
    last_times = {EXCH_BIT: -1, LOCAL_BIT: -1}
    first_row = updates_missing = 0
    for chunk in tape.chunks(check=False):
        _check_values(chunk, first_row, tape.level, tally)
        _check_order(chunk, first_row, last_times, tally)
        _check_repeats(chunk, first_row, last, tally)
        told.add(chunk, tally)
        kind = chunk.ev & KIND_MASK
        updates_missing += int(chunk.qty_lots[kind == GAP].sum())
        for view, book in books.items():
            crossed, differing = book.follow(chunk, first_row)
            tally.add(f"crossed_{view}", crossed)
            if view == "local":
                tally.add("snapshot", differing)
        first_row += len(chunk.ev)
        last = chunk
    for view, book in books.items():
        tally.add(f"crossed_{view}", book.end())
    findings = [
        Finding(name, severity, sentence, tally.counts[name], tuple(tally.rows[name]))
        for name, (severity, sentence) in CHECKS.items()
        if name in tally.counts
    ]
    return ValidationReport(first_row, tuple(findings), updates_missing)


def _check_values(chunk: Chunk, first_row: int, level: str, tally: _Tally) -> None:
    """Judge each row by itself."""
    ev, price, qty = chunk.ev, chunk.price_ticks, chunk.qty_lots
    kind = ev & KIND_MASK
    has_price = ~np.isin(kind, (GAP, OWN_CANCEL)) & ~((kind == CLEAR) & (qty == 0))
    sides = np.uint8(ASK_BIT | NO_SIDE_BIT)
    out_of_range = (np.abs(price) > UNITS_MAX) | (np.abs(qty) > UNITS_MAX)
    for times, bit in ((chunk.exch_ts, EXCH_BIT), (chunk.local_ts, LOCAL_BIT)):
        out_of_range |= ((ev & bit) != 0) & ((times <= 0) | (times >= TIME_END))
    found = {
        "kind": kind >= KIND_COUNT,
        "bits": ((ev & BOTH_BITS) == 0) | ((ev & sides) == sides) | (np.isin(kind, SIDED_KINDS) & ((ev & NO_SIDE_BIT) != 0)),
        "price": has_price & (price <= 0),
        "quantity": (qty < 0) & (kind != FUNDING),
        "empty_trade": (kind == TRADE) & (qty == 0),
        "range": out_of_range,
        "gap": kind == GAP,
        "early": ((ev & BOTH_BITS) == BOTH_BITS) & (chunk.local_ts < chunk.exch_ts),
    }
    needs_id = np.isin(kind, (L3_ADD, L3_REDUCE, L3_EXEC, OWN_ORDER, OWN_FILL, OWN_CANCEL))
    found["order_id"] = needs_id & (chunk.order_id <= 0) if level in LEVELS_WITH_IDS else needs_id
    for name, bad in found.items():
        tally.add(name, np.flatnonzero(bad) + first_row)


def _check_order(chunk: Chunk, first_row: int, last_times: dict[int, int], tally: _Tally) -> None:
    """Compare each time with the one before it in its view; last_times is kept from chunk to chunk."""
    for name, times, bit in (("exch_order", chunk.exch_ts, EXCH_BIT), ("local_order", chunk.local_ts, LOCAL_BIT)):
        seen = np.flatnonzero(chunk.ev & bit)
        if len(seen):
            ordered = times[seen]
            before = np.concatenate(([last_times[bit]], ordered[:-1]))
            tally.add(name, seen[ordered < before] + first_row)
            last_times[bit] = int(ordered[-1])


def _check_repeats(chunk: Chunk, first_row: int, last: Chunk | None, tally: _Tally) -> None:
    """Find rows equal to the row before them in every column."""
    columns = [(column, None if last is None else before) for column, before in zip(chunk, last or chunk, strict=True)]
    same = np.ones(len(chunk.ev), dtype=bool)
    same[0] = last is not None
    for column, before in columns:
        if len(column):
            same[1:] &= column[1:] == column[:-1]
            same[0] &= before is not None and bool(column[0] == before[-1])
    kind = chunk.ev & KIND_MASK
    is_trade = kind == TRADE
    is_level = (kind <= SNAPSHOT) | ~np.isin(kind, (TRADE, GAP, CLEAR, FUNDING))
    tally.add("duplicate_trade", np.flatnonzero(same & is_trade) + first_row)
    tally.add("duplicate", np.flatnonzero(same & is_level) + first_row)
