"""Hyperliquid: l2Book and trades messages of its WebSocket, one a line.

    <local ns> {"channel": "l2Book", "data": {…}}            a recorder's line; the time may also be in ms or µs
    {"time": "2023-09-16T…", "raw": {"channel": …}}          a line of the exchange's own archive

l2Book is a full snapshot of the best 20 levels a side, twice a second or so: the first one is the book, from each next
one come the changes. trades are single trades with ids; the first message after a subscription holds the last ones from
before it. Source: Hyperliquid's documents, "WebSocket / Subscriptions".
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simcore.errors import ConvertError
from simcore.records import ASK, BID
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.levels import Covered, LevelRows, count_unknown, exch_rank, iso_time, whole
from simcore.tape.convert.text_lines import cut_off, lines
from simcore.units import NS_PER_MS, NS_PER_US

_DEPTH = 20
_SIDES = {"B": BID, "A": ASK}
_CONTROL = ("subscriptionResponse", "pong", "error")
_UNUSED = ("bbo", "activeAssetCtx", "activeSpotAssetCtx", "allMids", "candle", "notification")
_UNITS = {13: NS_PER_MS, 16: NS_PER_US, 19: 1}  # by the number of digits
_COINS_MAX = 20  # named in a message


class _Line(NamedTuple):
    local_ts: int
    path: Path
    number: int
    message: Any


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read files, merged by receive time, as one L2 source of one coin.

    Raises ConvertError: CONV-001 no file, CONV-002 no market data, CONV-003 bad line, CONV-004 bad value, CONV-006
    several coins, CONV-021 a file out of time order.
    """
    counts: Counter[str] = Counter()
    feed = _Feed(options, counts)
    for line in heapq.merge(*(_of_file(path, counts) for path in paths), key=lambda line: line.local_ts):
        try:
            feed.take(line)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as exc:
            raise ConvertError("CONV-003", f"{line.path}: line {line.number}: not a message as expected: {exc!r:.200}") from exc
        except ConvertError as exc:
            raise ConvertError(exc.code, f"{line.path}: {exc.cause}") from exc
    return feed.source(paths)


class _Feed:
    """Messages of the chosen coin, as rows."""

    def __init__(self, options: ConvertOptions, counts: Counter[str]) -> None:
        self.counts = counts
        self.wanted = options.symbol
        self.rows = LevelRows(counts)
        self._book = Covered(self.rows, _DEPTH)
        self._chosen = options.symbol
        self._coins: set[str] = set()
        self._start_ts = 0  # exchange time of the first book, ns

    def take(self, line: _Line) -> None:
        """Take one message."""
        channel, data = line.message["channel"], line.message.get("data")
        if channel in _CONTROL:
            self.counts["control_messages"] += 1
        elif channel == "l2Book":
            if self._is_ours(data["coin"]):
                exch_ts = whole(data["time"]) * NS_PER_MS
                self.rows.at(exch_ts, line.local_ts, line.number)
                bids, asks = ([(level["px"], level["sz"]) for level in side] for side in data["levels"])
                self._book.show(bids, asks)
                self._start_ts = self._start_ts or exch_ts
        elif channel == "trades":
            for trade in data:
                if self._is_ours(trade["coin"]):
                    self._trade(trade, line)
        elif channel in _UNUSED:
            self.counts[f"ignored_{channel}"] += 1
        else:
            count_unknown(self.counts, channel)

    def _trade(self, trade: dict[str, Any], line: _Line) -> None:
        exch_ts = whole(trade["time"]) * NS_PER_MS
        self.rows.at(exch_ts, line.local_ts, line.number)
        if exch_ts <= self._start_ts:
            self.counts["trades_before_snapshot"] += 1
            self.rows.note_trade(whole(trade["tid"]))
        else:
            self.rows.trade(_SIDES[trade["side"]], trade["px"], trade["sz"], whole(trade["tid"]))

    def _is_ours(self, coin: Any) -> bool:
        if not isinstance(coin, str) or not coin:
            raise TypeError(f"coin {coin!r:.40}")
        self._coins.add(coin)
        self._chosen = self._chosen or coin
        if coin != self._chosen:
            self.counts["other_symbol"] += 1
        return coin == self._chosen

    def source(self, paths: Sequence[Path]) -> Source:
        """Return what was found. CONV-002, CONV-006."""
        names = ", ".join(sorted(self._coins)[:_COINS_MAX])
        if self._coins and self.wanted is not None and self.wanted not in self._coins:
            raise ConvertError("CONV-006", f"{self.wanted} is not in the source; it holds {names}")
        if self.wanted is None and len(self._coins) > 1:
            raise ConvertError("CONV-006", f"the source holds {names}")
        if not len(self.rows) or self._chosen is None:
            raise ConvertError("CONV-002", f"{', '.join(map(str, paths))}: no l2Book and no trade")
        is_spot = "/" in self._chosen or self._chosen.startswith("@")
        rows = self.rows.source_rows()
        return Source(
            rows=rows, exch_rank=exch_rank(rows), level="l2", venue="hyperliquid", symbol=self._chosen, kind="spot" if is_spot else "linear",
            hints={"contract_size": "1"}, counts={name: count for name, count in self.counts.items() if count},
            warnings=cut_off(self.counts) + self.rows.warnings(),
        )  # fmt: skip


def _of_file(path: Path, counts: Counter[str]) -> Iterator[_Line]:
    last = 0
    for number, text in lines(path, counts):
        if not text.strip():
            continue
        try:
            if text.startswith("{"):
                line = json.loads(text)
                local_ts, message = iso_time(line["time"]), line["raw"]
            else:
                stamp, _, body = text.partition(" ")
                local_ts = whole(stamp) * _UNITS[len(stamp)]
                message = json.loads(body)
            if not isinstance(message, dict):
                raise TypeError("not a message")  # noqa: TRY301 - one place for all that a line is not
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as exc:
            raise ConvertError("CONV-003", f"{path}: line {number}: not `<local time> <message>`: {exc!r:.200}") from exc
        if local_ts < last:
            raise ConvertError("CONV-021", f"{path}: line {number}: local time {local_ts} is before {last} of a line before it")
        last = local_ts
        yield _Line(local_ts, path, number, message)
