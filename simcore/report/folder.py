"""A finished run folder, read and checked: manifest, counters, configuration, journal, and the units of money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from simcore.door.files import read_text
from simcore.errors import ReportError
from simcore.journal import note as notes
from simcore.journal.store import check_streams, read_stream, select_rows
from simcore.records import ASK, BID, NO_PRICE, IntArray, Record
from simcore.report import sums
from simcore.report.sums import Column
from simcore.tape.schema import Instrument
from simcore.units import INVERSE, KIND_NAMES, to_decimal

_NOTE_KEYS = ("instrument", "value_scale", "cash_unit", "start_ts", "end_ts", "digest")
_COUNT_KEYS = (
    "rows", "wall_s", "orders", "amends", "cancels", "fills", "maker_fills", "taker_fills", "partial_fills",
    "volume_lots", "turnover_units", "fee_units", "funding_units", "cash_units", "position_lots",
)  # fmt: skip
_INSTRUMENT_KEYS = ("venue", "symbol", "kind", "tick_size", "lot_size", "contract_size", "base", "quote")


@dataclass(frozen=True)
class Money:
    """How ticks and lots become money (docs/semantics.md 4.6).

    direction  +1: a long gains when the price rises in cash units per lot; -1 for inverse contracts, whose
               value in coin falls as 1/price.
    unit       size of a cash unit in `cash` (quote currency; inverse: base coin).
    """

    kind: int
    value_scale: int
    unit: Decimal
    tick_size: Decimal
    lot_size: Decimal
    contract_size: Decimal
    base: str
    quote: str

    @property
    def direction(self) -> int:
        """Return the sign of a long position's value."""
        return -1 if self.kind == INVERSE else 1

    @property
    def cash(self) -> str:
        """Return the name of the money: the quote currency; the base coin of inverse contracts."""
        return (self.base or "coin") if self.kind == INVERSE else (self.quote or "quote")

    @property
    def size(self) -> str:
        """Return the name of the unit of volume and position."""
        return "contracts" if self.kind == INVERSE else (self.base or "base")

    def notional(self, price_ticks: IntArray, qty_lots: IntArray) -> Column:
        """Return cash units [n] of fills at prices > 0."""
        if self.kind == INVERSE:
            return sums.divide_half_up(sums.multiply(qty_lots, self.value_scale), price_ticks)
        return sums.multiply(price_ticks, qty_lots, self.value_scale)

    def half_value(self, bid_plus_ask: IntArray, qty_lots: IntArray) -> Column:
        """Return twice the cash units [n] of lots at mids > 0, given as bid + ask; inverse: rounded half up."""
        if self.kind == INVERSE:
            return sums.divide_half_up(sums.multiply(qty_lots, 4 * self.value_scale), bid_plus_ask)
        return sums.multiply(bid_plus_ask, qty_lots, self.value_scale)

    def position_units(self, position_lots: int, bid_plus_ask: int) -> int:
        """Return cash units of a position at a mid, rounded down as the ledger does."""
        if self.kind == INVERSE:
            return (-position_lots * 2 * self.value_scale) // bid_plus_ask
        return (position_lots * bid_plus_ask * self.value_scale) // 2

    def amount(self, units: int, halves: bool = False) -> float:
        """Return cash units (or halves of them) as money; the only rounding is that to float."""
        with localcontext() as context:
            context.prec = 60
            exact = Decimal(units) * self.unit
            return float(exact / 2 if halves else exact)

    def quantity(self, lots: int) -> float:
        """Return lots as base currency (inverse: contracts)."""
        size = self.lot_size if self.kind == INVERSE else self.lot_size * self.contract_size
        return float(lots * size)


def money_of(instrument: Instrument) -> Money:
    """Return how ticks and lots of an instrument become money. CONF-003 if its sizes do not fit."""
    from simcore.params import instrument_scale  # it loads numba, which reports alone do not need

    scale = instrument_scale(instrument)
    return Money(
        instrument.kind_code, scale.value_scale, scale.unit, to_decimal(instrument.tick_size), to_decimal(instrument.lot_size),
        to_decimal(instrument.contract_size), instrument.base, instrument.quote,
    )  # fmt: skip


@dataclass(frozen=True)
class RunFolder:
    """What a run left behind. Journal streams are read when first asked for; see `simcore.records` for fields."""

    path: Path
    note: dict[str, Any]
    counts: dict[str, Any]
    config_text: str
    money: Money

    def requests_of(self, order_ids: IntArray) -> Record:
        """Requests for these orders, in order of sending."""
        return select_rows(self.path, "requests", lambda rows: np.isin(rows["order_id"], order_ids))

    def reports_of(self, kinds: Sequence[int]) -> Record:
        """Reports of these kinds, in order of arrival."""
        return select_rows(self.path, "reports", lambda rows: np.isin(rows["kind"], kinds))

    @property
    def error(self) -> dict[str, Any] | None:
        """What stopped a run that failed: code, title, cause, and ts in ns; None for one that came to its end."""
        found: dict[str, Any] | None = self.note.get("error")
        return found

    @property
    def start_ts(self) -> int:
        """Start, ns."""
        return int(self.note["start_ts"])

    @property
    def end_ts(self) -> int:
        """End, ns: that of the tape or of run.to, or when the run failed."""
        return int(self.note["end_ts"] if self.error is None else self.error["ts"])

    @cached_property
    def fills(self) -> Record:
        """Fills in exchange order."""
        return read_stream(self.path, "fills")

    @cached_property
    def markouts(self) -> Record:
        """Exchange mids after fills."""
        return read_stream(self.path, "markouts")

    @cached_property
    def samples(self) -> Record:
        """The Node's ledger in time order."""
        return read_stream(self.path, "samples")

    @cached_property
    def features(self) -> Record:
        """What the Node has measured, in time order; none if node.features is off."""
        return read_stream(self.path, "features")

    @cached_property
    def signs(self) -> IntArray:
        """+1 for each buy, -1 for each sell."""
        return np.where(self.fills["side"] == BID, 1, -1).astype(np.int64)

    @cached_property
    def notionals(self) -> Column:
        """Cash units of each fill."""
        return self.money.notional(self.fills["price_ticks"], self.fills["qty_lots"])

    @cached_property
    def last_mid(self) -> int | None:
        """Bid + ask that the final position is valued at: the last sample's; without samples the last fill's."""
        for rows in (self.samples, self.fills):
            both = np.flatnonzero((rows["bid_ticks"] != NO_PRICE) & (rows["ask_ticks"] != NO_PRICE))
            if len(both):
                return int(rows["bid_ticks"][both[-1]]) + int(rows["ask_ticks"][both[-1]])
        return None


def open_run(run_dir: Path | str) -> RunFolder:
    """Read the folder of a run that ended, also by an error: then it holds what was done up to there.

    Each file must have the hash that run.json says. JRNL-001: no run, or a file is missing. JRNL-007: a file is damaged.
    REP-001: an unfinished run, or a key is missing.
    """
    path = Path(run_dir)
    note = notes.read(path)
    if note.get("status", "done") not in ("done", "failed"):
        raise ReportError("REP-001", f"{path}: the run is not complete; `mmsim replay --resume --out {path}`")
    counts = notes.read_json(path, notes.COUNTS, note)
    _require(path / "run.json", note, _NOTE_KEYS)
    _require(path / "counts.json", counts, _COUNT_KEYS)
    if note.get("status") == "failed":
        _require(path / "run.json error", note.get("error"), ("code", "title", "cause", "ts"))
    _require(path / "run.json instrument", note["instrument"], _INSTRUMENT_KEYS)
    config_text = read_text(notes.checked(path, notes.CONFIG, note), ReportError, "REP-001")
    check_streams(path)
    return RunFolder(path, note, counts, config_text, _money(path, note))


def check_books(run: RunFolder) -> None:
    """Check that counters, fills and cash agree to the unit; REP-001 names the first that does not."""
    fills = run.fills
    if len(fills) and (int(fills["price_ticks"].min()) <= 0 or int(fills["qty_lots"].min()) <= 0):
        raise ReportError("REP-001", f"{run.path}: a fill has no price or no quantity")
    if not np.isin(fills["side"], (BID, ASK)).all():
        raise ReportError("REP-001", f"{run.path}: a fill has no side")
    signed = sums.multiply(run.signs, run.notionals) if len(fills) else np.zeros(0, np.int64)
    found = {
        "fills": len(fills),
        "volume_lots": sums.total(fills["qty_lots"]),
        "turnover_units": sums.total(run.notionals),
        "fee_units": sums.total(fills["fee_units"]),
        "position_lots": sums.dot(run.signs, fills["qty_lots"]),
        "cash_units": -run.money.direction * sums.total(signed) - int(run.counts["funding_units"]),
    }
    for name, value in found.items():
        if int(run.counts[name]) != value:
            raise ReportError("REP-001", f"{run.path}: counts.json has {name} {run.counts[name]}, the fills give {value}")


def _require(where: Path, found: Any, keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if not isinstance(found, dict) or key not in found]
    if missing:
        raise ReportError("REP-001", f"{where}: {', '.join(missing)} missing")


def _money(path: Path, note: dict[str, Any]) -> Money:
    instrument = note["instrument"]
    try:
        return Money(
            KIND_NAMES.index(instrument["kind"]), int(note["value_scale"]), Decimal(note["cash_unit"]),
            Decimal(instrument["tick_size"]), Decimal(instrument["lot_size"]), Decimal(instrument["contract_size"]),
            str(instrument["base"]), str(instrument["quote"]),
        )  # fmt: skip
    except (ValueError, TypeError, ArithmeticError) as exc:
        raise ReportError("REP-001", f"{path / 'run.json'}: instrument or cash unit: {exc!r}") from exc
