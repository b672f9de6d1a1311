"""Bybit: orderBookL2_25 and trade of version 2, orderbook.N and publicTrade of version 5.

Version 2: a snapshot is a list of levels, a delta has delete, update and insert; what it says must fit the book that is
known, which is the check that updates are complete: cross_seq only rises. Sizes of linear contracts are 32 bit floats of
the exchange (642.60004): they are rounded to the nearest step that all sizes are multiples of within such a float.
Version 5: snapshot and delta with update id `u` that rises by one.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np

from simcore.errors import ConvertError
from simcore.records import ASK, BID, GAP, KIND_MASK
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.cryptofeed.feed import Feed
from simcore.tape.convert.cryptofeed.lines import Line
from simcore.tape.convert.levels import Level, count_unknown, number, whole
from simcore.units import NS_PER_MS, NS_PER_US, to_decimal

_SIDES = {"Buy": BID, "Sell": ASK}
_UNUSED = ("instrument_info", "tickers", "klineV2", "candle", "kline", "liquidation", "insurance")
_KINDS = (
    (re.compile(r"/(realtime_public|v5/public/linear)$"), "linear"),
    (re.compile(r"/(realtime|v5/public/inverse)$"), "inverse"),
    (re.compile(r"/v5/public/spot$"), "spot"),
)
_FLOAT32 = 2.0**-21  # relative: a few roundings of a 32 bit float
_DIGITS_MAX = 8


class Bybit(Feed):
    """Book and trades of a symbol."""

    def __init__(self, venue: str, options: ConvertOptions, counts: Counter[str]) -> None:
        super().__init__(venue, options, counts)
        self._known: tuple[set[float], set[float]] = (set(), set())
        self._last: int | None = None  # cross_seq or u of the last update
        self._has_floats = False
        self._topic = ""

    def take(self, message: Any, line: Line) -> None:
        topic = message.get("topic")
        if topic is None:
            self.counts["control_messages"] += 1
            return
        name, _, rest = topic.partition(".")
        symbol = rest.rpartition(".")[2]
        if name in _UNUSED:
            self.counts[f"ignored_{name}"] += 1
        elif name not in ("orderBookL2_25", "orderBook_200", "orderbook", "trade", "publicTrade"):
            count_unknown(self.counts, name)
        elif self.is_ours(symbol):
            self._note_kind(symbol)
            if name in ("trade", "publicTrade"):
                for one in message["data"]:
                    self._trade(one, line)
            elif self._topic and topic != self._topic:
                self.counts[f"ignored_{name}"] += 1
            else:
                self._topic = topic
                (self._book if name == "orderbook" else self._old_book)(message, line)

    def _note_kind(self, symbol: str) -> None:
        """Take the kind of contract from the connection; one symbol of two kinds is two instruments."""
        for pattern, kind in _KINDS:
            if pattern.search(self.url):
                if self.kind not in (None, kind):
                    raise ConvertError("CONV-010", f"{symbol} is {self.kind} on one connection and {kind} on another")
                self.kind = kind

    def _trade(self, one: dict[str, Any], line: Line) -> None:
        if "T" in one:
            time, side, price, size, trade_id = one["T"], one["S"], one["p"], one["v"], one["i"]
        else:
            time, side, price, size, trade_id = one["trade_time_ms"], one["side"], one["price"], one["size"], one["trade_id"]
        self.rows.at(whole(time) * NS_PER_MS, line.local_ts, line.number)
        self.rows.trade(_SIDES[side], price, size, str(trade_id))

    def _old_book(self, message: dict[str, Any], line: Line) -> None:
        data, sequence = message["data"], whole(message["cross_seq"])
        self.rows.at(whole(message["timestamp_e6"]) * NS_PER_US, line.local_ts, line.number)
        if message["type"] == "snapshot":
            found = data["order_book"] if isinstance(data, dict) else data
            bids, asks = (self._levels(found, side, "size") for side in _SIDES)
            for known, levels in zip(self._known, (bids, asks), strict=True):
                known.clear()
                known.update(number(price) for price, _ in levels)
            self.rows.snapshot(bids, asks)
        elif self._last is not None and sequence <= self._last:
            self.counts["updates_not_newer"] += 1
            return
        else:
            self._delta(data)
        self._last = sequence

    def _delta(self, data: dict[str, Any]) -> None:
        """Apply delete, update, insert; a level that is not there, or there already, tells that an update is missing."""
        is_odd = False
        changes: list[tuple[int, list[Level]]] = []
        for text, side in _SIDES.items():
            known = self._known[side]
            for action in ("delete", "update", "insert"):
                levels = self._levels(data[action], text, "" if action == "delete" else "size")
                prices = {number(price) for price, _ in levels}
                is_odd = is_odd or bool(prices & known if action == "insert" else prices - known)
                if action == "delete":
                    known -= prices
                else:
                    known |= prices
                changes.append((side, levels))
        if is_odd and self.rows.has_snapshot and self.rows.is_whole:
            self.rows.gap()
        self.counts["updates_that_do_not_fit"] += is_odd
        for side, levels in changes:
            if levels:
                self.rows.levels(side, levels)

    def _levels(self, found: list[dict[str, Any]], side: str, size: str) -> list[Level]:
        levels: list[Level] = []
        for one in found:
            if one["side"] not in _SIDES:
                raise ValueError(f"side {one['side']!r:.40}; expected Buy or Sell")
            if one["side"] == side:
                value = one[size] if size else 0
                self._has_floats = self._has_floats or isinstance(value, float)
                levels.append((one["price"], value))
        return levels

    def _book(self, message: dict[str, Any], line: Line) -> None:
        data, update = message["data"], whole(message["data"]["u"])
        self.rows.at(whole(message.get("cts", message["ts"])) * NS_PER_MS, line.local_ts, line.number)
        if message["type"] == "snapshot":
            self.rows.snapshot(data["b"], data["a"])
        elif self._last is not None and update <= self._last:
            self.counts["updates_not_newer"] += 1
            return
        else:
            if self._last is not None and update != self._last + 1:
                self.rows.gap(update - self._last - 1)
            self.rows.levels(BID, data["b"])
            self.rows.levels(ASK, data["a"])
        self._last = update

    def answer(self, message: Any, line: Line) -> None:
        """Take the list of symbols of version 2 or 5."""
        if "/symbols" not in line.url and "instruments-info" not in line.url:
            count_unknown(self.counts, "rest_answer")
            return
        result = message["result"]
        for one in result["list"] if isinstance(result, dict) else result:
            lot = one["lot_size_filter"]["qty_step"] if "lot_size_filter" in one else one["lotSizeFilter"].get("qtyStep", one["lotSizeFilter"].get("basePrecision"))
            tick = one["price_filter"]["tick_size"] if "price_filter" in one else one["priceFilter"]["tickSize"]
            self.list_instrument(one.get("name", one.get("symbol")), tick_size=tick, lot_size=lot)

    def finish(self, symbol: str) -> Source:
        """Sizes are USD of inverse, coins of linear contracts; what were 32 bit floats is rounded."""
        if self.kind is not None:
            self.hints.setdefault("contract_size", "1")
        source = super().finish(symbol)
        if self._has_floats:
            book = (source.rows.ev & KIND_MASK) != GAP
            qty = source.rows.qty.copy()
            step = self.options.lot_size or self.hints.get("lot_size")
            qty[book] = settled(qty[book], step)
            changed = int((qty != source.rows.qty).sum())
            if changed:
                self.counts["sizes_rounded"] += changed
                source.counts["sizes_rounded"] = changed
                source.warnings.append(f"{changed} sizes were 32 bit floats of the exchange and were rounded to the step that all sizes share")
            source.rows = source.rows._replace(qty=qty)
        return source


def settled(qty: Any, lot_size: str | None) -> Any:
    """Return sizes rounded to lot_size, else to the coarsest power of ten that all are multiples of as 32 bit floats.

    Sizes that are no multiples stay as they are: who resolves the instrument then says so.
    """
    try:
        scales = [10.0**digits for digits in range(_DIGITS_MAX + 1)] if lot_size is None else [float(1 / to_decimal(lot_size))]
    except (ValueError, ArithmeticError):
        return qty
    with np.errstate(all="ignore"):
        for scale in scales:
            units = qty * scale
            near = np.rint(units)
            made = near / scale
            if np.isfinite(made).all() and (np.abs(units - near) <= units * _FLOAT32).all():
                return made
    return qty
