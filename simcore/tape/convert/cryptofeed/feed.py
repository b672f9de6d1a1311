"""What the exchanges of a cryptofeed capture have in common: the chosen symbol, its rows, lost connections, checksums."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Any, Self

from simcore.errors import ConvertError
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.cryptofeed.lines import Line
from simcore.tape.convert.levels import LevelRows, exch_rank, stated_sizes
from simcore.tape.convert.text_lines import cut_off

_SHOWN_MAX = 20  # symbols named in a message


class Feed:
    """One exchange's messages of one symbol; a subclass takes messages and knows what the exchange says of itself.

    options.symbol chooses; without it the source must hold one symbol only.  kind: of contract, None if not known.
    hints : tick_size, lot_size, contract_size as the exchange's own list states them.
    """

    def __init__(self, venue: str, options: ConvertOptions, counts: Counter[str]) -> None:
        self.venue = venue
        self.options = options
        self.counts = counts
        self.rows = LevelRows(counts)
        self.kind: str | None = None
        self.hints: dict[str, str] = {}
        self.url = ""  # of the connection that the message in hand came on, if the capture says it
        self.said: list[str] = []  # warnings
        self._symbols: set[str] = set()
        self._chosen = options.symbol
        self._listed: dict[str, dict[str, str]] = {}
        self._urls: dict[str, str] = {}
        self._ours: set[str] = set()  # connections that brought the chosen symbol
        self._line: Line | None = None

    def opened(self, line: Line) -> None:
        """A connection was opened; if it had brought our messages before, some may be lost."""
        self._urls[line.connection] = line.url
        if line.connection in self._ours:
            self.counts["reconnects"] += 1
            self.lost(line)

    def lost(self, line: Line) -> None:
        """What was between two connections is missing."""
        self.rows.lost(line.local_ts, line.number)

    def received(self, line: Line) -> None:
        """Take one message."""
        self._line = line
        self.url = self._urls.get(line.connection, "")
        self.take(line.message(), line)

    def take(self, message: Any, line: Line) -> None:
        """Turn one message into rows."""
        raise NotImplementedError

    def answered(self, line: Line) -> None:
        """Take the answer to a REST request: of use where it is a book or a list of instruments."""
        self.answer(line.message(), line)

    def answer(self, message: Any, line: Line) -> None:
        raise NotImplementedError

    def is_ours(self, symbol: Any) -> bool:
        """Say whether a message's symbol is the chosen one; the first is, until there is another."""
        if not isinstance(symbol, str) or not symbol:
            raise TypeError(f"symbol {symbol!r:.40}")
        self._symbols.add(symbol)
        if self._chosen is None:
            self._chosen = symbol
        if symbol != self._chosen:
            self.counts["other_symbol"] += 1
            return False
        if self._line is not None:
            self._ours.add(self._line.connection)
        return True

    def list_instrument(self, symbol: str, **facts: Any) -> None:
        """Keep what the exchange's own list says of an instrument: sizes as decimal strings, and kind."""
        self._listed[symbol] = {name: str(value) for name, value in facts.items() if value is not None}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Nothing to close, but in feeds that use files."""

    def source(self) -> Source:
        """Return what was found. CONV-002 without market data, CONV-006 if the symbol is not clear."""
        symbols = sorted(self._symbols)
        names = ", ".join(symbols[:_SHOWN_MAX]) + (f" and {len(symbols) - _SHOWN_MAX} more" if len(symbols) > _SHOWN_MAX else "")
        if not symbols:
            raise ConvertError("CONV-002", f"no book, trade or quote of {self.venue}")
        if self.options.symbol is not None and self.options.symbol not in self._symbols:
            raise ConvertError("CONV-006", f"{self.options.symbol} is not in the source; it holds {names}")
        if self.options.symbol is None and len(symbols) > 1:
            raise ConvertError("CONV-006", f"the source holds {names}")
        listed = dict(self._listed.get(self._chosen or "", {}))
        self.kind = listed.pop("kind", None) or self.kind
        self.hints |= stated_sizes(listed, f"the exchange's list of instruments, {self._chosen}")
        if self.kind == "spot":
            self.hints["contract_size"] = "1"
        return self.finish(self._chosen or "")

    def finish(self, symbol: str) -> Source:
        """Make the source of the rows."""
        if not len(self.rows):
            raise ConvertError("CONV-002", f"no book and no trade of {self.venue} {symbol}")
        warnings = cut_off(self.counts) + self.rows.warnings() + self.said
        if self.counts["reconnects"]:
            warnings.append(f"the connection was lost {self.counts['reconnects']} times: what came between is missing")
        if self.counts["checksums_wrong"]:
            warnings.append(f"{self.counts['checksums_wrong']} of {self.counts['checksums']} checksums of the book differ from the exchange's")
        rows = self.rows.source_rows()
        return Source(
            rows=rows, exch_rank=exch_rank(rows), level="l2", venue=self.venue, symbol=symbol, kind=self.kind, hints=self.hints,
            counts={name: count for name, count in self.counts.items() if count}, warnings=warnings,
        )  # fmt: skip


class Checks:
    """Compares checksums of a book; the first wrong one after a right one is a gap."""

    def __init__(self, rows: LevelRows) -> None:
        self.rows = rows
        self._was_right = True

    def restart(self) -> None:
        """A snapshot came: the book is right."""
        self._was_right = True

    def compare(self, ours: int, theirs: int) -> None:
        """Count one comparison. The GAP row stands after the update: from there on the book is known to be wrong."""
        self.rows.counts["checksums"] += 1
        if ours != theirs:
            self.rows.counts["checksums_wrong"] += 1
            if self._was_right:
                self.rows.gap()
        self._was_right = ours == theirs
