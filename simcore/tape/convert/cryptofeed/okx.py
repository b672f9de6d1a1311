"""OKX version 5: books (400 levels, changes each 100 ms, CRC32 checksum, sequence numbers) and trades.

Levels are [price, size, …]. The checksum is of the best 25 levels of both sides, in turn, in the exchange's own texts;
newer captures carry seqId and prevSeqId. Sizes of swaps and futures are contracts, whose value is in the exchange's list
of instruments only. Source: OKX's documents, "WS / Order book channel", "Checksum".
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from itertools import zip_longest
from typing import Any

from simcore.errors import ConvertError
from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.cryptofeed.feed import Checks, Feed
from simcore.tape.convert.cryptofeed.lines import Line
from simcore.tape.convert.cryptofeed.text_book import TextBook
from simcore.tape.convert.levels import count_unknown, whole
from simcore.units import NS_PER_MS

_BOOKS = ("books", "books-l2-tbt", "books50-l2-tbt")
_TRADES = ("trades", "trades-all")
_UNUSED = ("tickers", "books5", "bbo-tbt", "funding-rate", "mark-price", "open-interest", "index-tickers", "price-limit")
_SIDES = {"buy": BID, "sell": ASK}
_TOP = 25
_DERIVATIVE = re.compile(r"^[A-Z0-9]+-([A-Z0-9]+)-(SWAP|\d{6})$")


class Okx(Feed):
    """Book and trades of an instrument."""

    def __init__(self, venue: str, options: ConvertOptions, counts: Counter[str]) -> None:
        super().__init__(venue, options, counts)
        self._book = TextBook()
        self._checks = Checks(self.rows)
        self._sequence: int | None = None
        self._channels: dict[str, str] = {}  # of books and of trades: the one that is taken

    def take(self, message: Any, line: Line) -> None:
        if "event" in message:
            self.counts["control_messages"] += 1
            return
        channel = message["arg"]["channel"]
        use = "books" if channel in _BOOKS else "trades" if channel in _TRADES else ""
        if not use:
            if channel in _UNUSED or channel.startswith("candle"):
                self.counts[f"ignored_{channel}"] += 1
            else:
                count_unknown(self.counts, channel)
        elif self.is_ours(message["arg"]["instId"]):
            if self._channels.setdefault(use, channel) != channel:
                self.counts[f"ignored_{channel}"] += 1
                return
            for data in message["data"]:
                self.rows.at(whole(data["ts"]) * NS_PER_MS, line.local_ts, line.number)
                if use == "trades":
                    self.rows.trade(_SIDES[data["side"]], data["px"], data["sz"], whole(data["tradeId"]))
                else:
                    self._change(message["action"], data)

    def _change(self, action: str, data: dict[str, Any]) -> None:
        sides = ((BID, data["bids"]), (ASK, data["asks"]))
        if action == "snapshot":
            self._book.clear()
            self._checks.restart()
            bids, asks = ([level[:2] for level in levels] for _, levels in sides)
            self.rows.snapshot(bids, asks)
        elif action == "update":
            if self._sequence is not None and "prevSeqId" in data and data["prevSeqId"] != self._sequence:
                self.rows.gap()
            for side, levels in sides:
                self.rows.levels(side, [level[:2] for level in levels])
        else:
            raise ValueError(f"action {action!r:.40}; expected snapshot or update")
        self._sequence = data.get("seqId")
        for side, levels in sides:
            for level in levels:
                self._book.set(side, level[0], level[1])
        stated = data.get("checksum")
        if stated is None or (stated == 0 and self._sequence is not None):
            self.counts["books_without_checksum"] += 1
        elif not self.rows.has_snapshot:
            self.counts["checksums_without_snapshot"] += 1
        else:
            self._checks.compare(self._checksum(), int(stated) & 0xFFFFFFFF)

    def _checksum(self) -> int:
        pairs = zip_longest(self._book.top(BID, _TOP), self._book.top(ASK, _TOP))
        return zlib.crc32(":".join(text for pair in pairs for level in pair if level for text in level).encode())

    def answer(self, message: Any, line: Line) -> None:
        """Take the list of instruments: tickSz, lotSz, ctVal, ctType."""
        if "/public/instruments" not in line.url:
            count_unknown(self.counts, "rest_answer")
            return
        for one in message["data"]:
            is_spot = one["instType"] in ("SPOT", "MARGIN")
            self.list_instrument(
                one["instId"], kind="spot" if is_spot else one["ctType"], tick_size=one["tickSz"], lot_size=one["lotSz"],
                contract_size="1" if is_spot else one["ctVal"],
            )  # fmt: skip

    def finish(self, symbol: str) -> Source:
        """The kind is in the name; what a contract is worth is not."""
        found = _DERIVATIVE.match(symbol)
        if found is None:
            self.kind = self.kind or "spot"
        else:
            self.kind = self.kind or ("inverse" if found[1] == "USD" else "linear")
            if "contract_size" not in self.hints and self.options.contract_size is None:
                raise ConvertError("CONV-005", f"{symbol}: sizes are contracts, and no list of instruments says their value; give --contract-size")
        return super().finish(symbol)
