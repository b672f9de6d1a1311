"""Databento's DBN: mbo as single orders, mbp-10 as levels, trades; definitions and symbol mappings for the instrument.

One schema is taken for all of the source: mbo, else mbp-10, else trades, as the files say in their headers. Exchange time
is ts_event, local time ts_recv, prices are in 1e-9. Records are in the order of the exchange's own sequence, so times
that go back are raised. The messages of mbo mean what they mean in `mbo`; snapshot records (flag 32) stand as of ts_recv.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from simcore.errors import ConvertError
from simcore.records import ASK, BID, GAP, NO_SIDE_BIT, TIME_END
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.dbn_file import DbnFile, package
from simcore.tape.convert.levels import NO_SIDE, Covered, LevelRows, exch_rank, stated_sizes, unknown_kinds
from simcore.tape.convert.mbo import PRICE_SCALE, SNAPSHOT_FLAG, UNDEFINED_PRICE, OrderMessages
from simcore.tape.convert.orders import OrderRows
from simcore.units import NS_PER_S

_SCHEMAS = ("mbo", "mbp-10", "trades")  # the first that is there is taken
_BAD_BOOK_FLAG = 4  # the feed handler lost something
_DEPTH = 10
_SIZE_END = 2**32 - 1  # no size
_INT_END = 2**63
_TIME_START = 946_684_800 * NS_PER_S
_SIDES = {"B": BID, "A": ASK, "N": NO_SIDE}
_NAMES_MAX = 20  # instruments named in a message
_KINDS = {"F": "linear", "K": "spot", "X": "spot"}  # futures, stocks, currencies
_VENUES = {"GLBX.MDP3": "cme", "XNAS.ITCH": "nasdaq"}


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read files of one instrument, definitions first, then in order of their start, as one source of level l3 (mbo) or l2.

    Raises ConvertError: CONV-001 no file, CONV-002 no record of use, CONV-003 not readable, CONV-004 bad value, CONV-006
    several instruments, CONV-010 several datasets, CONV-011 files overlap, CONV-019 databento-dbn is not installed.
    """
    counts: Counter[str] = Counter()
    files = sorted((DbnFile(path, counts) for path in paths), key=lambda file: (file.schema != "definition", file.start))
    reader = _Reader(files, options, counts)
    for file in files:
        reader.begin()
        for record in file.records():
            try:
                reader.take(record)
            except ConvertError as exc:
                raise ConvertError(exc.code, f"{file.path}: {exc.cause}") from exc
            except (ValueError, KeyError) as exc:
                raise ConvertError("CONV-003", f"{file.path}: record {reader.line}: {exc!r:.200}") from exc
    return reader.source()


class _Reader:
    """Takes records of one instrument at one publisher."""

    def __init__(self, files: list[DbnFile], options: ConvertOptions, counts: Counter[str]) -> None:
        self.counts = counts
        self.options = options
        self.publisher = options.extra.get("publisher")
        stated = {file.schema for file in files}
        self.schema = next((one for one in _SCHEMAS if one in stated), "")
        self.dataset = files[0].dataset
        if any(file.dataset != self.dataset for file in files):
            raise ConvertError("CONV-010", "files of several datasets: " + ", ".join(sorted({file.dataset for file in files})))
        self._dbn = package()
        self._names: dict[int, str] = {}  # instrument id -> symbol, as far as the source tells
        for file in files:
            self._map(file)
        self._definitions: dict[int, Any] = {}
        self._seen: dict[tuple[int, int], None] = {}  # (publisher, instrument id) with records of use
        self._chosen: tuple[int, int] | None = None
        self._orders = OrderMessages(OrderRows(PRICE_SCALE, 1, counts))
        self._rows = LevelRows(counts)
        self._book = Covered(self._rows, _DEPTH)
        self.line = 0  # number of the record in hand, over all files
        self._times = (0, 0)  # of the last record, exchange time as raised
        self._is_bad = False
        self._is_first = True  # record of its file
        self._takers = {"mbo": self._take_order, "mbp-10": self._take_levels, "trades": self._take_trade}

    def begin(self) -> None:
        """A file begins."""
        self._is_first = True

    def _map(self, file: DbnFile) -> None:
        """Keep names from the header: symbols to ids, or ids to symbols."""
        for name, intervals in file.metadata.mappings.items():
            for interval in intervals:
                other = str(interval["symbol"])
                if other.isdecimal() and not name.isdecimal():
                    self._names[int(other)] = name
                elif name.isdecimal() and other:
                    self._names[int(name)] = other

    def take(self, record: Any) -> None:
        """Take one record."""
        dbn, kind = self._dbn, type(record)
        self.line += 1
        schema = {dbn.MBOMsg: "mbo", dbn.MBP10Msg: "mbp-10", dbn.TradeMsg: "trades"}.get(kind)
        if schema is None:
            self._take_other(record, kind.__name__)
            return
        if not self.schema:
            self.schema = schema
        if schema != self.schema:
            self.counts[f"ignored_{schema}"] += 1
        elif self._is_ours(record):
            self._takers[schema](record, *self._stamp(record))

    def _take_other(self, record: Any, name: str) -> None:
        if name.startswith("InstrumentDefMsg"):
            self._names.setdefault(int(record.instrument_id), str(record.raw_symbol))
            first = self._definitions.setdefault(int(record.instrument_id), record)
            if first.min_price_increment != record.min_price_increment:
                self.counts["definitions_of_another_tick"] += 1
        else:
            self._names[int(record.instrument_id)] = str(record.stype_out_symbol)

    def _is_ours(self, record: Any) -> bool:
        key = (int(record.publisher_id), int(record.instrument_id))
        if key == self._chosen:
            return True
        self._seen[key] = None
        wanted = self.options.symbol
        is_wanted = wanted in (None, self._names.get(key[1]), str(key[1])) and self.publisher in (None, str(key[0]))
        if self._chosen is None and is_wanted:
            self._chosen = key
            return True
        self.counts["other_symbol"] += 1
        return False

    def _stamp(self, record: Any) -> tuple[int, int]:
        """Return exchange and local time, ns; a snapshot stands as of its receipt. CONV-004, CONV-011."""
        exch, local = int(record.ts_event), int(record.ts_recv)
        if int(record.flags) & SNAPSHOT_FLAG:
            self.counts["snapshot_rows_retimed"] += exch != local
            exch = local
        for name, ts in (("ts_event", exch), ("ts_recv", local)):
            if not _TIME_START <= ts < TIME_END:
                raise ConvertError("CONV-004", f"record {self.line}: {name} {ts} ns is not of our age")
        if self._is_first and local < self._times[1]:
            raise ConvertError("CONV-011", f"it begins at {local} ns, before the end {self._times[1]} ns of the file before it")
        self._is_first = False
        if exch < self._times[0]:
            self.counts["exchange_times_raised"] += 1
            exch = self._times[0]
        self._times = (exch, max(local, self._times[1]))
        if int(record.size) == _SIZE_END and str(record.action) in "AMTF":
            raise ConvertError("CONV-004", f"record {self.line}: no size")
        return exch, local

    def _was_lost(self, record: Any) -> bool:
        """Say whether the feed lost something just before this record."""
        was, self._is_bad = self._is_bad, bool(int(record.flags) & _BAD_BOOK_FLAG)
        if self._is_bad and not was:
            self.counts["gaps_flagged"] += 1
        return self._is_bad and not was

    def _take_order(self, record: Any, exch: int, local: int) -> None:
        if self._was_lost(record):
            self._orders.book.rows.append((exch, local, GAP | NO_SIDE_BIT, 0.0, 0.0, 0, self.line))
        order_id = int(record.order_id)
        if order_id >= _INT_END:
            raise ConvertError("CONV-004", f"record {self.line}: order_id {order_id} is above 2^63 - 1")
        self._orders.apply(self.line, exch, local, str(record.action), str(record.side), int(record.price), int(record.size), order_id)

    def _take_levels(self, record: Any, exch: int, local: int) -> None:
        """A trade comes before the book that it changes; the levels are those after the record."""
        self._rows.at(exch, local, self.line)
        if self._was_lost(record):
            self._rows.gap()
        if str(record.action) == "T":
            self._print(record)
        pairs = record.levels
        bids = [(pair.bid_px / PRICE_SCALE, pair.bid_sz) for pair in pairs if pair.bid_px != UNDEFINED_PRICE]
        asks = [(pair.ask_px / PRICE_SCALE, pair.ask_sz) for pair in pairs if pair.ask_px != UNDEFINED_PRICE]
        self._book.show(bids, asks)

    def _take_trade(self, record: Any, exch: int, local: int) -> None:
        self._rows.at(exch, local, self.line)
        self._print(record)

    def _print(self, record: Any) -> None:
        price = int(record.price)
        if price == UNDEFINED_PRICE:
            self.counts["rows_without_price"] += 1
            return
        self._rows.trade(_SIDES[str(record.side)], price / PRICE_SCALE, int(record.size))

    def source(self) -> Source:
        """Return what was found. CONV-002, CONV-006."""
        names = ", ".join(self._described(key) for key in sorted(self._seen)[:_NAMES_MAX])
        wanted = [k for k in self._seen if self.options.symbol in (None, self._names.get(k[1]), str(k[1])) and self.publisher in (None, str(k[0]))]
        if self._seen and not wanted:
            raise ConvertError("CONV-006", f"{self.options.symbol} is not in the source; it holds {names}")
        if len(wanted) > 1:
            raise ConvertError("CONV-006", f"the source holds {names}: choose an id with --symbol, a publisher with --option publisher=N")
        if self._chosen is None:
            raise ConvertError("CONV-002", "no record of mbo, mbp-10 or trades" + self._ignored())
        is_orders = self.schema == "mbo"
        if is_orders:
            self._orders.finish()
        rows = self._orders.book.source_rows() if is_orders else self._rows.source_rows()
        if not len(rows.ev):
            raise ConvertError("CONV-002", f"{self._described(self._chosen)}: no row of use")
        kind, hints, said = self._instrument(self._definitions.get(self._chosen[1]))
        return Source(
            rows=rows, exch_rank=None if is_orders else exch_rank(rows), level="l3" if is_orders else "l2", venue=_VENUES.get(self.dataset, self.dataset.lower()),
            symbol=self._names.get(self._chosen[1]) or self.options.symbol or "", kind=kind, hints=hints,
            counts={name: count for name, count in self.counts.items() if count}, warnings=self._warnings() + said,
        )  # fmt: skip

    def _described(self, key: tuple[int, int]) -> str:
        return f"{self._names.get(key[1], '?')} (id {key[1]}, publisher {key[0]})"

    def _ignored(self) -> str:
        found = sorted(name.removeprefix("ignored_") for name, count in self.counts.items() if name.startswith("ignored_") and count)
        return f"; it holds {', '.join(found)}" if found else ""

    def _instrument(self, record: Any) -> tuple[str | None, dict[str, str], list[str]]:
        """Return kind, sizes and a warning from the instrument's definition. Sizes of orders are whole numbers: lot 1."""
        hints = {"lot_size": "1"}
        if record is None:
            return None, hints, []
        said = []
        if record.min_price_increment not in (0, UNDEFINED_PRICE):
            hints["tick_size"] = _decimal(record.min_price_increment)
        kind = _KINDS.get(str(record.instrument_class))
        if kind == "spot":
            hints["contract_size"] = "1"
        elif record.contract_multiplier is not None and 0 < record.contract_multiplier < 2**31 - 1:
            hints["contract_size"] = str(record.contract_multiplier)
        elif record.unit_of_measure_qty not in (0, UNDEFINED_PRICE):
            hints["contract_size"] = _decimal(record.unit_of_measure_qty)
            said.append(
                f"the contract is {hints['contract_size']} {record.unit_of_measure} by its definition: right if prices are {record.currency} of one; else give --contract-size"
            )
        if str(record.currency):
            hints["quote"] = str(record.currency)
        if str(record.asset):
            hints["base"] = str(record.asset)
        return kind, stated_sizes(hints, "the definition"), said

    def _warnings(self) -> list[str]:
        counts, found = self.counts, unknown_kinds(self.counts) if self.schema == "mbo" else self._rows.warnings()
        for name, text in (
            ("fills_never_confirmed", "fills had no cancel or modify after them; they were kept as executions"),
            ("gaps_flagged", "times the feed flags that it lost something: the book may be wrong from there on"),
            ("definitions_of_another_tick", "definitions state another tick than the first one, which was taken"),
        ):
            if counts[name]:
                found.append(f"{counts[name]} {text}")
        ignored = [name for name in _SCHEMAS if counts[f"ignored_{name}"]]
        if ignored:
            found.append(f"{self.schema} was taken; records of {', '.join(ignored)} were left out")
        if counts["truncated_stream"] or counts["truncated_last_record"]:
            found.append("the capture was cut off; what came before is complete")
        if self.schema == "mbo" and counts["trades_without_quantity"]:
            found.append(f"{counts['trades_without_quantity']} trades have no quantity and were left out")
        return found


def _decimal(value: int) -> str:
    """Return a fixed-point number of 1e-9 as a decimal string."""
    return format((Decimal(value) / PRICE_SCALE).normalize(), "f")
