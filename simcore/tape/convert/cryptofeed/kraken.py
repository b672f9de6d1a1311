"""Kraken's WebSocket version 1: book-N with its CRC32 checksum, trade.

A book message is [channel, {as, bs}, "book-N", pair] (snapshot) or {a, b, c} (changes, checksum); levels are [price,
volume, time, "r" if published again]. The exchange time is the latest of its levels that are news. A book of depth N
does not hear of levels behind the best N, so these are removed. Source: Kraken's WebSocket documents, "Book" and "How to
maintain a valid order book", "Book checksum".
"""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Any

from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions
from simcore.tape.convert.cryptofeed.feed import Checks, Feed
from simcore.tape.convert.cryptofeed.lines import Line
from simcore.tape.convert.cryptofeed.text_book import TextBook
from simcore.tape.convert.levels import NO_SIDE, count_unknown, decimal_seconds

_CONTROL = ("heartbeat", "systemStatus", "subscriptionStatus", "pong", "ping")
_UNUSED = ("ticker", "spread", "ohlc")
_TOP = 10
_SIDES = {"b": BID, "s": ASK}


class Kraken(Feed):
    """Book and trades of a pair."""

    def __init__(self, venue: str, options: ConvertOptions, counts: Counter[str]) -> None:
        super().__init__(venue, options, counts)
        self.kind = "spot"
        self._book = TextBook()
        self._checks = Checks(self.rows)

    def take(self, message: Any, line: Line) -> None:
        if isinstance(message, dict):
            event = message["event"]
            if event in _CONTROL:
                self.counts["control_messages"] += 1
            else:
                count_unknown(self.counts, event)
            return
        channel, pair = message[-2], message[-1]
        name, _, depth = channel.partition("-")
        if name not in ("book", "trade"):
            if name in _UNUSED:
                self.counts[f"ignored_{name}"] += 1
            else:
                count_unknown(self.counts, name)
        elif self.is_ours(pair):
            if name == "trade":
                self._trades(message[1], line)
            else:
                self._book_message(message[1:-2], int(depth), line)

    def _book_message(self, parts: list[dict[str, Any]], depth: int, line: Line) -> None:
        levels = [(side, part.get(key, [])) for part in parts for side, key in ((BID, "b"), (ASK, "a"), (BID, "bs"), (ASK, "as"))]
        news = [decimal_seconds(level[2]) for _, found in levels for level in found if len(level) == 3]
        old = [decimal_seconds(level[2]) for _, found in levels for level in found if len(level) != 3]
        self.rows.at(max(news or old or [line.local_ts]), line.local_ts, line.number)
        if any("as" in part or "bs" in part for part in parts):
            self._book.clear()
            self._checks.restart()
            bids, asks = ([level[:2] for s, found in levels if s == side for level in found] for side in (BID, ASK))
            self.rows.snapshot(bids, asks)
        else:
            self.counts["levels_published_again"] += len(old)
            for side, found in levels:
                if found:
                    self.rows.levels(side, [level[:2] for level in found])
        for side, found in levels:
            for level in found:
                self._book.set(side, level[0], level[1])
        for side in (BID, ASK):
            gone = self._book.cut(side, depth)
            if gone:
                self.counts["levels_out_of_depth"] += len(gone)
                self.rows.levels(side, [(price, "0") for price in gone])
        for part in parts:
            if "c" in part:
                if self.rows.has_snapshot:
                    self._checks.compare(self._checksum(), int(part["c"]))
                else:
                    self.counts["checksums_without_snapshot"] += 1

    def _checksum(self) -> int:
        texts = [text.replace(".", "").lstrip("0") for side in (ASK, BID) for level in self._book.top(side, _TOP) for text in level]
        return zlib.crc32("".join(texts).encode())

    def _trades(self, trades: list[list[str]], line: Line) -> None:
        """A trade is [price, volume, time, side, order type, …]; it has no id."""
        for price, volume, time, side, *_ in trades:
            self.rows.at(decimal_seconds(time), line.local_ts, line.number)
            self.rows.trade(_SIDES.get(side, NO_SIDE), price, volume)

    def answer(self, message: Any, line: Line) -> None:
        """Take AssetPairs: pair_decimals and lot_decimals, and tick_size where it is given."""
        if "/AssetPairs" not in line.url:
            count_unknown(self.counts, "rest_answer")
            return
        for pair in message["result"].values():
            if "wsname" in pair:
                tick = pair.get("tick_size", f"1e-{int(pair['pair_decimals'])}")
                self.list_instrument(pair["wsname"], kind="spot", tick_size=tick, lot_size=f"1e-{int(pair['lot_decimals'])}")
