"""Bitstamp: diff_order_book_PAIR and live_trades_PAIR, and REST snapshots order_book/PAIR.

All carry microtimestamp, the exchange's time in µs. A snapshot comes by REST, apart from the changes: changes up to its
time are in it already, later ones that arrived before it are shown once more after it. There are no sequence numbers and
no checksums: changes that are lost within a connection cannot be seen.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions
from simcore.tape.convert.cryptofeed.feed import Feed
from simcore.tape.convert.cryptofeed.lines import Line
from simcore.tape.convert.levels import NO_SIDE, count_unknown, whole
from simcore.units import NS_PER_US

_UNUSED = ("live_orders", "order_book", "detail_order_book")
_SIDES = {0: BID, 1: ASK}
_CHANNEL = re.compile(r"^(.+)_([a-z0-9]+)$")
_BOOK_URL = re.compile(r"/order_book/([a-z0-9]+)/?(\?|$)")


class Bitstamp(Feed):
    """Book and trades of a pair; its symbol is in capitals, as in other formats."""

    def __init__(self, venue: str, options: ConvertOptions, counts: Counter[str]) -> None:
        super().__init__(venue, options, counts)
        self.kind = "spot"
        self._snapshot_ts = 0  # ns

    def take(self, message: Any, line: Line) -> None:
        event = message["event"]
        if event.startswith("bts:"):
            self.counts["control_messages"] += 1
            return
        found = _CHANNEL.match(message["channel"])
        channel, pair = (found[1], found[2]) if found else (message["channel"], "")
        if channel in _UNUSED:
            self.counts[f"ignored_{channel}"] += 1
        elif (channel, event) not in (("diff_order_book", "data"), ("live_trades", "trade")):
            count_unknown(self.counts, channel)
        elif self.is_ours(pair.upper()):
            data = message["data"]
            exch_ts = whole(data["microtimestamp"]) * NS_PER_US
            self.rows.at(exch_ts, line.local_ts, line.number)
            if channel == "live_trades":
                price, amount = (data.get(f"{name}_str", data[name]) for name in ("price", "amount"))
                self.rows.trade(_SIDES.get(data["type"], NO_SIDE), price, amount, whole(data["id"]))
            elif exch_ts <= self._snapshot_ts:
                self.counts["levels_before_snapshot"] += len(data["bids"]) + len(data["asks"])
            else:
                self.rows.levels(BID, data["bids"])
                self.rows.levels(ASK, data["asks"])

    def answer(self, message: Any, line: Line) -> None:
        """Take an order book, or the list of pairs: counter_decimals and base_decimals."""
        found = _BOOK_URL.search(line.url)
        if found:
            if self.is_ours(found[1].upper()):
                self._snapshot_ts = whole(message["microtimestamp"]) * NS_PER_US
                self.rows.at(self._snapshot_ts, line.local_ts, line.number)
                self.rows.snapshot(message["bids"], message["asks"], apart=True)
        elif "/trading-pairs-info" in line.url:
            for one in message:
                sizes = {name: f"1e-{int(one[key])}" for name, key in (("tick_size", "counter_decimals"), ("lot_size", "base_decimals"))}
                self.list_instrument(str(one["url_symbol"]).upper(), kind="spot", **sizes)
        else:
            count_unknown(self.counts, "rest_answer")
