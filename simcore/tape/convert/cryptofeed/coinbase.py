"""Coinbase (formerly Pro): level2 and matches.

`snapshot` holds the whole book and names no time, so it is shown together with the product's next message that does.
`l2update` states levels; `match` is a trade, whose side is the resting order's. `last_match` is the last trade before
the subscription. Trade ids of a product have no holes. Books carry no sequence numbers and no checksums: updates that
are lost within a connection cannot be seen.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.cryptofeed.feed import Feed
from simcore.tape.convert.cryptofeed.lines import Line
from simcore.tape.convert.levels import Level, count_unknown, iso_time, number, whole

_CONTROL = ("subscriptions", "heartbeat", "status")
_UNUSED = ("ticker", "ticker_batch", "received", "open", "done", "change", "activate")
_SIDES = {"buy": BID, "sell": ASK}


class Coinbase(Feed):
    """Book and trades of a product."""

    def __init__(self, venue: str, options: ConvertOptions, counts: Counter[str]) -> None:
        super().__init__(venue, options, counts)
        self.kind = "spot"
        self._held: tuple[list[Level], list[Level], Line] | None = None
        self._last_ts = 0  # exchange time of the last message that names one, ns

    def take(self, message: Any, line: Line) -> None:
        kind = message["type"]
        if kind in _CONTROL:
            self.counts["control_messages"] += 1
        elif kind in _UNUSED:
            self.counts[f"ignored_{kind}"] += 1
        elif kind not in ("snapshot", "l2update", "match", "last_match"):
            count_unknown(self.counts, kind)
        elif self.is_ours(message["product_id"]):
            if kind == "snapshot":
                if self._held is not None:
                    self.counts["snapshots_never_dated"] += 1
                bids, asks = ([(number(price), number(size)) for price, size in message[side]] for side in ("bids", "asks"))
                self._held = (bids, asks, line)
            elif kind == "last_match" and not self._last_ts:
                self.counts["trades_before_start"] += 1
                self.rows.note_trade(whole(message["trade_id"]))
            else:
                self._dated(kind, message, line)

    def _dated(self, kind: str, message: dict[str, Any], line: Line) -> None:
        self._last_ts = iso_time(message["time"])
        self.rows.at(self._last_ts, line.local_ts, line.number)
        if self._held is not None and kind != "last_match":
            bids, asks, _ = self._held
            self.rows.snapshot(bids, asks)
            self._held = None
        if kind != "l2update":
            side = BID if _SIDES[message["side"]] == ASK else ASK
            self.rows.trade(side, message["price"], message["size"], whole(message["trade_id"]))
            return
        for side, price, size in message["changes"]:
            self.rows.levels(_SIDES[side], [(price, size)])

    def answer(self, message: Any, line: Line) -> None:
        """Take the list of products: quote_increment and base_increment."""
        if not line.url.endswith("/products"):
            count_unknown(self.counts, "rest_answer")
            return
        for one in message:
            self.list_instrument(one["id"], kind="spot", tick_size=one["quote_increment"], lot_size=one["base_increment"])

    def finish(self, symbol: str) -> Source:
        """A snapshot that nothing followed gets the last time that the exchange named, else its receive time."""
        if self._held is not None:
            bids, asks, line = self._held
            self.rows.at(self._last_ts or line.local_ts, line.local_ts, line.number)
            self.rows.snapshot(bids, asks)
            self.counts["snapshots_never_dated"] += 1
        self.rows.missing_trades()
        return super().finish(symbol)
